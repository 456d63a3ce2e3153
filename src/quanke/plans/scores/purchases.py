"""Repeat purchases of customers who leave without saying so: BG/NBD.

While a customer is alive he buys at a rate of his own (a Poisson process); after each purchase he may turn
away for good, with a probability of his own. Rates follow a gamma distribution over the base, probabilities
a beta one. What is known of a customer is how often he bought again, when last, and since when he is seen.

Source: P. S. Fader, B. G. S. Hardie, K. L. Lee, "Counting Your Customers" the Easy Way: An Alternative to the
Pareto/NBD Model, Marketing Science 24 (2005). Numbers of equations below are the paper's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import betaln, digamma, expit, gammaln, log_expit

from quanke.kernel.errors import ScoreError

Floats = NDArray[np.float64]
STARTS = ((0.0, 0.0, 0.0, 0.0), (-1.5, 0.5, -0.5, 1.0), (1.5, 0.5, -2.0, 1.0), (0.0, -2.0, 2.0, 3.0))
"""Logarithms of (r, alpha over the mean time seen, a, b) from which the maximum is sought."""
REACH = 12.0
"""Logarithms of parameters are sought within so much of zero: beyond, the base is all alike to six places."""
NODES = 256
"""Points at which the chance to turn away is summed over: errors are below 1e-10 (tested)."""
ROWS = 2_048
"""Rows of points at a time: some tens of megabytes."""
_SMALLEST = 1e-200


@dataclass
class BetaGeometricNBD:
    """BG/NBD in scikit-learn's manner; a unit of time is whatever the times are given in.

    After `fit`: `r_`, `alpha_` (gamma distribution of the rates: shape, and rate in units of time), `a_`,
    `b_` (beta distribution of the chance to turn away after a purchase), `log_likelihood_`, `converged_`
    (a maximum was reached) and `bounds_` (names of parameters that ran to the end of what is sought). Where a
    base shows no dropout, a and b lie anywhere on a ridge: only a / (a + b), near 0, says something.
    """

    max_iterations: int = 2_000

    def fit(
        self, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike, weights: ArrayLike | None = None
    ) -> Self:
        """Parameters of greatest likelihood (equation 6), by its gradient from several starts.

        Shapes (customers,). `frequency`: repeat purchases; `recency`: time from the first purchase to the
        last; `T`: time from the first purchase to now; `weights`: so many customers are alike (default: 1).
        Raises ScoreError for shapes that differ, values that are none, a recency beyond T or without a
        repeat, and where nobody bought again.
        """
        x, t_x, t = _checked(frequency, recency, T)
        w = np.ones(len(x)) if weights is None else _array(weights, "weights")
        if w.shape != x.shape or (w < 0).any():
            raise ScoreError("weights must be one number of at least 0 for each customer")
        if not ((x > 0) & (w > 0)).any():
            raise ScoreError("nobody bought again: there is no rate to learn")
        scale = float(np.average(t, weights=w))
        data = _Likelihood(x, t_x / scale, t / scale, w)
        bounds = [(-REACH, REACH)] * 4
        options = {"maxiter": self.max_iterations, "maxcor": 20, "ftol": 1e-15, "gtol": 1e-9}
        tried = [
            minimize(data, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
            for start in STARTS
        ]
        best = min(tried, key=lambda found: float(found.fun))
        self.r_, alpha, self.a_, self.b_ = map(float, np.exp(best.x))
        self.alpha_ = alpha * scale
        # the time's unit changes nothing but the parameter that carries it
        self.log_likelihood_ = log_likelihood((self.r_, self.alpha_, self.a_, self.b_), x, t_x, t, w)
        self.converged_ = bool(np.abs(_inward(best.jac, best.x)).max() < 1e-4)
        names = ("r", "alpha", "a", "b")
        self.bounds_ = tuple(n for n, at in zip(names, best.x, strict=True) if abs(abs(at) - REACH) < 1e-6)
        return self

    @classmethod
    def of(cls, r: float, alpha: float, a: float, b: float) -> Self:
        """A model with parameters that are known. Raises ScoreError where one is not above zero."""
        if not all(np.isfinite(p) and p > 0 for p in (r, alpha, a, b)):
            raise ScoreError("r, alpha, a and b must be numbers above zero")
        made = cls()
        made.r_, made.alpha_, made.a_, made.b_ = float(r), float(alpha), float(a), float(b)
        return made

    def probability_alive(self, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike) -> Floats:
        """Probability of each customer not to have turned away; shape (customers,).

        Who has not bought again had no purchase after which to turn away: 1, whatever T. Raises ScoreError
        as `fit`."""
        r, alpha, a, b = self._parameters()
        x, t_x, t = _checked(frequency, recency, T)
        odds = np.log(a) - np.log(b + np.maximum(x, 1) - 1)
        odds = odds + (r + x) * (np.log(alpha + t) - np.log(alpha + t_x))
        return np.where(x > 0, expit(-odds), 1.0)

    def predict(self, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike, t: float) -> Floats:
        """Expected purchases of each customer in (T, T + t] (equation 10); shape (customers,).

        Raises ScoreError as `fit`, and for a `t` below zero."""
        alive = self.probability_alive(frequency, recency, T)
        return np.asarray(alive * self.expected_if_alive(frequency, T, t), np.float64)

    def expected_if_alive(self, frequency: ArrayLike, T: ArrayLike, t: float) -> Floats:
        """Expected purchases in (T, T + t] of who is known to be alive at T; shape (customers,). With
        frequency 0 and T 0 it is what is expected of a new customer in his first t (equation 9).

        The paper's closed form is 0/0 at a = 1 and loses all digits near it, and its hypergeometric series
        hardly converges for t far above alpha + T. So the sum over the chance p to turn away is done
        directly: given p, of the rate's gamma distribution what is expected is
        (1 - (1 + p t / (alpha + T)) ** -(r + x)) / p, between 0 and a finite limit for every p; the beta
        distribution of p is summed over its log-odds, where it is smooth, by the trapezoid rule.
        """
        r, alpha, _, _ = self._parameters()
        x, seen = np.broadcast_arrays(_array(frequency, "frequency"), _array(T, "T"))
        if (x < 0).any() or (seen < 0).any() or not (np.isfinite(t) and t >= 0):
            raise ScoreError("frequency, T and t must not be below zero")
        counts_there, of_count = np.unique(x, return_inverse=True)
        times_there, of_time = np.unique(seen, return_inverse=True)
        one, back = np.unique(
            of_count.reshape(-1) * len(times_there) + of_time.reshape(-1), return_inverse=True
        )
        pairs = np.stack([counts_there[one // len(times_there)], times_there[one % len(times_there)]], axis=1)
        found = np.empty(len(pairs))
        for begin in range(0, len(pairs), ROWS):
            own = pairs[begin : begin + ROWS]
            counts, which = np.unique(own[:, 0], return_inverse=True)
            p, weight = self._chances(counts)
            span = np.log1p(p[which] * (t / (alpha + own[:, 1]))[:, None])
            each = -np.expm1(-(r + own[:, :1]) * span) / p[which]
            found[begin : begin + ROWS] = (weight[which] * each).sum(axis=1)
        return np.asarray(found[back.reshape(-1)].reshape(x.shape), np.float64)

    def _chances(self, x: Floats) -> tuple[Floats, Floats]:
        """Points of the chance to turn away, and their weights, after x repeats: beta (a, b + x). Both
        (len(x), NODES). Points crowd round the mode and thin out double-exponentially into both tails."""
        _, _, a, b = self._parameters()
        after = (b + x)[:, None]
        mode, wide = np.log(a) - np.log(after), np.sqrt(1 / a + 1 / after)
        step = np.minimum(1.0, wide)
        low, high = -np.arcsinh((9 * wide + 40 / a) / step), np.arcsinh((9 * wide + 40 / after) / step)
        place = low + (high - low) * np.linspace(0, 1, NODES)
        odds = mode + step * np.sinh(place)
        height = a * log_expit(odds) + after * log_expit(-odds) + np.log(np.cosh(place))
        weight = np.exp(height - height.max(axis=1, keepdims=True))
        return np.maximum(expit(odds), _SMALLEST), weight / weight.sum(axis=1, keepdims=True)

    def _parameters(self) -> tuple[float, float, float, float]:
        if not hasattr(self, "r_"):
            raise ScoreError("this BG/NBD has no parameters yet: call fit first")
        return self.r_, self.alpha_, self.a_, self.b_


def log_likelihood(
    parameters: tuple[float, float, float, float], x: Floats, t_x: Floats, t: Floats, weights: Floats
) -> float:
    """Log likelihood of (r, alpha, a, b) over customers of the given weights (equation 6)."""
    value, _ = _Likelihood(x, t_x, t, weights).at(np.array(parameters, np.float64))
    return value


@dataclass(frozen=True)
class _Likelihood:
    """Likelihood of customers, as a function of the parameters' logarithms. Times are over some scale."""

    x: Floats
    t_x: Floats
    t: Floats
    weights: Floats

    def __call__(self, logs: Floats) -> tuple[float, Floats]:
        """Mean negative log likelihood, and its gradient by the logarithms."""
        parameters = np.exp(logs)
        value, slope = self.at(parameters)
        whole = float(self.weights.sum())
        return -value / whole, -slope * parameters / whole

    def at(self, parameters: Floats) -> tuple[float, Floats]:
        """Log likelihood and its gradient by (r, alpha, a, b)."""
        r, alpha, a, b = map(float, parameters)
        x, w = self.x, self.weights
        again = x > 0
        after = b + np.maximum(x, 1) - 1
        seen, last = np.log(alpha + self.t), np.log(alpha + self.t_x)
        stays = -(r + x) * seen
        left = np.where(again, np.log(a) - np.log(after) - (r + x) * last, -np.inf)
        both = np.logaddexp(stays, left)
        gone = np.exp(left - both)
        here = 1 - gone
        u, of_each = self.by_frequency
        rates = gammaln(r + u) - gammaln(r) + betaln(a, b + u) - betaln(a, b) + r * np.log(alpha)
        chances = digamma(a + b) - digamma(a + b + u)
        # sums, not products of BLAS, which are not the same to the last bit each time
        slope = (
            (of_each * (digamma(r + u) - digamma(r) + np.log(alpha))).sum()
            - (w * (here * seen + gone * last)).sum(),
            of_each.sum() * r / alpha
            - (w * (r + x) * (here / (alpha + self.t) + gone / (alpha + self.t_x))).sum(),
            (of_each * chances).sum() + (w * gone).sum() / a,
            (of_each * (digamma(b + u) - digamma(b) + chances)).sum() - (w * gone / after).sum(),
        )
        return float((of_each * rates).sum() + (w * both).sum()), np.array(slope, np.float64)

    @cached_property
    def by_frequency(self) -> tuple[Floats, Floats]:
        """Different frequencies, few beside the customers, with their weights: gamma functions are dear."""
        different, which = np.unique(self.x, return_inverse=True)
        weights = np.bincount(which.reshape(-1), self.weights, len(different))
        return different, np.asarray(weights, np.float64)


