"""What the planner asks of an SQL engine: how its scalars and a few aggregates are written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Protocol

from quanke.language.nodes import AsOf, Call, Literal
from quanke.language.types import Type


class Dialect(Protocol):
    """How one engine writes scalars."""

    def lower(self, call: Call, arguments: Sequence[str]) -> str:
        """SQL of an operation over lowered arguments."""

    def literal(self, node: Literal | AsOf, as_of: dt.date) -> str:
        """SQL of a constant."""

    def sql_type(self, kind: Type) -> str:
        """SQL type of a value."""

    def quote(self, name: str) -> str:
        """An identifier that may be a key word."""

    def day_number(self, day: str) -> str:
        """SQL of a date as a whole number of days (from any fixed origin)."""

    def half_up_division(self, numerator: str, denominator: str) -> str:
        """SQL of a rounded whole quotient, null at zero."""

    def rate_division(self, numerator: str, denominator: str) -> str:
        """SQL of a quotient with six places, null at zero."""

    def total(self, sum_: str, kind: Type) -> str:
        """SQL of a sum brought to its type (a rate of a trillion or more is unknown)."""

    def last_by(self, condition: str, day: str, value: str) -> str:
        """SQL aggregate: the value of the last row by day, the greatest of that day."""

    def distinct_days(self, condition: str, day: str, first: dt.date, last: dt.date) -> str:
        """SQL aggregate: how many different days, all of them between first and last."""
