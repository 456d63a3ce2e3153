"""Pushes that wait still when their customer reached what the journey is for, or when their day is over."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import numpy as np
import pytest
from django.utils import timezone

from quanke_desk.campaigns import plays
from quanke_desk.campaigns.design_forms import fields_of
from quanke_desk.campaigns.entering import enter
from quanke_desk.campaigns.gating import may_go_again
from quanke_desk.campaigns.graph import GraphError, read_graph
from quanke_desk.campaigns.journey_queries import pushes
from quanke_desk.campaigns.models import JourneyVersion, Send
from quanke_desk.campaigns.moving import move_due
from quanke_desk.campaigns.sending import send_due
from quanke_desk.campaigns.simulating import simulate
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.roles import Role
from tests.desk.test_journeys import NOW, running
from tests.desk.test_policy import DAY, agreed, epoch, sent
from tests.desk.test_sending import queued, reachable, template

HELLO: dict[str, Any] = {"do": "send", "template": "hello", "means": ["sms"]}
END: dict[str, Any] = {"end": {"do": "exit"}}


def states(**of: Any) -> Counter[tuple[str, str]]:
    return Counter(Send.objects.filter(**of).values_list("state", "rule"))


def test_who_reached_the_goal_by_night_gets_no_push_of_before(desk: dict[str, Person]) -> None:
    nodes = {"hello": {**HELLO, "next": "rest"}, "rest": {"do": "wait", "days": 9, "next": "end"}, **END}
    version = running(desk, {"start": "hello", "nodes": nodes}, purpose="service")
    short = {"start": "hello", "nodes": {**END, "hello": {**HELLO, "next": "end"}}}
    through = running(desk, short, name="b", purpose="service")
    everybody = np.flatnonzero(base().there)[:200]
    for each in (version, through):
        enter(each, everybody, NOW)
    move_due(NOW)
    rich = {c for c in everybody.tolist() if (base().row(c, ["aum"])["aum"] or 0) >= 5_000_000}
    gone, kept = sorted(rich)[:2], sorted(set(everybody.tolist()) - rich)[0]
    Send.objects.filter(customer__in=[gone[0], kept]).update(state="h", rule="quiet", wake=NOW + 80_000)
    Send.objects.filter(customer=gone[1]).update(state="s")
    other = sent(gone[0])
    Send.objects.filter(pk=other.pk).update(state="q")
    count = Send.objects.filter(journey=version.journey).count()
    for each in (version, through):  # of the second nobody is under way any more
        graph = {**each.graph, "goals": [{"name": "rich", "when": "aum >= 50_000元"}]}
        JourneyVersion.objects.filter(pk=each.pk).update(graph=graph)
    move_due(NOW + 60)
    for each in (version, through):
        off = Send.objects.filter(journey=each.journey, state="r", rule="goal", decided=NOW + 60)
        mine = set(off.values_list("customer", flat=True))
        assert mine == rich - {gone[1]}, "what is handed over already is not called back"
        left = states(journey=each.journey)
        assert left["q", ""] == count - len(rich) - 1 and left["h", "quiet"] == 1 and left["s", ""] == 1
    assert states(journey=None) == {("q", ""): 1}, "what is of no journey stays"
    assert "发送前客户已达成旅程目标" in {row["rule_title"] for row in pushes(version.journey)}


def test_a_goal_on_the_way_calls_off_what_waits(desk: dict[str, Person]) -> None:
    nodes = {
        "hello": {**HELLO, "next": "rest"}, "rest": {"do": "wait", "minutes": 5, "next": "thanks"},
        "thanks": {**HELLO, "template": "thanks", "next": "done"}, "done": {"do": "goal"},
    }  # fmt: skip
    version = running(desk, {"start": "hello", "nodes": nodes}, purpose="service")
    enter(version, np.flatnonzero(base().there)[:3], NOW)
    move_due(NOW)
    assert states(template="hello") == {("q", ""): 3}
    move_due(NOW + 301)
    assert states(template="hello") == {("r", "goal"): 3}
    assert states(template="thanks") == {("q", ""): 3}, "the last step to it is sent"


def until(days: Any) -> dict[str, Any]:
    return {"start": "hello", "nodes": {**END, "hello": {**HELLO, "until_days": days, "next": "end"}}}


@pytest.mark.parametrize("days", [-1, 61, "0", True, None])
def test_so_many_days_and_no_others(days: Any) -> None:
    with pytest.raises(GraphError, match="until_days"):
        read_graph(until(days))


def test_a_step_says_until_when_its_push_may_leave(desk: dict[str, Person]) -> None:
    midnight = NOW - 11 * 3600 + 86_400
    for days, ends in ((0, midnight), (2, midnight + 2 * 86_400)):
        version = running(desk, until(days), name=f"until_{days}", purpose="service")
        enter(version, np.flatnonzero(base().there)[:3], NOW)
        move_due(NOW)
        assert set(Send.objects.filter(journey=version.journey).values_list("until", flat=True)) == {ends}
    greeting = read_graph(plays.BY_NAME["birthday"].graph())
    assert [n.until_days for n in greeting.nodes if n.do == "send"] == [0], "a day late it is none"


def test_what_is_held_past_its_day_is_not_sent(
    desk: dict[str, Person], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.QUANKE_DEMO = True
    clock = {"at": DAY.replace(hour=22)}
    monkeypatch.setattr(timezone, "now", lambda: clock["at"])
    template(desk[Role.ANALYST])
    today, tomorrow = (epoch(DAY.replace(hour=0) + dt.timedelta(days=n)) for n in (1, 2))
    for key, customer, ends in zip("abc", reachable(3), (today, tomorrow, None), strict=True):
        queued(customer, key, until=ends)
    send_due()
    assert states() == {("h", "quiet"): 3}
    clock["at"] = DAY.replace(day=2, hour=9)
    assert may_go_again([Send.objects.get(key="a")]).rules == {Send.objects.get(key="a").pk: "late"}
    send_due()
    assert states() == {("r", "late"): 1, ("t", ""): 2}
    assert Send.objects.get(key="a").rule == "late"


def test_a_trial_knows_what_would_be_late(desk: dict[str, Person]) -> None:
    some = np.array(agreed("sms", 40))
    evening = NOW + 11 * 3600
    for days, late in ((0, True), (1, False)):
        version = running(desk, until(days), name=f"tried_{days}")
        tried = simulate(version, read_graph(until(days)), some, evening)
        assert (tried.refused["hello", "sms", "late"] > 10) == late == (not sum(tried.pushes.values()))


def test_the_form_of_a_step_says_it() -> None:
    node = until(3)["nodes"]["hello"]
    asked = {"template": "hello", "means": "sms"}
    assert fields_of(node, asked)["until_days"] == 3, "a form without the field"
    assert "until_days" not in fields_of(node, {**asked, "until_days": " "})
    assert fields_of(node, {**asked, "until_days": "0"})["until_days"] == 0
