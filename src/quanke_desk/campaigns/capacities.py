"""What a day holds: messages and minutes by the limits of the last night's plan, less what its plan uses.

A trial of a journey is held against it before the journey starts (`simulating`): where more falls on a day
than fits, messages wait for the next days by the policy, and tasks pile up on managers' lists.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quanke.kernel.errors import NightError
from quanke_desk.campaigns.graph import MEANS, Node
from quanke_desk.foundation.analytic import Base, base
from quanke_desk.foundation.parameters import value

MANAGER, REMOTE = "manager", "remote_team"


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
    `owner_post`; a post without a limit has no bound)."""

    means: dict[str, Room]
    remote: Room | None
    posts: NDArray[np.float64]

    def of(self, what: str) -> Room | None:
        """The room of means, or of who does tasks; null where the plan sets no limit."""
        return self.remote if what == REMOTE else self.means.get(what)


def rooms(of: Base | None = None) -> Rooms:
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
    return Rooms(means, remote, posts)


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
