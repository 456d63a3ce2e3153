"""Comparisons."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from quanke.language import as_of
from tests.spec.cases.scalars import cases_of

equal, not_equal, less = cases_of("equal"), cases_of("not_equal"), cases_of("less")
at_most, greater, at_least = cases_of("at_most"), cases_of("greater"), cases_of("at_least")
one_of = cases_of("one_of")

CASES = (
    equal(
        "Money; a bare number is in major units",
        lambda a: a == 50_000,
        """
        a: money | result: boolean
        50,000.00 | true
        500.00 | false
        null | null
        """,
    ),
    equal(
        "Text, exactly: case, blanks and accents count",
        lambda a, b: a == b,
        """
        a: text | b: text | result: boolean
        "深圳" | "深圳" | true
        "a" | "A" | false
        "a" | "a " | false
        "" | "" | true
        "\\u00e9" | "e\\u0301" | false
        null | null | null
        "a" | null | null
        """,
    ),
    equal(
        "Yes and no",
        lambda a, b: a == b,
        """
        a: boolean | b: boolean | result: boolean
        true | true | true
        true | false | false
        null | false | null
        """,
    ),
    equal(
        "A whole number and a rate",
        lambda n, r: n == r,
        """
        n: integer | r: rate | result: boolean
        2 | 2 | true
        2 | 2.000001 | false
        1000000000000 | 1 | null
        null | 2 | null
        """,
    ),
    not_equal(
        "Text",
        lambda a: a != "深圳",
        """
        a: text | result: boolean
        "深圳" | false
        "东莞" | true
        null | null
        """,
    ),
    not_equal(
        "Days",
        lambda a, b: a != b,
        """
        a: date | b: date | result: boolean
        2026-01-31 | 2026-01-31 | false
        2026-01-31 | 2026-02-01 | true
        2026-01-31 | null | null
        """,
    ),
    not_equal(
        "Rates",
        lambda a, b: a != b,
        """
        a: rate | b: rate | result: boolean
        0.5 | 0.5 | false
        0.5 | 0.500001 | true
        null | null | null
        """,
    ),
    less(
        "Text by code points",
        lambda a, b: a < b,
        """
        a: text | b: text | result: boolean
        "Z" | "a" | true
        "a" | "é" | true
        "10" | "9" | true
        "" | "a" | true
        "￿" | "𠮷" | true
        "𠮷" | "￿" | false
        "张" | "张三" | true
        "a" | null | null
        """,
    ),
    less(
        "Days before the as-of day (2026-06-30)",
        lambda day: day < as_of(),
        """
        day: date | result: boolean
        2026-06-29 | true
        2026-06-30 | false
        null | null
        """,
    ),
    less(
        "Whole numbers at the ends of 64 bits",
        lambda a, b: a < b,
        """
        a: integer | b: integer | result: boolean
        -9223372036854775808 | 9223372036854775807 | true
        9223372036854775806 | 9223372036854775807 | true
        9223372036854775807 | 9223372036854775806 | false
        null | 1 | null
        """,
    ),
    at_most(
        "Money",
        lambda a, b: a <= b,
        """
        a: money | b: money | result: boolean
        1.00 | 1.00 | true
        1.00 | 0.99 | false
        null | 1.00 | null
        """,
    ),
    at_most(
        "Moments; a day beside them is its midnight",
        lambda at: at <= dt.date(2026, 6, 30),
        """
        at: instant | result: boolean
        2026-06-29 23:59:59.999999 | true
        2026-06-30 00:00:00 | true
        2026-06-30 00:00:00.000001 | false
        null | null
        """,
    ),
    at_most(
        "Floating-point numbers",
        lambda a, b: a <= b,
        """
        a: number | b: number | result: boolean
        0.1 | 0.1 | true
        -0.0 | 0.0 | true
        0.2 | 0.1 | false
        null | 0.1 | null
        """,
    ),
    greater(
        "Rates",
        lambda r: r > Decimal("0.0275"),
        """
        r: rate | result: boolean
        0.027501 | true
        0.0275 | false
        null | null
        """,
    ),
    greater(
        "A floating-point number and a rate are compared as floating-point numbers",
        lambda x, r: x > r,
        """
        x: number | r: rate | result: boolean
        0.30000000000000004 | 0.3 | true
        0.3 | 0.3 | false
        null | 0.3 | null
        """,
    ),
    greater(
        "Days",
        lambda a, b: a > b,
        """
        a: date | b: date | result: boolean
        2026-01-31 | 2025-12-31 | true
        0001-01-01 | 9999-12-31 | false
        null | 2026-01-31 | null
        """,
    ),
    at_least(
        "The boundary belongs upward",
        lambda a: a >= 50_000,
        """
        a: money | result: boolean
        49,999.99 | false
        50,000.00 | true
        null | null
        """,
    ),
    at_least(
        "Whole numbers",
        lambda a, b: a >= b,
        """
        a: integer | b: integer | result: boolean
        2 | 2 | true
        -1 | 0 | false
        0 | null | null
        """,
    ),
    at_least(
        "Text",
        lambda a, b: a >= b,
        """
        a: text | b: text | result: boolean
        "b" | "a" | true
        "a" | "a" | true
        "A" | "a" | false
        null | "a" | null
        """,
    ),
    one_of(
        "Text",
        lambda a: a.one_of("深圳", "东莞", "it's"),
        """
        a: text | result: boolean
        "深圳" | true
        "东莞" | true
        "it's" | true
        "广州" | false
        "" | false
        null | null
        """,
    ),
    one_of(
        "Money in major units",
        lambda a: a.one_of(100, 200),
        """
        a: money | result: boolean
        100.00 | true
        1.00 | false
        null | null
        """,
    ),
    one_of(
        "Days",
        lambda a: a.one_of(dt.date(2026, 1, 1), dt.date(2026, 10, 1)),
        """
        a: date | result: boolean
        2026-10-01 | true
        2026-10-02 | false
        null | null
        """,
    ),
    one_of(
        "A whole number among rates",
        lambda n: n.one_of(Decimal("1.5"), 2),
        """
        n: integer | result: boolean
        2 | true
        1 | false
        null | null
        """,
    ),
    one_of(
        "Only yes",
        lambda a: a.one_of(True),
        """
        a: boolean | result: boolean
        true | true
        false | false
        null | null
        """,
    ),
)
