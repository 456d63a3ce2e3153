"""Laws that hold for any campaign: order, scale, shift, exchange of arms, one stratum, blocks of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from quanke.effects import Estimate, estimate, estimate_many
from quanke.effects.estimates import passes


@dataclass(frozen=True)
class Campaign:
    y: NDArray[Any]
    treated: NDArray[Any]
    more: dict[str, Any]


@st.composite
def campaigns(draw: st.DrawFn) -> Campaign:
    """A few dozen customers or some hundred, with or without covariates, strata, posts, a denominator."""
    draws = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = draw(st.integers(24, 300))
    treated = draws.random(size) < draw(st.sampled_from([0.2, 0.5, 0.9]))
    treated[:4] = [True, True, False, False]
    x = draws.lognormal(3, draw(st.sampled_from([0.2, 1.5])), (size, draw(st.integers(1, 2))))
    y = x[:, 0] * draws.uniform(0.5, 1.5, size) + 3 * treated
    if draw(st.booleans()):
        y[draws.random(size) < 0.05] = np.nan
        y[:4] = [1.0, 2.0, 3.0, 5.0]
    more: dict[str, Any] = {}
    if draw(st.booleans()):
        more["covariates"] = x
    if draw(st.booleans()):
        more["strata"] = draws.integers(0, draw(st.integers(1, 12)), size)
    if draw(st.booleans()):
        posts = draws.integers(0, 12, size)
        posts[:4] = [0, 1, 0, 1]
        more["cluster"] = posts
    if draw(st.booleans()):
        more["denominator"] = draws.integers(1, 6, size).astype(float)
    return Campaign(y, treated, more)


def same(a: Estimate, b: Estimate, times: float = 1.0, tolerance: float = 1e-7) -> None:
    size = max(abs(a.se), abs(a.effect), 1e-9)
    assert b.effect == pytest.approx(times * a.effect, rel=tolerance, abs=abs(times) * size * tolerance)
    assert b.se == pytest.approx(abs(times) * a.se, rel=tolerance, abs=abs(times) * size * tolerance)
    assert (b.n_treated, b.n_control) == (a.n_treated, a.n_control)


@given(campaigns(), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_order_says_nothing(one: Campaign, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(one.y))
    moved = {name: values[order] for name, values in one.more.items()}
    same(estimate(one.y, one.treated, **one.more), estimate(one.y[order], one.treated[order], **moved))


@given(campaigns(), st.sampled_from([-2.0, 1e-6, 100.0, 1e9]))
@settings(max_examples=60, deadline=None)
def test_scale(one: Campaign, times: float) -> None:
    """Yuan or fen: the effect is the same money."""
    same(estimate(one.y, one.treated, **one.more), estimate(times * one.y, one.treated, **one.more), times)


@given(campaigns(), st.sampled_from([-50.0, 1e4]))
@settings(max_examples=60, deadline=None)
def test_shift(one: Campaign, by: float) -> None:
    """What everybody has more makes no effect; so it is with covariates, in any unit."""
    more = {name: values for name, values in one.more.items() if name != "denominator"}
    moved = dict(more)
    if "covariates" in more:
        moved["covariates"] = 1_000 * more["covariates"] + by
    same(estimate(one.y, one.treated, **more), estimate(one.y + by, one.treated, **moved), tolerance=1e-6)


@given(campaigns())
@settings(max_examples=60, deadline=None)
def test_exchanged_arms_change_the_sign(one: Campaign) -> None:
    there, back = (estimate(one.y, arms, **one.more) for arms in (one.treated, ~one.treated))
    assert back.effect == pytest.approx(-there.effect, rel=1e-6, abs=1e-6)
    assert (back.low, back.high) == (
        pytest.approx(-there.high, rel=1e-6, abs=1e-6),
        pytest.approx(-there.low, rel=1e-6, abs=1e-6),
    )
    assert (back.n_treated, back.n_control) == (there.n_control, there.n_treated)
    assert back.p_value == pytest.approx(there.p_value, rel=1e-5, abs=1e-12)


@given(campaigns())
@settings(max_examples=40, deadline=None)
def test_one_stratum_is_none_and_codes_may_be_anything(one: Campaign) -> None:
    more = dict(one.more)
    strata = more.pop("strata", np.zeros(len(one.y), int))
    assert estimate(one.y, one.treated, strata=np.full(len(one.y), 7), **more) == estimate(
        one.y, one.treated, **more
    )
    words = np.array([f"tier {code}" for code in strata])
    same(
        estimate(one.y, one.treated, strata=strata, **more),
        estimate(one.y, one.treated, strata=words, **more),
    )


@given(campaigns())
@settings(max_examples=40, deadline=None)
def test_the_difference_of_the_means_is_the_effect(one: Campaign) -> None:
    found = estimate(one.y, one.treated, **one.more)
    assert found.mean_treated - found.mean_control == pytest.approx(found.effect, rel=1e-9, abs=1e-12)
    assert found.low <= found.effect <= found.high
    assert (found.low > 0 or found.high < 0) == (found.p_value < 0.05)
    always = estimate(one.y, one.treated, sequential=True, **one.more)
    assert always.effect == found.effect and always.high - always.low > 0
    assert (always.low > 0 or always.high < 0) == (always.p_value < 0.05)


def test_posts_of_one_customer_each_are_customers() -> None:
    """With each customer a cluster of his own only the small-sample factors differ: HC1 and not HC2."""
    draws = np.random.default_rng(2)
    y, treated = draws.normal(size=5_000), np.arange(5_000) % 2 == 0
    alone = estimate(y, treated, cluster=np.arange(5_000))
    assert alone.se == pytest.approx(estimate(y, treated).se, rel=1e-3)


def test_blocks_of_rows_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many rows go through in blocks, side by side: one block finds the same, and twice is twice the same."""
    draws = np.random.default_rng(4)
    size = 300_000
    treated, strata = draws.random(size) < 0.7, draws.integers(0, 9, size)
    x = draws.lognormal(10, 2, size)
    y = 0.9 * x + 50 * treated
    more = {"covariates": x, "strata": strata, "cluster": draws.integers(0, 800, size)}
    found = estimate(y, treated, **more)
    assert passes.blocks_of(size, 100) == 4
    assert estimate(y, treated, **more) == found
    monkeypatch.setattr(passes, "BLOCKS", 1)
    whole = estimate(y, treated, **more)
    assert (whole.effect, whole.se) == (
        pytest.approx(found.effect, rel=1e-9),
        pytest.approx(found.se, rel=1e-9),
    )


def test_many_are_each_as_alone() -> None:
    draws = np.random.default_rng(6)
    size = 2_000
    treated, strata = draws.random(size) < 0.7, draws.integers(0, 4, size)
    y, x = draws.normal(size=(size, 4)), draws.normal(size=(size, 4))
    y[draws.random((size, 4)) < 0.01] = np.nan
    x[draws.random((size, 4)) < 0.01] = np.nan
    many = estimate_many(y, treated, x, strata, correction=None)
    for j in range(4):
        assert many[str(j)] == estimate(y[:, j], treated, x[:, j], strata)
