"""Single rows: the steps of formulas written out as one Python function, for batches too small for arrays.

A NumPy call costs about a microsecond however few rows there are, and 200 triggers take some thousand of
them; written out, the same steps take some tens of microseconds. The results are the same: values are held as
the arrays hold them (money and rates whole, days and moments as numbers since 1970), common operations are
written here, and every other one is done by its NumPy lowering on one row.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from quanke.engines.live.columns import DTYPES, Column
from quanke.engines.live.formulas import Formulas
from quanke.engines.live.lowering import LARGEST, LOWERINGS, RATE_LIMIT, SMALLEST
from quanke.language.nodes import AsOf, Call, Literal, Node, type_of
from quanke.language.types import RATE_ONE, RATE_PLACES, Kind, Type

Scalar = bool | int | float | str | None
EPOCH = dt.date(1970, 1, 1).toordinal()
MIDNIGHT = dt.datetime(1970, 1, 1)
_MICROSECOND = dt.timedelta(microseconds=1)
TOO_LARGE = "a whole-number result does not fit 64 bits"
_INFIX = {"equal": "==", "not_equal": "!=", "less": "<", "at_most": "<=", "greater": ">", "at_least": ">="}


def held(value: Any, of: Type) -> Any:
    """A plain Python value as it is held here."""
    if value is None:
        return None
    match of.kind:
        case Kind.DATE:
            return int(value.toordinal()) - EPOCH
        case Kind.INSTANT:
            return (value.replace(tzinfo=None) - MIDNIGHT) // _MICROSECOND
        case Kind.RATE:
            return int(Decimal(value).scaleb(RATE_PLACES))
    return value


def held_day(day: dt.date) -> int:
    """A day as it is held."""
    return day.toordinal() - EPOCH


def plain(value: Scalar, of: Type) -> Any:
    """A held value as a plain Python value."""
    if value is None:
        return None
    match of.kind:
        case Kind.DATE:
            return dt.date.fromordinal(int(value) + EPOCH)
        case Kind.INSTANT:
            return MIDNIGHT + int(value) * _MICROSECOND
        case Kind.RATE:
            return Decimal(value).scaleb(-RATE_PLACES)
    return value


class Written:
    """The steps that some outputs of formulas need, as a function of the leaves' values.

    `leaves`: nodes whose values are asked for, in order (fields, references, aggregates, the as-of day).
    `call(values)` gives every output's value. It may raise OverflowError.
    """

    def __init__(self, formulas: Formulas, outputs: Sequence[int]) -> None:
        needed = _needed(formulas, outputs)
        self.leaves: list[Node] = []
        names: dict[str, Any] = {"_numpy": _by_numpy, **_HELPERS}
        lines = ["def call(given):"]
        for place in needed:
            node = formulas.steps[place].node
            if isinstance(node, Literal):
                names[f"v{place}"] = held(node.value, node.type)
            elif isinstance(node, Call):
                lines.append(f"    v{place} = {_written(formulas, place, names)}")
            else:
                lines.append(f"    v{place} = given[{len(self.leaves)}]")
                self.leaves.append(node)
        values = "".join(f"v{place}, " for place in outputs)
        lines.append(f"    return ({values})")
        space: dict[str, Any] = names
        exec(compile("\n".join(lines), "<triggers>", "exec"), space)
        self.call: Callable[[Sequence[Scalar]], tuple[Scalar, ...]] = space["call"]


def _needed(formulas: Formulas, outputs: Iterable[int]) -> list[int]:
    found: set[int] = set()
    stack = list(outputs)
    while stack:
        place = stack.pop()
        if place not in found:
            found.add(place)
            stack.extend(formulas.steps[place].arguments)
    return sorted(found)


def _written(formulas: Formulas, place: int, names: dict[str, Any]) -> str:
    """One step as Python."""
    step = formulas.steps[place]
    node = step.node
    assert isinstance(node, Call)
    arguments = [f"v{a}" for a in step.arguments]
    kinds = [type_of(n).kind for n in node.arguments]
    open_ = [
        name
        for name, a in zip(arguments, step.arguments, strict=True)
        if not (isinstance(formulas.steps[a].node, Literal) and names[name] is not None)
    ]
    unknown = " or ".join(f"{name} is None" for name in dict.fromkeys(open_))
    operation = node.operation
    if operation in _INFIX:
        return _strict(unknown, f"{arguments[0]} {_INFIX[operation]} {arguments[1]}")
    if operation == "one_of":
        names[f"s{place}"] = frozenset(names[a] for a in arguments[1:])
        return _strict(unknown, f"{arguments[0]} in s{place}")
    loose = _loose(operation, arguments)
    if loose:
        return loose
    strict = _arithmetic(operation, arguments, kinds, node.type.kind)
    if strict:
        return _strict(unknown, strict)
    names[f"n{place}"] = node
    return f"_numpy(n{place}, ({''.join(a + ', ' for a in arguments)}))"


def _strict(unknown: str, made: str) -> str:
    return f"None if {unknown} else {made}" if unknown else made


def _loose(operation: str, a: list[str]) -> str:
    """Operations that say themselves what an unknown argument does."""
    match operation:
        case "both":
            unknown = f"None if {a[0]} is None or {a[1]} is None else True"
            return f"False if {a[0]} is False or {a[1]} is False else {unknown}"
        case "either":
            unknown = f"None if {a[0]} is None or {a[1]} is None else False"
            return f"True if {a[0]} is True or {a[1]} is True else {unknown}"
        case "opposite":
            return f"None if {a[0]} is None else not {a[0]}"
        case "is_null":
            return f"{a[0]} is None"
        case "coalesce":
            return "".join(f"{name} if {name} is not None else " for name in a[:-1]) + a[-1]
        case "case":
            pairs = zip(a[:-1:2], a[1:-1:2], strict=True)
            return "".join(f"{value} if {condition} is True else " for condition, value in pairs) + a[-1]
        case "least" | "greatest":
            return f"_{operation}({', '.join(a)})"
    return ""


def _arithmetic(operation: str, a: list[str], kinds: list[Kind], result: Kind) -> str:
    """Arithmetic of whole numbers; empty where the NumPy lowering does it."""
    whole = frozenset({Kind.INTEGER, Kind.MONEY})
    match operation:
        case "add" | "subtract":
            sign = "+" if operation == "add" else "-"
            if kinds[0] is Kind.DATE and kinds[1] is Kind.DATE:
                return f"{a[0]} - {a[1]}"
            if result in whole:
                return f"fit64({a[0]} {sign} {a[1]})"
            return f"in_rates({a[0]} {sign} {a[1]})" if result is Kind.RATE else ""
        case "multiply":
            if Kind.RATE in kinds and result in whole | {Kind.RATE}:
                return (
                    f"{'in_rates' if result is Kind.RATE else 'fit64'}(half_up({a[0]} * {a[1]}, {RATE_ONE}))"
                )
            return f"fit64({a[0]} * {a[1]})" if result in whole else ""
        case "divide":
            if result is Kind.NUMBER:
                return ""
            scale = f" * {RATE_ONE}" if result is Kind.RATE or kinds[1] is Kind.RATE else ""
            made = "in_rates" if result is Kind.RATE else "fit64"
            return f"None if {a[1]} == 0 else {made}(half_up({a[0]}{scale}, {a[1]}))"
        case "days_between":
            return f"{a[1]} - {a[0]}"
        case "band":
            return "(" + " + ".join(f"({edge} <= {a[0]})" for edge in a[1:]) + ")"
        case "negate" | "absolute":
            made = f"-{a[0]}" if operation == "negate" else f"abs({a[0]})"
            return f"fit64({made})" if result is not Kind.NUMBER else ""
    return ""


def fit64(value: int) -> int:
    """The value, if it fits 64 bits. Raises OverflowError."""
    if not SMALLEST <= value <= LARGEST:
        raise OverflowError(TOO_LARGE)
    return value


def in_rates(value: int) -> int | None:
    """Millionths as a rate; unknown from a trillion on."""
    return value if -RATE_LIMIT < value < RATE_LIMIT else None


def half_up(numerator: int, denominator: int) -> int:
    """The quotient rounded half away from zero."""
    quotient, rest = divmod(abs(numerator), abs(denominator))
    quotient += 2 * rest >= abs(denominator)
    return quotient if (numerator < 0) == (denominator < 0) else -quotient


def _least(*values: Any) -> Any:
    return min((v for v in values if v is not None), default=None)


def _greatest(*values: Any) -> Any:
    return max((v for v in values if v is not None), default=None)


_HELPERS: dict[str, Any] = {
    "fit64": fit64,
    "in_rates": in_rates,
    "half_up": half_up,
    "_least": _least,
    "_greatest": _greatest,
}


def _by_numpy(node: Call, values: tuple[Scalar, ...]) -> Scalar:
    """An operation by its lowering, on one row."""
    columns = [one_row(v, type_of(n)) for v, n in zip(values, node.arguments, strict=True)]
    with np.errstate(all="ignore"):
        return first_of(LOWERINGS[node.operation](node, columns))


def one_row(value: Scalar, of: Type) -> Column:
    """A held value as a column of one row."""
    carried = np.zeros(1, DTYPES[of.kind]) if of.kind is not Kind.TEXT else np.array([""], object)
    if value is not None:
        carried[0] = value
    return Column(carried, np.array([value is not None]))


def first_of(column: Column) -> Scalar:
    """The first value of a column as it is held."""
    if not column.valid[0]:
        return None
    value = column.values[:1]
    if value.dtype.kind == "M":
        value = value.astype(np.int64)
    found: Scalar = value.tolist()[0]
    if isinstance(found, float) and not math.isfinite(found):
        return None
    return found


def as_of_day(node: AsOf, day: dt.date) -> int:
    """The as-of day as it is held."""
    return held_day(node.on(day))
