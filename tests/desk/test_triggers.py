"""Triggers into journeys: each heard once, by who goes by it, whatever is cut off or paused in between."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone

from quanke.effects.groups import CampaignRegister, effect_rules
from quanke.engines.live.sinks.following import Place, end_of, read_on
from quanke.kernel.calendars import SHANGHAI
from quanke_desk.campaigns import journey_actions, triggering
from quanke_desk.campaigns.cohorts import register_cohorts
from quanke_desk.campaigns.entering import enter
from quanke_desk.campaigns.graph import GraphError, read_graph
from quanke_desk.campaigns.models import (
    Arm,
    Audience,
    AudienceKind,
    AudienceVersion,
    Enrolment,
    Journey,
    JourneyState,
    JourneyVersion,
    Told,
)
from quanke_desk.campaigns.moments import is_past
from quanke_desk.campaigns.moving import move_due
from quanke_desk.customers.at_night import reading
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import AuditEntry, Person
from quanke_desk.foundation.parameters import MOMENTS, change, value
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import Role
from quanke_desk.work import calls
from quanke_desk.work.machines import make_key
from quanke_desk.work.models import MachineCall
from tests.desk.test_journeys import NOW, running

HOUR = 3_600
WELCOME: dict[str, Any] = {
    "entry": "trigger:salary_arrived",
    "start": "rest",
    "nodes": {
        "rest": {"do": "listen", "event": "trigger:fx_purchase_near_quota", "days": 5, "then": "call",
                 "else": "end"},
        "call": {"do": "task", "who": "manager", "working_days": 2, "next": "end"},
        "end": {"do": "exit"},
    },
}  # fmt: skip


def line(trigger: str, customer: int, event: str, at: int = 0) -> str:
    """A decision as the live engine writes it, as far as it is read."""
    row: dict[str, Any] = {"id": f"{trigger}:{customer}:{event}", "trigger": trigger, "customer": customer}
    if at:
        row["at"] = str(dt.datetime.fromtimestamp(at, SHANGHAI).replace(tzinfo=None))
    return json.dumps(row) + "\n"


@pytest.fixture
def decided(tmp_path: Path, settings: Any, desk: dict[str, Person]) -> Path:
    """A home beside the shared one, with a folder of decisions of a share, and reading has begun."""
    home = tmp_path / "home"
    home.mkdir()
    for part in Path(settings.QUANKE_HOME).iterdir():
        if part.name not in ("live", "desk", "campaigns"):
            (home / part.name).symlink_to(part)
    settings.QUANKE_HOME = str(home)
    triggering.follow(NOW)
    folder = home / "live" / "decisions" / "1-of-1"
    folder.mkdir(parents=True)
    return folder


def people(count: int) -> list[int]:
    """Customers whom nothing keeps out."""
    of = base()
    there = np.flatnonzero(of.there)
    kept = ~effect_rules(of.bank.home.path).hold_out.holds(there, dt.date(2026, 7, 6))
    found: list[int] = there[kept][:count].tolist()
    return found


def test_reading_goes_on_where_it_stopped(tmp_path: Path) -> None:
    assert read_on(tmp_path / "none", Place()) == ([], Place()) and end_of(tmp_path) == Place()
    first, second = tmp_path / "000000000000.jsonl", tmp_path / "000000000007.jsonl"
    first.write_text(line("a", 1, "x") + line("a", 2, "y")[:9])
    found, place = read_on(tmp_path, Place())
    assert [row["customer"] for row in found] == [1] and place == end_of(tmp_path)
    first.write_text(line("a", 1, "x") + line("a", 2, "y"))
    second.write_text(line("a", 3, "z"))
    found, after = read_on(tmp_path, place)
    assert [row["customer"] for row in found] == [2, 3] and after == end_of(tmp_path)
    assert read_on(tmp_path, after) == ([], after)
    with second.open("ab") as more:
        more.write(b"\0\0\0\n" + line("a", 5, "v").encode())  # a line the disk lost
    assert [row["customer"] for row in read_on(tmp_path, after)[0]] == [5]
    second.write_text(line("b", 4, "w")[: after.read - 1].rstrip("\n") + "\n")  # decided anew, and shorter
    second.write_text(line("b", 4, ""))
    assert [row["customer"] for row in read_on(tmp_path, after)[0]] == [4]
    everything: list[dict[str, Any]] = []
    place = Place()
    while True:  # whatever a reading holds at most, all is read once
        found, to = read_on(tmp_path, place, most=70)
        if to == place:
            break
        everything, place = everything + found, to
    assert [row["customer"] for row in everything] == [1, 2, 4]


def test_who_triggers_enters_once(decided: Path, desk: dict[str, Person]) -> None:
    version = running(desk, WELCOME)
    some = people(4)
    file = decided / "000000000000.jsonl"
    file.write_text(
        "".join(line("salary_arrived", c, "T1") for c in some[:3]) + line("birthday", some[3], "d")
    )
    assert triggering.follow(NOW) == 3 and triggering.follow(NOW) == 0
    assert set(Enrolment.objects.values_list("customer", flat=True)) == set(some[:3])
    with file.open("a") as more:
        more.write(line("salary_arrived", some[0], "T1") + line("salary_arrived", some[3], "T9"))
    assert triggering.follow(NOW) == 1, "told again it is known; another comes in"
    assert Told.objects.filter(journey=version.journey).count() == 4


def test_what_was_decided_before_is_of_the_past(
    tmp_path: Path, settings: Any, desk: dict[str, Person]
) -> None:
    home = tmp_path / "home"
    (home / "live" / "decisions" / "1-of-1").mkdir(parents=True)
    for part in Path(settings.QUANKE_HOME).iterdir():
        if part.name not in ("live", "desk", "campaigns"):
            (home / part.name).symlink_to(part)
    settings.QUANKE_HOME = str(home)
    running(desk, WELCOME)
    file = home / "live" / "decisions" / "1-of-1" / "000000000003.jsonl"
    file.write_text(line("salary_arrived", people(1)[0], "old"))
    assert triggering.follow(NOW) == 0 and triggering.follow(NOW) == 0
    with file.open("a") as more:
        more.write(line("salary_arrived", people(1)[0], "new"))
    assert triggering.follow(NOW) == 1


def test_who_waits_for_a_trigger_goes_on(decided: Path, desk: dict[str, Person]) -> None:
    running(desk, WELCOME)
    one, other = people(2)
    file = decided / "000000000000.jsonl"
    file.write_text(line("salary_arrived", one, "a") + line("salary_arrived", other, "b"))
    triggering.follow(NOW)
    with file.open("a") as more:
        more.write(line("fx_purchase_near_quota", one, "c"))
    assert triggering.follow(NOW) == 1
    assert move_due(NOW).tasks == 1
    states = dict(Enrolment.objects.values_list("customer", "state"))
    assert states == {one: "d", other: "e"}


def test_a_paused_journey_hears_later_and_not_too_late(decided: Path, desk: dict[str, Person]) -> None:
    version = running(desk, WELCOME)
    analyst, some = desk[Role.ANALYST], people(2)
    journey_actions.pause(version.journey, by=analyst, reason="x")
    file = decided / "000000000000.jsonl"
    file.write_text(line("salary_arrived", some[0], "a"))
    assert triggering.follow(NOW) == 0
    with file.open("a") as more:
        more.write(line("salary_arrived", some[1], "b"))
    assert triggering.follow(NOW + 20 * HOUR) == 0
    journey_actions.resume(version.journey, by=analyst, reason="x")
    assert triggering.tell(NOW + 30 * HOUR) == 1, "what is older than 24 hours has lapsed"
    assert Enrolment.objects.get().customer == some[1]
    assert sorted(Told.objects.values_list("state", flat=True)) == ["d", "l"]
    assert triggering.forget(NOW + 31 * 24 * HOUR + 20 * HOUR) == 1
    assert Told.objects.get().state == "l", "who was not let in, and why, stays on record"


def test_what_comes_as_a_journey_is_paused_waits_for_it(desk: dict[str, Person]) -> None:
    """Paused after a round had looked which journeys move."""
    version, [one, other] = running(desk, WELCOME), people(2)
    enter(version, np.array([one]), NOW)
    event = "trigger:fx_purchase_near_quota"
    fired = [
        triggering.Fired(n.partition(":")[2], c, n) for n, c in ((event, one), (WELCOME["entry"], other))
    ]
    triggering.note(fired, NOW)
    Journey.objects.update(state="paused")
    assert version.journey.state == "running", "as it was read before"
    assert enter(version, np.array([other]), NOW) == 0
    for journey, name in list(Told.objects.values_list("journey", "event")):
        assert triggering._tell(journey, name, NOW) == 0
    assert set(Told.objects.values_list("state", flat=True)) == {"w"}
    Journey.objects.update(state="running")
    assert triggering.tell(NOW) == 2 and set(Told.objects.values_list("state", flat=True)) == {"d"}


def test_a_journey_that_cannot_hear_keeps_no_other(desk: dict[str, Person]) -> None:
    lost = {**WELCOME, "goals": [{"name": "lost", "when": "no_such_tag > 1"}]}
    one = people(1)[0]
    running(desk, lost, name="first")
    version = running(desk, WELCOME)
    triggering.note([triggering.Fired("salary_arrived", one, "a")], NOW)
    assert triggering.tell(NOW) == 1
    assert Enrolment.objects.get().version == version
    assert dict(Told.objects.values_list("journey__name", "state")) == {"first": "w", "summer": "d"}


def test_an_ended_journey_hears_nothing(decided: Path, desk: dict[str, Person]) -> None:
    version = running(desk, WELCOME)
    journey_actions.end(version.journey, by=desk[Role.ANALYST], reason="x")
    (decided / "000000000000.jsonl").write_text(line("salary_arrived", people(1)[0], "a"))
    assert triggering.follow(NOW) == 0 and not Told.objects.exists()


def test_the_audience_says_who_is_let_in(decided: Path, desk: dict[str, Person]) -> None:
    some = people(40)
    held = Audience.objects.create(title="some", made_by=desk[Role.ANALYST])
    live = AudienceVersion.objects.create(
        audience=held, number=1, kind=AudienceKind.LIVE, text="aum >= 50_000元", size=1,
        night=base().day, by=desk[Role.ANALYST],
    )  # fmt: skip
    version = running(desk, WELCOME, audience=live)
    (decided / "000000000000.jsonl").write_text("".join(line("salary_arrived", c, "a") for c in some))
    entered = triggering.follow(NOW)
    aum = base().night.read(["aum"])["aum"].to_numpy(zero_copy_only=False)
    rich = {c for c in some if int(aum[c]) >= 50_000_00}
    assert 0 < len(rich) < len(some) and entered == len(rich)
    assert set(Enrolment.objects.filter(version=version).values_list("customer", flat=True)) == rich


def test_the_bank_holds_some_out_and_some_are_compared_with(decided: Path, desk: dict[str, Person]) -> None:
    version = running(desk, WELCOME, control=200_000)
    there = np.flatnonzero(base().there)
    held_out = effect_rules(base().bank.home.path).hold_out.holds(there, dt.date(2026, 7, 6))
    assert held_out.any()
    enter(version, there, NOW)
    entered = set(Enrolment.objects.values_list("customer", flat=True))
    assert not entered & set(there[held_out].tolist())
    share = Enrolment.objects.filter(arm=Arm.CONTROL).count() / len(entered)
    assert 0.15 < share < 0.25
    JourneyVersion.objects.filter(pk=version.pk).update(purpose="service")
    again = JourneyVersion.objects.select_related("journey").get(pk=version.pk)
    assert enter(again, there[held_out], NOW) == held_out.sum(), "a service is for everybody"


def test_a_version_without_anybody_who_enters_is_not_started(desk: dict[str, Person]) -> None:
    analyst = desk[Role.ANALYST]
    journey = journey_actions.make_journey("nobody", "无人", "", by=analyst)
    until = dt.date.today() + dt.timedelta(days=9)
    graph = {**WELCOME}
    graph.pop("entry")
    version = journey_actions.save_design(
        journey, graph, by=analyst, audience=None, control_ppm=100_000, until=until
    )
    with pytest.raises(NotAllowed, match="nobody would enter"):
        journey_actions.ask_to_start(version, by=analyst, reason="x")
    with pytest.raises(GraphError, match="no such trigger"):
        journey_actions.save_design(
            journey, {**graph, "entry": "trigger:nothing"}, by=analyst, audience=None, control_ppm=100_000,
            until=until,
        )  # fmt: skip


def party(customer: int) -> str:
    """What the core system calls a customer."""
    row = reading().rows("parties", customer, ["source", "party_id"]).to_pylist()[0]
    return f"{row['source']}:{row['party_id']}"


def test_systems_of_the_bank_tell_triggers_and_entries(desk: dict[str, Person], client: Client) -> None:
    version = running(desk, WELCOME)
    JourneyVersion.objects.update(until=timezone.localdate() + dt.timedelta(days=1))
    _machine, key = make_key("events", "journeys", None, by=desk[Role.ADMINISTRATOR])
    some = people(2)
    told = [{"trigger": "salary_arrived", "party": party(c), "id": "E1"} for c in some]
    told.append({"trigger": "salary_arrived", "party": "core:nobody", "id": "E2"})

    def post(at: str, what: Any, **more: Any) -> Any:
        return client.post(f"/api/{at}", json.dumps(what), content_type="application/json", **more)

    at = "campaigns/journeys/triggers"
    assert post(at, {"triggers": told}).status_code == 401
    answer = post(at, {"triggers": told}, headers={"X-Quanke-Key": key})
    assert answer.status_code == 200, answer.content
    assert answer.json() == {"new": 2, "unknown": ["E2"]}
    told[1]["id"] = "E3"
    assert post(at, {"triggers": told}, headers={"X-Quanke-Key": key}).json()["new"] == 1, (
        "the other is known"
    )
    assert Enrolment.objects.count() == 2
    at, body = (
        "campaigns/journeys/entries",
        {"journey": "summer", "parties": [party(people(3)[2]), "core:no"]},
    )
    assert post(at, body, headers={"X-Quanke-Key": key}).status_code == 409, "it is entered by a trigger"
    JourneyVersion.objects.filter(pk=version.pk).update(graph={**WELCOME, "entry": "interface"})
    assert post(at, body, headers={"X-Quanke-Key": key}).json() == {"entered": 1, "unknown": [1]}
    assert post(at, body, headers={"X-Quanke-Key": key}).json() == {"entered": 0, "unknown": [1]}
    Journey.objects.update(state=JourneyState.PAUSED)
    assert post(at, body, headers={"X-Quanke-Key": key}).status_code == 409


def test_what_machines_name_is_on_record_and_many_are_one_entry(
    desk: dict[str, Person], client: Client, entered: dict[str, Client]
) -> None:
    version = running(desk, {**WELCOME, "entry": "interface"}, name="by_systems")
    running(desk, WELCOME, name="by_trigger")
    JourneyVersion.objects.update(until=timezone.localdate() + dt.timedelta(days=1))
    machine, key = make_key("Event platform", "journeys", None, by=desk[Role.ADMINISTRATOR])
    some = people(60)

    def post(at: str, what: Any) -> Any:
        head = {"X-Quanke-Key": key}
        answer = client.post(
            f"/api/campaigns/journeys/{at}", json.dumps(what), "application/json", headers=head
        )
        assert answer.status_code == 200, answer.content

    post("entries", {"journey": "by_systems", "parties": [party(c) for c in some[:40]] + ["core:nobody"]})
    for customer in some[40:50]:  # a system that tells of each alone
        post("entries", {"journey": "by_systems", "parties": [party(customer)]})
    post("entries", {"journey": "by_systems", "parties": [party(some[0])]})
    fired = [{"trigger": "salary_arrived", "party": party(c), "id": "T"} for c in some[50:]]
    post("triggers", {"triggers": [*fired, {"trigger": "birthday", "party": party(some[0]), "id": "T"}]})
    assert MachineCall.objects.count() == 14 and not AuditEntry.objects.filter(
        action__startswith="journeys.e"
    )
    digests = list(MachineCall.objects.filter(action="journeys.entries").values_list("digest", flat=True))
    assert digests[0] == calls.digest_of(some[:40]) and digests[-1] == calls.digest_of([some[0]])
    assert calls.fold() == 3 and calls.fold() == 0 and not MachineCall.objects.exists()
    entry = AuditEntry.objects.get(action="journeys.entries")
    wanted = {
        "machine": "Event platform", "key": machine.pk, "calls": 12, "count": 51, "unknown": 1, "done": 50,
        "digest": calls.digest_of_calls(digests),
    }  # fmt: skip
    assert wanted.items() <= entry.detail.items() and entry.person is None
    assert (entry.subject, entry.purpose) == (f"journey:{version.journey_id}", "marketing")
    told = AuditEntry.objects.filter(action="journeys.triggers").values_list("subject", "purpose", "detail")
    assert {(s, p, d["count"]) for s, p, d in told} == {
        ("trigger:salary_arrived", "marketing", 10), ("trigger:birthday", "", 1),
    }  # fmt: skip
    page = entered[Role.COMPLIANCE].get("/audit/?action=journeys.entries").content.decode()
    assert "Event platform" in page and "count: 51" in page and entry.detail["digest"] in page
    assert not any(party(c) in json.dumps(entry.detail) for c in some)


def test_a_call_that_is_undone_is_not_on_record(
    desk: dict[str, Person], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written and what is on record stand or fall together."""
    from quanke_desk.campaigns import api

    running(desk, {**WELCOME, "entry": "interface"})
    JourneyVersion.objects.update(until=timezone.localdate() + dt.timedelta(days=1))
    _machine, key = make_key("events", "journeys", None, by=desk[Role.ADMINISTRATOR])

    def cut_off(*given: Any, **named: Any) -> None:
        calls.note_call(*given, **named)
        raise RuntimeError

    monkeypatch.setattr(api, "note_call", cut_off)
    body = json.dumps({"journey": "summer", "parties": [party(people(1)[0])]})
    with pytest.raises(RuntimeError):
        client.post(
            "/api/campaigns/journeys/entries", body, "application/json", headers={"X-Quanke-Key": key}
        )
    assert not Enrolment.objects.exists() and not MachineCall.objects.exists()


