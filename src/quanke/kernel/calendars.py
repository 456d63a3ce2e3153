"""The two calendars of a bank: natural days for interest, working days for settlement and deadlines.

Natural-day functions work for every date. Working-day questions are answered from a table that is data,
because the State Council announces each year's exchanged weekends (调休) anew; outside the loaded years
they raise `CalendarError` instead of guessing. Rules: domain.md CAL-1 to CAL-3.

A wheel ships the years known when it was made (`data/working_days_cn.json`). A bank adds the next year
with a file of the same form: `china_calendar().extended(Path("working_days_2027.json"))`.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

from quanke.kernel.errors import CalendarError

SHANGHAI = ZoneInfo("Asia/Shanghai")
_SATURDAY = 5


class Roll(StrEnum):
    """Where a deadline goes that falls on a day off.

    `FOLLOWING` is the rule of the Civil Code (民法典 203); `PRECEDING` is the rule for wages, which are
    paid before the day off (国务院令724号 Art. 14).
    """

    UNADJUSTED = "unadjusted"
    FOLLOWING = "following"
    PRECEDING = "preceding"


def month_end(day: date) -> date:
    """The last day of the month of `day`."""
    return day.replace(day=monthrange(day.year, day.month)[1])


def add_months(day: date, months: int) -> date:
    """The corresponding day `months` later (negative: earlier), else that month's last day (民法典 202)."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def full_months(start: date, end: date) -> int:
    """Full months from `start` to `end`: the largest m with `add_months(start, m) <= end`.

    Negative where `end` lies before `start`.
    """
    if end < start:
        return -full_months(end, start)
    months = (end.year - start.year) * 12 + end.month - start.month
    return months if add_months(start, months) <= end else months - 1


def elapsed(start: date, end: date) -> tuple[int, int, int]:
    """(years, months, days) from `start` to `end`: full months first, then odd days.

    The start day counts and the end day does not (算头不算尾). ValueError if `end` lies before `start`.
    """
    if end < start:
        raise ValueError("end lies before start")
    months = full_months(start, end)
    return months // 12, months % 12, (end - add_months(start, months)).days


def demand_settlement_day(day: date) -> date:
    """The next settlement of demand interest on or after `day`: the 20th of Mar, Jun, Sep, Dec (INT-1)."""
    months_to_quarter_end = -day.month % 3
    settlement = add_months(day.replace(day=20), months_to_quarter_end)
    return settlement if day <= settlement else add_months(settlement, 3)


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """The working days of some years that follow each other without a gap, `days` in order."""

    first_year: int
    last_year: int
    days: tuple[date, ...]

    @classmethod
    def from_tables(cls, years: Mapping[str, Mapping[str, Any]]) -> WorkingCalendar:
        """A calendar from the `years` of a table file; CalendarError says which year is wrong and why."""
        if not years:
            raise CalendarError("the holiday table holds no year")
        days: list[date] = []
        for name in sorted(years):
            days += _working_days_of_year(name, years[name])
        first, last = days[0].year, days[-1].year
        if last - first + 1 != len(years):
            raise CalendarError("the holiday table has a gap between its years")
        return cls(first, last, tuple(days))

    def extended(self, path: Path) -> WorkingCalendar:
        """This calendar with the years of another table file after (or before) its own."""
        other = WorkingCalendar.from_tables(_read_years(path.read_text("utf-8"), path.name))
        earlier, later = sorted((self, other), key=lambda calendar: calendar.first_year)
        if later.first_year != earlier.last_year + 1:
            raise CalendarError(f"{path.name} does not continue {self.first_year} to {self.last_year}")
        return WorkingCalendar(earlier.first_year, later.last_year, earlier.days + later.days)

    def is_working_day(self, day: date) -> bool:
        """Whether banks settle on `day`."""
        self._require(day)
        position = bisect_left(self.days, day)
        return position < len(self.days) and self.days[position] == day

    def add_working_days(self, day: date, count: int) -> date:
        """The `count`-th working day after `day` (T+n, `day` not counted); before it where negative.

        T+0 is `day` itself, be it a day off or not: use `roll` to move it.
        """
        self._require(day)
        if count == 0:
            return day
        before = bisect_left(self.days, day) if count < 0 else bisect_right(self.days, day) - 1
        position = before + count
        if not 0 <= position < len(self.days):
            self._refuse(self.last_year + 1 if count > 0 else self.first_year - 1)
        return self.days[position]

    def working_days_between(self, start: date, end: date) -> int:
        """Working days after `start` up to and with `end` (the first day is not counted, 民法典 201).

        So `add_working_days(start, working_days_between(start, end)) == end` where `end` is a working day
        later than `start`. Negative where `end` lies before `start`.
        """
        self._require(start)
        self._require(end)
        return bisect_right(self.days, end) - bisect_right(self.days, start)

    def working_days_in(self, first: date, last: date) -> int:
        """Working days from `first` to `last`, both counted; 0 where `last` lies before `first`."""
        self._require(first)
        self._require(last)
        return max(0, bisect_right(self.days, last) - bisect_left(self.days, first))

    def roll(self, day: date, convention: Roll = Roll.FOLLOWING) -> date:
        """`day` where it is a working day, else the next or the previous one by the convention."""
        if convention is Roll.UNADJUSTED or self.is_working_day(day):
            return day
        return self.add_working_days(day, 1 if convention is Roll.FOLLOWING else -1)

    def period_end(
        self, start: date, *, days: int = 0, months: int = 0, convention: Roll = Roll.FOLLOWING
    ) -> date:
        """Last day of a period of natural `months` and `days` that begins at `start` (民法典 201-203).

        The first day is not counted; a period of months ends on the corresponding day, else at the
        month's end; a last day off moves by the convention.
        """
        return self.roll(add_months(start, months) + timedelta(days=days), convention)

    def _require(self, day: date) -> None:
        if not self.first_year <= day.year <= self.last_year:
            self._refuse(day.year)

    def _refuse(self, year: int) -> NoReturn:
        raise CalendarError(
            f"the working days of {year} are not loaded (loaded: {self.first_year} to {self.last_year}); "
            "add that year's holiday table"
        )


