"""Everybody gets a post he may go to, no post is overfull by one unit, no bound is above its cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from quanke.books import assign
from quanke.kernel.errors import AssignmentError

QUIET = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def instance(seed: int, customers: int, posts: int, degree: int, loads: bool, slack: float) -> Any:
    """Random edges with a planted assignment, and the capacities it needs times `slack`."""
    rng = np.random.default_rng(seed)
    degree = min(degree, posts)
    post = np.array([rng.choice(posts, degree, replace=False) for _ in range(customers)])
    cost = rng.integers(0, 100, post.shape).astype(float)
    load = rng.integers(1, 6, post.shape).astype(float) if loads else np.ones(post.shape)
    planted = rng.integers(0, degree, customers)
    rows = np.arange(customers)
    used = np.bincount(post[rows, planted], load[rows, planted], minlength=posts)
    table = pa.table(
        {
            "customer": np.repeat(rows, degree),
            "post": post.ravel(),
            "cost": cost.ravel(),
            "load": load.ravel(),
        }
    )
    return table if loads else table.drop_columns(["load"]), np.ceil(used * slack)


def held(table: pa.Table, capacity: np.ndarray, post: np.ndarray) -> float:
    """The cost of an assignment, which is one: everybody on an edge of his, no post overfull."""
    known = {}
    loads = table["load"].to_pylist() if "load" in table.column_names else [1.0] * len(table)
    for c, p, cost, load in zip(
        table["customer"].to_pylist(),
        table["post"].to_pylist(),
        table["cost"].to_pylist(),
        loads,
        strict=True,
    ):
        known[c, p] = cost, load
    used = np.zeros(len(capacity))
    total = 0.0
    for customer, place in enumerate(post.tolist()):
        cost, load = known[customer, place]
        used[place] += load
        total += cost
    assert (used <= capacity).all()
    return total


def linear(table: pa.Table, capacity: np.ndarray, whole: bool) -> float:
    """The least cost by HiGHS: of whole customers, or of shares of them."""
    count, n = len(table), int(np.max(table["customer"].to_numpy())) + 1
    every = np.arange(count)
    loads = table["load"].to_numpy() if "load" in table.column_names else np.ones(count)
    one = sparse.csr_matrix((np.ones(count), (table["customer"].to_numpy(), every)), shape=(n, count))
    use = sparse.csr_matrix((loads, (table["post"].to_numpy(), every)), shape=(len(capacity), count))
    cost = table["cost"].to_numpy()
    if not whole:
        return float(linprog(cost, A_ub=use, b_ub=capacity, A_eq=one, b_eq=np.ones(n), bounds=(0, 1)).fun)
    limits = [LinearConstraint(one, 1, 1), LinearConstraint(use, -np.inf, capacity)]
    found = milp(cost, integrality=np.ones(count), bounds=Bounds(0, 1), constraints=limits)
    return float(found.fun)


@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 8), st.integers(1, 5), st.booleans())
@QUIET
def test_small_assignments_are_the_best_there_are(
    seed: int, customers: int, posts: int, degree: int, loads: bool
) -> None:
    """To the unit those of an integer program (HiGHS)."""
    table, capacity = instance(seed, customers, posts, degree, loads, 1.0)
    found = assign(table, capacity)
    assert held(table, capacity, found.post) == found.cost
    assert found.bound <= found.cost
    assert found.cost == pytest.approx(linear(table, capacity, whole=True))


@pytest.mark.parametrize("slack", [1.0, 1.05, 3.0])
def test_thousands_of_equals_are_placed_to_the_last_unit(slack: float) -> None:
    """Where everybody weighs 1 the linear program's optimum is reached, and proven to a millionth."""
    table, capacity = instance(5, 6_000, 60, 8, False, slack)
    found = assign(table, capacity)
    assert held(table, capacity, found.post) == found.cost
    assert found.cost == pytest.approx(linear(table, capacity, whole=False))
    assert 0 <= found.gap <= 1e-5


