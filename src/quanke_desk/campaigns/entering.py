"""Entering a journey: who gets the journey and who is compared with, decided before anybody is written to.

An audience enters as a whole: its arms are dealt by the library (`quanke.night.campaigns`: exact shares
within tier and branch, registered in the home, where the effect is measured from). Who comes by a trigger or
the interface is decided alone, by a salted hash of his number: the same arm however often he is told of, and
each time he enters, where the design lets him enter anew. Who is the control of one version is that of later
ones, too, however small their share: the gate keeps the journey from him. Who is in one version of a journey,
or was, does not come into another by another version's door, but where its design lets him enter anew.
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
from quanke_desk.campaigns.counting import count_entered
from quanke_desk.campaigns.graph import Graph, read_graph
from quanke_desk.campaigns.known import among, controls_of
from quanke_desk.campaigns.models import (
    Arm,
    AudienceKind,
    Enrolment,
    Journey,
    JourneyState,
    JourneyVersion,
)
from quanke_desk.campaigns.standing import held_state, is_over, takes_in
from quanke_desk.campaigns.stepping import ENROLMENT, as_array, grown
from quanke_desk.campaigns.walking import arrives
from quanke_desk.customers.consenting import hidden
from quanke_desk.foundation.analytic import Base, base

Ints = NDArray[np.int64]
PART = 50_000
_COLUMNS = (
    "customer", "turn", "version_id", "arm", "node", "state", "wake", "awaits", "seq", "entered", "ended",
    "why",
)  # fmt: skip


def enter(version: JourneyVersion, customers: Ints, now: int | None = None) -> int:
    """Lets customers enter by trigger or interface, and answers how many did: neither those who are in this
    version already or under way in another of the journey, nor numbers nobody has, nor who is outside its
    audience, nor who reached a goal, nor whom the bank holds out of all marketing, nor anybody once the
    journey drains or the version's last day is past. The control share gets nothing and is only noted."""
    at = int(time.time()) if now is None else now
    if version.journey.state != JourneyState.RUNNING or is_over(version, at):
        return 0
    graph = read_graph(version.graph)
    found = _welcome(version, graph, np.unique(customers), at)
    control = in_control(found, salt_of(version.journey), version.control_ppm)
    # whom the gate keeps from the journey as an earlier version's control is no treated customer of this one
    earlier = {customer for customer, _journey in controls_of(found, [version.journey_id])}
    control |= np.isin(found, np.fromiter(earlier, np.int64))
    with transaction.atomic():
        if held_state(version.journey_id)[0] != JourneyState.RUNNING:  # paused since it was read
            return 0
        return put_in(version, graph, found[~control], Arm.TREATED, at) + put_in(
            version, graph, found[control], Arm.CONTROL, at
        )


def salt_of(journey: Journey) -> str:
    """What decides with a customer's number whether he is compared with, where customers enter alone."""
    return f"{journey.name} control"


def put_in(version: JourneyVersion, graph: Graph, customers: Ints, arm: Arm, now: int) -> int:
    """Writes enrolments of an arm (`customers` sorted), in parts of one transaction each, as long as the
    journey takes anybody in; who is enrolled already stays as he is. Answers how many are new."""
    turns = turns_of(version, customers, graph.again, now)
    customers, turns = customers[turns >= 0], turns[turns >= 0]
    state, wake, awaits = arrives(graph, 0, now) if arm == Arm.TREATED else ("c", now, "")
    new = 0
    for begin in range(0, len(customers), PART):
        part = np.column_stack([customers, turns])[begin : begin + PART]
        fixed = (int(arm), 0, state, wake, awaits, 0, now, None, "")
        with transaction.atomic():
            if not takes_in(version, now):
                break
            entered = _insert(version.pk, part, fixed)
            count_entered(version.pk, arm == Arm.CONTROL, entered)
            new += entered
    grown(ENROLMENT, new)
    return new


def turns_of(version: JourneyVersion, customers: Ints, again: int, now: int) -> Ints:
    """Which time each of some customers (n, sorted) enters a version, from 0; -1 for who may not: whoever is
    or was in another version of the journey, whatever his arm; where the design lets customers enter anew,
    who entered any version within so many days, and who is under way still. Where nobody may enter anew, a
    version's own table takes nobody twice."""
    turns = np.zeros(len(customers), np.int64)
    started = JourneyVersion.objects.filter(journey=version.journey_id, started_at__isnull=False)
    versions = list(started.exclude(pk=version.pk).values_list("pk", flat=True))
    versions += [version.pk] if again and version.pk else []  # of a trial there is none yet
    entered = Enrolment.objects.filter(version__in=versions)
    for begin in range(0, len(customers) if versions else 0, PART):
        part = customers[begin : begin + PART]
        rows = among(entered, "customer", part).values_list("customer").annotate(
            last=Max("entered"),
            open=Count("id", filter=Q(state__in=["w", "e"])),
            times=Count("id", filter=Q(version_id=version.pk)),
        )  # fmt: skip
        for customer, last, still, times in rows.order_by():
            late = not again or still or last > now - again * 86_400
            turns[begin + np.searchsorted(part, customer)] = -1 if late else times
    return turns


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
    return short_of_goals(graph, found, of)


def short_of_goals(graph: Graph, customers: Ints, of: Base | None = None) -> Ints:
    """Customers who reached none of a journey's goals by the last night. Raises AudienceError, NightError."""
    for _name, text in graph.goals:
        customers = customers[~holds_of(text, customers, of)]
    return customers


def _insert(version: int, customers: Ints, fixed: tuple[Any, ...]) -> int:
    """`customers` (n, 2): number, and turn."""
    names = ", ".join(_COLUMNS)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            sql = (
                f"INSERT INTO {ENROLMENT} ({names}) SELECT c, t, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s"
                " FROM unnest(%s::bigint[], %s::bigint[]) AS g(c, t) ON CONFLICT DO NOTHING"
            )
            cursor.execute(sql, [version, *fixed, as_array(customers[:, 0]), as_array(customers[:, 1])])
            return int(cursor.rowcount)
        before = _count(cursor, version)
        sql = (
            f"INSERT INTO {ENROLMENT} ({names}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING"
        )
        cursor.executemany(sql, [(c, t, version, *fixed) for c, t in customers.tolist()])
        return _count(cursor, version) - before


def _count(cursor: Any, version: int) -> int:
    cursor.execute(f"SELECT count(*) FROM {ENROLMENT} WHERE version_id = %s", [version])
    return int(cursor.fetchone()[0])
