"""What cannot be met is named: impossible alone, possible without any one of it; and how to give way."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from quanke.kernel.errors import AllocationError
from quanke.plans import Limit, allocate, contradiction
from tests.plans.instances import bounds, instance, programmed, uses

QUIET = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))


def relaxed(limits: list[Limit], error: AllocationError, n: int) -> list[Limit]:
    """The limits as the error says they would have to be."""
    found = []
    for limit in limits:
        _, low, high = bounds(limit, n)
        low, high = low.copy(), high.copy()
        for name, row, which, amount in error.relaxation:
            # a capacity is a bank's hard word
            assert which == "at_least" and amount > 0
            if name == limit.name:
                low[row] -= amount
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


def rhythm(seed: int, n: int, due: int, **more: object) -> tuple[np.ndarray, list[Limit]]:
    """Calls, visits and texts; to some of the customers a call or a visit is due; managers have minutes."""
    draw = np.random.default_rng(seed)
    who = np.full(n, -1)
    who[draw.permutation(n)[:due]] = np.arange(due)
    values = (draw.random((n, 4)) * [4, 3, 8, 1]).astype(np.float32)
    values[who >= 0, 1] = -40
    return values, [
        Limit("minutes", 400.0, np.array([8, 8, 0, 40]), draw.integers(0, 5, n)),
        Limit("rhythm", None, np.array([1, 1, 0, 1]), who, np.ones(due), **more),  # type: ignore[arg-type]
    ]


@pytest.mark.parametrize("room", [0.0, 60.0])
def test_a_capacity_is_never_raised_for_a_rhythm(room: float) -> None:
    """Fewer calls than are due: who loses least by it waits; the conflict is as many rows as there is room
    for, and one."""
    values, limits = rhythm(1, 4_000, 160)
    calls = Limit("calls", room, np.array([1, 1, 0, 1]))
    with pytest.raises(AllocationError) as raised:
        allocate(values, [*limits, calls])
    error = raised.value
    assert {bound[:1] + bound[2:] for bound in error.relaxation} == {("rhythm", "at_least", 1.0)}
    assert len(error.relaxation) == 160 - room
    assert ("calls", 0, "capacity") in error.conflict
    assert len({b for b in error.conflict if b[0] == "rhythm"}) == room + 1 == len(error.conflict) - 1
    many = f"{160 - room:.0f} rows of 'rhythm' ("
    assert f"the nearest way out is to lower at_least of {many}" in str(error)
    if room:
        assert f"what {room + 1:.0f} rows of 'rhythm' (" in str(error)
    # who is let go loses least of all: beside a text, what a call or a visit is worth to him
    group = np.asarray(limits[1].group)
    best = values[:, [0, 1, 3]].max(axis=1) - values[:, 2]
    lost = np.empty(160)
    lost[group[group >= 0]] = best[group >= 0]
    gone = np.zeros(160, bool)
    gone[[row for _, row, _, _ in error.relaxation]] = True
    assert room == 0 or lost[gone].sum() <= np.sort(lost)[: int(gone.sum())].sum() + 1e-3
    again = allocate(values, [*relaxed(limits, error, 4_000), calls])
    assert again.gap < 0.01 and again.use["calls"][0] <= room


def test_the_lowest_priorities_wait() -> None:
    """As many as have to, of the lowest priority first, whatever they are worth."""
    level = np.arange(160) % 4
    values, limits = rhythm(2, 4_000, 160, priority=level)
    calls = Limit("calls", 60.0, np.array([1, 1, 0, 1]))
    with pytest.raises(AllocationError) as raised:
        allocate(values, [*limits, calls])
    gone = np.array([row for _, row, _, _ in raised.value.relaxation])
    assert np.bincount(level[gone], minlength=4).tolist() == [40, 40, 20, 0]


def lexical(values: np.ndarray, limits: list[Limit], eligible: np.ndarray, k: int) -> list[float]:
    """What minima lack at least, by priority from the highest on, by HiGHS."""
    n, actions = values.shape
    customer, action = np.nonzero(eligible)
    columns = np.arange(len(customer))
    parts = [sparse.csr_matrix((np.ones(len(columns)), (customer, columns)), (n, len(columns)))]
    lows, highs, level = [np.full(n, -np.inf)], [np.full(n, float(k))], [np.full(n, -1)]
    for limit in limits:
        group, low, high = bounds(limit, n)
        some = group[customer] >= 0
        use = uses(limit, n, actions)[customer, action]
        at = (group[customer][some], columns[some])
        parts.append(sparse.csr_matrix((use[some], at), (len(low), len(columns))))
        lows, highs = [*lows, low], [*highs, high]
        level.append(np.broadcast_to(limit.priority, len(low)))
    matrix, low, high = sparse.vstack(parts), np.concatenate(lows), np.concatenate(highs)
    levels = np.concatenate(level)
    give = np.flatnonzero(low > 0)
    slack = sparse.csr_matrix((np.ones(len(give)), (give, np.arange(len(give)))), (len(low), len(give)))
    rows = [LinearConstraint(sparse.hstack([matrix, slack]), low, np.inf)]
    rows.append(LinearConstraint(sparse.hstack([matrix, 0 * slack]), -np.inf, high))
    top = np.concatenate([np.ones(len(columns)), np.full(len(give), np.inf)])
    whole = np.concatenate([np.ones(len(columns)), np.zeros(len(give))])
    told = []
    for one in np.unique(levels[give])[::-1]:
        cost = np.concatenate([np.zeros(len(columns)), levels[give] == one])
        found = milp(cost, integrality=whole, bounds=Bounds(0, top), constraints=rows)
        told.append(float(found.fun))
        rows.append(LinearConstraint(cost[None, :], -np.inf, found.fun + 1e-7))
    return told


@given(st.integers(0, 10_000), st.integers(10, 30), st.integers(1, 2))
@QUIET
def test_what_gives_way_is_least_by_priority(seed: int, n: int, k: int) -> None:
    """What those of the highest priority lack is least, then what the next lack: as HiGHS has it."""
    values, limits, eligible = instance(seed, n, 4)
    draw = np.random.default_rng(seed)
    floors = np.asarray(limits[3].at_least) + draw.integers(0, 9, 3)
    limits[3] = replace(limits[3], at_least=floors, priority=draw.integers(0, 3, 3))
    limits[5] = replace(limits[5], priority=draw.integers(0, 3, len(limits[5].at_least)))
    if programmed(values, limits, eligible, k) is not None:
        return
    with pytest.raises(AllocationError) as raised:
        allocate(values, limits, eligible, k)
    known = {x.name: np.broadcast_to(x.priority, len(bounds(x, n)[1])) for x in limits}
    low = {x.name: bounds(x, n)[1] for x in limits}
    levels = np.unique([p for x in limits for p in known[x.name][low[x.name] > 0]])[::-1]
    given_way = dict.fromkeys(levels.tolist(), 0.0)
    for name, row, which, amount in raised.value.relaxation:
        assert which == "at_least"
        given_way[int(known[name][row])] += amount
    assert list(given_way.values()) == pytest.approx(lexical(values, limits, eligible, k), abs=1e-5)


def test_too_much_for_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without one, a plan that was nearly found gives way: never a capacity, the lowest priorities first."""
    level = np.arange(160) % 4
    values, limits = rhythm(3, 2_000, 160, priority=level)
    calls = Limit("calls", 90.0, np.array([1, 1, 0, 1]))
    monkeypatch.setattr(contradiction, "COLUMNS", 0)
    with pytest.raises(AllocationError, match="not known to contradict") as raised:
        allocate(values, [*limits, calls])
    gone = np.array([row for _, row, _, _ in raised.value.relaxation])
    assert (np.bincount(level[gone], minlength=4)[2:] == 0).all() and 70 <= len(gone) <= 80
    again = allocate(values, [*relaxed(limits, raised.value, 2_000), calls])
    assert again.use["calls"][0] <= 90


def test_thousands_are_owed_what_there_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is owed the same is alike: a small program, and still a smallest set."""
    monkeypatch.setattr(contradiction, "COLUMNS", 3_000)
    values, limits = rhythm(4, 8_000, 3_000)
    limits[0] = replace(limits[0], capacity=None)
    calls = Limit("calls", 1_200.0, np.array([1, 1, 0, 1]))
    with pytest.raises(AllocationError) as raised:
        allocate(values, [*limits, calls])
    assert len(raised.value.relaxation) == 1_800 and len(raised.value.conflict) == 1_202
    assert {b[2] for b in raised.value.relaxation} == {"at_least"}


def test_a_priority_is_a_whole_number() -> None:
    with pytest.raises(AllocationError, match="'x': priority is one whole number, or one for each of 1 rows"):
        allocate(np.ones((2, 3)), Limit("x", 1, np.ones(3), priority=0.5))
