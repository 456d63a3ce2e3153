"""The exact long-only efficient frontier: the critical line method.

Between two corner portfolios the same assets are held and weights are straight lines, so that a walk from the
highest mean down to the least variance knows every efficient portfolio to rounding: no solver, no tolerance.
Source: Markowitz 1956, "The optimization of a quadratic function subject to linear constraints"; Markowitz
and Todd 2000, ch. 7-13.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quanke.kernel.errors import PortfolioError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Frontier:
    """Efficient portfolios, one a target: `mean` and `variance` (t,), `weights` (t, n); `corners` (c, n) are
    the portfolios at which an asset comes or goes, from the highest mean to the least variance."""

    mean: Floats
    variance: Floats
    weights: Floats
    corners: Floats


def frontier(mean: ArrayLike, cov: ArrayLike, targets: ArrayLike) -> Frontier:
    """For each target the long-only portfolio of least variance whose mean is at least the target.

    `mean` (n,), `cov` (n, n) symmetric and positive definite, `targets` (t,) in the unit of `mean`, in any
    order. Weights sum to 1. PortfolioError where shapes do not fit, the covariance is not positive definite,
    or a target is above every asset's mean.
    """
    mu, sigma = _taken(mean, cov)
    wanted = np.atleast_1d(np.asarray(targets, np.float64))
    if not np.isfinite(wanted).all():
        raise PortfolioError("targets: every target must be a number")
    if len(wanted) and wanted.max() > mu.max() + 1e-12 * abs(mu).max():
        raise PortfolioError("targets: no long-only portfolio has a mean above that of every asset")
    corners = corner_portfolios(mu, sigma)
    means = corners @ mu
    # at a target below the least variance's own mean, the least variance
    clipped = np.clip(wanted, means[-1], means[0])
    at = np.clip(np.searchsorted(-means, -clipped, side="left"), 1, max(len(means) - 1, 1))
    if len(means) == 1:
        weights = np.repeat(corners, len(wanted), axis=0)
    else:
        high, low = means[at - 1], means[at]
        share = np.divide(clipped - low, high - low, out=np.zeros_like(clipped), where=high > low)
        weights = share[:, None] * corners[at - 1] + (1 - share)[:, None] * corners[at]
    return Frontier(weights @ mu, np.einsum("ij,jk,ik->i", weights, sigma, weights), weights, corners)


def corner_portfolios(mean: Floats, cov: Floats) -> Floats:
    """The corner portfolios (c, n), from the highest mean to the least variance; means fall row by row."""
    n, top = len(mean), np.flatnonzero(mean >= mean.max())
    held = np.zeros(n, np.bool_)
    if len(top) == 1:
        held[top] = True
    else:
        # several assets share the highest mean: the walk begins at their mixture of least variance
        least = corner_portfolios(np.arange(len(top), dtype=np.float64), cov[np.ix_(top, top)])[-1]
        held[top[least > 0]] = True
    found, lam, last = [], np.inf, -1
    for _ in range(20 * n + 20):
        at, slope, price, fall = _line(mean, cov, held)
        lam, moved = _next(lam, held, (at, slope), (price, fall), last)
        weights = np.zeros(n)
        weights[held] = at[held] + slope[held] * (lam if np.isfinite(lam) else 0.0)
        found.append(np.maximum(weights, 0.0) / np.maximum(weights, 0.0).sum())
        if moved < 0:
            return _falling(np.array(found), mean)
        held[moved] = not held[moved]
        last = moved
    raise PortfolioError("cov: the walk along the frontier does not end; the covariance is nearly singular")


def _taken(mean: ArrayLike, cov: ArrayLike) -> tuple[Floats, Floats]:
    mu, sigma = np.asarray(mean, np.float64), np.asarray(cov, np.float64)
    if mu.ndim != 1 or not len(mu) or sigma.shape != (len(mu), len(mu)):
        raise PortfolioError("cov: as many rows and columns as `mean` has values")
    if not (np.isfinite(mu).all() and np.isfinite(sigma).all()):
        raise PortfolioError("mean, cov: every value must be a number")
    if not np.allclose(sigma, sigma.T, rtol=1e-9, atol=0):
        raise PortfolioError("cov: must be symmetric")
    try:
        np.linalg.cholesky(sigma)
    except np.linalg.LinAlgError:
        raise PortfolioError(
            "cov: must be positive definite; a shrunk or denoised estimate of it is"
        ) from None
    return mu, (sigma + sigma.T) / 2


def _line(mean: Floats, cov: Floats, held: NDArray[np.bool_]) -> tuple[Floats, Floats, Floats, Floats]:
    """The critical line of the assets held: weights `at + slope * lam`, and prices of entry of the others
    `price + fall * lam`, where `lam` weighs mean against variance."""
    some = np.flatnonzero(held)
    k = len(some)
    system = np.zeros((k + 1, k + 1))
    system[:k, :k] = cov[np.ix_(some, some)]
    system[:k, k] = system[k, :k] = 1.0
    right = np.zeros((k + 1, 2))
    right[k, 0] = 1.0
    right[:k, 1] = mean[some]
    solved = np.linalg.solve(system, right)
    at, slope = np.zeros(len(mean)), np.zeros(len(mean))
    at[some], slope[some] = solved[:k].T
    # the multiplier of the budget stands in the last row, with its sign turned
    price = cov @ at + solved[k, 0]
    fall = cov @ slope + solved[k, 1] - mean
    return at, slope, price, fall


def _next(
    lam: float,
    held: NDArray[np.bool_],
    weights: tuple[Floats, Floats],
    prices: tuple[Floats, Floats],
    last: int,
) -> tuple[float, int]:
    """The next value of lam downward at which an asset goes (its weight is 0) or comes (its price is 0), and
    which; (0, -1) where none does before the least variance. What has just moved does not move back."""
    scale = max(abs(weights[1][held]).max(initial=0.0), 1e-300)
    goes = held & (weights[1] > 1e-13 * scale)
    steep = max(abs(prices[1][~held]).max(initial=0.0), 1e-300)
    comes = ~held & (prices[1] > 1e-13 * steep)
    when = np.full(len(held), -np.inf)
    when[goes] = -weights[0][goes] / weights[1][goes]
    when[comes] = -prices[0][comes] / prices[1][comes]
    if held.sum() == 1:
        when[held] = -np.inf
    if last >= 0:
        when[last] = -np.inf if when[last] >= lam * (1 - 1e-9) else when[last]
    moved = int(np.argmax(when))
    if not when[moved] > 0:
        return 0.0, -1
    return min(float(when[moved]), lam), moved


def _falling(corners: Floats, mean: Floats) -> Floats:
    """Corners without those that only repeat the one before."""
    means = corners @ mean
    keep = np.ones(len(corners), np.bool_)
    lowest = means[0]
    for row in range(1, len(corners)):
        keep[row] = means[row] < lowest
        lowest = min(lowest, means[row])
    # of several at the same mean the last has the least variance
    kept = corners[keep]
    kept[-1] = corners[-1]
    return kept
