"""Many rows made one value per customer."""

from __future__ import annotations

from decimal import Decimal

from quanke.language import (
    count,
    distinct,
    distinct_days,
    facts,
    largest,
    latest,
    mean,
    smallest,
    some,
    to_rate,
    total,
)
from tests.spec.cases.facts import facts_case

tx, held, contacts, events = facts.transactions, facts.holdings, facts.contacts, facts.channel_events

MOVEMENTS = """
    customer | date       | direction | amount | kind
    1        | 2026-06-01 | in        | 100.00 | salary
    1        | 2026-06-10 | out       | 30.00  | card_payment
    1        | 2026-06-30 | in        | 5.50   | transfer
    2        | 2026-06-30 | out       | 7.00   | fee
    3        | 2026-07-01 | in        | 900.00 | salary
"""
VALUES = """
    customer | date       | value  | cost   | units
    1        | 2026-06-01 | 1.00   | 0.50   | 1.5
    1        | 2026-06-02 | null   | 0.25   | 0.25
    1        | 2026-06-03 | 0.05   | null   | null
    2        | 2026-06-01 | null   | null   | null
    3        | 2026-06-01 | -0.01  | 1.00   | 0.000001
    3        | 2026-06-02 | 0.00   | 1.00   | 0.000002
    3        | 2026-06-03 | 0.02   | 1.00   | 0.000002
"""

