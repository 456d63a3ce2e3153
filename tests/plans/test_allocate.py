"""A plan keeps every limit to the unit; its value lies under its bound, the bound over the best there is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse

from quanke.kernel.errors import AllocationError
from quanke.plans import Limit, allocate, allocation, sharpening
from tests.plans.instances import instance, kept, programmed

QUIET = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
SEEDS, SIZES, ACTIONS, AT_MOST = (
    st.integers(0, 10_000),
    st.integers(1, 40),
    st.integers(1, 6),
    st.integers(1, 3),
)


@pytest.fixture
def no_program() -> Iterator[None]:
    """However small, by prices, packing and repair."""
    few, allocation.FEW = allocation.FEW, -1
    yield
    allocation.FEW = few


KINDS = st.sampled_from(["float", "whole", "fraction"])


@given(SEEDS, SIZES, ACTIONS, AT_MOST, KINDS)
@QUIET
def test_small_plans_are_the_best_there_are(seed: int, n: int, actions: int, k: int, kind: str) -> None:
    """To the unit those of an integer program (HiGHS)."""
    values, limits, eligible = instance(seed, n, actions, kind)
    best = programmed(values, limits, eligible, k)
    assert best is not None
    plan = allocate(values, limits, eligible, k)
    assert kept(plan.chosen, values, limits, eligible, k) == pytest.approx(plan.value, rel=1e-12, abs=1e-12)
    assert plan.value == pytest.approx(best, rel=1e-6, abs=1e-6)
    assert plan.value <= plan.bound and plan.gap <= 1e-6


@given(SEEDS, st.integers(20, 60), st.integers(2, 6), AT_MOST, KINDS)
@QUIET
def test_prices_and_repair_lie_between_the_best_and_its_bound(
    no_program: None, seed: int, n: int, actions: int, k: int, kind: str
) -> None:
    """What is found without an integer program keeps the limits, is not above the best plan, and the bound
    is not below it."""
    values, limits, eligible = instance(seed, n, actions, kind)
    best = programmed(values, limits, eligible, k)
    assert best is not None
    plan = allocate(values, limits, eligible, k)
    found = kept(plan.chosen, values, limits, eligible, k)
    assert found == pytest.approx(plan.value, rel=1e-12, abs=1e-12)
    slack = 1e-6 * max(1.0, abs(best))
    assert plan.value <= best + slack and best <= plan.bound + slack


def medium(seed: int = 3, n: int = 4000) -> tuple[np.ndarray, list[Limit]]:
    """Managers, branches with a minimum, two global rows."""
    draw = np.random.default_rng(seed)
    values = (np.exp(draw.normal(0, 0.7, (n, 1))) * draw.random((n, 12)) * 10).astype(np.float32)
    manager = draw.integers(0, 80, n)
    minutes = np.array([0, 0, 0, 0, 5, 5, 10, 10, 15, 15, 30, 45])
    return values, [
        Limit("minutes", 400.0, minutes, manager),
        Limit("branch", None, np.arange(12) % 4 == 3, manager // 10, np.full(8, 260.0)),
        Limit("text", 800.0, np.arange(12) < 2),
        Limit("quota", 700.0, np.arange(12) % 4 == 1),
    ]


def test_thousands_of_customers_are_planned_to_a_fraction_of_a_per_cent() -> None:
    values, limits = medium()
    plan = allocate(values, limits, k=2)
    assert kept(plan.chosen, values, limits, np.ones(values.shape, bool), 2) == pytest.approx(plan.value)
    assert 0 <= plan.gap <= 0.004
    # the room that has a price is taken
    assert plan.prices["text"][0] > 0 and plan.use["text"][0] >= 799
    assert (plan.prices["branch"] <= 0).all() and (plan.use["branch"] >= 260).all()


def test_looking_again_helps_and_harms_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps after the first plan only raise its value and lower its bound."""
    values, (minutes, branch, text, quota) = medium(seed=9, n=1_000)
    limits = [
        Limit("minutes", 47.0, minutes.use, minutes.group),
        Limit("branch", None, branch.use, branch.group, np.full(8, 60.0)),
        Limit("text", 100.0, text.use),
        Limit("quota", 100.0, quota.use),
        Limit("calls", 200.0, np.arange(12) > 3),
    ]
    plan = allocate(values, limits, k=2)
    monkeypatch.setattr(sharpening, "UP_TO", 0)
    first = allocate(values, limits, k=2)
    assert plan.value >= first.value and plan.bound <= first.bound and plan.gap < first.gap
    assert kept(plan.chosen, values, limits, np.ones(values.shape, bool), 2) == pytest.approx(plan.value)


def test_the_order_of_customers_decides_nothing() -> None:
    values, limits = medium()
    n = len(values)
    plan, again = allocate(values, limits, k=2), allocate(values, limits, k=2)
    assert np.array_equal(plan.chosen, again.chosen) and plan.bound == again.bound
    order = np.random.default_rng(1).permutation(n)
    moved = [
        Limit(x.name, x.capacity, x.use, None if x.group is None else x.group[order], x.at_least)
        for x in limits
    ]
    shuffled = allocate(values[order], moved, k=2)
    assert np.array_equal(shuffled.chosen, plan.chosen[order])
    assert (shuffled.value, shuffled.bound) == (plan.value, plan.bound)