def _inward(slope: Floats, at: Floats) -> Floats:
    """The slope without what points out of the bounds."""
    outward = ((at <= -REACH + 1e-6) & (slope > 0)) | ((at >= REACH - 1e-6) & (slope < 0))
    return np.where(outward, 0.0, slope)


def _array(values: ArrayLike, name: str) -> Floats:
    try:
        made = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        raise ScoreError(f"{name} must be numbers") from None
    if not np.isfinite(made).all():
        raise ScoreError(f"{name} must be finite numbers")
    return made


def _checked(frequency: ArrayLike, recency: ArrayLike, T: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """The three as arrays of one shape. Raises ScoreError naming the first row that cannot be."""
    x, t_x, t = _array(frequency, "frequency"), _array(recency, "recency"), _array(T, "T")
    if not x.shape == t_x.shape == t.shape or x.ndim != 1:
        raise ScoreError("frequency, recency and T must be rows of one length")
    wrong = (
        ("frequency must be a whole number of at least 0", (x < 0) | (x != np.floor(x))),
        ("recency must lie between 0 and T", (t_x < 0) | (t_x > t)),
        ("recency must be 0 where frequency is 0, for nobody bought twice", (x == 0) & (t_x != 0)),
    )
    for rule, found in wrong:
        if found.any():
            raise ScoreError(f"row {int(np.argmax(found))}: {rule}")
    return x, t_x, t