def _working_days_of_year(name: str, table: Mapping[str, Any]) -> list[date]:
    try:
        year = int(name)
        off = {
            day
            for first, last in table["off"]
            for day in _days(date.fromisoformat(first), date.fromisoformat(last))
        }
        work = {date.fromisoformat(text) for text in table["work"]}
    except (KeyError, TypeError, ValueError) as error:
        raise CalendarError(f"the holiday table of {name} is not well formed") from error
    if any(day.year != year for day in off | work):
        raise CalendarError(f"the holiday table of {name} names a day of another year")
    if any(day.weekday() < _SATURDAY for day in work) or off & work:
        raise CalendarError(f"the holiday table of {name} names a workday that needs no naming, or twice")
    return [
        day
        for day in _days(date(year, 1, 1), date(year, 12, 31))
        if day in work or (day.weekday() < _SATURDAY and day not in off)
    ]


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def _read_years(text: str, name: str) -> Mapping[str, Mapping[str, Any]]:
    try:
        years = json.loads(text)["years"]
    except (ValueError, KeyError, TypeError) as error:
        raise CalendarError(f"{name} is not a holiday table") from error
    if not isinstance(years, dict):
        raise CalendarError(f"{name} is not a holiday table")
    return years


@lru_cache(maxsize=1)
def china_calendar() -> WorkingCalendar:
    """The working days of mainland China for the years this version ships."""
    table = resources.files("quanke.kernel").joinpath("data/working_days_cn.json")
    return WorkingCalendar.from_tables(_read_years(table.read_text("utf-8"), table.name))


def is_working_day(day: date) -> bool:
    """Whether banks in mainland China settle on `day`; CalendarError outside the loaded years."""
    return china_calendar().is_working_day(day)


def add_working_days(day: date, count: int) -> date:
    """T+n in mainland China: see `WorkingCalendar.add_working_days`."""
    return china_calendar().add_working_days(day, count)


def working_days_between(start: date, end: date) -> int:
    """Working days after `start` up to and with `end`: see `WorkingCalendar.working_days_between`."""
    return china_calendar().working_days_between(start, end)


def working_days_in(first: date, last: date) -> int:
    """Working days from `first` to `last`, both counted: see `WorkingCalendar.working_days_in`."""
    return china_calendar().working_days_in(first, last)


def roll(day: date, convention: Roll = Roll.FOLLOWING) -> date:
    """A day off moved to a working day of mainland China: see `WorkingCalendar.roll`."""
    return china_calendar().roll(day, convention)


def period_end(start: date, *, days: int = 0, months: int = 0, convention: Roll = Roll.FOLLOWING) -> date:
    """Last day of a period in mainland China: see `WorkingCalendar.period_end`."""
    return china_calendar().period_end(start, days=days, months=months, convention=convention)
