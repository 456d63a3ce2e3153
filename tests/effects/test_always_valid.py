"""Always-valid intervals: the formula, that looking often is free, and what looking costs without them."""

from __future__ import annotations

from math import exp, log, sqrt

import numpy as np
import pytest

from quanke.effects import estimate
from quanke.effects.estimates import sequences


def test_the_formula() -> None:
    """Theorem 2.2 of Waudby-Smith et al., written out for the mean of t observations."""
    alpha, t, rho = 0.05, 4_000, 0.02
    radius = sqrt(2 * (t * rho**2 + 1) / (t**2 * rho**2) * log(sqrt(t * rho**2 + 1) / alpha))  # variance one
    tightest = (-2 * log(alpha) + log(-2 * log(alpha) + 1)) / rho**2
    found = sequences.always(0.0, t, 0.95, tightest)  # type: ignore[arg-type]
    assert found.up / sqrt(t) == pytest.approx(radius, rel=1e-12)


def test_p_is_that_of_the_mixture_test() -> None:
    """One over the likelihood ratio of N(0, rho^2) over 0; 0.05 exactly where the interval touches zero."""
    n, z = 10_000, 3.5
    at = n * sequences.mixture(0.95, 10_000)
    ratio = exp(z * z * at / (2 * (at + 1))) / sqrt(at + 1)
    assert sequences.always(z, n, 0.95, 10_000).p_value == pytest.approx(1 / ratio)
    edge = sequences.always(0.0, n, 0.95, 10_000).up
    assert sequences.always(edge, n, 0.95, 10_000).p_value == pytest.approx(0.05, rel=1e-9)
    assert sequences.always(float("inf"), n, 0.95, 10_000).p_value == 0.0


def test_tightest_where_named() -> None:
    """In units of one look's standard error, times sqrt(n): nowhere is it tighter for its size than there."""
    reach = [sequences.always(0, n, 0.95, 5_000).up for n in (500, 2_000, 5_000, 20_000, 500_000)]
    assert min(reach) == reach[2] and all(r > 2.5 for r in reach)


def test_estimates_say_so() -> None:
    draws = np.random.default_rng(1)
    y, t = draws.normal(size=4_000), np.arange(4_000) % 2 == 0
    once, always, named = (estimate(y, t, sequential=how) for how in (False, True, 4_000))
    assert (once.effect, once.se) == (always.effect, always.se)
    assert once.high - once.low < named.high - named.low < always.high - always.low
    assert always.always_valid and "always-valid" in always.method and not once.always_valid
    posts = np.arange(4_000) % 80
    assert estimate(y, posts % 2 == 0, cluster=posts, sequential=True).always_valid
    few = estimate(y[:50], t[:50], sequential=True)
    assert any("from about 100 on" in said for said in few.warnings)


def test_looking_every_day_raises_no_false_alarms() -> None:
    """A thousand campaigns without effect, ten to a hundred customers a day, looked at on 60 days: at most
    one in twenty ever alarms, heavy tails and a small control group included; of plain intervals many do."""
    draws = np.random.default_rng(20_260_630)
    always = naive = 0
    count = 1_000
    for number in range(count):
        daily = (10, 30, 100)[number % 3]
        size = 60 * daily + 200
        treated = draws.random(size) < (0.5, 0.8)[number % 2]
        y = draws.lognormal(0, 1, size) if number % 4 < 2 else draws.normal(size=size)
        n = np.arange(200 + daily, size + 1, daily)
        z = _differences(y, treated, n)
        reach = np.array([sequences.always(0.0, int(k), 0.95, sequences.TIGHTEST).up for k in n])
        always += bool((abs(z) > reach).any())
        naive += bool((abs(z) > 1.96).any())
    assert always / count <= 0.05
    assert naive / count > 0.2


def _differences(y: np.ndarray, treated: np.ndarray, looks: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    """Effect over standard error of the first so many customers, at each look."""
    parts = []
    for arm in (treated, ~treated):
        n = np.cumsum(arm)[looks - 1]
        first, second = (np.cumsum(np.where(arm, y**p, 0))[looks - 1] for p in (1, 2))
        parts.append((first / n, (second / n - (first / n) ** 2) / (n - 1)))
    (m1, v1), (m0, v0) = parts
    return np.asarray((m1 - m0) / np.sqrt(v1 + v0))


def test_those_differences_are_ours() -> None:
    """The quick sums of the test above find what `estimate` finds."""
    draws = np.random.default_rng(3)
    y, treated = draws.lognormal(size=900), draws.random(900) < 0.3
    found = estimate(y[:700], treated[:700])
    assert _differences(y, treated, np.array([700]))[0] == pytest.approx(found.effect / found.se, rel=1e-9)
