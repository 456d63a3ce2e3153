"""Weights as whole basis points that sum to 1 and keep the limits: what a person reads is what is used."""

from __future__ import annotations

from itertools import combinations, islice

import numpy as np
from numpy.typing import NDArray

from quanke.wealth.portfolios.limits import Limits

Floats = NDArray[np.float64]
POINTS = 10_000
SMALLEST = 20
"""Holdings below so many basis points are dropped where the limits allow: nobody buys 0.1 % of it all."""
TRIED = 20_000
"""Ways to round up and down that are looked at, at most."""


def rounded(weights: Floats, limits: Limits) -> Floats:
    """Weights in whole basis points, each rounded up or down, as near as the linear limits allow; what is
    very small is given to another asset where they allow that too. Unchanged where no rounding keeps them."""
    clean = np.where(limits.suitable, np.maximum(weights, 0.0), 0.0)
    units = clean / clean.sum() * POINTS
    small = (units > 0) & (units < SMALLEST)
    if small.any():
        rest = np.where(small, 0.0, units)
        for receiver in np.argsort(-rest, kind="stable"):
            moved = rest.copy()
            moved[receiver] += units[small].sum()
            found = _nearest(moved, limits) if rest[receiver] > 0 else None
            if found is not None:
                return found
    found = _nearest(units, limits)
    return clean / clean.sum() if found is None else found


def _nearest(units: Floats, limits: Limits) -> Floats | None:
    """The nearest whole units, each the one below or above, that keep the limits; None where none do."""
    # solvers leave 0.4 as 0.3999999
    near = np.where(np.abs(units - np.rint(units)) < 1e-3, np.rint(units), units)
    low = np.floor(near)
    up, left = np.flatnonzero(near > low), round(POINTS - low.sum())
    if not 0 <= left <= len(up):
        return None
    # the largest remainders come first, so that the first that keeps the limits is nearest, or nearly
    order = up[np.argsort(-(near - low)[up], kind="stable")]
    chosen = list(islice(combinations(order.tolist(), left), TRIED))
    tried = np.repeat(low[None, :], len(chosen), axis=0)
    if left:
        tried[np.arange(len(chosen))[:, None], np.array(chosen)] += 1
    keeps = (tried @ limits.left.T <= limits.right * POINTS + 1e-6).all(axis=1)
    if not keeps.any():
        return None
    apart = np.where(keeps, np.abs(tried - units).sum(axis=1), np.inf)
    found: Floats = tried[int(np.argmin(apart))] / POINTS
    return found