def test_sparse_values_are_the_same_plan() -> None:
    """Many actions of which each customer may have a few: what is not stored may not be chosen."""
    draw = np.random.default_rng(4)
    n, actions = 1_500, 400
    allowed = np.zeros((n, actions), bool)
    allowed[np.arange(n)[:, None], draw.integers(0, actions, (n, 6))] = True
    values = np.where(allowed, draw.random((n, actions)) + 0.1, 0)
    cost, group = draw.integers(1, 9, (n, actions)), draw.integers(0, 30, n)
    limits = [
        Limit("quota", 200.0, np.arange(actions) % 3 == 0),
        Limit("budget", 180.0, sparse.csr_matrix(np.where(allowed, cost, 0)), group),
    ]
    plan = allocate(sparse.csr_matrix(values), limits, k=2)
    dense = allocate(values, limits, allowed, k=2)
    for found in (plan, dense):
        assert kept(found.chosen, values, limits, allowed, 2) == pytest.approx(found.value)
        assert found.gap < 0.02
    assert plan.value <= dense.bound + 1e-9 and dense.value <= plan.bound + 1e-9


def test_rhythm_floors_by_the_thousand() -> None:
    """Every third customer has to be contacted: kept with the customer, whatever the room is worth."""
    values, limits = medium()
    n = len(values)
    must = np.where(np.arange(n) % 3 == 0, np.arange(n), -1)
    contact = np.arange(12) >= 2
    rhythm = Limit("rhythm", None, contact, must, 1.0)
    plan = allocate(values - 6, [*limits[:1], rhythm], k=2)
    held = np.isin(plan.chosen, np.flatnonzero(contact)).sum(axis=1)
    assert (held[must >= 0] >= 1).all() and plan.gap <= 0.01
    assert kept(plan.chosen, values - 6, [limits[0], rhythm], np.ones(values.shape, bool), 2)
    assert np.isnan(plan.prices["rhythm"]).all() and plan.use["rhythm"][0] >= 1
    # nobody else is given what is worth less than nothing
    worth = np.where(plan.chosen >= 0, np.take_along_axis(values - 6, np.maximum(plan.chosen, 0), 1), 1)
    assert (worth[must < 0] > 0).all()