@pytest.mark.parametrize("slack", [1.02, 1.2])
def test_customers_of_different_weight(slack: float) -> None:
    table, capacity = instance(6, 6_000, 60, 8, True, slack)
    found = assign(table, capacity)
    assert held(table, capacity, found.post) == found.cost
    least = linear(table, capacity, whole=False)
    assert found.bound <= least * (1 + 1e-9) and found.cost <= least * 1.005
    assert found.gap <= 0.005


@pytest.mark.parametrize("loads", [False, True])
def test_the_order_of_rows_decides_nothing(loads: bool) -> None:
    table, capacity = instance(7, 3_000, 40, 6, loads, 1.1)
    found = assign(table, capacity)
    order = np.random.default_rng(1).permutation(len(table))
    again = assign(table.take(pa.array(order)), capacity)
    assert np.array_equal(found.post, again.post)
    assert (found.cost, found.bound) == (again.cost, again.bound)


@given(st.integers(0, 10_000), st.booleans(), st.integers(0, 19))
@QUIET
def test_room_is_worth_what_it_is_worth(seed: int, loads: bool, post: int) -> None:
    """A roomier post never raises the least cost."""
    table, capacity = instance(seed, 40, 20, 4, loads, 1.0)
    wider = capacity.copy()
    wider[post] += 3
    assert assign(table, wider).cost <= assign(table, capacity).cost


def test_posts_that_cannot_take_everybody_are_named() -> None:
    """Three who may only go to posts 1 and 2, which take one each; post 0 has room enough."""
    table = pa.table(
        {
            "customer": [0, 0, 1, 1, 2, 2, 3, 3],
            "post": [1, 2, 1, 2, 1, 2, 0, 1],
            "cost": [1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 5.0, 1.0],
        }
    )
    with pytest.raises(AssignmentError, match="3 customers may only go to posts 1, 2, which together"):
        assign(table, [10, 1, 1])
    assert assign(table, [10, 2, 1]).post.tolist()[3] == 0


def test_loads_that_fit_nowhere_are_refused() -> None:
    table = pa.table({"customer": [0, 1], "post": [0, 0], "cost": [1.0, 1.0], "load": [2.0, 2.0]})
    with pytest.raises(AssignmentError, match="no assignment"):
        assign(table, [3])


def test_nobody_is_an_answer() -> None:
    none = pa.table(GOOD).slice(0, 0)
    found = assign(none, [1, 2])
    assert len(found.post) == 0 and found.cost == found.bound == found.gap == 0


GOOD = {"customer": [0, 0, 1], "post": [0, 1, 1], "cost": [1.0, 2.0, 3.0], "load": [1.0, 1.0, 2.0]}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"customer": [0, 0, 2]}, "customer 1 has no edge"),
        ({"customer": [0, None, 1]}, "edges row 1: customer is null"),
        ({"customer": [0, 0, -1]}, "edges row 2: customer is below zero"),
        ({"customer": [0.0, 0.0, 1.0]}, "customer is a whole number"),
        ({"post": [0, 2, 1]}, "edges row 1: post is not among the 2 posts"),
        ({"post": [0, 0, 1]}, "edges row 1: the same customer and post stand twice"),
        ({"cost": [1.0, float("nan"), 3.0]}, "edges row 1: cost is not finite"),
        ({"cost": ["a", "b", "c"]}, "cost is no number"),
        ({"load": [1.0, 1.0, -2.0]}, "edges row 2: load is below zero"),
    ],
)
def test_a_wrong_row_is_named(change: dict[str, list[Any]], says: str) -> None:
    with pytest.raises(AssignmentError, match=says):
        assign(pa.table(GOOD | change), [5, 5])


def test_a_column_that_is_missing_and_a_capacity_that_is_none() -> None:
    with pytest.raises(AssignmentError, match="no column 'cost'"):
        assign(pa.table(GOOD).drop_columns(["cost"]), [5, 5])
    with pytest.raises(AssignmentError, match="capacity"):
        assign(pa.table(GOOD), [5, -1])
