"""Pushes that wait still when their customer reached what the journey is for."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from quanke_desk.campaigns.entering import enter
from quanke_desk.campaigns.journey_queries import pushes
from quanke_desk.campaigns.models import JourneyVersion, Send
from quanke_desk.campaigns.moving import move_due
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Person
from tests.desk.test_journeys import NOW, running
from tests.desk.test_policy import sent

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
