"""Which pushes are due, and in which order they are taken. Several may take at once, each other rows."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection
from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL

from quanke_desk.campaigns.models import Journey, JourneyState, Send, SendState
from quanke_desk.campaigns.policy import SERVICE, URGENT

URGENT_ROWS = Q(purpose=SERVICE, priority__gte=URGENT)
"""What waits behind nothing else: as the gate has it, a service of the highest priority."""

OPEN_ROWS = RawSQL("campaigns_send.state IN ('q', 'h', 's')", (), BooleanField())
"""What has not left. Written out as the index of it has it: of values that are given apart SQLite does not
see that they are among them, and would look through a whole backlog for every batch."""


def due(states: Sequence[str], now: int) -> QuerySet[Send]:
    """Rows in some states whose moment has come."""
    open_rows = Send.objects.filter(OPEN_ROWS, state__in=states, wake__lte=now)
    return open_rows.order_by("wake", "-priority", "id")


def waiting(now: int) -> QuerySet[Send]:
    """What is due to leave. Of a journey that is paused or has ended nothing leaves, whatever is queued."""
    return due([SendState.QUEUED, SendState.HELD], now).exclude(journey_id__in=stopped())


def stopped() -> list[int]:
    """Journeys of which nothing leaves."""
    found = Journey.objects.filter(state__in=(JourneyState.PAUSED, JourneyState.ENDED))
    return list(found.values_list("pk", flat=True))


def lay_down(now: int) -> None:
    """What came back to the queue after its journey had ended leaves no more."""
    ended = list(Journey.objects.filter(state=JourneyState.ENDED).values_list("pk", flat=True))
    left = Send.objects.filter(journey__in=ended, state__in=(SendState.QUEUED, SendState.HELD))
    if ended and left.exists():
        left.update(state=SendState.REFUSED, rule="stopped", decided=now)


def locked(found: QuerySet[Send], most: int) -> list[Send]:
    """So many of some rows, taken by nobody else until the transaction ends."""
    skip = connection.features.has_select_for_update_skip_locked
    return list(found.select_for_update(skip_locked=skip)[:most])


def next_rows(now: int, most: int) -> list[Send]:
    """What is taken next: first all that is urgent, however long the rest has been waiting."""
    rows = locked(waiting(now).filter(URGENT_ROWS), most)
    if len(rows) < most:
        rows += locked(waiting(now).exclude(URGENT_ROWS), most - len(rows))
    return rows


def is_urgent(row: Send) -> bool:
    """Whether a row waits behind nothing else."""
    return row.purpose == SERVICE and row.priority >= URGENT
