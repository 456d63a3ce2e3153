"""Journeys measured by themselves after each night, their makers told of a stop; learning by a button."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone

from quanke.effects.groups import CampaignRegister
from quanke.effects.store import EffectStore
from quanke.kernel.calendars import SHANGHAI
from quanke_desk.campaigns import measuring
from quanke_desk.campaigns.entered_arms import months_too_few
from quanke_desk.campaigns.entering import enter
from quanke_desk.campaigns.models import Enrolment, Journey, JourneyVersion
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Job, Notice, Person
from quanke_desk.foundation.notices import said
from quanke_desk.foundation.roles import Role
from quanke_desk.foundation.working import ROUNDS, run, take
from tests.desk.test_journeys import SIX, running

NAME = "fund_spring_2026"


@pytest.fixture
def home(tmp_path: Path, settings: Any) -> Path:
    """A home whose effects may be written."""
    shutil.copytree(settings.QUANKE_HOME, tmp_path / "home")
    settings.QUANKE_HOME = str(tmp_path / "home")
    return tmp_path / "home"


def worked() -> Job:
    held = take()
    assert held is not None
    run(held)
    held.refresh_from_db()
    return held


def test_after_each_night_journeys_that_run_are_measured(home: Path, desk: dict[str, Person]) -> None:
    assert not measuring.begin_after_night() and not Job.objects.exists(), "no journey runs"
    measuring._looked.clear()
    running(desk, SIX, control=200_000, name=NAME)
    running(desk, SIX, control=200_000, name="never_pushed")
    ROUNDS["measured"].do()
    ROUNDS["measured"].do()
    assert Job.objects.get().arguments == {"night": base().day.isoformat()}
    measuring._looked.clear()  # another worker
    ROUNDS["measured"].do()
    held = worked()
    assert held.state == "done" and held.result["measured"] == 1, held.error
    [kept] = EffectStore(home).of(NAME)
    assert Job.objects.count() == 1 and held.by is None
    if not kept.content["running"]:
        assert not measuring._to_measure(base().day), "the whole window was measured"
    assert EffectStore(home).of("never_pushed") == []


def test_who_made_a_journey_is_told_once_that_it_may_stop(desk: dict[str, Person]) -> None:
    version = running(desk, SIX, control=200_000, name=NAME)
    told: dict[str, Any] = {"advice": {"verdict": "harm"}}
    for before in ({"advice": {"verdict": "go_on"}}, {"advice": None}, {}):
        measuring.tell_of_stop(NAME, version, told, before)
    assert Notice.objects.count() == 3
    measuring.tell_of_stop(NAME, version, told, told)
    measuring.tell_of_stop(NAME, version, {"advice": {"verdict": "go_on"}}, {})
    measuring.tell_of_stop(NAME, version, {"advice": None}, {})
    assert Notice.objects.count() == 3, "once, and nothing where nothing is to be done"
    notice = Notice.objects.all()[0]
    assert notice.person == desk[Role.ANALYST] and notice.link == f"/effects/{NAME}/"
    assert NAME in said(notice) and "停" in said(notice)


def test_the_plan_learns_by_a_button(home: Path, desk: dict[str, Person], entered: dict[str, Client]) -> None:
    client, path = entered[Role.ANALYST], f"/effects/{NAME}/"
    client.post(path, {"do": "learn"})
    held = Job.objects.get()
    assert held.kind == "journeys.learn" and held.by == desk[Role.ANALYST]
    entered[Role.COMMITTEE].post(path, {"do": "learn"})
    assert Job.objects.count() == 1, "who decides does not train"
    held = worked()
    assert held.state == "failed", "no campaign of this home says what it offered"
    assert "尚无可学习的内容" in client.get(f"/jobs/{held.pk}/").content.decode()


def test_the_page_says_of_how_few_no_effect_is_told(
    desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    version = running(desk, {"entry": "interface", **SIX}, control=300_000)
    today = timezone.localdate()
    begun = today.replace(day=1)
    last = (begun - dt.timedelta(days=1)).replace(day=1)
    version.started_at, version.until = dt.datetime.combine(last, dt.time(9), SHANGHAI), today
    version.save()
    some, page = np.flatnonzero(base().there), f"/journeys/{version.journey_id}/"
    for day, few in ((last, some[:40]), (begun, some[40:60])):
        enter(version, few, int(dt.datetime.combine(day, dt.time(9), SHANGHAI).timestamp()))
    then, now = (
        Enrolment.objects.filter(state="c", customer__in=each.tolist()).count()
        for each in (some[:40], some[40:60])
    )
    assert [(each.over, each.have, each.least) for each in months_too_few(version.journey)] == [
        (True, then, 50), (False, now, 50)
    ]  # fmt: skip
    shown = entered[Role.ANALYST].get(page).content.decode()
    assert f"仅进入 {then} 人" in shown and f"尚无法测算效果。较小一组需 50 人，已进入 {now} 人" in shown
    enter(version, some[60:500], int(dt.datetime.combine(begun, dt.time(9), SHANGHAI).timestamp()))
    assert [each.over for each in months_too_few(version.journey)] == [True]
    Journey.objects.update(state="ended")
    assert [each.have for each in months_too_few(version.journey)] == [then]


def test_a_month_that_runs_is_looked_at(
    home: Path, desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    version = running(desk, {"entry": "interface", **SIX}, control=300_000)
    started = dt.datetime(2026, 6, 3, tzinfo=SHANGHAI)
    JourneyVersion.objects.update(started_at=started)
    some = np.flatnonzero(base().there)
    may, june = (int(dt.datetime(2026, m, 20, tzinfo=SHANGHAI).timestamp()) for m in (5, 6))
    enter(version, some[:20], may)
    early = set(Enrolment.objects.values_list("customer", flat=True))
    enter(version, some[20:800], june)
    controls = Enrolment.objects.filter(state="c", entered=june).count()
    ROUNDS["measured"].do()
    assert worked().result["measured"] == 1
    [kept] = EffectStore(home).of("summer_202606")
    told = kept.content
    assert told["running"] and told["first"] == "2026-06-03" and early
    assert told["funnel"]["control"] == controls
    assert told["funnel"]["targeted"] == Enrolment.objects.filter(entered=june, arm=1).count()
    assert not CampaignRegister(home).all(), "it is registered when the month is over"
    client = entered[Role.ANALYST]
    assert "/effects/summer_202606/" in client.get("/effects/").content.decode()
    assert "夏季" in client.get("/effects/summer_202606/").content.decode()
    client.post("/effects/summer_202606/", {})
    assert worked().state == "done"
