"""Later versions of a journey: nobody gets it twice, who would be left is said before, arms stay."""

from __future__ import annotations

import datetime as dt
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone

from quanke.effects.groups import CampaignRegister
from quanke_desk.campaigns import journey_actions
from quanke_desk.campaigns.audiences import members_of
from quanke_desk.campaigns.entering import enter, put_in
from quanke_desk.campaigns.graph import read_graph
from quanke_desk.campaigns.later_versions import would_enter
from quanke_desk.campaigns.models import (
    Arm,
    Audience,
    AudienceVersion,
    Journey,
    JourneyVersion,
    Send,
)
from quanke_desk.campaigns.moving import move_due
from quanke_desk.campaigns.named import campaign_of, enrolled, version_of
from quanke_desk.foundation import approvals
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Approval, AuditEntry, Job, Person
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import Role
from quanke_desk.foundation.working import run, take
from tests.desk.test_journeys import DAY, NOW, SIX, running


@pytest.fixture
def home(tmp_path: Path, settings: Any) -> Path:
    """A home whose register may be written."""
    shutil.copytree(settings.QUANKE_HOME, tmp_path / "home")
    settings.QUANKE_HOME = str(tmp_path / "home")
    return tmp_path / "home"


def audience(desk: dict[str, Person], text: str) -> AudienceVersion:
    made = Audience.objects.create(title=text, made_by=desk[Role.ANALYST])
    return AudienceVersion.objects.create(
        audience=made, number=1, kind="live", text=text, night=base().day, size=400, by=desk[Role.ANALYST]
    )


def saved(desk: dict[str, Person], journey: Journey, of: AudienceVersion, **more: Any) -> JourneyVersion:
    until = timezone.localdate() + dt.timedelta(days=20)
    given = {"graph": SIX, "control_ppm": 450_000, "until": until, **more}
    graph = given.pop("graph")
    return journey_actions.save_design(journey, graph, by=desk[Role.ANALYST], audience=of, **given)


def started(desk: dict[str, Person], version: JourneyVersion) -> Job:
    """Asks for a version, agrees, and carries out the job by which its audience enters."""
    asked = journey_actions.ask_to_start(version, by=desk[Role.ANALYST], reason="x")
    approvals.decide(asked.pk, True, by=desk[Role.COMMITTEE])
    held = take()
    assert held is not None
    run(held)
    held.refresh_from_db()
    version.refresh_from_db()
    return held


def through(version: JourneyVersion, days: int) -> None:
    """Everybody of a version entered so many days ago, and whoever was under way is through."""
    ago = int(timezone.now().timestamp()) - days * DAY
    version.enrolments.update(entered=ago)
    version.enrolments.filter(arm=Arm.TREATED).update(state="d")


def arms_of(version: JourneyVersion) -> dict[int, set[int]]:
    return {
        int(arm): set(version.enrolments.filter(arm=arm).values_list("customer", flat=True)) for arm in Arm
    }


def test_a_service_is_done_once(home: Path, desk: dict[str, Person]) -> None:
    journey = journey_actions.make_journey("serves", "x", "", by=desk[Role.ANALYST])
    core = audience(desk, 'tier == "core"')
    serves: dict[str, Any] = {"control_ppm": 0, "purpose": "service"}
    first, second = (saved(desk, journey, core, **serves) for _n in range(2))
    assert started(desk, first).state == "done"
    entered = arms_of(first)[1]
    assert len(entered) > 50
    with pytest.raises(NotAllowed, match="nobody would enter"):
        journey_actions.ask_to_start(second, by=desk[Role.ANALYST], reason="x")
    everybody = np.unique(members_of(core)).astype(np.int64)
    others = np.setdiff1d(np.flatnonzero(base().there), everybody)[:5]
    with_others = np.union1d(everybody, others)
    assert put_in(second, read_graph(SIX), with_others, Arm.TREATED, NOW) == 5, "who is in the first is not"
    anew = saved(desk, journey, core, graph={"again": 30, **SIX}, **serves)
    assert would_enter(anew).left == 0, "under way"
    through(first, 20)
    assert would_enter(anew).left == 0, "not so long ago"
    through(first, 31)
    through(second, 31)
    assert started(desk, anew).result["entered"] == len(entered)
    assert put_in(anew, read_graph(anew.graph), everybody, Arm.TREATED, NOW) == 0


def test_who_comes_by_himself_comes_once_too(desk: dict[str, Person]) -> None:
    first = running(desk, {"entry": "interface", **SIX})
    enter(first, np.arange(40), NOW)
    before = arms_of(first)
    second = JourneyVersion.objects.create(
        journey=first.journey, number=2, graph=first.graph, control_ppm=0, until=first.until, by=first.by,
        started_at=first.started_at,
    )  # fmt: skip
    enter(second, np.arange(60), NOW)
    after = arms_of(second)
    assert after[1] and not after[1] & before[1]


