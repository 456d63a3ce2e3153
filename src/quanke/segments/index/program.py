"""A formula made one program of the kernel: instructions, leaves, and steps that make masks of planes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from quanke.segments.index import kernels as k
from quanke.segments.index.columns import IndexColumn
from quanke.segments.index.conditions import All, Formula, In, Passed, Some
from quanke.segments.index.cuts import Cuts, in_buckets, pairs, to_flags

RANGES = 12
"""More ranges than this in a set of buckets are made a decision diagram over the planes, unless they are
single buckets."""
SINGLES = 64
"""Up to so many single buckets are compared one by one."""
ZEROS, ONES, FIRST_MASK = 2, 3, 4
"""Masks that are always the same, after the two the kernel works in; then those of steps."""
TABLE = 2**20
"""Most codes that have a bit each in a table."""
LIMIT = 2**20
_ALL = 2**64 - 1
Words = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Steps:
    """How a set of buckets is made of planes: rows as the kernel takes them, with places of bounds instead
    of addresses; the bounds; the masks the results are in (`doubt` -1 for none); how many masks it takes."""

    rows: tuple[tuple[int, int, int, int, int], ...]
    bounds: Words
    inside: int
    doubt: int
    masks: int


@dataclass(frozen=True)
class Leaf:
    """A set of codes of one column, ready for the kernel. `plain`: 1 for a plane as it is, 2 for one turned
    round, 0 for steps."""

    column: IndexColumn
    plain: int
    steps: Steps | None
    cuts: Words
    table: Words | None

    @cached_property
    def row(self) -> tuple[int, ...]:
        """The kernel's row of the leaf, but for where its steps stand."""
        row = [0] * k.FIELDS
        row[k.PLAIN] = self.plain
        row[k.CUTS], row[k.CUT_COUNT] = self.cuts.ctypes.data, len(self.cuts)
        row[k.PLANES], row[k.PLANE_COUNT] = self.column.plane_address, self.column.planes
        if self.column.width:
            row[k.CODES], row[k.WIDTH] = self.column.code_address, self.column.width
        if self.table is not None:
            row[k.TABLE] = self.table.ctypes.data
        if self.steps is not None:
            row[k.LAST], row[k.INSIDE], row[k.DOUBT] = (
                len(self.steps.rows),
                self.steps.inside,
                self.steps.doubt,
            )
        return tuple(row)

    @cached_property
    def step_rows(self) -> list[tuple[int, int, int, int, int]]:
        """Its steps with addresses."""
        if self.steps is None:
            return []
        base = self.steps.bounds.ctypes.data
        return [
            (kind, target, base + a * 8 if kind in (k.RANGE, k.EQUAL) else a, b, c)
            for kind, target, a, b, c in self.steps.rows
        ]


class Recorder:
    """Collects steps."""

    def __init__(self, planes: int) -> None:
        self.planes = planes
        self.rows: list[tuple[int, int, int, int, int]] = []
        self.bounds: list[int] = []
        self.masks = FIRST_MASK

    def new(self) -> int:
        """A mask nobody uses yet."""
        self.masks += 1
        return self.masks - 1

    def either(self, a: int, b: int) -> int:
        """The mask of both masks together."""
        if ZEROS in (a, b):
            return b if a == ZEROS else a
        made = self.new()
        self.rows.append((k.EITHER, made, a, b, 0))
        return made

    def ranged(self, a: int, b: int, c: int, d: int) -> tuple[int, int]:
        """Masks of buckets b <= x < c, and of a <= x < b or c <= x < d."""
        limits, top = (a, b, c, d), 1 << self.planes
        inside, doubt, place = self.new(), self.new(), len(self.bounds)
        self.bounds += [0 if limit >= top else _ALL for limit in limits]
        for plane in range(self.planes):
            self.bounds += [0 if limit >= top or limit >> plane & 1 else _ALL for limit in limits]
        self.rows.append((k.RANGE, inside, place, doubt, 0))
        return inside, doubt

    def equal(self, buckets: Cuts) -> int:
        """The mask of single buckets."""
        made, place, numbers = (
            self.new(),
            len(self.bounds),
            [n for a, b in pairs(buckets) for n in range(a, b)],
        )
        for number in numbers:
            self.bounds += [0 if number >> plane & 1 else _ALL for plane in range(self.planes)]
        self.rows.append((k.EQUAL, made, place, len(numbers), 0))
        return made

    def diagram(self, buckets: Cuts, count: int) -> int:
        """The mask of any set of buckets, plane by plane from the lowest: equal halves are made once."""
        flags = np.zeros(1 << self.planes, np.int64)
        flags[:count] = to_flags(buckets, count)
        flags[count:] = flags[count - 1]
        masks = flags + ZEROS
        for plane in range(self.planes):
            keys, places = np.unique(masks[0::2] * LIMIT + masks[1::2], return_inverse=True)
            made = np.empty(len(keys), np.int64)
            for n, key in enumerate(keys.tolist()):
                low, high = divmod(key, LIMIT)
                made[n] = low
                if low != high:
                    made[n] = self.new()
                    self.rows.append((k.CHOOSE, int(made[n]), plane, high, low))
            masks = made[places]
        return int(masks[0])


