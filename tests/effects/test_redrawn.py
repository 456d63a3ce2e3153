"""Where few customers hold most of the money, the arms are drawn again; elsewhere t stands."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from quanke.effects import estimate
from quanke.effects.estimates import redrawn


def test_drawn_again_is_every_draw() -> None:
    """Three of eight customers: the 56 ways to draw them, each as often as the others, with its own t."""
    values = np.array([-5.0, -2, -1, 0, 1, 2, 3, 40])
    values -= values.mean()
    every = []
    for some in combinations(range(8), 3):
        a, b = values[list(some)], np.delete(values, some)
        every.append((a.mean() - b.mean()) / np.sqrt(a.var(ddof=1) / 3 + b.var(ddof=1) / 5))
    drawn = redrawn._draw(values.copy(), np.array([8]), np.array([3]), np.array([1.0]), 56_000, 1)
    for t in np.unique(np.round(every, 9)):
        expected = np.isclose(every, t, atol=1e-8).mean()
        assert np.isclose(drawn, t, atol=1e-8).mean() == pytest.approx(expected, abs=0.006)


def test_drawn_again_within_strata() -> None:
    """Two strata of unequal weight and shares: mean 0, variance near 1, as a studentised difference has."""
    draws = np.random.default_rng(3)
    values = np.concatenate(
        [np.sort(part - part.mean()) for part in (draws.normal(size=300), draws.normal(size=100))]
    )
    drawn = redrawn._draw(
        values, np.array([300, 400]), np.array([240, 20]), np.array([0.75, 0.25]), 20_000, 5
    )
    assert abs(drawn.mean()) < 0.03 and drawn.std() == pytest.approx(1.0, abs=0.05)
    assert np.quantile(drawn, 0.975) == pytest.approx(1.98, abs=0.08)


def test_only_where_means_are_not_yet_normal() -> None:
    draws = np.random.default_rng(4)
    treated = np.arange(1_000) % 5 > 0
    plain = estimate(draws.normal(size=1_000), treated)
    skewed = estimate(draws.lognormal(0, 2, 1_000), treated)
    assert "t with" in plain.method and "drawn again" in skewed.method
    assert "t with" in estimate(draws.lognormal(0, 0.7, 1_000), treated).method
    assert "always-valid" in estimate(draws.lognormal(0, 2, 1_000), treated, sequential=True).method
    posts = np.arange(1_000) % 50
    assert "t with" in estimate(draws.lognormal(0, 2, 1_000), treated, cluster=posts).method


def test_the_seed_decides_and_the_order_of_rows_does_not() -> None:
    draws = np.random.default_rng(5)
    treated, strata = np.arange(600) % 4 > 0, draws.integers(0, 3, 600)
    y = draws.lognormal(0, 2, 600)
    found = estimate(y, treated, strata=strata)
    assert found == estimate(y, treated, strata=strata, seed=0)
    other = estimate(y, treated, strata=strata, seed=1)
    assert (found.effect, found.se) == (other.effect, other.se) and found.low != other.low
    assert other.low == pytest.approx(found.low, abs=0.3 * found.se)
    order = draws.permutation(600)
    moved = estimate(y[order], treated[order], strata=strata[order])
    assert (moved.low, moved.high) == (pytest.approx(found.low), pytest.approx(found.high))
    scaled = estimate(100 * y, treated, strata=strata)
    assert (scaled.low, scaled.high) == (pytest.approx(100 * found.low), pytest.approx(100 * found.high))


def test_interval_and_p_agree() -> None:
    draws = np.random.default_rng(6)
    treated = np.arange(300) % 4 > 0
    for shift in np.linspace(0, 6, 25):
        found = estimate(draws.lognormal(0, 2, 300) + shift * treated, treated)
        assert found.significant == (found.low > 0 or found.high < 0)


def test_it_holds_the_truth_where_t_does_not() -> None:
    """Six hundred customers of whom a few hold most, one in seven in control, as a bank's campaign has it."""
    draws = np.random.default_rng(7)
    money = draws.lognormal(10, 2.2, 600)
    held = by_t = 0
    for _ in range(600):
        treated = draws.permutation(600) < 510
        found = estimate(money, treated)
        held += found.low <= 0 <= found.high
        by_t += abs(found.effect) <= 1.98 * found.se
    assert 0.93 <= held / 600 <= 0.97
    assert by_t / 600 < 0.93
