"""Pushes of a journey that are queued or held and are not to leave any more, because their customers reached
what the journey is for: refused by sets, as tasks are dropped."""

from __future__ import annotations

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from quanke_desk.campaigns.models import Journey, Send, SendState
from quanke_desk.campaigns.stepping import SEND, as_array

GOAL = "goal"
_OPEN = (SendState.QUEUED.value, SendState.HELD.value)
Ints = NDArray[np.int64]


def with_open_pushes(journey: Journey) -> Ints:
    """Customers to whom a push of a journey has not left yet."""
    found = Send.objects.filter(journey=journey, state__in=_OPEN).order_by()
    return np.unique(np.fromiter(found.values_list("customer", flat=True).iterator(), np.int64))


def call_off(journey: int, customers: Ints, now: int) -> int:
    """Refuses what a journey has queued or held for customers who reached a goal; how many. What is being
    handed over already is left alone. `now`: seconds since 1970."""
    if not len(customers):
        return 0
    sets = f"UPDATE {SEND} SET state = %s, rule = %s, gateway = '', decided = %s"
    # found from the customers, not from all a journey has queued, which may be millions
    if connection.vendor == "postgresql":
        of = f"FROM unnest(%s::bigint[]) AS g(c) WHERE {SEND}.customer = g.c AND {SEND}.journey_id = %s"
        sql = f"{sets} {of} AND {SEND}.state IN (%s, %s)"
    else:
        of = f"SELECT s.id FROM json_each(%s) g CROSS JOIN {SEND} s WHERE s.customer = g.value"
        sql = f"{sets} WHERE id IN ({of} AND +s.journey_id = %s AND +s.state IN (%s, %s))"
    with connection.cursor() as cursor:
        cursor.execute(sql, [SendState.REFUSED.value, GOAL, now, as_array(customers), journey, *_OPEN])
        return int(cursor.rowcount)
