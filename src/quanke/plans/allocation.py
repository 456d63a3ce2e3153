"""A plan for everybody at once: what each customer is offered under all limits, and how good it is at least.

Prices are found for the limits' rows (`dual`); at the prices everybody takes what is best for him; the limit
with most rows is packed exactly (`packing`), the others are put right at the least loss (`repair`), and room
that is left is filled. The dual's value, less what packing shows cannot be had, is the proof. Small plans are
integer programs (`exact`). What contradicts itself is told by `contradiction`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quanke.kernel.errors import AllocationError
from quanke.plans import dual, exact, passes
from quanke.plans.contradiction import contradicted, crossed
from quanke.plans.limits import Amounts, Limit, checked
from quanke.plans.mending import Mended, mended_by, stride_of
from quanke.plans.problem import Numbers, Problem, Room, problem_of, refuse_empty
from quanke.plans.reasons import Reason, reason_of
from quanke.plans.sharpening import sharpened

FEW = 1_500
"""Customers x actions up to which a plan is an integer program."""
SOME = 20_000
"""The same where a plan was not put right by moves."""
MARGINS = (0.005, 0.03)
"""Where a plan cannot be put right, it is tried again at prices of so much less room."""


@dataclass(frozen=True, eq=False)
class Plan:
    """A plan that keeps every limit.

    `chosen` customers x k: actions, the most valuable first, -1 none. `value` their sum, `bound` what no plan
    is above, `gap` (bound - value) / |bound|. `prices` by limit and row: what one more unit of capacity is
    worth (above 0), one more unit of a minimum costs (below 0); nan for rows of one customer. `use` likewise.
    `change`: the value less that of the plan this one was asked from (`whatif`).
    """

    chosen: NDArray[np.int16]
    value: float
    bound: float
    gap: float
    change: float
    problem: Problem
    price: Amounts
    places: NDArray[np.int16]

    @cached_property
    def prices(self) -> dict[str, Amounts]:
        """By limit: the price of each row."""
        found = {x.name: np.full(len(x.capacity), np.nan) for x in self.problem.limits[self.problem.shared :]}
        return self._by_limit(self.price) | found

    @cached_property
    def use(self) -> dict[str, Amounts]:
        """By limit: what each row holds."""
        usage, _ = dual.used_by(self.problem, self.places)
        return self._by_limit(usage) | self._own_use()

    def reason(self, customer: int) -> Reason:
        """Why a customer (his place in the values) was given what he was. Raises AllocationError for none."""
        if not 0 <= customer < len(self.chosen):
            raise AllocationError(
                f"there is no customer at place {customer}: the plan has {len(self.chosen)}"
            )
        return reason_of(
            self.problem, self.price, self._usage, self.places, int(self._place[customer]), customer
        )

    def whatif(self, name: str, capacity: Any = None, at_least: Any = None) -> Plan:
        """The plan if a limit were another; `change` is what that is worth. A bound not given stays.

        The prices start from this plan's, so it takes a fraction of the time. Raises AllocationError for an
        unknown limit, a bound of another shape, and where no plan keeps the limits any more.
        """
        if capacity is None and at_least is None:
            raise AllocationError("whatif needs another capacity or another at_least")
        changed = _changed(self.problem, name, capacity, at_least)
        found = planned(changed, self.price)
        old, new = self.problem.room, changed.room
        bound = found.bound
        # this plan's bound holds for every tighter problem, and may be asked of every wider one
        if _within(new, old):
            bound = max(min(bound, self.bound), found.value)
        elif _within(old, new):
            bound = max(bound, self.bound)
        return replace(found, bound=bound, gap=_gap(found.value, bound), change=found.value - self.value)

    @cached_property
    def _usage(self) -> Amounts:
        return dual.used_by(self.problem, self.places)[0]

    @cached_property
    def _place(self) -> Numbers:
        place = np.empty(len(self.problem.order), np.int64)
        place[self.problem.order] = np.arange(len(place))
        return place

    def _by_limit(self, rows: Amounts) -> dict[str, Amounts]:
        first = self.problem.first
        return {
            x.name: rows[first[at] : first[at + 1]]
            for at, x in enumerate(self.problem.limits[: self.problem.shared])
        }

    def _own_use(self) -> dict[str, Amounts]:
        found = {}
        for limit in self.problem.limits[self.problem.shared :]:
            assert limit.group is not None
            held = np.zeros(len(limit.capacity))
            for slot in self.chosen.T:
                some = np.flatnonzero((slot >= 0) & (limit.group >= 0))
                use = limit.use[some, slot[some]] if limit.by_customer else limit.use[slot[some]]
                np.add.at(held, limit.group[some], np.asarray(use, np.float64).ravel())
            found[limit.name] = held
        return found


def allocate(
    values: Any, limits: Iterable[Limit] | Limit, eligible: ArrayLike | None = None, k: int = 1
) -> Plan:
    """For each customer at most k different eligible actions, so that the total value is greatest under all
    limits at once.

    `values`: customers x actions, float32 or float64, or a SciPy sparse matrix (what is not stored may not be
    chosen). `eligible`: true or false of the same shape; None: all. An action worth 0 or less is chosen only
    where a minimum needs it. Whole uses and capacities are exact; sums of others are kept to 10 digits. The
    result does not depend on the order of customers or on the machine's cores (customers whose every number
    is equal cannot be told apart, and go in the caller's order).

    Raises AllocationError for wrong input, and where the limits contradict each other: with a smallest set
    that does and the nearest relaxation. Sources: `quanke.plans.dual`, `quanke.plans.packing`.
    """
    return planned(problem_of(values, limits, eligible, k))


def planned(problem: Problem, start: Amounts | None = None) -> Plan:
    """The plan of a problem, its prices sought from `start` on."""
    if (wrong := crossed(problem, _attempted)) is not None:
        raise wrong
    price = dual.priced(problem, start)
    best = dual.chosen_at(problem, price)
    if best.impossible >= 0:
        raise contradicted(problem, None, _attempted)
    bound = dual.bound_of(problem.room, price, best.usage, best.value, best.net)
    if problem.customers * problem.width <= FEW and (plan := _exact(problem, price, bound)):
        return plan
    mended = _mended(problem, price, best, bound)
    bound -= mended.fallen
    for margin in MARGINS:
        if not len(mended.wrong):
            break
        # prices of less room lead to plans that leave some
        narrow = dual.priced(_narrowed(problem, margin), price)
        mended = mended_by(problem, narrow, dual.chosen_at(problem, narrow), bound, 1)
    if len(mended.wrong):
        plan = _exact(problem, price, bound) if problem.customers * problem.width <= SOME else None
        if plan is None:
            raise contradicted(problem, mended, _attempted)
        return plan
    sharp = sharpened(problem, price, mended, bound)
    return _told(problem, sharp.price, sharp.places, sharp.bound)


def _exact(problem: Problem, price: Amounts, bound: float) -> Plan | None:
    """The plan by integer programming; None where there is none but within the solver's tolerance."""
    found = exact.solved(exact.program_of(problem), problem)
    if found is None or not _kept(problem, found[0]):
        return None
    return _told(problem, price, found[0], min(bound, found[1]))


