"""One winner per conversion, by rule, and shares that add up."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quanke.customers.graph.attribution import NEVER, Consents, attribute
from quanke.customers.graph.kinds import BY_NAME, CODES
from quanke.customers.graph.rules import GraphRules, SplitRule, rules_on
from tests.graph.small_graph import NOW, Link, Small, random_small

SEEDS = st.integers(0, 2**32 - 1)
EPOCH = dt.date(1970, 1, 1)
DEFAULT = SplitRule()


def won(small: Small, opened: dict[int, int], split: SplitRule = DEFAULT) -> list[dict[str, object]]:
    days = np.full(len(small.kinds), NEVER, np.int32)
    for customer, day in opened.items():
        days[customer] = NOW + day
    proved = np.arange(len(days)) % 2 == 0
    return attribute(small.arrays(), small.person, days, proved, split).to_pylist()


def best(links: list[Link], body: str) -> Link | None:
    """The winner among links, by the rule as it is told."""
    return min(links, key=lambda k: (-k.since, -k.strength, getattr(k, body), CODES[k.kind]), default=None)


@settings(max_examples=80, deadline=None)
@given(SEEDS)
def test_winners_equal_a_plain_search(seed: int) -> None:
    small = random_small(seed, links=150)
    draw = np.random.default_rng(seed)
    opened = {n: int(draw.integers(-300, 1)) for n in range(len(small.kinds)) if draw.random() < 0.8}
    got = {row["customer"]: row for row in won(small, opened, SplitRule(7_000, 3_000))}
    for customer, day in opened.items():
        if small.kinds[customer] != "person":
            assert customer not in got
            continue
        mine = [
            k
            for k in small.links
            if (member := BY_NAME[k.kind].member)
            and (k.second if member == 2 else k.first) == customer
            and small.kinds[k.first if member == 2 else k.second] != "person"
            and k.held(day)
        ]
        # the number that breaks ties is the body's, whichever end it stands at
        turned = [
            (
                k,
                Link(
                    k.first if BY_NAME[k.kind].member == 2 else k.second,
                    customer,
                    k.kind,
                    k.since,
                    k.until,
                    k.strength,
                ),
            )
            for k in mine
        ]
        winner = best([t for _, t in turned], "first")
        row = got.get(customer)
        if winner is None:
            assert row is None
            continue
        assert row is not None
        assert (row["body"], row["link"]) == (winner.first, winner.kind)
        above = best(
            [k for k in small.links if k.kind == "supervises" and k.second == winner.first and k.held(day)],
            "first",
        )
        assert row["government"] == (None if above is None else above.first)
        assert row["government_share"] == (0 if above is None else 3_000)
        assert row["body_share"] + row["government_share"] == 10_000
        assert row["opened_on"] == EPOCH + dt.timedelta(NOW + day)
        assert row["consent_proved"] == (customer % 2 == 0)


def test_the_latest_link_wins_then_the_strongest_then_the_smallest() -> None:
    kinds = ["person", "business", "business", "business"]
    early = Link(1, 0, "employs", since=-50)
    weak = Link(2, 0, "employs", since=-10, strength=0.5)
    strong = Link(3, 0, "pays_wages", since=-10)
    assert won(Small(kinds, [early, weak, strong]), {0: -5})[0]["body"] == 3
    assert won(Small(kinds, [early, weak]), {0: -5})[0]["body"] == 2
    assert won(Small(kinds, [early, weak]), {0: -20})[0]["body"] == 1
    assert won(Small(kinds, [early]), {0: -60}) == []
    equal = [Link(3, 0, "employs"), Link(2, 0, "employs")]
    assert won(Small(kinds, equal), {0: 0})[0]["body"] == 2


@given(st.integers(-(10**12), 10**12), st.integers(0, 10_000), st.booleans())
def test_a_split_adds_up_to_the_fen(amount: int, government: int, has: bool) -> None:
    business, given_away = SplitRule(10_000 - government, government).parts(amount, has)
    assert business + given_away == amount
    assert given_away == 0 if not has else abs(given_away) <= abs(amount)


def test_a_split_that_does_not_add_up_is_refused() -> None:
    assert SplitRule(7_000, 3_000).parts(100_01, True) == (70_01, 30_00)
    assert SplitRule().parts(999, True) == (999, 0)
    with pytest.raises(ValueError):
        SplitRule(7_000, 4_000)


def test_consent_is_that_of_the_day() -> None:
    consents = Consents(*(np.array(c, np.int32) for c in ([0, 1, 1], [10, 10, 30], [20, 20, 40])))
    assert consents.held(np.array([10, 25, 15], np.int32)).tolist() == [True, False, False]
    assert consents.held(np.array([20, 35, NEVER], np.int32)).tolist() == [False, True, False]


def test_rules_have_a_date() -> None:
    sets = (GraphRules(since=dt.date(1900, 1, 1)), GraphRules(since=dt.date(2027, 1, 1), wage_months=12))
    assert rules_on(dt.date(2026, 12, 31), sets).wage_months == 6
    assert rules_on(dt.date(2027, 1, 1), sets).wage_months == 12
    assert rules_on(dt.date(1800, 1, 1), sets).wage_months == 6
