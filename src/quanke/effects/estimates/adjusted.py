"""The adjusted difference of two arms, and its variance.

One estimator covers all cases. Within each stratum and arm the outcome's mean is taken to where the whole
stratum's covariates are, along one slope pooled within cells (CUPED's theta: Deng, Xu, Kohavi and Walker
2013), and strata are weighed by their customers in both arms (Miratrix, Sekhon and Yu 2013). A ratio metric
is first made linear (delta method; Deng, Knoblich and Lu 2018). The difference is then a weighted sum of
outcomes, sum of q_i z_i, so its variance is the sum of q_i^2 e_i^2 / (1 - h_i)^m: without covariates m = 1,
HC2, which is Welch's; with them m = 2, HC3 (MacKinnon and White 1985), since a few customers who hold very
much have high leverage. Both equal those of least squares with the same terms. With clusters it is CR1.

One slope for both arms, and not one each (Lin 2013): where a handful of customers hold most of the money, a
slope of a small control group's own is a guess; over a sample bank's customers it cost precision and the
interval held the truth too seldom.

Randomisation alone makes it right: nothing is assumed of how outcomes depend on covariates, and the interval
speaks of the customers of the campaign (Neyman 1923), for whom it is on the safe side where effects differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quanke.effects.estimates import passes
from quanke.effects.estimates.inputs import Arms, Floats
from quanke.kernel.errors import EffectError

PROBE = 4_096
"""Rows whose means sums are taken from, so that large numbers do not swallow small differences."""

FEWEST_PER_SLOPE = 10
"""Customers for each covariate and each arm's mean; with fewer, slopes would be guesses."""


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Sums by stratum and arm: `n` (S, 2); `mean` (S, 2, p) and `cross` (S, 2, p, p), sums of squares and
    products around the means, of (y, d, x). `missing` (2,): customers without an outcome."""

    n: Floats
    mean: Floats
    cross: Floats
    missing: NDArray[np.int64]
    place: NDArray[np.int64]
    """The row of each stratum; -1 for strata that are left out."""
    merged: int
    """Strata that count as one because an arm has fewer than two customers there."""
    left_out: int
    """Customers of strata that could not be used at all."""


@dataclass(frozen=True, slots=True, eq=False)
class Adjusted:
    """What was found; by arm (2,) control first. `variance_raw` is the variance without covariates, `scores`
    z of a ratio's customers are (y - ratio_of d) / size_of."""

    effect: float
    variance: float
    variance_raw: float
    freedom: float
    means: Floats
    n: Floats
    cells: Cells
    slopes: int
    clusters: int
    slope: Floats
    largest: float
    """Share of the variance that one customer (or cluster) makes up."""
    skew: float
    """Skewness of the residuals."""
    ratio_of: Floats
    size_of: Floats


def adjusted(y: Floats, d: Floats, x: Floats, who: Arms) -> Adjusted:
    """The difference treated less control. `y` (n,), `d` (n,) or (0,), `x` (n, k) without gaps.

    Raises EffectError where an arm keeps fewer than two customers (or clusters) with an outcome, or where
    a denominator sums to zero.
    """
    cells = _merged(*_gathered(y, d, x, who))
    k = x.shape[1]
    n = cells.n.sum(axis=0)
    if k and n.sum() < FEWEST_PER_SLOPE * (k + 2):
        return adjusted(y, d, x[:, :0], who)
    weight = cells.n.sum(axis=1) / n.sum()
    ratio_of, size_of = _ratio(cells, weight, len(d) > 0)
    fit = _slopes(cells, weight, ratio_of, size_of, k)
    if k and not fit.rank:
        return adjusted(y, d, x[:, :0], who)
    raw = _slopes(cells, weight, ratio_of, size_of, 0)
    work = _Work(y, d, x, who, cells, weight, ratio_of, size_of)
    if not who.clusters:
        squares, tails, _ = work.run(fit, x)
        variance = float(squares.sum())
        variance_raw = float(_plain_squares(cells, weight, raw).sum()) if k else variance
        freedom = _satterthwaite(squares, cells.n, fit.rank / n.sum())
        groups, largest, skew = 0, float(tails[0]) / variance if variance else 0.0, _skew(tails, n.sum())
    else:
        (variance, freedom, groups, largest), skew = _clustered(work, fit), 0.0
        variance_raw = _clustered(work, raw)[0] if k else variance
    return Adjusted(
        float(fit.means[1] - fit.means[0]), variance, variance_raw, freedom, fit.means, n, cells,
        fit.rank, groups, fit.slope, largest, skew, ratio_of, size_of,
    )  # fmt: skip


