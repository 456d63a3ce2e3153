"""Entering anew where a journey has another version by now: nobody goes through two of them at once."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np

from quanke.kernel.calendars import SHANGHAI
from quanke.segments.control import in_control
from quanke_desk.campaigns.cohorts import _entered
from quanke_desk.campaigns.entering import enter, salt_of
from quanke_desk.campaigns.models import Arm, Enrolment, Journey, JourneyVersion
from quanke_desk.campaigns.moving import move_due
from quanke_desk.campaigns.policy import Candidates, decide
from quanke_desk.foundation.models import Person
from tests.desk.test_journeys import DAY, NOW, running
from tests.desk.test_triggers import people

GREETING: dict[str, Any] = {
    "entry": "trigger:birthday",
    "start": "rest",
    "nodes": {"rest": {"do": "wait", "days": 20, "next": "end"}, "end": {"do": "exit"}},
}
AGAIN = {**GREETING, "again": 300}


def next_version(version: JourneyVersion, control: int | None = None) -> JourneyVersion:
    """The same design as the version in force from now on."""
    share = version.control_ppm if control is None else control
    made = JourneyVersion.objects.create(
        journey=version.journey, number=2, graph=version.graph, control_ppm=share,
        until=dt.date(2028, 7, 1), by=version.by, started_at=dt.datetime(2026, 7, 9, tzinfo=SHANGHAI),
    )  # fmt: skip
    Journey.objects.filter(pk=version.journey_id).update(current=made)
    JourneyVersion.objects.filter(pk=version.pk).update(until=made.until)
    return made


def test_the_days_count_over_all_versions(desk: dict[str, Person]) -> None:
    first = running(desk, AGAIN, control=300_000)
    some = np.array(people(40))
    assert enter(first, some[:30], NOW) == 30
    controls = set(first.enrolments.filter(arm=Arm.CONTROL).values_list("customer", flat=True))
    assert 0 < len(controls) < 30
    second = next_version(first)
    assert enter(second, some, NOW + 5 * DAY) == 10, "who is under way, or compared with, stays"
    move_due(NOW + 25 * DAY)
    assert not Enrolment.objects.filter(state__in=["w", "e"], version=first).exists()
    assert enter(second, some, NOW + 299 * DAY) == 0, "nobody is greeted twice in the days"
    assert enter(second, some, NOW + 301 * DAY) == 30 and enter(second, some, NOW + 301 * DAY) == 0
    move_due(NOW + 325 * DAY)
    assert enter(second, some, NOW + 306 * DAY) == 10, "whose days are over by now"
    turns = dict(second.enrolments.values_list("customer", "turn").order_by("turn"))
    assert {turns[c] for c in some[:30]} == {0} and {turns[c] for c in some[30:]} == {1}
    arms = second.enrolments.filter(arm=Arm.CONTROL, customer__in=some[:30].tolist())
    assert set(arms.values_list("customer", flat=True)) == controls, "the same arm in each version"


def test_a_smaller_control_leaves_the_controls_of_before_alone(desk: dict[str, Person]) -> None:
    first = running(desk, AGAIN, control=500_000)
    some = np.array(people(80))
    assert enter(first, some[:40], NOW) == 40
    controls = set(first.enrolments.filter(arm=Arm.CONTROL).values_list("customer", flat=True))
    second = next_version(first, control=100_000)
    move_due(NOW + 25 * DAY)
    later = NOW + 301 * DAY
    assert enter(second, some, later) > 70
    came = set(second.enrolments.values_list("customer", flat=True))
    dealt = set(second.enrolments.filter(arm=Arm.CONTROL).values_list("customer", flat=True))
    by_hash = some[in_control(some, salt_of(second.journey), 100_000)].tolist()
    assert dealt == (controls | set(by_hash)) & came and len(controls) > len(by_hash)
    at = dt.datetime.fromtimestamp(later, SHANGHAI)
    treated = sorted(came - dealt)
    pushed = [{"id": c, "customer": c, "means": "sms", "purpose": "marketing", "journey": second.journey_id}
              for c in treated]  # fmt: skip
    assert "control" not in decide(Candidates.of(pushed), at).rows_by_rule(), "treated is who can be reached"
    day = at.date()
    compared = set(_entered(second, day, day).customers.tolist())
    assert compared == came & set(some[40:].tolist()), "who came anew is compared in neither arm"


def test_who_is_under_way_stays_with_his_version(desk: dict[str, Person]) -> None:
    first = running(desk, GREETING)
    some = np.array(people(8))
    assert enter(first, some[:5], NOW) == 5
    second = next_version(first)
    assert enter(second, some, NOW + DAY) == 3
    move_due(NOW + 25 * DAY)
    assert enter(second, some, NOW + 30 * DAY) == 0, "who went through an earlier version had it once"
