"""Arms: exact shares, the same whatever the order, moved by nobody else, every unit with the planned
chance."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from quanke.effects.groups import Arm, assign_arms
from quanke.kernel.errors import EffectError
from quanke.segments import salted_hash

TWO = (Arm("control", 200_000), Arm("treated", 800_000))
THREE = (Arm("call", 350_000), Arm("control", 150_000), Arm("sms", 500_000))

AUDIENCES = st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 6)), min_size=1, max_size=300,
                     unique_by=lambda pair: pair[0])  # fmt: skip


def test_by_hand() -> None:
    """Ten customers of one stratum, a fifth kept: the two with the smallest hashes."""
    customers = np.arange(10)
    found = assign_arms(customers, TWO, "by hand")
    smallest = np.argsort(salted_hash(customers, "by hand"))[:2]
    assert sorted(np.flatnonzero(found.arm == 0)) == sorted(smallest)
    assert [arm.name for arm in found.arms] == ["control", "treated"]
    assert found.counts() == {"control": 2, "treated": 8}
    assert found.rank[smallest].tolist() == [0, 1]
    assert set(found.size.tolist()) == {10}


@given(AUDIENCES, st.text("ab 2026中", max_size=8), st.sampled_from([TWO, THREE]))
def test_shares_are_exact(audience: list[tuple[int, int]], salt: str, arms: tuple[Arm, ...]) -> None:
    """Of everybody and of each stratum, an arm has its share up to one unit (up to two where it is parted
    from what another has left); ranks say who."""
    customers, strata = (np.array(each) for each in zip(*audience, strict=True))
    found = assign_arms(customers, arms, salt, strata, least=0)
    for number, arm in enumerate(found.arms):
        one = 1 if number == 0 or len(arms) == 2 else 2
        mine = found.arm == number
        assert abs(mine.sum() - len(customers) * arm.share_ppm / 1e6) < one
        for stratum in np.unique(strata):
            within = strata == stratum
            assert abs((mine & within).sum() - within.sum() * arm.share_ppm / 1e6) < one
    for stratum in np.unique(strata):
        within = strata == stratum
        assert sorted(found.rank[within]) == list(range(within.sum()))
        # in the order of the hash the arms follow each other without a gap
        assert (np.diff(found.arm[within][np.argsort(found.rank[within])]) >= 0).all()


@given(AUDIENCES, st.randoms(use_true_random=False))
def test_the_order_does_not_matter(audience: list[tuple[int, int]], random: object) -> None:
    shuffled = list(audience)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    arms = []
    for each in (audience, shuffled):
        customers, strata = (np.array(column) for column in zip(*each, strict=True))
        found = assign_arms(customers, THREE, "order", strata, least=0)
        arms.append(dict(zip(customers.tolist(), found.arm.tolist(), strict=True)))
    assert arms[0] == arms[1]


@given(AUDIENCES, st.integers(1, 200))
def test_customers_elsewhere_move_nobody_but_the_odd_one(audience: list[tuple[int, int]], more: int) -> None:
    """Others who come into another stratum leave hash and rank alone, and change at most the odd unit."""
    customers, strata = (np.array(column) for column in zip(*audience, strict=True))
    before = assign_arms(customers, TWO, "elsewhere", strata, least=0)
    others = np.arange(10**8, 10**8 + more)
    after = assign_arms(
        np.concatenate([customers, others]),
        TWO,
        "elsewhere",
        np.concatenate([strata, np.full(more, 99)]),
        least=0,
    )
    kept = slice(0, len(customers))
    assert (before.hash == after.hash[kept]).all()
    assert (before.rank == after.rank[kept]).all()
    for stratum in np.unique(strata):
        assert (before.arm != after.arm[kept])[strata == stratum].sum() <= 1


def test_strata_of_one_have_the_planned_chance() -> None:
    """Largest remainders would never keep a customer who stands alone in his stratum; here a fifth are kept,
    and none is settled beforehand."""
    customers = np.arange(1_000)
    kept = np.zeros(1_000)
    for salt in range(200):
        found = assign_arms(customers, TWO, f"alone {salt}", customers)
        assert found.counts()["control"] == 200
        kept += found.arm == 0
    assert kept.min() > 0
    assert kept.max() < 200
    assert abs(kept.mean() - 40) < 1e-9
    # each is kept as a fair coin of one in five would: the spread over customers is binomial
    assert 0.8 < kept.var() / (200 * 0.2 * 0.8) < 1.2
    assert binomtest(int(kept[:100].sum()), 20_000, 0.2).pvalue > 0.001


def test_posts_are_dealt_out_by_their_codes() -> None:
    posts = [f"P{number:06d}" for number in range(40)]
    found = assign_arms(posts, (Arm("control", 500_000), Arm("treated", 500_000)), "posts", ["B1", "B2"] * 20)
    assert found.counts() == {"control": 20, "treated": 20}
    assert Counter(zip(["B1", "B2"] * 20, found.arm.tolist(), strict=True))["B1", 0] == 10


def test_two_salts_are_independent() -> None:
    customers = np.arange(20_000)
    one, other = (assign_arms(customers, TWO, salt, customers % 7).arm == 0 for salt in ("one", "other"))
    assert one.sum() == other.sum() == 4_000
    # hypergeometric: mean 800, standard deviation about 22.6
    assert abs((one & other).sum() - 800) < 4 * 22.6


@pytest.mark.parametrize(
    ("arms", "said"),
    [
        ((Arm("treated", 1_000_000),), "at least two arms"),
        ((Arm("a", 500_000), Arm("b", 500_000)), "one of them 'control'"),
        ((Arm("control", 500_000), Arm("control", 500_000)), "different names"),
        ((Arm("control", 0), Arm("treated", 1_000_000)), "above zero"),
        ((Arm("control", 200_000), Arm("treated", 700_000)), "together the whole"),
    ],
)
def test_arms_that_are_no_plan(arms: tuple[Arm, ...], said: str) -> None:
    with pytest.raises(EffectError, match=said):
        assign_arms(np.arange(10), arms, "s")


def test_too_few_and_twice() -> None:
    with pytest.raises(EffectError, match="arm control would have 2 units"):
        assign_arms(np.arange(10), TWO, "s", least=3)
    with pytest.raises(EffectError, match="twice"):
        assign_arms(np.array([1, 1, 2]), TWO, "s")
