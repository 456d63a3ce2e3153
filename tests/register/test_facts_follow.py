"""Facts follow their customer: balances, channel events and consents of a record count for whoever it is."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import pyarrow.compute as pc
import pytest
from click.testing import CliRunner

from quanke.bank.home import Home
from quanke.cli import main
from quanke.customers.register import register_of
from quanke.night import Bank
from quanke.night import night as run_night
from tests.bank.small_bank import load_into, put
from tests.register.conftest import ACCOUNTS, DAY, decide, who

NEXT = DAY + dt.timedelta(days=1)
LATER = DAY + dt.timedelta(days=2)


@pytest.fixture(scope="module")
def after_first(register_bank: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bank with logins and a relation of several records, and the night of DAY."""
    folder = tmp_path_factory.mktemp("events")
    shutil.copytree(register_bank, folder / "home")
    home = Home.open(folder / "home")
    put(
        folder / "e", "channel_events.csv", "event_id,source,party_id,date,channel,kind",
        "E1,core,C1,2024-01-05,web,login", "E2,mobile,M1,2024-01-06,mobile,login",
        "E3,mobile,M1,2024-01-07,mobile,login", "E4,cards,K2,2024-01-08,web,login",
    )  # fmt: skip
    put(
        folder / "e", "relations.csv",
        "relation_id,from_source,from_party_id,to_source,to_party_id,kind,from_date",
        "R1,mobile,M1,core,C4,family,2020-01-01",
    )  # fmt: skip
    assert load_into(home, folder / "e").errors == []
    run_night(home, DAY)
    return home.path


@pytest.fixture
def events(after_first: Path, tmp_path: Path) -> Home:
    """A copy of it."""
    shutil.copytree(after_first, tmp_path / "home")
    return Home.open(tmp_path / "home")


def values(home: Home, day: dt.date, name: str, tag: str) -> object:
    """A tag of the customer a record is, in a night."""
    bank = Bank(home)
    return bank.night(day).row(bank.customer(name, day))[tag]


def test_a_merged_customer_has_the_facts_of_all_his_records(events: Home) -> None:
    night = Bank(events).night(DAY)
    assert values(events, DAY, "core:C1", "aum") == 105_000
    assert values(events, DAY, "mobile:M1", "aum") == 105_000, "asked by either record"
    assert values(events, DAY, "core:C1", "logins_90d") == 3
    gone = register_of(events).loaded[1]
    assert gone in night.absorbed
    row = night.row(int(gone))
    assert {name for name, value in row.items() if value is not None} == {"customer"}, "its own row is empty"


def test_nobody_is_counted_twice_and_an_absorbed_number_not_at_all(events: Home) -> None:
    night = Bank(events).night(DAY)
    bank = Bank(events)
    assert pc.sum(night.profile["aum"]).as_py() == 136_800, "the sum of all balances"
    assert night.customers == len(set(who(register_of(events)).values())) == night.profile.num_rows
    metrics = {m["metric"]: m["value"] for m in night.table("metrics").to_pylist() if m["dimension"] == ""}
    assert int(metrics["aum_total"]) == 136_800
    assert bank.count("aum >= 0元") == night.customers
    assert bank.count("branch is null or branch is not null") == night.customers
    assert sum(night.sizes("tier").values()) == night.customers
    for check in night.table("findings").to_pylist():
        assert check["customer"] not in night.absorbed


def test_a_decision_moves_facts_and_taking_it_back_moves_them_back(events: Home, tmp_path: Path) -> None:
    before = {name: values(events, DAY, name, "aum") for name in ("core:C2", "cards:K2")}
    assert before == {"core:C2": 30_000, "cards:K2": 700}
    decide(events, tmp_path, "D1", "core:C2", "cards:K2", "same", NEXT)
    merged = run_night(events, NEXT).night
    assert values(events, NEXT, "core:C2", "aum") == values(events, NEXT, "cards:K2", "aum") == 30_700
    moved = {m["customer"]: m["move"] for m in merged.table("moves").to_pylist() if m["tag"] == "tier"}
    absorbed = set(merged.absorbed) - set(Bank(events).night(DAY).absorbed)
    assert absorbed and all(moved[number] == "gone" for number in absorbed)
    decide(events, tmp_path, "D2", "core:C2", "cards:K2", "different", LATER)
    run_night(events, LATER)
    assert {name: values(events, LATER, name, "aum") for name in before} == before
    assert values(events, NEXT, "cards:K2", "aum") == 30_700, "the night between stays as it was"


