"""The closed list of operations: for each its signature and its meaning, said once.

Engines hold the lowerings (`engines/memory/meanings.py` is the judge; `engines/duckdb/lowering.py`,
`engines/spark/lowering.py`, `engines/live/lowering.py` must agree with it). A test asserts that every
engine lowers every operation here and nothing else. The text of `meaning` goes into the reference
manual beside the specification tests.

Shared laws: an operation with an unknown argument is unknown unless its meaning says otherwise;
rounding is half away from zero; a rate of a trillion or more (either sign) is unknown; so is a
floating-point number that is not finite, and a day outside the years 1 to 9999; a whole-number result
outside 64 bits is an error, never a wrap (engines need not look at a branch that no row takes).
Floating-point results are IEEE doubles and the same everywhere, but for the last digit of `logarithm`
and `exponential`. Operations see arguments of one kind, but for money
with integers and rates, whole by whole division, and dates with days: the builder widens the rest
(`to_rate`, `to_number`) when the expression is declared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from quanke.language.types import (
    BOOLEAN,
    DATE,
    DAYS,
    INTEGER,
    MONTHS,
    NUMBER,
    NUMERIC,
    ORDERED,
    RATE,
    TEXT,
    YEARS,
    Kind,
    Type,
    common,
    common_unit,
)

Signature = Callable[[Sequence[Type]], Type | None]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. `result` gives the type for argument types, or None where they do not fit."""

    name: str
    group: str
    takes: str
    meaning: str
    result: Signature
    symbol: str = ""

    def fits(self, count: int) -> bool:
        """Whether it takes that many arguments."""
        names = self.takes.split(", ")
        if "..." not in names:
            return count == len(names)
        if names[-1] == "otherwise":
            return count >= 3 and count % 2 == 1
        return count >= names.index("...")


def _add(types: Sequence[Type]) -> Type | None:
    a, b = types
    if a.kind is Kind.DATE and b.kind is Kind.INTEGER and b.unit in ("", "days"):
        return DATE
    if not (a.numeric and b.numeric):
        return None
    return common(a, b)


def _subtract(types: Sequence[Type]) -> Type | None:
    if types[0].kind is types[1].kind is Kind.DATE:
        return DAYS
    return _add(types)


def _multiply(types: Sequence[Type]) -> Type | None:
    a, b = types
    if Kind.MONEY in (a.kind, b.kind):
        other = b if a.kind is Kind.MONEY else a
        return Type(Kind.MONEY) if other.kind in (Kind.INTEGER, Kind.RATE) else None
    if not (a.numeric and b.numeric):
        return None
    if a.unit and b.unit:
        return None
    joined = common(Type(a.kind), Type(b.kind))
    return Type(joined.kind, a.unit or b.unit) if joined and joined.kind is Kind.INTEGER else joined


def _divide(types: Sequence[Type]) -> Type | None:
    a, b = types
    if a.kind is Kind.MONEY:
        if b.kind is Kind.MONEY:
            return RATE
        return Type(Kind.MONEY) if b.kind in (Kind.INTEGER, Kind.RATE) else None
    if b.kind is Kind.MONEY or not (a.numeric and b.numeric):
        return None
    return NUMBER if Kind.NUMBER in (a.kind, b.kind) else RATE


def _floor(types: Sequence[Type]) -> Type | None:
    a, b = types
    if a.kind is Kind.MONEY and b.kind is Kind.MONEY:
        return INTEGER
    if b.kind is not Kind.INTEGER or a.kind not in (Kind.INTEGER, Kind.MONEY):
        return None
    return Type(a.kind, a.unit)


def _modulo(types: Sequence[Type]) -> Type | None:
    a, b = types
    if a.kind is not b.kind or a.kind not in (Kind.INTEGER, Kind.MONEY):
        return None
    unit = common_unit(a, b)
    return None if unit is None else Type(a.kind, unit)


def _same_numeric(types: Sequence[Type]) -> Type | None:
    return types[0] if types[0].numeric else None


def _comparable(types: Sequence[Type]) -> Type | None:
    return BOOLEAN if common(types[0], types[1]) is not None else None


def _ordered(types: Sequence[Type]) -> Type | None:
    return _comparable(types) if types[0].kind in ORDERED else None


def _all_common(types: Sequence[Type]) -> Type | None:
    joined: Type | None = types[0]
    for other in types[1:]:
        joined = common(joined, other) if joined else None
    return joined


