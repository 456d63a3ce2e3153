"""How Spark writes each operation (ANSI mode on, session zone Asia/Shanghai).

Traps this module is about, each seen on Spark 4.3.0: casting a decimal to BIGINT truncates; `div` of
decimals wraps silently past 64 bits; a quotient of decimals is rounded to the scale of its type, here
always made DECIMAL(38,6), so a whole quotient is taken of a denominator a million times as large; `%`
truncates; division by zero is an error; `months_between` counts in 31sts and knows no short months;
`ln(0)` is null but `sqrt(-1)` is NaN; string literals take backslash escapes, and `${...}` in the text
of a statement is replaced before it is parsed; instants are TIMESTAMP_NTZ, because a TIMESTAMP would
move through the summer times that Shanghai had until 1991.
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
    Kind.TEXT: "STRING",
    Kind.DATE: "DATE",
    Kind.INSTANT: "TIMESTAMP_NTZ",
}
_FIRST_DAY, _LAST_DAY = "DATE'0001-01-01'", "DATE'9999-12-31'"
_FAR_DAYS = 4_000_000
"""More days, and _FAR_MONTHS more months, than lie between the years 1 and 9999."""
_FAR_MONTHS = 120_000
_FAR_TEXT = 1_000_000_000
"""A position that no text reaches."""
_LARGEST_NUMBER = "1.7976931348623157E308D"


def sql_type(of: Type) -> str:
    """SQL type of a value."""
    return _TYPES[of.kind]


def literal(node: Literal | AsOf, as_of: dt.date) -> str:
    """SQL of a constant, always with its type."""
    if isinstance(node, AsOf):
        return f"DATE'{node.on(as_of).isoformat()}'"
    value, of = node.value, sql_type(node.type)
    if value is None:
        return f"CAST(NULL AS {of})"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, str):
        return text_literal(value)
    if isinstance(value, dt.datetime):
        return f"TIMESTAMP_NTZ'{value.isoformat(sep=' ')}'"
    if isinstance(value, dt.date):
        return f"DATE'{value.isoformat()}'"
    if isinstance(value, float):
        return f"CAST('{value!r}' AS DOUBLE)"
    return f"CAST({value:f} AS {of})" if isinstance(value, Decimal) else f"CAST({value} AS {of})"


def text_literal(value: str) -> str:
    """A text constant."""
    return "'" + "".join(_character(c) for c in value) + "'"


def _character(character: str) -> str:
    """A character inside a string literal; quotes, backslashes, dollars and controls as escapes."""
    if character in "'\"\\$" or character < " " or character == "\x7f":
        return f"\\u{ord(character):04x}"
    return character


def lower(call: Call, arguments: Sequence[str]) -> str:
    """SQL of an operation over the SQL of its arguments; fits anywhere without further parentheses."""
    return LOWERINGS[call.operation](call, arguments)


# --- rounding


def _decimal(sql: str) -> str:
    return f"CAST({sql} AS DECIMAL(38,0))"


def _millionths(rate: str) -> str:
    return f"CAST({rate} * {RATE_ONE} AS DECIMAL(38,0))"


def _as_rate(sql: str) -> str:
    """A decimal rounded half away from zero to a rate; null from a trillion on."""
    return f"try_cast({sql} AS DECIMAL(18,6))"


def _bigint(sql: str) -> str:
    return f"CAST({sql} AS BIGINT)"


def _rounded(sql: str) -> str:
    """A decimal rounded half away from zero to BIGINT; an error outside 64 bits."""
    return _bigint(_decimal(sql))


def _whole_quotient(numerator: str, denominator: str) -> str:
    """The quotient of DECIMAL(38,0)s rounded half away from zero. Spark rounds a quotient of these to
    six places; a denominator a million times as large makes those the whole ones."""
    denominator = f"CAST(nullif({denominator}, 0) * {RATE_ONE} AS DECIMAL(38,0))"
    return _rounded(f"{numerator} / {denominator} * {RATE_ONE}")


def half_up_division(numerator: str, denominator: str) -> str:
    """SQL of a quotient of whole numbers rounded half away from zero: BIGINT, null at zero.

    The numerator may be a DECIMAL(38,0) (a sum). Raises in Spark where the result does not fit 64 bits.
    """
    return _whole_quotient(_decimal(numerator), _decimal(denominator))


def rate_division(numerator: str, denominator: str) -> str:
    """SQL of a quotient rounded to six places: DECIMAL(18,6), null at zero and from a trillion on.

    The numerator is a whole number or a DECIMAL(38,6) (a sum of rates) below 10^32 either sign, the
    denominator a whole number.
    """
    return _as_rate(f"CAST({numerator} AS DECIMAL(38,6)) / nullif({_decimal(denominator)}, 0)")


def _finite(sql: str) -> str:
    """NaN is above every number here."""
    return f"CASE WHEN abs({sql}) <= {_LARGEST_NUMBER} THEN {sql} END"


# --- arithmetic


def _in_calendar(day: str) -> str:
    return f"(CASE WHEN {day} BETWEEN {_FIRST_DAY} AND {_LAST_DAY} THEN {day} END)"


def _clamped(sql: str, far: int) -> str:
    """A BIGINT as INT. What lies further than `far` is cut to it, and so is an unknown: the day it
    leads to lies outside the calendar either way, hence is unknown."""
    return f"CAST(least(greatest({sql}, CAST(-{far} AS BIGINT)), CAST({far} AS BIGINT)) AS INT)"


def _plus(sign: str) -> Lowering:
    move = "date_add" if sign == "+" else "date_sub"

    def lowering(call: Call, arguments: Sequence[str]) -> str:
        a, b = arguments
        kind = call.type.kind
        if kind is Kind.DATE:
            return _in_calendar(f"{move}({a}, {_clamped(b, _FAR_DAYS)})")
        if type_of(call.arguments[0]).kind is Kind.DATE:
            return _bigint(f"datediff({a}, {b})")
        if kind is Kind.RATE:
            return _as_rate(f"{a} {sign} {b}")
        return f"({_finite(f'({a} {sign} {b})')})" if kind is Kind.NUMBER else f"({a} {sign} {b})"

    return lowering


def _multiply(call: Call, arguments: Sequence[str]) -> str:
    a, b = arguments
    kinds = [type_of(n).kind for n in call.arguments]
    if call.type.kind is Kind.NUMBER:
        return f"({_finite(f'({a} * {b})')})"
    if call.type.kind is Kind.RATE:
        return _as_rate(f"{a} * {b}")
    if Kind.RATE in kinds:
        money, rate = (a, b) if kinds[0] is Kind.MONEY else (b, a)
        return _rounded(f"CAST({money} AS DECIMAL(19,0)) * {rate}")
    return f"({a} * {b})"


def _divide(call: Call, arguments: Sequence[str]) -> str:
    a, b = arguments
    kinds = [type_of(n).kind for n in call.arguments]
    if call.type.kind is Kind.NUMBER:
        return f"({_finite(f'({a} / nullif({b}, CAST(0 AS DOUBLE)))')})"
    if kinds == [Kind.RATE, Kind.RATE]:
        return _as_rate(f"CAST({a} AS DECIMAL(38,6)) / CAST(nullif({b}, 0) AS DECIMAL(38,6))")
    if call.type.kind is Kind.RATE:
        return _as_rate(f"{_decimal(a)} / nullif({_decimal(b)}, 0)")
    if kinds[1] is Kind.RATE:
        # Money by a rate is money by millionths, a million times: the million of _whole_quotient.
        return _rounded(f"{_decimal(a)} / nullif({_millionths(b)}, 0) * {RATE_ONE}")
    return half_up_division(a, b)


def _floor_divide(call: Call, arguments: Sequence[str]) -> str:
    a, b = arguments
    b = f"nullif({b}, 0)"
    below = f"({a} % {b}) <> 0 AND ({a} < 0) <> ({b} < 0)"
    return f"({a} div {b} - CASE WHEN {below} THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END)"


def _modulo(call: Call, arguments: Sequence[str]) -> str:
    a, b = (f"CAST({sql} AS DECIMAL(20,0))" for sql in (arguments[0], f"nullif({arguments[1]}, 0)"))
    return _bigint(f"({a} % {b} + {b}) % {b}")


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


def _months_forward(start: str, end: str) -> str:
    """Whole months where `start` does not lie after `end`."""
    months = f"(year({end}) - year({start})) * 12 + month({end}) - month({start})"
    short = f"day({end}) < day({start}) AND {end} <> last_day({end})"
    return f"{months} - CASE WHEN {short} THEN 1 ELSE 0 END"


def _months_between(call: Call, arguments: Sequence[str]) -> str:
    start, end = arguments
    there, back = _months_forward(start, end), _months_forward(end, start)
    return _bigint(f"CASE WHEN {start} <= {end} THEN {there} ELSE -({back}) END")


def _add_months(call: Call, arguments: Sequence[str]) -> str:
    return _in_calendar(f"add_months({arguments[0]}, {_clamped(arguments[1], _FAR_MONTHS)})")


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
    millionths = f"try_cast(round({arguments[0]} * CAST({RATE_ONE} AS DOUBLE)) AS BIGINT)"
    return _as_rate(f"CAST({millionths} AS DECIMAL(20,0)) * CAST(0.000001 AS DECIMAL(7,6))")


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
    "iso_weekday": lambda call, arguments: f"CAST(weekday({arguments[0]}) + 1 AS BIGINT)",
    "hour": _whole("hour"),
    "date_of": lambda call, arguments: f"CAST({arguments[0]} AS DATE)",
    "days_between": lambda call, arguments: _bigint(f"datediff({arguments[1]}, {arguments[0]})"),
    "months_between": _months_between,
    "years_between": lambda call, arguments: f"({_months_between(call, arguments)} div 12)",
    "add_months": _add_months,
    "month_start": lambda call, arguments: f"trunc(CAST({arguments[0]} AS DATE), 'MM')",
    "month_end": lambda call, arguments: f"last_day(CAST({arguments[0]} AS DATE))",
    "length": _whole("length"),
    "concat": _function("concat"),
    "starts_with": _function("startswith"),
    "ends_with": _function("endswith"),
    "contains": _function("contains"),
    "part": _part,
    "to_number": _to_number,
    "to_rate": _to_rate,
    "square_root": _where("{0} >= 0", "sqrt({0})"),
    "logarithm": _where("{0} > 0", "ln({0})"),
    "exponential": _where("{0} <= 700", "exp({0})"),
}
