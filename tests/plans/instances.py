"""Random plans to be made, and what they have to keep, told independently of the kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from quanke.plans import Limit


def instance(
    seed: int, n: int, actions: int, kind: str = "float"
) -> tuple[np.ndarray, list[Limit], np.ndarray]:
    """Values, limits that a plan keeps (one was planted), and who may have what."""
    draw = np.random.default_rng(seed)
    values = draw.normal(3, 3, (n, actions))
    values = np.rint(values * 100) if kind == "whole" else values.astype(np.float32)
    eligible = draw.random((n, actions)) < 0.8
    eligible[:, 0] = True
    part = 0.1 if kind == "fraction" else 1
    planted = np.where(draw.random(n) < 0.7, (draw.random((n, actions)) * eligible).argmax(axis=1), -1)
    some = np.flatnonzero(planted >= 0)
    manager, branch = draw.integers(-1, 4, n), draw.integers(0, 3, n)
    minutes, spent = part * draw.integers(0, 7, actions), part * draw.integers(0, 5, (n, actions))
    offered = (np.arange(actions) % 2 == 0).astype(int)
    held = np.bincount(branch[some], offered[planted[some]], minlength=3)
    limits = [
        Limit("minutes", _held(manager, minutes[planted[some]], some, 4) * 1.05, minutes, manager),
        Limit("total", float(len(some)), np.ones(actions)),
        Limit("spent", _held(branch, spent[some, planted[some]], some, 3), spent, branch),
        Limit("branch", None, offered, branch, np.floor(held * 0.9)),
        Limit("touch", 1.0, np.arange(actions) < 2, np.arange(n)),
        Limit(
            "rhythm",
            None,
            np.ones(actions),
            np.where(planted >= 0, np.arange(n), -1),
            1.0 * (planted >= 0) * (draw.random(n) < 0.3),
        ),
    ]
    return values, limits, eligible


def _held(group: np.ndarray, use: np.ndarray, some: np.ndarray, rows: int) -> np.ndarray:
    inside = group[some] >= 0
    # sums are not exact: a little more
    return np.bincount(group[some][inside], use[inside], minlength=rows) * (1 + 1e-9)


def uses(limit: Limit, n: int, actions: int) -> np.ndarray:
    """The use of a limit customers x actions."""
    use = limit.use.toarray() if sparse.issparse(limit.use) else np.asarray(limit.use, float)
    return np.broadcast_to(use, (n, actions)).astype(float)


def bounds(limit: Limit, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Group by customer, and minimum and capacity by row."""
    group = np.zeros(n, int) if limit.group is None else np.asarray(limit.group)
    rows = max(
        [int(group.max(initial=0)) + 1, *(len(b) for b in (limit.capacity, limit.at_least) if np.ndim(b))]
    )
    low = np.broadcast_to(-np.inf if limit.at_least is None else limit.at_least, rows).astype(float)
    if limit.group is not None and np.ndim(limit.at_least) == 0:
        # one number is meant for the rows somebody is under
        low = np.where(np.bincount(group[group >= 0], minlength=rows) > 0, low, -np.inf)
    high = np.broadcast_to(np.inf if limit.capacity is None else limit.capacity, rows).astype(float)
    return group, low, high


def kept(chosen: np.ndarray, values: np.ndarray, limits: list[Limit], eligible: np.ndarray, k: int) -> float:
    """The value of a plan, which is one: eligible, different, at most k, within every limit to the unit."""
    n, actions = values.shape
    assert chosen.shape == (n, k) and chosen.dtype == np.int16
    taken = np.zeros((n, actions), bool)
    for slot in chosen.T:
        some = np.flatnonzero(slot >= 0)
        assert not taken[some, slot[some]].any(), "an action twice"
        taken[some, slot[some]] = True
    assert not (taken & ~eligible).any()
    for limit in limits:
        group, low, high = bounds(limit, n)
        inside = group >= 0
        used = np.bincount(
            group[inside], (taken * uses(limit, n, actions)).sum(axis=1)[inside], minlength=len(low)
        )
        assert (used <= high).all() and (used >= low).all(), limit.name
    return float(np.where(taken, values.astype(float), 0).sum())


def programmed(
    values: np.ndarray, limits: list[Limit], eligible: np.ndarray, k: int, without: Any = ()
) -> float | None:
    """The greatest value by HiGHS; None where there is no plan. `without`: bounds that are left out."""
    n, actions = values.shape
    customer, action = np.nonzero(eligible)
    columns = np.arange(len(customer))
    rows = [
        LinearConstraint(
            sparse.csr_matrix((np.ones(len(columns)), (customer, columns)), (n, len(columns))), -np.inf, k
        )
    ]
    for limit in limits:
        group, low, high = bounds(limit, n)
        low, high = low.copy(), high.copy()
        for name, row, which in without:
            if name == limit.name:
                (low if which == "at_least" else high)[row] = -np.inf if which == "at_least" else np.inf
        some = group[customer] >= 0
        use = uses(limit, n, actions)[customer, action]
        matrix = sparse.csr_matrix(
            (use[some], (group[customer][some], columns[some])), (len(low), len(columns))
        )
        rows.append(LinearConstraint(matrix, low, high))
    cost = -values[customer, action].astype(float)
    found = milp(
        cost,
        integrality=np.ones(len(cost)),
        bounds=Bounds(0, 1),
        constraints=rows,
        options={"mip_rel_gap": 1e-9},
    )
    return None if found.x is None else -float(found.fun)
