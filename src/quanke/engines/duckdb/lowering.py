"""How DuckDB writes each operation.

Traps this module is about, each seen on DuckDB 2.0: `//` and `%` truncate towards zero, and the least
integer modulo -1 is an error; division by zero is an error; dividing decimals gives a double, and the
product of two DECIMAL(18,6) stays at 18 digits; a date takes an INTEGER of days, not a BIGINT; a date
plus an interval and `date_trunc` give a TIMESTAMP; `||` with an unknown is unknown, but `concat` is not;
`ln(0)` is -inf; a negative HUGEINT loses its last digits on the way to DOUBLE. `nullif` is a macro that
copies its first argument, like every CASE here that names an argument twice, so compound arguments that
stand more than once are best given a name by the planner.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal

from quanke.language.nodes import AsOf, Call, Literal, type_of
from quanke.language.types import RATE_ONE, Kind, Type

Lowering = Callable[[Call, Sequence[str]], str]

_TYPES = {
    Kind.BOOLEAN: "BOOLEAN",
    Kind.INTEGER: "BIGINT",
    Kind.MONEY: "BIGINT",
    Kind.RATE: "DECIMAL(18,6)",
    Kind.NUMBER: "DOUBLE",
    Kind.TEXT: "VARCHAR",
    Kind.DATE: "DATE",
    Kind.INSTANT: "TIMESTAMP",
}
_FIRST_DAY, _LAST_DAY = "DATE '0001-01-01'", "DATE '9999-12-31'"
_FAR_DAYS = 4_000_000
"""More days, and _FAR_MONTHS more months, than lie between the years 1 and 9999."""
_FAR_MONTHS = 120_000
_FAR_TEXT = 1_000_000_000
"""A position that no text reaches."""
_SHORT = 2**60
"""Whole numbers up to here, doubled and moved by half a denominator, stay within 64 bits. Dividing 128-bit
numbers takes thirty times as long, so it is left to what does not fit."""
_SHORT_SHARE = 10**12
"""Numerators that, a million times, stay within _SHORT."""


def sql_type(of: Type) -> str:
    """SQL type of a value."""
    return _TYPES[of.kind]


def literal(node: Literal | AsOf, as_of: dt.date) -> str:
    """SQL of a constant, always with its type."""
    if isinstance(node, AsOf):
        return f"DATE '{node.on(as_of).isoformat()}'"
    value, of = node.value, sql_type(node.type)
    if value is None:
        return f"CAST(NULL AS {of})"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, dt.datetime):
        return f"TIMESTAMP '{value.isoformat(sep=' ')}'"
    if isinstance(value, dt.date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, float):
        return f"CAST('{value!r}' AS DOUBLE)"
    return f"CAST({value:f} AS {of})" if isinstance(value, Decimal) else f"CAST({value} AS {of})"


def lower(call: Call, arguments: Sequence[str]) -> str:
    """SQL of an operation over the SQL of its arguments; fits anywhere without further parentheses."""
    return LOWERINGS[call.operation](call, arguments)


# --- rounding


def _half_up(numerator: str, denominator: str) -> str:
    """The quotient of two whole numbers rounded half away from zero; null at zero. Truncation does it,
    once the numerator has moved half a denominator away from zero."""
    return f"((2 * {numerator} + sign({numerator}) * abs({denominator})) // nullif(2 * {denominator}, 0))"


def _huge(sql: str) -> str:
    return f"CAST({sql} AS HUGEINT)"


def _millionths(sql: str) -> str:
    """A rate, or a whole number up to 10^25, in millionths, as HUGEINT."""
    return f"CAST(CAST({sql} AS DECIMAL(31,6)) * CAST({RATE_ONE} AS DECIMAL(7,0)) AS HUGEINT)"


def _of_millionths(sql: str) -> str:
    """The rate of so many millionths; null from a trillion on."""
    return f"TRY_CAST(TRY_CAST({sql} AS DECIMAL(31,0)) * CAST(0.000001 AS DECIMAL(7,6)) AS DECIMAL(18,6))"


def half_up_division(numerator: str, denominator: str) -> str:
    """SQL of a quotient of whole numbers rounded half away from zero: BIGINT, null at zero.

    The numerator may be HUGEINT (a sum). Raises in DuckDB where the result does not fit 64 bits.
    """
    short = f"{_between(numerator, _SHORT)} AND {_between(denominator, _SHORT)}"
    quick = _half_up(f"TRY_CAST({numerator} AS BIGINT)", denominator)
    exact = f"CAST({_half_up(_huge(numerator), _huge(denominator))} AS BIGINT)"
    return f"CASE WHEN {short} THEN {quick} ELSE {exact} END"


def _share(a: str, b: str) -> str:
    """SQL of a quotient of two BIGINT as a rate."""
    short = f"{_between(a, _SHORT_SHARE)} AND {_between(b, _SHORT)}"
    quick = f"TRY_CAST({_half_up(f'({RATE_ONE} * {a})', b)} AS DECIMAL(18,0))"
    quick = f"CAST({quick} * CAST(0.000001 AS DECIMAL(7,6)) AS DECIMAL(18,6))"
    exact = _of_millionths(_half_up(f"({_huge(a)} * {_huge(str(RATE_ONE))})", _huge(b)))
    return f"CASE WHEN {short} THEN {quick} ELSE {exact} END"


def _between(sql: str, far: int) -> str:
    return f"({sql}) BETWEEN -{far} AND {far}"


def rate_division(numerator: str, denominator: str) -> str:
    """SQL of a quotient rounded to six places: DECIMAL(18,6), null at zero and from a trillion on.

    The numerator is a whole number or a DECIMAL(38,6) (a sum of rates) below 10^25 either sign, the
    denominator a whole number.
    """
    return _of_millionths(_half_up(_millionths(numerator), _huge(denominator)))


def _finite(sql: str) -> str:
    return f"CASE WHEN isfinite({sql}) THEN {sql} END"


def _as_rate(sql: str) -> str:
    return f"TRY_CAST({sql} AS DECIMAL(18,6))"


def _bigint(sql: str) -> str:
    return f"CAST({sql} AS BIGINT)"


# --- arithmetic


def _in_calendar(day: str) -> str:
    return f"CASE WHEN {day} BETWEEN {_FIRST_DAY} AND {_LAST_DAY} THEN {day} END"


def _clamped(sql: str, far: int) -> str:
    """A BIGINT as INTEGER. What lies further than `far` is cut to it, and so is an unknown: the day it
    leads to lies outside the calendar either way, hence is unknown."""
    return f"CAST(least(greatest({sql}, -{far}), {far}) AS INTEGER)"


def _plus(sign: str) -> Lowering:
    def lowering(call: Call, arguments: Sequence[str]) -> str:
        a, b = arguments
        kind = call.type.kind
        if kind is Kind.DATE:
            return f"({_in_calendar(f'({a} {sign} {_clamped(b, _FAR_DAYS)})')})"
        if kind is Kind.RATE:
            return _as_rate(f"CAST({a} AS DECIMAL(20,6)) {sign} CAST({b} AS DECIMAL(20,6))")
        return f"({_finite(f'({a} {sign} {b})')})" if kind is Kind.NUMBER else f"({a} {sign} {b})"

    return lowering


def _multiply(call: Call, arguments: Sequence[str]) -> str:
    a, b = arguments
    kinds = [type_of(n).kind for n in call.arguments]
    if call.type.kind is Kind.NUMBER:
        return f"({_finite(f'({a} * {b})')})"
    if call.type.kind is Kind.RATE:
        return _as_rate(f"CAST({a} AS DECIMAL(19,6)) * {b}")
    if Kind.RATE in kinds:
        money, rate = (a, b) if kinds[0] is Kind.MONEY else (b, a)
        return _bigint(f"CAST({money} AS DECIMAL(19,0)) * {rate}")
    return f"({a} * {b})"


def _divide(call: Call, arguments: Sequence[str]) -> str:
    a, b = arguments
    kinds = [type_of(n).kind for n in call.arguments]
    if call.type.kind is Kind.NUMBER:
        quotient = _finite(f"({a} / {b})")
        return f"(CASE WHEN {b} <> 0 THEN {quotient} END)"
    million = _huge(str(RATE_ONE))
    if kinds == [Kind.RATE, Kind.RATE]:
        return _of_millionths(_half_up(f"({_millionths(a)} * {million})", _millionths(b)))
    if call.type.kind is Kind.RATE:
        return _share(a, b)
    if kinds[1] is Kind.RATE:
        return _bigint(_half_up(f"({_huge(a)} * {million})", _millionths(b)))
    return half_up_division(a, b)


def _floor_divide(call: Call, arguments: Sequence[str]) -> str:
    a, b = arguments
    b = f"nullif({b}, 0)"
    below = f"({a} % {b}) <> 0 AND ({a} < 0) <> ({b} < 0)"
    return f"({a} // {b} - CASE WHEN {below} THEN 1 ELSE 0 END)"


def _modulo(call: Call, arguments: Sequence[str]) -> str:
    a, b = arguments[0], _huge(f"nullif({arguments[1]}, 0)")
    return _bigint(f"({_huge(a)} % {b} + {b}) % {b}")


# --- logic


def _case(call: Call, arguments: Sequence[str]) -> str:
    pairs = zip(arguments[:-1:2], arguments[1:-1:2], strict=True)
    whens = " ".join(f"WHEN {condition} THEN {value}" for condition, value in pairs)
    return f"(CASE {whens} ELSE {arguments[-1]} END)"


def _band(call: Call, arguments: Sequence[str]) -> str:
    value, *edges = arguments
    whens = " ".join(f"WHEN {value} < {edge} THEN {place}" for place, edge in enumerate(edges))
    return _bigint(f"CASE WHEN {value} IS NULL THEN NULL {whens} ELSE {len(edges)} END")


def _infix(sign: str) -> Lowering:
    return lambda call, arguments: f"({arguments[0]} {sign} {arguments[1]})"


def _function(name: str) -> Lowering:
    return lambda call, arguments: f"{name}({', '.join(arguments)})"


def _whole(name: str) -> Lowering:
    return lambda call, arguments: _bigint(f"{name}({', '.join(arguments)})")


def _one_of(call: Call, arguments: Sequence[str]) -> str:
    return f"({arguments[0]} IN ({', '.join(arguments[1:])}))"


# --- dates, text, numbers


def _add_months(call: Call, arguments: Sequence[str]) -> str:
    day, months = arguments
    return f"({_in_calendar(f'CAST({day} + to_months({_clamped(months, _FAR_MONTHS)}) AS DATE)')})"


def _months_between(call: Call, arguments: Sequence[str]) -> str:
    """`date_sub` follows the language's calendar rule to the letter, the last of a month included."""
    return f"date_sub('month', {arguments[0]}, {arguments[1]})"


