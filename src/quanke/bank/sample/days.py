"""The year of the sample bank: its days, months, pay days and seasons, as positions from 0."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from quanke.bank.sample.draws import Choice, Draws, Ints

EPOCH = date(1970, 1, 1)
DAY_SECONDS = 86_400

NEW_YEAR = {
    2019: date(2019, 2, 5),
    2020: date(2020, 1, 25),
    2021: date(2021, 2, 12),
    2022: date(2022, 2, 1),
    2023: date(2023, 1, 22),
    2024: date(2024, 2, 10),
    2025: date(2025, 1, 29),
    2026: date(2026, 2, 17),
    2027: date(2027, 2, 6),
    2028: date(2028, 1, 26),
    2029: date(2029, 2, 13),
    2030: date(2030, 2, 3),
}
"""First day of the Chinese year."""

_HOLIDAYS = ((1, 1, 3), (4, 4, 3), (5, 1, 5), (10, 1, 7))
"""Month, day and length of the holidays that stand still. The law's table is the kernel's; here only the
look of a year is wanted, for years the kernel need not know."""

_HOURS = {
    "day": [0, 0, 0, 0, 0, 0, 1, 4, 8, 10, 10, 9, 9, 8, 8, 8, 9, 10, 11, 12, 11, 8, 4, 1],
    "office": [0, 0, 0, 0, 0, 0, 0, 0, 4, 16, 18, 14, 5, 6, 14, 15, 12, 2, 0, 0, 0, 0, 0, 0],
    "night": [2, 6, 8, 8, 6, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
}


@dataclass(frozen=True, slots=True)
class Month:
    """One calendar month cut to the span: `label` YYYY-MM, first and last position, both included."""

    label: str
    year: int
    month: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Span:
    """The days `last_day - days + 1 ... last_day`; position 0 is the first of them."""

    last_day: date
    days: int
    first_day: date = field(init=False)
    offset: int = field(init=False)
    months: tuple[Month, ...] = field(init=False)
    month_of: NDArray[np.int64] = field(init=False)
    quiet: NDArray[np.bool_] = field(init=False)
    seasons: dict[str, Choice] = field(init=False)
    hours: dict[str, Choice] = field(init=False)

    def __post_init__(self) -> None:
        first = self.last_day - timedelta(days=self.days - 1)
        dates = [first + timedelta(days=n) for n in range(self.days)]

        def put(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        put("first_day", first)
        put("offset", (first - EPOCH).days)
        put("months", _months(dates))
        put("month_of", _month_of(self.months, self.days))
        put("quiet", np.array([is_quiet(d) for d in dates]))
        put("seasons", {name: Choice([rule(d) for d in dates]) for name, rule in _SEASONS.items()})
        put("hours", {name: Choice(weights) for name, weights in _HOURS.items()})

    def position(self, day: date) -> int:
        """Position of a day; negative before the span."""
        return (day - self.first_day).days

    def date_of(self, position: int) -> date:
        """The day at a position."""
        return self.first_day + timedelta(days=int(position))

    def draw_days(self, draws: Draws, season: str, count: int) -> Ints:
        """Positions drawn with the weights of a season: "spend", "move", "business" or "even"."""
        return draws.pick(self.seasons[season], count).astype(np.int64)

    def draw_seconds(self, draws: Draws, hours: str, count: int) -> Ints:
        """Seconds of the day: "day", "office" or "night"."""
        return draws.pick(self.hours[hours], count).astype(np.int64) * 3600 + draws.below(3600, count)

    def day_in_month(self, month: Month, day: int, *, working: bool = True) -> int:
        """Position of the given day of a month (its last day where it has fewer), or -1 outside the span.

        With `working`, a weekend or holiday moves it to the day before, as wages do (CAL-3).
        """
        last = (date(month.year + month.month // 12, month.month % 12 + 1, 1) - timedelta(days=1)).day
        found = date(month.year, month.month, min(day, last))
        while working and is_quiet(found):
            found -= timedelta(days=1)
        position = self.position(found)
        return position if 0 <= position < self.days else -1

    def pay_days(self, day: int) -> Ints:
        """`day_in_month` for every month of the span; int64, -1 where outside."""
        return np.array([self.day_in_month(month, day) for month in self.months], dtype=np.int64)

    def interest_days(self) -> list[int]:
        """Positions on which demand interest is posted: the 21st of Mar, Jun, Sep, Dec (INT-1)."""
        found = [m for m in self.months if m.month % 3 == 0]
        days = [self.position(date(m.year, m.month, 21)) for m in found]
        return [day for day in days if 0 < day < self.days]


def is_quiet(day: date) -> bool:
    """Weekend or holiday (shifted working weekends left aside)."""
    if day.weekday() >= 5:
        return True
    if any(day.month == m and d <= day.day < d + n for m, d, n in _HOLIDAYS):
        return True
    new_year = NEW_YEAR.get(day.year)
    return new_year is not None and -2 <= (day - new_year).days <= 6


def _months(dates: list[date]) -> tuple[Month, ...]:
    found: list[Month] = []
    for position, day in enumerate(dates):
        if found and (found[-1].year, found[-1].month) == (day.year, day.month):
            start = found.pop().first
        else:
            start = position
        found.append(Month(f"{day.year}-{day.month:02d}", day.year, day.month, start, position))
    return tuple(found)


def _month_of(months: tuple[Month, ...], days: int) -> NDArray[np.int64]:
    found = np.zeros(days, dtype=np.int64)
    for number, month in enumerate(months):
        found[month.first : month.last + 1] = number
    return found


def _to_new_year(day: date) -> int:
    """Days since the nearest Chinese New Year's day; negative before it."""
    gaps = [(day - start).days for start in NEW_YEAR.values()]
    return min(gaps, key=abs) if gaps else 999


def _spend(day: date) -> int:
    weight = 130 if day.weekday() >= 5 else 100
    gap = _to_new_year(day)
    if -14 <= gap <= -2:
        weight = weight * 15 // 10
    elif -1 <= gap <= 7:
        weight = weight * 45 // 100
    if (day.month, day.day) in ((11, 11), (6, 18), (12, 12)):
        weight *= 3
    return weight


def _move(day: date) -> int:
    weight = 60 if is_quiet(day) else 100
    gap = _to_new_year(day)
    if -10 <= gap <= -1:
        weight *= 2
    elif 0 <= gap <= 6:
        weight //= 2
    return weight * 2 if day.day >= 26 or day.day <= 3 else weight


def _business(day: date) -> int:
    if -3 <= _to_new_year(day) <= 9:
        return 2
    return 12 if is_quiet(day) else 100


def _even(day: date) -> int:
    return 1


_SEASONS: dict[str, Callable[[date], int]] = {
    "spend": _spend,
    "move": _move,
    "business": _business,
    "even": _even,
}
