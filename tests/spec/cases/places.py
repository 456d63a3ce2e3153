"""Places among customers, other definitions, fields of customers, and the comparison night."""

from __future__ import annotations

from quanke.language import (
    Tag,
    as_of,
    coalesce,
    count,
    customers,
    earlier,
    facts,
    found_by_model,
    graph,
    level,
    portion,
    rank,
    total,
    when,
    years_between,
    yuan,
)
from quanke.language.types import INTEGER, NUMBER, TEXT
from tests.spec.cases.facts import facts_case


def _tag(name: str, value: object) -> Tag:
    return Tag(name=name, title_zh=name, title_en=name, value=value)  # type: ignore[arg-type]


def _places() -> list[Tag]:
    aum = _tag("aum", level(facts.balances.balance))
    known = _tag("known", when(aum > 0, aum).otherwise(None))
    return [
        aum,
        known,
        _tag("place", rank(aum)),
        _tag("up", rank(aum, descending=False)),
        _tag("in_city", rank(known, within=[customers.city])),
        _tag("third", portion(aum, 3)),
        _tag("half_down", portion(known, 2, descending=True)),
    ]


def _moved() -> list[Tag]:
    aum = _tag("aum", level(facts.balances.balance))
    tier = _tag("tier", when(aum >= 50_000, "T1").otherwise("T0"))
    return [
        aum,
        tier,
        _tag("grown", aum - earlier(aum)),
        _tag("moved", tier != earlier(tier)),
        _tag("was_known", earlier(aum).is_known()),
    ]


def _chain() -> list[Tag]:
    turnover = _tag("turnover", total(facts.transactions.amount))
    share = _tag("share", turnover / coalesce(level(facts.balances.balance), 0))
    lively = _tag("lively", (share > 1) & (turnover >= 100))
    return [turnover, share, lively]


HOLDERS = """
    customer | date       | delta
    0        | 2026-06-01 | 50.00
    1        | 2026-06-01 | 70.00
    2        | 2026-06-01 | 50.00
    3        | 2026-06-01 | 0.00
    4        | 2026-06-01 | -5.00
    5        | 2026-06-01 | 90.00
    6        | 2026-06-01 | 50.00
"""

CASES = (
    facts_case(
        "rank",
        "Places from 1, ties by customer number; the unknown have none; groups of their own, the unknown"
        " one included; equal parts",
        _places,
        """
        customer | place | up | in_city | third | half_down
        0        | 3     | 3  | 1       | 1     | 1
        1        | 2     | 6  | 1       | 3     | 1
        2        | 4     | 4  | 2       | 2     | 2
        3        | 6     | 2  | null    | 1     | null
        4        | 7     | 1  | null    | 1     | null
        5        | 1     | 7  | 1       | 3     | 1
        6        | 5     | 5  | 2       | 2     | 2
        """,
        balances=HOLDERS,
        customers="""
        customer | city
        0        | 深圳
        1        | 东莞
        2        | 深圳
        3        | 深圳
        4        | null
        5        | null
        6        | 东莞
        """,
    ),
    facts_case(
        "rank",
        "By text and by a day; parts when there are fewer customers than parts",
        lambda: {
            "by_word": rank(customers.occupation, descending=False),
            "by_age": rank(customers.birth_date, descending=False),
            "tenth": portion(customers.occupation, 10),
        },
        """
        customer | by_word | by_age | tenth
        7        | 3       | 2      | 7
        8        | 2       | 1      | 4
        9        | 1       | null   | 1
        """,
        customers="""
        customer | occupation | birth_date
        7        | 𠮷   | 1990-01-01
        8        | ￿    | 1980-01-01
        9        | 张   | null
        """,
    ),
    facts_case(
        "customers",
        "Fields of the golden customer",
        lambda: {
            "age": years_between(customers.birth_date, as_of()),
            "local": customers.city == "深圳",
            "sources": coalesce(customers.sources, 0),
        },
        """
        customer | age  | local | sources
        1        | 18   | true  | 2
        2        | null | null  | 0
        """,
        customers="""
        customer | birth_date | city | sources
        1        | 2008-06-30 | 深圳 | 2
        2        | null       | null | null
        """,
    ),
    facts_case(
        "customers",
        "What models found; unknown for whom they found nothing",
        lambda: {
            "cluster_now": found_by_model("cluster", TEXT),
            "twice": found_by_model("score", NUMBER) * 2.0,
            "next": found_by_model("place", INTEGER) + 1,
        },
        """
        customer | cluster_now | twice | next
        1        | A     | 1.0   | 8
        2        | null  | null  | null
        """,
        models="""
        customer | cluster: text | score: number | place: integer
        1        | A             | 0.5           | 7
        """,
    ),
    facts_case(
        "customers",
        "What the graph gives a customer; unknown for whom it has nothing",
        lambda: {
            "wealthy_home": graph.household_aum >= yuan(100),
            "covered": graph.employer_people_covered / graph.employer_people_known,
            "alone": graph.household_size == 1,
        },
        """
        customer | wealthy_home | covered | alone
        1        | true         | 0.25    | false
        2        | false        | null    | true
        3        | null         | null    | null
        """,
        graph="""
        customer | household_aum | household_size | employer_people_known | employer_people_covered
        1        | 100.00        | 2              | 4                     | 1
        2        | 99.99         | 1              | null                  | null
        """,
    ),
    facts_case(
        "reference",
        "Definitions that stand on others",
        _chain,
        """
        customer | turnover | share | lively
        1        | 150.00   | 1.5   | true
        2        | 10.00    | 0.2   | false
        3        | 100.00   | null  | null
        4        | 0.00     | null  | false
        """,
        balances="""
        customer | date       | delta
        1        | 2026-06-01 | 100.00
        2        | 2026-06-01 | 50.00
        """,
        transactions="""
        customer | date       | amount
        1        | 2026-06-01 | 150.00
        2        | 2026-06-01 | 10.00
        3        | 2026-06-01 | 100.00
        """,
    ),
    facts_case(
        "reference",
        "The same for everybody",
        lambda: {"seven": as_of() - 7, "rows": count(facts.cards) * 0 + 1},
        """
        customer | seven      | rows
        1        | 2026-06-23 | 1
        2        | 2026-06-23 | 1
        """,
        cards="""
        customer | issued_on
        1        | 2026-01-01
        """,
    ),
    facts_case(
        "earlier",
        "The value of the comparison night; unknown for whoever was not there",
        _moved,
        """
        customer | tier | grown     | moved | was_known
        1        | T1   | 10,000.00 | true  | true
        2        | T0   | 0.00      | false | true
        3        | T0   | null      | null  | false
        4        | T0   | null      | false | false
        """,
        earlier="""
        customer | aum       | tier
        1        | 45,000.00 | T0
        2        | 0.00      | T0
        4        | null      | T0
        9        | 1.00      | T0
        """,
        balances="""
        customer | date       | delta
        1        | 2026-06-01 | 55,000.00
        3        | 2026-06-01 | 1.00
        """,
    ),
    facts_case(
        "earlier",
        "Without a comparison night everything in it is unknown",
        _moved,
        """
        customer | tier | grown | moved | was_known
        1        | T1   | null  | null  | false
        """,
        balances="""
        customer | date       | delta
        1        | 2026-06-01 | 55,000.00
        """,
    ),
)
