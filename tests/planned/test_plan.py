"""The plan of the sample bank's nights, recomputed by other means."""

from __future__ import annotations

import datetime as dt
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quanke.bank.home import Home
from quanke.kernel.errors import NightError
from quanke.night import Bank, night
from quanke.night.plan import FOLDER, GROUP, program_of
from quanke.night.plan_whatif import what_if
from quanke.night.planned import Planned, history
from quanke.plans.actions import PlanProgram, value_name
from tests.homes import BUCKET, LAST


@pytest.fixture(scope="module")
def home(after_june: Path) -> Home:
    return Home.open(after_june)


@pytest.fixture(scope="module")
def planned(home: Home) -> Planned:
    bank = Bank(home)
    return Planned(bank.night(), home, bank.catalogue)


@pytest.fixture(scope="module")
def program(planned: Planned) -> PlanProgram:
    return planned.program


APART = ("cooling", "hold_out", "control", "campaign")
"""Reasons found in other places than an action's condition and gates: it has a value all the same."""


def rows(planned: Planned, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(planned.path(name)).to_pylist()
    return found


def decided(planned: Planned) -> list[dict[str, Any]]:
    """What was chosen, for controls too."""
    found: list[dict[str, Any]] = planned.decided.to_pylist()
    return found


@pytest.fixture(scope="module")
def profile(planned: Planned) -> dict[str, list[Any]]:
    words = (
        "in_scope is_minor agrees_call agrees_sms agrees_push agrees_wecom agrees_email in_cool_down "
        "complained_90d calls_7d messages_mtd pushes_1d risk_level risk_assessment_valid owner_post "
        "profiling_refused branch contact_due_on tier_rank"
    )
    table = planned.night.read(words.split())
    return {name: table[name].to_pylist() for name in table.column_names}


def test_there_is_a_plan_worth_something(planned: Planned) -> None:
    assert planned.sheet["customers"] > 100
    assert planned.sheet["value"] > 0
    assert 0 <= planned.sheet["gap"] < 0.02
    assert planned.sheet["value"] <= planned.sheet["bound"] * (1 + 1e-6)


def test_nobody_is_addressed_who_must_not_be(
    planned: Planned, program: PlanProgram, profile: dict[str, list[Any]]
) -> None:
    for row in decided(planned):
        c, action = row["customer"], program.action(row["action"])
        assert profile["in_scope"][c]
        if action.purpose == "marketing":
            means = "call" if action.means == "visit" else action.means
            assert profile[f"agrees_{means}"][c], row
            assert not profile["is_minor"][c] and not profile["in_cool_down"][c]
            assert not profile["complained_90d"][c] and not profile["profiling_refused"][c]
        if action.means == "call":
            assert profile["calls_7d"][c] < 2
        if action.means == "sms":
            assert profile["messages_mtd"][c] < 4
        if action.means == "push":
            assert profile["pushes_1d"][c] < 1
        if action.risk_class:
            assert profile["risk_assessment_valid"][c] and profile["risk_level"][c] >= action.risk_class
        if action.by == "owner":
            assert row["post"] == profile["owner_post"][c] is not None


def test_an_action_of_some_roles_is_done_by_them(planned: Planned, program: PlanProgram) -> None:
    roles = dict(zip(*(planned.posts[name].to_pylist() for name in ("post", "role")), strict=True))
    found = [r for r in decided(planned) if program.action(r["action"]).roles]
    assert found
    assert all(roles[r["post"]] in program.action(r["action"]).roles for r in found)


def test_no_limit_is_broken_by_one_unit(
    planned: Planned, program: PlanProgram, profile: dict[str, list[Any]]
) -> None:
    used: Counter[tuple[str, str]] = Counter()
    for row in decided(planned):
        action = program.action(row["action"])
        for budget in program.budgets:
            if budget.of == "rhythm":
                continue
            member = {"": "", "post": profile["owner_post"], "branch": profile["branch"]}[budget.per]
            where = member if isinstance(member, str) else member[row["customer"]]
            use = budget.uses(action, planned.night.day)
            if use:
                used[budget.name, "?" if where is None else where] += use
    for row in rows(planned, "prices.parquet"):
        mine = used[row["limit"], row["member"]]
        assert mine == row["use"], row
        assert row["capacity"] is None or mine <= row["capacity"]
        assert row["at_least"] is None or mine >= row["at_least"]
        assert row["price"] is None or row["price"] >= 0 or row["at_least"] is not None


def test_minutes_of_the_morning_fit_and_stand_in_their_order(planned: Planned, program: PlanProgram) -> None:
    by_post: dict[str, list[dict[str, Any]]] = {}
    for row in rows(planned, "worklist.parquet"):
        by_post.setdefault(row["post"], []).append(row)
    assert len(by_post) > 3
    for post, mine in by_post.items():
        assert [r["place"] for r in mine] == list(range(1, len(mine) + 1))
        begins = 0
        for row in mine:
            assert row["begins"] == (None if post == "remote_team" else begins)
            begins += row["minutes"]
        if post != "remote_team":
            assert begins <= 240
        urgent = [r["rhythm"] or r["due_on"] <= dt.date(2026, 7, 2) for r in mine]
        assert urgent == sorted(urgent, reverse=True)
        first = [r["due_on"] for r, soon in zip(mine, urgent, strict=True) if soon]
        assert first == sorted(first)
    human = [r for r in rows(planned, "chosen.parquet") if r["by"] != "digital"]
    assert sum(len(mine) for mine in by_post.values()) == len(human)


def test_a_morning_says_why_and_what_to_say(planned: Planned) -> None:
    row = next(r for r in rows(planned, "worklist.parquet") if r["action"] == "care_call")
    words = planned.words(row)
    due = planned.night.row(row["customer"], ["contact_due_on"])["contact_due_on"]
    assert str(due) in words["because_zh"] and str(due) in words["because_en"]
    assert words["script_zh"] and words["script_en"] and "{" not in "".join(words.values())
    assert planned.book(row["post"])[row["place"] - 1]["customer"] == row["customer"]


def test_who_is_due_by_the_standard_is_contacted(planned: Planned, profile: dict[str, list[Any]]) -> None:
    """Rhythm rows are contacted; whoever waits is in a post whose share of minutes is spent on others due."""
    chosen = decided(planned)
    wanted = {r["customer"] for r in chosen if r["rhythm"]}
    assert wanted
    limit = planned.night.day + dt.timedelta(days=5)
    assert all(profile["contact_due_on"][c] <= limit for c in wanted)
    spent: Counter[str] = Counter()
    for row in rows(planned, "worklist.parquet"):
        if row["rhythm"]:
            spent[row["post"]] += row["minutes"]
    day = planned.night.day
    tried = {
        (r["customer"], r["action"])
        for r in rows(planned, "record.parquet")
        if r["tried_on"] is not None
        and (day - r["tried_on"]).days < planned.program.action(r["action"]).cool_down.on(day)
    }
    room = {
        r["member"]: r["capacity"] for r in rows(planned, "prices.parquet") if r["limit"] == "post_minutes"
    }
    parts = sorted((planned.night.path / "profile").glob(f"{GROUP}-*.parquet"))
    keeps = [a.name for a in planned.actions if a.keeps_rhythm]
    worth = pa.concat_tables([pq.read_table(p, columns=[value_name(n) for n in keeps]) for p in parts])
    care = worth.select([value_name("care_call")])
    others = [
        any(v is not None and (c, n) not in tried for n, v in zip(keeps, row.values(), strict=True))
        for c, row in enumerate(worth.to_pylist())
    ]
    waiting = 0
    for c, value in enumerate(care.column(0).to_pylist()):
        due, post = profile["contact_due_on"][c], profile["owner_post"][c]
        resting = (c, "care_call") in tried
        if value is None or due > limit or c in wanted or post not in room or (resting and not others[c]):
            continue
        waiting += 1
        assert spent[post] + 6 > room[post] * 0.6, (c, post)
    rhythm = next(each for each in planned.sheet["limits"] if each["name"] == "rhythm")
    assert rhythm["not_asked"]["no_time"] == waiting
    due = sum(1 for day in profile["contact_due_on"] if day is not None and day <= limit)
    assert rhythm["due"] == due == len(wanted) + sum(rhythm["not_asked"].values())


def test_values_are_what_the_definitions_say(planned: Planned) -> None:
    """`care_call` by hand: what is due, worth two hundred-thousandths of assets up to ten million."""
    night = planned.night
    table = night.read(["aum", "contact_due_on", "in_scope", "has_owner", "calls_7d"]).to_pylist()
    parts = sorted((night.path / "profile").glob(f"{GROUP}-*.parquet"))
    worth = pa.concat_tables([pq.read_table(p, columns=[value_name("care_call")]) for p in parts])
    for row, value in zip(table, worth.column(0).to_pylist(), strict=True):
        fits = (
            row["in_scope"] and row["has_owner"] and row["calls_7d"] < 2 and row["contact_due_on"] is not None
        )
        if not fits:
            assert value is None
        else:
            exact = min(row["aum"], 10_000_000_00) * 2 / 100_000
            assert abs(value - exact) <= 0.5


def test_every_choice_is_open_in_the_record_and_nothing_is_lost(planned: Planned, home: Home) -> None:
    chosen = {(r["customer"], r["action"]) for r in decided(planned)}
    record = rows(planned, "record.parquet")
    opened = {(r["customer"], r["action"]): r for r in record if r["state"] == "open"}
    assert chosen <= set(opened)
    later = {key for key, r in opened.items() if r["due_on"] >= planned.night.day}
    assert set(opened) - chosen <= later
    may = Bank(home).night("2026-05-31").path / FOLDER / "record.parquet"
    before = {(r["customer"], r["action"], r["suggested_on"]) for r in pq.read_table(may).to_pylist()}
    assert before <= {(r["customer"], r["action"], r["suggested_on"]) for r in record}
    assert {r["state"] for r in record} >= {"open", "lapsed"}


def test_what_was_tried_lately_is_not_suggested_again(planned: Planned, program: PlanProgram) -> None:
    tried = [r for r in rows(planned, "record.parquet") if r["tried_on"] is not None]
    assert tried
    chosen = {(r["customer"], r["action"]) for r in decided(planned)}
    for row in tried:
        rest = program.action(row["action"]).cool_down.on(planned.night.day)
        if (planned.night.day - row["tried_on"]).days < rest:
            assert (row["customer"], row["action"]) not in chosen


def test_an_explanation_tells_what_was_chosen_and_why_not(planned: Planned) -> None:
    for row in rows(planned, "chosen.parquet")[:40]:
        told = planned.explain(row["customer"])
        assert row["action"] in [each.action.name for each in told.chosen]
        one = next(each for each in told.considered if each.action.name == row["action"])
        assert one.value == row["value"] and one.why_not is None
        assert one.chance is not None and one.gain is not None
        cost = one.action.cost.on(planned.night.day)
        assert abs(one.value - (float(one.gain) * float(one.chance) - cost)) <= 1
        for other in told.considered:
            assert (other.value is None) == (other.why_not is not None and other.why_not[0] not in APART)


def test_the_chosen_action_beats_the_runner_up_at_the_prices(planned: Planned) -> None:
    """Prices support the plan: hardly anybody is given what is worth less than his runner-up."""
    worse = 0
    sample = rows(planned, "chosen.parquet")[::7]
    for row in sample:
        told = planned.explain(row["customer"])
        second = told.runner_up
        if not row["rhythm"] and second is not None and second.net is not None:
            worse += second.net > (told.chosen[0].net or 0.0) + 100
    assert worse <= len(sample) // 20


def test_more_room_is_never_worth_less_and_the_same_room_the_same(planned: Planned) -> None:
    held = next(r for r in rows(planned, "prices.parquet") if r["limit"] == "sms_budget")
    same = what_if(planned, "sms_budget", capacity=held["capacity"])
    whole = planned.sheet["value"] + planned.withheld_value
    assert (same.value, same.customers, same.by_action) == (whole, 0, ())
    more = what_if(planned, "sms_budget", capacity=held["capacity"] * 3)
    less = what_if(planned, "sms_budget", capacity=held["capacity"] // 3)
    assert less.value < whole < more.value
    assert more.customers > 0


@pytest.mark.parametrize(
    ("limit", "asked", "said"),
    [
        ("nothing_such", {"capacity": 3.0}, "has no limit"),
        ("rhythm", {"capacity": 3.0}, "has no limit"),
        ("post_minutes", {"capacity": 3.0, "member": "P0"}, "has no row"),
        ("post_minutes", {}, "say another capacity"),
    ],
)
def test_a_what_if_about_nothing_is_refused(
    planned: Planned, limit: str, asked: dict[str, Any], said: str
) -> None:
    with pytest.raises(NightError, match=said):
        what_if(planned, limit, **asked)


def test_history_goes_back_over_the_nights(planned: Planned, home: Home) -> None:
    record = next(r for r in rows(planned, "record.parquet") if r["state"] != "open")
    told = history(home, record["customer"])
    assert any(r["suggested_on"] == record["suggested_on"] and r["state"] == record["state"] for r in told)


def with_plan(after_may: Path, tmp_path: Path, text: str) -> Planned:
    """The night of June of a copy of the home in which the bank has a plan of its own."""
    shutil.copytree(after_may, tmp_path / "home")
    (tmp_path / "home" / "plan.yaml").write_text(text, encoding="utf-8")
    home = Home.open(tmp_path / "home")
    return Planned(night(home, LAST, bucket=BUCKET).night, home, Bank(home).catalogue)


CONTRADICTING = """
actions:
  care_call: off
limits:
  texts_wanted:
    zh: 短信目标
    en: Texts wanted
    of: contacts
    means: sms
    at_least: 2% of customers
  texts_allowed:
    zh: 短信上限
    en: Texts allowed
    of: contacts
    means: sms
    capacity: 10
"""
BUDGET = """
limits:
  sms_budget:
    zh: 短信
    en: Texts
    of: contacts
    means: sms
    capacity: {}
"""


def test_a_what_if_is_what_the_night_would_have_been(
    planned: Planned, after_may: Path, tmp_path: Path
) -> None:
    told = what_if(planned, "sms_budget", capacity=20)
    other = with_plan(after_may, tmp_path, BUDGET.format(20))
    assert told.value == other.sheet["value"] + other.withheld_value
    counts = {name: now for name, _, now in told.by_action}
    made = Counter(row["action"] for row in decided(other))
    assert all(made[name] == now for name, now in counts.items())


def test_a_deadline_stands_while_a_suggestion_is_open(planned: Planned) -> None:
    day = planned.night.day
    old = [r for r in rows(planned, "record.parquet") if r["state"] == "open" and r["suggested_on"] < day]
    chosen = {(r["customer"], r["action"]): r["due_on"] for r in decided(planned)}
    again = [r for r in old if (r["customer"], r["action"]) in chosen]
    assert again
    assert all(chosen[r["customer"], r["action"]] == r["due_on"] < day for r in again)


def test_nobody_is_reached_twice_by_one_means(after_may: Path, tmp_path: Path) -> None:
    other = with_plan(after_may, tmp_path, "per_customer: 3\n")
    means = Counter((r["customer"], other.program.action(r["action"]).means) for r in decided(other))
    assert max(means.values()) == 1
    several = Counter(r["customer"] for r in decided(other))
    assert max(several.values()) > 1


def test_a_closed_branch_costs_its_customers_their_post_and_not_the_night(
    after_may: Path, tmp_path: Path, planned: Planned
) -> None:
    shutil.copytree(after_may, tmp_path / "home")
    home = Home.open(tmp_path / "home")
    path = home.facts("branches")[0]
    branches = pq.read_table(path)
    post = next(r["post"] for r in rows(planned, "worklist.parquet") if r["post"] != "remote_team")
    posts = pq.read_table(home.facts("posts")[0]).to_pylist()
    branch = next(p["branch_id"] for p in posts if p["post_id"] == post)
    closed = pa.array([LAST if b == branch else None for b in branches["branch_id"].to_pylist()], pa.date32())
    pq.write_table(branches.set_column(branches.column_names.index("closed_on"), "closed_on", closed), path)
    found = Planned(night(home, LAST, bucket=BUCKET).night, home, Bank(home).catalogue)
    assert post not in {r["post"] for r in rows(found, "worklist.parquet")}
    owners = found.night.read(["owner_post"])["owner_post"].to_pylist()
    lost = [c for c, owner in enumerate(owners) if owner == post]
    told = found.explain(lost[0])
    assert any(each.why_not and each.why_not[0] == "post" for each in told.considered)
    assert found.sheet["limits"][-1]["not_asked"]["no_post"] > 0


def test_a_night_whose_holidays_are_not_published_has_a_plan(after_june: Path, tmp_path: Path) -> None:
    """The tables of 2027 come in November 2026: a deadline is then reckoned by week days."""
    shutil.copytree(after_june, tmp_path / "home")
    home = Home.open(tmp_path / "home")
    outcome = night(home, dt.date(2026, 12, 30), bucket=BUCKET)
    due = {r["due_on"] for r in pq.read_table(outcome.night.path / FOLDER / "chosen.parquet").to_pylist()}
    assert max(due) > dt.date(2027, 1, 1)
    assert all(day.isoweekday() <= 5 for day in due)


def test_a_banks_own_plan_counts_and_limits_that_contradict_give_way(after_may: Path, tmp_path: Path) -> None:
    """A floor above a cap: the night says so, the floor gives way and not the cap, and it is published."""
    found = with_plan(after_may, tmp_path, CONTRADICTING)
    sheet = found.sheet
    assert "care_call" not in [each["name"] for each in sheet["actions"]]
    assert len(sheet["relaxed"]) == 1 and "texts_wanted" in sheet["relaxed"][0]
    assert any("texts_wanted" in note for note in found.night.manifest["notes"])
    assert sheet["program"] == program_of(found.home, found.catalogue).fingerprint
    prices = {(r["limit"], r["member"]): r for r in rows(found, "prices.parquet")}
    wanted, allowed = prices["texts_wanted", ""], prices["texts_allowed", ""]
    assert allowed["capacity"] == 10 and allowed["use"] <= 10
    assert wanted["at_least"] <= 10 < wanted["asked"]
    assert wanted["use"] >= wanted["at_least"]


def test_a_night_killed_after_its_plan_says_what_an_undisturbed_one_does(
    after_may: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = with_plan(after_may, tmp_path / "whole", CONTRADICTING)
    assert whole.sheet["relaxed"]

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    shutil.copytree(after_may, tmp_path / "home")
    (tmp_path / "home" / "plan.yaml").write_text(CONTRADICTING, encoding="utf-8")
    home = Home.open(tmp_path / "home")
    with monkeypatch.context() as patch:
        patch.setattr("quanke.night.run.write_metrics", killed)
        with pytest.raises(KeyboardInterrupt):
            night(home, LAST, bucket=BUCKET)
    resumed = night(home, LAST, bucket=BUCKET).night
    for path in sorted((whole.night.path / FOLDER).iterdir()):
        assert (resumed.path / FOLDER / path.name).read_bytes() == path.read_bytes(), path.name
    assert resumed.manifest["notes"] == whole.night.manifest["notes"]
