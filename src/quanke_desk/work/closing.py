"""Visits nobody ended: once their day is over they end by themselves, and who was known is called back."""

from __future__ import annotations

import datetime as dt

from django.db import connection, transaction
from django.utils import timezone

from quanke_desk.foundation import audit
from quanke_desk.foundation.working import each
from quanke_desk.work.lobby_actions import OPEN, call_back
from quanke_desk.work.models import Arrival, ArrivalState

PART = 500


def end_forgotten(today: dt.date | None = None) -> int:
    """Ends visits of earlier days that still wait or were handed over; how many there were. Nobody says they
    were served, so no contact is put on record; the remote team has them to call (BK-3)."""
    day = today or timezone.localdate()
    ended = 0
    while count := _end_some(day):
        ended += count
    return ended


@each("lobby.closing_minutes", "lobby closing")
def end_visits() -> None:
    """Ends what earlier days left open."""
    end_forgotten()


@transaction.atomic
def _end_some(day: dt.date) -> int:
    left = Arrival.objects.filter(day__lt=day, state__in=OPEN).order_by("id")
    skip = connection.features.has_select_for_update_skip_locked
    rows = list(left.select_for_update(skip_locked=skip, of=("self",) if skip else ())[:PART])
    for arrival in rows:
        arrival.state, arrival.ended_at = ArrivalState.LEFT, timezone.now()
        arrival.save(update_fields=["state", "ended_at"])
        call_back(arrival, None)
    if rows:
        audit.record(None, "lobby.forgotten", f"day:{rows[0].day}", detail={"visits": len(rows)})
    return len(rows)
