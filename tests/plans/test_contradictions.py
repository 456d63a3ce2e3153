"""What cannot be met is named: impossible alone, possible without any one of it; and how to give way."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quanke.kernel.errors import AllocationError
from quanke.plans import Limit, allocate, contradiction
from tests.plans.instances import bounds, instance, programmed

QUIET = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))


def relaxed(limits: list[Limit], error: AllocationError, n: int) -> list[Limit]:
    """The limits as the error says they would have to be."""
    found = []
    for limit in limits:
        _, low, high = bounds(limit, n)
        low, high = low.copy(), high.copy()
        for name, row, which, amount in error.relaxation:
            if name == limit.name and which == "at_least":
                low[row] -= amount
            elif name == limit.name:
                high[row] += amount
        found.append(replace(limit, at_least=low, capacity=high))
    return found


def others(
    limits: list[Limit], conflict: tuple[tuple[str, int, str], ...], n: int
) -> list[tuple[str, int, str]]:
    """Every bound that is not in the conflict."""
    every = []
    for limit in limits:
        _, low, high = bounds(limit, n)
        every += [(limit.name, r, "at_least") for r in range(len(low))]
        every += [(limit.name, r, "capacity") for r in range(len(high))]
    return [bound for bound in every if bound not in conflict]


@given(st.integers(0, 10_000), st.integers(5, 30), st.integers(2, 5), st.integers(1, 2))
@QUIET
def test_a_conflict_is_irreducible_and_its_relaxation_enough(seed: int, n: int, actions: int, k: int) -> None:
    values, limits, eligible = instance(seed, n, actions)
    draw = np.random.default_rng(seed)
    floors = np.asarray(limits[3].at_least) + draw.integers(0, 9, 3)
    limits[3] = replace(limits[3], at_least=floors)
    if programmed(values, limits, eligible, k) is not None:
        assert allocate(values, limits, eligible, k).gap < 1e-6
        return
    with pytest.raises(AllocationError) as raised:
        allocate(values, limits, eligible, k)
    error = raised.value
    assert "contradict" in str(error) and error.conflict
    outside = others(limits, error.conflict, n)
    assert programmed(values, limits, eligible, k, outside) is None
    for one in error.conflict:
        assert programmed(values, limits, eligible, k, [*outside, one]) is not None
    assert allocate(values, relaxed(limits, error, n), eligible, k).gap < 1e-6
    again = pickle.loads(pickle.dumps(error))
    assert (again.conflict, again.relaxation) == (error.conflict, error.relaxation)


def test_the_sentence_says_it() -> None:
    group = np.arange(30) // 10
    limits = [
        Limit("minutes", 20.0, np.array([5, 5, 10, 10]), group),
        Limit("branch", None, np.ones(4), group, np.array([0, 6, 2.0])),
        Limit("sms", 3.0, np.array([1, 0, 0, 0])),
    ]
    says = (
        "the limits contradict each other: what 'branch' row 1 wants at least cannot be had within the "
        "capacity of 'minutes' row 1; the nearest way out is to lower at_least of 'branch' row 1 by 2"
    )
    with pytest.raises(AllocationError) as raised:
        allocate(np.ones((30, 4)), limits, k=2)
    assert str(raised.value) == says


def test_who_may_be_given_nothing_cannot_be_contacted() -> None:
    eligible = np.ones((30, 4), bool)
    eligible[3] = False
    with pytest.raises(
        AllocationError, match="'rhythm' row 3 wants at least is more than anybody may be given"
    ):
        allocate(np.ones((30, 4)), [Limit("rhythm", None, np.ones(4), np.arange(30), 1.0)], eligible)


@pytest.mark.parametrize("everybody", [False, True])
def test_a_contradiction_among_thousands(everybody: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by a dual with worthless actions, and told by a small program of the customers concerned."""
    monkeypatch.setattr(contradiction, "COLUMNS", 3_000)
    draw = np.random.default_rng(0)
    n = 6_000
    group, need = draw.integers(0, 20, n), np.full(20, 150.0)
    need[7] = 240
    limits = [
        Limit("minutes", 1000.0, np.array([5, 5, 10, 10]), group),
        Limit("branch", None, np.ones(4), group, need),
        Limit("all", 2_500.0 if everybody else None, np.ones(4)),
    ]
    with pytest.raises(AllocationError) as raised:
        allocate(draw.random((n, 4)), limits, k=2)
    error = raised.value
    if not everybody:
        assert set(error.conflict) == {("branch", 7, "at_least"), ("minutes", 7, "capacity")}
        assert error.relaxation == (("branch", 7, "at_least", 40.0),)
    asked = {bound for bound in error.conflict if bound[2] == "at_least"}
    assert asked and len(error.conflict) > len(asked)
    assert allocate(draw.random((n, 4)), relaxed(limits, error, n), k=2).gap < 0.02
