"""How far each of many customers gets at a moment: step after step until he has to wait, or is through.

Nothing is written here. Who goes the same steps goes one `Way`; a range of twenty thousand customers goes a
handful of them, and what is written of a way is written for all who go it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quanke_desk.campaigns.branching import ways_of
from quanke_desk.campaigns.graph import MOST_STEPS, Graph, Node
from quanke_desk.campaigns.models import EnrolmentState
from quanke_desk.campaigns.timing import moment_after

Ints = NDArray[np.int64]
Answered = Callable[[int, Ints], NDArray[np.bool_]]
"""Which of some rows had done already what a step waits for: asked with its place and the rows."""
OUT = -1
"""Place of who is in no step any more."""


@dataclass(frozen=True)
class Way:
    """Steps some customers go at once: places of the nodes they leave, in their order, and where they stand
    then. `wake` null: unchanged; `why` says how it ended for who is out."""

    nodes: tuple[int, ...]
    to: int
    state: str
    wake: int | None = None
    awaits: str = ""
    why: str = ""

    @property
    def legs(self) -> Iterator[tuple[int, int, int]]:
        """Each step: its number from 1, from which node, to which."""
        for number, (begin, end) in enumerate(itertools.pairwise((*self.nodes, self.to)), 1):
            yield number, begin, end

    @property
    def done(self) -> Iterator[tuple[int, int]]:
        """Each step that is done: its number from 1, its node. Who leaves for a goal or for having gone too
        many steps does not do the one he stands at."""
        last = len(self.nodes) if self.to != OUT else len(self.nodes) - 1
        return enumerate(self.nodes[:last], 1)


def arrives(graph: Graph, to: int, now: int) -> tuple[str, int, str]:
    """State, moment and awaited event of who comes to a step."""
    node = graph.nodes[to]
    if node.do == "wait":
        return EnrolmentState.WAITING.value, moment_after(now, node.span), ""
    if node.do == "listen":
        return EnrolmentState.LISTENING.value, moment_after(now, node.span), node.event
    return EnrolmentState.WAITING.value, now, ""


def out(nodes: tuple[int, ...], why: str, state: str = EnrolmentState.LEFT.value) -> Way:
    """The way of who is out after the last of some steps."""
    return Way(nodes, OUT, state, why=why)


def walk(
    graph: Graph, start: int, customers: Ints, seqs: Ints, salt: str, now: int, answered: Answered
) -> tuple[list[Way], NDArray[np.int32]]:
    """The ways of customers (n) who are due at a node and went `seqs` (n) steps before: the ways, and for
    each customer the number of his. `salt` with a node's name draws his lot there. Whom `answered` names does
    not wait. Raises AudienceError, NightError where a condition cannot be asked."""
    ways: list[Way] = []
    chosen = np.full(len(customers), OUT, np.int32)

    def ends(rows: Ints, way: Way) -> None:
        if len(rows):
            chosen[rows] = len(ways)
            ways.append(way)

    def had(place: int, rows: Ints, gone: tuple[int, ...]) -> NDArray[np.bool_]:
        # of a push that leaves only now nothing can have come back
        if graph.nodes[place].do != "listen" or any(graph.nodes[each].do == "send" for each in gone):
            return np.zeros(len(rows), np.bool_)
        return answered(place, rows)

    under_way: list[tuple[Ints, tuple[int, ...]]] = [(np.arange(len(customers)), (start,))]
    while under_way:
        rows, nodes = under_way.pop()
        node = graph.nodes[nodes[-1]]
        if node.do == "exit":
            ends(rows, out(nodes, "exit", EnrolmentState.DONE.value))
            continue
        if node.do == "goal":
            ends(rows, out(nodes, node.name))
            continue
        fresh = seqs[rows] + len(nodes) <= MOST_STEPS
        ends(rows[~fresh], out(nodes, "steps"))
        heard = had(nodes[-1], rows[fresh], nodes[:-1])
        for to, part in _onward(graph, node, rows[fresh], customers, salt, heard):
            state, wake, awaits = arrives(graph, to, now)
            goes_on = had(to, part, nodes) if wake > now else np.ones(len(part), np.bool_)
            if goes_on.any():
                under_way.append((part[goes_on], (*nodes, to)))
            ends(part[~goes_on], Way(nodes, to, state, wake, awaits))
    return ways, chosen


def _onward(
    graph: Graph, node: Node, rows: Ints, customers: Ints, salt: str, heard: NDArray[np.bool_]
) -> list[tuple[int, Ints]]:
    if not len(rows):
        return []
    if node.do in ("if", "split"):
        to = ways_of(node, graph, customers[rows], f"{salt} {node.name}")
        return [(int(place), rows[to == place]) for place in np.unique(to)]
    if node.do == "listen":  # the second way is that of who was not heard in time
        parts = zip(node.ways, (rows[heard], rows[~heard]), strict=True)
        return [(graph.place[way], part) for way, part in parts if len(part)]
    return [(graph.place[node.ways[0]], rows)]
