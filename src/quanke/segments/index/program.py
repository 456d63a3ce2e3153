"""A formula made one program of the kernel: instructions, and leaves, which are sets of codes of a column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from quanke.segments.index import kernels as k
from quanke.segments.index.columns import IndexColumn, address_of
from quanke.segments.index.conditions import All, Formula, In, Passed, Some
from quanke.segments.index.cuts import Cuts, in_buckets, to_flags

TURNS = 48
"""A set of buckets that takes more comparisons than this is made a decision diagram over the planes."""
DOUBTFUL = 0.25
"""Where more customers than this share are in doubt, planes are not read: everybody is looked up."""
TABLE = 2**16
"""Most codes that have a bit each in a table."""
LIMIT = 2**20
_NONE = 2**64 - 1
Words = npt.NDArray[np.uint64]
Row = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A set of codes of one column as the kernel's row, with all that its addresses point at. `nodes`: how
    many a diagram has."""

    row: Row
    nodes: int
    held: tuple[Any, ...]


def leaf_of(column: IndexColumn, cuts: Cuts) -> Leaf:
    """A set of a column's codes, ready for the kernel. It is neither empty nor everything."""
    row = np.zeros(k.FIELDS, np.int64)
    row[k.PLANES], row[k.PLANE_COUNT] = column.plane_address, column.planes
    if column.planes == 1 and column.exact:
        row[k.PLAIN] = 1 if cuts[0] == 1 else 2
        return Leaf(row, 0, (column,))
    limits = np.array([c for c in cuts if c < 2**64], np.uint64)
    held: list[Any] = [column, limits]
    row[k.CUTS], row[k.CUT_COUNT] = address_of(limits), len(limits)
    whole, doubt = (cuts, ()) if column.exact else in_buckets(cuts, column.edges, column.size)
    if column.width:
        row[k.CODES], row[k.WIDTH] = column.code_address, column.width
        if len(cuts) > 2 and column.size <= TABLE:
            flags = np.zeros(-(-column.size // 64) * 64, np.bool_)
            flags[: column.size] = to_flags(cuts, column.size)
            held.append(np.packbits(flags, bitorder="little").view(np.uint64))
            row[k.TABLE] = address_of(held[-1])
    if doubt and column.counted(doubt) > DOUBTFUL * column.totals[-1]:
        whole, doubt, row[k.LOOK] = (), (), 1
    buckets = len(column.edges) or column.size
    begin, at_least, single = _turns(whole, doubt, buckets)
    if len(at_least) + len(single) > TURNS:
        made = Diagram(column.planes)
        row[k.WITHIN] = made.node(whole, buckets)
        row[k.UNSURE] = made.node(doubt, buckets) if doubt else 0
        held.append(np.array(made.rows, np.int64).reshape(-1, 3))
        row[k.NODES], row[k.NODE_COUNT] = address_of(held[-1]), len(made.rows)
        return Leaf(row, len(made.rows), tuple(held))
    written = [_written(turns, column.planes) for turns in (at_least, single)]
    held.append(np.concatenate([np.array([begin], np.uint64), *(w.ravel() for w in written)]))
    row[k.BOUNDS], row[k.LIMITS], row[k.SINGLES] = address_of(held[-1]), len(written[0]), len(written[1])
    return Leaf(row, 0, tuple(held))


Turns = dict[int, list[int]]
"""For a number of a bucket what it turns round: who is inside, who is in doubt (0 or all ones)."""


def _turns(whole: Cuts, doubt: Cuts, buckets: int) -> tuple[int, Turns, Turns]:
    """Two sets of buckets as what bucket 0 is of the first, and the numbers from which on it is otherwise,
    and those for which alone it is. (Bucket 0 is in doubt where a single number or limit 0 says so.)"""
    at_least: Turns = {}
    single: Turns = {}
    begin = 0
    for which, cuts in enumerate((whole, doubt)):
        n = 0
        while n < len(cuts):
            alone = n + 1 < len(cuts) and cuts[n + 1] == cuts[n] + 1
            if alone:
                single.setdefault(cuts[n], [0, 0])[which] = _NONE
            elif cuts[n] == 0 and which == 0:
                begin = _NONE
            elif cuts[n] < buckets:  # above the last one there is nobody
                at_least.setdefault(cuts[n], [0, 0])[which] = _NONE
            n += 1 + alone
    return begin, at_least, single


def _written(turns: Turns, planes: int) -> Words:
    """Comparisons in pairs, as the kernel reads them."""
    pairs = -(-len(turns) // 2)
    found = np.zeros((pairs, 2 + planes, 2), np.uint64)
    if turns:
        for place, which in enumerate(turns.values()):
            found[place // 2, :2, place % 2] = which
        words = _bits(planes)[[*turns, 0][: 2 * pairs]]  # the last of an odd number stands beside one
        found[:, 2:] = words.reshape(pairs, 2, planes).transpose(0, 2, 1)  # that turns nobody round
    return found.reshape(pairs, 4 + 2 * planes)


@cache
def _bits(planes: int) -> Words:
    """For each number and each plane zeros where the number has that bit, else all ones."""
    bits = np.arange(1 << planes, dtype=np.uint64)[:, None] >> np.arange(planes, dtype=np.uint64)
    return (bits & np.uint64(1)) - np.uint64(1)


class Diagram:
    """A decision diagram over the planes, from the lowest: equal halves are made once. Node 0 is nobody, node
    1 everybody; `rows` are those from 2 on: plane, node where it is set, node where it is not."""

    def __init__(self, planes: int) -> None:
        self.planes = planes
        self.rows: list[tuple[int, int, int]] = []

    def node(self, buckets: Cuts, count: int) -> int:
        """The node of a set of buckets."""
        flags = np.zeros(1 << self.planes, np.int64)
        flags[:count] = to_flags(buckets, count)
        flags[count:] = flags[count - 1]
        nodes = flags
        for plane in range(self.planes):
            keys, places = np.unique(nodes[0::2] * LIMIT + nodes[1::2], return_inverse=True)
            made = np.empty(len(keys), np.int64)
            for n, key in enumerate(keys.tolist()):
                low, high = divmod(key, LIMIT)
                made[n] = low
                if low != high:
                    self.rows.append((plane, high, low))
                    made[n] = len(self.rows) + 1
            nodes = made[places]
        return int(nodes[0])


@dataclass(frozen=True)
class Program:
    """What the kernel runs, with all that its addresses point at."""

    instructions: npt.NDArray[np.int64]
    planned: npt.NDArray[np.int64]
    levels: int
    nodes: int
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
        planned = np.zeros((len(self.leaves), k.FIELDS), np.int64)
        held: list[Any] = []
        nodes = 0
        for place, wanted in enumerate(self.leaves):
            if isinstance(wanted, Passed):
                words = self.passed[Passed(wanted.node, wanted.known)]
                planned[place, k.PLANES], planned[place, k.PLANE_COUNT] = address_of(words), 1
                planned[place, k.PLAIN] = 2 if wanted.turned else 1
                held.append(words)
                continue
            column = self.columns[wanted.column]
            leaf: Leaf = column.remembered(("leaf", wanted.cuts), partial(leaf_of, column, wanted.cuts))
            planned[place] = leaf.row
            nodes = max(nodes, leaf.nodes)
            held.append(leaf)
        instructions = np.array(self.instructions, np.int64).reshape(-1, 4)
        return Program(instructions, planned, self.levels, nodes, tuple(held))
