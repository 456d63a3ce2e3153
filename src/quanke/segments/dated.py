"""Parameters that change on a day: a rule is applied with the value in force on the business date."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import pairwise

from quanke.language import Expression, as_of, when
from quanke.language.expressions import literal

ALWAYS_SINCE = dt.date(1900, 1, 1)


@dataclass(frozen=True, slots=True)
class Dated:
    """A whole number with the days from which each value holds, ascending."""

    values: tuple[tuple[dt.date, int], ...]

    def __post_init__(self) -> None:
        days = [day for day, _ in self.values]
        if not days or any(not a < b for a, b in pairwise(days)):
            raise ValueError("a dated parameter needs at least one value, and its days must ascend")

    @classmethod
    def of(cls, value: int) -> Dated:
        """A value that has always held."""
        return cls(((ALWAYS_SINCE, value),))

    def then(self, day: dt.date, value: int) -> Dated:
        """The same with another value from a later day on."""
        return Dated((*self.values, (day, value)))

    def on(self, day: dt.date) -> int:
        """The value in force on a day; before the first day, the first value."""
        found = self.values[0][1]
        for since, value in self.values:
            if since <= day:
                found = value
        return found

    def expression(self) -> Expression:
        """The value in force on the as-of day, as an expression."""
        latest, *older = reversed(self.values)
        if not older:
            return Expression(literal(latest[1]))
        chain = when(as_of() >= latest[0], latest[1])
        for since, value in older[:-1]:
            chain = chain.when(as_of() >= since, value)
        return chain.otherwise(older[-1][1])
