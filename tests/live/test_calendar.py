"""Months looked up are the months NumPy computes, inside the tables and outside them."""

from __future__ import annotations

import numpy as np
import pytest

from quanke.engines.live import calendar

INSIDE = np.random.default_rng(7).integers(-62_000, 83_900, 5_000).astype("datetime64[D]")
OUTSIDE = np.concatenate([INSIDE, np.array(["0001-01-01", "9999-12-31"], "datetime64[D]")])
MOMENTS = INSIDE.astype("datetime64[us]") + np.timedelta64(86_399_999_999, "us")


@pytest.mark.parametrize("days", [INSIDE, OUTSIDE, INSIDE[:7], MOMENTS, INSIDE[:0]])
def test_months_are_those_numpy_computes(days: np.ndarray) -> None:
    month = days.astype("datetime64[M]")
    first = month.astype("datetime64[D]")
    assert np.array_equal(calendar.months(days), month.astype(np.int64))
    assert np.array_equal(calendar.month_start(days), first)
    assert np.array_equal(calendar.month_end(days), (month + 1).astype("datetime64[D]") - 1)
    assert np.array_equal(calendar.day_of_month(days), (days.astype("datetime64[D]") - first).astype(int) + 1)
    assert np.array_equal(calendar.first_day(month.astype(np.int64)), first)


def test_the_tables_reach_from_their_first_day_to_their_last() -> None:
    ends = np.repeat([calendar.FIRST, calendar.LAST], calendar.FEW)
    assert np.array_equal(calendar.month_start(ends), ends.astype("datetime64[M]").astype("datetime64[D]"))