def test_relations_name_the_customer_of_today(events: Home) -> None:
    bank = Bank(events)
    father = bank.customer("core:C1")
    assert values(events, DAY, "core:C1", "household_size") == 2, "the relation was the mobile record's"
    assert values(events, DAY, "core:C4", "household_aum") == 105_000 + 1_100
    assert father == bank.customer("mobile:M1")


def test_explain_says_why_two_records_are_one(events: Home) -> None:
    run = CliRunner()
    home = ["--home", str(events.path)]
    shown = run.invoke(main, ["explain", "mobile:M1", "--records", "--json", *home])
    assert shown.exit_code == 0, shown.output
    found = json.loads(shown.output)
    assert [r["outcome"] for r in found["records"]] == ["first", "probable"]
    assert "birth date" in found["records"][1]["reason"]
    assert [e["kind"] for e in found["events"]] == ["merge"]
    assert {f["name"]: f["source"] for f in found["golden"]}["id_number"] == "core"
    whole = run.invoke(main, ["explain", "core:C1", *home])
    assert whole.exit_code == 0 and "probable" in whole.output
    gone = register_of(events).loaded[1]
    taken = run.invoke(main, ["explain", str(gone), "--tag", "aum", *home])
    assert f"customer {gone} was taken into customer {Bank(events).customer('core:C1')}" in taken.output
    for secret in ("张建国", "11010519491231002X", "13800138000", "科技路"):
        assert secret not in shown.output and secret not in whole.output


def test_the_queue_and_decisions_on_the_command_line(events: Home) -> None:
    run = CliRunner()
    home = ["--home", str(events.path)]
    updated = run.invoke(main, ["identity", "update", "--on", DAY.isoformat(), "--json", *home])
    assert json.loads(updated.output)["questions"] >= 1
    asked = json.loads(run.invoke(main, ["identity", "queue", "--json", *home]).output)["shown"]
    question = next(q for q in asked if {q["one_party_id"], q["other_party_id"]} == {"C2", "K2"})
    names = [f"{question[f'{side}_source']}:{question[f'{side}_party_id']}" for side in ("one", "other")]
    decided = run.invoke(main, ["identity", "decide", *names, "--same", "--by", "S1", "--json", *home])
    assert decided.exit_code == 0, decided.output
    run.invoke(main, ["identity", "update", "--on", NEXT.isoformat(), *home])
    history = json.loads(run.invoke(main, ["identity", "history", "core:C2", "--json", *home]).output)
    assert history[-1]["decision_id"] == json.loads(decided.output)["decision_id"]
    refused = run.invoke(main, ["identity", "decide", "core:C2", "x", "--same", "--by", "S1", *home])
    assert refused.exit_code == 1 and "source:party_id" in refused.output


def test_money_stays_whole_when_an_account_goes_to_a_moved_record(events: Home, tmp_path: Path) -> None:
    head, *rows = ACCOUNTS
    put(tmp_path / "a", "accounts.csv", head, *(r.replace("A4,cards,K2", "A4,mobile,M1") for r in rows))
    assert load_into(events, tmp_path / "a").errors == []
    night = run_night(events, NEXT).night
    assert pc.sum(night.profile["aum"]).as_py() == 136_800
    assert values(events, NEXT, "core:C1", "aum") == 105_700


def test_a_merge_is_no_growth(events: Home, tmp_path: Path) -> None:
    decide(events, tmp_path, "D1", "core:C2", "cards:K2", "same", NEXT)
    night = run_night(events, NEXT).night
    figures = {m["metric"]: m["value"] for m in night.table("metrics").to_pylist() if m["dimension"] == ""}
    assert int(figures["aum_total"]) == 136_800
    assert int(figures["aum_net_increase"]) == 0
