"""Days, months, years and moments."""

from __future__ import annotations

from quanke.language import (
    add_months,
    as_of,
    date_of,
    day_of_month,
    days_between,
    hour,
    iso_weekday,
    month,
    month_end,
    month_start,
    months_between,
    working_day,
    year,
    years_between,
)
from tests.spec.cases.scalars import cases_of

CASES = (
    cases_of("year")(
        "Of a day",
        lambda day: year(day),
        """
        day: date | result: integer
        2026-06-30 | 2026
        1949-10-01 | 1949
        0001-01-01 | 1
        9999-12-31 | 9999
        null | null
        """,
    ),
    cases_of("year")(
        "Of a moment",
        lambda at: year(at),
        """
        at: instant | result: integer
        2025-12-31 23:59:59.999999 | 2025
        1969-12-31 23:59:59 | 1969
        null | null
        """,
    ),
    cases_of("year")(
        "Of the as-of day (2026-06-30)",
        lambda n: year(as_of() + n),
        """
        n: days | result: integer
        0 | 2026
        185 | 2027
        null | null
        """,
    ),
    cases_of("month")(
        "Of a day",
        lambda day: month(day),
        """
        day: date | result: integer
        2026-06-30 | 6
        1960-12-01 | 12
        null | null
        """,
    ),
    cases_of("month")(
        "Of a moment",
        lambda at: month(at),
        """
        at: instant | result: integer
        2026-01-31 23:59:59 | 1
        null | null
        """,
    ),
    cases_of("month")(
        "Before our era of computers",
        lambda day: month(day),
        """
        day: date | result: integer
        1899-02-28 | 2
        0001-01-01 | 1
        null | null
        """,
    ),
    cases_of("day_of_month")(
        "Of a day",
        lambda day: day_of_month(day),
        """
        day: date | result: integer
        2026-06-30 | 30
        2024-02-29 | 29
        1960-01-01 | 1
        null | null
        """,
    ),
    cases_of("day_of_month")(
        "Of a moment",
        lambda at: day_of_month(at),
        """
        at: instant | result: integer
        2026-06-30 00:00:00 | 30
        1960-06-30 23:59:59.999999 | 30
        null | null
        """,
    ),
    cases_of("day_of_month")(
        "Paid on the 20th",
        lambda day: day_of_month(day),
        """
        day: date | result: integer
        2026-06-20 | 20
        2026-06-21 | 21
        null | null
        """,
    ),
    cases_of("iso_weekday")(
        "Monday is 1, Sunday 7",
        lambda day: iso_weekday(day),
        """
        day: date | result: integer
        2026-06-29 | 1
        2026-07-04 | 6
        2026-07-05 | 7
        1970-01-01 | 4
        1969-12-28 | 7
        0001-01-01 | 1
        9999-12-31 | 5
        null | null
        """,
    ),
    cases_of("iso_weekday")(
        "Of a moment",
        lambda at: iso_weekday(at),
        """
        at: instant | result: integer
        2026-07-05 23:59:59 | 7
        2026-07-06 00:00:00 | 1
        null | null
        """,
    ),
    cases_of("iso_weekday")(
        "A leap day",
        lambda day: iso_weekday(day),
        """
        day: date | result: integer
        2024-02-29 | 4
        null | null
        """,
    ),
    cases_of("hour")(
        "Of a moment",
        lambda at: hour(at),
        """
        at: instant | result: integer
        2026-06-30 00:00:00 | 0
        2026-06-30 20:30:00 | 20
        2026-06-30 23:59:59.999999 | 23
        null | null
        """,
    ),
    cases_of("hour")(
        "The summer time that Shanghai had in 1986 moves nothing",
        lambda at: hour(at),
        """
        at: instant | result: integer
        1986-05-04 02:30:00 | 2
        1986-09-14 01:30:00 | 1
        null | null
        """,
    ),
    cases_of("hour")(
        "Before 1970",
        lambda at: hour(at),
        """
        at: instant | result: integer
        1960-01-01 01:00:00 | 1
        1927-12-31 23:59:59.999999 | 23
        null | null
        """,
    ),
    cases_of("date_of")(
        "The natural day",
        lambda at: date_of(at),
        """
        at: instant | result: date
        2026-06-30 00:00:00 | 2026-06-30
        2026-06-30 23:59:59.999999 | 2026-06-30
        null | null
        """,
    ),
    cases_of("date_of")(
        "In summer time",
        lambda at: date_of(at),
        """
        at: instant | result: date
        1986-05-04 00:30:00 | 1986-05-04
        1991-04-14 00:00:00 | 1991-04-14
        null | null
        """,
    ),
    cases_of("date_of")(
        "Before 1970",
        lambda at: date_of(at),
        """
        at: instant | result: date
        1969-12-31 23:59:59.999999 | 1969-12-31
        0001-01-01 00:00:00 | 0001-01-01
        null | null
        """,
    ),
    cases_of("days_between")(
        "There and back",
        lambda a, b: days_between(a, b),
        """
        a: date | b: date | result: days
        2026-01-31 | 2026-02-01 | 1
        2026-02-01 | 2026-01-31 | -1
        2024-02-28 | 2024-03-01 | 2
        2026-01-01 | 2026-01-01 | 0
        null | 2026-01-01 | null
        2026-01-01 | null | null
        """,
    ),
    cases_of("days_between")(
        "Until the as-of day (2026-06-30)",
        lambda day: days_between(day, as_of()),
        """
        day: date | result: days
        2026-05-31 | 30
        null | null
        """,
    ),
    cases_of("days_between")(
        "Until the fourth working day after the as-of day, over a weekend (6 July)",
        lambda day: days_between(day, working_day(4)),
        """
        day: date | result: days
        2026-07-03 | 3
        2026-07-06 | 0
        null | null
        """,
    ),
    cases_of("days_between")(
        "Over all years",
        lambda a, b: days_between(a, b),
        """
        a: date | b: date | result: days
        0001-01-01 | 9999-12-31 | 3652058
        1900-02-28 | 1900-03-01 | 1
        null | null | null
        """,
    ),
    cases_of("months_between")(
        "A month is full when its day number is reached",
        lambda a, b: months_between(a, b),
        """
        a: date | b: date | result: months
        2026-01-15 | 2026-02-14 | 0
        2026-01-15 | 2026-02-15 | 1
        2025-06-30 | 2026-06-30 | 12
        2026-01-01 | 2026-01-31 | 0
        null | 2026-02-15 | null
        2026-01-15 | null | null
        """,
    ),
    cases_of("months_between")(
        "Or when the month ends on an earlier day",
        lambda a, b: months_between(a, b),
        """
        a: date | b: date | result: months
        2026-01-31 | 2026-02-28 | 1
        2026-01-30 | 2026-02-28 | 1
        2024-01-31 | 2024-02-28 | 0
        2024-01-31 | 2024-02-29 | 1
        2026-01-31 | 2026-04-30 | 3
        2026-02-28 | 2026-03-28 | 1
        2026-02-28 | 2026-03-27 | 0
        null | null | null
        """,
    ),
    cases_of("months_between")(
        "Backwards it is the negative",
        lambda a, b: months_between(a, b),
        """
        a: date | b: date | result: months
        2026-02-28 | 2026-01-31 | -1
        2026-02-14 | 2026-01-15 | 0
        2026-02-15 | 2026-01-15 | -1
        null | 2026-01-15 | null
        """,
    ),
    cases_of("years_between")(
        "An age",
        lambda born, day: years_between(born, day),
        """
        born: date | day: date | result: years
        2008-07-01 | 2026-06-30 | 17
        2008-06-30 | 2026-06-30 | 18
        2008-06-30 | 2008-06-30 | 0
        null | 2026-06-30 | null
        """,
    ),
    cases_of("years_between")(
        "Born on a leap day",
        lambda born, day: years_between(born, day),
        """
        born: date | day: date | result: years
        2008-02-29 | 2026-02-27 | 17
        2008-02-29 | 2026-02-28 | 18
        null | 2026-02-28 | null
        """,
    ),
    cases_of("years_between")(
        "Backwards, towards zero",
        lambda a, b: years_between(a, b),
        """
        a: date | b: date | result: years
        2026-06-30 | 2025-07-31 | 0
        2026-06-30 | 2025-06-30 | -1
        2026-06-30 | null | null
        """,
    ),
    cases_of("add_months")(
        "The corresponding day, or the last of the month",
        lambda day, n: add_months(day, n),
        """
        day: date | n: months | result: date
        2026-01-15 | 1 | 2026-02-15
        2026-01-31 | 1 | 2026-02-28
        2024-01-31 | 1 | 2024-02-29
        2026-02-28 | 1 | 2026-03-28
        2026-03-31 | -1 | 2026-02-28
        2026-12-31 | 2 | 2027-02-28
        2026-01-01 | -13 | 2024-12-01
        null | 1 | null
        2026-01-31 | null | null
        """,
    ),
    cases_of("add_months")(
        "Beyond the years 1 to 9999 is unknown",
        lambda day, n: add_months(day, n),
        """
        day: date | n: months | result: date
        9999-11-30 | 1 | 9999-12-30
        9999-12-01 | 1 | null
        0001-01-31 | -1 | null
        2026-01-31 | 9223372036854775807 | null
        2026-01-31 | -9223372036854775808 | null
        2026-01-31 | 2147483647 | null
        null | 0 | null
        """,
    ),
    cases_of("add_months")(
        "A constant number",
        lambda day: add_months(day, 12),
        """
        day: date | result: date
        2024-02-29 | 2025-02-28
        2025-03-01 | 2026-03-01
        null | null
        """,
    ),
    cases_of("month_start")(
        "Of a day",
        lambda day: month_start(day),
        """
        day: date | result: date
        2026-06-30 | 2026-06-01
        2026-06-01 | 2026-06-01
        1969-12-31 | 1969-12-01
        null | null
        """,
    ),
    cases_of("month_start")(
        "Of a moment",
        lambda at: month_start(at),
        """
        at: instant | result: date
        2026-06-30 23:59:59.999999 | 2026-06-01
        null | null
        """,
    ),
    cases_of("month_start")(
        "The first month of all",
        lambda day: month_start(day),
        """
        day: date | result: date
        0001-01-31 | 0001-01-01
        null | null
        """,
    ),
    cases_of("month_end")(
        "Of a day",
        lambda day: month_end(day),
        """
        day: date | result: date
        2026-02-01 | 2026-02-28
        2024-02-29 | 2024-02-29
        2026-12-01 | 2026-12-31
        null | null
        """,
    ),
    cases_of("month_end")(
        "Of a moment",
        lambda at: month_end(at),
        """
        at: instant | result: date
        2026-06-01 00:00:00 | 2026-06-30
        null | null
        """,
    ),
    cases_of("month_end")(
        "The last month of all",
        lambda day: month_end(day),
        """
        day: date | result: date
        9999-12-01 | 9999-12-31
        null | null
        """,
    ),
)
