"""Types of the language: what a value is, and in which unit it counts.

Kinds are few on purpose. Each has one carrier in every engine:

| kind | DuckDB and Spark | NumPy | plain Python |
|---|---|---|---|
| boolean | BOOLEAN | bool | bool |
| integer | BIGINT | int64 | int |
| money | BIGINT, minor units of the home currency | int64 | int |
| rate | DECIMAL(18,6) | int64, millionths | Decimal with six places |
| number | DOUBLE (models only) | float64 | float |
| text | VARCHAR | object (str) | str |
| date | DATE | datetime64[D] | datetime.date |
| instant | TIMESTAMP, Asia/Shanghai wall clock | datetime64[us] | datetime.datetime |

Every value may be unknown (null).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from quanke.bank.contracts import FieldType


class Kind(StrEnum):
    """Kind of a value."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    MONEY = "money"
    RATE = "rate"
    NUMBER = "number"
    TEXT = "text"
    DATE = "date"
    INSTANT = "instant"


NUMERIC = frozenset({Kind.INTEGER, Kind.MONEY, Kind.RATE, Kind.NUMBER})
ORDERED = frozenset(Kind) - {Kind.BOOLEAN}
RATE_PLACES = 6
RATE_ONE = 10**RATE_PLACES


@dataclass(frozen=True, slots=True)
class Type:
    """A kind with its unit. The unit of an integer says what it counts ("days", "times").

    An empty unit fits every unit of its kind: a bare `3` can stand beside days and beside times.
    """

    kind: Kind
    unit: str = ""

    def __str__(self) -> str:
        return f"{self.kind} ({self.unit})" if self.unit else str(self.kind)

    @property
    def numeric(self) -> bool:
        """Whether it can be added up."""
        return self.kind in NUMERIC


BOOLEAN = Type(Kind.BOOLEAN)
INTEGER = Type(Kind.INTEGER)
MONEY = Type(Kind.MONEY)
RATE = Type(Kind.RATE)
NUMBER = Type(Kind.NUMBER)
TEXT = Type(Kind.TEXT)
DATE = Type(Kind.DATE)
INSTANT = Type(Kind.INSTANT)
DAYS = Type(Kind.INTEGER, "days")
MONTHS = Type(Kind.INTEGER, "months")
YEARS = Type(Kind.INTEGER, "years")
TIMES = Type(Kind.INTEGER, "times")
CUSTOMERS = Type(Kind.INTEGER, "customers")

OF_FIELD: dict[FieldType, Type] = {
    FieldType.TEXT: TEXT,
    FieldType.CODE: TEXT,
    FieldType.INTEGER: INTEGER,
    FieldType.MONEY: MONEY,
    FieldType.RATE: RATE,
    FieldType.BOOLEAN: BOOLEAN,
    FieldType.DATE: DATE,
    FieldType.INSTANT: INSTANT,
}


def common_unit(left: Type, right: Type) -> str | None:
    """The unit both can share, or None where they count different things."""
    if left.unit == right.unit or not right.unit:
        return left.unit
    if not left.unit:
        return right.unit
    return None


def common(left: Type, right: Type) -> Type | None:
    """The type in which two values can be compared or chosen between, or None."""
    unit = common_unit(left, right)
    if unit is None:
        return None
    if left.kind == right.kind:
        return Type(left.kind, unit)
    kinds = {left.kind, right.kind}
    if kinds <= NUMERIC and Kind.MONEY not in kinds:
        if Kind.NUMBER in kinds:
            return NUMBER
        return RATE
    return None