def _least(types: Sequence[Type]) -> Type | None:
    return _all_common(types) if types[0].kind in ORDERED else None


def _member(types: Sequence[Type]) -> Type | None:
    return BOOLEAN if _all_common(types) is not None else None


def _booleans(types: Sequence[Type]) -> Type | None:
    return BOOLEAN if all(t.kind is Kind.BOOLEAN for t in types) else None


def _case(types: Sequence[Type]) -> Type | None:
    conditions, values = types[0:-1:2], (*types[1:-1:2], types[-1])
    return _all_common(values) if _booleans(conditions) else None


def _kinds(result: Type, *kinds: Kind) -> Signature:
    def signature(types: Sequence[Type]) -> Type | None:
        fits = len(types) == len(kinds) and all(t.kind is k for t, k in zip(types, kinds, strict=True))
        return result if fits else None

    return signature


def _numbers(types: Sequence[Type]) -> Type | None:
    return NUMBER if types[0].kind in NUMERIC else None


def _unary(kinds: frozenset[Kind] | None, result: Type) -> Signature:
    def signature(types: Sequence[Type]) -> Type | None:
        return result if kinds is None or types[0].kind in kinds else None

    return signature


def _band(types: Sequence[Type]) -> Type | None:
    value, *edges = types
    fits = value.numeric or value.kind is Kind.DATE
    return INTEGER if fits and all(common(value, e) is not None for e in edges) else None


_DATED = frozenset({Kind.DATE, Kind.INSTANT})

