"""Audiences of a published night: the index and the profile say the same; what is hidden; what is saved."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pyarrow.compute as pc
import pytest
from click.testing import CliRunner

from quanke.bank.home import Home
from quanke.cli.audience import audience
from quanke.kernel.errors import AudienceError, NightError
from quanke.night import Bank
from quanke.night.audience import Overlap, compile_audience, count_audience, select_audience
from quanke.night.index import open_index
from quanke.night.saved import save_audience, saved_audiences
from quanke.segments.index.conditions import In
from tests.homes import LAST, MAY

TEXTS = (
    'tier == "core"',
    'tier in ("core", "online") and not holds("fund")',
    "aum > aum_90d * 2",
    "50_000 <= aum < 200_000 or aum is null",
    "aum_90d / 2 > 1万元 and tier is not null",
    "true",
)


@pytest.fixture(scope="module")
def home(bank: Bank, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A copy that may be written to."""
    path = tmp_path_factory.mktemp("audiences") / "home"
    shutil.copytree(bank.home.path, path)
    return Home.open(path)


def run(home: Home, *words: str) -> str:
    done = CliRunner().invoke(audience, [*words, "--home", str(home.path)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize("text", TEXTS)
def test_index_and_profile_agree(bank: Bank, text: str) -> None:
    night = bank.night(LAST)
    expression = compile_audience(text, bank.catalogue, night, bank.home)
    rows = select_audience(expression, night)["customer"].to_pylist()
    assert bank.members(text).numbers().tolist() == rows
    assert bank.count(text) == count_audience(expression, night) == len(rows)


@pytest.mark.parametrize(
    "text", ["aum >= 5万", "not (1_000 <= aum_90d < 5_000)", 'tier in ("core", "online")']
)
def test_comparisons_with_constants_are_sets_of_codes(bank: Bank, text: str) -> None:
    night = bank.night(LAST)
    node = compile_audience(text, bank.catalogue, night, bank.home).node
    assert isinstance(open_index(night, []).formula(node), In)


def test_a_night_published_without_an_index_still_answers(home: Home) -> None:
    bank = Bank(home)
    counts = [bank.count(text) for text in TEXTS]
    cells = bank.break_down("true", "tier").cells
    night = bank.night(LAST)
    aside = home.path / "aside"
    (night.path / "index").rename(aside)
    try:
        assert [bank.count(text) for text in TEXTS] == counts
        assert bank.break_down("true", "tier").cells == cells
    finally:
        aside.rename(night.path / "index")


def test_what_did_not_change_is_linked_from_the_night_before(bank: Bank) -> None:
    before, now = (bank.night(day).path / "index" for day in (MAY, LAST))
    entries = {p: json.loads((p / "index.json").read_text())["columns"] for p in (before, now)}
    same = [n for n, e in entries[now].items() if entries[before].get(n, {}).get("digest") == e["digest"]]
    assert same and len(same) < len(entries[now])
    for name in same:
        assert os.path.samefile(before / f"{name}.planes", now / f"{name}.planes")


def test_a_breakdown_is_the_profile_counted(bank: Bank) -> None:
    profile = bank.night(LAST).profile
    counted = {c["values"]: c["counts"] for c in pc.value_counts(profile["tier"]).to_pylist()}
    found = bank.break_down("true", "tier")
    assert dict(found.cells) == counted and found.size == profile.num_rows
    hidden = bank.break_down("true", "tier", hide_below=max(counted.values()))
    assert [n for _, n in hidden.cells].count(None) >= 2
    with pytest.raises(AudienceError, match="no tag or field"):
        bank.break_down("true", "customer")
    with pytest.raises(NightError, match="break down by a tag"):
        bank.break_down("true", "aum")


def test_an_overlap(bank: Bank) -> None:
    core, fund = bank.members('tier == "core"'), bank.members('holds("fund")')
    found = bank.overlap('tier == "core"', 'holds("fund")')
    customers = bank.night(LAST).customers
    assert found == Overlap(len(core), len(fund), len(core & fund), customers)
    assert found.jaccard == len(core & fund) / len(core | fund)
    assert found.lift == pytest.approx(len(core & fund) / len(core) / (len(fund) / customers))
    hidden = bank.overlap('tier == "core"', 'holds("fund")', hide_below=len(core & fund) + 1)
    assert hidden.both is None and hidden.lift is None and hidden.jaccard is None


@pytest.mark.parametrize("ask", ["break_down", "count", "overlap"])
def test_walls_stand(bank: Bank, ask: str) -> None:
    walled = next(t.name for t in bank.catalogue.tags if "service" not in bank.catalogue.purposes(t.name))
    asks = {
        "break_down": lambda: bank.break_down("true", walled),
        "count": lambda: bank.count(f"{walled} is null"),
        "overlap": lambda: bank.overlap("true", f"{walled} is null"),
    }
    with pytest.raises(AudienceError, match="may be used for"):
        asks[ask]()


def test_saved_audiences_stand_in_others(home: Home) -> None:
    bank = Bank(home)
    save_audience(home, "core", 'tier == "core"')
    save_audience(home, "core_fund", '@core and holds("fund")')
    assert [s.name for s in saved_audiences(home)] == ["core", "core_fund"]
    assert bank.members("@core_fund") == bank.members('tier == "core"') & bank.members('holds("fund")')
    unknown = bank.members("tier is null")
    assert bank.members("not @core") == ~bank.members("@core") - unknown
    assert bank.count('tier == "core" and "@core" == "@core"') == bank.count("@core")
    with pytest.raises(AudienceError, match="no audience of this name"):
        bank.count("true and @nobody")
    save_audience(home, "core", "@core_fund")
    with pytest.raises(AudienceError, match="inside itself"):
        bank.count("@core")
    with pytest.raises(AudienceError, match="named like a tag"):
        save_audience(home, "../x", "true")


def test_the_command(home: Home) -> None:
    bank = Bank(home)
    text = 'tier == "online"'
    assert run(home, text).strip() == f"{bank.count(text):,}"
    assert json.loads(run(home, text, "--count", "--json")) == {"count": bank.count(text)}
    assert run(home, "false", "--hide-below").strip() == "< 10"
    drawn = json.loads(run(home, text, "--sample", "5", "--seed", "3", "--json"))["customers"]
    assert drawn == bank.sample(text, 5, seed=3) and len(drawn) == 5
    cells = json.loads(run(home, text, "--by", "stage", "--hide-below", "20", "--json"))["cells"]
    assert all(cell["count"] is None or cell["count"] >= 20 for cell in cells)
    told = json.loads(run(home, text, "--also", "true", "--also", "false", "--json"))
    assert [one["count"] for one in told["also"]] == [bank.count(text), 0]
    assert json.loads(run(home, text, "--with", text, "--json"))["jaccard"] == 1
    run(home, text, "--save", "online")
    assert run(home, "@online") == run(home, text) and "@online" in run(home, "--saved")
    assert "hidden" in run(home, text, "--by", "tier", "--hide-below", "100000")
    target = home.path / "out.csv"
    run(home, "@online", "--export", str(target))
    journal = (home.path / "journal" / "exports.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(journal[-1])["audience"] == f"({text})"


def test_one_thing_is_asked_at_a_time(home: Home, tmp_path: Path) -> None:
    for words in (["true", "--count", "--by", "tier"], [], ["true", "--sample", "3", "--hide-below", "5"]):
        done = CliRunner().invoke(audience, [*words, "--home", str(home.path)])
        assert done.exit_code == 2, done.output
