"""What every operation means, in plain Python: the reference all engines are held to.

Each meaning is a function of the call (for the types of its arguments) and of the arguments' values,
None standing for unknown. Whole numbers are int, rates Decimal, text str, days date; whole numbers and
rates are computed as exact fractions and rounded once, at the end, half away from zero. Nothing here is
quick, and nothing here is clever.
"""

from __future__ import annotations

import calendar
import datetime as dt
import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from quanke.language.nodes import Call, type_of
from quanke.language.types import RATE_ONE, RATE_PLACES, Kind, Type

Value = bool | int | Decimal | float | str | dt.date | dt.datetime | None
Meaning = Callable[..., Value]
"""`(call, *values) -> value`."""

RATE_LIMIT = 10**12
SMALLEST, LARGEST = -(2**63), 2**63 - 1
HIGHEST_EXPONENT = 700.0


def whole(value: Fraction) -> int:
    """The nearest whole number, halves away from zero."""
    size = math.floor(abs(value) + Fraction(1, 2))
    return -size if value < 0 else size


def bounded(value: int) -> int:
    """The value, if it fits 64 bits. Raises OverflowError, which never tells the value."""
    if not SMALLEST <= value <= LARGEST:
        raise OverflowError("a whole-number result does not fit 64 bits")
    return value


def rate(value: Fraction) -> Decimal | None:
    """A rate rounded to six places; unknown from a trillion on."""
    millionths = whole(value * RATE_ONE)
    if abs(millionths) >= RATE_LIMIT * RATE_ONE:
        return None
    return Decimal(millionths).scaleb(-RATE_PLACES)


def exact(value: Fraction, of: Type) -> int | Decimal | None:
    """An exact result as a value of its type: money and integers whole, rates to six places."""
    return rate(value) if of.kind is Kind.RATE else bounded(whole(value))


def finite(value: float) -> float | None:
    """A floating-point result; unknown where it is not finite."""
    return value if math.isfinite(value) else None


def day(year_: int, month_: int, day_: int) -> dt.date | None:
    """A day, at most the month's last; unknown outside the years 1 to 9999."""
    if not dt.MINYEAR <= year_ <= dt.MAXYEAR:
        return None
    return dt.date(year_, month_, min(day_, calendar.monthrange(year_, month_)[1]))


def _strict(meaning: Meaning) -> Meaning:
    """An unknown argument makes the result unknown."""

    def strict(call: Call, *values: Value) -> Value:
        return None if any(v is None for v in values) else meaning(call, *values)

    return strict


def _kind(call: Call, argument: int = 0) -> Kind:
    return type_of(call.arguments[argument]).kind


# --- arithmetic


def _shifted(start: dt.date, days: int) -> dt.date | None:
    try:
        return start + dt.timedelta(days=days)
    except OverflowError:
        return None


def _add(call: Call, a: Any, b: Any) -> Value:
    if call.type.kind is Kind.DATE:
        return _shifted(a, b)
    if call.type.kind is Kind.NUMBER:
        return finite(a + b)
    return exact(Fraction(a) + Fraction(b), call.type)


def _subtract(call: Call, a: Any, b: Any) -> Value:
    if _kind(call) is Kind.DATE:
        return (a - b).days if _kind(call, 1) is Kind.DATE else _shifted(a, -b)
    if call.type.kind is Kind.NUMBER:
        return finite(a - b)
    return exact(Fraction(a) - Fraction(b), call.type)


def _multiply(call: Call, a: Any, b: Any) -> Value:
    if call.type.kind is Kind.NUMBER:
        return finite(a * b)
    return exact(Fraction(a) * Fraction(b), call.type)


def _divide(call: Call, a: Any, b: Any) -> Value:
    if b == 0:
        return None
    if call.type.kind is Kind.NUMBER:
        return finite(a / b)
    return exact(Fraction(a) / Fraction(b), call.type)


def _floor_divide(call: Call, a: Any, b: Any) -> Value:
    return None if b == 0 else bounded(math.floor(Fraction(a) / Fraction(b)))


def _modulo(call: Call, a: Any, b: Any) -> Any:
    return None if b == 0 else a - b * math.floor(Fraction(a) / Fraction(b))


def _negate(call: Call, a: Any) -> Any:
    return -a if call.type.kind is Kind.NUMBER else exact(-Fraction(a), call.type)


def _absolute(call: Call, a: Any) -> Any:
    return abs(a) if call.type.kind is Kind.NUMBER else exact(abs(Fraction(a)), call.type)


def _sign(call: Call, a: Any) -> Any:
    return (a > 0) - (a < 0)


def _least(call: Call, *values: Any) -> Any:
    return min((v for v in values if v is not None), default=None)


def _greatest(call: Call, *values: Any) -> Any:
    return max((v for v in values if v is not None), default=None)


