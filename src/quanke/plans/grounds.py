"""From declared limits to arrays: what each allows tonight, and under which of its rows everybody falls."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from quanke.kernel.errors import AllocationError
from quanke.plans.actions.action import Action
from quanke.plans.budgets import POST, Budget, Of, Quantity, Unit

if TYPE_CHECKING:
    from quanke.plans.limits import Limit

Codes = NDArray[np.int32]
_MILLION = 1_000_000


@dataclass(frozen=True)
class Rows:
    """Under which row everybody falls: `codes` by customer (-1: none), a place in `members`."""

    codes: Codes
    members: tuple[str, ...]


@dataclass(frozen=True)
class Grounds:
    """What limits are measured on.

    `eligible`: customers x actions; `customers`: in scope; `rows`: by `post` and by tag; `seats`: posts by
    role where somebody sits; `filled`: whether that is so, by row of `post`; `slack`: days until a contact is
    due by the standard, below zero when late (`NEVER_DUE`: never); `rank`: of the tier.
    """

    day: dt.date
    actions: Sequence[Action]
    eligible: NDArray[np.bool_]
    customers: int
    rows: Mapping[str, Rows]
    seats: Mapping[str, int]
    filled: NDArray[np.bool_]
    slack: NDArray[np.int32]
    rank: NDArray[np.int8]


NEVER_DUE = 1_000_000
DUE_WITHIN = 5
"""Contacts due within so many days are wanted today where there is time."""


@dataclass(frozen=True)
class Laid:
    """A declared limit laid on the ground: the limit as the kernel takes it, the names of its rows, and of
    the rhythm whom it does not reach for want of time."""

    budget: Budget
    limit: Limit
    members: tuple[str, ...]
    waiting: int = 0


def lay(budgets: Sequence[Budget], grounds: Grounds) -> list[Laid]:
    """All limits of a night, in the order they are declared. One that concerns no action offered is left
    out."""
    found: dict[str, Laid] = {}
    for budget in budgets:
        if not any(budget.concerns(action) for action in grounds.actions):
            continue
        if budget.of is Of.RHYTHM:
            found[budget.name] = _rhythm(budget, found, grounds)
        else:
            found[budget.name] = _laid(budget, found, grounds)
    return list(found.values())


def _laid(budget: Budget, standing: Mapping[str, Laid], grounds: Grounds) -> Laid:
    from quanke.plans.limits import Limit  # SciPy: where a plan is made, and not where one is read

    use = np.array([budget.uses(action, grounds.day) for action in grounds.actions], np.float64)
    rows = grounds.rows[budget.per] if budget.per else None
    members = rows.members if rows else ("",)
    capacity: NDArray[np.float64] | None = None
    if budget.capacity is not None:
        capacity = np.full(len(members), _amount(budget.capacity, grounds))
        if budget.per == POST:
            capacity = np.where(grounds.filled, capacity, 0.0)
    at_least = None
    if budget.at_least is not None:
        at_least = _floors(budget, budget.at_least, standing, grounds)
    group = rows.codes if rows else None
    return Laid(budget, Limit(budget.name, capacity, use, group, at_least), members)


def _amount(quantity: Quantity, grounds: Grounds) -> float:
    number = quantity.number.on(grounds.day)
    if quantity.unit is Unit.CUSTOMERS:
        return number * grounds.customers // _MILLION
    if quantity.unit is Unit.SEATS:
        return number * grounds.seats.get(quantity.name, 0)
    return number


def _floors(
    budget: Budget, quantity: Quantity, standing: Mapping[str, Laid], grounds: Grounds
) -> NDArray[np.float64]:
    """What each row must get at least. A share of another limit is spread by how many can be reached."""
    rows = grounds.rows[budget.per] if budget.per else Rows(np.zeros(len(grounds.eligible), np.int32), ("",))
    concerned = [i for i, action in enumerate(grounds.actions) if budget.concerns(action)]
    reachable = grounds.eligible[:, concerned].any(axis=1) & (rows.codes >= 0)
    count = np.bincount(rows.codes[reachable], minlength=len(rows.members)).astype(np.float64)
    if quantity.unit is not Unit.LIMIT:
        return np.minimum(_amount(quantity, grounds), count)
    other = standing[quantity.name].limit.capacity
    whole = float(np.asarray(other, np.float64).sum())
    share = quantity.number.on(grounds.day) / _MILLION * min(whole, float(count.sum()))
    floors: NDArray[np.float64] = np.floor(share * count / max(1.0, count.sum()))
    return floors


def _rhythm(budget: Budget, standing: Mapping[str, Laid], grounds: Grounds) -> Laid:
    """Who is due is contacted: of each post the highest tiers first, then the most overdue, as far as their
    contacts fit into a share of its minutes. Each such customer is a row of the limit."""
    from quanke.plans.limits import Limit

    assert budget.capacity is not None
    minutes = standing[budget.capacity.name].limit
    keeps = np.array([budget.concerns(action) for action in grounds.actions])
    length = np.where(keeps, np.asarray(minutes.use, np.float64), np.inf)
    post = grounds.rows[POST].codes
    due = np.flatnonzero((grounds.slack <= DUE_WITHIN) & (post >= 0) & grounds.eligible[:, keeps].any(axis=1))
    shortest = np.where(grounds.eligible[due], length, np.inf).min(axis=1, initial=np.inf)
    order = np.lexsort((due, grounds.slack[due], -grounds.rank[due].astype(np.int64), post[due]))
    due, shortest = due[order], shortest[order]
    at = post[due]
    first = np.searchsorted(at, at)
    spent = np.cumsum(shortest)
    within = spent - np.where(first > 0, spent[first - 1], 0.0)
    share = budget.capacity.number.on(grounds.day) / _MILLION
    room = np.asarray(minutes.capacity, np.float64)[at] * share
    # A customer whose shortest contact does not fit waits; those after him may still be reached tomorrow.
    kept = due[within <= room]
    group = np.full(len(grounds.slack), -1, np.int32)
    group[kept] = np.arange(len(kept), dtype=np.int32)
    limit = Limit(budget.name, None, keeps.astype(np.float64), group, np.ones(len(kept)))
    return Laid(budget, limit, (), waiting=len(due) - len(kept))


def relaxed(limit: Limit, error: AllocationError) -> Limit:
    """A limit as far as the nearest relaxation of contradicting limits lets it give way."""
    given = [(row, bound, much) for name, row, bound, much in error.relaxation if name == limit.name]
    if not given:
        return limit
    rows = 1 if limit.group is None else int(np.max(limit.group, initial=-1)) + 1
    rows = max(rows, *(np.size(b) for b in (limit.capacity, limit.at_least) if np.ndim(b)), 1)
    bounds: dict[str, Any] = {}
    for bound, sign in (("capacity", 1.0), ("at_least", -1.0)):
        held = getattr(limit, bound)
        if held is not None:
            bounds[bound] = np.broadcast_to(np.asarray(held, np.float64), (rows,)).copy()
            for row, which, much in given:
                if which == bound:
                    bounds[bound][row] += sign * much
    return replace(limit, **bounds)