def test_who_may_enters_anew_after_so_many_days(decided: Path, desk: dict[str, Person]) -> None:
    greeting = {"entry": "trigger:birthday", "again": 300, "start": "rest", "nodes": {
        "rest": {"do": "wait", "days": 310, "next": "end"}, "end": {"do": "exit"}}}  # fmt: skip
    version = running(desk, greeting, control=300_000)
    version.until = dt.date(2028, 7, 1)
    version.save()
    some, year = np.array(people(40)), 365 * 24 * HOUR
    assert enter(version, some, NOW) == 40 and enter(version, some, NOW) == 0
    assert enter(version, some, NOW + 299 * 24 * HOUR) == 0
    controls = set(Enrolment.objects.filter(arm=Arm.CONTROL).values_list("customer", flat=True))
    assert 0 < len(controls) < 40
    assert enter(version, some, NOW + 305 * 24 * HOUR) == len(controls), "others are under way still"
    Enrolment.objects.filter(turn=1).delete()
    move_due(NOW + year)
    assert enter(version, some, NOW + year) == 40 and enter(version, some, NOW + year) == 0
    arms = Enrolment.objects.filter(turn=1, arm=Arm.CONTROL).values_list("customer", flat=True)
    assert set(arms) == controls, "the same arm each time"
    with pytest.raises(GraphError, match="again"):
        read_graph({**greeting, "again": 500})


