"""Journeys: designs that are refused, everybody moved by sets, who waits, who hears, who is paused."""

from __future__ import annotations

import datetime as dt
import itertools
import time
from collections import Counter
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test import Client

from quanke.effects.groups import effect_rules
from quanke.kernel.calendars import SHANGHAI
from quanke.kernel.errors import AudienceError
from quanke_desk.campaigns import journey_actions
from quanke_desk.campaigns.addresses import with_address
from quanke_desk.campaigns.branching import check_conditions, ways_of
from quanke_desk.campaigns.capacities import rooms
from quanke_desk.campaigns.entering import enter, put_in
from quanke_desk.campaigns.graph import MOST_STEPS, GraphError, Span, read_graph
from quanke_desk.campaigns.hearing import heard
from quanke_desk.campaigns.models import Arm, Enrolment, Journey, JourneyVersion, Receipt, Refusal, Send, Step
from quanke_desk.campaigns.moving import move_due
from quanke_desk.campaigns.policy import Candidates, Decisions, decide
from quanke_desk.campaigns.receiving import take_receipt
from quanke_desk.campaigns.simulating import simulate
from quanke_desk.campaigns.timing import moment_after
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import AuditEntry, Notice, Person
from quanke_desk.foundation.roles import Role
from quanke_desk.foundation.scope import post_of
from quanke_desk.work.escalating import TEXT, escalate
from quanke_desk.work.models import FollowUp
from tests.desk.test_policy import judged

DAY = 86_400
NOW = int(dt.datetime(2026, 7, 6, 11, 0, tzinfo=SHANGHAI).timestamp())  # a Monday
SIX: dict[str, Any] = {
    "start": "hello",
    "nodes": {
        "hello": {"do": "send", "template": "hello", "means": ["push", "sms"], "next": "rest"},
        "rest": {"do": "wait", "days": 1, "at": "10:00", "next": "rich"},
        "rich": {"do": "if", "when": "aum >= 50_000元", "then": "call", "else": "half"},
        "half": {"do": "split", "parts": [{"share": "50%", "next": n} for n in ("again", "end")]},
        "call": {"do": "task", "who": "manager", "working_days": 2, "escalate_days": 1, "next": "end"},
        "again": {"do": "send", "template": "again", "means": ["sms"], "next": "heard"},
        "heard": {"do": "listen", "event": "clicked", "days": 2, "then": "done", "else": "end"},
        "done": {"do": "goal"},
        "end": {"do": "exit"},
    },
}  # fmt: skip


def running(
    desk: dict[str, Person], graph: dict[str, Any], control: int = 0, name: str = "summer", **more: Any
) -> JourneyVersion:
    journey = Journey.objects.create(name=name, title_zh="夏季", state="running", made_by=desk[Role.ANALYST])
    version = JourneyVersion.objects.create(
        journey=journey, number=1, graph=graph, control_ppm=control, until=dt.date(2026, 9, 1),
        by=desk[Role.ANALYST], started_at=dt.datetime(2026, 7, 6, tzinfo=SHANGHAI), **more,
    )  # fmt: skip
    Journey.objects.filter(pk=journey.pk).update(current=version)
    journey.current = version
    return version


def split_by(name: str) -> dict[str, Any]:
    parts = [{"next": "end"}, {"least": 3, "next": "end"}]
    return {
        "start": "by",
        "nodes": {"by": {"do": "split", "by": name, "parts": parts}, "end": {"do": "exit"}},
    }


def broken(**changes: Any) -> dict[str, Any]:
    nodes = {**SIX["nodes"], **changes}
    return {**SIX, "nodes": {name: node for name, node in nodes.items() if node is not None}}


PARTS = [{"share": "50%", "next": "again"}]
SEND, LISTEN = {"do": "send", "next": "rest"}, {"do": "listen", "then": "done", "else": "end"}


