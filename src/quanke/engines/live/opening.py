"""The opening of a day: every aggregate of every customer before any row of that day has come.

An aggregate is held as its *partials*, numbers to which a row can be added without looking back:

| reduction | partials |
|---|---|
| sum, level, daily mean | the sum |
| count, some | how many rows (for `some`: for which it is true) |
| mean | the sum and how many |
| smallest, largest | the value |
| latest | the day and the value |
| distinct, distinct days | the different values |

All are as of the day: a window that ends today has already let go of what left it. Where they come from
is the business of an `Openings`: today of the home's tables (`quanke.night.live_state`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from quanke.engines.live.columns import Array
from quanke.engines.live.dense import UNKNOWN, Dense
from quanke.language.nodes import Aggregate, Column, Reduce
from quanke.language.types import Kind


@dataclass(frozen=True)
class Partials:
    """What is held of one aggregate, an array over customers each.

    `arrays` as the table above says, in that order; unknown extremes and days are UNKNOWN (floats: nan).
    `texts`: the vocabulary, where the value is text and the array holds places in it. Of `distinct` and
    `distinct_days` there are two arrays: where each customer's values begin (one longer than there are
    customers), and the values.
    """

    arrays: tuple[Array, ...]
    texts: Sequence[str] | None = None


class Opening(Protocol):
    """The state of a day before any row of it."""

    @property
    def day(self) -> dt.date:
        """The day."""

    @property
    def customers(self) -> int:
        """How many customer numbers it speaks of: 0 to one less. Beyond it there is nothing yet."""

    @property
    def partials(self) -> Mapping[Aggregate, Partials]:
        """By aggregate; of every aggregate the engine asked for."""


class Openings(Protocol):
    """Gives the opening of any day, from what stood in the home when the night was taken."""

    def on(self, day: dt.date, wanted: Sequence[Aggregate]) -> Opening:
        """The opening of `day`, made of the home's rows alone: rows the engine took itself it adds."""

    def customers(self, wanted: Sequence[Column]) -> Mapping[Column, Dense]:
        """Fields of the golden customer, which stay as of the night."""

    def rows(self, table: str, fields: Sequence[str], since: dt.date) -> pa.Table:
        """The home's rows of a table from a day on, with `customer`, `event_id` and the fields: for
        triggers that wait for something since before the engine began."""


SETS = frozenset({Reduce.DISTINCT, Reduce.DISTINCT_DAYS})
"""Reductions that hold the different values themselves."""
ADDED = frozenset({Reduce.SUM, Reduce.COUNT, Reduce.ANY, Reduce.MEAN, Reduce.LEVEL, Reduce.DAILY_MEAN})
"""Reductions whose partials are sums."""


def is_text(node: Aggregate) -> bool:
    """Whether the aggregate holds texts."""
    return node.reduce not in SETS and node.type.kind is Kind.TEXT


__all__ = ["ADDED", "SETS", "UNKNOWN", "Opening", "Openings", "Partials", "is_text"]
