"""Metrics: one value per group of customers."""

from __future__ import annotations

from quanke.language import (
    Metric,
    Tag,
    count,
    customers,
    distinct,
    earlier,
    facts,
    largest,
    level,
    mean,
    smallest,
    some,
    total,
    when,
    yuan,
)
from quanke.language.definitions import Definition
from tests.spec.cases.facts import facts_case


def _tag(name: str, value: object) -> Tag:
    return Tag(name=name, title_zh=name, title_en=name, value=value)  # type: ignore[arg-type]


def _metric(name: str, value: object) -> Metric:
    return Metric(name=name, title_zh=name, title_en=name, value=value)  # type: ignore[arg-type]


def _bank() -> list[Definition]:
    aum = _tag("aum", level(facts.balances.balance))
    tier = _tag("tier", when(aum >= 50_000, "T1").when(aum > 0, "T0").otherwise(None))
    people = _metric("people", count(customers))
    assets = _metric("assets", total(aum))
    core = _metric("core", count(customers).where(tier == "T1"))
    return [
        aum,
        tier,
        people,
        assets,
        core,
        _metric("share", core / people),
        _metric("each", assets / people),
        _metric("mean", mean(aum)),
        _metric("most", largest(aum).where(customers.city == "深圳")),
        _metric("least", smallest(aum).where(aum > 0)),
        _metric("tiers", distinct(tier)),
        _metric("rich", some(tier == "T1")),
        _metric("none", count(customers).where(tier.is_null())),
    ]


def _growth() -> list[Definition]:
    aum = _tag("aum", level(facts.balances.balance))
    grown = _metric("grown", total(aum - earlier(aum)))
    lost = _metric("lost", count(customers).where((earlier(aum) > 0) & (aum == 0)))
    there = _metric("there", count(customers).where(earlier(aum).is_known()))
    return [aum, grown, lost, there, _metric("loss_rate", lost / there)]


def _one_after_another() -> list[Definition]:
    aum = _tag("aum", level(facts.balances.balance))
    people = _metric("people", count(customers).where(aum > 0))
    per_head = _metric("per_head", total(aum) / people)
    return [aum, people, per_head, _metric("per_head_in_cores", per_head / yuan(50_000))]


BOOK = """
    customer | date       | delta
    1        | 2026-06-01 | 60,000.00
    2        | 2026-06-01 | 10,000.00
    3        | 2026-06-01 | 0.01
"""
TOWNS = """
    customer | city | sex
    1        | 深圳 | F
    2        | 深圳 | M
    3        | 东莞 | F
    4        | null | F
"""

CASES = (
    facts_case(
        "metric",
        "Over everybody",
        _bank,
        """
        people | assets    | core | share | each      | mean      | most      | least | tiers | rich | none
        4      | 70,000.01 | 1    | 0.25  | 17,500.00 | 17,500.00 | 60,000.00 | 0.01  | 2     | true | 1
        """,
        balances=BOOK,
        customers=TOWNS,
    ),
    facts_case(
        "metric",
        "For each group; the unknown are a group of their own",
        _bank,
        """
        group: text | people | assets    | core | share | mean      | most      | least     | rich  | none
        T1          | 1      | 60,000.00 | 1    | 1     | 60,000.00 | 60,000.00 | 60,000.00 | true  | 0
        T0          | 2      | 10,000.01 | 0    | 0     | 5,000.01  | 10,000.00 | 0.01      | false | 0
        null        | 1      | 0.00      | 0    | 0     | 0.00      | null      | null      | false | 1
        """,
        by="tier",
        balances=BOOK,
        customers=TOWNS,
    ),
    facts_case(
        "metric",
        "Beside the comparison night",
        _growth,
        """
        grown     | lost | there | loss_rate
        14,999.00 | 1    | 3     | 0.333333
        """,
        earlier="""
        customer | aum
        1        | 45,000.00
        2        | 10,000.00
        4        | 1.00
        """,
        balances=BOOK,
        customers=TOWNS,
    ),
    facts_case(
        "metric",
        "Without a comparison night",
        _growth,
        """
        grown | lost | there | loss_rate
        0.00  | 0    | 0     | null
        """,
        balances=BOOK,
        customers=TOWNS,
    ),
    facts_case(
        "metric",
        "Metrics that stand on others",
        _one_after_another,
        """
        people | per_head  | per_head_in_cores
        3      | 23,333.34 | 0.466667
        """,
        balances=BOOK,
        customers=TOWNS,
    ),
)
