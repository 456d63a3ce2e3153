"""The audience index of a night: a folder of columns, opened when they are asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from quanke.kernel.errors import NightError
from quanke.language.nodes import Node
from quanke.segments.index import kernels as k
from quanke.segments.index.build import opened_column
from quanke.segments.index.columns import IndexColumn, address_of, blocks_of
from quanke.segments.index.conditions import (
    EVERYBODY,
    NOBODY,
    All,
    Conditions,
    Evaluate,
    Formula,
    In,
    Passed,
    Some,
)
from quanke.segments.index.crew import Crew, shared
from quanke.segments.index.machine import LINE
from quanke.segments.index.members import Members
from quanke.segments.index.passes import Passes, Whole
from quanke.segments.index.program import Program, Words, Writer

FORMAT = 1
LEAST = 8
"""Chunks there must be for each thread that helps."""
_THERE = "there.words"
_ENTRIES = "index.json"


class Columns(Mapping[str, IndexColumn]):
    """Columns by name, each opened when it is asked for."""

    def __init__(self, folder: Path, entries: Mapping[str, Any]) -> None:
        self.folder = folder
        self.entries = entries
        self._opened: dict[str, IndexColumn] = {}

    def __getitem__(self, name: str) -> IndexColumn:
        if name not in self._opened:
            self._opened[name] = opened_column(name, self.entries[name], self.folder)
        return self._opened[name]

    def __contains__(self, name: object) -> bool:
        return name in self.entries

    def __iter__(self) -> Any:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


class AudienceIndex:
    """Flags, categories, amounts, dates and numbers of everybody as packed words.

    `evaluate` computes conditions that are no comparisons of a column with constants for some customers;
    `whole`, where given, those the index does not hold everything of, for all.
    """

    def __init__(self, folder: Path, evaluate: Evaluate, whole: Whole | None = None) -> None:
        self.folder = folder
        try:
            held = json.loads((folder / _ENTRIES).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise NightError(f"{folder.name}: there is no audience index here") from None
        if held["format"] != FORMAT:
            raise NightError(f"{folder.name}: an audience index of another format ({held['format']})")
        self.rows: int = held["rows"]
        self.columns = Columns(folder, held["columns"])
        self.evaluate = evaluate
        self.whole = whole

    @cached_property
    def there(self) -> Words:
        """A bit for each customer who exists."""
        return np.memmap(self.folder / _THERE, np.uint64, mode="r")

    @cached_property
    def customers(self) -> int:
        """How many customers exist."""
        return int(np.bitwise_count(self.there).sum())

    @cached_property
    def everybody(self) -> Members:
        """All customers."""
        return Members(self.there, self.there)

    @cached_property
    def _crew(self) -> Crew:
        return Crew(blocks_of(self.rows) // (k.CHUNK * LEAST))

    def formula(self, node: Node) -> Formula:
        """The condition as sets of codes joined by and and or, in the order they are looked at."""
        conditions = Conditions(self.columns, self.evaluate)
        return conditions.arranged(conditions.formula(node), self.customers)

    def program(self, node: Node) -> Program:
        """The condition compiled. It may be run many times; conditions that must be computed for everybody
        have been."""
        return self._program(self.formula(node), self._passes(self.there))

    def _program(self, formula: Formula, passes: Passes) -> Program:
        """A formula compiled, to be run among the customers of the passes."""
        wanted = list(dict.fromkeys(replace(p, turned=False) for p in _passed(formula)))
        return Writer(self.columns, passes.run(wanted) if wanted else {}).program(formula)

    def _passes(self, among: Words) -> Passes:
        return Passes(self.columns, among, self.rows, self.evaluate, self.whole, self._crew)

    def count(self, node: Node, among: Members | None = None) -> int:
        """How many customers (among some) a condition is true for. Raises OverflowError where a
        whole-number result does not fit 64 bits."""
        formula = self.formula(node)
        if formula == NOBODY:
            return 0
        if among is None:
            if formula == EVERYBODY:
                return self.customers
            if isinstance(formula, In) and self.columns[formula.column].exact:
                return self._counted(formula)
            if isinstance(formula, Passed) and self.whole is not None:
                passes = self._passes(self.there)
                if passes.outside(formula.node) and formula == Passed(formula.node, False):
                    return self.whole.count(formula.node)
                return self.run(self._program(formula, passes))[0]
        return self._answered(formula, among)[0]

    def _answered(self, formula: Formula, among: Members | None, keep: bool = False) -> tuple[int, Words]:
        """Run a formula. Conditions that are computed are computed for those only who are left by the others
        that must hold."""
        words = self.there if among is None else np.ascontiguousarray(among.words)
        if isinstance(formula, All) and any(True for _ in _passed(formula)):
            sets = tuple(p for p in formula.parts if not _passed(p))
            if sets:
                words = self.run(self._program(All(sets), self._passes(words)), words, keep=True)[1]
                formula = All(tuple(p for p in formula.parts if _passed(p)))
        return self.run(self._program(formula, self._passes(words)), words, keep)

    def _counted(self, wanted: In) -> int:
        """Of one column: told by the counts of its codes."""
        totals, cuts = self.columns[wanted.column].totals, wanted.cuts
        return sum(int(totals[b] - totals[a]) for a, b in zip(cuts[::2], cuts[1::2], strict=True))

    def members(self, node: Node, among: Members | None = None) -> Members:
        """The customers (among some) a condition is true for. Raises OverflowError as `count` does."""
        return Members(self._answered(self.formula(node), among, keep=True)[1], self.there)

    def run(self, program: Program, there: Words | None = None, keep: bool = False) -> tuple[int, Words]:
        """Run a program over everybody (or some), on all cores: how many it is true for and, if they are to
        be kept, their words."""
        there = self.there if there is None else there
        out = np.empty(len(there) if keep else 0, np.uint64)
        told = shared(len(there))
        size = (program.levels + 2) * k.MOST + k.SCRATCH + (program.nodes + 2) * LINE

        def work(last: bool) -> None:
            k.run(
                program.instructions, program.planned, address_of(there), self._crew.memory(size),
                program.levels, len(there), address_of(told), int(last), address_of(out) if keep else 0,
            )  # fmt: skip

        self._crew.all(work)
        return int(told[1:].sum()) - len(told) + 1, out

    def breakdown(self, name: str, among: Members | None = None) -> list[tuple[Any, int]]:
        """How many customers (among some) have each value of a column, None for unknown, in the order of the
        values; values nobody has are left out. Amounts are in fen, rates in millionths.

        Raises NightError where the index has no such column.
        """
        if name not in self.columns:
            raise NightError(f"the audience index has no column {name!r}")
        column = self.columns[name]
        if among is None:
            among = self.everybody
        codes, counts = self._tallied(column, np.ascontiguousarray(among.words))
        held = column.values(codes)
        values = held.values.tolist()
        return [
            (v if known else None, int(n))
            for v, known, n in zip(values, held.valid.tolist(), counts.tolist(), strict=True)
        ]

    def _tallied(self, column: IndexColumn, words: Words) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
        """Codes that some of the customers have, and how many."""
        if column.size > 2**22:
            return np.unique(column.codes[: self.rows][self._flags(words)], return_counts=True)
        counts = np.zeros(column.size, np.int64)
        codes = column.codes if column.width else column.part(0, len(words) * 64)
        k.tallied(words.ctypes.data, 0, len(words), codes.ctypes.data, codes.itemsize, counts)
        found = np.flatnonzero(counts)
        return found.astype(np.uint64), counts[found]

    def _flags(self, words: Words) -> npt.NDArray[np.bool_]:
        bits: npt.NDArray[np.bool_] = np.unpackbits(words.view(np.uint8), bitorder="little").astype(np.bool_)
        return bits[: self.rows]

    def close(self) -> None:
        """End the threads."""
        if "_crew" in self.__dict__:
            self._crew.close()


def _passed(formula: Formula) -> Sequence[Passed]:
    if isinstance(formula, Passed):
        return [formula]
    if isinstance(formula, (All, Some)):
        return [found for part in formula.parts for found in _passed(part)]
    return []


def write_index(folder: Path, rows: int, there: Words, columns: Mapping[str, Mapping[str, Any]]) -> None:
    """Write what opens an index beside the files of its columns."""
    (folder / _THERE).write_bytes(np.ascontiguousarray(there).data)
    held = {"format": FORMAT, "rows": rows, "columns": columns}
    beside = folder / f"{_ENTRIES}.part"
    beside.write_text(json.dumps(held, sort_keys=True) + "\n", encoding="utf-8")
    beside.replace(folder / _ENTRIES)
