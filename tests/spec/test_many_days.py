"""Different days of a long window are more than a byte counts: counts of masks are bytes, and are added."""

from __future__ import annotations

import datetime as dt

import pytest

from quanke.engines.spark.session import why_no_spark
from quanke.language import days, distinct_days, facts
from tests.spec.banks import Bank, InDuckDB, InMemory, InSpark
from tests.spec.cases.facts import facts_case

LAST = dt.date(2026, 6, 30)
SPARK = pytest.mark.skipif(bool(why_no_spark()), reason=why_no_spark() or "Spark is there")


@pytest.mark.parametrize(
    "bank",
    [InMemory(), InDuckDB(), pytest.param(InSpark(), marks=SPARK)],
    ids=lambda bank: bank.name,
)
def test_every_day_of_a_year_is_counted(bank: Bank) -> None:
    rows = [f"1 | {LAST - dt.timedelta(days=ago)}" for ago in range(0, 370)]
    case = facts_case(
        "window",
        "Every day of a year",
        lambda: {
            "some": distinct_days(facts.transactions).within(days(200)),
            "year": distinct_days(facts.transactions).within(days(365)),
        },
        "customer | some | year\n1 | 200 | 365\n2 | 0 | 0",
        transactions="\n".join(["customer | date", *rows, *rows]),
    )
    assert bank.values(case) == {"some": {1: 200, 2: 0}, "year": {1: 365, 2: 0}}