@pytest.mark.parametrize(
    ("graph", "node", "field"),
    [
        ([], "", "nodes"),
        ({"nodes": {}}, "", "nodes"),
        ({**SIX, "start": "nowhere"}, "", "start"),
        ({**SIX, "colour": "red"}, "", "colour"),
        (broken(end=None), "half", "next"),
        (broken(lost={"do": "exit"}), "lost", "name"),
        (broken(Bad={"do": "exit"}), "Bad", "name"),
        (broken(end={"do": "jump"}), "end", "do"),
        (broken(end={"do": "exit", "next": "end"}), "end", "next"),
        (broken(hello={**SEND, "template": "x y", "means": ["sms"]}), "hello", "template"),
        (broken(hello={**SEND, "template": "x", "means": ["fax"]}), "hello", "means"),
        (broken(hello={**SEND, "template": "x", "means": ["sms", "sms"]}), "hello", "means"),
        (broken(rest={"do": "wait", "next": "rich"}), "rest", "days"),
        (broken(rest={"do": "wait", "days": -1, "next": "rich"}), "rest", "days"),
        (broken(rest={"do": "wait", "days": 1, "at": "25:00", "next": "rich"}), "rest", "at"),
        (broken(rest={"do": "wait", "hours": 1, "at": "10:00", "next": "rich"}), "rest", "at"),
        (broken(rest={"do": "wait", "days": 0, "next": "hello"}), "rich", "name"),
        (broken(rich={"do": "if", "when": " ", "then": "call", "else": "half"}), "rich", "when"),
        (broken(half={"do": "split", "parts": PARTS}), "half", "parts"),
        (broken(half={"do": "split", "parts": PARTS * 3}), "half", "parts"),
        (broken(half={"do": "split", "by": "aum", "parts": [{"next": "end"}] * 2}), "half", "parts"),
        (broken(call={"do": "task", "who": "nobody", "next": "end"}), "call", "who"),
        (broken(heard={**LISTEN, "event": "rang", "days": 2}), "heard", "event"),
        ({**SIX, "goals": [{"name": "bought"}]}, "bought", "when"),
    ],
)  # fmt: skip
def test_a_design_that_cannot_be_says_where(graph: Any, node: str, field: str) -> None:
    with pytest.raises(GraphError) as error:
        read_graph(graph)
    assert (error.value.node, error.value.field) == (node, field)


def test_a_circle_needs_a_wait() -> None:
    circle = {"do": "if", "when": "true", "then": "hello", "else": "end"}
    assert read_graph(broken(rich=circle, half=None, call=None, again=None, heard=None, done=None))
    with pytest.raises(GraphError, match="circle"):
        read_graph(broken(rest=None, hello={**SIX["nodes"]["hello"], "next": "rich"}, rich=circle,
                          half=None, call=None, again=None, heard=None, done=None))  # fmt: skip


@pytest.mark.parametrize(
    ("span", "ends"),
    [
        (Span(minutes=90), "2026-07-06 12:30"),
        (Span(days=1), "2026-07-07 11:00"),
        (Span(days=1, at="10:00"), "2026-07-07 10:00"),
        (Span(days=0, at="10:00"), "2026-07-07 10:00"),
        (Span(days=0, at="14:00"), "2026-07-06 14:00"),
        (Span(working_days=5, at="09:30"), "2026-07-13 09:30"),
        (Span(), "2026-07-06 11:00"),
    ],
)
def test_when_a_span_ends(span: Span, ends: str) -> None:
    found = dt.datetime.fromtimestamp(moment_after(NOW, span), SHANGHAI)
    assert f"{found:%Y-%m-%d %H:%M}" == ends


