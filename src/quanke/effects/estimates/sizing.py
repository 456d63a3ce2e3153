"""How many customers a campaign needs, and what a campaign of a given size can see.

Power of the two-sample t test is statsmodels' (`statsmodels.stats.power`).
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, sqrt

import numpy as np

from quanke.kernel.errors import EffectError


def sample_size(
    effect: float,
    sd: float,
    share: float = 0.5,
    level: float = 0.95,
    power: float = 0.8,
    *,
    correlation: float = 0.0,
    cluster_size: float = 1.0,
    cluster_correlation: float = 0.0,
) -> int:
    """Customers in both arms together, for an effect of this size to be shown with this power.

    `effect` and `sd` (of the outcome) in the same unit; `share` of customers treated; `correlation` of the
    outcome with the pre-period covariate: CUPED leaves 1 - correlation^2 of the variance. Clusters of
    `cluster_size` customers, alike by `cluster_correlation`, multiply by 1 + (size - 1) * correlation.
    Raises EffectError for an effect of zero and shares, levels or correlations out of their ranges.
    """
    left = _left(sd, share, level, power, correlation)
    if not effect:
        raise EffectError("effect: an effect of zero cannot be shown by any number of customers")
    control = _least(lambda n: _power(abs(effect) / left, n, share, level) >= power, 2.0)
    return ceil(round(control / (1 - share) * _alike(cluster_size, cluster_correlation), 6))


def detectable(
    customers: int,
    sd: float,
    share: float = 0.5,
    level: float = 0.95,
    power: float = 0.8,
    *,
    correlation: float = 0.0,
    cluster_size: float = 1.0,
    cluster_correlation: float = 0.0,
) -> float:
    """The smallest effect, in the unit of `sd`, that so many customers show with this power.

    The other arguments are those of `sample_size`. Raises EffectError for fewer than two customers in an arm.
    """
    left = _left(sd, share, level, power, correlation)
    control = customers * (1 - share) / _alike(cluster_size, cluster_correlation)
    if min(control, control * share / (1 - share)) < 2:
        raise EffectError("customers: fewer than two in an arm show nothing")
    return left * _least(lambda effect: _power(effect, control, share, level) >= power, 0.0)


def _power(effect: float, control: float, share: float, level: float) -> float:
    """Power of the two-sample t test for an effect in standard deviations."""
    from statsmodels.stats.power import TTestIndPower

    found = float(np.squeeze(TTestIndPower().power(effect, control, 1 - level, ratio=share / (1 - share))))
    return 1.0 if np.isnan(found) else found  # the non-central t gives up where nothing can be missed


def _least(enough: Callable[[float], bool], low: float) -> float:
    """The least number from `low` on that is enough, by halving; statsmodels' own search gives up on large
    effects."""
    if low and enough(low):
        return low
    high = max(low, 1.0)
    while not enough(high):
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _left(sd: float, share: float, level: float, power: float, correlation: float) -> float:
    """Standard deviation that covariates leave."""
    if not sd > 0:
        raise EffectError("sd: must be above 0")
    for name, value in (("share", share), ("level", level), ("power", power)):
        if not 0 < value < 1:
            raise EffectError(f"{name}: must lie between 0 and 1")
    if not -1 < correlation < 1:
        raise EffectError("correlation: must lie between -1 and 1")
    return sd * sqrt(1 - correlation**2)


def _alike(size: float, correlation: float) -> float:
    """The design effect of clusters (Kish 1965)."""
    if size < 1 or not 0 <= correlation <= 1:
        raise EffectError("cluster: sizes start at 1, and customers are alike by 0 to 1")
    return 1 + (size - 1) * correlation
