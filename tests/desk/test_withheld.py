"""Whoever is compared with is reached by no offer, whoever makes it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from quanke.effects.groups import effect_rules
from quanke_desk.campaigns import known
from quanke_desk.campaigns.known import registered_controls
from quanke_desk.campaigns.models import JourneyVersion
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.roles import Role
from tests.desk.registered import campaign
from tests.desk.test_policy import DAY, TODAY, agreed, epoch, journey_with_control, one


def test_controls_of_whatever_runs_are_left_alone(
    desk: dict[str, Person], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    by, (me, other, third) = desk[Role.COMPLIANCE], agreed(count=3)
    journey = journey_with_control(by, [me], entered=epoch(DAY) - 86_400)
    assert one(me, journey=journey.pk) == one(me, journey=journey.pk + 1) == one(me) == "control"
    assert one(me, means="app") != "" and one(me, purpose="service") == "" and one(other) == ""
    days = effect_rules(base().bank.home.path).window_days.on(TODAY)
    assert one(me, DAY + dt.timedelta(days=days)) == "", "its effect is looked for no more"
    JourneyVersion.objects.update(purpose="service")
    assert one(me) == "", "who gets a service later is sold to as everybody"
    assert list(registered_controls(tmp_path, TODAY)) == []
    campaign(tmp_path, [other, third], ["control", "treated"])
    assert list(registered_controls(tmp_path, TODAY)) == [other], "a campaign that came is known at once"
    monkeypatch.setattr(known, "registered_controls", lambda home, day: registered_controls(tmp_path, day))
    assert one(other) == "control" and one(other, purpose="service") == one(third) == ""
