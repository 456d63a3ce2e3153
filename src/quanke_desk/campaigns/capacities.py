"""What a day holds: messages and minutes by the limits of the last night's plan, less what takes of it: the
plan itself, pushes that are queued, tasks that are open, and the next step of who waits in a journey, be it
paused: it goes on.

A trial of a journey is held against it before the journey starts (`simulating`): where more falls on a day
than fits, messages wait for the next days by the policy, and tasks pile up on managers' lists.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.db.models import Count, F
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from numpy.typing import NDArray

from quanke.kernel.errors import NightError
from quanke_desk.campaigns.graph import MEANS, Graph, Node, read_graph
from quanke_desk.campaigns.models import (
    Enrolment,
    EnrolmentState,
    JourneyState,
    JourneyVersion,
    Send,
    SendState,
)
from quanke_desk.campaigns.standing import MOVING, day_of
from quanke_desk.campaigns.timing import moment_after
from quanke_desk.foundation.analytic import Base, base
from quanke_desk.foundation.parameters import value
from quanke_desk.work import open_tasks

MANAGER, REMOTE = "manager", "remote_team"
PLAN = "plan"
TAKES: Mapping[str, Promise] = {
    PLAN: _("the plan of the night"),
    "queued": _("pushes that are queued"),
    "open": _("tasks that are open"),
    "running": _("journeys under way"),
    "paused": _("journeys that are paused"),
}
"""What takes of a day before a journey that is tried does."""
_EPOCH, _OFFSET, _NOON = dt.date(1970, 1, 1), 8 * 3600, 12 * 3600


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
    """Limits of a day: by means, of the remote team (minutes), and of each post (minutes, by the code of
    `owner_post`, without a limit infinite) with what the plan uses of it. `taken`: what else takes of a day,
    by means or who, and why (`TAKES`); `of_posts`: the same minutes of each post, by day and why."""

    means: dict[str, Room]
    remote: Room | None
    posts: NDArray[np.float64]
    planned: NDArray[np.float64]
    taken: Counter[tuple[dt.date, str, str]] = field(default_factory=Counter)
    of_posts: dict[tuple[dt.date, str], NDArray[np.float64]] = field(default_factory=dict)

    def left(self, what: str, day: dt.date) -> int:
        """What is left on a day of means, or of who does tasks, where the plan sets a limit."""
        room = self.of(what)
        assert room is not None
        return max(room.left - sum(self.taken[day, what, why] for why in TAKES), 0)

    def of(self, what: str) -> Room | None:
        """The room of means, or of who does tasks; null where the plan sets no limit."""
        return self.remote if what == REMOTE else self.means.get(what)

    def left_of_posts(self, day: dt.date) -> NDArray[np.float64]:
        """Minutes each post has left on a day."""
        others = sum((self.of_posts[day, why] for why in TAKES if (day, why) in self.of_posts), 0.0)
        return np.maximum(self.posts - self.planned - others, 0)

    def takes(self, what: str, day: dt.date) -> dict[str, int]:
        """What takes of a day of means, or of who does tasks, before the one that is tried: by why."""
        room = self.of(what)
        found = {why: self.taken[day, what, why] for why in TAKES}
        found[PLAN] = room.used if room else 0
        return {why: count for why, count in found.items() if count}

    def takes_of_posts(self, day: dt.date, posts: NDArray[np.bool_]) -> dict[str, int]:
        """Minutes of some posts that are taken on a day, by why."""
        found = {why: self.of_posts.get((day, why)) for why in TAKES}
        found[PLAN] = self.planned
        counts = {why: int(held[posts].sum()) for why, held in found.items() if held is not None}
        return {why: count for why, count in counts.items() if count}


def rooms(of: Base | None = None, now: int | None = None) -> Rooms:
    """By the limits the last night's plan kept; without a plan nothing is limited."""
    held = of or base()
    codes = held.codes("owner_post")[1] if "owner_post" in held.known else {}
    posts, planned = np.full(len(codes), np.inf), np.zeros(len(codes))
    try:
        plan = held.bank.plan(held.day)
        limits, prices = plan.sheet["limits"], plan.prices.to_pylist()
    except NightError:
        return Rooms({}, None, posts, planned)
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
                posts[codes[row["member"]]], planned[codes[row["member"]]] = row["capacity"], row["use"]
            elif not limit["per"] and limit["by"] == [REMOTE]:
                remote = Room(int(row["capacity"]), int(row["use"]))
    found = Rooms(means, remote, posts, planned)
    at = int(time.time()) if now is None else now
    _take_queued(found, at)
    _take_tasks(found, at, held)
    _take_journeys(found, at, held)
    return found


