"""Why a customer was given what he was: what it is worth, what it pays, and what came next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quanke.plans.limits import Amounts
from quanke.plans.problem import Problem


@dataclass(frozen=True, slots=True)
class Offer:
    """An action for a customer: its value, what it pays at the limits' prices (below 0: it is paid for), by
    limit and row where that is not 0, and what is left (`net`)."""

    action: int
    value: float
    paid: float
    net: float
    by_limit: tuple[tuple[str, int, float], ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a customer was given what he was.

    `chosen` the actions; `wanted` those he would have had by value alone; `bound_by` the rows of limits that
    kept the difference from him, the dearest first; `runner_up` the best action he was not given (None: there
    is none) and `lost_by` by how much net it lost. Below 0: it would have been better for him at the prices,
    but did not fit: `bound_by` then names what was full.
    """

    customer: int
    chosen: tuple[Offer, ...]
    wanted: tuple[int, ...]
    bound_by: tuple[tuple[str, int], ...]
    runner_up: Offer | None
    lost_by: float


def reason_of(
    problem: Problem, price: Amounts, usage: Amounts, places: NDArray[np.int16], place: int, customer: int
) -> Reason:
    """The reason of the customer at a place of the problem (the caller's `customer`)."""
    offers = {
        w: _offer(problem, price, place, w)
        for w in np.flatnonzero(np.isfinite(problem.values[place])).tolist()
    }
    mine = [int(w) for w in places[place] if w >= 0]
    chosen = sorted((offers[w] for w in mine), key=lambda o: (-o.value, o.action))
    by_value = sorted((o for o in offers.values() if o.value > 0), key=lambda o: (-o.value, o.action))
    wanted = by_value[: problem.k]
    others = [(w, o) for w, o in offers.items() if w not in mine]
    best = max(others, key=lambda x: (x[1].net, -x[1].action), default=None)
    beaten = min((o.net for o in chosen), default=0.0) if len(chosen) == problem.k else 0.0
    lost_by = beaten - best[1].net if best else np.inf
    missed = {o.action for o in wanted} - {o.action for o in chosen}
    asked: dict[tuple[str, int], float] = {}
    for w, offer in others:
        if offer.action not in missed:
            continue
        for name, row, paid in offer.by_limit:
            if paid > 0:
                asked[name, row] = max(asked.get((name, row), 0.0), paid)
        if lost_by < 0 or not any(paid > 0 for *_, paid in offer.by_limit):
            for name, row in _full(problem, usage, place, int(w), mine):
                asked.setdefault((name, row), 0.0)
    dearest = tuple(sorted(asked, key=lambda key: (-asked[key], key)))
    return Reason(
        customer,
        tuple(chosen),
        tuple(o.action for o in wanted),
        dearest,
        best[1] if best else None,
        float(lost_by),
    )


def _offer(problem: Problem, price: Amounts, place: int, w: int) -> Offer:
    action, value = action_at(problem, place, w), float(problem.values[place, w])
    rows = problem.rows[problem.signature[place]]
    by_limit = []
    for limit, row in enumerate(rows.tolist()):
        paid = float(price[row]) * use_at(problem, place, w, limit) if row >= 0 else 0.0
        if paid:
            by_limit.append((*problem.row_name(row), paid))
    paid = sum(x[2] for x in by_limit)
    return Offer(action, value, paid, value - paid, tuple(by_limit))


def action_at(problem: Problem, place: int, w: int) -> int:
    """The action at a place of a customer's."""
    return int(problem.actions[place if len(problem.actions) > 1 else 0, w])


def use_at(problem: Problem, place: int, w: int, limit: int) -> float:
    """What it uses of a limit."""
    at = problem.matrix_at[limit]
    found: Any = (
        problem.matrices[at, place, w] if at >= 0 else problem.use[limit, action_at(problem, place, w)]
    )
    return float(found)


def _full(problem: Problem, usage: Amounts, place: int, w: int, mine: list[int]) -> list[tuple[str, int]]:
    """Rows in which the action found no room, even in the stead of what he has."""
    full = []
    for limit, row in enumerate(problem.rows[problem.signature[place]].tolist()):
        if row < 0:
            continue
        freed = max((use_at(problem, place, at, limit) for at in mine), default=0.0)
        if usage[row] - freed + use_at(problem, place, w, limit) > problem.room.capacity[row]:
            full.append(problem.row_name(row))
    return full