def _part(call: Call, arguments: Sequence[str]) -> str:
    start, length = (min(n.value, _FAR_TEXT) for n in call.arguments[1:])  # type: ignore[union-attr,type-var]
    return f"substring({arguments[0]}, {start}, {length})"


def _to_number(call: Call, arguments: Sequence[str]) -> str:
    kind = type_of(call.arguments[0]).kind
    if kind is Kind.RATE:
        return f"(CAST({_bigint(_millionths(arguments[0]))} AS DOUBLE) / CAST({RATE_ONE} AS DOUBLE))"
    number = f"CAST({arguments[0]} AS DOUBLE)"
    return f"({number} / CAST(100 AS DOUBLE))" if kind is Kind.MONEY else number


def _to_rate(call: Call, arguments: Sequence[str]) -> str:
    if type_of(call.arguments[0]).kind is Kind.INTEGER:
        return _as_rate(arguments[0])
    return _of_millionths(f"TRY_CAST(round({arguments[0]} * CAST({RATE_ONE} AS DOUBLE)) AS BIGINT)")


def _where(condition: str, sql: str) -> Lowering:
    """SQL under a condition on the argument, both with the argument as `{0}`; null elsewhere."""
    return lambda call, arguments: f"(CASE WHEN {condition} THEN {sql} END)".format(*arguments)