def _kept(problem: Problem, places: NDArray[np.int16]) -> bool:
    usage, _ = dual.used_by(problem, places)
    shared = (usage <= problem.room.capacity).all() and (usage >= problem.room.floor).all()
    return bool(shared) and bool(passes.kept_by(problem.parts(), places))


def _mended(problem: Problem, price: Amounts, best: dual.Chosen, bound: float) -> Mended:
    """The best choices at some prices put right, by as many customers as that takes."""
    stride = stride_of(problem.customers, len(price))
    found = mended_by(problem, price, best, bound, stride)
    return found if stride == 1 or not len(found.wrong) else mended_by(problem, price, best, bound, 1)


def _attempted(problem: Problem) -> Mended:
    price = dual.priced(problem)
    found = mended_by(problem, price, dual.chosen_at(problem, price), np.inf, 1)
    for margin in MARGINS:
        if not len(found.wrong):
            break
        narrow = dual.priced(_narrowed(problem, margin), price)
        again = mended_by(problem, narrow, dual.chosen_at(problem, narrow), np.inf, 1)
        found = again if len(again.wrong) <= len(found.wrong) else found
    if len(found.wrong) and problem.customers * problem.width <= SOME:
        solved = exact.solved(exact.program_of(problem), problem)
        if solved is not None and _kept(problem, solved[0]):
            none = np.zeros(0, np.int64)
            return replace(found, places=solved[0], wrong=none, amiss=np.zeros(0))
    return found


def _narrowed(problem: Problem, margin: float) -> Problem:
    room = problem.room
    return replace(
        problem, room=replace(room, capacity=room.capacity * (1 - margin), floor=room.floor * (1 + margin))
    )


def _told(problem: Problem, price: Amounts, places: NDArray[np.int16], bound: float) -> Plan:
    _, value = dual.used_by(problem, places)
    if not _kept(problem, places):
        raise AssertionError("a limit is broken")
    bound = max(bound, value)
    chosen = np.empty_like(places)
    passes.offered(problem.parts(), places, problem.order, chosen)
    if problem.slots > problem.k:
        empty = np.full((len(chosen), problem.slots - problem.k), -1, np.int16)
        chosen = np.concatenate([chosen, empty], axis=1)
    return Plan(chosen, value, bound, _gap(value, bound), 0.0, problem, price, places)


def _gap(value: float, bound: float) -> float:
    return 0.0 if value == bound else (bound - value) / max(abs(bound), 1e-300)


def _within(tight: Room, wide: Room) -> bool:
    return bool(
        (tight.capacity <= wide.capacity).all()
        and (tight.floor >= wide.floor).all()
        and (tight.least >= wide.least).all()
        and (tight.most <= wide.most).all()
    )


def _changed(problem: Problem, name: str, capacity: Any, at_least: Any) -> Problem:
    """The problem with other bounds for one limit."""
    names = [limit.name for limit in problem.limits]
    if name not in names:
        raise AllocationError(f"there is no limit {name!r}; there are: {', '.join(names) or 'none'}")
    at = names.index(name)
    old = problem.limits[at]
    given = Limit(
        name,
        old.capacity if capacity is None else _full(capacity, old.capacity),
        old.use,
        old.group,
        old.floor if at_least is None else at_least,
        old.priority,
    )
    new = checked(given, problem.customers, problem.count)
    limits = (*problem.limits[:at], new, *problem.limits[at + 1 :])
    room = problem.room
    if at < problem.shared:
        part = slice(int(problem.first[at]), int(problem.first[at + 1]))
        capacities, floors = room.capacity.copy(), room.floor.copy()
        capacities[part], floors[part] = new.capacity, new.floor
        return replace(problem, limits=limits, room=replace(room, capacity=capacities, floor=floors))
    refuse_empty(new)
    assert new.group is not None
    group = new.group[problem.order]
    some = np.flatnonzero(group >= 0)
    least, most = room.least.copy(), room.most.copy()
    least[some, at - problem.shared] = new.floor[group[some]]
    most[some, at - problem.shared] = new.capacity[group[some]]
    return replace(problem, limits=limits, room=replace(room, least=least, most=most))


def _full(bound: Any, like: Amounts) -> Any:
    return np.full(len(like), bound, np.float64) if np.ndim(bound) == 0 else bound