def _take_queued(found: Rooms, now: int) -> None:
    queued = Send.objects.filter(state__in=(SendState.QUEUED, SendState.HELD)).annotate(day=_day_of_wake())
    for means, day, count in queued.values_list("means", "day").annotate(n=Count("id")).order_by():
        found.taken[_from_today(day, now), means, "queued"] += count


def _take_tasks(found: Rooms, now: int, of: Base) -> None:
    """Tasks that are open, by post and of the remote team: each the minutes of its action."""
    codes = of.codes("owner_post")[1] if "owner_post" in of.known else {}
    minutes: dict[str, int] = {}
    for (post, day, action), count in open_tasks.open_tasks(day_of(now)).items():
        each = minutes.setdefault(action, minutes_of_action(action, of, of.day)) * count
        if post == open_tasks.REMOTE:
            found.taken[day, REMOTE, "open"] += each
        elif post in codes:
            _of_posts(found, day, "open")[codes[post]] += each


def _take_journeys(found: Rooms, now: int, of: Base) -> None:
    """Pushes and minutes of what who waits in a journey comes to next. Where ways part each is counted: a day
    is rather too full than too empty."""
    waiting = Enrolment.objects.filter(state__in=(EnrolmentState.WAITING, EnrolmentState.LISTENING))
    states = (*MOVING, JourneyState.PAUSED)
    versions = JourneyVersion.objects.filter(journey__state__in=states, started_at__isnull=False)
    for version in versions.select_related("journey").only("graph", "journey__state"):
        graph = read_graph(version.graph)
        why = "paused" if version.journey.state == JourneyState.PAUSED else "running"
        rows = waiting.filter(version=version).annotate(day=_day_of_wake())
        counted = rows.values_list("node", "day").annotate(n=Count("id")).order_by()
        for place, day, count in counted:
            at = _from_today(day, now)
            for node in _next_of(graph, place):
                if node.do == "send":
                    found.taken[at, node.means[0], why] += count
                    continue
                due, each = _due(at, node), minutes_of(node, of, of.day)
                if node.who == REMOTE:
                    found.taken[due, REMOTE, why] += count * each
                elif node.who == MANAGER:
                    who = rows.filter(node=place, day=day).values_list("customer", flat=True)
                    _give(found, np.fromiter(who.iterator(20_000), np.int64), due, why, each, of)


def _give(found: Rooms, customers: NDArray[np.int64], day: dt.date, why: str, each: int, of: Base) -> None:
    """Tasks of customers' managers; whom nobody looks after is the remote team's."""
    per_post, alone = by_posts(customers, of)
    if alone:
        found.taken[day, REMOTE, why] += each * alone
    if len(per_post):
        _of_posts(found, day, why)[:] += each * per_post


def by_posts(customers: NDArray[np.int64], of: Base) -> tuple[NDArray[np.int64], int]:
    """How many of some customers each post looks after (by the code of `owner_post`), and how many none."""
    if "owner_post" not in of.known:
        return np.zeros(0, np.int64), len(customers)
    codes, posts = of.codes("owner_post")
    theirs = codes[customers]
    return np.bincount(theirs[theirs >= 0], minlength=len(posts)), int((theirs < 0).sum())


def _of_posts(found: Rooms, day: dt.date, why: str) -> NDArray[np.float64]:
    return found.of_posts.setdefault((day, why), np.zeros(len(found.posts)))


def _day_of_wake() -> Any:
    return (F("wake") + _OFFSET) / 86_400


def _from_today(day: int, now: int) -> dt.date:
    """A day (since 1970) as a date; what is late is done today."""
    return _EPOCH + dt.timedelta(days=max(day, (now + _OFFSET) // 86_400))


def _due(day: dt.date, node: Node) -> dt.date:
    """The day by which a task that is given on a day is to be done."""
    noon = (day - _EPOCH).days * 86_400 - _OFFSET + _NOON
    return day_of(moment_after(noon, node.span))


def _next_of(graph: Graph, place: int) -> list[Node]:
    """Pushes and tasks somebody who is due at a step comes to before he waits again."""
    found: list[Node] = []
    first, seen, todo = graph.nodes[place], {place}, [place]
    while todo:
        node = graph.nodes[todo.pop()]
        if node.do in ("send", "task"):
            found.append(node)
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
    return minutes_of_action(node.action, of, day)


def minutes_of_action(name: str, of: Base, day: dt.date) -> int:
    """Minutes of an action of the plan; of none, or one the plan has no more, the parameter."""
    try:
        action = next(a for a in of.bank.plan(of.day).actions if a.name == name)
    except (NightError, StopIteration):
        return int(value("journeys.task_minutes"))
    return int(action.minutes.on(day))
