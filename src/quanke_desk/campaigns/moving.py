"""Moving everybody who is due, by sets: ranges of enrolments, each carried as far as it gets.

A range is held, its ways are decided (`walking`), and where everybody stands then is written in a handful of
statements with all that the steps leave behind, the log, the pushes, the tasks, in one transaction: killed
anywhere, the next run goes on where the last commit ended, and nothing is left behind twice. Several may move
at once: whom another holds is passed by. A journey that is paused moves nobody from the next range on.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from quanke.kernel.calendars import SHANGHAI
from quanke.kernel.errors import QuankeError
from quanke_desk.campaigns.answering import answered
from quanke_desk.campaigns.branching import holds_of
from quanke_desk.campaigns.calling_off import call_off, with_open_pushes
from quanke_desk.campaigns.graph import Graph, Node, read_graph
from quanke_desk.campaigns.joint_terms import still_covered
from quanke_desk.campaigns.known import among
from quanke_desk.campaigns.models import AudienceKind, Enrolment, Journey, JourneyState, JourneyVersion
from quanke_desk.campaigns.named import campaigns_of
from quanke_desk.campaigns.offering import may_be_given
from quanke_desk.campaigns.standing import MOVING, day_of, held_state, stands_still
from quanke_desk.campaigns.stepping import ENROLMENT, SEND, Held, grown, hold, write
from quanke_desk.campaigns.timing import moment_after
from quanke_desk.campaigns.walking import OUT, Way, out, walk
from quanke_desk.foundation import audit
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Person
from quanke_desk.work.actions import give_follow_ups
from quanke_desk.work.dropping import drop_tasks, with_open_tasks

RANGE = 10_000
"""Enrolments moved in one transaction: half a second of locks at most."""
Ints = NDArray[np.int64]
Chosen = NDArray[np.signedinteger[Any]]


@dataclass
class Moved:
    """What one round did."""

    steps: int = 0
    sends: int = 0
    tasks: int = 0
    ended: int = 0
    by_node: dict[str, int] = field(default_factory=dict)


class _StoppedError(Exception):
    """The journey was paused, or its version is not moved any more."""


def move_due(now: int | None = None, *, most: int | None = None) -> Moved:
    """Moves everybody who is due in every running or draining journey, step after step until all wait for
    something or `most` steps were gone. `now`: seconds since 1970. A version that cannot be moved, as one
    whose condition nobody can ask any more, stands still and keeps no other."""
    at, done = int(time.time()) if now is None else now, Moved()
    _drain_over(at)
    versions = JourneyVersion.objects.filter(journey__state__in=MOVING, started_at__isnull=False)
    for version in versions.select_related("journey", "by").order_by("-priority", "id"):
        if most is None or done.steps < most:
            try:
                _move_version(version, at, done, most)
            except _StoppedError:
                pass
            except (QuankeError, ValueError) as error:
                stands_still(f"journey {version.journey_id}, version {version.number}", error, at)
    grown(SEND, done.sends)
    return done


def _drain_over(now: int) -> None:
    """Drains journeys whose version is past its last day: nobody enters any more, by whatever door."""
    day = day_of(now)
    over = Journey.objects.filter(state=JourneyState.RUNNING, current__until__lt=day)
    for number in list(over.values_list("pk", flat=True)):
        with transaction.atomic():
            if over.filter(pk=number).update(state=JourneyState.DRAINING):
                detail = {"from": str(JourneyState.RUNNING), "to": str(JourneyState.DRAINING)}
                audit.record(None, "journeys.turn", f"journey:{number}", reason="until", detail=detail)


def _move_version(version: JourneyVersion, now: int, done: Moved, most: int | None) -> None:
    graph = read_graph(version.graph)
    _leave_by_goal(version, graph, now, done)
    while True:
        before = done.steps
        for place in _due_at(version.pk, len(graph.nodes), now):
            after: tuple[int, int] | None = (-1, -1)
            while after is not None:
                after = _move_range(version, graph, place, after, now, done)
                if most is not None and done.steps >= most:
                    return
        if done.steps == before:
            return


def _due_at(version: int, places: int, now: int) -> list[int]:
    """Places where somebody is due: one look at the index for each, however many are under way."""
    numbers = ", ".join(f"({place})" for place in range(places))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT column1 FROM (VALUES {numbers}) places WHERE (SELECT 1 FROM {ENROLMENT}"
            " WHERE version_id = %s AND node = column1 AND state IN ('w', 'e') AND wake <= %s LIMIT 1) = 1",
            [version, now],
        )
        return sorted(place for (place,) in cursor.fetchall())


def _move_range(
    version: JourneyVersion, graph: Graph, place: int, after: tuple[int, int], now: int, done: Moved
) -> tuple[int, int] | None:
    """Moves the next range of who is due at a node, as far as each gets; up to whom, null where nobody is
    left. Whom another process holds is passed by."""
    with transaction.atomic():
        _still_moves(version)
        held = hold(
            "version_id = %s AND node = %s AND state IN ('w', 'e') AND wake <= %s AND (wake, id) > (%s, %s)",
            [version.pk, place, now, *after],
            order="wake, id",
            most=RANGE,
            wait=False,
        )
        if not len(held):
            return None
        salt = f"{version.journey.name} {version.number}"
        ids = held.ids
        ways, chosen = walk(
            graph,
            place,
            held.customers,
            held.seqs,
            salt,
            now,
            lambda at, rows: answered(graph, at, ids[rows]),
        )
        # what is open of who comes to a goal is dropped before the last steps to it give anything
        to_goal = [way.to == OUT and graph.nodes[way.nodes[-1]].do == "goal" for way in ways]
        if (reached := np.array(to_goal, np.bool_)[chosen]).any():
            _drop(version.journey, held.customers[reached], now)
        write(version, graph, held, ways, chosen, now)
        given = _give(version, graph, held, ways, chosen, now)
    done.tasks += given
    _count(graph, ways, chosen, done)
    return (int(held.wakes[-1]), int(held.ids[-1])) if len(held) == RANGE else None


def _give(
    version: JourneyVersion, graph: Graph, held: Held, ways: Sequence[Way], chosen: Chosen, now: int
) -> int:
    """The tasks of a range, step after step, of whom may have them; how many."""
    whose: dict[int, list[Ints]] = {}
    for at, way in enumerate(ways):
        for _number, place in way.done:
            if graph.nodes[place].do == "task":
                whose.setdefault(place, []).append(held.customers[chosen == at])
    given = 0
    for place, parts in whose.items():
        customers = _who_may_have_it(version, graph.nodes[place], np.concatenate(parts), now)
        given += _tasks(version, graph.nodes[place], customers, now)
    return given


def _who_may_have_it(version: JourneyVersion, node: Node, customers: Ints, now: int) -> Ints:
    """Whom a task may be about: an offer by a manager is an offer, too, and passes the gate; and whoever was
    found with a partner must be covered by contract and consent still, as when a push leaves."""
    audience = version.audience
    if audience is not None and audience.kind != AudienceKind.LIVE:
        customers = still_covered(audience.audience_id, customers, base())
    return may_be_given(version, node, customers, now)


def _count(graph: Graph, ways: Sequence[Way], chosen: Chosen, done: Moved) -> None:
    for at, way in enumerate(ways):
        count = int(np.count_nonzero(chosen == at))
        done.steps += count * len(way.nodes)
        done.ended += count if way.to == OUT else 0
        for place in way.nodes:
            name = graph.nodes[place].name
            done.by_node[name] = done.by_node.get(name, 0) + count
        done.sends += count * sum(graph.nodes[place].do == "send" for _number, place in way.done)


def _still_moves(version: JourneyVersion) -> None:
    """Raises _StoppedError once the journey was paused: who pauses waits for the range being moved."""
    if held_state(version.journey_id)[0] not in MOVING:
        raise _StoppedError


def _leave_by_goal(version: JourneyVersion, graph: Graph, now: int, done: Moved) -> None:
    """Who reached a goal by the last night leaves, wherever he stands. Asked once a night and version; who
    comes later was asked when he came."""
    if not graph.goals or version.goals_asked == (night := base().day):
        return
    for name, text in graph.goals:
        _goal(version, graph, name, text, now, done)
        _drop_for_goal(version, text, now)
    JourneyVersion.objects.filter(pk=version.pk).update(goals_asked=night)


def _goal(version: JourneyVersion, graph: Graph, name: str, text: str, now: int, done: Moved) -> None:
    last = -1
    while True:
        with transaction.atomic():
            _still_moves(version)
            held = hold("version_id = %s AND state IN ('w', 'e') AND id > %s", [version.pk, last], most=RANGE)
            if not len(held):
                return
            last = int(held.ids[-1])
            reached = held.only(holds_of(text, held.customers))
            places, chosen = np.unique(reached.nodes, return_inverse=True)
            ways = [out((int(place),), name) for place in places]
            if ways:
                write(version, graph, reached, ways, chosen, now)
        _count(graph, ways, chosen, done)


def _drop_for_goal(version: JourneyVersion, text: str, now: int) -> None:
    """Drops what is still to be done with customers who reached a goal, or still to be sent to them, whether
    they are under way or came to the end before."""
    tasks = np.array(with_open_tasks(version.journey.name), np.int64)
    open_ = np.union1d(tasks, with_open_pushes(version.journey))
    if len(open_):
        mine = among(Enrolment.objects.filter(version=version), "customer", open_)
        his = np.unique(np.fromiter(mine.values_list("customer", flat=True), np.int64))
        with transaction.atomic():
            _drop(version.journey, his[holds_of(text, his)], now)


def _drop(journey: Journey, customers: Ints, now: int) -> None:
    drop_tasks(journey.name, customers.tolist())
    call_off(journey.pk, customers, now)


def _tasks(version: JourneyVersion, node: Node, customers: Ints, now: int) -> int:
    day = dt.datetime.fromtimestamp(moment_after(now, node.span), SHANGHAI).date()
    by: Person = version.by
    return give_follow_ups(
        customers.tolist(), day, who=node.who, action=node.action, by=by, step=node.name,
        journey=version.journey.name, purpose=version.purpose, escalate_days=node.escalate_days,
        campaigns=campaigns_of(version, customers.tolist()),
    )  # fmt: skip
