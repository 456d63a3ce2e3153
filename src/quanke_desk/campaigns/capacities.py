"""What a day holds: messages and minutes by the limits of the last night's plan, less what its plan uses and
what journeys that run take of it: pushes that are queued, and the next step of who waits.

A trial of a journey is held against it before the journey starts (`simulating`): where more falls on a day
than fits, messages wait for the next days by the policy, and tasks pile up on managers' lists.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.db.models import Count, F
from numpy.typing import NDArray

from quanke.kernel.errors import NightError
from quanke_desk.campaigns.graph import MEANS, Graph, Node, read_graph
from quanke_desk.campaigns.models import Enrolment, EnrolmentState, JourneyVersion, Send, SendState
from quanke_desk.campaigns.standing import MOVING
from quanke_desk.foundation.analytic import Base, base
from quanke_desk.foundation.parameters import value

MANAGER, REMOTE = "manager", "remote_team"
_EPOCH, _OFFSET = dt.date(1970, 1, 1), 8 * 3600


@dataclass(frozen=True, slots=True)
class Room:
    """What a limit holds a day (messages, or minutes), and what the plan of the last night uses of it."""

    capacity: int
    used: int

    @property
    def left(self) -> int:
        """What is left of a day."""
        return max(self.capacity - self.used, 0)


@dataclass(frozen=True)
class Rooms:
    """Limits of a day: by means, of the remote team (minutes), and of each post (minutes left, by the code of
    `owner_post`; a post without a limit has no bound); and what running journeys take of a day, by means and
    who."""

    means: dict[str, Room]
    remote: Room | None
    posts: NDArray[np.float64]
    taken: Counter[tuple[dt.date, str]] = field(default_factory=Counter)

    def left(self, what: str, day: dt.date) -> int:
        """What is left on a day of means, or of who does tasks, where the plan sets a limit."""
        room = self.of(what)
        assert room is not None
        return max(room.left - self.taken[day, what], 0)

    def of(self, what: str) -> Room | None:
        """The room of means, or of who does tasks; null where the plan sets no limit."""
        return self.remote if what == REMOTE else self.means.get(what)


def rooms(of: Base | None = None, now: int | None = None) -> Rooms:
    """By the limits the last night's plan kept; without a plan nothing is limited."""
    held = of or base()
    codes = held.codes("owner_post")[1] if "owner_post" in held.known else {}
    posts = np.full(len(codes), np.inf)
    try:
        planned = held.bank.plan(held.day)
        limits, prices = planned.sheet["limits"], planned.prices.to_pylist()
    except NightError:
        return Rooms({}, None, posts)
    of_limit: dict[str, list[dict[str, Any]]] = {}
    for row in prices:
        if row["capacity"] is not None:
            of_limit.setdefault(row["limit"], []).append(row)
    means: dict[str, Room] = {}
    for name, room in _of_means(limits, of_limit):
        if name not in means or room.left < means[name].left:
            means[name] = room
    remote = None
    for limit in limits:
        if limit["of"] != "minutes":
            continue
        for row in of_limit.get(limit["name"], []):
            if limit["per"] == "post" and row["member"] in codes:
                posts[codes[row["member"]]] = max(row["capacity"] - row["use"], 0)
            elif not limit["per"] and limit["by"] == [REMOTE]:
                remote = Room(int(row["capacity"]), int(row["use"]))
    return Rooms(means, remote, posts, _taken(int(time.time()) if now is None else now, held))


def _taken(now: int, of: Base) -> Counter[tuple[dt.date, str]]:
    """Pushes and minutes of journeys that run, by day and means or who: what is queued, and what who waits
    comes to next. Where ways part each is counted: a day is rather too full than too empty."""
    first = (now + _OFFSET) // 86_400
    taken: Counter[tuple[dt.date, str]] = Counter()

    def add(day: int, what: str, count: int) -> None:
        taken[_EPOCH + dt.timedelta(days=max(day, first)), what] += count

    wakes = (F("wake") + _OFFSET) / 86_400
    queued = Send.objects.filter(state__in=(SendState.QUEUED, SendState.HELD)).annotate(day=wakes)
    for means, day, count in queued.values_list("means", "day").annotate(n=Count("id")).order_by():
        add(day, means, count)
    waiting = Enrolment.objects.filter(state__in=(EnrolmentState.WAITING, EnrolmentState.LISTENING))
    versions = JourneyVersion.objects.filter(journey__state__in=MOVING, started_at__isnull=False)
    for version in versions.only("graph"):
        graph = read_graph(version.graph)
        rows = waiting.filter(version=version).annotate(day=wakes).values_list("node", "day")
        for place, day, count in rows.annotate(n=Count("id")).order_by():
            for what, each in _next_of(graph, place, of).items():
                add(day, what, count * each)
    return taken


def _next_of(graph: Graph, place: int, of: Base) -> dict[str, int]:
    """What somebody who is due at a step takes before he waits again: pushes by their first means, minutes of
    the remote team."""
    found: dict[str, int] = {}
    first, seen, todo = graph.nodes[place], {place}, [place]
    while todo:
        node = graph.nodes[todo.pop()]
        if node.do == "send":
            found[node.means[0]] = 1
        elif node.do == "task" and node.who == REMOTE:
            found[REMOTE] = minutes_of(node, of, of.day)
        if node is first or node.do not in ("wait", "listen"):
            ways = {graph.place[way] for way in node.ways} - seen
            seen |= ways
            todo += ways
    return found


def _of_means(
    limits: list[dict[str, Any]], of_limit: dict[str, list[dict[str, Any]]]
) -> Iterator[tuple[str, Room]]:
    """Limits that hold for everything sent by some means."""
    for limit in limits:
        whole = limit["of"] == "contacts" and not (limit["per"] or limit["offers"] or limit["actions"])
        if whole and len(limit["means"]) == 1 and limit["means"][0] in MEANS:
            for row in of_limit.get(limit["name"], []):
                yield limit["means"][0], Room(int(row["capacity"]), int(row["use"]))


def minutes_of(node: Node, of: Base, day: dt.date) -> int:
    """Minutes a task of a step takes: those of the plan's action it names, else the parameter."""
    try:
        action = next(a for a in of.bank.plan(of.day).actions if a.name == node.action)
    except (NightError, StopIteration):
        return int(value("journeys.task_minutes"))
    return int(action.minutes.on(day))
