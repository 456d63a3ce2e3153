"""What customers did, told to the journeys that wait for it: by sets, within the second."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from django.db import connection, transaction

from quanke_desk.campaigns.answering import answered
from quanke_desk.campaigns.graph import read_graph
from quanke_desk.campaigns.models import JourneyVersion
from quanke_desk.campaigns.standing import MOVING, held_state
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
    it no more. Where the journey does not move nobody goes on. Answers how many did."""
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
        if held_state(version.journey_id)[0] not in MOVING:  # paused since it was looked at
            return 0
        held = hold(
            f"version_id = %s AND node = %s AND state = 'e' AND awaits = %s AND {among(column)}",
            [version.pk, node, event, as_array(numbers)],
        )
        if len(held):
            way = Way((node,), to, *arrives(graph, to, now))
            # who did already what the next step waits for is due there: a move takes him on
            had, chosen = np.unique(answered(graph, to, held.ids), return_inverse=True)
            ways = [replace(way, wake=now) if each else way for each in had]
            write(version, graph, held, ways, chosen, now)
    return len(held)
