"""Means and covariances from past returns: robust, with the bank's views, and with what failed told.

Columns are brought to one scale before a covariance is shrunk or cleaned, and back afterwards: a shrinkage
toward equal variances would otherwise make cash as restless as shares. Sources: Ledoit and Wolf 2004
(shrinkage), Gerber et al. 2022, Lopez de Prado 2020 (denoising), all by skfolio; Black and Litterman 1992
with confidences after Idzorek 2007, by skfolio; implied means: Sharpe 1974, Black and Litterman 1992.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from quanke.kernel.errors import PortfolioError
from quanke.wealth.portfolios.assets import Asset
from quanke.wealth.portfolios.fallbacks import Fallback, first_that_works
from quanke.wealth.portfolios.house_view import HouseView

Floats = NDArray[np.float64]
FEWEST = 24
"""Periods below which nothing is estimated."""
STILL = 1e-7
"""A column whose deviation a period lies below this (deposits) counts as certain, and is not correlated."""
LEAST_SHARE = 1e-9


class CovarianceMethod(StrEnum):
    """How the covariance is estimated."""

    LEDOIT_WOLF = "ledoit_wolf"
    GERBER = "gerber"
    DENOISED = "denoised"
    SAMPLE = "sample"


class MeanMethod(StrEnum):
    """How means are estimated: implied by the reference portfolio, from the past, or shrunk from it."""

    EQUILIBRIUM = "equilibrium"
    SHRUNK = "shrunk"
    HISTORICAL = "historical"


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """Mean (n,) and covariance (n, n) of a period, how they came about, and the returns (t, n) behind it."""

    mean: Floats
    cov: Floats
    returns: Floats
    mean_by: str
    cov_by: str
    views_by: str


def estimated(
    returns: Floats,
    assets: Sequence[Asset],
    periods: int,
    covariance: str,
    mean: str,
    views: HouseView | None,
    risk_aversion: float,
    told: list[Fallback],
) -> Estimate:
    """Everything the optimiser has to know, per period (`periods` of them make a year)."""
    if len(returns) < FEWEST:
        raise PortfolioError(f"returns: at least {FEWEST} periods are needed")
    asked = CovarianceMethod(covariance)
    ways = dict.fromkeys((asked, CovarianceMethod.LEDOIT_WOLF, CovarianceMethod.SAMPLE))
    cov_by, cov = first_that_works("covariance", [(str(w), _covariance_way(returns, w)) for w in ways], told)
    means = dict.fromkeys((MeanMethod(mean), MeanMethod.EQUILIBRIUM))
    mean_by, mu = first_that_works(
        "means", [(str(w), _mean_way(returns, assets, cov, risk_aversion, w)) for w in means], told
    )
    views_by = "none"
    if views is not None and views.views:
        names = [asset.name for asset in assets]
        given = views.picked(names)
        ways_of_views: list[tuple[str, Callable[[], tuple[Floats, Floats]]]] = [
            ("black_litterman", lambda: _viewed(returns, names, mu, cov, views, periods)),
            ("black_litterman, closed form", lambda: closed_form(mu, cov, *given, views, periods)),
        ]
        views_by, (mu, cov) = first_that_works("views", ways_of_views, told)
    return Estimate(mu, cov, returns, mean_by, cov_by, views_by)


def _covariance_way(returns: Floats, method: CovarianceMethod) -> Callable[[], Floats]:
    return lambda: robust_covariance(returns, method)


def _mean_way(
    returns: Floats, assets: Sequence[Asset], cov: Floats, risk_aversion: float, method: MeanMethod
) -> Callable[[], Floats]:
    return lambda: _mean(returns, assets, cov, risk_aversion, method)


def robust_covariance(returns: Floats, method: str) -> Floats:
    """The covariance (n, n) of returns (t, n) by a `CovarianceMethod`; positive definite, or an error."""
    from skfolio.moments import DenoiseCovariance, EmpiricalCovariance, GerberCovariance, LedoitWolf

    made = {
        CovarianceMethod.LEDOIT_WOLF: LedoitWolf,
        CovarianceMethod.GERBER: GerberCovariance,
        CovarianceMethod.DENOISED: DenoiseCovariance,
        CovarianceMethod.SAMPLE: EmpiricalCovariance,
    }[CovarianceMethod(method)]
    deviation = returns.std(axis=0, ddof=1)
    moves = deviation > STILL
    cov = np.zeros((len(deviation), len(deviation)))
    if moves.any():
        scaled = (returns[:, moves] - returns[:, moves].mean(axis=0)) / deviation[moves]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = np.asarray(made().fit(scaled).covariance_, np.float64)
        if not np.isfinite(found).all():
            raise PortfolioError("the covariance has values that are no numbers")
        cov[np.ix_(moves, moves)] = found * np.outer(deviation[moves], deviation[moves])
    cov[np.diag_indices(len(cov))] += np.where(moves, 0.0, STILL**2)
    np.linalg.cholesky(cov)
    return cov


def _mean(
    returns: Floats, assets: Sequence[Asset], cov: Floats, risk_aversion: float, method: MeanMethod
) -> Floats:
    past: Floats = returns.mean(axis=0)
    if method is MeanMethod.HISTORICAL:
        return past
    free = np.array([a.risk_free for a in assets])
    if method is MeanMethod.SHRUNK:
        from skfolio.moments import ShrunkMu

        found: Floats = past.copy()
        risky = ~free
        if risky.sum() < 3:
            raise PortfolioError("to shrink means takes three assets that are not free of risk")
        found[risky] = np.asarray(ShrunkMu().fit(returns[:, risky]).mu_, np.float64)
        return found
    weights = np.array([0.0 if a.risk_free else a.reference for a in assets])
    if weights.sum() <= 0:
        weights = np.ones(len(assets))
    certain = past[free].min() if free.any() else 0.0
    implied = certain + risk_aversion * cov @ (weights / weights.sum())
    # what is certain returns what it has returned: no premium is implied for it
    return np.asarray(np.where(free, past, implied), np.float64)


def _viewed(
    returns: Floats, names: Sequence[str], mean: Floats, cov: Floats, views: HouseView, periods: int
) -> tuple[Floats, Floats]:
    import pandas as pd
    from skfolio.prior import BlackLitterman

    from quanke.wealth.portfolios.fixed_prior import FixedPrior

    written = [
        f"{v.asset} - {v.than} == {float(v.value) / periods!r}" if v.than
        else f"{v.asset} == {float(v.value) / periods!r}"
        for v in views.views
    ]  # fmt: skip
    confidences = [float(v.confidence) for v in views.views]
    model = BlackLitterman(
        views=written, view_confidences=confidences, prior_estimator=FixedPrior(mean, cov)
    ).fit(pd.DataFrame(returns, columns=list(names)))
    found = model.return_distribution_
    mu, sigma = np.asarray(found.mu, np.float64), np.asarray(found.covariance, np.float64)
    if not np.isfinite(mu).all():
        raise PortfolioError("means with views are no numbers")
    np.linalg.cholesky(sigma)
    return mu, sigma


def closed_form(
    mean: Floats,
    cov: Floats,
    pick: Floats,
    value: Floats,
    views: HouseView,
    periods: int,
    tau: float = 0.05,
) -> tuple[Floats, Floats]:
    """Means and covariance after views, by Black and Litterman's formula with Idzorek's uncertainties."""
    sure = np.clip([float(v.confidence) for v in views.views], 1e-16, 1.0)
    prior = tau * cov
    spread = pick @ prior @ pick.T
    omega = np.diag(np.diag(spread) * (1 / sure - 1))
    gain = prior @ pick.T @ np.linalg.inv(spread + omega + np.eye(len(sure)) * 1e-18)
    posterior = prior - gain @ pick @ prior
    return mean + gain @ (value / periods - pick @ mean), cov + (posterior + posterior.T) / 2