def leaf_of(column: IndexColumn, cuts: Cuts) -> Leaf:
    """A set of a column's codes, ready for the kernel. It is neither empty nor everything."""
    limits = np.array([c for c in cuts if c < 2**64], np.uint64)
    if column.planes == 1 and column.exact:
        return Leaf(column, 1 if cuts[0] == 1 else 2, None, limits, None)
    whole, doubt = (cuts, ()) if column.exact else in_buckets(cuts, column.edges, column.size)
    buckets = len(column.edges) or column.size
    made = Recorder(column.planes)
    top = 1 << column.planes

    def open_(limit: int) -> int:  # buckets above the last one are nobody's
        return top if limit == buckets else limit

    if not doubt and len(cuts) > 4 and sum(b - a for a, b in pairs(whole)) <= SINGLES:
        inside, unsure = made.equal(whole), -1
    elif len(cuts) > 2 * RANGES:
        inside, unsure = made.diagram(whole, buckets), made.diagram(doubt, buckets) if doubt else -1
    else:
        inside, unsure = ZEROS, ZEROS if doubt else -1
        for low, high in pairs(cuts):
            a, b, c, d = _limits(column, low, high)
            found, asked = made.ranged(a, b, open_(c) if c == d else c, open_(d))
            inside = made.either(inside, found)
            unsure = made.either(unsure, asked) if doubt else -1
    steps = Steps(tuple(made.rows), np.array(made.bounds, np.uint64), inside, unsure, made.masks)
    table = None
    if column.width and len(cuts) > 2 and column.size <= TABLE:
        flags = np.zeros(-(-column.size // 64) * 64, np.bool_)
        flags[: column.size] = to_flags(cuts, column.size)
        table = np.packbits(flags, bitorder="little").view(np.uint64)
    return Leaf(column, 0, steps, limits, table)


def _limits(column: IndexColumn, low: int, high: int) -> tuple[int, int, int, int]:
    """Buckets a range of codes touches (from the first limit to before the last), and those wholly in it
    (from the second to before the third)."""
    if column.exact:
        return low, low, high, high
    whole, doubt = in_buckets((low, high), column.edges, column.size)
    first, last = whole or (doubt[0], doubt[0])
    return min((first, *doubt[:1])), first, last, max((last, *doubt[-1:]))


@dataclass(frozen=True)
class Program:
    """What the kernel runs, with all that its addresses point at."""

    instructions: npt.NDArray[np.int64]
    planned: npt.NDArray[np.int64]
    steps: npt.NDArray[np.int64]
    levels: int
    masks: int
    held: tuple[Any, ...]


class Writer:
    """Writes a formula as instructions."""

    def __init__(self, columns: Mapping[str, IndexColumn], passed: Mapping[Passed, Words]) -> None:
        self.columns = columns
        self.passed = passed
        self.instructions: list[list[int]] = []
        self.leaves: dict[In | Passed, int] = {}
        self.levels = 1

    def write(self, formula: Formula, level: int, exits: list[int]) -> None:
        """Instructions that narrow the mask at a level. `exits`: those that jump when nobody is left."""
        self.levels = max(self.levels, level + 3)
        if isinstance(formula, (In, Passed)):
            exits.append(len(self.instructions))
            leaf = self.leaves.setdefault(formula, len(self.leaves))
            self.instructions.append([k.LEAF, level, leaf, 0])
        elif isinstance(formula, All):
            for part in formula.parts:
                self.write(part, level, exits)
        else:
            self._some(formula, level, exits)

    def _some(self, formula: Some, level: int, exits: list[int]) -> None:
        self.instructions.append([k.SPLIT, level, 0, 0])
        joins = []
        for part in formula.parts:
            inner: list[int] = []
            self.instructions.append([k.BRANCH, level, 0, 0])
            self.write(part, level + 2, inner)
            joins.append(len(self.instructions))
            for exit_ in inner:
                self.instructions[exit_][3] = joins[-1]
            self.instructions.append([k.JOIN, level, 0, 0])
        for join in joins:
            self.instructions[join][3] = len(self.instructions)
        exits.append(len(self.instructions))
        self.instructions.append([k.MERGED, level, 0, 0])

    def program(self, formula: Formula) -> Program:
        """The whole program."""
        exits: list[int] = []
        self.write(formula, 0, exits)
        for exit_ in exits:
            self.instructions[exit_][3] = len(self.instructions)
        rows: list[list[int]] = []
        steps: list[tuple[int, int, int, int, int]] = []
        held: list[Any] = []
        masks = FIRST_MASK
        for wanted in self.leaves:
            if isinstance(wanted, Passed):
                words = self.passed[Passed(wanted.node, wanted.known)]
                row = [0] * k.FIELDS
                row[k.PLANES], row[k.PLANE_COUNT] = words.ctypes.data, 1
                row[k.PLAIN] = 2 if wanted.turned else 1
                rows.append(row)
                held.append(words)
                continue
            column = self.columns[wanted.column]
            make = partial(leaf_of, column, wanted.cuts)
            leaf: Leaf = column.remembered(("leaf", wanted.cuts), make)
            row = list(leaf.row)
            row[k.FIRST] += len(steps)
            row[k.LAST] += len(steps)
            rows.append(row)
            held.append(leaf)
            steps += leaf.step_rows
            masks = max(masks, leaf.steps.masks if leaf.steps is not None else 0)
        return Program(
            _table(self.instructions, 4),
            _table(rows, k.FIELDS),
            _table(steps, 5),
            self.levels,
            masks,
            tuple(held),
        )


def _table(rows: Sequence[Sequence[int]], width: int) -> npt.NDArray[np.int64]:
    return np.array(rows, np.int64).reshape(len(rows), width)
