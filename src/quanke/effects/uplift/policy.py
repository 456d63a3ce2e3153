"""What treating the best customers by a score is worth, on customers the score has not seen, doubly
robust."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from quanke.effects.uplift.arms import Bools, Floats, chances_of, experiment_of, level_of, outcome_of
from quanke.effects.uplift.folds import groups_of, standard_error
from quanke.kernel.errors import EffectError

NEAR = 0.05
"""Share of customers around the border from which the effect on the border is taken."""


@dataclass(frozen=True, slots=True)
class MeanInterval:
    """A mean per customer, in units of y, with its interval and standard error."""

    value: float
    low: float
    high: float
    se: float

    def __float__(self) -> float:
        return self.value


@dataclass(frozen=True, slots=True)
class PolicyValue:
    """Mean outcome per customer, less the cost of treating, if `share` of the customers is treated by the
    score; beside it if everybody is, and nobody. `over_*`: what the policy brings more than each, and more
    than treating as many drawn by lot; each with its own interval, which is narrower than the means' own."""

    policy: MeanInterval
    treat_all: MeanInterval
    treat_none: MeanInterval
    over_all: MeanInterval
    over_none: MeanInterval
    over_lot: MeanInterval
    share: float
    level: float

    def __float__(self) -> float:
        return self.policy.value


def policy_value(
    y: Any,
    treated: Any,
    score: Any,
    *,
    share: float | None = None,
    threshold: float | None = None,
    propensity: float | Sequence[float] | Floats | None = None,
    outcomes: tuple[Any, Any] | None = None,
    cost: float = 0.0,
    level: float = 0.95,
    groups: Any = None,
) -> PolicyValue:
    """Value of "treat the best by score": the best `share` (0 to 1; of customers with one score at the border
    as many as fit, by lot), or all whose score is above `threshold`.

    y, treated, score: (n,), of customers that nothing was learned from. propensity: the share that was
    treated by design, or (n,) chances; None: the observed share. outcomes: (untreated, treated) what models
    that have not seen these customers expect of each, (n,) both; None: the means of the arms. cost: what
    treating one customer costs, in units of y. groups: (n,) whose row each is, where customers have several:
    they are then one observation.

    The estimate is AIPW: right if either the propensity or the outcome models are (Robins, Rotnitzky, Zhao
    1994); the standard errors are of its influence function, which counts that the border of a share is a
    quantile of these customers (Athey, Wager 2021; Luedtke, van der Laan 2016). Raises EffectError for arrays
    or settings that do not fit.
    """
    outcome, arm, ranked = experiment_of(y, treated, score)
    level = level_of(level)
    own = groups_of(groups, len(outcome))
    on, off = _both(outcome, arm, chances_of(propensity, arm), outcomes)
    on = on - cost
    chosen, border = _chosen(ranked, share, threshold)
    gain = on - off
    reach = float(chosen.mean())
    # of a share the border moves with the customers drawn: what is won there is lost to whom it pushes out
    moved = _at_border(ranked, gain, border) * (chosen - reach) if share is not None else 0.0
    policy, best = off + chosen * gain - moved, (chosen - reach) * gain - moved

    def mean(values: Floats, value: float) -> MeanInterval:
        se = standard_error(values, own)
        half = NormalDist().inv_cdf((1 + level) / 2) * se
        return MeanInterval(value, value - half, value + half, se)

    worth = float((off + chosen * gain).mean())
    lot = float(((chosen - reach) * gain).mean())
    # the share drawn by lot moves with the threshold's share as well
    spread = best if share is not None else best - (chosen - reach) * float(gain.mean())
    return PolicyValue(
        policy=mean(policy, worth),
        treat_all=mean(on, float(on.mean())),
        treat_none=mean(off, float(off.mean())),
        over_all=mean(policy - on, worth - float(on.mean())),
        over_none=mean(policy - off, worth - float(off.mean())),
        over_lot=mean(spread, lot),
        share=reach,
        level=level,
    )


def _both(
    outcome: Floats, arm: Bools, chance: Floats, outcomes: tuple[Any, Any] | None
) -> tuple[Floats, Floats]:
    """Outcome of each customer if treated and if not, by AIPW (n,) both."""
    if outcomes is None:
        off = np.full(len(arm), outcome[~arm].mean())
        on = np.full(len(arm), outcome[arm].mean())
    else:
        off, on = (outcome_of(of, "outcomes") for of in outcomes)
        if not len(off) == len(on) == len(arm):
            raise EffectError(f"outcomes must be two rows of {len(arm)} numbers")
    return on + arm * (outcome - on) / chance, off + ~arm * (outcome - off) / (1 - chance)


def _chosen(score: Floats, share: float | None, threshold: float | None) -> tuple[Floats, float]:
    """Chance of each customer to be treated under the policy (n,), and the score at the border."""
    if (share is None) == (threshold is None):
        raise EffectError("a policy needs share or threshold, and not both")
    if threshold is not None:
        return (score > threshold).astype(np.float64), float(threshold)
    assert share is not None
    if not 0 <= share <= 1:
        raise EffectError("share must lie between 0 and 1")
    wanted = share * len(score)
    border = float(np.sort(score)[::-1][min(len(score) - 1, int(np.ceil(wanted)) - 1 if wanted else 0)])
    above, level = score > border, score == border
    part = (wanted - above.sum()) / level.sum()
    return above + level * float(np.clip(part, 0, 1)), border


def _at_border(score: Floats, gain: Floats, border: float) -> float:
    """Mean gain of the customers whose scores are nearest to the border."""
    near = max(1, int(NEAR * len(score)))
    away = np.abs(score - border)
    limit = np.partition(away, near - 1)[near - 1]
    return float(gain[away <= limit].mean())