CASES = (
    facts_case(
        "sum",
        "Of the rows for which the condition is true; 0 where there is none",
        lambda: {"all": total(tx.amount), "into": total(tx.amount).where(tx.direction == "in")},
        """
        customer | all    | into
        1        | 135.50 | 105.50
        2        | 7.00   | 0.00
        3        | 0.00   | 0.00
        4        | 0.00   | 0.00
        """,
        transactions=MOVEMENTS,
    ),
    facts_case(
        "sum",
        "Unknown values are passed over",
        lambda: {"value": total(held.value), "units": total(held.units)},
        """
        customer | value | units
        1        | 1.05  | 1.75
        2        | 0.00  | 0
        3        | 0.01  | 0.000005
        """,
        holdings=VALUES,
    ),
    facts_case(
        "sum",
        "Of an expression over the fields of a row",
        lambda: total(held.value - held.cost),
        """
        customer | value
        1        | 0.50
        2        | 0.00
        3        | -2.99
        """,
        holdings=VALUES,
    ),
    facts_case(
        "sum",
        "Rates that come to a trillion or more are unknown",
        lambda: total(held.units),
        """
        customer | value
        1        | null
        2        | 999999999999.999999
        """,
        holdings="""
        customer | date       | units
        1        | 2026-06-01 | 999999999999.999999
        1        | 2026-06-02 | 0.000001
        2        | 2026-06-01 | 999999999999.999999
        """,
    ),
    facts_case(
        "sum",
        "Sums pass beyond 64 bits on their way, if they come back",
        lambda: total(held.value),
        """
        customer | value
        1        | 92,233,720,368,547,758.06
        """,
        loud="spark",
        holdings="""
        customer | date       | value
        1        | 2026-06-01 | 92,233,720,368,547,758.07
        1        | 2026-06-02 | 92,233,720,368,547,758.07
        1        | 2026-06-03 | -92,233,720,368,547,758.08
        """,
    ),
    facts_case(
        "count",
        "Rows, and rows that meet a condition; an unknown condition is not met",
        lambda: {"all": count(contacts), "answered": count(contacts).where(contacts.connected)},
        """
        customer | all | answered
        1        | 3   | 1
        2        | 0   | 0
        """,
        contacts="""
        customer | date       | means | connected
        1        | 2026-06-01 | call  | true
        1        | 2026-06-01 | call  | false
        1        | 2026-06-02 | visit | null
        2        | 2026-07-01 | call  | true
        """,
    ),
    facts_case(
        "min",
        "The smallest known amount, the first text by code points, the first day",
        lambda: {
            "value": smallest(held.value),
            "product": smallest(held.product_id),
            "ends": smallest(held.matures_on),
        },
        """
        customer | value | product | ends
        1        | -1.00 | "B"     | 2026-01-31
        2        | null  | "￿"     | null
        3        | null  | null    | null
        """,
        holdings="""
        customer | date       | product_id | value | matures_on
        1        | 2026-06-01 | a          | 1.00  | null
        1        | 2026-06-01 | B          | -1.00 | 2026-12-31
        1        | 2026-06-02 | é          | null  | 2026-01-31
        2        | 2026-06-01 | 𠮷         | null  | null
        2        | 2026-06-01 | ￿          | null  | null
        """,
    ),
    facts_case(
        "max",
        "The greatest known amount, the last text by code points, the last day",
        lambda: {
            "value": largest(held.value),
            "product": largest(held.product_id),
            "ends": largest(held.matures_on).where(held.value > 0),
        },
        """
        customer | value | product | ends
        1        | 1.00  | "é"     | null
        2        | null  | "𠮷"    | null
        3        | null  | null    | null
        """,
        holdings="""
        customer | date       | product_id | value | matures_on
        1        | 2026-06-01 | a          | 1.00  | null
        1        | 2026-06-01 | B          | -1.00 | 2026-12-31
        1        | 2026-06-02 | é          | null  | 2026-01-31
        2        | 2026-06-01 | 𠮷         | null  | null
        2        | 2026-06-01 | ￿          | null  | null
        """,
    ),
    facts_case(
        "max",
        "Of conditions: true is above false",
        lambda: {"some": largest(contacts.connected), "all": smallest(contacts.connected)},
        """
        customer | some  | all
        1        | true  | false
        2        | false | false
        3        | null  | null
        """,
        contacts="""
        customer | date       | connected
        1        | 2026-06-01 | true
        1        | 2026-06-01 | false
        2        | 2026-06-01 | false
        3        | 2026-06-01 | null
        """,
    ),
    facts_case(
        "mean",
        "Money is rounded half away from zero to the minor unit; unknown values do not count",
        lambda: mean(held.value),
        """
        customer | value
        1        | 0.53
        2        | null
        3        | 0.00
        4        | -0.02
        """,
        holdings=VALUES
        + """
    4        | 2026-06-01 | -0.01  | null   | null
    4        | 2026-06-02 | -0.02  | null   | null
""",
    ),
    facts_case(
        "mean",
        "Whole numbers give a rate of six places",
        lambda: mean(contacts.seconds),
        """
        customer | value
        1        | 0.666667
        2        | -0.5
        3        | null
        """,
        contacts="""
        customer | date       | seconds
        1        | 2026-06-01 | 0
        1        | 2026-06-01 | 1
        1        | 2026-06-01 | 1
        1        | 2026-06-01 | null
        2        | 2026-06-01 | -1
        2        | 2026-06-01 | 0
        3        | 2026-06-01 | null
        """,
    ),
    facts_case(
        "mean",
        "Rates are rounded half away from zero",
        lambda: mean(held.units),
        """
        customer | value
        1        | 0.875
        2        | null
        3        | 0.000002
        4        | -0.000002
        5        | 999999999999.999999
        """,
        holdings=VALUES
        + """
    4        | 2026-06-01 | null   | null   | -0.000001
    4        | 2026-06-02 | null   | null   | -0.000002
    5        | 2026-06-01 | null   | null   | 999999999999.999999
    5        | 2026-06-02 | null   | null   | 999999999999.999999
""",
    ),
    facts_case(
        "mean",
        "Of amounts whose sum does not fit 64 bits",
        lambda: mean(held.value),
        """
        customer | value
        1        | 92,233,720,368,547,758.07
        2        | -92,233,720,368,547,758.08
        """,
        loud="spark",
        holdings="""
        customer | date       | value
        1        | 2026-06-01 | 92,233,720,368,547,758.07
        1        | 2026-06-02 | 92,233,720,368,547,758.06
        2        | 2026-06-01 | -92,233,720,368,547,758.08
        2        | 2026-06-02 | -92,233,720,368,547,758.07
        """,
    ),
    facts_case(
        "last",
        "The known value of the last row; on that day, the greatest",
        lambda: {"kind": latest(tx.kind), "amount": latest(tx.amount), "memo": latest(tx.memo)},
        """
        customer | kind     | amount | memo
        1        | transfer | 40.00  | "b"
        2        | null     | null   | null
        """,
        transactions="""
        customer | date       | amount | kind   | memo
        1        | 2026-06-01 | 90.00  | salary | "z"
        1        | 2026-06-10 | 40.00  | fee    | null
        1        | 2026-06-10 | 3.00   | transfer | null
        1        | 2026-06-09 | 50.00  | tax    | "b"
        1        | 2026-07-01 | 99.00  | other  | "later"
        """,
    ),
    facts_case(
        "last",
        "Of rows that meet a condition",
        lambda: latest(tx.day).where(tx.direction == "in"),
        """
        customer | value
        1        | 2026-06-30
        2        | null
        3        | null
        """,
        transactions=MOVEMENTS,
    ),
    facts_case(
        "any",
        "Whether the condition is true for any row; false where there is none, never unknown",
        lambda: {"salary": some(tx.kind == "salary"), "note": some(tx.memo == "x")},
        """
        customer | salary | note
        1        | true   | false
        2        | false  | false
        3        | false  | false
        4        | false  | false
        """,
        transactions=MOVEMENTS,
    ),
    facts_case(
        "distinct",
        "Different known values",
        lambda: {"kinds": distinct(tx.kind), "amounts": distinct(tx.amount).where(tx.amount > 6)},
        """
        customer | kinds | amounts
        1        | 3     | 2
        2        | 1     | 1
        3        | 0     | 0
        """,
        transactions=MOVEMENTS,
    ),
    facts_case(
        "distinct",
        "Rates, days and conditions too; unknown is not a value",
        lambda: {
            "rates": distinct(to_rate(contacts.seconds) / Decimal("2.0")),
            "days": distinct(contacts.day),
            "answers": distinct(contacts.connected),
        },
        """
        customer | rates | days | answers
        1        | 1     | 2    | 2
        2        | 0     | 1    | 0
        """,
        contacts="""
        customer | date       | seconds | connected
        1        | 2026-06-01 | 3       | true
        1        | 2026-06-02 | 3       | false
        1        | 2026-06-02 | null    | null
        2        | 2026-06-02 | null    | null
        """,
    ),
    facts_case(
        "distinct_days",
        "On how many days there is a row that meets the condition",
        lambda: {
            "all": distinct_days(events),
            "app": distinct_days(events).where(events.channel == "mobile"),
        },
        """
        customer | all | app
        1        | 2   | 1
        2        | 0   | 0
        """,
        channel_events="""
        customer | date       | channel
        1        | 2026-06-01 | mobile
        1        | 2026-06-01 | mobile
        1        | 2020-01-01 | branch
        2        | 2026-07-01 | mobile
        """,
    ),
)