@given(SEEDS, st.sampled_from(["minutes", "total", "spent"]), st.integers(0, 2))
@QUIET
def test_a_tighter_limit_never_raises_the_bound(seed: int, name: str, row: int) -> None:
    """And a wider one never lowers it: exact plans, asked anew and by `whatif`."""
    values, limits, eligible = instance(seed, 30, 5)
    plan = allocate(values, limits, eligible, 2)
    at = next(i for i, x in enumerate(limits) if x.name == name)
    wide = np.array(limits[at].capacity, float) + 5
    wider = [*limits[:at], Limit(name, wide, limits[at].use, limits[at].group), *limits[at + 1 :]]
    found, asked = allocate(values, wider, eligible, 2), plan.whatif(name, capacity=wide)
    slack = 1e-8 * max(1.0, abs(plan.bound))
    assert found.bound >= plan.bound - slack and found.value >= plan.value - slack
    assert asked.bound >= plan.bound and asked.value == pytest.approx(found.value, rel=1e-6, abs=1e-6)
    back = asked.whatif(name, capacity=limits[at].capacity)
    assert back.bound <= asked.bound and back.value == pytest.approx(plan.value, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("share", [0.5, 0.9, 1.1, 2.0])
def test_what_if_there_were_more_or_less(share: float) -> None:
    """A plan of thousands: warm from the prices it is as good as anew; bounds keep their order, and what a
    unit of room adds is about its price."""
    values, limits = medium()
    plan = allocate(values, limits, k=2)
    asked = plan.whatif("text", capacity=800.0 * share)
    anew = allocate(values, [*limits[:2], Limit("text", 800.0 * share, limits[2].use), limits[3]], k=2)
    assert asked.gap <= 0.004 and abs(asked.value - anew.value) <= 0.002 * anew.value
    assert asked.change == asked.value - plan.value
    assert (asked.bound <= plan.bound) if share < 1 else (asked.bound >= plan.bound)
    low, high = sorted([plan.prices["text"][0], asked.prices["text"][0]])
    error = (plan.gap + asked.gap) * plan.bound
    assert low * 800 * abs(share - 1) - error <= abs(asked.change) <= high * 800 * abs(share - 1) + error


def test_why_a_customer_was_given_what_he_was() -> None:
    values = np.array([[10.0, 4.0], [9.0, 8.0], [5.0, 1.0]])
    plan = allocate(values, [Limit("seats", 1.0, np.array([1, 0])), Limit("calls", 2.0, np.array([0, 1]))])
    assert plan.chosen.tolist() == [[0], [1], [1]] and plan.value == 19
    lost = plan.reason(2)
    assert lost.wanted == (0,) and [o.action for o in lost.chosen] == [1]
    assert lost.bound_by[0] == ("seats", 0)
    assert lost.runner_up is not None and lost.runner_up.action == 0
    assert lost.told(["seat", "call"], "en").startswith("call (worth 1.00, pays")
    assert "by value alone it would have been seat, kept back by seats row 0" in lost.told(
        ["seat", "call"], "en"
    )
    assert lost.told(["面谈", "电话"]).startswith("给予「电话」（价值 1.00")
    won = plan.reason(0).chosen[0]
    assert won.net == pytest.approx(won.value - won.paid) and won.by_limit[0][0] == "seats"
    with pytest.raises(AllocationError, match="no customer at place 3"):
        plan.reason(3)


def test_what_a_customer_is_owed_is_a_reason() -> None:
    """A call that is due, though a text would be worth more: the runner-up is another call, not the text."""
    values = np.array([[5.0, 3.0, 1.0], [5.0, 3.0, 1.0]])
    rhythm = Limit("rhythm", None, np.array([0, 1, 1]), np.array([0, -1]), 1)
    plan = allocate(values, [rhythm])
    assert plan.chosen.tolist() == [[1], [0]]
    due, free = plan.reason(0), plan.reason(1)
    assert due.owed == ("rhythm",) and due.lost_by == 2 and due.runner_up is not None
    assert due.runner_up.action == 2 and free.owed == () and free.lost_by == 2
    assert "rhythm of his own had to be kept" in due.told(["text", "call", "visit"], "en")


def test_the_smallest_plans() -> None:
    assert allocate(np.zeros((0, 3)), []).chosen.shape == (0, 1)
    assert allocate(np.zeros((4, 0)), [], k=2).value == 0
    nothing = allocate(np.array([[-1.0, 0.0]]), [], k=2)
    assert nothing.chosen.tolist() == [[-1, -1]] and nothing.gap == 0
    both = allocate(np.array([[1.0, 2.0, 3.0]]), [Limit("x", 1.0, np.array([0, 0, 1]))], k=2)
    assert both.chosen.tolist() == [[2, 1]]
    more = allocate(np.array([[1.0, 2.0]]), [], k=4)
    assert more.chosen.tolist() == [[1, 0, -1, -1]]
    forced = allocate(np.array([[-1.0, -5.0]]), [Limit("x", None, np.ones(2), at_least=1)])
    assert forced.chosen.tolist() == [[0]] and forced.value == -1


GOOD = np.ones((2, 3))


@pytest.mark.parametrize(
    ("values", "limit", "says"),
    [
        (np.ones(3), Limit("x", 1, np.ones(3)), "values are numbers, customers x actions"),
        (np.array([[1.0, np.nan]]), Limit("x", 1, np.ones(2)), "values: customer 0: a value is not finite"),
        (GOOD, Limit("x", 1, np.ones(2)), "limit 'x': use has shape"),
        (GOOD, Limit("x", 1, -np.ones(3)), "limit 'x': a use is below zero"),
        (GOOD, Limit("x", 1, np.array(["a", "b", "c"])), "limit 'x': use is no number"),
        (GOOD, Limit("x", [1, -1], np.ones(3), np.array([0, 1])), "limit 'x' row 1: capacity"),
        (
            GOOD,
            Limit("x", [1], np.ones(3), np.array([0, 1])),
            "limit 'x': capacity is one number, or one for each of 2",
        ),
        (GOOD, Limit("x", 1, np.ones(3), np.array([0, -2])), "limit 'x': a group is below -1"),
        (GOOD, Limit("x", 1, np.ones(3), np.array([0.0, 1.0])), "limit 'x': group is one whole number"),
        (GOOD, Limit("", 1, np.ones(3)), "a limit needs a name"),
    ],
)
def test_what_is_wrong_is_named(values: np.ndarray, limit: Limit, says: str) -> None:
    with pytest.raises(AllocationError, match=says):
        allocate(values, limit)


def test_a_minimum_may_be_asked_of_every_row() -> None:
    """As one number it is meant for the rows somebody is under; as an array for every row."""
    group, limit = np.array([0, 0, 2]), Limit("x", np.full(3, 5.0), np.ones(2), np.array([0, 0, 2]))
    plan = allocate(-np.ones((3, 2)), limit)
    assert plan.value == 0 and plan.whatif("x", at_least=1).use["x"].tolist() == [1, 0, 1]
    with pytest.raises(AllocationError, match="'x' row 1 wants at least"):
        allocate(-np.ones((3, 2)), Limit("x", None, np.ones(2), group, np.ones(3)))


def test_other_faults_are_named() -> None:
    limit = Limit("x", 1, np.ones(3))
    with pytest.raises(AllocationError, match="'x' stands twice"):
        allocate(GOOD, [limit, limit])
    with pytest.raises(AllocationError, match="k is a whole number"):
        allocate(GOOD, [limit], k=0)
    with pytest.raises(AllocationError, match="eligible is true or false"):
        allocate(GOOD, [limit], np.ones((2, 2), bool))
    with pytest.raises(AllocationError, match="there is no limit 'y'"):
        allocate(GOOD, [limit]).whatif("y", capacity=2)
