"""Equal to statsmodels and scipy where they do the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray
from scipy import stats

from quanke.effects import detectable, estimate, sample_size


@pytest.fixture(scope="module")
def campaign() -> dict[str, NDArray[Any]]:
    """Three thousand customers: skewed money, five strata of unequal shares, forty posts."""
    draws = np.random.default_rng(7)
    size = 3_000
    x = draws.lognormal(10, 1, size)
    strata = draws.integers(0, 5, size)
    treated = draws.random(size) < 0.2 + 0.1 * strata
    posts = draws.integers(0, 40, size)
    y = x * draws.normal(1, 0.1, size) + 500 * treated + 300 * strata + 200 * np.sin(posts)
    return {
        "y": y,
        "x": x,
        "strata": strata,
        "treated": treated,
        "posts": posts,
        "noise": draws.normal(size=size),
    }


def fitted(
    campaign: dict[str, NDArray[Any]], covariates: list[str], strata: bool, **how: Any
) -> tuple[float, float]:
    """Effect and standard error by least squares: a mean for each arm of each stratum, pooled slopes."""
    s = campaign["strata"] if strata else np.zeros(len(campaign["y"]), int)
    terms, contrast = [], []
    for arm in (0, 1):
        for stratum in np.unique(s):
            terms.append(((campaign["treated"] == arm) & (s == stratum)).astype(float))
            contrast.append((2 * arm - 1) * (s == stratum).mean())
    for name in covariates:
        x = campaign[name]
        terms.append((x - x.mean()) / x.std())
        contrast.append(0.0)
    found = sm.OLS(campaign["y"], np.column_stack(terms)).fit(**how).t_test(np.array(contrast))
    return float(np.squeeze(found.effect)), float(np.squeeze(found.sd))


def test_welch(campaign: dict[str, NDArray[Any]]) -> None:
    y, t = campaign["y"], campaign["treated"]
    theirs = stats.ttest_ind(y[t], y[~t], equal_var=False)
    span = theirs.confidence_interval(0.9)
    found = estimate(y, t, level=0.9)
    assert found.p_value == pytest.approx(theirs.pvalue, rel=1e-9)
    assert (found.low, found.high) == (pytest.approx(span.low, rel=1e-9), pytest.approx(span.high, rel=1e-9))


@pytest.mark.parametrize("covariates", [["x"], ["x", "noise"]])
@pytest.mark.parametrize("strata", [False, True])
def test_covariates_are_least_squares_with_hc3(
    campaign: dict[str, NDArray[Any]], covariates: list[str], strata: bool
) -> None:
    effect, se = fitted(campaign, covariates, strata, cov_type="HC3")
    x = np.column_stack([campaign[name] for name in covariates])
    found = estimate(campaign["y"], campaign["treated"], x, campaign["strata"] if strata else None)
    assert (found.effect, found.se) == (pytest.approx(effect, rel=1e-9), pytest.approx(se, rel=1e-9))


def test_strata_are_least_squares_with_hc2(campaign: dict[str, NDArray[Any]]) -> None:
    effect, se = fitted(campaign, [], True, cov_type="HC2")
    found = estimate(campaign["y"], campaign["treated"], strata=campaign["strata"])
    assert (found.effect, found.se) == (pytest.approx(effect, rel=1e-9), pytest.approx(se, rel=1e-9))


@pytest.mark.parametrize("covariates", [[], ["x", "noise"]])
@pytest.mark.parametrize("strata", [False, True])
def test_clusters_are_statsmodels(
    campaign: dict[str, NDArray[Any]], covariates: list[str], strata: bool
) -> None:
    effect, se = fitted(
        campaign, covariates, strata, cov_type="cluster", cov_kwds={"groups": campaign["posts"]}
    )
    x = np.column_stack([campaign[name] for name in covariates]) if covariates else None
    found = estimate(
        campaign["y"], campaign["treated"], x, campaign["strata"] if strata else None, campaign["posts"]
    )
    assert (found.effect, found.se) == (pytest.approx(effect, rel=1e-9), pytest.approx(se, rel=1e-9))
    assert found.degrees_of_freedom == 39


def test_whole_clusters_have_no_more_freedom_than_their_arms(campaign: dict[str, NDArray[Any]]) -> None:
    treated = campaign["posts"] >= 4
    found = estimate(campaign["y"], treated, cluster=campaign["posts"])
    assert 2 < found.degrees_of_freedom < 10, "four posts in control, and not G - 1 = 39"


def test_ratio_is_the_delta_method(campaign: dict[str, NDArray[Any]]) -> None:
    y, d, t = campaign["y"], campaign["x"], campaign["treated"]
    variance = 0.0
    for arm in (t, ~t):
        a, b, n = y[arm], d[arm], arm.sum()
        r = a.mean() / b.mean()
        cov = np.cov(a, b)
        variance += (cov[0, 0] - 2 * r * cov[0, 1] + r * r * cov[1, 1]) / b.mean() ** 2 / n
    found = estimate(y, t, denominator=d)
    assert found.effect == pytest.approx(y[t].sum() / d[t].sum() - y[~t].sum() / d[~t].sum(), rel=1e-9)
    assert found.se == pytest.approx(np.sqrt(variance), rel=1e-9)


def test_per_reached_is_two_stage_least_squares(campaign: dict[str, NDArray[Any]]) -> None:
    y, t = campaign["y"], campaign["treated"]
    reached = t & (campaign["noise"] > 0)
    one = np.ones(len(y))
    z, x = np.column_stack([one, t]), np.column_stack([one, reached])
    beta = np.linalg.solve(z.T @ x, z.T @ y)
    left = y - x @ beta
    bread = np.linalg.inv(z.T @ x)
    n = np.where(t, t.sum(), (~t).sum())
    meat = (z * (left**2 * n / (n - 1))[:, None]).T @ z
    found = estimate(y, t, reached=reached)
    assert found.effect_reached == pytest.approx(beta[1], rel=1e-9)
    assert found.se_reached == pytest.approx(np.sqrt((bread @ meat @ bread.T)[1, 1]), rel=1e-9)


def test_sizes_have_the_power_they_name() -> None:
    """By simulation: what `sample_size` asks for shows the effect four times out of five."""
    size = sample_size(20, 100, share=0.8, correlation=0.6)
    assert size == pytest.approx(sample_size(20, 80, share=0.8), abs=1)
    assert detectable(size, 100, share=0.8, correlation=0.6) == pytest.approx(20, rel=1e-3)
    draws = np.random.default_rng(5)
    treated = np.arange(size) < 0.8 * size
    shown = 0
    for _ in range(1_000):
        x = draws.normal(0, 100, size)
        y = 0.6 * x + draws.normal(0, 80, size) + 20 * treated
        shown += estimate(y, treated, x).significant
    assert 0.76 < shown / 1_000 < 0.84


def test_clusters_ask_for_more() -> None:
    assert sample_size(20, 100, cluster_size=21, cluster_correlation=0.05) == pytest.approx(
        2 * sample_size(20, 100), abs=2
    )
    assert detectable(1_000, 100, cluster_size=21, cluster_correlation=0.05) > detectable(1_000, 100) * 1.4
    assert sample_size(1e9, 1) == 4