LOWERINGS: dict[str, Lowering] = {
    "add": _plus("+"),
    "subtract": _plus("-"),
    "multiply": _multiply,
    "divide": _divide,
    "floor_divide": _floor_divide,
    "modulo": _modulo,
    "negate": lambda call, arguments: f"(- {arguments[0]})",
    "absolute": _function("abs"),
    "sign": _whole("sign"),
    "least": _function("least"),
    "greatest": _function("greatest"),
    "equal": _infix("="),
    "not_equal": _infix("<>"),
    "less": _infix("<"),
    "at_most": _infix("<="),
    "greater": _infix(">"),
    "at_least": _infix(">="),
    "one_of": _one_of,
    "both": _infix("AND"),
    "either": _infix("OR"),
    "opposite": lambda call, arguments: f"(NOT {arguments[0]})",
    "is_null": lambda call, arguments: f"({arguments[0]} IS NULL)",
    "coalesce": _function("coalesce"),
    "case": _case,
    "band": _band,
    "year": _whole("year"),
    "month": _whole("month"),
    "day_of_month": _whole("day"),
    "iso_weekday": _whole("isodow"),
    "hour": _whole("hour"),
    "date_of": lambda call, arguments: f"CAST({arguments[0]} AS DATE)",
    "days_between": lambda call, arguments: f"({arguments[1]} - {arguments[0]})",
    "months_between": _months_between,
    "years_between": lambda call, arguments: f"({_months_between(call, arguments)} // 12)",
    "add_months": _add_months,
    "month_start": lambda call, arguments: f"CAST(date_trunc('month', {arguments[0]}) AS DATE)",
    "month_end": _function("last_day"),
    "length": _whole("length"),
    "concat": _infix("||"),
    "starts_with": _function("starts_with"),
    "ends_with": _function("ends_with"),
    "contains": _function("contains"),
    "part": _part,
    "to_number": _to_number,
    "to_rate": _to_rate,
    "square_root": _where("{0} >= 0", "sqrt({0})"),
    "logarithm": _where("{0} > 0", "ln({0})"),
    "exponential": _where("{0} <= 700", "exp({0})"),
}
