"""The plan of a published night under another limit: what it would be worth, and what would change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from quanke.kernel.errors import NightError
from quanke.night.plan import GROUP, RECORD, decide
from quanke.night.plan_ground import Ground, exact_values, values_of
from quanke.night.planned import Planned
from quanke.plans.actions import Action
from quanke.plans.grounds import Change, Laid, lay


@dataclass(frozen=True)
class WhatIf:
    """A plan under a changed limit, beside the one that stands. Amounts in fen; `before`: what the bound was
    (None where rows differ, or where there was none); `customers`: how many get other actions; `by_action`:
    name, how many before, how many after; `relaxed`: what gave way where limits contradict each other."""

    limit: str
    member: str
    bound: str
    before: float | None
    after: float
    rows: int
    value_before: int
    value: int
    gap: float
    customers: int
    by_action: tuple[tuple[str, int, int], ...]
    relaxed: tuple[str, ...]


def what_if(
    planned: Planned,
    name: str,
    *,
    capacity: float | None = None,
    at_least: float | None = None,
    member: str | None = None,
) -> WhatIf:
    """The same plan with another capacity or minimum of one limit (of one row of it, or of all its rows).
    What is a share of that limit changes with it, as it would in the night.

    Raises NightError for a limit or a row the plan does not have, and for a bound that is no number.
    """
    change = _asked(name, capacity, at_least, member)
    night, actions = planned.night, planned.actions
    parts = [night.path / "profile" / f"{GROUP}-{at:05d}.parquet" for at in range(len(_parts(planned)))]
    values = values_of(parts, actions, night.rows)
    ground = _ground(planned, parts)
    eligible = ground.eligible(values, pq.read_table(planned.path(RECORD)))
    np.nan_to_num(values, copy=False, nan=0.0)
    grounds = ground.grounds(eligible)
    budgets = planned.program.budgets
    before = _found(planned, lay(budgets, grounds), change)
    laid = lay(budgets, grounds, change)
    made = decide(values, laid, eligible, actions, int(planned.sheet["per_customer"]))
    customer, place = np.nonzero(made.chosen >= 0)
    worth = exact_values(parts, actions)(customer, made.chosen[customer, place].astype(np.int64))
    held = _matrix(planned.decided, actions, made.chosen.shape)
    was, now = counts(held, len(actions)), counts(made.chosen, len(actions))
    names = [action.name for action in actions]
    return WhatIf(
        limit=name,
        member=member or "",
        bound=change.bound,
        before=_one(before, change),
        after=change.value,
        rows=_rows(before, change),
        value_before=planned.sheet["value"] + planned.withheld_value,
        value=int(worth.sum()),
        gap=float(made.plan.gap),
        customers=int((np.sort(held, axis=1) != np.sort(made.chosen, axis=1)).any(axis=1).sum()),
        by_action=tuple((n, int(a), int(b)) for n, a, b in zip(names, was, now, strict=True) if a != b),
        relaxed=made.relaxed,
    )


def _asked(name: str, capacity: float | None, at_least: float | None, member: str | None) -> Change:
    if (capacity is None) == (at_least is None):
        raise NightError("say another capacity, or another minimum")
    bound, value = ("at_least", at_least) if capacity is None else ("capacity", capacity)
    assert value is not None
    if not isfinite(value) or value < 0:
        raise NightError("a bound of a limit is a number, not below zero")
    return Change(name, bound, float(value), member)


def _found(planned: Planned, laid: Sequence[Laid], change: Change) -> Laid:
    found = next((each for each in laid if each.budget.name == change.limit and each.members), None)
    if found is None:
        known = ", ".join(each.budget.name for each in laid if each.members)
        raise NightError(f"the plan has no limit {change.limit!r} that could be changed; it has {known}")
    if change.member is not None and change.member not in found.members:
        raise NightError(f"the limit {change.limit} has no row {change.member!r}")
    return found


def _held(laid: Laid, change: Change) -> NDArray[np.float64]:
    """The bound of the rows that change."""
    held = laid.limit.capacity if change.bound == "capacity" else laid.limit.at_least
    bounds = np.full(len(laid.members), np.nan if held is None else held, np.float64)
    if change.member is not None:
        return bounds[[laid.members.index(change.member)]]
    return bounds[bounds != 0.0] if laid.budget.per == "post" and change.bound == "capacity" else bounds


def _one(laid: Laid, change: Change) -> float | None:
    bounds = _held(laid, change)
    return float(bounds[0]) if len(bounds) and np.isfinite(bounds).all() and np.ptp(bounds) == 0 else None


def _rows(laid: Laid, change: Change) -> int:
    return len(_held(laid, change))


def _ground(planned: Planned, parts: Sequence[Path]) -> Ground:
    night = planned.night
    return Ground(
        day=night.day,
        program=planned.program,
        actions=planned.actions,
        tags=night.columns,
        posts=planned.posts,
        column=lambda name: night.read([name])[name],
        planned=lambda name: pa.concat_tables([pq.read_table(p, columns=[name]) for p in parts])[name],
        hold_out=planned.hold_out,
        kept=planned.kept,
    )


def _parts(planned: Planned) -> list[Path]:
    return planned.night.parts(next(iter(planned.night.groups)))


def _matrix(chosen: pa.Table, actions: Sequence[Action], shape: tuple[int, ...]) -> NDArray[np.int16]:
    """The plan that stands as the kernel gives one: customers x places, -1 for none."""
    found = np.full(shape, -1, np.int16)
    names = pa.array([action.name for action in actions], pa.string())
    at = pc.index_in(chosen["action"], names).to_numpy()
    found[chosen["customer"].to_numpy(), chosen["place"].to_numpy() - 1] = at
    return found


def counts(chosen: NDArray[Any], actions: int) -> NDArray[np.int64]:
    """How many customers each action was chosen for."""
    return np.bincount(chosen[chosen >= 0].astype(np.int64), minlength=actions)
