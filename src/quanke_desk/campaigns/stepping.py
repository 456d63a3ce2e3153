"""Enrolments held by sets, and what they went written by sets: their state, the log, the pushes.

    with transaction.atomic():
        held = hold(where, values, ...)      # locked, until the transaction ends
        write(held, ways, chosen, ...)

PostgreSQL writes a range in one statement; SQLite, which has one writer anyway, in two or three for each way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from quanke_desk.campaigns.counting import count_ways
from quanke_desk.campaigns.graph import Graph, Node
from quanke_desk.campaigns.models import JourneyVersion
from quanke_desk.campaigns.timing import day_over
from quanke_desk.campaigns.walking import OUT, Way

ENROLMENT, STEP, SEND = "campaigns_enrolment", "campaigns_step", "campaigns_send"
MANY = 50_000
"""Rows written at once from which on a table counts as another one."""
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Held:
    """Enrolments a transaction holds (n): their numbers, customers, places, steps gone and moments."""

    ids: Ints
    customers: Ints
    nodes: Ints
    seqs: Ints
    wakes: Ints

    def __len__(self) -> int:
        return len(self.ids)

    def only(self, which: NDArray[np.bool_]) -> Held:
        """Those of them."""
        return Held(
            self.ids[which], self.customers[which], self.nodes[which], self.seqs[which], self.wakes[which]
        )


def hold(where: str, values: Sequence[Any], *, order: str = "id", most: int | None = None,
         wait: bool = True) -> Held:  # fmt: skip
    """The enrolments of a condition, locked on PostgreSQL in their order (SQLite lets in one writer). Those
    others hold are waited for, or passed by."""
    sql = f"SELECT id, customer, node, seq, wake FROM {ENROLMENT} WHERE {where} ORDER BY {order}"
    if most is not None:
        sql += f" LIMIT {most}"
    if connection.vendor == "postgresql":
        sql += " FOR NO KEY UPDATE" if wait else " FOR NO KEY UPDATE SKIP LOCKED"
    with connection.cursor() as cursor:
        cursor.execute(sql, list(values))
        rows = np.array(cursor.fetchall(), np.int64).reshape(-1, 5)
    return Held(*(np.ascontiguousarray(rows[:, n]) for n in range(5)))


def write(
    version: JourneyVersion, graph: Graph, held: Held, ways: Sequence[Way], chosen: NDArray[Any], now: int
) -> None:
    """Writes the way each enrolment goes: `chosen` (n) is the place of his among the ways, all of them gone
    by somebody. A push bears the number of the enrolment and of the step, which nobody goes twice."""
    do: Callable[..., None] = _in_one if connection.vendor == "postgresql" else _way_by_way
    do(version, held, ways, chosen, [_pushes(graph, way, now) for way in ways], now)
    count_ways(version.pk, ways, chosen)


Push = tuple[int, str, str, str, int | None]
"""Number of the step within the way, template, means, other means, and when it is too late (null: never)."""


def _pushes(graph: Graph, way: Way, now: int) -> list[Push]:
    found = ((number, graph.nodes[place]) for number, place in way.done)
    return [
        (number, node.template, node.means[0], ",".join(node.means[1:]), _too_late(node, now))
        for number, node in found
        if node.do == "send"
    ]


def _too_late(node: Node, now: int) -> int | None:
    return None if node.until_days is None else day_over(now, node.until_days)


def _in_one(
    version: JourneyVersion, held: Held, ways: Sequence[Way], chosen: NDArray[Any], pushes: list[list[Push]],
    now: int,
) -> None:  # fmt: skip
    legs = [(at, *leg) for at, way in enumerate(ways) for leg in way.legs]
    sends = [(at, *push) for at, his in enumerate(pushes) for push in his]
    sql = (
        f"WITH mv AS (UPDATE {ENROLMENT} e SET node = w.node, state = w.state, awaits = w.awaits,"
        " wake = coalesce(w.wake, e.wake), seq = e.seq + w.steps, ended = w.ended, why = w.why"
        " FROM unnest(%s::bigint[], %s::int[]) AS g(id, way) JOIN unnest(%s::int[], %s::int[], %s::text[],"
        " %s::bigint[], %s::text[], %s::int[], %s::bigint[], %s::text[])"
        " AS w(way, node, state, wake, awaits, steps, ended, why) ON w.way = g.way"
        " WHERE e.id = g.id AND e.id BETWEEN %s AND %s"
        " RETURNING e.id, e.customer, e.seq - w.steps AS seq, g.way),"
        f" st AS (INSERT INTO {STEP} (enrolment, seq, from_node, to_node, at)"
        " SELECT mv.id, mv.seq + l.n, l.begins, l.ends, %s FROM mv JOIN unnest(%s::int[], %s::int[],"
        " %s::int[], %s::int[]) AS l(way, n, begins, ends) ON l.way = mv.way ORDER BY mv.id, l.n)"
    )
    given: list[Any] = [
        as_array(held.ids), as_array(chosen), list(range(len(ways))), [w.to for w in ways],
        [w.state for w in ways], [w.wake for w in ways], [w.awaits for w in ways],
        [len(w.nodes) for w in ways], [now if w.to == OUT else None for w in ways], [w.why for w in ways],
        int(held.ids.min()), int(held.ids.max()), now, *map(list, zip(*legs, strict=True)),
    ]  # fmt: skip
    if sends:
        sql += (
            f", sd AS (INSERT INTO {SEND} (key, enrolment_id, journey_id, customer, template, means, others,"
            " until, purpose, priority, state, wake, rule, tries, gateway, made)"
            " SELECT 'e' || mv.id || '.' || mv.seq + p.n, mv.id, %s, mv.customer, p.template, p.means,"
            " p.others, p.until, %s, %s, 'q', %s, '', 0, '', %s FROM mv JOIN unnest(%s::int[], %s::int[],"
            " %s::text[], %s::text[], %s::text[], %s::bigint[]) AS p(way, n, template, means, others, until)"
            " ON p.way = mv.way)"
        )
        about = [version.journey_id, version.purpose, version.priority, now, now]
        given += [*about, *map(list, zip(*sends, strict=True))]
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} SELECT count(*) FROM mv", given)


def _way_by_way(
    version: JourneyVersion, held: Held, ways: Sequence[Way], chosen: NDArray[Any], pushes: list[list[Push]],
    now: int,
) -> None:  # fmt: skip
    for at, way in enumerate(ways):
        his = as_array(held.ids[chosen == at])
        legs = list(way.legs)
        given = f"json_each(%s) g CROSS JOIN {ENROLMENT} e ON e.id = g.value"
        ended = now if way.to == OUT else None
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {STEP} (enrolment, seq, from_node, to_node, at)"
                f" SELECT e.id, e.seq + l.column1, l.column2, l.column3, %s FROM {given}"
                f" CROSS JOIN (VALUES {', '.join(['(%s, %s, %s)'] * len(legs))}) l",
                [now, his, *(number for leg in legs for number in leg)],
            )
            for number, *push in pushes[at]:
                cursor.execute(
                    f"INSERT INTO {SEND} (key, enrolment_id, journey_id, customer, template, means, others,"
                    " until, purpose, priority, wake, made, state, rule, tries, gateway)"
                    " SELECT 'e' || e.id || '.' || (e.seq + %s), e.id, %s, e.customer, %s, %s, %s, %s, %s,"
                    f" %s, %s, %s, 'q', '', 0, '' FROM {given}",
                    [number, version.journey_id, *push, version.purpose, version.priority, now, now, his],
                )
            cursor.execute(
                f"UPDATE {ENROLMENT} SET node = %s, state = %s, wake = coalesce(%s, wake), awaits = %s,"
                f" seq = seq + %s, ended = %s, why = %s WHERE {among('id')}",
                [way.to, way.state, way.wake, way.awaits, len(way.nodes), ended, way.why, his],
            )


def grown(table: str, rows: int) -> None:
    """Has PostgreSQL look at a table that grew by many rows at once: until it does (or where autovacuum is
    off) it takes the table for small, and sorts the whole queue for each batch."""
    if rows >= MANY and connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {table}")


def among(column: str) -> str:
    """Condition that a column is one of an array of numbers, given as `as_array`."""
    if connection.vendor == "postgresql":
        return f"{column} = ANY(%s::bigint[])"
    return f"{column} IN (SELECT value FROM json_each(%s))"


def as_array(numbers: Sequence[int] | NDArray[Any]) -> str:
    """Numbers as one value of a statement, as text: written at once, not number by number."""
    found = np.asarray(numbers, np.int64).tolist()
    return "{" + ",".join(map(str, found)) + "}" if connection.vendor == "postgresql" else json.dumps(found)
