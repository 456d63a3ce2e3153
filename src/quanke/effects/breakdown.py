"""The way from what was seen to what was caused, and the effect within groups."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from quanke.effects.estimates.measuring import corrected, estimate
from quanke.effects.netting import Moved
from quanke.effects.report import GroupEffect, NaturalFlow

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
MOST_MEMBERS = 50
"""Groups of one dimension that are broken out, the largest first."""


def natural_flow(metric: str, grown: Floats, moved: Moved, treated: Bools, increment: float) -> NaturalFlow:
    """Growth of the treated, less what came anyway, less what moved inside. `grown`: (n,) fen against the
    days before, NaN for unknown. `increment`: the estimate over all treated, in fen."""
    known = ~np.isnan(grown)
    acted, control = treated & known, ~treated & known
    count = float(acted.sum())

    def beyond(values: Floats) -> float:
        return count * float(values[acted].mean() - values[control].mean())

    gross, anyway = float(grown[acted].sum()), count * float(grown[control].mean())
    family, branch = beyond(moved.family), beyond(moved.branch)
    return NaturalFlow(
        metric=metric,
        gross=gross,
        anyway=anyway,
        family=family,
        branch=branch,
        chance=gross - anyway - family - branch - increment,
        increment=increment,
    )


def effects_within(
    dimension: str,
    members: Mapping[str, Bools],
    values: Floats,
    before: Floats | None,
    treated: Bools,
    strata: NDArray[np.int64],
    cluster: NDArray[np.int64] | None,
    least: int,
    level: float,
    sequential: bool,
    unit: str,
) -> list[GroupEffect]:
    """The effect on one outcome within each member of a dimension, corrected for their number (Holm).

    `members`: flags (n,) by member. A member whose smaller arm has fewer than `least` customers, or less than
    two clusters, is not told, nor is one beyond the `MOST_MEMBERS` largest (`cut`). None at all where there
    is only one.
    """
    if len(members) < 2:
        return []
    known = ~np.isnan(values)
    told = {
        member: rows
        for member, rows in members.items()
        if min((rows & known & treated).sum(), (rows & known & ~treated).sum()) >= least
        and _clusters_vary(cluster, rows & known, treated)
    }
    largest = sorted(told, key=lambda member: (-int(told[member].sum()), member))[:MOST_MEMBERS]
    found = {}
    for member in largest:
        # rows of others are no rows of an unknown outcome: they are left away before anything is counted
        rows = told[member]
        found[member] = estimate(
            values[rows],
            treated[rows],
            None if before is None else before[rows],
            strata[rows],
            None if cluster is None else cluster[rows],
            level,
            sequential=sequential,
            unit=unit,
        )
    found = corrected(found, "holm")
    shown = {m: one for m, one in found.items() if min(one.n_treated, one.n_control) >= least}
    cut = told.keys() - found.keys()
    return [GroupEffect(dimension=dimension, member=m, estimate=shown.get(m), cut=m in cut) for m in members]


def _clusters_vary(cluster: NDArray[np.int64] | None, rows: Bools, treated: Bools) -> bool:
    """Whether both arms have clusters enough to see how much these differ."""
    return cluster is None or all(len(np.unique(cluster[rows & arm])) > 1 for arm in (treated, ~treated))
