"""What customers had done before a step began to wait for it: looked up by sets among what came back.

Whoever is told of what a push did while its customer still rests, or while the journey is paused, only notes
it. So it is asked again when customers come to a step that listens, before it gives up, and when a journey
goes on. It is asked of the last push before the step, as the log of steps knows it.
"""

from __future__ import annotations

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from quanke_desk.campaigns.graph import EVENTS, Graph, read_graph
from quanke_desk.campaigns.models import Journey
from quanke_desk.campaigns.stepping import ENROLMENT, SEND, STEP, as_array

Ints = NDArray[np.int64]
RECEIPT = "campaigns_receipt"


def answered(graph: Graph, place: int, enrolments: Ints) -> NDArray[np.bool_]:
    """For each enrolment whether the event a step listens for came back of his last push already. Never for
    steps that do not listen, or wait for a trigger."""
    found: list[int] = []
    if len(enrolments) and _asks(graph, place):
        given, column = ("json_each(%s) g", "g.value")
        if connection.vendor == "postgresql":
            given, column = ("unnest(%s::bigint[]) AS g(id)", "g.id")
        sql = f"SELECT {column} FROM {given} WHERE {_came_back(graph, column)}"
        with connection.cursor() as cursor:
            cursor.execute(sql, [as_array(enrolments), graph.nodes[place].event])
            found = [number for (number,) in cursor.fetchall()]
    return np.isin(enrolments, np.array(found, np.int64))


def wake_answered(journey: Journey, now: int) -> None:
    """Makes everybody due who listens for what came back already; the next round takes them on."""
    for version in journey.versions.filter(started_at__isnull=False):
        graph = read_graph(version.graph)
        for place, node in enumerate(graph.nodes):
            if not _asks(graph, place):
                continue
            sql = (
                f"UPDATE {ENROLMENT} SET wake = %s WHERE version_id = %s AND node = %s AND state = 'e'"
                f" AND wake > %s AND {_came_back(graph, f'{ENROLMENT}.id')}"
            )
            with connection.cursor() as cursor:
                cursor.execute(sql, [now, version.pk, place, now, node.event])


def _asks(graph: Graph, place: int) -> bool:
    node = graph.nodes[place]
    return node.do == "listen" and node.event in EVENTS and bool(graph.templates())


def _came_back(graph: Graph, enrolment: str) -> str:
    """Whether something of a kind came back of the last push (its key as `stepping` writes it), as SQL. One
    value within the other, not joins: those have PostgreSQL read the whole table of pushes for a range."""
    pushes = ", ".join(str(place) for place, node in enumerate(graph.nodes) if node.do == "send")
    last = (
        f"'e' || {enrolment} || '.' || (SELECT max(t.seq) FROM {STEP} t"
        f" WHERE t.enrolment = {enrolment} AND t.from_node IN ({pushes}))"
    )
    push = f"(SELECT s.id FROM {SEND} s WHERE s.key = {last})"
    return f"(SELECT r.id FROM {RECEIPT} r WHERE r.send_id = {push} AND r.kind = %s) IS NOT NULL"
