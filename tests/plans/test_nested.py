"""Minima of branches under one capacity of the same actions: prices of both fall and rise together."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quanke.plans import Limit, Plan, allocate
from tests.plans.instances import kept

QUIET = settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
SHARES = (1.0, 1.02, 1.1, 1.25, 1.4)


def nested(seed: int) -> tuple[np.ndarray, list[Limit]]:
    """Texts of which branches want more than they would have of themselves, and minutes of managers, of whom
    one has three customers worth a thousand others and time for two: his price is far from all others."""
    draw = np.random.default_rng(seed)
    n, branches = int(draw.integers(2_000, 4_000)), int(draw.integers(10, 40))
    values = (np.exp(draw.normal(0, 1, (n, 1))) * draw.random((n, 10)) * 100).astype(np.float32)
    values[: n // 20] *= 100
    values[:, :3] *= 0.6
    values[:3, 9] = 1e6, 9e5, 5e5
    branch = draw.integers(0, branches, n)
    manager = np.where(draw.random(n) < 0.5, draw.integers(0, 60, n), -1)
    manager[:3] = 7
    floors = draw.integers(0, 9, branches).astype(float)
    floors[0] = 5
    text = np.arange(10) < 3
    return values, [
        Limit(
            "minutes",
            np.where(np.isin(np.arange(60), (7, 30)), 240.0, 2_400.0),
            np.array([0, 0, 0, 0, 8, 12, 15, 20, 40, 120]),
            manager,
        ),
        Limit("remote", 600.0, np.array([0, 0, 0, 7, 3, 0, 0, 0, 0, 0])),
        Limit("share", None, text, branch, floors),
        Limit("texts", float(floors.sum()), text),
    ]


def planned(values: np.ndarray, limits: list[Limit], share: float) -> Plan:
    """The plan with a capacity of so many times what branches want."""
    texts = Limit("texts", np.floor(share * limits[3].capacity), limits[3].use)
    return allocate(values, [*limits[:3], texts])


@given(st.integers(0, 10_000))
@QUIET
def test_a_capacity_over_minima(seed: int) -> None:
    """Plans near their bounds, both rising with the capacity."""
    values, limits = nested(seed)
    plans = [planned(values, limits, share) for share in SHARES]
    for share, plan in zip(SHARES, plans, strict=True):
        texts = Limit("texts", np.floor(share * limits[3].capacity), limits[3].use)
        found = kept(plan.chosen, values, [*limits[:3], texts], np.ones(values.shape, bool), 1)
        assert found == pytest.approx(plan.value)
        assert plan.gap < 0.005, (share, plan.gap)
    for tight, wide in itertools.pairwise(plans):
        assert wide.bound >= tight.bound * (1 - 5e-4)
        assert wide.value >= tight.value * (1 - 5e-4)
