"""What has to be said beside an effect: what was left out, filled, merged, or is too little."""

from __future__ import annotations

from math import sqrt

import numpy as np

from quanke.effects.estimates.adjusted import Adjusted
from quanke.effects.estimates.inputs import Arms, Covariates
from quanke.effects.estimates.shares import resembles_random
from quanke.kernel.errors import EffectError

FEW_CLUSTERS, FEW_EVENTS, FEW_AT_A_LOOK, FEW_CUSTOMERS = 30, 10, 100, 30
LARGEST_SHARE = 0.2
"""Share of the variance of one customer above which an interval is called rough: the mean of so skewed
amounts is not yet normal."""

LOSS_DIFFERS_BELOW = 0.01
"""p of the difference in shares of unknown outcomes."""


def ratio(who: Arms, expected: float | None) -> tuple[str, ...]:
    """The sample-ratio check against the planned share of treated, over customers or over clusters."""
    if expected is None:
        return ()
    if isinstance(expected, bool) or not isinstance(expected, int | float | np.number):
        raise EffectError("expected: the planned share of the treated, between 0 and 1")
    seen = who.arm
    if who.clusters:
        if not who.nested:
            return ("The sizes of the arms are not checked against the plan: clusters are in both arms.",)
        # what was drawn is the cluster: its customers are no draws of their own
        seen = who.arm[np.unique(who.cluster, return_index=True)[1]]
    found = resembles_random(seen, float(expected))
    return () if found else (found.sentence,)


def of(
    x: Covariates, unit: str, is_ratio: bool, found: Adjusted, se: float, who: Arms, sequential: bool | int
) -> tuple[str, ...]:
    """The warnings of one metric, in the order of a reader's interest."""
    said = [*_missing(found), *_strata(found), *_amounts(unit, is_ratio, found, who, sequential)]
    if x.filled:
        said.append(f"{x.filled:,} values of covariates are not known: filled with the mean and marked.")
    if x.values.shape[1] and not found.slopes:
        said.append("Covariates are not used: they do not vary, or an arm has too few customers for them.")
    if se > 0 and found.largest > LARGEST_SHARE and min(found.n) >= FEW_CUSTOMERS:
        one = "cluster" if who.clusters else "customer"
        said.append(
            f"One {one} makes up {found.largest:.0%} of the uncertainty: the interval is rough. Strata or "
            "covariates of what customers held before, or a capped outcome, would steady it."
        )
    if se == 0:
        said.append("The outcome does not vary within the arms: the interval says nothing.")
    return tuple(said)


def _missing(found: Adjusted) -> list[str]:
    control, treated = (int(n) for n in found.cells.missing)
    if not control + treated:
        return []
    all_control, all_treated = found.n[0] + control, found.n[1] + treated
    shares = treated / all_treated, control / all_control
    said = [
        f"Left out, as their outcome is not known: {treated:,} treated ({shares[0]:.1%}) and {control:,} in "
        f"control ({shares[1]:.1%})."
    ]
    whole = (control + treated) / (all_control + all_treated)
    error = sqrt(whole * (1 - whole) * (1 / all_control + 1 / all_treated))
    if error and abs(shares[0] - shares[1]) > _beyond() * error:
        said.append("The arms lose customers at different rates: who is left may not be alike.")
    return said


def _beyond() -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(1 - LOSS_DIFFERS_BELOW / 2)


def _strata(found: Adjusted) -> list[str]:
    said = []
    if found.cells.merged:
        said.append(
            f"{found.cells.merged:,} strata with fewer than two customers in an arm count as one stratum."
        )
    if found.cells.left_out:
        said.append(
            f"Left out: {found.cells.left_out:,} customers of strata with fewer than two customers in an arm."
        )
    return said


def _amounts(unit: str, is_ratio: bool, found: Adjusted, who: Arms, sequential: bool | int) -> list[str]:
    said = []
    least = int(found.n.min())
    if who.clusters and found.clusters < FEW_CLUSTERS:
        said.append(f"Only {found.clusters} clusters: below {FEW_CLUSTERS} the interval may be too narrow.")
    if sequential is not False and not who.clusters and least < FEW_AT_A_LOOK:
        said.append(f"An arm has only {least} customers: always-valid intervals hold from about 100 on.")
    elif least < FEW_CUSTOMERS:
        said.append(
            f"An arm has only {least} customers: the interval relies on outcomes that are not skewed."
        )
    if unit in ("people", "rate") and not is_ratio:
        mean = (found.cells.n * found.cells.mean[:, :, 0]).sum(axis=0) / found.n
        events = float(np.minimum(mean * found.n, (1 - mean) * found.n).min())
        if 0 <= events < FEW_EVENTS - 0.5:
            said.append(
                f"Only {events:,.0f} customers of an arm differ from the others: the interval is rough."
            )
    return said
