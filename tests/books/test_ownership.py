from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from quanke.books import interval_findings
from quanke.books.ownership import seat_findings, working_days
from quanke.kernel.calendars import working_days_in

DAY = dt.date(2026, 6, 30)
FIRST = dt.date(2026, 4, 25)


def intervals(*rows: tuple[int, str, str | None]) -> pa.Table:
    """Rows (customer, from, to)."""
    return pa.table(
        {
            "customer": pa.array([r[0] for r in rows], pa.int32()),
            "ownership_id": [f"W{n}" for n in range(len(rows))],
            "post_id": [f"P{n}" for n in range(len(rows))],
            "from_date": pa.array([dt.date.fromisoformat(r[1]) for r in rows], pa.date32()),
            "to_date": pa.array([None if r[2] is None else dt.date.fromisoformat(r[2]) for r in rows]),
        }
    )


def found(*rows: tuple[int, str, str | None], needs: tuple[int, ...] = (1,)) -> list[tuple[Any, ...]]:
    told = interval_findings(intervals(*rows), DAY, np.array(needs), 3)
    return [(r["kind"], r["from_date"], r["to_date"], r["workdays"]) for r in told.to_pylist()]


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def test_one_after_the_other_without_a_day_between() -> None:
    assert found((1, "2025-01-01", "2026-05-01"), (1, "2026-05-01", None)) == []


def test_two_at_once() -> None:
    told = found((1, "2026-01-01", "2026-03-10"), (1, "2026-03-01", None))
    assert told == [("overlap", day("2026-03-01"), day("2026-03-10"), None)]
    nested = found((1, "2026-01-01", None), (1, "2026-02-01", "2026-02-10"), (1, "2026-03-01", "2026-03-02"))
    assert [(kind, since) for kind, since, _, _ in nested] == [
        ("overlap", day("2026-02-01")),
        ("overlap", day("2026-03-01")),
    ]


def test_three_working_days_may_pass_and_not_four() -> None:
    # 30 April is a Thursday; 1 to 5 May are holidays, and Saturday the 9th is worked
    assert found((1, "2026-01-01", "2026-04-30"), (1, "2026-05-08", None)) == []
    told = found((1, "2026-01-01", "2026-04-30"), (1, "2026-05-09", None))
    assert told == [("gap", day("2026-04-30"), day("2026-05-09"), 4)]
    told = found((1, "2026-01-01", "2026-04-30"), (1, "2026-05-10", None))
    assert told == [("gap", day("2026-04-30"), day("2026-05-10"), 5)]


@given(st.integers(0, 700), st.integers(0, 90))
def test_working_days_are_those_of_the_calendar(begin: int, length: int) -> None:
    first = dt.date(2025, 1, 1) + dt.timedelta(days=begin)
    after = min(first + dt.timedelta(days=length), dt.date(2026, 12, 31))
    numbers = (np.array([(each - dt.date(1970, 1, 1)).days]) for each in (first, after))
    wanted = 0 if after <= first else working_days_in(first, after - dt.timedelta(days=1))
    assert working_days(*numbers).tolist() == [wanted]


def test_in_years_without_a_table_they_are_monday_to_friday() -> None:
    begin = (dt.date(2012, 1, 2) - dt.date(1970, 1, 1)).days  # a Monday
    assert working_days(np.array([begin]), np.array([begin + 14])).tolist() == [10]


def test_a_gap_that_lasts_is_told_and_digital_care_explains_one() -> None:
    told = found((1, "2026-01-01", "2026-06-01"), (2, "2026-01-01", "2026-06-01"))
    assert [(kind, since, until) for kind, since, until, _ in told] == [("open_gap", day("2026-06-01"), None)]
    assert found((1, "2026-01-01", "2026-06-29")) == [], "two working days so far"
    assert found(needs=(7,)) == [("open_gap", None, None, None)]


def test_what_never_held_is_no_interval_and_reversed_is_told() -> None:
    assert found((1, "2026-01-01", None), (1, "2026-03-01", "2026-03-01")) == []
    assert found((1, "2026-01-01", None), (1, "2026-03-02", "2026-03-01")) == [
        ("reversed", day("2026-03-02"), day("2026-03-01"), None)
    ]


def test_posts_that_are_gone_or_empty() -> None:
    told = seat_findings(intervals((1, "2026-01-01", None), (2, "2026-01-01", None)), {"P1": "vacant"})
    assert [(r["customer"], r["kind"], r["post"]) for r in told.to_pylist()] == [
        (1, "no_post", "P0"),
        (2, "vacant", "P1"),
    ]


SPAN = st.tuples(st.integers(1, 3), st.integers(0, 80), st.integers(-2, 40) | st.none())


@settings(max_examples=150, deadline=None)
@given(st.lists(SPAN, max_size=8))
def test_equal_to_looking_at_every_day(spans: list[tuple[int, int, int | None]]) -> None:
    rows = [
        (
            customer,
            (FIRST + dt.timedelta(days=begin)).isoformat(),
            None if length is None else (FIRST + dt.timedelta(days=begin + length)).isoformat(),
        )
        for customer, begin, length in spans
    ]
    told = interval_findings(intervals(*rows), DAY, np.array([1, 2, 3]), 3).to_pylist()
    for customer in (1, 2, 3):
        mine = [r for r in rows if r[0] == customer]
        days = [FIRST + dt.timedelta(days=n) for n in range((DAY - FIRST).days + 1)]
        owners = [sum(day(b) <= d and (e is None or d < day(e)) for _, b, e in mine) for d in days]
        kinds = {r["kind"] for r in told if r["customer"] == customer and (r["from_date"] or DAY) <= DAY}
        assert ("overlap" in kinds) == any(n > 1 for n in owners)
        assert ("reversed" in kinds) == any(
            e is not None and day(e) < day(b) and day(b) <= DAY for _, b, e in mine
        )
        assert bool(kinds & {"gap", "open_gap"}) == _uncovered(days, owners)


def _uncovered(days: list[dt.date], owners: list[int]) -> bool:
    """Whether somebody who was looked after once, or never, has been without a post for over three days."""
    if not any(owners):
        return True
    begun = False
    run: list[dt.date] = []
    for on, count in zip(days, owners, strict=True):
        if count:
            begun, run = True, []
        elif begun:
            run.append(on)
            if working_days_in(run[0], on) > 3:
                return True
    return False