def test_six_steps(desk: dict[str, Person]) -> None:
    version, graph = running(desk, SIX), read_graph(SIX)
    everybody = np.flatnonzero(base().there)[:600]  # the bank's hold-out among them, past the door
    assert put_in(version, graph, everybody, Arm.TREATED, NOW) == 600
    assert put_in(version, graph, everybody, Arm.TREATED, NOW) == 0
    done = move_due(NOW)
    assert (done.steps, done.sends, done.ended) == (600, 600, 0)
    assert move_due(NOW + 3600).steps == 0, "all rest until ten in the morning"
    assert Counter(Send.objects.values_list("means", "others", "state")) == {("push", "sms", "q"): 600}
    assert Send.objects.values("key").distinct().count() == 600
    done = move_due(NOW + DAY)
    rich = {c for c in everybody.tolist() if (base().row(c, ["aum"])["aum"] or 0) >= 5_000_000}
    out = effect_rules(base().bank.home.path).hold_out
    at, call = dt.datetime(2026, 7, 7, 11, tzinfo=SHANGHAI), {"means": "call", "purpose": "marketing"}
    against = {c: judged({"customer": c, **call}, at) - {"consent"} for c in rich}
    called = {c for c in rich if not against[c]}
    assert all(against[c] for c in rich if out.holds([c], at.date())[0])
    kept = dict(Refusal.objects.filter(means="call").values_list("customer", "rule"))
    assert set(kept) == rich - called and all(rule in against[c] for c, rule in kept.items())
    assert done.by_node["rest"] == 600 and done.by_node["call"] == len(rich) > done.tasks == len(called)
    asked = FollowUp.objects.filter(kind="journey")
    assert {f.customer for f in asked} == called and {f.due_on for f in asked} == {dt.date(2026, 7, 9)}
    assert {f.escalate_on for f in asked} == {dt.date(2026, 7, 10)} and {f.journey for f in asked} == {
        "summer"
    }
    assert all((f.post and f.post.post_id) == post_of(f.customer) for f in asked[:20])
    again = Send.objects.filter(template="again").count()
    assert abs(again - (600 - len(rich)) / 2) < 60 and done.sends == again
    waiting = list(Enrolment.objects.filter(state="e"))
    assert len(waiting) == again and {e.awaits for e in waiting} == {"clicked"}
    ids = [e.pk for e in waiting[:3]]
    push = Send.objects.get(enrolment=ids[0], template="again")
    assert take_receipt(push, "clicked", NOW + DAY) and not take_receipt(push, "clicked", NOW + DAY)
    assert heard("clicked", enrolments=ids, now=NOW + DAY) == 2
    assert heard("clicked", enrolments=ids, now=NOW + DAY) == 0, "heard once"
    assert heard("opened", enrolments=[waiting[5].pk], now=NOW + DAY) == 0
    move_due(NOW + DAY)
    move_due(NOW + 4 * DAY)
    assert Counter(Enrolment.objects.values_list("state", "why")) == {("d", "exit"): 597, ("x", "done"): 3}
    for one in Enrolment.objects.all()[:50]:
        gone = list(
            Step.objects.filter(enrolment=one.pk).order_by("seq").values_list("seq", "from_node", "to_node")
        )
        assert [seq for seq, _, _ in gone] == list(range(1, one.seq + 1)) and gone[-1][2] == -1
        assert all(a[2] == b[1] for a, b in itertools.pairwise(gone)), "each step begins where one ended"


@pytest.mark.parametrize(
    ("by", "why"),
    [("credit_score_band", "marketing"), ("tier", "not a number"), ("nothing", "no such number")],
)
def test_nobody_is_split_by_what_a_journey_may_not_read(desk: dict[str, Person], by: str, why: str) -> None:
    graph = read_graph(split_by(by))
    with pytest.raises(GraphError, match=why):
        check_conditions(graph)
    with pytest.raises(AudienceError, match=why):
        ways_of(graph.nodes[0], graph, np.arange(5), "salt")


def test_a_version_that_cannot_move_keeps_no_other(
    desk: dict[str, Person], entered: dict[str, Client], caplog: pytest.LogCaptureFixture
) -> None:
    nodes = {"if": {"do": "if", "when": "@gone_list", "then": "end", "else": "end"}, "end": {"do": "exit"}}
    first = running(desk, {"start": "if", "nodes": nodes}, name="first", priority=9)
    other = running(desk, SIX)
    for version in (first, other):
        put_in(version, read_graph(version.graph), np.flatnonzero(base().there)[:20], Arm.TREATED, NOW)
    assert move_due(NOW).sends == 20
    assert f"journey {first.journey_id}, version 1 stands still: AudienceError" in caplog.text
    assert "gone_list" not in caplog.text
    client = entered[Role.ANALYST]
    assert 'id="stuck"' in client.get(f"/journeys/{first.journey_id}/").content.decode()
    assert 'id="stuck"' not in client.get(f"/journeys/{other.journey_id}/").content.decode()


