from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quanke.kernel.calendars import (
    Roll,
    WorkingCalendar,
    add_months,
    add_working_days,
    china_calendar,
    demand_settlement_day,
    elapsed,
    full_months,
    is_working_day,
    month_end,
    period_end,
    roll,
    working_days_between,
    working_days_in,
)
from quanke.kernel.errors import CalendarError

LOADED = st.dates(date(2025, 1, 10), date(2026, 12, 10))


def test_2026_has_248_working_days() -> None:
    assert working_days_in(date(2026, 1, 1), date(2026, 12, 31)) == 248


def test_2025_has_248_working_days() -> None:
    assert working_days_in(date(2025, 1, 1), date(2025, 12, 31)) == 248  # 365 - 104 weekend days - 18 + 5


def test_apr_3_months_to_adjust_for() -> None:
    assert working_days_in(date(2026, 2, 1), date(2026, 2, 28)) == 16
    assert working_days_in(date(2026, 3, 1), date(2026, 3, 31)) == 22


@pytest.mark.parametrize(
    ("day", "count", "result"),
    [
        (date(2026, 2, 13), 1, date(2026, 2, 14)),
        (date(2026, 2, 14), 1, date(2026, 2, 24)),
        (date(2026, 9, 30), 3, date(2026, 10, 10)),
        (date(2026, 2, 24), -1, date(2026, 2, 14)),
        (date(2026, 2, 20), -1, date(2026, 2, 14)),
        (date(2026, 2, 20), 0, date(2026, 2, 20)),
        (date(2025, 12, 31), 1, date(2026, 1, 4)),
    ],
)
def test_t_plus_n(day: date, count: int, result: date) -> None:
    assert add_working_days(day, count) == result


def test_the_table_of_2026() -> None:
    off = [(1, 1), (1, 3), (2, 15), (2, 23), (4, 6), (5, 1), (5, 5), (6, 19), (9, 25), (10, 1), (10, 7)]
    work = [(1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10)]
    assert not any(is_working_day(date(2026, month, day)) for month, day in off)
    assert all(is_working_day(date(2026, month, day)) for month, day in work)
    assert not is_working_day(date(2026, 1, 10))  # an ordinary Saturday


@pytest.mark.parametrize("day", [date(2024, 12, 31), date(2027, 1, 1)])
def test_outside_the_loaded_years_it_says_so(day: date) -> None:
    calls = (
        lambda: is_working_day(day),
        lambda: add_working_days(day, 0),
        lambda: roll(day),
        lambda: working_days_in(date(2026, 1, 1), day),
        lambda: working_days_between(day, date(2026, 1, 1)),
    )
    for call in calls:
        with pytest.raises(CalendarError, match=str(day.year)):
            call()


def test_running_over_the_edge_says_so() -> None:
    with pytest.raises(CalendarError, match="2027"):
        add_working_days(date(2026, 12, 31), 1)
    with pytest.raises(CalendarError, match="2024"):
        add_working_days(date(2025, 1, 2), -1)


def test_deadlines_roll_forward_and_wages_back() -> None:
    assert roll(date(2026, 2, 15)) == date(2026, 2, 24)
    assert roll(date(2026, 2, 15), Roll.PRECEDING) == date(2026, 2, 14)
    assert roll(date(2026, 2, 15), Roll.UNADJUSTED) == date(2026, 2, 15)
    assert roll(date(2026, 3, 2), Roll.PRECEDING) == date(2026, 3, 2)


def test_cal_3_periods() -> None:
    assert period_end(date(2026, 3, 2), days=10) == date(2026, 3, 12)
    assert period_end(date(2026, 1, 31), months=1) == date(2026, 2, 28)  # corresponding day absent, a workday
    assert period_end(date(2026, 9, 3), months=1) == date(2026, 10, 8)  # a holiday: the next workday
    assert period_end(date(2026, 9, 3), months=1, convention=Roll.PRECEDING) == date(2026, 9, 30)


@given(LOADED, st.integers(1, 15))
def test_counting_undoes_adding(day: date, count: int) -> None:
    end = add_working_days(day, count) if day < date(2026, 11, 1) else day
    assert working_days_between(day, end) == (count if end != day else 0)
    assert working_days_between(end, day) == -working_days_between(day, end)


@given(LOADED)
def test_every_roll_ends_on_a_working_day_and_skips_none(day: date) -> None:
    after, before = roll(day), roll(day, Roll.PRECEDING)
    assert before <= day <= after
    assert is_working_day(after) and is_working_day(before)
    assert working_days_in(before, after) == (1 if before == after else 2)


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.integers(-600, 600))
def test_months_and_back(day: date, months: int) -> None:
    later = add_months(day, months)
    assert (later.year - day.year) * 12 + later.month - day.month == months
    assert later.day == min(day.day, month_end(later).day)
    assert full_months(day, later) == months or day.day > later.day


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.integers(0, 20_000))
def test_elapsed_adds_up(start: date, days: int) -> None:
    end = start + timedelta(days=days)
    years, months, odd = elapsed(start, end)
    assert add_months(start, 12 * years + months) + timedelta(days=odd) == end
    assert 0 <= months < 12 and 0 <= odd <= 31


@pytest.mark.parametrize(
    ("day", "settles"),
    [
        (date(2026, 1, 1), date(2026, 3, 20)),
        (date(2026, 3, 20), date(2026, 3, 20)),
        (date(2026, 3, 21), date(2026, 6, 20)),
        (date(2026, 12, 31), date(2027, 3, 20)),
    ],
)
def test_demand_interest_settles_on_the_20th(day: date, settles: date) -> None:
    assert demand_settlement_day(day) == settles


def test_a_bank_adds_the_next_year(tmp_path: Path) -> None:
    table = tmp_path / "2027.json"
    table.write_text(json.dumps({"years": {"2027": {"off": [["2027-01-01", "2027-01-03"]], "work": []}}}))
    longer = china_calendar().extended(table)
    assert longer.add_working_days(date(2026, 12, 31), 1) == date(2027, 1, 4)
    assert china_calendar().last_year == 2026


@pytest.mark.parametrize(
    "years",
    [
        {},
        {"2029": {"off": [], "work": []}, "2031": {"off": [], "work": []}},
        {"2029": {"off": [["2028-01-01", "2028-01-01"]], "work": []}},
        {"2029": {"off": [], "work": ["2029-01-02"]}},  # a Tuesday works anyway
        {"2029": {"off": [["2029-01-06", "2029-01-07"]], "work": ["2029-01-06"]}},
        {"2029": {"off": "2029-01-01", "work": []}},
        {"year": {"off": [], "work": []}},
    ],
)
def test_a_wrong_table_is_refused(years: dict[str, dict[str, object]]) -> None:
    with pytest.raises(CalendarError):
        WorkingCalendar.from_tables(years)
