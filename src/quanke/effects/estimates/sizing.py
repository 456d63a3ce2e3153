"""How many customers a campaign needs, and what a campaign of a given size can see.

Power of the two-sample t test is statsmodels' (`statsmodels.stats.power`).
"""

from __future__ import annotations

from math import ceil, sqrt

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
    from statsmodels.stats.power import tt_ind_solve_power

    left = _left(sd, share, level, power, correlation)
    if not effect:
        raise EffectError("effect: an effect of zero cannot be shown by any number of customers")
    try:
        control = tt_ind_solve_power(
            effect_size=abs(effect) / left, alpha=1 - level, power=power, ratio=share / (1 - share)
        )
        control = float(control if not hasattr(control, "item") else control.item())
    except ValueError:  # an effect so large that the least number statsmodels looks at is too many
        control = 2.0
    together = max(control, 2.0) / (1 - share) * _alike(cluster_size, cluster_correlation)
    return ceil(round(together, 6))


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
    from statsmodels.stats.power import tt_ind_solve_power

    left = _left(sd, share, level, power, correlation)
    control = customers * (1 - share) / _alike(cluster_size, cluster_correlation)
    if min(control, control * share / (1 - share)) < 2:
        raise EffectError("customers: fewer than two in an arm show nothing")
    found = tt_ind_solve_power(nobs1=control, alpha=1 - level, power=power, ratio=share / (1 - share))
    return float(found if not hasattr(found, "item") else found.item()) * left


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
