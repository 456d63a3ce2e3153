"""Expressions made into a list of steps over columns, each different subtree computed once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from quanke.engines.live import columns as carriers
from quanke.engines.live.columns import Column
from quanke.engines.live.lowering import LOWERINGS
from quanke.language.nodes import AsOf, Call, Literal, Node, children

Reader = Callable[[Node], Column]
"""Gives the column of a field, a reference, an aggregate or a place: one value for each row."""


@dataclass(frozen=True, slots=True)
class Step:
    """One node, with the places of its arguments among the steps before it."""

    node: Node
    arguments: tuple[int, ...]


class Program:
    """Expressions prepared once and run on many batches.

    Equal subtrees, within one expression or across several, are one step. What no operation computes
    (fields, references, aggregates, places) is asked of the reader.
    """

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._place: dict[Node, int] = {}
        self.steps: list[Step] = []
        self.outputs = tuple(self._add(node) for node in nodes)
        self._constants = {
            place: carriers.constant(step.node.value, step.node.type)
            for place, step in enumerate(self.steps)
            if isinstance(step.node, Literal)
        }

    def _add(self, node: Node) -> int:
        place = self._place.get(node)
        if place is None:
            arguments = tuple(self._add(below) for below in children(node)) if isinstance(node, Call) else ()
            self.steps.append(Step(node, arguments))
            place = self._place[node] = len(self.steps) - 1
        return place

    @property
    def inputs(self) -> tuple[Node, ...]:
        """What the reader will be asked for."""
        return tuple(s.node for s in self.steps if not isinstance(s.node, (Call, Literal, AsOf)))

    def run(self, read: Reader, as_of: dt.date, rows: int) -> list[Column]:
        """A column of `rows` rows for each expression.

        Raises OverflowError where a whole-number result does not fit 64 bits.
        """
        found: list[Column] = []
        with np.errstate(all="ignore"):
            for place, step in enumerate(self.steps):
                if isinstance(step.node, Call):
                    arguments = [found[a] for a in step.arguments]
                    found.append(LOWERINGS[step.node.operation](step.node, arguments))
                elif isinstance(step.node, Literal):
                    found.append(self._constants[place])
                elif isinstance(step.node, AsOf):
                    found.append(carriers.day_column(step.node.on(as_of)))
                else:
                    found.append(read(step.node))
        return [found[place].spread(rows) for place in self.outputs]


def evaluate(node: Node, read: Reader, as_of: dt.date, rows: int) -> Column:
    """Value of one expression for each of `rows` rows."""
    return Program([node]).run(read, as_of, rows)[0]