_ALL = (
    # arithmetic
    Operation("add", "arithmetic", "a, b", "The sum. A date plus days is a date.", _add, "+"),
    Operation("subtract", "arithmetic", "a, b", "The difference. A date less a date is whole days; a date less days is a date.", _subtract, "-"),
    Operation("multiply", "arithmetic", "a, b", "The product. Money times a rate is rounded to the minor unit; rate times rate to six places.", _multiply, "*"),
    Operation("divide", "arithmetic", "a, b", "The quotient; null where b is zero. Money by money, or whole by whole, is a rate rounded to six places; money by a number or rate is money rounded to the minor unit.", _divide, "/"),
    Operation("floor_divide", "arithmetic", "a, b", "The greatest whole number not above a / b; null where b is zero.", _floor, "//"),
    Operation("modulo", "arithmetic", "a, b", "What floor division leaves: a - b * (a // b), with the sign of b; null where b is zero.", _modulo, "%"),
    Operation("negate", "arithmetic", "a", "The number with the other sign.", _same_numeric, "-"),
    Operation("absolute", "arithmetic", "a", "The number without its sign.", _same_numeric),
    Operation("sign", "arithmetic", "a", "-1, 0 or 1.", _unary(NUMERIC, INTEGER)),
    Operation("least", "arithmetic", "a, b, ...", "The smallest of the known arguments; null where none is known. Text is compared by code points.", _least),
    Operation("greatest", "arithmetic", "a, b, ...", "The greatest of the known arguments; null where none is known. Text is compared by code points.", _least),
    # comparison
    Operation("equal", "comparison", "a, b", "Whether both are the same.", _comparable, "=="),
    Operation("not_equal", "comparison", "a, b", "Whether they differ.", _comparable, "!="),
    Operation("less", "comparison", "a, b", "Whether a is below b. Text is compared by code points.", _ordered, "<"),
    Operation("at_most", "comparison", "a, b", "Whether a is not above b.", _ordered, "<="),
    Operation("greater", "comparison", "a, b", "Whether a is above b.", _ordered, ">"),
    Operation("at_least", "comparison", "a, b", "Whether a is not below b.", _ordered, ">="),
    Operation("one_of", "comparison", "a, b, ...", "Whether a equals one of the others, which are known constants.", _member, "in"),
    # logic
    Operation("both", "logic", "a, b", "True where both are true, false where one is false, else unknown (three-valued logic).", _booleans, "&"),
    Operation("either", "logic", "a, b", "True where one is true, false where both are false, else unknown.", _booleans, "|"),
    Operation("opposite", "logic", "a", "True for false, false for true, unknown for unknown.", _booleans, "~"),
    Operation("is_null", "logic", "a", "Whether the value is unknown; itself never unknown.", _unary(None, BOOLEAN)),
    Operation("coalesce", "logic", "a, b, ...", "The first known argument; null where none is known.", _all_common),
    Operation("case", "logic", "condition, value, ..., otherwise", "The value after the first condition that is true (unknown counts as not true), else the last argument.", _case),
    Operation("band", "logic", "a, edge, ...", "How many of the ascending edges are not above a: 0 below the first edge; a boundary belongs upward.", _band),
    # dates
    Operation("year", "dates", "day", "Calendar year.", _unary(_DATED, INTEGER)),
    Operation("month", "dates", "day", "Calendar month, 1 to 12.", _unary(_DATED, INTEGER)),
    Operation("day_of_month", "dates", "day", "Day of the month, 1 to 31.", _unary(_DATED, INTEGER)),
    Operation("iso_weekday", "dates", "day", "ISO day of the week: Monday 1 to Sunday 7.", _unary(_DATED, INTEGER)),
    Operation("hour", "dates", "instant", "Hour of the day in Asia/Shanghai, 0 to 23.", _kinds(INTEGER, Kind.INSTANT)),
    Operation("date_of", "dates", "instant", "The natural day in Asia/Shanghai.", _kinds(DATE, Kind.INSTANT)),
    Operation("days_between", "dates", "from, to", "Whole days from the first day to the second; negative where the second lies before.", _kinds(DAYS, Kind.DATE, Kind.DATE)),
    Operation("months_between", "dates", "from, to", "Whole calendar months gone by from the first day to the second: a month is full when its day number is reached, or when the month ends on an earlier day (31 Jan to 28 Feb is one); the negative of the opposite direction.", _kinds(MONTHS, Kind.DATE, Kind.DATE)),
    Operation("years_between", "dates", "from, to", "Whole years gone by (an age): months_between floored to twelves towards zero.", _kinds(YEARS, Kind.DATE, Kind.DATE)),
    Operation("add_months", "dates", "day, months", "The corresponding day that many months later, or the month's last day where there is none (Civil Code 202).", _kinds(DATE, Kind.DATE, Kind.INTEGER)),
    Operation("month_start", "dates", "day", "First day of the month.", _unary(_DATED, DATE)),
    Operation("month_end", "dates", "day", "Last day of the month.", _unary(_DATED, DATE)),
    # text
    Operation("length", "text", "a", "Number of code points.", _kinds(INTEGER, Kind.TEXT)),
    Operation("concat", "text", "a, b", "The first text followed by the second.", _kinds(TEXT, Kind.TEXT, Kind.TEXT)),
    Operation("starts_with", "text", "a, b", "Whether a begins with b, exactly.", _kinds(BOOLEAN, Kind.TEXT, Kind.TEXT)),
    Operation("ends_with", "text", "a, b", "Whether a ends with b, exactly.", _kinds(BOOLEAN, Kind.TEXT, Kind.TEXT)),
    Operation("contains", "text", "a, b", "Whether b occurs in a, exactly.", _kinds(BOOLEAN, Kind.TEXT, Kind.TEXT)),
    Operation("part", "text", "a, start, length", "At most `length` code points from position `start` (1 is the first; start and length are constants, start at least 1, length at least 0).", _kinds(TEXT, Kind.TEXT, Kind.INTEGER, Kind.INTEGER)),
    # numbers of models
    Operation("to_number", "numbers", "a", "The value as a floating-point number for models: money is its minor units divided by a hundred, a rate its millionths divided by a million.", _numbers),
    Operation("to_rate", "numbers", "a", "A whole or floating-point number as a rate. A floating-point number is multiplied by a million first and then rounded half away from zero.", _unary(frozenset({Kind.INTEGER, Kind.NUMBER}), RATE)),
    Operation("square_root", "numbers", "a", "The square root; null below zero.", _kinds(NUMBER, Kind.NUMBER)),
    Operation("logarithm", "numbers", "a", "The natural logarithm; null at and below zero.", _kinds(NUMBER, Kind.NUMBER)),
    Operation("exponential", "numbers", "a", "e to the power of a; null above 700.", _kinds(NUMBER, Kind.NUMBER)),
)  # fmt: skip

OPERATIONS: dict[str, Operation] = {operation.name: operation for operation in _ALL}
SYMBOLS: dict[str, str] = {operation.name: operation.symbol for operation in _ALL if operation.symbol}
