"""Whether a journey moves and lets anybody in, held until what goes by it is written.

Read in the transaction that writes: whoever pauses or ends a journey waits for it (SQLite has one writer
anyway), and what comes after goes by the new state.
"""

from __future__ import annotations

import datetime as dt
import logging

from django.db import connection

from quanke.kernel.calendars import SHANGHAI
from quanke_desk.campaigns.models import Journey, JourneyState, JourneyVersion

MOVING = (JourneyState.RUNNING, JourneyState.DRAINING)
QUIET = 3_600
"""Seconds between two lines of the log about the same thing: a round comes each second."""
_log = logging.getLogger(__name__)
_said: dict[str, int] = {}


def held_state(journey: int) -> tuple[str, str]:
    """A journey's state, and from which it was paused; both stay until the transaction ends."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT state, paused_from FROM campaigns_journey WHERE id = %s FOR SHARE", [journey]
            )
            state, before = cursor.fetchone()
    else:
        state, before = Journey.objects.values_list("state", "paused_from").get(pk=journey)
    return state, before


def takes_in(version: JourneyVersion, now: int) -> bool:
    """Whether an audience may enter. That of a journey that is paused may, to wait there; nobody enters one
    that drains (was it paused meanwhile or not), nor after its version's last day."""
    state, before = held_state(version.journey_id)
    paused = state == JourneyState.PAUSED and before != JourneyState.DRAINING
    return (state == JourneyState.RUNNING or paused) and not is_over(version, now)


def is_over(version: JourneyVersion, now: int) -> bool:
    """Whether the last day of a version is past."""
    return day_of(now) > version.until


def day_of(moment: int) -> dt.date:
    """The day of a moment (seconds since 1970), in Shanghai."""
    return dt.datetime.fromtimestamp(moment, SHANGHAI).date()


def stands_still(what: str, error: Exception, now: int) -> None:
    """Says in the log that something cannot go on, once an hour, and of the error only its kind: its text may
    hold values of conditions."""
    if now - _said.get(what, -QUIET) >= QUIET:
        _said[what] = now
        _log.warning("%s stands still: %s", what, type(error).__name__)