def test_after_its_last_day_nobody_enters(desk: dict[str, Person]) -> None:
    version = running(desk, SIX)
    after = NOW + 70 * DAY
    enter(version, np.arange(20), NOW)
    assert enter(version, np.arange(20, 40), after) == 0
    assert move_due(after).steps > 0 and Journey.objects.get().state == "draining"
    assert AuditEntry.objects.get(action="journeys.turn").reason == "until"


def test_nobody_is_put_in_once_a_journey_drains_or_ended(desk: dict[str, Person]) -> None:
    version, graph = running(desk, SIX), read_graph(SIX)
    for state, before, count in (("paused", "running", 3), ("paused", "draining", 0), ("draining", "", 0),
                                 ("ended", "", 0)):  # fmt: skip
        Journey.objects.update(state=state, paused_from=before)
        assert put_in(version, graph, np.arange(3), Arm.TREATED, NOW) == count
        Enrolment.objects.all().delete()


LATER: dict[str, Any] = {
    "start": "hello",
    "nodes": {
        "hello": {"do": "send", "template": "hello", "means": ["push"], "next": "rest"},
        "rest": {"do": "wait", "days": 1, "next": "seen"},
        "seen": {"do": "listen", "event": "opened", "days": 2, "then": "heard", "else": "end"},
        "heard": {"do": "listen", "event": "clicked", "days": 2, "then": "done", "else": "end"},
        "done": {"do": "goal"},
        "end": {"do": "exit"},
    },
}


def test_what_was_done_before_it_is_waited_for_is_heard(desk: dict[str, Person]) -> None:
    enter(running(desk, LATER), np.flatnonzero(base().there)[:60], NOW)
    move_due(NOW)
    early, half, at_once, never = Send.objects.order_by("id")[:4]
    for push, kind in ((early, "opened"), (early, "clicked"), (half, "opened"), (at_once, "clicked")):
        take_receipt(push, kind, NOW + 60)
    move_due(NOW + DAY)

    def stands(push: Send) -> tuple[str, str, str]:
        held = Enrolment.objects.get(sends=push)
        return held.state, held.awaits, held.why

    assert (stands(early), stands(half)) == (("x", "", "done"), ("e", "clicked", ""))
    assert stands(at_once) == stands(never) == ("e", "opened", "")
    take_receipt(at_once, "opened", NOW + DAY + 60)
    move_due(NOW + DAY + 61)
    assert stands(at_once) == ("x", "", "done"), "he had clicked before it was waited for"
    Receipt.objects.create(send=half, kind="clicked", at=NOW + DAY)  # as one that came as he arrived
    Receipt.objects.create(send=never, kind="opened", at=NOW + DAY)
    move_due(NOW + 3 * DAY)
    assert stands(half) == ("x", "", "done") and stands(never) == ("e", "clicked", ""), "not given up"
    move_due(NOW + 6 * DAY)
    assert Counter(Enrolment.objects.filter(arm=Arm.TREATED).values_list("why", flat=True))["done"] == 3


def test_what_was_done_during_a_pause_is_heard_after_it(desk: dict[str, Person]) -> None:
    version, analyst = running(desk, LATER), desk[Role.ANALYST]
    enter(version, np.flatnonzero(base().there)[:30], NOW)
    move_due(NOW)
    move_due(NOW + DAY)
    journey_actions.drain(version.journey, by=analyst, reason="x")
    journey_actions.pause(version.journey, by=analyst, reason="x")
    push = Send.objects.order_by("id")[0]
    take_receipt(push, "opened", NOW + DAY)
    Enrolment.objects.update(wake=2_000_000_000)  # the clock of resuming is the real one
    assert move_due(NOW + DAY).steps == 0
    journey_actions.resume(version.journey, by=analyst, reason="x")
    assert Journey.objects.get().state == "draining", "as it was paused"
    assert move_due(int(time.time()) + 1).steps == 1
    assert Enrolment.objects.get(awaits="clicked").pk == push.enrolment_id


def test_who_is_compared_with_gets_nothing(desk: dict[str, Person]) -> None:
    version = running(desk, SIX, control=200_000)
    everybody = np.flatnonzero(base().there)[:1_000]
    for part in np.array_split(everybody, 7):  # by seven triggers, as by one
        enter(version, part, NOW)
    control = set(Enrolment.objects.filter(state="c").values_list("customer", flat=True))
    assert 140 < len(control) < 260
    for n in range(6):
        move_due(NOW + n * DAY)
    assert not control & set(Send.objects.values_list("customer", flat=True))
    assert not control & set(FollowUp.objects.values_list("customer", flat=True))
    assert Enrolment.objects.filter(state="c", seq=0).count() == len(control)


