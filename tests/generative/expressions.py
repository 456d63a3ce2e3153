"""Random well-typed expressions over the columns of a random table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from quanke.kernel.errors import DefinitionError
from quanke.language.expressions import Expression, call
from quanke.language.nodes import AsOf, Column, Literal, Node, type_of
from quanke.language.types import (
    BOOLEAN,
    DATE,
    INSTANT,
    INTEGER,
    MONEY,
    NUMBER,
    RATE,
    TEXT,
    Kind,
    Type,
)
from tests.generative.values import KNOWN, maybe
from tests.spec.tables import Table

B, I, M, R, N, T, D, S = BOOLEAN, INTEGER, MONEY, RATE, NUMBER, TEXT, DATE, INSTANT  # noqa: E741
EVERY = (B, I, M, R, N, T, D, S)
ORDERED = (I, M, R, N, T, D, S)
COLUMNS = {f"{of.kind}_{i}": of for of in EVERY for i in (1, 2)}
DEEPEST = 4

Recipe = tuple[str, tuple[Type, ...]]
"""An operation and the kinds of its arguments. One that takes constants bears them as Literals."""


def _pairs(operations: str, *pairs: tuple[Type, Type]) -> list[Recipe]:
    return [(operation, pair) for operation in operations.split() for pair in pairs]


def _each(operations: str, *types: Type) -> list[Recipe]:
    return [(operation, (of,)) for operation in operations.split() for of in types]


_MIXED = ((I, R), (R, I), (N, I), (R, N))
_SAME = tuple((of, of) for of in EVERY)

RECIPES: dict[Kind, list[Recipe]] = {
    Kind.BOOLEAN: [
        *_pairs("equal not_equal", *_SAME, *_MIXED),
        *_pairs("less at_most greater at_least", *_SAME[1:], *_MIXED),
        *_pairs("both either", (B, B), (B, B), (B, B)),
        *_each("opposite", B, B),
        *_each("is_null", *EVERY),
        *_each("one_of", *EVERY),
        *_pairs("starts_with ends_with contains", (T, T), (T, T)),
    ],
    Kind.INTEGER: [
        *_pairs("add subtract multiply floor_divide modulo", (I, I), (I, I)),
        *_pairs("subtract days_between months_between years_between", (D, D), (D, D)),
        *_pairs("floor_divide", (M, M)),
        *_each("negate absolute", I),
        *_each("sign", I, M, R, N),
        *_each("band", I, M, R, N, D),
        *_each("year month day_of_month iso_weekday", D, S),
        *_each("hour", S),
        *_each("length", T, T),
    ],
    Kind.MONEY: [
        *_pairs("add subtract modulo", (M, M), (M, M)),
        *_pairs("multiply", (M, I), (I, M), (M, R), (R, M), (M, R)),
        *_pairs("divide", (M, I), (M, R), (M, R)),
        *_pairs("floor_divide", (M, I)),
        *_each("negate absolute", M),
    ],
    Kind.RATE: [
        *_pairs("add subtract multiply divide", (R, R), (R, R), (I, R), (R, I)),
        *_pairs("divide", (M, M), (M, M), (I, I), (I, I)),
        *_each("negate absolute", R),
        *_each("to_rate", I, N, N),
    ],
    Kind.NUMBER: [
        *_pairs("add subtract multiply divide", (N, N), (N, N), (I, N), (N, R)),
        *_each("negate absolute square_root", N),
        *_each("to_number", I, M, R, N),
    ],
    Kind.TEXT: [*_pairs("concat", (T, T)), *_each("part", T)],
    Kind.DATE: [
        *_pairs("add subtract add_months", (D, I), (D, I)),
        *_each("date_of", S),
        *_each("month_start month_end", D, S),
    ],
    Kind.INSTANT: [],
}
"""What can give a value of each kind, besides the choices (case, coalesce, least, greatest)."""
OPERATIONS = {kind: sorted({operation for operation, _ in recipes}) for kind, recipes in RECIPES.items()}
INEXACT: list[Recipe] = _each("logarithm exponential", N)
"""Only at the top of an expression: what is made of their last digit could be anything."""


Leaf = Callable[[Random, Type], Node]
"""Gives a node of a kind that is no operation."""


def models_leaf(r: Random, of: Type) -> Node:
    """A column of the random table, a constant, or the as-of day."""
    if r.random() < 0.75:
        return Column("models", f"{of.kind}_{r.randint(1, 2)}", of)
    return constant(r, of)


def constant(r: Random, of: Type) -> Node:
    """A constant, or the as-of day."""
    if of.kind is Kind.DATE and r.random() < 0.5:
        return AsOf()
    value = maybe(r, of.kind)
    smallest = value == -(2**63) and of.kind is not Kind.NUMBER  # has no literal
    return Literal(value + 1 if smallest else value, of)


def _constants(r: Random, of: Type, *, ascending: bool) -> list[Node]:
    values = [KNOWN[of.kind](r) for _ in range(r.randint(1, 4))]
    if of.numeric and of.kind is not Kind.NUMBER:
        values = [v + (v == -(2**63)) for v in values]
    return [Literal(v, of) for v in (sorted(set(values)) if ascending else values)]


class Writer:
    """Writes random expressions over leaves of one grain."""

    def __init__(self, r: Random, leaf: Leaf) -> None:
        self.r = r
        self.leaf = leaf

    def write(self, of: Type, depth: int, *, top: bool = False) -> Node:
        """An expression whose value is of a kind, at most `depth` operations deep."""
        if depth == 0 or (not top and self.r.random() < 0.15):
            return self.leaf(self.r, of)
        if top and of.kind is Kind.NUMBER and self.r.random() < 0.25:
            return self._applied(self.r.choice(INEXACT), of, depth)
        if not RECIPES[of.kind] or self.r.random() < 0.15:
            return self._chosen(of, depth)
        operation = self.r.choice(OPERATIONS[of.kind])
        return self._applied(self.r.choice([r for r in RECIPES[of.kind] if r[0] == operation]), of, depth)

    def _applied(self, recipe: Recipe, of: Type, depth: int) -> Node:
        operation, types = recipe
        arguments = [self.write(t, depth - 1) for t in types]
        if operation == "part":
            start, length = self.r.choice([1, 2, 3, 5, 2**40]), self.r.choice([0, 1, 2, 3, 2**40])
            arguments += [Literal(start, I), Literal(length, I)]
        elif operation in ("one_of", "band"):
            arguments += _constants(self.r, type_of(arguments[0]), ascending=operation == "band")
        return self._called(operation, arguments, of)

    def _chosen(self, of: Type, depth: int) -> Node:
        options = ["case", "case", "coalesce"] + ["least", "greatest"] * (of.kind is not Kind.BOOLEAN)
        operation = self.r.choice(options)
        values = [self.write(of, depth - 1) for _ in range(self.r.randint(2, 3))]
        if operation == "case":
            conditions = [self.write(B, depth - 1) for _ in values[1:]]
            pairs = [node for pair in zip(conditions, values[:-1], strict=True) for node in pair]
            values = [*pairs, values[-1]]
        return self._called(operation, values, of)

    def _called(self, operation: str, arguments: Sequence[Node], of: Type) -> Node:
        """The call, or a leaf where units do not fit or a constant is too large to become a rate."""
        try:
            node = call(operation, *(Expression(a) for a in arguments)).node
        except DefinitionError as error:
            known = ("units", "trillion", "does not take")
            assert any(word in error.reason for word in known), error
            return self.leaf(self.r, of)
        assert type_of(node).kind is of.kind, (operation, type_of(node), of)
        return node


def expressions(r: Random, count: int) -> list[Node]:
    """Expressions of any kind, one to DEEPEST operations deep."""
    writer = Writer(r, models_leaf)
    return [writer.write(r.choice(EVERY), r.randint(1, DEEPEST), top=True) for _ in range(count)]


def table(r: Random, rows: int) -> Table:
    """A table with two columns of each kind."""
    columns = {name: [maybe(r, of.kind) for _ in range(rows)] for name, of in COLUMNS.items()}
    return Table(COLUMNS, columns)
