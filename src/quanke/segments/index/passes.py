"""Conditions that are no comparisons of a column with constants, computed for everybody.

A condition on columns of few values is computed once for each combination there can be, and every customer's
is looked up. All others are computed a chunk of customers at a time from the index's own columns, with both
cores.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from quanke.language.nodes import Node, type_of
from quanke.language.types import Kind
from quanke.segments.index.build import words_from, workers
from quanke.segments.index.columns import IndexColumn, Values
from quanke.segments.index.conditions import Bools, Evaluate, Passed, columns_of, name_of
from quanke.segments.index.kernels import BLOCK

CHUNK = 8 * BLOCK
"""Customers of a chunk: what is computed of it stays in the cache."""
COMBINATIONS = 2**20
"""Most combinations of values that are all tried instead of everybody's."""
Words = npt.NDArray[np.uint64]
Whole = Callable[[Sequence[Node]], list[tuple[Bools, Bools]]]
"""Computes conditions for all rows at once, for what cannot be read from the index: where each is known to be
true, and where it is known."""


class Passes:
    """Computes conditions over the columns of an index."""

    def __init__(
        self, columns: Mapping[str, IndexColumn], there: Bools, evaluate: Evaluate, whole: Whole | None
    ) -> None:
        self.columns = columns
        self.there = there
        self.evaluate = evaluate
        self.whole = whole

    def run(self, nodes: Sequence[Node]) -> dict[Passed, Words]:
        """Words of where each condition is true, and of where it is known."""
        found: dict[Passed, Words] = {}
        together: list[Node] = []
        outside: list[Node] = []
        for node in nodes:
            pair = self._combined(node)
            if pair is not None:
                self._add(found, node, *pair)
            elif self.whole is not None and not self._quick(node):
                outside.append(node)
            else:
                together.append(node)
        if together:
            for node, pair in zip(together, self._chunked(together), strict=True):
                self._add(found, node, *pair)
        if outside and self.whole is not None:
            for node, pair in zip(outside, self.whole(outside), strict=True):
                self._add(found, node, *pair)
        return found

    def _add(self, found: dict[Passed, Words], node: Node, holds: Bools, known: Bools) -> None:
        found[Passed(node, False)] = words_from(holds & known)
        found[Passed(node, True)] = words_from(known)

    def _held(self, node: Node) -> list[IndexColumn] | None:
        """The columns a condition reads, or None where the index lacks one."""
        names = [name_of(n) for n in columns_of(node)]
        held = [self.columns.get(n) for n in names if n is not None]
        return [h for h in held if h is not None] if len(held) == len(names) and None not in held else None

    def _quick(self, node: Node) -> bool:
        """Whether chunks can be computed without text, which NumPy handles one by one."""
        held = self._held(node)
        return held is not None and all(type_of(n).kind is not Kind.TEXT for n in columns_of(node))

    def _combined(self, node: Node) -> tuple[Bools, Bools] | None:
        """By all combinations of values, where they are few."""
        held = self._held(node)
        if not held or math.prod(c.size for c in held) > COMBINATIONS:
            return None
        reads = columns_of(node)
        grids = np.indices([c.size for c in held]).reshape(len(held), -1)
        values = {n: c.values(g) for n, c, g in zip(reads, held, grids, strict=True)}
        try:
            holds, known = self.evaluate([node], values.__getitem__, len(grids[0]))[0]
        except OverflowError:  # of a combination that may be nobody's
            return None
        answers = np.stack([holds & known, known])

        def chunk(first: int, last: int) -> list[tuple[Bools, Bools]]:
            place = np.zeros(last - first, np.int64)
            for column in held:
                place = place * column.size + column.part(first, last).astype(np.int64)
            return [(answers[0][place], answers[1][place])]

        return self._over_chunks(1, chunk)[0]

    def _chunked(self, nodes: Sequence[Node]) -> list[tuple[Bools, Bools]]:
        def chunk(first: int, last: int) -> list[tuple[Bools, Bools]]:
            there = self.there[first:last]
            read: dict[Node, Values] = {}

            def values(node: Node) -> Values:
                if node not in read:
                    column = self.columns[name_of(node) or ""]
                    made = column.values(column.part(first, last))
                    read[node] = Values(made.values, made.valid & there)
                return read[node]

            return self.evaluate(nodes, values, last - first)

        return self._over_chunks(len(nodes), chunk)

    def _over_chunks(
        self, count: int, chunk: Callable[[int, int], list[tuple[Bools, Bools]]]
    ) -> list[tuple[Bools, Bools]]:
        rows = len(self.there)
        found = [(np.empty(rows, np.bool_), np.empty(rows, np.bool_)) for _ in range(count)]

        def work(first: int) -> None:
            last = min(first + CHUNK, rows)
            for (holds, known), (true, valid) in zip(found, chunk(first, last), strict=True):
                holds[first:last], known[first:last] = true, valid

        with workers() as pool:
            list(pool.map(work, range(0, rows, CHUNK)))
        return found
