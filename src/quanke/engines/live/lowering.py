"""How NumPy computes each operation: columns in, a column out.

Whole numbers are int64 and never wrap: where a result might not fit, those rows alone are computed with
Python's integers, and one that does not fit is an error. Rates are int64 millionths; a product or
quotient is rounded once, half away from zero, from its exact value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from quanke.engines.live import calendar
from quanke.engines.live.columns import Array, Bools, Column
from quanke.language.nodes import Call, type_of
from quanke.language.types import RATE_ONE, Kind

Lowering = Callable[[Call, Sequence[Column]], Column]

SMALLEST, LARGEST = -(2**63), 2**63 - 1
RATE_LIMIT = 10**12 * RATE_ONE
SAFE = 2.0**62
"""Products below this, computed in floating point, surely fit 64 bits, with room for a rounding."""
FAR_DAYS, FAR_MONTHS = 4_000_000, 120_000
"""More than lie between the years 1 and 9999."""
FIRST_DAY, LAST_DAY = np.datetime64("0001-01-01", "D"), np.datetime64("9999-12-31", "D")
HIGHEST_EXPONENT = 700.0


def _known(columns: Sequence[Column]) -> Bools:
    valid = columns[0].valid
    for column in columns[1:]:
        valid = valid & column.valid
    return valid


def _simple(function: Callable[..., Array]) -> Lowering:
    """An operation whose result is known exactly where its arguments are."""

    def lowering(call: Call, columns: Sequence[Column]) -> Column:
        return Column(function(*(c.values for c in columns)), _known(columns))

    return lowering


def _too_large() -> OverflowError:
    return OverflowError("a whole-number result does not fit 64 bits")


def _refuse(outside: Array, valid: Bools) -> None:
    if np.any(outside & valid):
        raise _too_large()


# --- exact arithmetic


def _sum(a: Array, b: Array, valid: Bools) -> Array:
    total: Array = a + b
    _refuse(((a ^ total) & (b ^ total)) < 0, valid)
    return total


def _difference(a: Array, b: Array, valid: Bools) -> Array:
    total: Array = a - b
    _refuse(((a ^ b) & (a ^ total)) < 0, valid)
    return total


def _product(a: Array, b: Array, valid: Bools) -> Array:
    product: Array = a * b
    if _largest(a) * _largest(b) > LARGEST:
        for place in np.flatnonzero((_size(a) * _size(b) >= SAFE) & valid).tolist():
            exact = _at(a, place) * _at(b, place)
            if not SMALLEST <= exact <= LARGEST:
                raise _too_large()
    return product


def _largest(a: Array) -> int:
    """The largest absolute value, known or unknown."""
    return max(int(a.max()), -int(a.min())) if len(a) else 0


def _size(a: Array) -> Array:
    return np.abs(a.astype(np.float64))


def _at(a: Array, place: int) -> int:
    return int(a[place if len(a) > 1 else 0])


def _ratio(a: Array, b: Array, divisor: Array, valid: Bools) -> tuple[Array, Bools]:
    """a * b / divisor rounded half away from zero (anything where the divisor is 0), and where that fits
    64 bits."""
    divisor = np.where(divisor == 0, 1, divisor)
    if _largest(a) * _largest(b) <= LARGEST and _largest(divisor) <= LARGEST:
        result = _quotient(a * b, divisor)
        return result, np.ones(len(result), np.bool_)
    a, b, divisor, valid = np.broadcast_arrays(a, b, divisor, valid)
    plain = (_size(a) * _size(b) < SAFE) & (_size(divisor) < SAFE)
    result = _quotient(np.where(plain, a * b, 0), np.where(plain, divisor, 1))
    fits = np.ones(len(result), np.bool_)
    for place in np.flatnonzero(~plain & valid).tolist():
        exact = _half_up(int(a[place]) * int(b[place]), int(divisor[place]))
        fits[place] = SMALLEST <= exact <= LARGEST
        result[place] = exact if fits[place] else 0
    return result, fits


def _quotient(numerator: Array, divisor: Array) -> Array:
    """Rounded half away from zero; neither is the least integer, which has no absolute value."""
    size = np.abs(divisor)
    quotient, rest = np.divmod(np.abs(numerator), size)
    quotient += rest >= size - rest
    signed: Array = np.where((numerator < 0) ^ (divisor < 0), -quotient, quotient)
    return signed


def _is_rate(millionths: Array) -> Array:
    inside: Array = (millionths > -RATE_LIMIT) & (millionths < RATE_LIMIT)
    return inside


def _half_up(numerator: int, denominator: int) -> int:
    quotient, rest = divmod(abs(numerator), abs(denominator))
    quotient += 2 * rest >= abs(denominator)
    return quotient if (numerator < 0) == (denominator < 0) else -quotient


def _exact_ratio(call: Call, a: Array, b: Array, divisor: Array, valid: Bools) -> Column:
    """The ratio as a value of the call's type: a rate may be unknown, money that does not fit is an
    error."""
    result, fits = _ratio(a, b, divisor, valid)
    valid = valid & (divisor != 0)
    if call.type.kind is Kind.RATE:
        return Column(result, valid & fits & _is_rate(result))
    _refuse(~fits, valid)
    return Column(result, valid)


def whole_quotient(values: Array, divisor: int) -> Array:
    """Whole numbers by a positive one, rounded half away from zero."""
    return _quotient(values, np.full(1, divisor, np.int64))


def exact_ratio(kind: Kind, a: Array, scale: int, divisor: Array) -> Column:
    """`a * scale / divisor` as money or as a rate, rounded half away from zero; unknown where the divisor
    is 0."""
    valid = divisor != 0
    result, fits = _ratio(a, np.full(1, scale, np.int64), divisor, valid)
    if kind is Kind.RATE:
        return Column(result, valid & fits & _is_rate(result))
    _refuse(~fits, valid)
    return Column(result, valid)


_ONE = np.ones(1, np.int64)
_MILLION = np.full(1, RATE_ONE, np.int64)


# --- arithmetic


def _finite(values: Array, valid: Bools) -> Column:
    return Column(values, valid & np.isfinite(values))


def _shifted(day: Array, days: Array, valid: Bools) -> Column:
    result = day + np.clip(days, -FAR_DAYS, FAR_DAYS)
    return Column(result, valid & (result >= FIRST_DAY) & (result <= LAST_DAY))


def _plus(exact: Callable[[Array, Array, Bools], Array], sign: int) -> Lowering:
    def lowering(call: Call, columns: Sequence[Column]) -> Column:
        a, b = (c.values for c in columns)
        valid = _known(columns)
        kind = call.type.kind
        if kind is Kind.DATE:
            return _shifted(a, sign * np.clip(b, -FAR_DAYS, FAR_DAYS), valid)
        if kind is Kind.NUMBER:
            return _finite(a + sign * b, valid)
        if type_of(call.arguments[0]).kind is Kind.DATE:
            return Column((a - b).astype(np.int64), valid)
        total = exact(a, b, valid)
        return Column(total, valid & _is_rate(total) if kind is Kind.RATE else valid)

    return lowering


def _multiply(call: Call, columns: Sequence[Column]) -> Column:
    a, b = (c.values for c in columns)
    valid = _known(columns)
    if call.type.kind is Kind.NUMBER:
        return _finite(a * b, valid)
    if Kind.RATE in (type_of(n).kind for n in call.arguments):
        return _exact_ratio(call, a, b, _MILLION, valid)
    return Column(_product(a, b, valid), valid)


def _divide(call: Call, columns: Sequence[Column]) -> Column:
    a, b = (c.values for c in columns)
    valid = _known(columns)
    if call.type.kind is Kind.NUMBER:
        return _finite(a / np.where(b == 0, 1.0, b), valid & (b != 0))
    kinds = [type_of(n).kind for n in call.arguments]
    to_million = call.type.kind is Kind.RATE or kinds[1] is Kind.RATE
    return _exact_ratio(call, a, _MILLION if to_million else _ONE, b, valid)


def _floor_divide(call: Call, columns: Sequence[Column]) -> Column:
    a, b = (c.values for c in columns)
    valid = _known(columns) & (b != 0)
    _refuse((a == SMALLEST) & (b == -1), valid)
    return Column(np.floor_divide(a, np.where(b == 0, 1, b)), valid)


def _modulo(call: Call, columns: Sequence[Column]) -> Column:
    a, b = (c.values for c in columns)
    return Column(np.remainder(a, np.where(b == 0, 1, b)), _known(columns) & (b != 0))


def _unbalanced(function: Callable[[Array], Array]) -> Lowering:
    """An operation that has no result for the least integer, which has no positive counterpart."""

    def lowering(call: Call, columns: Sequence[Column]) -> Column:
        (a,) = columns
        if call.type.kind is not Kind.NUMBER:
            _refuse(a.values == SMALLEST, a.valid)
        return Column(function(a.values), a.valid)

    return lowering


def _choice(better: Callable[[Array, Array], Array]) -> Lowering:
    def lowering(call: Call, columns: Sequence[Column]) -> Column:
        values, valid = columns[0].values, columns[0].valid
        for other in columns[1:]:
            take = other.valid & (~valid | better(other.values, values).astype(np.bool_))
            values = np.where(take, other.values, values)
            valid = valid | other.valid
        return Column(values, valid)

    return lowering


# --- comparison and logic


def _compare(function: Callable[[Array, Array], Array]) -> Lowering:
    return _simple(lambda a, b: function(a, b).astype(np.bool_))


def _one_of(call: Call, columns: Sequence[Column]) -> Column:
    a, *others = columns
    if a.values.dtype == object:
        wanted = {c.values[0] for c in others}
        found = np.fromiter((v in wanted for v in a.values), np.bool_, len(a.values))
    else:
        found = np.isin(a.values, np.concatenate([c.values for c in others]))
    return Column(found, a.valid)


def _both(call: Call, columns: Sequence[Column]) -> Column:
    a, b = columns
    refuted = (~a.values & a.valid) | (~b.values & b.valid)
    return Column(a.values & b.values & ~refuted, (a.valid & b.valid) | refuted)


def _either(call: Call, columns: Sequence[Column]) -> Column:
    a, b = columns
    shown = (a.values & a.valid) | (b.values & b.valid)
    return Column(shown, (a.valid & b.valid) | shown)


def _is_null(call: Call, columns: Sequence[Column]) -> Column:
    return Column(~columns[0].valid, np.ones(len(columns[0].valid), np.bool_))


def _coalesce(call: Call, columns: Sequence[Column]) -> Column:
    values, valid = columns[0].values, columns[0].valid
    for other in columns[1:]:
        values, valid = np.where(valid, values, other.values), valid | other.valid
    return Column(values, valid)


def _case(call: Call, columns: Sequence[Column]) -> Column:
    values, valid = columns[-1].values, columns[-1].valid
    for condition, value in zip(columns[-3::-2], columns[-2::-2], strict=True):
        taken = condition.values & condition.valid
        values = np.where(taken, value.values, values)
        valid = np.where(taken, value.valid, valid)
    return Column(values, valid)


def _band(call: Call, columns: Sequence[Column]) -> Column:
    a, *edges = columns
    ascending = np.concatenate([e.values for e in edges])
    return Column(np.searchsorted(ascending, a.values, side="right").astype(np.int64), a.valid)


# --- dates


def _weekday(a: Array) -> Array:
    return (calendar.whole_days(a).astype(np.int64) + 3) % 7 + 1  # 1970-01-01 was a Thursday


def _months_between(start: Array, end: Array) -> Array:
    swapped = end < start
    low, high = np.where(swapped, end, start), np.where(swapped, start, end)
    short = (calendar.day_of_month(high) < calendar.day_of_month(low)) & (high != calendar.month_end(high))
    months = calendar.months(high) - calendar.months(low) - short
    result: Array = np.where(swapped, -months, months)
    return result


def _years_between(start: Array, end: Array) -> Array:
    months = _months_between(start, end)
    years: Array = np.sign(months) * (np.abs(months) // 12)
    return years


def _add_months(call: Call, columns: Sequence[Column]) -> Column:
    day, months = (c.values for c in columns)
    month = calendar.months(day) + np.clip(months, -FAR_MONTHS, FAR_MONTHS)
    start, after = calendar.first_day(month), calendar.first_day(month + 1)
    result = np.minimum(start + (calendar.day_of_month(day) - 1), after - 1)
    return Column(result, _known(columns) & (result >= FIRST_DAY) & (result <= LAST_DAY))


# --- text and numbers


def _texts(function: Callable[..., object], dtype: type) -> Lowering:
    """An operation on text, element by element."""

    def lowering(call: Call, columns: Sequence[Column]) -> Column:
        rows = np.broadcast_arrays(*(c.values for c in columns))
        found: Array = np.empty(len(rows[0]), dtype)
        found[:] = [function(*row) for row in zip(*rows, strict=True)]
        return Column(found, _known(columns))

    return lowering


def _part(call: Call, columns: Sequence[Column]) -> Column:
    start, length = (int(c.values[0]) for c in columns[1:])
    taken = slice(start - 1, start - 1 + length)
    found = np.empty(len(columns[0].values), object)
    found[:] = [text[taken] for text in columns[0].values]
    return Column(found, columns[0].valid)


def _to_number(call: Call, columns: Sequence[Column]) -> Column:
    (a,) = columns
    unit = {Kind.MONEY: 100.0, Kind.RATE: float(RATE_ONE)}.get(type_of(call.arguments[0]).kind)
    number = a.values.astype(np.float64)
    return Column(number / unit if unit else number, a.valid)


def _to_rate(call: Call, columns: Sequence[Column]) -> Column:
    (a,) = columns
    if type_of(call.arguments[0]).kind is Kind.INTEGER:
        fits = (a.values > -RATE_LIMIT // RATE_ONE) & (a.values < RATE_LIMIT // RATE_ONE)
        return Column(np.where(fits, a.values, 0) * RATE_ONE, a.valid & fits)
    scaled = a.values * float(RATE_ONE)
    size = np.abs(scaled)
    rounded = np.trunc(size)
    rounded = rounded + (size - rounded >= 0.5)
    fits = rounded < RATE_LIMIT
    return Column(np.where(fits, np.copysign(rounded, scaled), 0).astype(np.int64), a.valid & fits)


def _where(allowed: Callable[[Array], Array], function: Callable[[Array], Array]) -> Lowering:
    """A function with a domain; unknown outside."""

    def lowering(call: Call, columns: Sequence[Column]) -> Column:
        (a,) = columns
        inside = allowed(a.values)
        return Column(function(np.where(inside, a.values, 1.0)), a.valid & inside)

    return lowering


LOWERINGS: dict[str, Lowering] = {
    "add": _plus(_sum, 1),
    "subtract": _plus(_difference, -1),
    "multiply": _multiply,
    "divide": _divide,
    "floor_divide": _floor_divide,
    "modulo": _modulo,
    "negate": _unbalanced(np.negative),
    "absolute": _unbalanced(np.abs),
    "sign": _simple(lambda a: np.sign(a).astype(np.int64)),
    "least": _choice(np.less),
    "greatest": _choice(np.greater),
    "equal": _compare(np.equal),
    "not_equal": _compare(np.not_equal),
    "less": _compare(np.less),
    "at_most": _compare(np.less_equal),
    "greater": _compare(np.greater),
    "at_least": _compare(np.greater_equal),
    "one_of": _one_of,
    "both": _both,
    "either": _either,
    "opposite": _simple(np.logical_not),
    "is_null": _is_null,
    "coalesce": _coalesce,
    "case": _case,
    "band": _band,
    "year": _simple(lambda a: a.astype("datetime64[Y]").astype(np.int64) + 1970),
    "month": _simple(lambda a: calendar.months(a) % 12 + 1),
    "day_of_month": _simple(calendar.day_of_month),
    "iso_weekday": _simple(_weekday),
    "hour": _simple(lambda a: (a - calendar.whole_days(a)).astype("timedelta64[h]").astype(np.int64)),
    "date_of": _simple(calendar.whole_days),
    "days_between": _simple(lambda start, end: (end - start).astype(np.int64)),
    "months_between": _simple(_months_between),
    "years_between": _simple(_years_between),
    "add_months": _add_months,
    "month_start": _simple(calendar.month_start),
    "month_end": _simple(calendar.month_end),
    "length": _texts(len, np.int64),
    "concat": _texts(lambda a, b: a + b, object),
    "starts_with": _texts(str.startswith, np.bool_),
    "ends_with": _texts(str.endswith, np.bool_),
    "contains": _texts(lambda a, b: b in a, np.bool_),
    "part": _part,
    "to_number": _to_number,
    "to_rate": _to_rate,
    "square_root": _where(lambda a: a >= 0, np.sqrt),
    "logarithm": _where(lambda a: a > 0, np.log),
    "exponential": _where(lambda a: a <= HIGHEST_EXPONENT, np.exp),
}
