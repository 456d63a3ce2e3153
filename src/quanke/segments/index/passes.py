"""Conditions that are no comparisons of a column with constants, computed for everybody in question.

The condition is made one over numbers (`lifting`) and computed from the index's own columns on all cores:
over whole numbers by a compiled kernel (`arithmetic`), else by NumPy, a chunk of customers at a time. What
needs text of several columns is computed once for each combination of their values, where these are few
beside the customers; what is left, from the profile.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from quanke.language.nodes import Node
from quanke.segments.index.arithmetic import Arithmetic, Held, NotWhole
from quanke.segments.index.arithmetic_kernel import compute
from quanke.segments.index.build import words_from
from quanke.segments.index.columns import IndexColumn, Values, address_of
from quanke.segments.index.conditions import Bools, Evaluate, Passed, columns_of, name_of
from quanke.segments.index.crew import Crew, shared
from quanke.segments.index.kernels import BLOCK
from quanke.segments.index.lifting import Lifting, NotLifted, Source

CHUNK = 8 * BLOCK
"""Customers of a chunk: what is computed of it stays in the cache."""
COMBINATIONS = 2**20
"""Most combinations of values that are all tried instead of everybody's."""
FEWER = 16
"""So many customers there must be for each combination that is tried."""
SCATTERED = 4
"""Where fewer of a chunk than one in so many are in question, they are picked out."""
Words = npt.NDArray[np.uint64]


