"""Conditions over whole numbers (amounts, rates and days among them) made programs of the arithmetic kernel.

The index knows the least and the greatest value of each column, so it is known beforehand how large every sum
and product can become. What fits 64 bits whatever the customer is computed without looking; what might not,
and floating-point numbers, are left to the NumPy engine, which checks each value.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from quanke.language.nodes import Call, Literal, Node, type_of
from quanke.language.types import RATE_ONE, Kind
from quanke.segments.index import arithmetic_kernel as k
from quanke.segments.index.columns import IndexColumn, Values, address_of, ordinal
from quanke.segments.index.conditions import COMPARISONS, Evaluate, columns_of
from quanke.segments.index.lifting import Source

SMALLEST, LARGEST = -(2**63), 2**63 - 1
EXACT = 2**52
"""Whole numbers below this are divided exactly as floating-point ones."""
RATE_LIMIT = 10**12 * RATE_ONE
DAYS = (-719_162, 2_932_896)
"""The first day of year 1 and the last of 9999."""
WHOLE = frozenset({Kind.INTEGER, Kind.MONEY, Kind.RATE, Kind.DATE, Kind.INSTANT})
LONGEST = 8
"""Constants of a list that are compared one by one."""
Words = npt.NDArray[np.uint64]


class NotWhole(Exception):
    """An expression may leave 64 bits, or is none over whole numbers."""


@dataclass(frozen=True, slots=True)
class Held:
    """A register: numbers from `low` to `high` where they are known, or truth values (`low`, `high` 0, 1)."""

    register: int
    low: int
    high: int

    @property
    def size(self) -> int:
        """The largest absolute value."""
        return max(-self.low, self.high)


class Arithmetic:
    """Expressions made instructions; each different one is computed once."""

    def __init__(self, sources: Mapping[Node, Source], evaluate: Evaluate) -> None:
        self.sources = sources
        self.evaluate = evaluate
        self.rows: list[tuple[int, ...]] = []
        self.constants: dict[tuple[int, bool], int] = {}
        self.held: list[Any] = []
        self._made: dict[Node, Held] = {}

    def compiled(self, node: Node) -> Held:
        """Where the value of an expression will be. Raises NotWhole."""
        if node not in self._made:
            before = len(self.rows)
            try:
                self._made[node] = self._compile(node)
            except NotWhole:
                del self.rows[before:]
                self._made = {n: h for n, h in self._made.items() if h.register < before}
                raise
        return self._made[node]

    def _compile(self, node: Node) -> Held:
        kind = type_of(node).kind
        if kind is not Kind.BOOLEAN and kind not in WHOLE:
            raise NotWhole
        if not columns_of(node):
            return self._constant(node)
        if not isinstance(node, Call):
            return self._source(self.sources[node], kind)
        return self._logic(node) or self._choice(node) or self._number(node)

    def _row(self, operation: int, *numbers: int, low: int = 0, high: int = 1) -> Held:
        """An instruction; its register has the number of its row."""
        if low < SMALLEST or high > LARGEST:
            raise NotWhole
        register = len(self.rows)
        self.rows.append((operation, register, *numbers, *(0,) * (k.FIELDS - 2 - len(numbers))))
        return Held(register, low, high)

    # --- what is read

    def _constant(self, node: Node) -> Held:
        if isinstance(node, Literal) and node.type.kind is not Kind.BOOLEAN:
            value, known = (0, False) if node.value is None else (ordinal(node), True)
        else:
            try:
                found, valid = self.evaluate([node])(_nothing, 1)[0]
            except OverflowError:  # of a branch that may be nobody's
                raise NotWhole from None
            value, known = (int(found[:1].astype(np.int64)[0]), True) if valid[0] else (0, False)
            if type_of(node).kind is Kind.BOOLEAN:
                value = -value  # as bits
        return self.number(value, known)

    def number(self, value: int, known: bool = True) -> Held:
        """A constant. Its register is -1 less its place among the constants."""
        place = self.constants.setdefault((value, known), len(self.constants))
        return Held(-1 - place, value, value)

    def _source(self, source: Source, kind: Kind) -> Held:
        column = source.column
        if source.table is None and kind is not Kind.BOOLEAN:
            if column.base + column.size - 1 > LARGEST:
                raise NotWhole
            return self._codes(column, column.base, column.null)
        if source.table is not None:
            codes = self._codes(column, 0, None)
            made = self._looked_up(codes, source.table)
        else:
            made = self._codes(column, 0, column.null)
        return self._row(k.TRUE, made.register, made.register) if kind is Kind.BOOLEAN else made

    def _codes(self, column: IndexColumn, base: int, null: int | None) -> Held:
        unknown = (base + (null or 0), int(null is not None))
        high = base + max(column.known - 1, 0) + (null is not None)
        if column.width:
            return self._row(k.READ, column.code_address, column.width, base, *unknown, low=base, high=high)
        return self._row(k.PLANES, column.plane_address, column.planes, base, *unknown, low=base, high=high)

    def _looked_up(self, codes: Held, table: Values) -> Held:
        if table.values.dtype.kind not in "biM":
            raise NotWhole
        numbers = np.ascontiguousarray(table.values.astype(np.int64)).copy()
        known = numbers[table.valid]
        low, high = (int(known.min()), int(known.max())) if len(known) else (0, 0)
        numbers[~table.valid] = min(high + 1, LARGEST)
        has = not bool(table.valid.all())
        if has and high == LARGEST:
            raise NotWhole
        self.held.append(numbers)
        return self._row(
            k.LOOK, codes.register, address_of(numbers), 0, high + 1 if has else 0, int(has), low=low,
            high=high + has,
        )  # fmt: skip

    # --- what is made

    def _logic(self, node: Call) -> Held | None:
        operation = node.operation
        if operation in COMPARISONS:
            return self._compared(operation, *node.arguments)
        match operation:
            case "both" | "either":
                first, *rest = [self.compiled(a) for a in node.arguments]
                for other in rest:
                    made = k.BOTH if operation == "both" else k.EITHER
                    first = self._row(made, first.register, other.register)
                return first
            case "opposite" | "is_null":
                a = self.compiled(node.arguments[0])
                return self._row(k.OPPOSITE if operation == "opposite" else k.UNKNOWN, a.register, a.register)
            case "one_of" if len(node.arguments) <= LONGEST + 1:
                value, *others = node.arguments
                if any(not isinstance(o, Literal) or o.value is None for o in others):
                    raise NotWhole
                first, *more = [self._compared("equal", value, other) for other in others]
                for other_ in more:
                    first = self._row(k.EITHER, first.register, other_.register)
                return first
        return None

    def _compared(self, operation: str, first: Node, second: Node) -> Held:
        if type_of(first).kind is not type_of(second).kind:
            raise NotWhole
        a, b = self.compiled(first), self.compiled(second)
        if operation in ("greater", "at_least"):
            operation, a, b = COMPARISONS[operation], b, a
        if operation in ("less", "at_most"):
            return self._row(k.LESS if operation == "less" else k.AT_MOST, a.register, b.register)
        same = k.SAME if type_of(first).kind is Kind.BOOLEAN else k.EQUAL
        found = self._row(same, a.register, b.register)
        if operation == "not_equal":
            return self._row(k.OPPOSITE, found.register, found.register)
        return found

    def _choice(self, node: Call) -> Held | None:
        if node.operation not in ("case", "coalesce"):
            return None
        *parts, last = node.arguments
        found = self.compiled(last)
        if node.operation == "case":
            pairs = [
                (self.compiled(c), self.compiled(v)) for c, v in zip(parts[::2], parts[1::2], strict=True)
            ]
        else:
            values = [self.compiled(part) for part in parts]
            unknown = [self._row(k.UNKNOWN, v.register, v.register) for v in values]
            pairs = [
                (self._row(k.OPPOSITE, u.register, u.register), v)
                for u, v in zip(unknown, values, strict=True)
            ]
        choose = k.CHOOSE_TRUTH if node.type.kind is Kind.BOOLEAN else k.CHOOSE_NUMBER
        for condition, value in reversed(pairs):
            found = self._row(
                choose, condition.register, value.register, found.register, low=min(value.low, found.low),
                high=max(value.high, found.high),
            )  # fmt: skip
        return found

    def _number(self, node: Call) -> Held:
        kinds = [type_of(a).kind for a in node.arguments]
        match node.operation:
            case "add" | "subtract" | "negate" | "absolute":
                found = self._summed(node, [self.compiled(a) for a in node.arguments])
            case "days_between" if kinds == [Kind.DATE, Kind.DATE]:
                first, last = (self.compiled(a) for a in node.arguments)
                low, high = last.low - first.high, last.high - first.low
                found = self._row(k.SUBTRACT, last.register, first.register, low=low, high=high)
            case "least" | "greatest" if set(kinds) <= WHOLE:
                found, *rest = [self.compiled(a) for a in node.arguments]
                operation = k.LEAST if node.operation == "least" else k.GREATEST
                for other in rest:
                    low, high = min(found.low, other.low), max(found.high, other.high)
                    found = self._row(operation, found.register, other.register, low=low, high=high)
            case "floor_divide" | "modulo":
                a, b = (self.compiled(n) for n in node.arguments)
                found = self._quotient(k.FLOOR if node.operation == "floor_divide" else k.LEFT, a, b)
            case "multiply":
                found = self._product(node, kinds)
            case "divide":
                to_million = node.type.kind is Kind.RATE or kinds[1] is Kind.RATE
                found = self._ratio(node, RATE_ONE if to_million else 1)
            case "to_rate" if kinds == [Kind.INTEGER]:
                found = self._times(self.compiled(node.arguments[0]), self.number(RATE_ONE))
            case _:
                raise NotWhole
        limits = {Kind.RATE: (1 - RATE_LIMIT, RATE_LIMIT - 1), Kind.DATE: DAYS}.get(node.type.kind)
        if limits is not None and not limits[0] <= found.low <= found.high <= limits[1]:
            raise NotWhole  # outside they are unknown
        return found

    def _summed(self, node: Call, parts: Sequence[Held]) -> Held:
        a, b = parts if len(parts) == 2 else (self.number(0), parts[0])
        if node.operation == "add":
            return self._row(k.ADD, a.register, b.register, low=a.low + b.low, high=a.high + b.high)
        if node.operation == "absolute":
            return self._row(k.SIZE, b.register, b.register, low=0, high=b.size)
        return self._row(k.SUBTRACT, a.register, b.register, low=a.low - b.high, high=a.high - b.low)

    def _times(self, a: Held, b: Held) -> Held:
        ends = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
        return self._row(k.MULTIPLY, a.register, b.register, low=min(ends), high=max(ends))

    def _quotient(self, operation: int, a: Held, b: Held) -> Held:
        if max(a.size, b.size) >= EXACT:
            raise NotWhole
        size = b.size if operation == k.LEFT else a.size
        return self._row(operation, a.register, b.register, low=-size - 1, high=size + 1)

    def _product(self, node: Call, kinds: Sequence[Kind]) -> Held:
        if Kind.RATE not in kinds:
            a, b = (self.compiled(n) for n in node.arguments)
            return self._times(a, b)
        first, second = node.arguments
        if isinstance(first, Literal):
            first, second = second, first
        a, b = self.compiled(first), self.compiled(second)
        told = isinstance(second, Literal) and second.value is not None
        shared = math.gcd(b.low, RATE_ONE) if told else 1
        if shared > 1:
            b = self.number(b.low // shared)
        return self._quotient(k.ROUND, self._times(a, b), self.number(RATE_ONE // shared))

    def _ratio(self, node: Call, scale: int) -> Held:
        first, second = node.arguments
        a, b = self.compiled(first), self.compiled(second)
        shared = math.gcd(b.low, scale) if isinstance(second, Literal) and b.low else 1
        if shared > 1:
            b, scale = self.number(b.low // shared), scale // shared
        return self._quotient(k.ROUND, self._times(a, self.number(scale)) if scale > 1 else a, b)

    def program(self, answers: Sequence[tuple[Held, bool, Words]]) -> Computation:
        """What was compiled, ready for the kernel: for each expression where it is true, or where it is
        known, into words."""
        shift = len(self.constants)

        def place(register: int) -> int:
            return -1 - register if register < 0 else shift + register

        registers = {k.READ: 0, k.PLANES: 0, k.LOOK: 1, k.CHOOSE_NUMBER: 3, k.CHOOSE_TRUTH: 3}
        rows = []
        for operation, target, *rest in self.rows:
            read = registers.get(operation, 2)
            rows.append([operation, place(target), *map(place, rest[:read]), *rest[read:]])
        return Computation(
            np.array(rows, np.int64).reshape(-1, k.FIELDS),
            np.array(list(self.constants), np.int64).reshape(-1, 2),
            np.array([(place(h.register), known, address_of(w)) for h, known, w in answers], np.int64),
            (shift + len(rows)) * k.REGISTER // 8,
            (*self.held, *(w for _, _, w in answers)),
        )


@dataclass(frozen=True)
class Computation:
    """What the kernel computes, with all that its addresses point at. `memory`: words it works in."""

    rows: npt.NDArray[np.int64]
    constants: npt.NDArray[np.int64]
    answers: npt.NDArray[np.int64]
    memory: int
    held: tuple[Any, ...]


def _nothing(node: Node) -> Values:
    raise AssertionError(f"a constant reads nothing: {node}")
