"""`quanke plan`: what a person and a program read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from quanke.cli import main
from quanke.night.plan import FOLDER


@pytest.fixture(scope="module")
def plan(after_june: Path) -> Path:
    return after_june / "nights" / "2026-06-30" / FOLDER


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["plan", *words, "--home", str(home)], env={"COLUMNS": "200"})


def asked(home: Path, *words: str) -> Any:
    found = run(home, *words, "--json")
    assert found.exit_code == 0, found.output

    def refuse(word: str) -> Any:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(found.stdout, parse_constant=refuse)


def test_show_tells_every_action(after_june: Path) -> None:
    sheet = asked(after_june, "show")
    text = run(after_june, "show").output
    assert all(each["name"] in text for each in sheet["actions"])
    assert f"{sheet['customers']:,} customers" in text and sheet["morning"] == "2026-07-01"


def test_a_chosen_customer_is_told_why(after_june: Path, plan: Path) -> None:
    row = pq.read_table(plan / "chosen.parquet").to_pylist()[0]
    told = asked(after_june, "explain", str(row["customer"]))
    assert told["actions"][0]["action"] == row["action"] and told["actions"][0]["chosen"]
    assert told["actions"][0]["value_fen"] == row["value"]
    text = run(after_june, "explain", str(row["customer"])).output
    assert row["action"] in text and str(row["due_on"]) in text and "话术" in text
    assert "{" not in text


def test_limits_and_their_prices(after_june: Path) -> None:
    found = asked(after_june, "limits", "--limit", "sms_budget")
    assert [each["name"] for each in found["limits"]] == ["sms_budget"]
    assert {row["limit"] for row in found["rows"]} == {"sms_budget"}
    text = run(after_june, "limits").output
    assert "post_minutes" in text and "are due" in text


def test_what_if_says_what_changes(after_june: Path) -> None:
    held = asked(after_june, "limits", "--limit", "sms_budget")["rows"][0]["capacity"]
    found = asked(after_june, "whatif", "sms_budget", "--capacity", str(held // 2))
    assert found["before"] == held and found["after"] == held // 2
    assert found["value"] < found["value_before"] and found["customers"] > 0
    over = run(after_june, "whatif", "sms_budget", "--at-least", "100000").output
    assert "gave way" in over


def test_a_morning_and_a_history(after_june: Path, plan: Path) -> None:
    first = next(r for r in pq.read_table(plan / "worklist.parquet").to_pylist() if r["begins"] is not None)
    found = asked(after_june, "book", first["post"])
    assert found["rows"][0]["customer"] == first["customer"] and found["rows"][0]["script_zh"]
    assert "09:00" in run(after_june, "book", first["post"]).output
    told = asked(after_june, "history", str(first["customer"]))
    assert first["action"] in {row["action"] for row in told}


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["book", "P999999"], 1, "knows no post"),
        (["whatif", "nothing_such", "--capacity", "3"], 1, "has no limit"),
        (["whatif", "sms_budget", "--capacity", "inf"], 1, "a bound of a limit is a number"),
        (["whatif", "sms_budget"], 2, "--capacity or --at-least"),
        (["limits", "--limit", "nothing_such"], 2, "has no limit"),
        (["explain", "99999999"], 1, "no customer of that number"),
        (["show", "--on", "2026-01-01"], 1, "there is no night of 2026-01-01"),
    ],
)
def test_what_cannot_be_answered_is_said(after_june: Path, words: list[str], status: int, said: str) -> None:
    found = run(after_june, *words)
    assert found.exit_code == status
    assert said in found.output


def test_brackets_of_a_bank_are_shown_as_they_are(after_may: Path, tmp_path: Path) -> None:
    """What a bank writes into titles and reasons is text, and no mark-up of the terminal."""
    import shutil

    from quanke.bank.home import Home
    from quanke.night import night
    from tests.homes import BUCKET, LAST

    shutil.copytree(after_may, tmp_path / "home")
    text = """
    actions:
      care_call:
        zh: 关怀[/bold]
        en: Care [/客户]
        offer: service
        means: call
        by: owner
        purpose: service
        minutes: 6
        eligible: contact_due_on is not null
        chance: 100%
        gain: 100元
        because_zh: 应接触[/red] {contact_due_on}
        because_en: Due [link=x]
    limits:
      one_each:
        zh: 各一次[b]
        en: One each
        of: contacts
        actions: care_call
        per: owner_post
        capacity: 1
    """
    (tmp_path / "home" / "plan.yaml").write_text(text, encoding="utf-8")
    home = tmp_path / "home"
    made = night(Home.open(home), LAST, bucket=BUCKET).night
    rows = pq.read_table(made.path / FOLDER / "worklist.parquet").to_pylist()
    row = next(r for r in rows if r["action"] == "care_call")
    for words in (["show"], ["limits"], ["explain", str(row["customer"])], ["book", row["post"]]):
        found = run(home, *words)
        assert found.exit_code == 0, found.output
        asked(home, *words)
    assert "关怀[/bold]" in run(home, "book", row["post"]).output
    from quanke.cli.report import night_report
    from quanke.night import open_home

    night_report(open_home(home), made)
