"""Folds for cross-fitting, and sums by customer: rows of one customer are one observation, wherever they
stand."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quanke.effects.uplift.arms import Bools, Floats
from quanke.kernel.errors import EffectError

Places = NDArray[np.intp]
Folds = list[tuple[Places, Places]]


def groups_of(groups: Any, rows: int) -> Places | None:
    """(rows,) codes from 0 of what belongs together; None where every row stands for itself. Raises
    EffectError for another number of rows."""
    if groups is None:
        return None
    given = np.asarray(groups)
    if given.shape != (rows,):
        raise EffectError(f"groups has the shape {given.shape}, y has {rows} rows")
    known, codes = np.unique(given, return_inverse=True)
    return None if len(known) == rows else np.asarray(codes, np.intp)


def by_group(values: Floats, groups: Places | None) -> Floats:
    """Sums of values (n,) by group; the values themselves where there are no groups."""
    return values if groups is None else np.asarray(np.bincount(groups, values), np.float64)


def standard_error(values: Floats, groups: Places | None) -> float:
    """Standard error of the mean of values (n,), rows of a group counting together."""
    sums = by_group(values - values.mean(), groups)
    if len(sums) < 2:
        return float("nan")
    return float(np.sqrt((sums**2).sum() * len(sums) / (len(sums) - 1)) / len(values))


def folds_of(outcome: Floats, arm: Bools, count: int, seed: int, groups: Places | None) -> Folds:
    """Folds with the arms, and the outcomes other than 0, in their shares as far as they go round; no group
    is on both sides. Raises EffectError where the groups leave the rest of a fold without an arm."""
    from sklearn.model_selection import StratifiedKFold

    strata = arm * 2 + (outcome != 0)
    lesser = arm * 2
    if groups is not None:
        # what a group has of each kind, as bits: its rows go together, so the groups are what is spread
        strata, lesser = _bits(strata, groups), _bits(lesser, groups)
    few = np.bincount(strata)[strata] < count
    strata = np.where(few, lesser, strata)
    if len(strata) < count:
        raise EffectError(f"{len(strata)} groups are too few for {count} folds")
    shuffled = StratifiedKFold(count, shuffle=True, random_state=seed)
    if groups is None:
        return list(shuffled.split(np.zeros((len(strata), 1)), strata))
    rare = np.bincount(strata)[strata] < count
    strata = np.where(rare, 0, strata)  # no kind is 0: what is too rare to go round goes round together
    if rare.any() and rare.sum() < count:
        strata = np.where(rare, np.argmax(np.bincount(strata)), strata)
    folds = []
    for _, own in shuffled.split(np.zeros((len(strata), 1)), strata):
        held = np.isin(groups, own)
        if arm[~held].all() or not arm[~held].any():
            raise EffectError("an arm is in too few groups: without one fold nothing of it is left")
        folds.append((np.flatnonzero(~held), np.flatnonzero(held)))
    return folds


def _bits(kinds: Places, groups: Places) -> Places:
    found = np.zeros(int(groups.max()) + 1, np.intp)
    np.bitwise_or.at(found, groups, 1 << kinds)
    return found
