"""Balances out of the change ledger: the level of a day, and the daily mean 日均."""

from __future__ import annotations

from quanke.language import daily_mean, days, facts, level, month_to_date, months, total, year_to_date
from tests.spec.cases.facts import facts_case

book = facts.balances

LEDGER = """
    customer | account | date       | delta    | category | currency
    1        | 10      | 2026-06-16 | 100.00   | demand   | CNY
    2        | 20      | 2026-05-31 | 10.00    | demand   | CNY
    2        | 20      | 2026-06-30 | -10.00   | demand   | CNY
    2        | 21      | 2026-06-30 | 5.00     | fund     | CNY
    3        | 30      | 2026-07-01 | 1.00     | demand   | CNY
    4        | 40      | 2026-06-30 | -0.02    | mortgage | CNY
"""

CASES = (
    facts_case(
        "level",
        "The balance at the end of the as-of day, of all accounts together",
        lambda: {"all": level(book.balance), "funds": level(book.balance).where(book.category == "fund")},
        """
        customer | all    | funds
        1        | 100.00 | 0.00
        2        | 5.00   | 5.00
        3        | 0.00   | 0.00
        4        | -0.02  | 0.00
        5        | 0.00   | 0.00
        """,
        balances=LEDGER,
    ),
    facts_case(
        "level",
        "At the end of another day: yesterday, the end of last month",
        lambda: {
            "yesterday": level(book.balance).within(days(1, ago=1)),
            "month_end": level(book.balance).within(months(1)),
        },
        """
        customer | yesterday | month_end
        1        | 100.00    | 0.00
        2        | 10.00     | 10.00
        4        | 0.00      | 0.00
        """,
        balances=LEDGER,
    ),
    facts_case(
        "level",
        "A late correction is a change with its own day, and a second one that takes it back",
        lambda: {
            "then": level(book.balance).within(days(1, ago=10)),
            "now": level(book.balance),
        },
        """
        customer | then  | now
        1        | 70.00 | 80.00
        """,
        balances="""
        customer | account | date       | delta
        1        | 10      | 2026-06-01 | 50.00
        1        | 10      | 2026-06-25 | 30.00
        1        | 10      | 2026-06-20 | 20.00
        1        | 10      | 2026-06-25 | -20.00
        """,
    ),
    facts_case(
        "daily_mean",
        "Opened on the 16th of a month of 30 days with 100,000: 50,000 (domain.md section 4)",
        lambda: daily_mean(book.balance).within(month_to_date()),
        """
        customer | value
        1        | 50,000.00
        2        | 0.00
        """,
        balances="""
        customer | account | date       | delta
        1        | 10      | 2026-06-16 | 100,000.00
        """,
    ),
    facts_case(
        "daily_mean",
        "A day without a change carries the balance of the day before, also into the window",
        lambda: {
            "thirty": daily_mean(book.balance).within(days(30)),
            "one": daily_mean(book.balance).within(days(1)),
            "year": daily_mean(book.balance).within(year_to_date()),
        },
        """
        customer | thirty | one    | year
        1        | 50.00  | 100.00 | 8.29
        2        | 9.83   | 5.00   | 1.69
        3        | 0.00   | 0.00   | 0.00
        4        | 0.00   | -0.02  | 0.00
        """,
        balances=LEDGER,
    ),
    facts_case(
        "daily_mean",
        "Rounded half away from zero; what is owed is negative",
        lambda: daily_mean(book.balance).within(days(2)),
        """
        customer | value
        1        | 0.02
        2        | -0.02
        3        | 0.01
        4        | -0.01
        """,
        balances="""
        customer | account | date       | delta
        1        | 10      | 2026-06-29 | 0.01
        1        | 10      | 2026-06-30 | 0.01
        2        | 20      | 2026-06-29 | -0.01
        2        | 20      | 2026-06-30 | -0.01
        3        | 30      | 2026-06-30 | 0.01
        4        | 40      | 2026-06-30 | -0.01
        """,
    ),
    facts_case(
        "daily_mean",
        "A window that ended: last month; three whole months; of one category",
        lambda: {
            "may": daily_mean(book.balance).within(months(1)),
            "quarter": daily_mean(book.balance).within(months(3, ago=0)),
            "demand": daily_mean(book.balance).where(book.category == "demand").within(days(30)),
        },
        """
        customer | may  | quarter | demand
        1        | 0.00 | 16.48   | 50.00
        2        | 0.32 | 3.35    | 9.67
        4        | 0.00 | 0.00    | 0.00
        """,
        balances=LEDGER,
    ),
    facts_case(
        "daily_mean",
        "In a night of the past, later changes are not seen",
        lambda: {"mean": daily_mean(book.balance).within(days(30)), "level": level(book.balance)},
        """
        customer | mean | level
        1        | 3.33 | 100.00
        2        | 5.67 | 10.00
        """,
        on="2026-06-16",
        balances=LEDGER,
    ),
    facts_case(
        "level",
        "As part of an expression, beside another table",
        lambda: level(book.balance) - total(facts.transactions.amount),
        """
        customer | value
        1        | 99.00
        2        | 5.00
        5        | -2.50
        """,
        balances=LEDGER,
        transactions="""
        customer | date       | amount
        1        | 2026-06-01 | 1.00
        5        | 2026-06-01 | 2.50
        """,
    ),
)