def _gathered(y: Floats, d: Floats, x: Floats, who: Arms) -> tuple[Floats, NDArray[np.int64], Floats]:
    """Raw sums by cell around a provisional centre, customers without an outcome, the centre."""
    p = 1 + (len(d) > 0) + x.shape[1]
    centre = _centre(y, d, x)
    width = 1 + p + p * (p + 1) // 2
    blocks = passes.blocks_of(len(y), 2 * who.strata * width)
    sums = np.zeros((blocks, 2 * who.strata, width))
    missing = np.zeros((blocks, 2), np.int64)

    def work(block: int, low: int, high: int) -> None:
        passes.gather(low, high, y, d, x, who.arm, who.stratum, centre, sums[block], missing[block])

    passes.in_blocks(len(y), blocks, work)
    return sums.sum(axis=0), missing.sum(axis=0), centre


def _centre(y: Floats, d: Floats, x: Floats) -> Floats:
    """Means of some rows, zero where nothing is known."""
    some = slice(0, len(y), max(1, len(y) // PROBE))
    parts = [y[some], *([d[some]] if len(d) else []), *x[some].T]
    return np.array([part[known].mean() if (known := ~np.isnan(part)).any() else 0.0 for part in parts])


def _merged(sums: Floats, missing: NDArray[np.int64], centre: Floats) -> Cells:
    """Sums around their own means. Strata with fewer than two customers in an arm count as one stratum;
    where even that has too few, its customers are left out."""
    count = len(sums) // 2
    raw = sums.reshape(count, 2, -1)
    n = raw[:, :, 0]
    thin = n.min(axis=1) < 2
    empty = n.sum(axis=1) == 0
    place = np.cumsum(~thin) - 1
    kept = raw[~thin]
    place[thin] = -1
    rest = raw[thin].sum(axis=0)
    merged, left_out = int((thin & ~empty).sum()), 0
    if merged and rest[:, 0].min() >= 2:
        place[thin] = len(kept)
        kept = np.concatenate([kept, rest[None]])
    elif merged:
        merged, left_out = 0, int(rest[:, 0].sum())
    if not len(kept):
        raise EffectError("an arm has fewer than two customers whose outcome is known")
    p = len(centre)
    n, first = kept[:, :, 0], kept[:, :, 1 : 1 + p]
    shift = first / n[:, :, None]
    cross = np.zeros((*n.shape, p, p))
    lower = np.tril_indices(p)
    cross[:, :, lower[0], lower[1]] = kept[:, :, 1 + p :]
    cross[:, :, lower[1], lower[0]] = kept[:, :, 1 + p :]
    cross -= n[:, :, None, None] * shift[..., :, None] * shift[..., None, :]
    return Cells(n, shift + centre, cross, missing, place, merged, left_out)


def _ratio(cells: Cells, weight: Floats, is_ratio: bool) -> tuple[Floats, Floats]:
    """R and D of each arm: 0 and 1 for a plain metric."""
    if not is_ratio:
        return np.zeros(2), np.ones(2)
    top, bottom = (np.einsum("s,sa->a", weight, cells.mean[:, :, j]) for j in (0, 1))
    if not bottom.all():
        raise EffectError("denominator: sums to zero in an arm, so there is no ratio")
    return top / bottom, bottom


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """Slope (k,), inverse (k, k) of the covariates' sums of squares and its rank, tilt (k,): how far the
    arms' covariates lie apart, the arms' adjusted means (2,), and sums of squares (S, 2) of z around the
    cells' means."""

    slope: Floats
    inverse: Floats
    tilt: Floats
    rank: int
    means: Floats
    spread: Floats


def _slopes(cells: Cells, weight: Floats, ratio_of: Floats, size_of: Floats, k: int) -> _Fit:
    p = cells.mean.shape[2]
    at = p - k if k else p
    is_ratio = np.any(ratio_of != 0) or np.any(size_of != 1)
    linear = np.zeros((2, p))  # z as a sum of (y, d, x)
    linear[:, 0] = 1 / size_of
    if is_ratio:
        linear[:, 1] = -ratio_of / size_of
    z_mean = np.einsum("ap,sap->sa", linear, cells.mean)
    z_with = np.einsum("ap,sapq->saq", linear, cells.cross)
    spread = np.maximum(np.einsum("saq,aq->sa", z_with, linear), 0.0)
    means = ratio_of + np.einsum("s,sa->a", weight, z_mean)
    inverse, rank, slope, tilt = np.zeros((k, k)), 0, np.zeros(k), np.zeros(k)
    if k:
        share = cells.n / cells.n.sum(axis=1, keepdims=True)
        x_mean = cells.mean[:, :, at:]
        whole = np.einsum("sa,sak->sk", share, x_mean)
        off = np.einsum("s,sak->ak", weight, whole[:, None, :] - x_mean)
        tilt = off[1] - off[0]
        inverse, rank = _inverse(cells.cross[:, :, at:, at:].sum(axis=(0, 1)), x_mean, cells.n)
        slope = inverse @ z_with[:, :, at:].sum(axis=(0, 1))
        means = means + off @ slope
    return _Fit(slope, inverse, tilt, rank, means, spread)


def _inverse(squares: Floats, means: Floats, n: Floats) -> tuple[Floats, int]:
    """Pseudo-inverse on the scale of correlations, and its rank: covariates that do not vary, or that
    others already say, take no part."""
    noise = 1e-14 * (n[..., None] * means**2).sum(axis=(0, 1))
    scale = np.sqrt(np.where(np.diag(squares) > noise, np.diag(squares), np.inf))
    values, vectors = np.linalg.eigh(squares / scale[:, None] / scale[None, :])
    good = values > 1e-10
    found = (vectors[:, good] / values[good]) @ vectors[:, good].T
    return found / scale[:, None] / scale[None, :], int(good.sum())


@dataclass(frozen=True, slots=True, eq=False)
class _Work:
    """What the second pass reads."""

    y: Floats
    d: Floats
    x: Floats
    who: Arms
    cells: Cells
    weight: Floats
    ratio_of: Floats
    size_of: Floats

    def run(self, fit: _Fit, x: Floats) -> tuple[Floats, Floats, Floats]:
        """Squared scores by cell (S, 2); the largest, and sums of squares and cubes of residuals (3,); signed
        scores by cluster and arm (G, 2)."""
        cells, who = self.cells, self.who
        signed = self.weight[:, None] / cells.n * np.array([-1.0, 1.0])
        per = np.stack([signed, 1 / cells.n], axis=2).reshape(-1, 2)
        mean = cells.mean.reshape(per.shape[0], -1)
        groups = int(who.cluster.max()) + 1 if who.clusters else 0
        blocks = passes.blocks_of(len(self.y), len(per) + 2 * groups)
        squares, tails = np.zeros((blocks, len(per))), np.zeros((blocks, 3))
        sums = np.zeros((blocks, groups, 2))

        def work(block: int, low: int, high: int) -> None:
            passes.spread(
                low, high, self.y, self.d, x, who.arm, who.stratum, cells.place, per, mean, self.ratio_of,
                self.size_of, fit.slope, fit.inverse, fit.tilt, who.cluster, squares[block],
                tails[block], sums[block],
            )  # fmt: skip

        passes.in_blocks(len(self.y), blocks, work)
        of_all = np.r_[tails[:, 0].max(), tails[:, 1:].sum(axis=0)]
        return squares.sum(axis=0).reshape(-1, 2), of_all, sums.sum(axis=0)


def _plain_squares(cells: Cells, weight: Floats, raw: _Fit) -> Floats:
    """The same without covariates, from the sums alone: w^2 s^2 / n by cell."""
    found: Floats = weight[:, None] ** 2 * raw.spread / (cells.n * (cells.n - 1))
    return found


def _satterthwaite(squares: Floats, n: Floats, used: Any = 0.0) -> float:
    """Degrees of freedom of a sum of variances; slopes count in proportion to the customers of a cell."""
    total = squares.sum()
    if total == 0:
        return float(n.sum() - n.size)
    return float(total**2 / (squares**2 / np.maximum(n - 1 - used * n, 1.0)).sum())


def _skew(tails: Floats, n: float) -> float:
    spread = tails[1] / n
    return float(tails[2] / n / spread**1.5) if spread > 0 else 0.0


def _clustered(work: _Work, fit: _Fit) -> tuple[float, float, int, float]:
    """CR1 variance, degrees of freedom, clusters, the largest one's share of the variance.

    G - 1 degrees of freedom; where each cluster is whole in one arm, Welch-Satterthwaite over the arms'
    clusters if that is fewer: two hundred treated posts do not make up for five in control.
    """
    k = len(fit.slope)
    cells, who = work.cells, work.who
    _, _, sums = work.run(fit, work.x[:, :k])
    seen = np.zeros((len(sums), 2), bool)
    counted = (cells.place[who.stratum] >= 0) & ~np.isnan(work.y)
    if len(work.d):
        counted &= ~np.isnan(work.d)
    for a in (0, 1):
        seen[who.cluster[counted & (who.arm == a)], a] = True
    held = seen.sum(axis=0).astype(float)
    if held.min() < 2:
        raise EffectError("cluster: an arm has fewer than two clusters, so how much they differ is not known")
    groups = int(seen.any(axis=1).sum())
    rows = float(cells.n.sum())
    asked = cells.n.size + fit.rank
    correction = groups / (groups - 1) * (rows - 1) / (rows - asked) if rows > asked else np.inf
    squares = sums.sum(axis=1) ** 2
    variance = float(squares.sum() * correction)
    freedom = float(groups - 1)
    if who.nested and variance > 0:
        freedom = min(freedom, _satterthwaite((sums**2).sum(axis=0), held))
    return variance, freedom, groups, float(squares.max() * correction / variance) if variance else 0.0
