"""How definitions are written in Python: fields, aggregates and ordinary operators.

    tx = facts.transactions
    total(tx.amount).where(tx.direction == "in").within(days(30))
    when(aum_90d >= 50_000, "core").otherwise("online")

A bare number beside money is in major units (`aum >= 50_000` is fifty thousand yuan). Comparisons
and arithmetic build nodes; nothing is computed here. `&`, `|`, `~` stand for and, or, not, because
Python's own words cannot be overloaded: using an expression as a Python truth value is an error.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from decimal import Decimal
from itertools import pairwise
from math import isfinite
from typing import NoReturn

from quanke.language.nodes import AsOf, Call, Literal, Node, Rank, type_of
from quanke.language.operations import OPERATIONS, SYMBOLS
from quanke.language.places import refuse
from quanke.language.types import (
    BOOLEAN,
    DATE,
    INSTANT,
    INTEGER,
    MONEY,
    NUMBER,
    RATE,
    RATE_ONE,
    TEXT,
    Kind,
    Type,
    common,
)

Value = object
"""Anything that can stand in an expression: an expression, a definition, or a plain Python value."""

_ONE_KIND = frozenset(
    [
        "add",
        "subtract",
        "equal",
        "not_equal",
        "less",
        "at_most",
        "greater",
        "at_least",
        "one_of",
        "least",
        "greatest",
        "coalesce",
        "case",
        "band",
    ]
)
_LARGEST = 2**63 - 1
MOST_WORKING_DAYS = 250


class Operators:
    """What can be written with an expression. Anything with a `node` can be part of one."""

    __slots__ = ()
    __hash__ = object.__hash__

    @property
    def node(self) -> Node:
        """The tree built so far."""
        raise TypeError("an expression has a node")

    @property
    def type(self) -> Type:
        """Type of the value."""
        return type_of(self.node)

    def __add__(self, other: Value) -> Expression:
        return call("add", self, other)

    def __radd__(self, other: Value) -> Expression:
        return call("add", other, self)

    def __sub__(self, other: Value) -> Expression:
        return call("subtract", self, other)

    def __rsub__(self, other: Value) -> Expression:
        return call("subtract", other, self)

    def __mul__(self, other: Value) -> Expression:
        return call("multiply", self, other)

    def __rmul__(self, other: Value) -> Expression:
        return call("multiply", other, self)

    def __truediv__(self, other: Value) -> Expression:
        return call("divide", self, other)

    def __rtruediv__(self, other: Value) -> Expression:
        return call("divide", other, self)

    def __floordiv__(self, other: Value) -> Expression:
        return call("floor_divide", self, other)

    def __rfloordiv__(self, other: Value) -> Expression:
        return call("floor_divide", other, self)

    def __mod__(self, other: Value) -> Expression:
        return call("modulo", self, other)

    def __neg__(self) -> Expression:
        return call("negate", self)

    def __abs__(self) -> Expression:
        return call("absolute", self)

    def __eq__(self, other: Value) -> Expression:  # type: ignore[override]
        return call("equal", self, other)

    def __ne__(self, other: Value) -> Expression:  # type: ignore[override]
        return call("not_equal", self, other)

    def __lt__(self, other: Value) -> Expression:
        return call("less", self, other)

    def __le__(self, other: Value) -> Expression:
        return call("at_most", self, other)

    def __gt__(self, other: Value) -> Expression:
        return call("greater", self, other)

    def __ge__(self, other: Value) -> Expression:
        return call("at_least", self, other)

    def __and__(self, other: Value) -> Expression:
        return call("both", self, other)

    def __rand__(self, other: Value) -> Expression:
        return call("both", other, self)

    def __or__(self, other: Value) -> Expression:
        return call("either", self, other)

    def __ror__(self, other: Value) -> Expression:
        return call("either", other, self)

    def __invert__(self) -> Expression:
        return call("opposite", self)

    def __bool__(self) -> NoReturn:
        raise TypeError("an expression has no truth value: write & | ~ instead of and, or, not")

    def __iter__(self) -> NoReturn:
        raise TypeError("an expression cannot be iterated")

    def one_of(self, *values: Value) -> Expression:
        """Whether the value is one of some constants."""
        return call("one_of", self, *values)

    def between(self, low: Value, high: Value) -> Expression:
        """Whether `low <= value < high`: a boundary belongs upward."""
        return (self >= low) & (self < high)

    def is_null(self) -> Expression:
        """Whether the value is unknown."""
        return call("is_null", self)

    def is_known(self) -> Expression:
        """Whether the value is known."""
        return ~call("is_null", self)

    def otherwise(self, *values: Value) -> Expression:
        """The value, or the first known of `values` where it is unknown."""
        return call("coalesce", self, *values)


class Expression(Operators):
    """A node with operators."""

    __slots__ = ("_node",)

    def __init__(self, node: Node) -> None:
        self._node = node

    @property
    def node(self) -> Node:
        """The tree built so far."""
        return self._node

    def __repr__(self) -> str:
        from quanke.language.words import say

        return say(self._node)


def literal(value: Value, beside: Type | None = None) -> Node:
    """Node of a plain Python value. `beside` is the type it stands beside: money makes a bare
    number major units, an instant makes a date its midnight.

    Raises DefinitionError for a value the language has no literal for, or one out of range.
    """
    if isinstance(value, Operators):
        return value.node
    kind = beside.kind if beside else None
    if value is None:
        return Literal(None, beside or BOOLEAN)
    if isinstance(value, bool):
        return Literal(value, BOOLEAN)
    if isinstance(value, (int, Decimal)) and kind is Kind.MONEY:
        return _money(Decimal(value))
    if isinstance(value, int):
        if abs(value) > _LARGEST:
            raise refuse(f"the number {value} does not fit 64 bits")
        return Literal(value, INTEGER)
    if isinstance(value, Decimal):
        return _rate(value)
    if isinstance(value, float):
        if not isfinite(value):
            raise refuse("a number must be finite")
        if kind is Kind.NUMBER:
            return Literal(value, NUMBER)
        return literal(Decimal(repr(value)), beside)
    if isinstance(value, str):
        if "\0" in value:
            raise refuse("a text must not hold a NUL character")
        return Literal(value, TEXT)
    if isinstance(value, dt.datetime):
        if value.tzinfo is not None:
            raise refuse("an instant is wall-clock time in Asia/Shanghai, without an offset")
        return Literal(value, INSTANT)
    if isinstance(value, dt.date):
        if kind is Kind.INSTANT:
            return Literal(dt.datetime.combine(value, dt.time()), INSTANT)
        return Literal(value, DATE)
    raise refuse(f"a {type(value).__name__} cannot stand in an expression")


def _money(major: Decimal) -> Literal:
    minor = major * 100
    if minor != minor.to_integral_value():
        raise refuse(f"the amount {major} has more than two decimal places")
    if abs(minor) > _LARGEST:
        raise refuse(f"the amount {major} does not fit 64 bits of minor units")
    return Literal(int(minor), MONEY)


def _rate(value: Decimal) -> Literal:
    scaled = value * RATE_ONE
    if not value.is_finite() or scaled != scaled.to_integral_value():
        raise refuse(f"the rate {value} has more than six decimal places")
    if abs(scaled) >= 10**18:
        raise refuse(f"the rate {value} is beyond a trillion")
    return Literal(value.quantize(Decimal("0.000001")), RATE)


def yuan(amount: int | str | Decimal) -> Expression:
    """An amount of the home currency in major units."""
    return Expression(_money(Decimal(amount)))


def minor_units(amount: int) -> Expression:
    """An amount of the home currency in minor units (fen)."""
    return Expression(Literal(amount, MONEY))


def nothing(of: Type) -> Expression:
    """The unknown value of a type."""
    return Expression(Literal(None, of))


def as_of() -> Expression:
    """The as-of day of the run."""
    return Expression(AsOf())


def working_day(count: int) -> Expression:
    """The `count`-th working day after the as-of day (before it where negative); with 0 the as-of day
    itself where banks work on it, else the next working day. So `working_day(0) == as_of()` on working
    days, and `matures_on == working_day(3)` three working days before a maturity.

    A run past the years whose holidays are loaded stops with CalendarError. DefinitionError for a count
    beyond 250.
    """
    if not isinstance(count, int) or isinstance(count, bool) or abs(count) > MOST_WORKING_DAYS:
        raise refuse(f"`working_day` counts up to {MOST_WORKING_DAYS} working days")
    return Expression(AsOf(count))


def call(operation: str, *arguments: Value) -> Expression:
    """Apply an operation. Arguments are made nodes and widened to a common kind.

    Raises DefinitionError where the types do not fit or the units differ.
    """
    nodes = _as_nodes(operation, arguments)
    known = OPERATIONS[operation]
    if not known.fits(len(nodes)):
        raise refuse(f"`{operation}` takes ({known.takes}), not {len(nodes)} arguments")
    result = known.result([type_of(n) for n in nodes])
    if result is None:
        raise refuse(_misfit(operation, nodes))
    if operation in ("one_of", "band", "part"):
        _constants(operation, nodes[1:])
    return Expression(Call(operation, tuple(_widen(operation, nodes)), result))


def _as_nodes(operation: str, arguments: Iterable[Value]) -> list[Node]:
    """Nodes of the arguments; in operations over one kind, a bare number beside money is major units."""
    given = list(arguments)
    beside: Type | None = None
    if operation in _ONE_KIND or operation == "modulo":
        typed = [a.type for a in given if isinstance(a, Operators) and a.type.kind is not Kind.BOOLEAN]
        beside = typed[0] if typed else None
    if beside is None:  # an unknown literal takes the type of the plain values beside it
        plain = [type_of(literal(a)) for a in given if a is not None]
        beside_null = next((t for t in plain if t.kind is not Kind.BOOLEAN), None)
    else:
        beside_null = beside
    return [literal(a, beside_null if a is None else beside) for a in given]


def _misfit(operation: str, nodes: list[Node]) -> str:
    shown = SYMBOLS.get(operation, operation)
    types = [str(type_of(n)) for n in nodes]
    units = {type_of(n).unit for n in nodes if type_of(n).unit}
    if len(units) > 1 and len({type_of(n).kind for n in nodes}) == 1:
        return f"`{shown}` mixes units: {' and '.join(sorted(units))}"
    return f"`{shown}` does not take {', '.join(types)}"


def _constants(operation: str, nodes: list[Node]) -> None:
    for node in nodes:
        if not isinstance(node, Literal) or node.value is None:
            raise refuse(f"`{operation}` takes known constants after its first argument")
    if operation == "band":
        values = [node.value for node in nodes if isinstance(node, Literal)]
        if any(not a < b for a, b in pairwise(values)):  # type: ignore[operator]
            raise refuse("the edges of a band must ascend")
    if operation == "part":
        start, length = (node.value for node in nodes if isinstance(node, Literal))
        if not (isinstance(start, int) and start >= 1 and isinstance(length, int) and length >= 0):
            raise refuse("`part` takes a start of at least 1 and a length of at least 0")


def _widen(operation: str, nodes: list[Node]) -> list[Node]:
    """Bring mixed integers, rates and numbers to one kind, so that engines see only one."""
    kinds = {type_of(n).kind for n in nodes} - {Kind.BOOLEAN}
    mixed = len(kinds) > 1 and kinds <= {Kind.INTEGER, Kind.RATE, Kind.NUMBER}
    if not mixed or operation not in _ONE_KIND | {"multiply", "divide"}:
        return nodes
    target = NUMBER if Kind.NUMBER in kinds else RATE
    return [_to(n, target) for n in nodes]


def _to(node: Node, target: Type) -> Node:
    own = type_of(node)
    if own.kind in (target.kind, Kind.BOOLEAN) or common(own, target) is None:
        return node
    if isinstance(node, Literal) and node.value is not None:
        value = Decimal(str(node.value))
        return _rate(value) if target.kind is Kind.RATE else Literal(float(value), NUMBER)
    return Call("to_rate" if target.kind is Kind.RATE else "to_number", (node,), target)


class When:
    """A case being written: `when(a, x).when(b, y).otherwise(z)`."""

    def __init__(self, pairs: tuple[tuple[Value, Value], ...]) -> None:
        self._pairs = pairs

    def when(self, condition: Value, value: Value) -> When:
        """Another condition, looked at where none before was true."""
        return When((*self._pairs, (condition, value)))

    def otherwise(self, value: Value) -> Expression:
        """The value where no condition was true; None for unknown."""
        flat = [part for pair in self._pairs for part in pair]
        return call("case", *flat, value)


def when(condition: Value, value: Value) -> When:
    """Begin a case."""
    return When(((condition, value),))


def band(value: Operators, edges: Iterable[Value], labels: Iterable[str] | None = None) -> Expression:
    """Which band a value falls in: its number from 0, or one of `labels` (one more than edges).

    A boundary belongs upward. Unknown values have no band.
    """
    edges = list(edges)
    number = call("band", value, *edges)
    if labels is None:
        return number
    names = list(labels)
    if len(names) != len(edges) + 1:
        raise refuse(f"{len(edges)} edges make {len(edges) + 1} bands, not {len(names)}")
    chain = When(tuple((number == i, name) for i, name in enumerate(names)))
    return chain.otherwise(None)


def rank(value: Operators, *, within: Iterable[Operators] = (), descending: bool = True) -> Expression:
    """Place of a customer by `value`: 1 first; ties by customer number."""
    return Expression(Rank(value.node, tuple(w.node for w in within), descending, 0))


def portion(
    value: Operators, parts: int, *, within: Iterable[Operators] = (), descending: bool = False
) -> Expression:
    """Which of `parts` equal parts a customer falls in, 1 the lowest (or highest if descending)."""
    if not 2 <= parts <= 1000:
        raise refuse("a portion has 2 to 1000 parts")
    return Expression(Rank(value.node, tuple(w.node for w in within), descending, parts))


def _named(operation: str) -> Callable[..., Expression]:
    def build(*arguments: Value) -> Expression:
        return call(operation, *arguments)

    build.__name__ = operation
    build.__doc__ = OPERATIONS[operation].meaning
    return build


absolute = _named("absolute")
sign = _named("sign")
least = _named("least")
greatest = _named("greatest")
coalesce = _named("coalesce")
year = _named("year")
month = _named("month")
day_of_month = _named("day_of_month")
iso_weekday = _named("iso_weekday")
hour = _named("hour")
date_of = _named("date_of")
days_between = _named("days_between")
months_between = _named("months_between")
years_between = _named("years_between")
add_months = _named("add_months")
month_start = _named("month_start")
month_end = _named("month_end")
length = _named("length")
concat = _named("concat")
starts_with = _named("starts_with")
ends_with = _named("ends_with")
contains = _named("contains")
part = _named("part")
to_number = _named("to_number")
to_rate = _named("to_rate")
square_root = _named("square_root")
logarithm = _named("logarithm")
exponential = _named("exponential")
