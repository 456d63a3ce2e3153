"""Journeys that are entered one by one, measured by months: who entered in a month is a campaign of its own,
registered when the month is over, and looked at until then as far as it has come (`quanke.night.entered`)."""

from __future__ import annotations

import datetime as dt
import logging

import numpy as np
from django.db.models import QuerySet
from django.utils import timezone

from quanke.kernel.calendars import SHANGHAI
from quanke.kernel.errors import EffectError
from quanke.night.entered import EnteredCampaign, EnteredSoFar, entered_so_far, register_entered
from quanke_desk.campaigns.entering import salt_of
from quanke_desk.campaigns.models import Enrolment, JourneyVersion
from quanke_desk.campaigns.named import campaign_of
from quanke_desk.campaigns.offering import product_of
from quanke_desk.campaigns.plays import metrics_of
from quanke_desk.customers.consenting import hidden
from quanke_desk.foundation.analytic import base

_log = logging.getLogger(__name__)
_done: dict[str, dt.date] = {}


def register_cohorts(today: dt.date | None = None) -> list[str]:
    """Registers last month's cohort of every journey that is entered one by one and compares; answers the
    campaigns that are new. A cohort that is too small to measure by is not registered."""
    day = today or timezone.localdate()
    last = day.replace(day=1) - dt.timedelta(days=1)
    first = last.replace(day=1)
    home = base().bank.home
    if _done.get(str(home.path)) == day:
        return []
    known = {path.name for path in (home.path / "campaigns").glob("[a-z]*")}
    made = []
    for version in _compared(last):
        if version.graph.get("entry"):
            entered = _entered(version, first, last)
            if entered.name not in known and len(entered.customers):
                try:
                    made.append(register_entered(home, entered).design.name)
                except EffectError as refused:
                    _log.warning("cohort %s: %s", entered.name, refused)
    _done[str(home.path)] = day
    return made


def running_cohorts(day: dt.date) -> dict[str, JourneyVersion]:
    """Campaigns of a day's month, by name, which somebody has entered."""
    first, last = _month(day)
    begins, ends = (int(_moment(each).timestamp()) for each in (first, last + dt.timedelta(days=1)))
    entered = Enrolment.objects.filter(entered__gte=begins, entered__lt=ends)
    return {
        campaign_of(version, begins): version
        for version in _compared(last)
        if version.graph.get("entry") and entered.filter(version=version).exists()
    }


def so_far(name: str, day: dt.date) -> EnteredSoFar | None:
    """A campaign of a day's month as far as it has come by then; null for any other. Raises EffectError where
    an arm is too small yet."""
    version = running_cohorts(day).get(name)
    if version is None:
        return None
    return entered_so_far(base().bank.home, _entered(version, *_month(day), until=day))


def _compared(day: dt.date) -> QuerySet[JourneyVersion]:
    """Versions with a control that were started by a day."""
    return JourneyVersion.objects.filter(
        started_at__isnull=False, control_ppm__gt=0, started_at__lt=_moment(day + dt.timedelta(days=1))
    ).select_related("journey", "by")


def _month(day: dt.date) -> tuple[dt.date, dt.date]:
    first = day.replace(day=1)
    return first, (first + dt.timedelta(days=32)).replace(day=1) - dt.timedelta(days=1)


def _entered(
    version: JourneyVersion, first: dt.date, last: dt.date, until: dt.date | None = None
) -> EnteredCampaign:
    """Who entered in a month, or `until` a day of it."""
    after = (until or last) + dt.timedelta(days=1)
    span = (int(_moment(first).timestamp()), int(_moment(after).timestamp()))
    rows = Enrolment.objects.filter(version=version, entered__gte=span[0], entered__lt=span[1])
    customers = np.fromiter(rows.values_list("customer", flat=True).iterator(), np.int64)
    journey = version.journey
    began = version.started_at.astimezone(SHANGHAI).date() if version.started_at else first
    return EnteredCampaign(
        name=campaign_of(version, span[0]),
        entry=str(version.graph["entry"]),
        customers=customers[~np.isin(customers, [*hidden(), *_dealt_before(version)])],
        first=max(first, began),
        last=last,
        salt=salt_of(journey),
        control_ppm=version.control_ppm,
        title_zh=f"{journey.title_zh} {first:%Y-%m}",
        title_en=f"{journey.title_en or journey.title_zh} {first:%Y-%m}",
        offer=version.offer,
        product=product_of(version.offer),
        metrics=metrics_of(journey),
        approval=str(version.approval_id or ""),
        by=version.by.username,
    )


def _dealt_before(version: JourneyVersion) -> list[int]:
    """Customers who enter anew after a version that dealt otherwise, by a larger share or as an audience: its
    controls stay controls whatever their hash says now. Neither arm of it is compared, or those who came
    anew would be rarer in one arm than in the other."""
    others = JourneyVersion.objects.filter(journey=version.journey_id, started_at__isnull=False)
    otherwise = [
        other.pk
        for other in others.exclude(pk=version.pk)
        if other.control_ppm > version.control_ppm or (other.control_ppm and not other.graph.get("entry"))
    ]
    if not (version.graph.get("again") and otherwise):
        return []
    entered = Enrolment.objects.filter(version__in=otherwise)
    return list(entered.values_list("customer", flat=True).distinct().iterator())


def _moment(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), SHANGHAI)
