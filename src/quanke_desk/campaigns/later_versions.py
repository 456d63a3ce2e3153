"""Whom the audience of a version would still find, looked at before anybody decides about its start.

A journey's later version takes nobody who is or was in an earlier one: he would get everything twice, and in
a journey that sells the gate keeps the earlier version's controls from whatever the journey offers. Where its
design says `again`, customers of the version before come in anew, in the arms they have: the two versions are
one campaign then, dealt out once.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field

import numpy as np
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from quanke.effects.groups import Arm as EffectArm
from quanke.effects.groups import CampaignRegister, RegisteredCampaign, effect_rules
from quanke.kernel.errors import EffectError, NightError
from quanke.night.campaigns import CampaignPlan, campaign_outlook
from quanke.segments.control import WHOLE
from quanke_desk.campaigns.audiences import members_of
from quanke_desk.campaigns.effect_words import refusal
from quanke_desk.campaigns.entering import short_of_goals, turns_of
from quanke_desk.campaigns.graph import Graph, read_graph
from quanke_desk.campaigns.models import AudienceKind, Journey, JourneyState, JourneyVersion
from quanke_desk.campaigns.named import campaign_of
from quanke_desk.campaigns.offering import product_of
from quanke_desk.foundation import audit
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.people import NotAllowed

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class WouldEnter:
    """Customers of an audience by the last night: `members`, of whom `reached` a goal, `earlier` are left to
    an earlier version, `others` to other campaigns, and `kept_out` get no offer at all; `left` would enter
    (`who`: their numbers), controls among them: those of an earlier version whose arms are kept (`controls`),
    null where arms are yet to be dealt."""

    members: int
    reached: int
    earlier: int
    others: int
    kept_out: int
    left: int
    who: Ints = field(repr=False, compare=False)
    controls: Ints | None = field(default=None, repr=False, compare=False)

    def counts(self) -> dict[str, int]:
        """How many, without who."""
        return {name: held for name, held in asdict(self).items() if name not in ("who", "controls")}


def goes_on_with(version: JourneyVersion) -> JourneyVersion | None:
    """The version whose arms the audience of a later one keeps: where its design lets customers enter anew,
    that of the version started last before it."""
    if not version.graph.get("again") or version.graph.get("entry") or not version.control_ppm:
        return None
    before = version.journey.versions.select_related("continues").filter(
        started_at__isnull=False, number__lt=version.number, audience__isnull=False, control_ppm__gt=0
    )
    found = next((each for each in before if not each.graph.get("entry")), None)
    return found and (found.continues or found)


def arms_kept(version: JourneyVersion, first: JourneyVersion) -> RegisteredCampaign:
    """The campaign whose arms a version keeps. Raises NotAllowed where it cannot be kept."""
    try:
        campaign = CampaignRegister(base().bank.home.path).open(campaign_of(first))
    except EffectError as error:
        raise NotAllowed(refusal(error)) from None
    if version.control_ppm != first.control_ppm:
        raise NotAllowed("it goes on with the arms of an earlier version: the share of the control stays")
    if campaign.design.approval != str(first.approval_id or ""):
        raise NotAllowed("another campaign of this name is registered: its arms are not this journey's")
    if campaign.design.closes < timezone.localdate():
        raise NotAllowed("the effect of the earlier version is measured to its end: make another journey")
    return campaign


def would_enter(version: JourneyVersion) -> WouldEnter:
    """Who of a version's audience would enter were it started now. Raises NotAllowed where its campaign
    could not be registered."""
    assert version.audience is not None
    graph, everybody = read_graph(version.graph), np.unique(members_of(version.audience))
    short = short_of_goals(graph, everybody)
    fresh = short[turns_of(version, short, graph.again, int(time.time())) >= 0]
    reached, earlier = len(everybody) - len(short), len(short) - len(fresh)
    others = kept_out = 0
    who, controls = fresh, None
    if (first := goes_on_with(version)) is not None:
        arms = arms_kept(version, first)
        who = np.intersect1d(fresh, arms.customers.astype(np.int64))
        controls = np.intersect1d(who, arms.controls.astype(np.int64))
        others = len(fresh) - len(who)
    elif version.control_ppm and len(fresh):
        of = base()
        try:
            plan = plan_of(version, graph, fresh)
            found = campaign_outlook(of.bank.home, of.bank.catalogue, of.night, plan)
        except (EffectError, NightError) as error:
            raise NotAllowed(refusal(error)) from None
        others, kept_out = sum(found.excluded.values()), found.not_marketed + found.held_out
        who = found.who
    return WouldEnter(len(everybody), reached, earlier, others, kept_out, len(who), who, controls)


def large_enough(version: JourneyVersion, found: WouldEnter) -> None:
    """Raises NotAllowed where nobody would enter, or too few to measure by."""
    if found.members and not found.left:
        raise NotAllowed("nobody would enter: all of the audience are left out")
    if version.control_ppm and goes_on_with(version) is None:
        least = effect_rules(base().bank.home.path).least_arm.on(timezone.localdate())
        smaller = min(version.control_ppm, WHOLE - version.control_ppm)
        if found.left * smaller < least * WHOLE:
            raise NotAllowed("the control would be too small to measure by: widen the audience or its share")


def plan_of(version: JourneyVersion, graph: Graph, customers: Ints | None = None) -> CampaignPlan:
    """The campaign an audience is dealt out by. `customers`: who of it, where that is known already."""
    from quanke_desk.campaigns.plays import metrics_of  # plays begin journeys: they import this module

    audience, journey = version.audience, version.journey
    assert audience is not None
    today, live = timezone.localdate(), audience.kind == AudienceKind.LIVE
    if live and version.number == 1 and not graph.goals:
        customers = None  # the library cuts them out of the night itself
    elif customers is None:
        short = short_of_goals(graph, np.unique(members_of(audience)))
        customers = short[turns_of(version, short, graph.again, int(time.time())) >= 0]
    return CampaignPlan(
        name=campaign_of(version),
        audience=audience.text if live else f"{audience.audience.title} ({audience.number})",
        customers=customers,
        first_contact=today,
        until=max(version.until, today),
        arms=(EffectArm("control", version.control_ppm), EffectArm("treated", WHOLE - version.control_ppm)),
        title_zh=journey.title_zh,
        title_en=journey.title_en or journey.title_zh,
        approval=str(version.approval_id or ""),
        by=version.by.username,
        offer=version.offer,
        product=product_of(version.offer),
        metrics=metrics_of(journey),
        exclude=True,
    )


def put_back(version: JourneyVersion, rule: str) -> None:
    """Takes back the start of a version nobody could enter: the version before it is current again, and this
    one can be asked for anew."""
    with transaction.atomic():
        journey = Journey.objects.select_for_update().get(pk=version.journey_id)
        if version.enrolments.exists():
            return
        JourneyVersion.objects.filter(pk=version.pk).update(started_at=None, approval=None, continues=None)
        if journey.current_id == version.pk:
            journey.current = journey.versions.filter(started_at__isnull=False).first()
            if journey.current is None and journey.state == JourneyState.RUNNING:
                journey.state = JourneyState.DRAFT
            journey.save(update_fields=["current", "state"])
        detail = {"version": version.number, "rule": rule[:200]}
        audit.record(None, "journeys.not_started", f"journey:{journey.pk}", detail=detail)
