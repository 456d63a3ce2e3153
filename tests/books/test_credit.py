"""Growth is divided by days: parts sum to the whole, and who had no day gets nothing."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quanke.books.clients import day_number
from quanke.books.credit import growth_credit, owned_days
from quanke.books.posts import NOBODY
from quanke.kernel.errors import BookError

FIRST, LAST = dt.date(2026, 6, 1), dt.date(2026, 6, 30)
LOW = day_number(FIRST)


def ints(values: list[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(values, np.int64)


def rows(intervals: list[tuple[int, int, int, int]], growth: dict[int, int]) -> list[dict[str, int]]:
    columns = tuple(ints([i[n] for i in intervals]) for n in range(4))
    found = growth_credit(ints([*growth]), ints([*growth.values()]), columns, FIRST, LAST)  # type: ignore[arg-type]
    told: list[dict[str, int]] = found.to_pylist()
    return told


def test_a_transfer_in_the_month() -> None:
    told = rows([(7, 1, LOW - 90, LOW + 10), (7, 2, LOW + 10, LOW + 999)], {7: 100_00})
    assert [(r["post"], r["days"], r["credit"]) for r in told] == [(1, 10, 33_33), (2, 20, 66_67)]
    told = rows([(7, 1, LOW - 90, LOW + 10), (7, 2, LOW + 10, LOW + 999)], {7: -100_00})
    assert [r["credit"] for r in told] == [-33_33, -66_67]


def test_days_of_nobody_are_nobodys() -> None:
    told = rows([(7, 1, LOW + 20, LOW + 999)], {7: 3, 8: 50})
    assert [(r["customer"], r["post"], r["days"], r["credit"]) for r in told] == [
        (7, NOBODY, 20, 2), (7, 1, 10, 1), (8, NOBODY, 30, 50),
    ]  # fmt: skip


def test_of_two_at_once_the_one_that_began_last() -> None:
    told = rows([(7, 1, LOW - 9, LOW + 999), (7, 2, LOW + 5, LOW + 8), (7, 1, LOW + 40, LOW + 50)], {7: 30})
    assert [(r["post"], r["days"]) for r in told] == [(1, 27), (2, 3)]


def test_what_cannot_be_divided() -> None:
    none = (ints([]),) * 4
    with pytest.raises(BookError, match="a period has"):
        growth_credit(ints([1]), ints([1]), none, LAST, FIRST)
    with pytest.raises(BookError, match="too large"):
        growth_credit(ints([1]), ints([2**62]), none, FIRST, LAST)


spans = st.tuples(
    st.integers(0, 5), st.integers(0, 3), st.integers(LOW - 40, LOW + 40), st.integers(0, 60)
).map(lambda s: (s[0], s[1], s[2], s[2] + s[3]))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(spans, max_size=14),
    st.dictionaries(st.integers(0, 7), st.integers(-(10**15), 10**15), max_size=8),
)
def test_parts_sum_and_only_owners_have_any(
    intervals: list[tuple[int, int, int, int]], growth: dict[int, int]
) -> None:
    told = rows(intervals, growth)
    held: dict[tuple[int, int], int] = defaultdict(int)
    for customer in growth:  # day by day, as a clerk would
        for day in range(LOW, LOW + 30):
            on = [(i[2], n, i[1]) for n, i in enumerate(intervals) if i[0] == customer and i[2] <= day < i[3]]
            held[customer, max(on)[2] if on else NOBODY] += 1
    assert {(r["customer"], r["post"]): r["days"] for r in told} == dict(held)
    for customer, whole in growth.items():
        parts = [r for r in told if r["customer"] == customer]
        assert sum(r["credit"] for r in parts) == whole
        for row in parts:
            exact = whole * row["days"] / 30
            assert abs(row["credit"] - exact) < 1 + abs(exact) * 1e-12


def test_days_do_not_depend_on_who_else_there_is() -> None:
    at = owned_days(ints([1, 2, 1]), ints([0, 1, 2]), ints([0, 0, LOW + 3]), ints([10**6] * 3), FIRST, LAST)
    assert [a.tolist() for a in at] == [[1, 1, 2], [0, 2, 1], [3, 27, 30]]