# --- comparison and logic


def _one_of(call: Call, a: Value, *others: Value) -> Value:
    return any(a == other for other in others)


def _both(call: Call, a: Value, b: Value) -> Value:
    if a is False or b is False:
        return False
    return None if a is None or b is None else True


def _either(call: Call, a: Value, b: Value) -> Value:
    if a is True or b is True:
        return True
    return None if a is None or b is None else False


def _coalesce(call: Call, *values: Value) -> Any:
    return next((v for v in values if v is not None), None)


def _case(call: Call, *values: Value) -> Value:
    *pairs, otherwise = values
    for condition, value in zip(pairs[::2], pairs[1::2], strict=True):
        if condition is True:
            return value
    return otherwise


def _band(call: Call, a: Any, *edges: Any) -> Any:
    return sum(edge <= a for edge in edges)


# --- dates


def months_between(start: dt.date, end: dt.date) -> int:
    """Whole calendar months from one day to another."""
    if end < start:
        return -months_between(end, start)
    months = (end.year - start.year) * 12 + end.month - start.month
    last_of_month = end.day == calendar.monthrange(end.year, end.month)[1]
    return months if end.day >= start.day or last_of_month else months - 1


def _months_between(call: Call, start: Any, end: Any) -> Value:
    return months_between(start, end)


def _years_between(call: Call, start: Any, end: Any) -> Value:
    months = months_between(start, end)
    return months // 12 if months >= 0 else -(-months // 12)


def _add_months(call: Call, start: Any, months: Any) -> Value:
    month = start.year * 12 + start.month - 1 + months
    return day(month // 12, month % 12 + 1, start.day)


def _month_end(call: Call, a: Any) -> Value:
    return day(a.year, a.month, 31)


# --- text and numbers


def _part(call: Call, a: Any, start: Any, length: Any) -> Any:
    return a[start - 1 : start - 1 + length]


def _to_number(call: Call, a: Any) -> Value:
    kind = _kind(call)
    if kind is Kind.MONEY:
        return float(a) / 100.0
    if kind is Kind.RATE:
        return float(int(a.scaleb(RATE_PLACES))) / 1_000_000.0
    return float(a)


def _to_rate(call: Call, a: Any) -> Value:
    if _kind(call) is Kind.INTEGER:
        return rate(Fraction(a))
    millionths = a * 1_000_000.0
    return rate(Fraction(millionths) / RATE_ONE) if math.isfinite(millionths) else None


def _square_root(call: Call, a: Any) -> Value:
    return None if a < 0 else math.sqrt(a)


def _logarithm(call: Call, a: Any) -> Value:
    return None if a <= 0 else math.log(a)


def _exponential(call: Call, a: Any) -> Value:
    return None if a > HIGHEST_EXPONENT else math.exp(a)


_STRICT: dict[str, Meaning] = {
    "add": _add,
    "subtract": _subtract,
    "multiply": _multiply,
    "divide": _divide,
    "floor_divide": _floor_divide,
    "modulo": _modulo,
    "negate": _negate,
    "absolute": _absolute,
    "sign": _sign,
    "equal": lambda call, a, b: a == b,
    "not_equal": lambda call, a, b: a != b,
    "less": lambda call, a, b: a < b,
    "at_most": lambda call, a, b: a <= b,
    "greater": lambda call, a, b: a > b,
    "at_least": lambda call, a, b: a >= b,
    "one_of": _one_of,
    "opposite": lambda call, a: not a,
    "band": _band,
    "year": lambda call, a: a.year,
    "month": lambda call, a: a.month,
    "day_of_month": lambda call, a: a.day,
    "iso_weekday": lambda call, a: a.isoweekday(),
    "hour": lambda call, a: a.hour,
    "date_of": lambda call, a: a.date(),
    "days_between": lambda call, start, end: (end - start).days,
    "months_between": _months_between,
    "years_between": _years_between,
    "add_months": _add_months,
    "month_start": lambda call, a: day(a.year, a.month, 1),
    "month_end": _month_end,
    "length": lambda call, a: len(a),
    "concat": lambda call, a, b: a + b,
    "starts_with": lambda call, a, b: a.startswith(b),
    "ends_with": lambda call, a, b: a.endswith(b),
    "contains": lambda call, a, b: b in a,
    "part": _part,
    "to_number": _to_number,
    "to_rate": _to_rate,
    "square_root": _square_root,
    "logarithm": _logarithm,
    "exponential": _exponential,
}

MEANINGS: dict[str, Meaning] = {name: _strict(meaning) for name, meaning in _STRICT.items()} | {
    "least": _least,
    "greatest": _greatest,
    "both": _both,
    "either": _either,
    "is_null": lambda call, a: a is None,
    "coalesce": _coalesce,
    "case": _case,
}
