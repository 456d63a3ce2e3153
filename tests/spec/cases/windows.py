"""Which days a window holds, and that nothing after the as-of day is ever seen."""

from __future__ import annotations

from quanke.language import (
    count,
    days,
    distinct_days,
    ever,
    facts,
    largest,
    latest,
    month_to_date,
    months,
    next_days,
    some,
    total,
    year_to_date,
)
from tests.spec.cases.facts import facts_case

tx, accounts, held = facts.transactions, facts.accounts, facts.holdings

DIARY = """
    customer | date       | amount
    1        | 2026-06-30 | 1.00
    1        | 2026-06-29 | 2.00
    1        | 2026-06-01 | 4.00
    1        | 2026-05-31 | 8.00
    1        | 2026-05-01 | 16.00
    1        | 2026-04-30 | 32.00
    1        | 2026-01-01 | 64.00
    1        | 2025-12-31 | 128.00
    1        | 2026-07-01 | 256.00
    2        | 1899-12-31 | 512.00
"""

CASES = (
    facts_case(
        "window",
        "Days: the as-of day is the last of them; `ago` moves them back",
        lambda: {
            "one": total(tx.amount).within(days(1)),
            "two": total(tx.amount).within(days(2)),
            "thirty": total(tx.amount).within(days(30)),
            "before": total(tx.amount).within(days(30, ago=30)),
        },
        """
        customer | one  | two  | thirty | before
        1        | 1.00 | 3.00 | 7.00   | 8.00
        2        | 0.00 | 0.00 | 0.00   | 0.00
        """,
        transactions=DIARY,
    ),
    facts_case(
        "window",
        "Whole calendar months; the month of the as-of day is cut off there",
        lambda: {
            "last": total(tx.amount).within(months(1)),
            "two": total(tx.amount).within(months(2)),
            "before": total(tx.amount).within(months(1, ago=2)),
            "this": total(tx.amount).within(months(1, ago=0)),
            "six": total(tx.amount).within(months(6, ago=0)),
        },
        """
        customer | last  | two   | before | this | six
        1        | 24.00 | 56.00 | 32.00  | 7.00 | 127.00
        """,
        transactions=DIARY,
    ),
    facts_case(
        "window",
        "In the middle of a month",
        lambda: {
            "this": total(tx.amount).within(months(1, ago=0)),
            "month": total(tx.amount).within(month_to_date()),
            "last": total(tx.amount).within(months(1)),
            "year": total(tx.amount).within(year_to_date()),
        },
        """
        customer | this | month | last  | year
        1        | 4.00 | 4.00  | 24.00 | 124.00
        """,
        on="2026-06-28",
        transactions=DIARY,
    ),
    facts_case(
        "window",
        "The month and the year so far; all days so far",
        lambda: {
            "month": total(tx.amount).within(month_to_date()),
            "year": total(tx.amount).within(year_to_date()),
            "ever": total(tx.amount),
        },
        """
        customer | month | year   | ever
        1        | 7.00  | 127.00 | 255.00
        2        | 0.00  | 0.00   | 512.00
        """,
        transactions=DIARY,
    ),
    facts_case(
        "window",
        "The days to come, by another date; rows are seen from their own day on",
        lambda: {
            "week": count(accounts).within(next_days(7, by="matures_on")),
            "month": count(accounts).within(next_days(31, by="matures_on")),
        },
        """
        customer | week | month
        1        | 1    | 3
        2        | 0    | 0
        """,
        accounts="""
        customer | opened_on  | matures_on
        1        | 2026-01-01 | 2026-06-30
        1        | 2026-01-01 | 2026-07-01
        1        | 2026-01-01 | 2026-07-08
        1        | 2026-01-01 | 2026-07-31
        1        | 2026-01-01 | null
        2        | 2026-07-01 | 2026-07-02
        """,
    ),
    facts_case(
        "window",
        "By another date, back: a row without that date is outside",
        lambda: {
            "month": count(accounts).within(days(30, by="closed_on")),
            "ever": count(accounts).within(ever(by="closed_on")),
            "all": count(accounts),
        },
        """
        customer | month | ever | all
        1        | 1     | 3    | 5
        """,
        accounts="""
        customer | opened_on  | closed_on
        1        | 2020-01-01 | 2026-06-30
        1        | 2020-01-01 | 2026-05-31
        1        | 1880-01-01 | 1890-01-01
        1        | 2020-01-01 | 2026-07-01
        1        | 2020-01-01 | null
        1        | 2026-07-01 | 2026-06-30
        """,
    ),
    facts_case(
        "window",
        "The last value, the days and the extremes by another date",
        lambda: {
            "last": latest(accounts.category).within(ever(by="closed_on")),
            "ending": latest(accounts.category).within(next_days(30, by="matures_on")),
            "days": distinct_days(accounts).within(next_days(30, by="matures_on")),
            "limit": largest(accounts.credit_limit).within(next_days(30, by="matures_on")),
            "some": some(accounts.category == "term").within(next_days(30, by="matures_on")),
        },
        """
        customer | last | ending | days | limit | some
        1        | term | wealth | 2    | 7.00  | true
        2        | null | null   | 0    | null  | false
        """,
        accounts="""
        customer | opened_on  | closed_on  | matures_on | category | credit_limit
        1        | 2026-03-01 | null       | 2026-07-10 | fund     | 3.00
        1        | 2026-01-01 | null       | 2026-07-10 | wealth   | null
        1        | 2026-02-01 | null       | 2026-07-05 | term     | 7.00
        1        | 2026-01-01 | 2026-06-02 | null       | term     | 9.00
        1        | 2026-02-01 | 2026-06-01 | null       | wealth   | 9.00
        """,
    ),
    facts_case(
        "window",
        "Different days in a long window",
        lambda: {
            "year": distinct_days(tx).within(days(365)),
            "years": distinct_days(tx).within(days(3660)),
            "ever": distinct_days(tx),
        },
        """
        customer | year | years | ever
        1        | 8    | 8     | 8
        2        | 0    | 0     | 1
        """,
        transactions=DIARY,
    ),
    facts_case(
        "window",
        "The end of February, in a leap year too",
        lambda: {
            "month": total(tx.amount).within(months(1)),
            "so_far": total(tx.amount).within(month_to_date()),
        },
        """
        customer | month | so_far
        1        | 1.00  | 6.00
        """,
        on="2024-02-29",
        transactions="""
        customer | date       | amount
        1        | 2024-01-31 | 1.00
        1        | 2024-02-01 | 2.00
        1        | 2024-02-29 | 4.00
        1        | 2024-03-01 | 8.00
        """,
    ),
    facts_case(
        "window",
        "A value of the row beside its window",
        lambda: total(held.value).where(held.value > held.cost).within(days(10)),
        """
        customer | value
        1        | 5.00
        """,
        holdings="""
        customer | date       | value | cost
        1        | 2026-06-21 | 5.00  | 4.99
        1        | 2026-06-20 | 50.00 | 1.00
        1        | 2026-06-22 | 9.00  | 9.00
        1        | 2026-06-23 | 9.00  | null
        """,
    ),
)
