"""Whether the arms of those who enter one by one are large enough to tell an effect by: month by month, for
every month is a campaign of its own (`campaigns.cohorts`); before a start by the firings of late."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass

import numpy as np
from django.utils import timezone
from django.utils.translation import gettext

from quanke.effects.groups import effect_rules
from quanke.kernel.calendars import SHANGHAI
from quanke.kernel.errors import QuankeError
from quanke.segments.control import WHOLE
from quanke_desk.campaigns.audiences import members_of
from quanke_desk.campaigns.coming import Coming, coming
from quanke_desk.campaigns.entering import short_of_goals
from quanke_desk.campaigns.graph import Graph, read_graph, trigger_of
from quanke_desk.campaigns.models import Arm, Enrolment, Journey, JourneyState, JourneyVersion
from quanke_desk.customers.consenting import hidden
from quanke_desk.foundation.analytic import base, home_path

MONTH = 30
"""Days of a month to reckon with."""


@dataclass(frozen=True)
class Expected:
    """About how many enter a month, how many of them are in the smaller arm, and how many it needs."""

    entries: int
    smaller: int
    least: int

    @property
    def words(self) -> str:
        """That no month can be measured, and why; "" where it can."""
        if self.smaller >= self.least:
            return ""
        return gettext(
            "about %(entries)s enter a month, %(smaller)s of them in the smaller arm, and an effect needs"
            " %(least)s there: no month could be measured"
        ) % {"entries": f"{self.entries:,}", "smaller": f"{self.smaller:,}", "least": f"{self.least:,}"}


@dataclass(frozen=True)
class TooFew:
    """A month whose smaller arm is too small: it has `have` of the `least` it needs; `over`: nobody comes any
    more."""

    number: int
    month: dt.date
    over: bool
    have: int
    least: int


def expected(version: JourneyVersion, graph: Graph, came: Coming) -> Expected | None:
    """What the firings that were looked at (`came`) let expect; null for a version that compares with nobody,
    or of which nobody knows who comes. Raises NightError, AudienceError."""
    if came.firings is None or not version.control_ppm:
        return None
    groups = [group for _moment, group in came.groups]
    everybody = np.unique(np.concatenate(groups)) if groups else np.zeros(0, np.int64)
    entered = len(short_of_goals(graph, everybody)) * came.every
    entries = round(entered * MONTH / came.firings.days)
    return Expected(entries, entries * _smaller_share(version) // WHOLE, _least(timezone.localdate()))


def expected_of(version: JourneyVersion) -> Expected | None:
    """The same for a version that is to be started; null where nothing can be said of it tonight."""
    graph, of = read_graph(version.graph), base()
    name = trigger_of(graph.entry)
    if name not in {trigger.name for trigger in of.bank.catalogue.triggers}:
        return None
    try:
        asked = np.flatnonzero(of.there) if version.audience is None else members_of(version.audience)
        return expected(version, graph, coming(graph, asked.astype(np.int64), int(time.time())))
    except QuankeError:  # no night is there, or the catalogue lost what is asked
        return None


def months_too_few(journey: Journey, today: dt.date | None = None) -> list[TooFew]:
    """Of the versions customers enter one by one: the month that runs and the one before, where the smaller
    arm is too small to tell an effect by."""
    day = today or timezone.localdate()
    this = day.replace(day=1)
    before = (this - dt.timedelta(days=1)).replace(day=1)
    found = []
    for version in journey.versions.filter(started_at__isnull=False, control_ppm__gt=0):
        began = version.started_at.astimezone(SHANGHAI).date() if version.started_at else day
        comes = journey.current_id == version.pk and journey.state == JourneyState.RUNNING
        for month, after in ((before, this), (this, day + dt.timedelta(days=1))):
            over = month == before
            if not version.graph.get("entry") or began >= after or not (over or comes):
                continue
            least = _least(max(month, began))
            have = _smaller(version, month, after, least)
            if have < least and (have or comes):
                found.append(TooFew(version.number, month, over, have, least))
    return found


def _smaller(version: JourneyVersion, first: dt.date, after: dt.date, least: int) -> int:
    """Customers of the smaller arm who entered from a day until before another: no more are read than it
    takes to know that they are enough."""
    begins, ends = (
        int(dt.datetime.combine(each, dt.time(), SHANGHAI).timestamp()) for each in (first, after)
    )
    rows = Enrolment.objects.filter(version=version, entered__gte=begins, entered__lt=ends)
    # the state of controls has an index of its own by the moment they entered
    control = version.control_ppm <= WHOLE - version.control_ppm
    rows = rows.filter(state="c") if control else rows.filter(arm=Arm.TREATED)
    gone = hidden()
    held = rows.values_list("customer", flat=True).order_by().distinct()[: least + len(gone)]
    return min(sum(customer not in gone for customer in held), least)


def _smaller_share(version: JourneyVersion) -> int:
    return min(version.control_ppm, WHOLE - version.control_ppm)


def _least(day: dt.date) -> int:
    return effect_rules(home_path()).least_arm.on(day)
