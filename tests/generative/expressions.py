"""Random well-typed expressions over the columns of a random table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

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

Draw = Callable[[st.SearchStrategy[Any]], Any]
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
INEXACT: list[Recipe] = _each("logarithm exponential", N)
"""Only at the top of an expression: what is made of their last digit could be anything."""


def leaf(draw: Draw, of: Type) -> Node:
    """A column, a constant, or the as-of day."""
    choice = draw(st.integers(0, 9))
    if choice < 7:
        return Column("models", f"{of.kind}_{draw(st.integers(1, 2))}", of)
    if choice == 9 and of.kind is Kind.DATE:
        return AsOf()
    return Literal(_literal_value(draw, of), of)


def _literal_value(draw: Draw, of: Type) -> Any:
    value = draw(maybe(of.kind))
    return value + 1 if value == -(2**63) and of.kind is not Kind.NUMBER else value


def _constants(draw: Draw, of: Type, most: int, *, ascending: bool) -> list[Node]:
    values = draw(st.lists(KNOWN[of.kind], min_size=1, max_size=most, unique=ascending))
    values = [v for v in values if v != -(2**63) or of.kind is Kind.NUMBER] or [values[0] if of.numeric else values[0]]
    if ascending:
        values = sorted(set(values))
    return [Literal(v, of) for v in values]


def expression(draw: Draw, of: Type, depth: int, *, top: bool = False) -> Node:
    """An expression whose value is of a kind, at most `depth` operations deep."""
    if depth == 0 or draw(st.integers(0, 9)) == 0:
        return leaf(draw, of)
    if top and of.kind is Kind.NUMBER and draw(st.booleans()):
        recipe = draw(st.sampled_from(INEXACT))
        return _applied(draw, recipe, of, depth)
    if not RECIPES[of.kind] or draw(st.integers(0, 4)) == 0:
        return _chosen(draw, of, depth)
    return _applied(draw, draw(st.sampled_from(RECIPES[of.kind])), of, depth)


def _applied(draw: Draw, recipe: Recipe, of: Type, depth: int) -> Node:
    operation, types = recipe
    arguments = [expression(draw, t, depth - 1) for t in types]
    if operation == "part":
        arguments += [
            Literal(draw(st.sampled_from([1, 2, 3, 5, 2**40])), I),
            Literal(draw(st.sampled_from([0, 1, 2, 2**40])), I),
        ]
    elif operation in ("one_of", "band"):
        arguments += _constants(draw, type_of(arguments[0]), 4, ascending=operation == "band")
    return _called(draw, operation, arguments, of)


def _chosen(draw: Draw, of: Type, depth: int) -> Node:
    options = ["case", "coalesce"] + ["least", "greatest"] * (of.kind is not Kind.BOOLEAN)
    operation = draw(st.sampled_from(options))
    values = [expression(draw, of, depth - 1) for _ in range(draw(st.integers(2, 3)))]
    if operation == "case":
        conditions = [expression(draw, B, depth - 1) for _ in values[1:]]
        pairs = [node for pair in zip(conditions, values[:-1], strict=True) for node in pair]
        values = [*pairs, values[-1]]
    return _called(draw, operation, values, of)


def _called(draw: Draw, operation: str, arguments: Sequence[Node], of: Type) -> Node:
    """The call, or a leaf where the units do not fit."""
    try:
        node = call(operation, *(Expression(a) for a in arguments)).node
    except DefinitionError as error:
        assert "units" in error.reason or "trillion" in error.reason or "does not take" in error.reason, error
        return leaf(draw, of)
    assert type_of(node).kind is of.kind, (operation, type_of(node), of)
    return node


@st.composite
def expressions(draw: Draw, most: int) -> list[Node]:
    """One to `most` expressions of any kind."""
    kinds = draw(st.lists(st.sampled_from(EVERY), min_size=1, max_size=most))
    return [expression(draw, of, draw(st.integers(1, DEEPEST)), top=True) for of in kinds]


@st.composite
def tables(draw: Draw, rows: int = 6) -> Table:
    """A table with two columns of each kind."""
    count = draw(st.integers(1, rows))
    columns = {
        name: draw(st.lists(maybe(of.kind), min_size=count, max_size=count)) for name, of in COLUMNS.items()
    }
    return Table(COLUMNS, columns)
