"""A plan and its bound brought together, where customers are few enough to be looked at again and again.

With few customers to a row the packed limit decides much that the smoothed dual does not see. So the prices
of the other rows take steps along what these rows hold too much or too little after packing (subgradient
steps of the decomposed dual, as long as the bound lies above the best plan; Polyak 1969): the bound falls,
and each step's plan is another one that may be worth more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quanke.plans import dual
from quanke.plans.limits import Amounts
from quanke.plans.mending import Mended, mended_by
from quanke.plans.problem import Problem

UP_TO = 30_000
"""Customers, at most."""
STEPS = 40
CLOSE = 2e-4
"""A gap at which no further step is made."""
FIRST = 0.05
"""The share of the gap that the first step is meant to close; halved where PATIENCE steps lower nothing."""
PATIENCE = 3


@dataclass(frozen=True, eq=False)
class Sharp:
    """The best plan seen, the lowest bound, and the prices it was seen at."""

    places: NDArray[np.int16]
    value: float
    bound: float
    price: Amounts


def sharpened(problem: Problem, price: Amounts, found: Mended, bound: float) -> Sharp:
    """The plan and the bound after steps from some prices, at which `found` keeps the limits."""
    _, value = dual.used_by(problem, found.places)
    best = Sharp(found.places, value, bound, price)
    if problem.customers > UP_TO:
        return best
    current, length, stale = price, FIRST, 0
    for _ in range(STEPS):
        gap = bound - best.value
        if best.bound - best.value <= CLOSE * abs(best.bound):
            break
        current = _stepped(problem, current, found, length * gap)
        chosen = dual.chosen_at(problem, current)
        bound = dual.bound_of(problem.room, current, chosen.usage, chosen.value, chosen.net)
        found = mended_by(problem, current, chosen, best.bound, 1)
        bound -= found.fallen
        stale = 0 if bound < best.bound else stale + 1
        if stale == PATIENCE:
            length, stale = length / 2, 0
        best = _better(problem, best, found, bound, current)
    return best


def _better(problem: Problem, best: Sharp, found: Mended, bound: float, price: Amounts) -> Sharp:
    places, value = best.places, best.value
    if not len(found.wrong):
        _, worth = dual.used_by(problem, found.places)
        if worth > value:
            places, value = found.places, worth
    if bound < best.bound:
        return Sharp(places, value, bound, price)
    return Sharp(places, value, best.bound, best.price)


def _stepped(problem: Problem, price: Amounts, found: Mended, fall: float) -> Amounts:
    """Prices after a step that would lower the bound by so much, were it straight."""
    room = problem.room
    slope = dual.excess_of(room, price, found.held)
    if found.packed >= 0:
        slope[problem.first[found.packed] : problem.first[found.packed + 1]] = 0.0
    # a unit says less of a large row than of a small one
    size = np.maximum(np.where(np.isfinite(room.capacity), room.capacity, room.floor), 1.0)
    ahead = slope / np.where(np.isfinite(size), size, 1.0)
    steep = float(ahead @ slope)
    return dual.kept_within(room, price, price + fall / steep * ahead) if steep > 0 else price
