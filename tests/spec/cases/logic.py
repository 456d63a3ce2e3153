"""Three-valued logic, choices and bands."""

from __future__ import annotations

import datetime as dt

from quanke.language import band, coalesce, when
from tests.spec.cases.scalars import cases_of

both, either, opposite = cases_of("both"), cases_of("either"), cases_of("opposite")
is_null, coalesce_, case, band_ = (
    cases_of("is_null"),
    cases_of("coalesce"),
    cases_of("case"),
    cases_of("band"),
)

CASES = (
    both(
        "The whole truth table",
        lambda a, b: a & b,
        """
        a: boolean | b: boolean | result: boolean
        true | true | true
        true | false | false
        true | null | null
        false | true | false
        false | false | false
        false | null | false
        null | true | null
        null | false | false
        null | null | null
        """,
    ),
    both(
        "A range: the lower bound belongs to it, the upper does not",
        lambda a: a.between(50_000, 200_000),
        """
        a: money | result: boolean
        49,999.99 | false
        50,000.00 | true
        199,999.99 | true
        200,000.00 | false
        null | null
        """,
    ),
    both(
        "With a constant",
        lambda a: a & True,
        """
        a: boolean | result: boolean
        true | true
        false | false
        null | null
        """,
    ),
    either(
        "The whole truth table",
        lambda a, b: a | b,
        """
        a: boolean | b: boolean | result: boolean
        true | true | true
        true | false | true
        true | null | true
        false | true | true
        false | false | false
        false | null | null
        null | true | true
        null | false | null
        null | null | null
        """,
    ),
    either(
        "Of comparisons, one of them unknown",
        lambda a, b: (a >= 100) | (b >= 100),
        """
        a: money | b: money | result: boolean
        100.00 | null | true
        99.00 | null | null
        99.00 | 99.00 | false
        """,
    ),
    either(
        "With a constant",
        lambda a: a | False,
        """
        a: boolean | result: boolean
        true | true
        false | false
        null | null
        """,
    ),
    opposite(
        "Unknown stays unknown",
        lambda a: ~a,
        """
        a: boolean | result: boolean
        true | false
        false | true
        null | null
        """,
    ),
    opposite(
        "Known",
        lambda a: a.is_known(),
        """
        a: text | result: boolean
        "" | true
        null | false
        """,
    ),
    opposite(
        "Of a comparison: not the other comparison where a value is unknown, but the same",
        lambda a: ~(a < 0),
        """
        a: money | result: boolean
        0.00 | true
        -0.01 | false
        null | null
        """,
    ),
    is_null(
        "Money",
        lambda a: a.is_null(),
        """
        a: money | result: boolean
        0.00 | false
        null | true
        """,
    ),
    is_null(
        "Empty text is known",
        lambda a: a.is_null(),
        """
        a: text | result: boolean
        "" | false
        null | true
        """,
    ),
    is_null(
        "Of a result",
        lambda a, b: (a / b).is_null(),
        """
        a: money | b: money | result: boolean
        1.00 | 2.00 | false
        1.00 | 0.00 | true
        null | 2.00 | true
        """,
    ),
    coalesce_(
        "The first that is known",
        lambda a, b, c: coalesce(a, b, c),
        """
        a: text | b: text | c: text | result: text
        "x" | "y" | "z" | "x"
        null | "" | "z" | ""
        null | null | "z" | "z"
        null | null | null | null
        """,
    ),
    coalesce_(
        "A default in major units",
        lambda a: a.otherwise(100),
        """
        a: money | result: money
        0.00 | 0.00
        null | 100.00
        """,
    ),
    coalesce_(
        "Yes and no",
        lambda a: a.otherwise(False),
        """
        a: boolean | result: boolean
        true | true
        false | false
        null | false
        """,
    ),
    coalesce_(
        "A whole number becomes a rate beside a rate",
        lambda n, r: coalesce(n, r),
        """
        n: integer | r: rate | result: rate
        2 | 0.5 | 2
        null | 0.5 | 0.5
        null | null | null
        """,
    ),
    case(
        "The first condition that is true; an unknown condition is not true",
        lambda a: when(a >= 50_000, "core").when(a >= 0, "online").otherwise(None),
        """
        a: money | result: text
        50,000.00 | "core"
        49,999.99 | "online"
        -0.01 | null
        null | null
        """,
    ),
    case(
        "Values are not looked at unless chosen: an unknown one does no harm",
        lambda c, a, b: when(c, a).otherwise(b),
        """
        c: boolean | a: money | b: money | result: money
        true | 1.00 | null | 1.00
        false | null | 2.00 | 2.00
        null | 1.00 | 2.00 | 2.00
        true | null | 2.00 | null
        """,
    ),
    case(
        "Whole numbers beside rates become rates",
        lambda c, r: when(c, 1).otherwise(r),
        """
        c: boolean | r: rate | result: rate
        true | 0.5 | 1
        false | 0.5 | 0.5
        null | null | null
        """,
    ),
    case(
        "Yes and no",
        lambda c, d: when(c, d).otherwise(True),
        """
        c: boolean | d: boolean | result: boolean
        true | false | false
        true | null | null
        null | false | true
        """,
    ),
    band_(
        "Bands of money: a boundary belongs upward",
        lambda a: band(a, [50_000, 200_000, 1_000_000]),
        """
        a: money | result: integer
        -1.00 | 0
        49,999.99 | 0
        50,000.00 | 1
        200,000.00 | 2
        999,999.99 | 2
        1,000,000.00 | 3
        null | null
        """,
    ),
    band_(
        "Bands of rates",
        lambda r: band(r, [0, 1]),
        """
        r: rate | result: integer
        -0.000001 | 0
        0 | 1
        0.999999 | 1
        1 | 2
        null | null
        """,
    ),
    band_(
        "Bands of days",
        lambda day: band(day, [dt.date(1980, 1, 1), dt.date(2000, 1, 1)]),
        """
        day: date | result: integer
        1979-12-31 | 0
        1980-01-01 | 1
        2026-06-30 | 2
        null | null
        """,
    ),
    case(
        "Bands with names",
        lambda a: band(a, [50_000, 200_000], ["T0", "T1", "T2"]),
        """
        a: money | result: text
        0.00 | "T0"
        50,000.00 | "T1"
        200,000.00 | "T2"
        null | null
        """,
    ),
)
