"""From declared limits to arrays: what each allows tonight, and under which of its rows everybody falls."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from quanke.kernel.errors import AllocationError
from quanke.plans.actions.action import Action
from quanke.plans.budgets import POST, Budget, Of, Quantity, Unit
from quanke.segments.dated import Dated

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
_SHOWN = 3
UNKNOWN = "?"
"""Row of a limit for customers whose tag is not known."""
DUE_WITHIN = Dated.of(5)
"""Contacts due within so many natural days are wanted today where there is time."""


@dataclass(frozen=True)
class Laid:
    """A declared limit laid on the ground: the limit as the kernel takes it, and the names of its rows.

    `clipped`: by how much minima were lowered because not so many can be reached. Of the rhythm, `due` counts
    who is due a contact, and `told` how many of them are not asked for, by reason.
    """

    budget: Budget
    limit: Limit
    members: tuple[str, ...]
    clipped: float = 0.0
    due: int = 0
    told: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """Another capacity or minimum (`bound`) of one limit, of one row of it or of all."""

    limit: str
    bound: str
    value: float
    member: str | None = None


def lay(budgets: Sequence[Budget], grounds: Grounds, change: Change | None = None) -> list[Laid]:
    """All limits of a night, in the order they are declared; `change`: one of them otherwise, with all that
    are a share of it. One that concerns no action offered is left out."""
    found: dict[str, Laid] = {}
    for budget in budgets:
        made = _rhythm(budget, found, grounds) if budget.of is Of.RHYTHM else _laid(budget, found, grounds)
        if change is not None and change.limit == budget.name:
            made = changed(made, change)
        found[budget.name] = made
    return [
        made for made in found.values() if any(made.budget.concerns(action) for action in grounds.actions)
    ]


def changed(laid: Laid, change: Change) -> Laid:
    """A limit with another bound. A post where nobody sits stays without time, unless it is named."""
    held = laid.limit.capacity if change.bound == "capacity" else laid.limit.at_least
    none = np.inf if change.bound == "capacity" else 0.0
    bounds = np.full(len(laid.members), none if held is None else held, np.float64)
    if change.member is not None:
        bounds[laid.members.index(change.member)] = change.value
    elif laid.budget.per == POST and change.bound == "capacity":
        bounds[bounds > 0] = change.value
    else:
        bounds[:] = change.value
    if change.bound == "capacity":
        return replace(laid, limit=replace(laid.limit, capacity=bounds))
    return replace(laid, limit=replace(laid.limit, at_least=bounds))


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
    at_least, clipped = None, 0.0
    if budget.at_least is not None:
        at_least, clipped = _floors(budget, budget.at_least, standing, grounds, use)
    group = rows.codes if rows else None
    return Laid(budget, Limit(budget.name, capacity, use, group, at_least), members, clipped)


def _amount(quantity: Quantity, grounds: Grounds) -> float:
    number = quantity.number.on(grounds.day)
    if quantity.unit is Unit.CUSTOMERS:
        return number * grounds.customers // _MILLION
    if quantity.unit is Unit.SEATS:
        return number * grounds.seats.get(quantity.name, 0)
    return number


def _floors(
    budget: Budget,
    quantity: Quantity,
    standing: Mapping[str, Laid],
    grounds: Grounds,
    use: NDArray[np.float64],
) -> tuple[NDArray[np.float64], float]:
    """What each row must get at least, and by how much that is less than was asked for, as not so much can
    be used there. A share of another limit is spread by how much could be used. Nothing is asked of the row
    of those whose tag is not known."""
    rows = grounds.rows[budget.per] if budget.per else Rows(np.zeros(len(grounds.eligible), np.int32), ("",))
    most = np.zeros(len(grounds.eligible))
    for at, each in enumerate(use):
        if each:
            np.maximum(most, np.where(grounds.eligible[:, at], each, 0.0), out=most)
    inside = rows.codes >= 0
    could = np.bincount(rows.codes[inside], most[inside], minlength=len(rows.members))
    if rows.members and rows.members[-1] == UNKNOWN:
        could[-1] = 0.0
    if quantity.unit is not Unit.LIMIT:
        asked = np.where(could > 0, _amount(quantity, grounds), 0.0)
        floors: NDArray[np.float64] = np.minimum(asked, could)
        return floors, float((asked - floors).sum())
    whole = float(np.asarray(standing[quantity.name].limit.capacity, np.float64).sum())
    share = quantity.number.on(grounds.day) / _MILLION * min(whole, float(could.sum()))
    return np.floor(share * could / max(1.0, could.sum())), 0.0


def _rhythm(budget: Budget, standing: Mapping[str, Laid], grounds: Grounds) -> Laid:
    """Who is due is contacted: of each post the highest tiers first, then the most overdue, as far as their
    contacts fit into a share of its minutes. Each such customer is a row of the limit."""
    from quanke.plans.limits import Limit

    assert budget.capacity is not None
    minutes = standing[budget.capacity.name].limit
    keeps = np.array([budget.concerns(action) for action in grounds.actions], np.bool_)
    length = np.where(keeps, np.asarray(minutes.use, np.float64), np.inf)
    post = grounds.rows[POST].codes
    due = np.flatnonzero(grounds.slack <= DUE_WITHIN.on(grounds.day))
    owned = post[due] >= 0
    may = grounds.eligible[due][:, keeps].any(axis=1)
    told = {"no_post": int((~owned).sum()), "not_now": int((owned & ~may).sum())}
    count, due = len(due), due[owned & may]
    shortest = np.where(grounds.eligible[due], length, np.inf).min(axis=1, initial=np.inf)
    order = np.lexsort((due, grounds.slack[due], -grounds.rank[due].astype(np.int64), post[due]))
    due, shortest = due[order], shortest[order]
    at = post[due]
    first = np.searchsorted(at, at)
    spent = np.cumsum(shortest)
    within = spent - np.where(first > 0, spent[first - 1], 0.0)
    share = budget.capacity.number.on(grounds.day) / _MILLION
    room = np.full(len(grounds.rows[POST].members), minutes.capacity, np.float64)[at] * share
    kept = due[within <= room]
    told["no_time"] = len(due) - len(kept)
    group = np.full(len(grounds.slack), -1, np.int32)
    group[kept] = np.arange(len(kept), dtype=np.int32)
    # a promise to a customer gives way after a share of a branch, and that of a high tier last
    priority = 1 + np.maximum(grounds.rank[kept], 0).astype(np.int64)
    limit = Limit(budget.name, None, keeps.astype(np.float64), group, np.ones(len(kept)), priority)
    return Laid(budget, limit, (), due=count, told=told)


def once_each(actions: Sequence[Action], customers: int) -> list[Limit]:
    """Nobody is reached twice by one means on one day: needed where a customer gets several actions."""
    from quanke.plans.limits import Limit

    found = []
    for means in dict.fromkeys(action.means for action in actions):
        use = np.array([action.means is means for action in actions], np.float64)
        if use.sum() > 1:
            everybody = np.arange(customers, dtype=np.int32)
            found.append(Limit(f"once by {means}", np.ones(customers), use, everybody))
    return found


def told(error: AllocationError, laid: Sequence[Laid]) -> str:
    """Which limits contradict each other, and what gave way, with the names of their rows."""
    members = {each.budget.name: each.members for each in laid}

    def rows(name: str, numbers: Sequence[int]) -> str:
        names = [members[name][row] for row in numbers if row < len(members.get(name, ()))]
        shown = ", ".join(sorted(n for n in names if n)[:_SHOWN])
        more = ", ..." if len([n for n in names if n]) > _SHOWN else ""
        return (
            f"{name} ({shown}{more})"
            if shown
            else f"{name} ({len(numbers):,} rows)"
            if len(numbers) > 1
            else name
        )

    against: dict[tuple[str, str], list[int]] = {}
    for name, row, bound in error.conflict:
        against.setdefault((bound, name), []).append(row)
    minima = " and ".join(
        rows(name, found) for (bound, name), found in against.items() if bound == "at_least"
    )
    capacities = " and ".join(
        rows(name, found) for (bound, name), found in against.items() if bound == "capacity"
    )
    gave: dict[str, list[float]] = {}
    for name, _, _, much in error.relaxation:
        gave.setdefault(name, []).append(much)
    way = ", ".join(f"{name} by {sum(much):,.0f} in {len(much):,} rows" for name, much in gave.items())
    said = f"what {minima or 'minima'} want does not fit {capacities or 'the other limits'}"
    return f"{said}; lowered: {way}"


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
