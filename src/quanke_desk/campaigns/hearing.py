"""What customers did, told to the journeys that wait for it: by sets, within the second."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from django.db import connection, transaction

from quanke_desk.campaigns.graph import read_graph
from quanke_desk.campaigns.models import JourneyVersion
from quanke_desk.campaigns.moving import MOVING
from quanke_desk.campaigns.stepping import ENROLMENT, among, as_array, hold, write
from quanke_desk.campaigns.walking import Way, arrives


def heard(
    event: str,
    *,
    customers: Sequence[int] = (),
    enrolments: Sequence[int] = (),
    journey: int | None = None,
    now: int | None = None,
) -> int:
    """Carries on whoever waits for an event: of customers (a trigger fired), of one journey where one is
    named, or of enrolments (a push of theirs was clicked). Told twice it is heard once: who went on waits for
    it no more. Answers how many went on."""
    at = int(time.time()) if now is None else now
    column, numbers = ("id", enrolments) if enrolments else ("customer", customers)
    if not numbers:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT version_id, node FROM {ENROLMENT}"
            f" WHERE {among(column)} AND state = 'e' AND awaits = %s",
            [as_array(numbers), event],
        )
        waiting = cursor.fetchall()
    moving = JourneyVersion.objects.filter(pk__in={v for v, _ in waiting}, journey__state__in=MOVING)
    if journey is not None:
        moving = moving.filter(journey=journey)
    found = moving.select_related("journey").in_bulk()
    return sum(
        _carry(found[version], node, event, column, numbers, at)
        for version, node in waiting
        if version in found
    )


def _carry(
    version: JourneyVersion, node: int, event: str, column: str, numbers: Sequence[int], now: int
) -> int:
    graph = read_graph(version.graph)
    to = graph.place[graph.nodes[node].ways[0]]
    with transaction.atomic():
        held = hold(
            f"version_id = %s AND node = %s AND state = 'e' AND awaits = %s AND {among(column)}",
            [version.pk, node, event, as_array(numbers)],
        )
        if len(held):
            way = Way((node,), to, *arrives(graph, to, now))
            write(version, graph, held, [way], np.zeros(len(held), np.int32), now)
    return len(held)
