"""Measuring what campaigns changed: long jobs that publish the answer in the home, one asked for by a person,
one after each night of all journeys that run; and learning from them for the plan of the next night."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop as _noop

from quanke.effects.stopping import StoppingVerdict
from quanke.effects.store import EffectStore
from quanke.kernel.errors import EffectError, ScoreError
from quanke_desk.campaigns import effect_queries
from quanke_desk.campaigns.cohorts import running_cohorts, so_far
from quanke_desk.campaigns.effect_words import refusal
from quanke_desk.campaigns.models import JourneyState, JourneyVersion
from quanke_desk.campaigns.named import version_of
from quanke_desk.foundation import notices
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.jobs import Running, begin, job
from quanke_desk.foundation.models import Job
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May

_STANDS = _noop(
    "An effect of this day was published before and stays as it is; facts or rules have changed since."
)


@job("journeys.measure", title=_("Measuring what a campaign changed"), may=May.AUDIENCE)
def measure(running: Running, campaign: str) -> dict[str, Any]:
    """Measures and publishes. Run again it is the same: an effect of a day stands once it is published, and
    where facts or rules have changed since, that it stands is said."""
    running.step(_("Measuring"))
    bank = base().bank
    try:
        effect = bank.effects(campaign, so_far=so_far(campaign, base().day))
        _kept, same = EffectStore(bank.home.path).keep(effect)
    except EffectError as error:  # a job speaks the language of who began it
        raise NotAllowed(refusal(error)) from None
    link = {"link": reverse("effect", args=[campaign])}
    return link if same else {**link, "told": _STANDS}


EACH_NIGHT = "journeys.measure_running"
STOPS = {
    str(StoppingVerdict.HARM): _noop(
        "Stop %(campaign)s: its customers do worse than those it is compared with."
    ),
    str(StoppingVerdict.SUCCESS): _noop("%(campaign)s may stop: what it changes is shown already."),
}
"""Advice that whoever made a journey is told at once, by its verdict."""
_log = logging.getLogger(__name__)
_looked: dict[str, dt.date] = {}


def begin_after_night() -> bool:
    """Begins measuring once for each night, where a journey runs that can be measured; whether it did."""
    of = base()
    home = str(of.bank.home.path)
    if _looked.get(home) == of.day:
        return False
    night = of.day.isoformat()
    begun = Job.objects.filter(kind=EACH_NIGHT, arguments__night=night).exists()
    if not begun and any(_to_measure(of.day)):
        begin(EACH_NIGHT, {"night": night}, by=None)
        begun = True
    _looked[home] = of.day
    return begun


def _to_measure(night: dt.date) -> list[tuple[str, JourneyVersion]]:
    """Campaigns of journeys that were under way by a night and whose last effect, if there is one, was not
    the one of the whole window."""
    found = []
    for campaign in effect_queries.campaigns():
        measured = campaign.told is not None and not campaign.told["running"]
        if campaign.can_be_kept and not campaign.trouble and not measured and campaign.first <= str(night):
            version = version_of(campaign.name)
            if version is not None and version.journey.state != JourneyState.DRAFT:
                found.append((campaign.name, version))
    known = {name for name, _version in found}
    return [*found, *((name, v) for name, v in running_cohorts(night).items() if name not in known)]


@job(EACH_NIGHT, title=_("Measuring the journeys that run"), may=May.AUDIENCE)
def measure_running(running: Running, night: str) -> dict[str, Any]:
    """Measures what journeys changed, one after the other, and tells who made them where one may stop. Run
    again it goes on: an effect of a day is published once, and told of once. One that cannot be measured
    keeps no other."""
    found, measured = _to_measure(dt.date.fromisoformat(night)), 0
    for at, (name, version) in enumerate(found):
        running.step(_("Measuring"), at, len(found))
        try:
            measured += _measured(name, version)
        except EffectError as error:
            _log.info("campaign %s is not measured: %s", name, error.message)
    return {"measured": measured, "link": reverse("effects")}


def _measured(name: str, version: JourneyVersion) -> bool:
    """Whether the effect of a campaign by the last day known is new."""
    bank = base().bank
    store = EffectStore(bank.home.path)
    before = {each.path.stem: each for each in store.of(name)}
    effect = bank.effects(name, so_far=so_far(name, base().day))
    if effect.as_of.isoformat() in before:
        return False
    last = before[max(before)].content if before else {}
    with transaction.atomic():
        kept, _same = store.keep(effect)
        tell_of_stop(name, version, kept.content, last)
    return True


def tell_of_stop(name: str, version: JourneyVersion, told: dict[str, Any], before: dict[str, Any]) -> None:
    """Tells whoever made a journey and its version that it may stop, unless the effect before said so."""
    verdict, last = ((each.get("advice") or {}).get("verdict", "") for each in (told, before))
    if verdict in STOPS and verdict != last:
        makers = {person.pk: person for person in (version.journey.made_by, version.by) if person.is_active}
        notices.tell(makers.values(), STOPS[verdict], reverse("effect", args=[name]), campaign=name)


@job("journeys.learn", title=_("Learning from campaigns"), may=May.CAMPAIGN)
def learn(running: Running) -> dict[str, Any]:
    """Learns from every campaign that names its offer, for the plan of the next night. Run again it is the
    same: the same data give the same versions."""
    from quanke.night.uplift_training import learn_uplift  # what trains is heavy to import

    running.step(_("Learning from campaigns"))
    try:
        made = learn_uplift(base().bank.home)
    except (EffectError, ScoreError):
        made = None
    if made is None or not made.versions:
        raise NotAllowed("nothing can be learned yet: the page of each campaign says what it lacks")
    return {"learned": sorted(made.versions), "told": _LEARNED, "link": reverse("effects")}


_LEARNED = _noop("Learned: the plan of the next night counts with it.")
