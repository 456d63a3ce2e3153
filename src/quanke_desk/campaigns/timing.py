"""When a step of a journey is due: natural days, working days, hours, in Shanghai."""

from __future__ import annotations

import datetime as dt

from quanke.kernel.calendars import SHANGHAI
from quanke.plans.worklist import working_day_after
from quanke_desk.campaigns.graph import Span


def moment_after(now: int, span: Span) -> int:
    """The moment (seconds since 1970) a span ends that begins now. Days end at the same hour, or at `at`; the
    first day is not counted (CAL-3); working days are the bank's."""
    if span.minutes:
        return now + 60 * span.minutes
    begun = dt.datetime.fromtimestamp(now, SHANGHAI)
    if not span.days and not span.working_days and not span.at:
        return now
    day = begun.date() + dt.timedelta(days=span.days)
    if span.working_days:
        day = working_day_after(day, span.working_days)
    hour = dt.time.fromisoformat(span.at) if span.at else begun.timetz().replace(tzinfo=None)
    ends = dt.datetime.combine(day, hour, SHANGHAI)
    if ends <= begun and span.at:  # "0 days at 10:00", asked at noon
        day = working_day_after(day, 1) if span.working_days else day + dt.timedelta(days=1)
        ends = dt.datetime.combine(day, hour, SHANGHAI)
    return int(ends.timestamp())


def day_over(now: int, days: int) -> int:
    """The moment (seconds since 1970) the day is over that is so many natural days after a moment's; 0: the
    same day."""
    day = dt.datetime.fromtimestamp(now, SHANGHAI).date() + dt.timedelta(days=days + 1)
    return int(dt.datetime.combine(day, dt.time(), SHANGHAI).timestamp())
