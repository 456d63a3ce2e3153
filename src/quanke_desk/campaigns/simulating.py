"""A journey gone through without sending: where real customers would come, and how much falls on which day.

Who enters by a trigger comes on days as it fired of late (`coming`); conditions are asked of the last night,
chance is drawn as in earnest, the gate is asked of each push (`trial_gate`), and what cannot be known
beforehand, whether somebody clicks, is taken by a share that who asks gives. Nothing is written.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from quanke.kernel.calendars import SHANGHAI
from quanke.segments.control import in_control
from quanke_desk.campaigns.branching import holds_of, ways_of
from quanke_desk.campaigns.capacities import MANAGER, REMOTE, Rooms, by_posts, minutes_of
from quanke_desk.campaigns.coming import Coming, coming
from quanke_desk.campaigns.entering import salt_of
from quanke_desk.campaigns.graph import MOST_STEPS, Graph, Node
from quanke_desk.campaigns.models import JourneyVersion
from quanke_desk.campaigns.standing import is_over
from quanke_desk.campaigns.timing import moment_after
from quanke_desk.campaigns.trial_gate import TrialGate
from quanke_desk.foundation.analytic import base

Ints = NDArray[np.int64]
HORIZON = 120
"""Days looked ahead."""


@dataclass(frozen=True, slots=True)
class TooMuch:
    """`days` on which there is too much, and the most crowded: `asked` of it against what is `left`
    (messages, minutes of the remote team; for managers how many posts have too much, of all posts). `takes`:
    what took the rest of that day, by why (`capacities.TAKES`); for managers minutes of those posts. `holds`:
    what the day holds without it; `wants`: what the trial asks, in the same unit."""

    what: str
    days: int
    worst: dt.date
    asked: int
    left: int
    holds: int
    wants: int
    takes: dict[str, int]


@dataclass
class Simulated:
    """What came of it. `visits`: customers by step; `pushes`: what goes out, by day, step and means; `asked`
    and `refused`: pushes by step and means, the refused by rule, too; `tasks`: by day, step and who;
    `minutes`: of tasks, by day and who; `of_posts`: minutes by day, and by the code of the customer's post;
    `ends`: by how they ended; `under_way`: who is not through after `HORIZON` days; `came`: who came when."""

    entered: int = 0
    control: int = 0
    at_goal: int = 0
    visits: Counter[str] = field(default_factory=Counter)
    pushes: Counter[tuple[dt.date, str, str]] = field(default_factory=Counter)
    tasks: Counter[tuple[dt.date, str, str]] = field(default_factory=Counter)
    minutes: Counter[tuple[dt.date, str]] = field(default_factory=Counter)
    of_posts: dict[dt.date, NDArray[np.float64]] = field(default_factory=dict)
    ends: Counter[str] = field(default_factory=Counter)
    under_way: int = 0
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    came: Coming | None = None

    def by_day(self) -> dict[str, dict[dt.date, int]]:
        """Pushes by means, and tasks by who, for each day."""
        found: dict[str, dict[dt.date, int]] = {}
        for (day, _node, what), count in [*self.pushes.items(), *self.tasks.items()]:
            each = found.setdefault(what, {})
            each[day] = each.get(day, 0) + count
        return found

    def too_much(self, held: Rooms) -> list[TooMuch]:
        """Where more falls on days than they hold, by means and who; the most crowded day of each."""
        found = []
        for what, days in sorted(self.by_day().items()):
            if held.of(what) is None:
                continue
            load = {day: self.minutes[day, what] if what == REMOTE else count for day, count in days.items()}
            over = {day: asked for day, asked in load.items() if asked > held.left(what, day)}
            if over:
                worst = max(over, key=lambda day: (over[day], -day.toordinal()))
                room, takes = held.of(what), held.takes(what, worst)
                assert room is not None
                asked, left = over[worst], held.left(what, worst)
                found.append(TooMuch(what, len(over), worst, asked, left, room.capacity, asked, takes))
        if managers := self._managers(held):
            found.append(managers)
        return found

    def _managers(self, held: Rooms) -> TooMuch | None:
        """Posts that get more minutes than they have left."""
        over = {day: asked > held.left_of_posts(day) for day, asked in self.of_posts.items()}
        crowded = {day: int(posts.sum()) for day, posts in over.items()}
        if not any(crowded.values()):
            return None
        worst = max(crowded, key=lambda day: (crowded[day], -day.toordinal()))
        often, posts = sum(count > 0 for count in crowded.values()), over[worst]
        return TooMuch(
            MANAGER, often, worst, crowded[worst], len(held.posts), int(held.posts[posts].sum()),
            int(self.of_posts[worst][posts].sum()), held.takes_of_posts(worst, posts),
        )  # fmt: skip


def simulate(
    version: JourneyVersion,
    graph: Graph,
    customers: Ints,
    now: int,
    heard_ppm: int = 100_000,
    controls: Ints | None = None,
) -> Simulated:
    """Sends customers through a design from a moment (seconds since 1970) on. `heard_ppm`: how many of a
    million do what a step waits for; `controls`: who is compared with, where that is known. Raises
    NightError, AudienceError, CalendarError."""
    came = coming(graph, customers, now)
    done, gate = Simulated(came=came), TrialGate.open(version)
    waiting: dict[tuple[int, int], list[Ints]] = {}
    for moment, group in came.groups:
        if version.until and is_over(version, moment):
            continue
        found = _enter(version, graph, group, done, controls)
        if len(found):
            waiting.setdefault((moment, 0), []).append(found)
    at: Counter[int] = Counter()
    last = now + HORIZON * 86_400
    # whoever comes on another day may go each step anew
    most, steps = 10 * MOST_STEPS * len(graph.nodes) * max(len(came.groups), 1), 0
    while waiting and steps < most:
        moment, place = min(waiting)
        group = np.concatenate(waiting.pop((moment, place)))
        if moment > last:
            done.under_way += len(group)
            continue
        steps += 1
        at[place] += 1
        node = graph.nodes[place]
        done.visits[node.name] += len(group)
        turn = -(-at[place] // max(len(came.groups), 1))
        if node.do == "send" and turn <= MOST_STEPS:
            for out in gate.pushes(node, group, moment):
                done.pushes[out.day, node.name, out.means] += out.count
        for to, part in _onward(version, graph, node, group, moment, heard_ppm, done, turn):
            leaves = moment_after(moment, node.span) if node.do in ("wait", "listen") else moment
            waiting.setdefault((leaves, to), []).append(part)
    done.under_way += sum(len(part) for parts in waiting.values() for part in parts)
    done.asked, done.refused = gate.asked, gate.refused
    return _times(done, came.every)


def _enter(
    version: JourneyVersion, graph: Graph, group: Ints, done: Simulated, controls: Ints | None
) -> Ints:
    """Who of those who come at once enters: neither who reached a goal nor the control."""
    for _name, text in graph.goals:
        reached = holds_of(text, group)
        done.at_goal += int(reached.sum())
        group = group[~reached]
    if controls is not None:
        control = np.isin(group, controls)
    else:
        control = in_control(group, salt_of(version.journey), version.control_ppm)
    done.control += int(control.sum())
    entered: Ints = group[~control]
    done.entered += len(entered)
    return entered


def _times(done: Simulated, every: int) -> Simulated:
    """What came of every k-th customer, as of all."""
    if every == 1:
        return done
    for each in (done.visits, done.pushes, done.tasks, done.minutes, done.ends, done.asked, done.refused):
        for name in each:
            each[name] *= every  # type: ignore[index]
    done.of_posts = {day: minutes * every for day, minutes in done.of_posts.items()}
    done.entered, done.control = done.entered * every, done.control * every
    done.at_goal, done.under_way = done.at_goal * every, done.under_way * every
    return done


def _onward(
    version: JourneyVersion,
    graph: Graph,
    node: Node,
    group: Ints,
    moment: int,
    heard_ppm: int,
    done: Simulated,
    turn: int,
) -> list[tuple[int, Ints]]:
    if node.do in ("goal", "exit"):
        done.ends[node.name] += len(group)
        return []
    if turn > MOST_STEPS:
        done.ends["steps"] += len(group)
        return []
    if node.do == "task":
        _give(node, group, _day(moment_after(moment, node.span)), done)
    if node.do == "listen":
        hears = in_control(group, f"{version.journey.name} {node.name} heard", heard_ppm)
        return _parts([(graph.place[node.ways[0]], group[hears]), (graph.place[node.ways[1]], group[~hears])])
    if node.do in ("if", "split"):
        salt = f"{version.journey.name} {version.number} {node.name}"
        ways = ways_of(node, graph, group, salt)
        return _parts([(int(to), group[ways == to]) for to in np.unique(ways)])
    return [(graph.place[node.ways[0]], group)]


def _give(node: Node, group: Ints, day: dt.date, done: Simulated) -> None:
    of = base()
    minutes = minutes_of(node, of, day)
    given = {node.who: len(group)}
    if node.who == MANAGER:  # whom nobody looks after is the remote team's
        counts, alone = by_posts(group, of)
        given = {MANAGER: len(group) - alone, REMOTE: alone}
        done.of_posts[day] = done.of_posts.get(day, np.zeros(len(counts))) + minutes * counts
    for who, count in given.items():
        if count:
            done.tasks[day, node.name, who] += count
            done.minutes[day, who] += minutes * count


def _day(moment: int) -> dt.date:
    return dt.datetime.fromtimestamp(moment, SHANGHAI).date()


def _parts(given: list[tuple[int, Ints]]) -> list[tuple[int, Ints]]:
    return [(to, part) for to, part in given if len(part)]
