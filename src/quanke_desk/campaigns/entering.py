"""Entering a journey: who gets the journey and who is compared with, decided before anybody is written to.

An audience enters as a whole: its arms are dealt by the library (`quanke.night.campaigns`: exact shares
within tier and branch, registered in the home, where the effect is measured from). Who comes by a trigger or
the interface is decided alone, by a salted hash of his number: the same arm however often he is told of.
"""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

import numpy as np
from django.db import connection, transaction
from django.db.models import Count, Max, Q
from numpy.typing import NDArray

from quanke.effects.groups import effect_rules
from quanke.kernel.calendars import SHANGHAI
from quanke.night.campaigns import held_out
from quanke.segments.control import in_control
from quanke_desk.campaigns.audiences import members_of
from quanke_desk.campaigns.branching import holds_of
from quanke_desk.campaigns.graph import Graph, read_graph
from quanke_desk.campaigns.models import (
    Arm,
    AudienceKind,
    Enrolment,
    Journey,
    JourneyState,
    JourneyVersion,
)
from quanke_desk.campaigns.stepping import ENROLMENT, as_array, grown
from quanke_desk.campaigns.walking import arrives
from quanke_desk.customers.consenting import hidden
from quanke_desk.foundation.analytic import base

Ints = NDArray[np.int64]
PART = 50_000
_COLUMNS = (
    "version_id", "customer", "turn", "arm", "node", "state", "wake", "awaits", "seq", "entered", "ended", "why",
)  # fmt: skip


def enter(version: JourneyVersion, customers: Ints, now: int | None = None) -> int:
    """Lets customers enter by trigger or interface, and answers how many did: neither those who are in this
    version already (unless its design lets him enter anew, and so many days have gone by), nor numbers nobody
    has, nor who is outside its audience, nor who reached a goal, nor whom the bank holds out of all marketing,
    nor anybody once the journey drains. The control share gets nothing and is only noted."""
    at = int(time.time()) if now is None else now
    if version.journey.state != JourneyState.RUNNING:
        return 0
    graph = read_graph(version.graph)
    found = _welcome(version, graph, np.unique(customers), at)
    control = in_control(found, salt_of(version.journey), version.control_ppm)
    turns = _turns(version, found, graph.again, at)
    new = 0
    for turn in np.unique(turns[turns >= 0]).tolist():
        for arm, his in ((Arm.TREATED, ~control), (Arm.CONTROL, control)):
            new += put_in(version, graph, found[his & (turns == turn)], arm, at, turn)
    return new


def salt_of(journey: Journey) -> str:
    """What decides with a customer's number whether he is compared with, where customers enter alone."""
    return f"{journey.name} control"


def _turns(version: JourneyVersion, customers: Ints, again: int, now: int) -> Ints:
    """Which time each of some customers enters, from 0; -1 for who entered within the days the design asks
    for (whatever his arm, so that arms stay alike), or is under way still. Who may not enter anew at all is
    told by the table itself (`enrolment_once`)."""
    turns = np.zeros(len(customers), np.int64)
    if not again:
        return turns
    before = Enrolment.objects.filter(version=version)
    for begin in range(0, len(customers), 500):
        part = customers[begin : begin + 500]
        rows = before.filter(customer__in=part.tolist()).values_list("customer").annotate(
            last=Max("entered"), times=Count("id"), open=Count("id", filter=Q(state__in=["w", "e"]))
        )  # fmt: skip
        for customer, last, times, still in rows.order_by():
            late = still or last > now - again * 86_400
            turns[begin + int(np.searchsorted(part, customer))] = -1 if late else times
    return turns


def put_in(
    version: JourneyVersion, graph: Graph, customers: Ints, arm: Arm, now: int, turn: int = 0
) -> int:
    """Writes enrolments of an arm, in parts of one transaction each; who is enrolled already stays as he is.
    Answers how many are new."""
    state, wake, awaits = arrives(graph, 0, now) if arm == Arm.TREATED else ("c", now, "")
    new = 0
    for begin in range(0, len(customers), PART):
        part = customers[begin : begin + PART].tolist()
        fixed = (turn, int(arm), 0, state, wake, awaits, 0, now, None, "")
        with transaction.atomic():
            new += _insert(version.pk, part, fixed)
    grown(ENROLMENT, new)
    return new


def _welcome(version: JourneyVersion, graph: Graph, customers: Ints, now: int) -> Ints:
    of = base()
    inside = customers[(customers >= 0) & (customers < of.night.rows)]
    found: Ints = inside[of.there[inside] & ~np.isin(inside, np.fromiter(hidden(), np.int64))]
    if version.purpose != "service":
        today = dt.datetime.fromtimestamp(now, SHANGHAI).date()
        hold_out = effect_rules(of.bank.home.path).hold_out
        found = found[~held_out(hold_out, found, today, max(version.until, today))]
    audience = version.audience
    if audience is not None and audience.kind == AudienceKind.LIVE:
        found = found[holds_of(audience.text, found, of)]
    elif audience is not None:
        found = np.intersect1d(found, members_of(audience))
    for _name, text in graph.goals:
        found = found[~holds_of(text, found, of)]
    return found


def _insert(version: int, customers: list[int], fixed: tuple[Any, ...]) -> int:
    names = ", ".join(_COLUMNS)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            sql = (
                f"INSERT INTO {ENROLMENT} ({names}) SELECT %s, c, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s"
                " FROM unnest(%s::bigint[]) c ON CONFLICT DO NOTHING"
            )
            cursor.execute(sql, [version, *fixed, as_array(customers)])
            return int(cursor.rowcount)
        before = _count(cursor, version)
        sql = (
            f"INSERT INTO {ENROLMENT} ({names}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING"
        )
        cursor.executemany(sql, [(version, c, *fixed) for c in customers])
        return _count(cursor, version) - before


def _count(cursor: Any, version: int) -> int:
    cursor.execute(f"SELECT count(*) FROM {ENROLMENT} WHERE version_id = %s", [version])
    return int(cursor.fetchone()[0])