def test_nobody_enters_by_a_moment_that_has_passed(
    decided: Path, desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    """The machine was off for two days: who was paid then is not greeted now, and that is on record."""
    version = running(desk, WELCOME)
    fresh, edge, old, quota = people(4)
    hours = value("moment.salary_arrived")
    assert hours == 72
    enter(version, np.array([quota]), NOW)  # he waits for another trigger: his step says how long
    (decided / "000000000000.jsonl").write_text(
        line("salary_arrived", fresh, "a", NOW - HOUR)
        + line("salary_arrived", edge, "b", NOW - hours * HOUR)
        + line("salary_arrived", old, "c", NOW - hours * HOUR - 1)
        + line("fx_purchase_near_quota", quota, "d", NOW - 100 * 24 * HOUR)
    )
    assert triggering.follow(NOW) == 3
    assert set(Enrolment.objects.values_list("customer", flat=True)) == {fresh, edge, quota}
    assert dict(Told.objects.values_list("customer", "state")) == {
        fresh: "d", edge: "d", old: "p", quota: "d",
    }  # fmt: skip
    page = entered[Role.ANALYST].get(f"/journeys/{version.journey_id}/").content.decode()
    assert 'id="too-late"' in page and "1 · 时机已过：触发距进入已超过 72 小时" in page
    assert triggering.forget(NOW + 40 * 24 * HOUR) == 3 and Told.objects.get().customer == old


def test_how_old_a_moment_may_be(decided: Path, desk: dict[str, Person]) -> None:
    """The journey's own word, else the bank's setting of the day, each trigger its own."""
    keeper, one = desk[Role.ADMINISTRATOR], people(1)[0]
    for trigger, hours in (("salary_arrived", 72), ("birthday", 24), ("new_card_unused", 168), ("other", 24)):
        assert value(f"moment.{trigger}") == hours
    assert {t.name for t in base().bank.catalogue.triggers} == set(MOMENTS) - {"other"}
    graph = {**WELCOME, "fresh": 2}
    design = read_graph(graph)
    assert is_past(design, NOW - 2 * HOUR - 1, NOW) and not is_past(design, NOW - 2 * HOUR, NOW)
    change("moment.salary_arrived", 5, timezone.localdate(), by=keeper, reason="policy")
    design = read_graph(WELCOME)
    assert is_past(design, NOW - 5 * HOUR - 1, NOW) and not is_past(design, NOW - 5 * HOUR, NOW)
    for entry in ("", "interface"):
        with pytest.raises(GraphError, match="fresh"):
            read_graph({**WELCOME, "entry": entry, "fresh": 2})
    running(desk, WELCOME, name="as_set")
    running(desk, graph, name="as_said")
    triggering.note([triggering.Fired("salary_arrived", one, "a", NOW - 3 * HOUR)], NOW)
    assert triggering.tell(NOW) == 1
    assert dict(Told.objects.values_list("journey__name", "state")) == {"as_set": "d", "as_said": "p"}


def test_what_waited_for_a_paused_journey_is_as_old_as_it_is(desk: dict[str, Person]) -> None:
    version, one = running(desk, {**WELCOME, "fresh": 4}), people(1)[0]
    journey_actions.pause(version.journey, by=desk[Role.ANALYST], reason="x")
    triggering.note([triggering.Fired("salary_arrived", one, "a")], NOW)
    journey_actions.resume(version.journey, by=desk[Role.ANALYST], reason="x")
    assert triggering.tell(NOW + 5 * HOUR) == 0 and Told.objects.get().state == "p"


def test_a_month_of_entries_is_a_campaign(decided: Path, desk: dict[str, Person]) -> None:
    version = running(desk, WELCOME, control=300_000)
    june, july = (int(dt.datetime(2026, m, 30, 12, tzinfo=SHANGHAI).timestamp()) for m in (6, 7))
    enter(version, np.array(people(600)), july)
    assert Enrolment.objects.update(entered=july) == 600
    some = people(5)
    Enrolment.objects.filter(customer__in=some).update(entered=june)  # of the month before: another cohort
    assert register_cohorts(dt.date(2026, 7, 31)) == [] and register_cohorts(dt.date(2026, 8, 1)) == [
        "summer_202607"
    ]
    assert register_cohorts(dt.date(2026, 8, 2)) == []
    made = CampaignRegister(base().bank.home.path).open("summer_202607")
    assert set(made.customers.tolist()) == set(people(600)) - set(some)
    control = set(Enrolment.objects.filter(arm=Arm.CONTROL).values_list("customer", flat=True))
    assert set(made.controls.tolist()) == control - set(some), "the register finds the arms they had"
    assert (made.design.first_contact, made.design.until) == (dt.date(2026, 7, 6), dt.date(2026, 7, 31))