class Whole(Protocol):
    """Computes from the profile what cannot be read from the index."""

    def flags(self, asked: Sequence[tuple[Node, bool]]) -> list[Bools]:
        """For each row where a condition is known to be true or, where the second says so, where it is
        known."""

    def count(self, node: Node) -> int:
        """How many of the customers who exist a condition is true for."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Words for conditions that are computed: where each is true and, if that is asked, where it is known."""

    words: dict[Passed, Words]

    @classmethod
    def empty(cls, asked: Sequence[Passed], size: int) -> Answers:
        """With room for each."""
        return cls({passed: np.zeros(size, np.uint64) for passed in asked})

    def put(self, first: int, asked: Sequence[Passed], found: dict[Node, tuple[Bools, Bools]]) -> None:
        """Take the flags of customers from `first`, the beginning of a block, on."""
        for passed in asked:
            holds, known = found[passed.node]
            packed = np.packbits(known if passed.known else holds & known, bitorder="little")
            self.words[passed].view(np.uint8)[first // 8 : first // 8 + len(packed)] = packed


class Passes:
    """Computes conditions over the columns of an index for the customers of some words."""

    def __init__(
        self,
        columns: Mapping[str, IndexColumn],
        there: Words,
        rows: int,
        evaluate: Evaluate,
        whole: Whole | None,
        crew: Crew,
    ) -> None:
        self.columns = columns
        self.there = there
        self.rows = rows
        self.evaluate = evaluate
        self.whole = whole
        self.crew = crew
        self._lifting = Lifting(columns, evaluate, rows)

    def run(self, asked: Sequence[Passed]) -> dict[Passed, Words]:
        """Words of where each condition is true, or where it is known."""
        lifting = self._lifting
        together: dict[Node, Node] = {}
        combined: dict[Node, tuple[Bools, Bools]] = {}
        outside: list[Passed] = []
        for passed in asked:
            node = passed.node
            if node in together or node in combined:
                continue
            try:
                together[node] = lifting.lifted(node)
                continue
            except NotLifted:
                pair = self._combined(node)
            if pair is not None:
                combined[node] = pair
            elif self.whole is not None:
                outside.append(passed)
            else:
                together[node] = self._plain(node, lifting.sources)
        answers = Answers.empty(asked, len(self.there))
        for node in self._whole_numbers(answers, asked, together):
            del together[node]
        inside = [p for p in asked if p.node in together]
        if inside:
            self._chunked(answers, inside, together, lifting.sources)
        looked_up = [p for p in asked if p.node in combined]
        if looked_up:
            self._by_combination(answers, looked_up, combined)
        if outside and self.whole is not None:
            left = {p.node for p in outside}
            outside = [p for p in asked if p.node in left]
            flags = self.whole.flags([(p.node, p.known) for p in outside])
            answers.words.update(zip(outside, map(words_from, flags), strict=True))
        return answers.words

    def outside(self, node: Node) -> bool:
        """Whether a condition has to be computed from the profile."""
        if self.whole is None:
            return False
        try:
            self._lifting.lifted(node)
        except NotLifted:
            return not self._few(node)
        return False

    def _held(self, node: Node) -> list[IndexColumn] | None:
        """The columns a condition reads, or None where the index lacks one."""
        held = [self.columns.get(name_of(n) or "") for n in columns_of(node)]
        return None if None in held else [h for h in held if h is not None]

    def _plain(self, node: Node, sources: dict[Node, Source]) -> Node:
        """The condition as it is, text and all."""
        for read in columns_of(node):
            sources[read] = Source(self.columns[name_of(read) or ""])
        return node

    # --- by combinations

    def _few(self, node: Node) -> bool:
        held = self._held(node)
        most = min(COMBINATIONS, max(BLOCK, self.rows // FEWER))
        return bool(held) and math.prod(c.size for c in held or ()) <= most

    def _combined(self, node: Node) -> tuple[Bools, Bools] | None:
        """Where a condition is true and where it is known for all combinations of values, if they are few."""
        held = self._held(node)
        if not held or not self._few(node):
            return None
        grids = np.indices([c.size for c in held]).reshape(len(held), -1)
        values = {n: c.values(g) for n, c, g in zip(columns_of(node), held, grids, strict=True)}
        try:
            holds, known = self.evaluate([node])(values.__getitem__, len(grids[0]))[0]
        except OverflowError:  # of a combination that may be nobody's
            return None
        return holds.astype(np.bool_, copy=False), known

    def _by_combination(
        self, answers: Answers, asked: Sequence[Passed], combined: dict[Node, tuple[Bools, Bools]]
    ) -> None:
        def chunk(first: int, last: int) -> None:
            found = {}
            for node, (holds, known) in combined.items():
                place = np.zeros(last - first, np.int64)
                for column in self._held(node) or ():
                    place *= column.size
                    place += column.part(first, last)
                found[node] = holds[place], known[place]
            answers.put(first, asked, found)

        self._over_chunks(chunk)

    # --- customer by customer

    def _whole_numbers(
        self, answers: Answers, asked: Sequence[Passed], nodes: Mapping[Node, Node]
    ) -> list[Node]:
        """Compute by the kernel what can be; which that was."""
        arithmetic = Arithmetic(self._lifting.sources, self.evaluate)
        held: dict[Node, Held] = {}
        for node, lifted in nodes.items():
            with suppress(NotWhole):
                held[node] = arithmetic.compiled(lifted)
        if held:
            wanted = [(held[p.node], p.known, answers.words[p]) for p in asked if p.node in held]
            computation = arithmetic.program(wanted)
            told = shared(len(self.there))

            def work(last: bool) -> None:
                compute(
                    computation.rows, computation.constants, computation.answers, address_of(self.there),
                    self.crew.memory(computation.memory), len(self.there), address_of(told), int(last),
                )  # fmt: skip

            self.crew.all(work)
        return list(held)

    def _chunked(
        self, answers: Answers, asked: Sequence[Passed], nodes: Mapping[Node, Node],
        sources: Mapping[Node, Source],
    ) -> None:  # fmt: skip
        evaluated = self.evaluate(list(nodes.values()))

        def chunk(first: int, last: int) -> None:
            there = self.there[first // 64 : -(-last // 64)]
            count = int(np.bitwise_count(there).sum())
            if not count:
                return
            flags: Bools | None = None
            chosen: npt.NDArray[np.int64] | None = None
            if count < last - first:
                flags = np.unpackbits(there.view(np.uint8), bitorder="little")[: last - first].view(np.bool_)
            if flags is not None and count * SCATTERED < last - first:
                chosen = np.flatnonzero(flags)
            read: dict[Node, Values] = {}

            def values(node: Node) -> Values:
                if node not in read:
                    made = sources[node].read(first, last, chosen)
                    if flags is not None and chosen is None:  # of nobody, a value must not be too large
                        made = Values(made.values, made.valid & flags)
                    read[node] = made
                return read[node]

            found = evaluated(values, last - first if chosen is None else count)
            answers.put(
                first,
                asked,
                {
                    node: (_whole(holds, chosen, last - first), _whole(known, chosen, last - first))
                    for node, (holds, known) in zip(nodes, found, strict=True)
                },
            )

        self._over_chunks(chunk)

    def _over_chunks(self, chunk: Callable[[int, int], None]) -> None:
        def work(first: int) -> None:
            chunk(first, min(first + CHUNK, self.rows))

        self.crew.each(work, range(0, self.rows, CHUNK))


def _whole(found: npt.NDArray[np.generic], chosen: npt.NDArray[np.int64] | None, size: int) -> Bools:
    """Flags of a whole chunk of those of some of its customers."""
    flags = found.astype(np.bool_, copy=False)
    if chosen is None:
        return flags
    spread = np.zeros(size, np.bool_)
    spread[chosen] = flags
    return spread