def test_paused_resumed_and_drained(desk: dict[str, Person]) -> None:
    version = running(desk, SIX)
    enter(version, np.arange(50), NOW)
    Journey.objects.update(state="paused")
    assert move_due(NOW).steps == 0
    Journey.objects.update(state="draining")
    version.journey.refresh_from_db()
    assert enter(version, np.arange(50, 60), NOW) == 0 and move_due(NOW).steps > 0


def test_who_reached_a_goal_leaves_wherever_he_stands(desk: dict[str, Person]) -> None:
    graph = {**SIX, "goals": [{"name": "rich", "when": "aum >= 50_000元"}]}
    version = running(desk, SIX, purpose="service")
    JourneyVersion.objects.filter(pk=version.pk).update(graph=graph)
    everybody = np.flatnonzero(base().there)[:400]
    enter(version, everybody, NOW)  # by the design before: nobody is asked at the door
    move_due(NOW)
    rich = {c for c in everybody.tolist() if (base().row(c, ["aum"])["aum"] or 0) >= 5_000_000}
    left = set(Enrolment.objects.filter(state="x", why="rich").values_list("customer", flat=True))
    assert left == rich and Send.objects.count() == 400 - len(rich)
    version.refresh_from_db()
    assert version.goals_asked == base().day
    assert enter(version, np.arange(400, 450), NOW) <= 50
    assert not Enrolment.objects.filter(
        customer__in=[c for c in range(400, 450) if (base().row(c, ["aum"])["aum"] or 0) >= 5_000_000]
    ).exists()


def test_a_circle_ends_some_day(desk: dict[str, Person]) -> None:
    nodes = {"again": {"do": "wait", "minutes": 1, "next": "more"}, "end": {"do": "exit"},
             "more": {"do": "if", "when": "true", "then": "again", "else": "end"}}  # fmt: skip
    version = running(desk, {"start": "again", "nodes": nodes})
    enter(version, np.arange(3), NOW)
    for n in range(MOST_STEPS):
        move_due(NOW + 60 * (n + 1))
    assert set(Enrolment.objects.values_list("state", "why")) == {("x", "steps")}


def test_a_score_splits_by_bounds(desk: dict[str, Person]) -> None:
    parts = [{"next": "low"}, {"least": 1_000_000, "next": "mid"}, {"least": 10_000_000, "next": "end"}]
    nodes = {"by": {"do": "split", "by": "aum", "parts": parts},
             "low": {"do": "wait", "days": 1, "next": "end"},
             "mid": {"do": "wait", "days": 2, "next": "end"}, "end": {"do": "exit"}}  # fmt: skip
    version = running(desk, {"start": "by", "nodes": nodes})
    enter(version, np.flatnonzero(base().there)[:300], NOW)
    move_due(NOW)
    graph = read_graph(version.graph)
    for one in Enrolment.objects.all():
        aum = base().row(one.customer, ["aum"])["aum"]
        want = "low" if aum is None or aum < 1_000_000 else "mid" if aum < 10_000_000 else None
        assert (one.node == -1) if want is None else graph.nodes[one.node].name == want


def test_moving_is_by_sets(desk: dict[str, Person]) -> None:
    version = running(desk, SIX)
    enter(version, np.flatnonzero(base().there)[:1_000], NOW)
    with connection.execute_wrapper(count := _Count()):
        move_due(NOW)
    assert count.found < 40, "statements do not grow with customers"


class _Count:
    found = 0

    def __call__(self, execute: Any, *words: Any) -> Any:
        self.found += 1
        return execute(*words)


