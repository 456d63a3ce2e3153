"""Months of days, looked up: NumPy's own conversion between days and months divides for every row, and
a night asks for the month of a million days again and again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from quanke.engines.live.columns import Array

Numbers = NDArray[np.int64]
FIRST, LAST = np.datetime64("1800-01-01", "D"), np.datetime64("2199-12-31", "D")
FEW = 2_048
"""Up to so many rows NumPy's conversion is as fast."""


@dataclass(frozen=True, slots=True)
class _Days:
    """By days since FIRST: months since January 1970, day of the month, last day of the month (days since
    1970). By months since that of FIRST: the first day."""

    month: Numbers
    of_month: Numbers
    month_end: Numbers
    first: Numbers


@lru_cache(maxsize=1)
def _days() -> _Days:
    days = np.arange(FIRST, LAST + 1)
    months = np.arange(FIRST.astype("datetime64[M]"), LAST.astype("datetime64[M]") + 1)
    first = months.astype("datetime64[D]").astype(np.int64)
    return _Days(_month(days), _of_month(days), _end(days).astype(np.int64), first)


def _month(days: Array) -> Numbers:
    found: Numbers = days.astype("datetime64[M]").astype(np.int64)
    return found


def _of_month(days: Array) -> Numbers:
    start = days.astype("datetime64[M]").astype("datetime64[D]")
    found: Numbers = (days - start).astype(np.int64) + 1
    return found


def _end(days: Array) -> Array:
    return (days.astype("datetime64[M]") + 1).astype("datetime64[D]") - 1


def _places(days: Array) -> Numbers | None:
    """Places in the tables; None where a day lies outside or the rows are few."""
    if len(days) <= FEW:
        return None
    places: Numbers = days.view(np.int64) - FIRST.astype(np.int64)
    inside = places.min() >= 0 and places.max() < len(_days().month)
    return places if inside else None


def whole_days(moments: Array) -> Array:
    """Days of days or moments, as datetime64[D]."""
    return moments.astype("datetime64[D]", copy=False)


def months(moments: Array) -> Numbers:
    """Months since January 1970."""
    days = whole_days(moments)
    places = _places(days)
    return _month(days) if places is None else _days().month[places]


def day_of_month(moments: Array) -> Numbers:
    """1 to 31."""
    days = whole_days(moments)
    places = _places(days)
    return _of_month(days) if places is None else _days().of_month[places]


def month_start(moments: Array) -> Array:
    """The first of the month."""
    days = whole_days(moments)
    return days - (day_of_month(days) - 1)


def month_end(moments: Array) -> Array:
    """The last of the month."""
    days = whole_days(moments)
    places = _places(days)
    return _end(days) if places is None else _days().month_end[places].view("datetime64[D]")


def first_day(months_since: Numbers) -> Array:
    """The first day of months counted from January 1970."""
    if len(months_since) > FEW:
        places = months_since - _days().month[0]
        if places.min() >= 0 and places.max() < len(_days().first):
            found: Array = _days().first[places].view("datetime64[D]")
            return found
    return months_since.astype("datetime64[M]").astype("datetime64[D]")
