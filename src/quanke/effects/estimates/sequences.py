"""Intervals: of Student's t for one look, and always-valid ones for any number of looks.
 The always-valid interval is the asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and
Ramdas ("Time-uniform central limit theory and asymptotic confidence sequences", Annals of Statistics 2024,
theorem 2.2): Robbins' normal mixture, with the variance of the mixture fixed before the first look. Its p
value is that of the mixture sequential probability ratio test (Johari, Koomen, Pekelis and Walsh 2022).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, log, log1p, sqrt

TIGHTEST = 10_000
"""Customers at which the always-valid interval is tightest, unless named. It must not follow the data."""

TIGHTEST_CLUSTERS = 100
"""The same where clusters stand for themselves."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many standard errors an interval reaches down and up from the effect, and the p value."""

    down: float
    up: float
    p_value: float


def once(z: float, freedom: float, level: float) -> Bounds:
    """One look: t with so many degrees of freedom. `z`: effect over standard error."""
    from scipy.stats import t

    reach = float(t.ppf(0.5 + level / 2, freedom))
    return Bounds(reach, reach, float(2 * t.sf(abs(z), freedom)))


def always(z: float, size: int, level: float, tightest: int) -> Bounds:
    """Any number of looks, at `size` customers (or clusters) now; tightest at `tightest` of them."""
    at = size * mixture(level, tightest)
    reach = sqrt(2 * (at + 1) / at * (log1p(at) / 2 - log(1 - level)))
    power = log1p(at) / 2 - z * z * at / (2 * (at + 1)) if abs(z) < inf else -inf
    return Bounds(reach, reach, min(1.0, exp(power)))


def mixture(level: float, tightest: int) -> float:
    """Variance of the mixture that makes the sequence tightest at `tightest` (their equation 7)."""
    alpha = 1 - level
    return (-2 * log(alpha) + log(-2 * log(alpha) + 1)) / tightest
