"""Columns of values for the NumPy engine, and their way in and out of plain Python and Arrow."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quanke.language.types import RATE_PLACES, Kind, Type

Array = NDArray[Any]
Bools = NDArray[np.bool_]

DTYPES: dict[Kind, np.dtype[Any]] = {
    Kind.BOOLEAN: np.dtype(np.bool_),
    Kind.INTEGER: np.dtype(np.int64),
    Kind.MONEY: np.dtype(np.int64),
    Kind.RATE: np.dtype(np.int64),
    Kind.NUMBER: np.dtype(np.float64),
    Kind.TEXT: np.dtype(object),
    Kind.DATE: np.dtype("datetime64[D]"),
    Kind.INSTANT: np.dtype("datetime64[us]"),
}
"""Carrier of each kind: money in minor units, rates in millionths, text as str objects."""
_ABSENT: dict[Kind, Any] = {
    Kind.TEXT: "",
    Kind.DATE: np.datetime64(0, "D"),
    Kind.INSTANT: np.datetime64(0, "us"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One value per row: `values` where `valid`, unknown elsewhere (whatever stands there).

    Both have one length; a constant has length 1 and stands for every row. Text must be str even where
    it is unknown.
    """

    values: Array
    valid: Bools

    def spread(self, rows: int) -> Column:
        """The same with `rows` rows, if it is a constant."""
        if len(self.values) == rows:
            return self
        return Column(np.repeat(self.values, rows), np.repeat(self.valid, rows))


def column_of(values: Iterable[Any], of: Type) -> Column:
    """Column of plain Python values; None is unknown."""
    given = list(values)
    valid = np.array([v is not None for v in given], np.bool_)
    absent = _ABSENT.get(of.kind, 0)
    carried = np.full(len(given), absent, DTYPES[of.kind])
    for place, value in enumerate(given):
        if value is not None:
            carried[place] = int(value.scaleb(RATE_PLACES)) if of.kind is Kind.RATE else value
    return Column(carried, valid)


def values_of(column: Column, of: Type) -> list[Any]:
    """Plain Python values of a column; None for unknown."""
    found: Sequence[Any] = column.values.tolist()
    if of.kind is Kind.RATE:
        found = [Decimal(v).scaleb(-RATE_PLACES) for v in found]
    return [v if known else None for v, known in zip(found, column.valid.tolist(), strict=True)]


def constant(value: Any, of: Type) -> Column:
    """A column that stands for the same value in every row."""
    return column_of([value], of)


def day_column(day: dt.date) -> Column:
    """A constant day."""
    return Column(np.array([day], "datetime64[D]"), np.ones(1, np.bool_))