def test_heads_are_told_once_of_what_was_not_done(desk: dict[str, Person]) -> None:
    version = running(desk, {"start": "call", "nodes": {"call": SIX["nodes"]["call"], "end": {"do": "exit"}}})
    enter(version, np.flatnonzero(base().there), NOW)
    move_due(NOW)
    given = FollowUp.objects.filter(journey="summer")
    assert given.count() > 200 and set(given.values_list("due_on", "escalate_on")) == {
        (dt.date(2026, 7, 8), dt.date(2026, 7, 9))
    }
    FollowUp.objects.filter(pk__in=given.values("pk")[:50]).update(done_at=dt.datetime.now(SHANGHAI))
    late = given.filter(done_at=None)
    assert escalate(dt.date(2026, 7, 8)) == 0 and not Notice.objects.filter(text=TEXT).exists()
    assert escalate(dt.date(2026, 7, 9)) == late.count() and escalate(dt.date(2026, 7, 9)) == 0
    told = {n.person: n.values["count"] for n in Notice.objects.filter(text=TEXT).select_related("person")}
    assert desk[Role.BRANCH_HEAD] in told
    for head, count in told.items():
        own = head.branch
        assert own is not None and head.role in (Role.TEAM_HEAD, Role.BRANCH_HEAD)
        below = late.filter(post__branch__left__gte=own.left, post__branch__right__lte=own.right).count()
        assert below <= count <= below + late.filter(post=None).count()


def asked_of_the_gate(customers: Any, means: str) -> Decisions:
    rows = [{"id": int(c), "customer": int(c), "means": means, "purpose": "marketing"} for c in customers]
    return decide(Candidates.of(rows), dt.datetime.fromtimestamp(NOW, SHANGHAI))


def test_a_trial_is_held_against_what_a_day_has_left(desk: dict[str, Person]) -> None:
    version = running(desk, SIX)
    of, everybody = base(), np.flatnonzero(base().there)
    tried = simulate(version, read_graph(SIX), everybody, NOW)
    limits = {row["limit"]: row for row in of.bank.plan(of.day).prices.to_pylist()}
    left = int(limits["push_budget"]["capacity"] - limits["push_budget"]["use"])
    found = {each.what: each for each in tried.too_much(rooms())}
    go = np.flatnonzero(asked_of_the_gate(everybody, "push").allowed)  # what is refused takes nothing
    assert (found["push"].asked, found["push"].left, found["push"].days) == (len(go), left, 1)
    codes, posts = of.codes("owner_post")
    called = {c for c in everybody.tolist() if (of.row(c, ["aum"])["aum"] or 0) >= 5_000_000}
    load = Counter(int(codes[c]) for c in called if codes[c] >= 0)
    free = rooms().left_of_posts(dt.date(2026, 7, 8))
    over = sum(10 * n > free[post] for post, n in load.items())
    assert over and found["manager"].asked == over and found["manager"].left == len(posts)
    few = simulate(version, read_graph(SIX), everybody[:20], NOW)
    assert "push" not in {each.what for each in few.too_much(rooms())}


def test_what_runs_takes_of_the_day(desk: dict[str, Person]) -> None:
    version = running(desk, SIX)
    of, day = base(), dt.date(2026, 7, 6)
    everybody = np.flatnonzero(of.there)
    left = rooms(of, NOW).left("push", day)
    enter(version, everybody[:10], NOW)
    assert rooms(of, NOW).left("push", day) == left - 10, "who is due takes the day's pushes"
    move_due(NOW)
    assert Send.objects.count() == 10 and rooms(of, NOW).left("push", day) == left - 10, "queued, and once"
    later = rooms(of, NOW)
    tomorrow = dt.date(2026, 7, 7)
    assert later.taken[tomorrow, "sms", "running"] == 10 and later.taken[tomorrow, "push", "running"] == 0
    assert rooms(of, NOW + DAY).left("push", dt.date(2026, 7, 7)) == left - 10, "what is late is sent today"
    willing = everybody[asked_of_the_gate(everybody, "push").allowed]
    willing = willing[np.isin(willing, everybody[:10], invert=True)]
    willing = willing[np.isin(willing, with_address("push", of))][:left]
    tried = simulate(version, read_graph(SIX), willing, NOW)
    found = {each.what: each for each in tried.too_much(rooms(of, NOW))}
    assert (found["push"].asked, found["push"].left) == (tried.entered, left - 10)
    Journey.objects.update(state="ended")
    Send.objects.all().delete()
    assert not +rooms(of, NOW).taken