def test_a_later_version_takes_whom_no_earlier_one_took(
    home: Path, desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    journey = journey_actions.make_journey("sells", "x", "", by=desk[Role.ANALYST])
    core = audience(desk, 'tier == "core"')
    first, same = (saved(desk, journey, core) for _n in range(2))
    wider = saved(desk, journey, audience(desk, 'tier == "core" or tier == "online"'))
    assert started(desk, first).state == "done"
    with pytest.raises(NotAllowed, match="nobody would enter"):
        journey_actions.ask_to_start(same, by=desk[Role.ANALYST], reason="x")
    assert not Approval.objects.filter(arguments__version=same.pk).exists()
    before = arms_of(first)
    found = would_enter(wider)
    assert found.earlier == len(before[0] | before[1]) and found.left
    assert sum((found.reached, found.earlier, found.others, found.kept_out, found.left)) == found.members
    assert started(desk, wider).state == "done"
    asked = Approval.objects.get(arguments__version=wider.pk)
    page = entered[Role.COMMITTEE].get(f"/approvals/{asked.pk}/").content.decode()
    assert f"{found.left:,} / {found.members:,}" in page and f"{found.earlier:,}" in page
    after = arms_of(wider)
    assert len(after[0] | after[1]) == found.left and not (after[0] | after[1]) & (before[0] | before[1])
    assert campaign_of(wider) == f"sells_v{wider.number}"


def test_a_version_that_takes_customers_anew_keeps_their_arms(home: Path, desk: dict[str, Person]) -> None:
    journey = journey_actions.make_journey("anew", "x", "", by=desk[Role.ANALYST])
    core = audience(desk, 'tier == "core"')
    first = saved(desk, journey, core)
    assert started(desk, first).state == "done"
    before = arms_of(first)
    through(first, 10)
    graph = {"again": 7, **SIX}
    with pytest.raises(NotAllowed, match="share of the control stays"):
        journey_actions.ask_to_start(
            saved(desk, journey, core, graph=graph, control_ppm=400_000), by=desk[Role.ANALYST], reason="x"
        )
    second = saved(desk, journey, core, graph=graph)
    found = would_enter(second)
    assert found.left == len(before[0] | before[1]) and found.others > 0, "the hold-out was dealt to no arm"
    assert started(desk, second).state == "done"
    assert arms_of(second) == before and second.continues == first
    assert campaign_of(second) == "anew" and version_of("anew") == first
    assert [c.path.name for c in CampaignRegister(home).all() if c.path.name.startswith("anew")] == ["anew"]
    move_due()
    sent = Send.objects.filter(**enrolled("anew", first))
    assert sent.filter(enrolment__version=second).count() == len(before[1]), "and cost it what it costs"
    assert not set(sent.values_list("customer", flat=True)) & before[0]


def test_a_trial_is_of_whom_the_start_would_take(
    home: Path, desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    journey = journey_actions.make_journey("tries", "x", "", by=desk[Role.ANALYST])
    core = audience(desk, 'tier == "core"')
    assert started(desk, saved(desk, journey, core)).state == "done"
    wide = audience(desk, 'tier == "core" or tier == "online"')
    before = journey.versions.get().enrolments.count()

    def tried(graph: dict[str, Any], of: AudienceVersion) -> Any:
        journey.refresh_from_db()
        journey_actions.keep_draft(journey, graph, by=desk[Role.ANALYST])
        until = timezone.localdate() + dt.timedelta(days=20)
        form = {
            "do": "try",
            "audience": of.audience_id,
            "control": "45",
            "priority": "5",
            "until": f"{until}",
        }
        return entered[Role.ANALYST].post(f"/journeys/{journey.pk}/design/", form)

    answer, found = tried(SIX, wide), would_enter(saved(desk, journey, wide))
    assert found.earlier == before and 0 < found.left < found.members - before, "the hold-out is left out too"
    assert answer.context["tried"].entered + answer.context["tried"].control == found.left
    assert f"{found.left:,} / {found.members:,} · " in answer.content.decode()
    through(journey.versions.get(number=1), 10)
    first = arms_of(journey.versions.get(number=1))
    kept = tried({"again": 7, **SIX}, core).context["tried"]
    assert (kept.control, kept.entered) == (len(first[0]), len(first[1])), "the arms that stand"


def test_a_version_nobody_could_enter_was_not_started(home: Path, desk: dict[str, Person]) -> None:
    journey = journey_actions.make_journey("late", "x", "", by=desk[Role.ANALYST])
    core, mass = audience(desk, 'tier == "core"'), audience(desk, 'tier == "online"')
    first, second = saved(desk, journey, core), saved(desk, journey, mass)
    other = saved(desk, journey_actions.make_journey("other", "y", "", by=desk[Role.ANALYST]), mass)
    assert started(desk, first).state == "done"
    asked = journey_actions.ask_to_start(second, by=desk[Role.ANALYST], reason="x")
    assert started(desk, other).state == "done", "meanwhile another takes them"
    approvals.decide(asked.pk, True, by=desk[Role.COMMITTEE])
    held = take()
    assert held is not None
    run(held)
    held.refresh_from_db()
    assert held.state == "failed"
    journey.refresh_from_db()
    second.refresh_from_db()
    assert (second.started_at, second.approval) == (None, None) and journey.current == first
    assert AuditEntry.objects.filter(action="journeys.not_started").count() == 1
    with pytest.raises(NotAllowed, match="nobody would enter"):
        journey_actions.ask_to_start(second, by=desk[Role.ANALYST], reason="x")
    shutil.rmtree(home / "campaigns" / "other")
    assert started(desk, second).state == "done", "it can be asked again"
    assert Counter(second.enrolments.values_list("arm", flat=True))[1] > 50
