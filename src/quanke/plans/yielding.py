"""Which minima give way where limits contradict each other. Capacities never do: choosing nothing keeps them.

Of minima those of the lowest priority give way first: what the highest lose is least, then what the next
lose, and so on; of all ways to do that, the one whose customers keep most value (integer programs, HiGHS).
Where that is too large, a plan that was nearly found gives up what keeps it above capacities, of as few
priorities as will do, and takes back what still fits, the highest priority first: what it lacks then is a way
out as well.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quanke.plans import exact, moves
from quanke.plans.limits import Amounts
from quanke.plans.mending import Mended
from quanke.plans.problem import Numbers, Problem
from quanke.plans.repair import Repair, strict

Way = tuple[tuple[str, int, str, float], ...]
"""Bounds that give way: limit, row, which bound, by how much."""
NODES = 500
LEAST = 1e-6
"""What a bound has to give by no more than this, it has not to give."""
SLACK = 1e-7
"""What was found to be least may be passed by this share, for the solver's sake."""
AGAIN = 3
"""Where a solver's answer is a hair above a capacity, it is asked for a little less so many times."""


def priorities(problem: Problem) -> tuple[Numbers, Numbers]:
    """Of minima: by shared row, and customers x own limits."""
    known = [x.priority for x in problem.limits[: problem.shared]]
    own = np.zeros(problem.room.least.shape, np.int64)
    for at, limit in enumerate(problem.limits[problem.shared :]):
        assert limit.group is not None
        group = limit.group[problem.order]
        some = np.flatnonzero(group >= 0)
        own[some, at] = limit.priority[group[some]]
    return np.concatenate([np.zeros(0, np.int64), *known]), own


def own_row(problem: Problem, customer: int, own: int) -> tuple[str, int]:
    """The name and row of a customer's own limit."""
    limit = problem.limits[problem.shared + own]
    assert limit.group is not None
    return limit.name, int(limit.group[problem.order[customer]])


def least(program: exact.Program, problem: Problem) -> Amounts | None:
    """By how much the minimum of each line gives way; None where the solver found nothing within NODES."""
    shared, own = priorities(problem)
    level = np.concatenate([shared, own.ravel()])[program.named]
    high = program.high.copy()
    for _ in range(AGAIN):
        give = _Giving(program, level, high, [])
        taken = give.best()
        if taken is None:
            return None
        used = np.asarray(program.matrix @ taken)
        above = used - program.high
        if not (above > 0).any():
            break
        high = np.where(above > 0, high - 2 * above, high)
    short = np.where(np.isfinite(program.low), program.low - used, 0.0)
    short = np.where(short > LEAST, short, 0.0)
    whole = np.abs(short - np.rint(short)) <= 1e-9
    # a hair more for sums of fractions
    hair = 1e-11 * (short + np.abs(np.where(np.isfinite(program.low), program.low, 0.0)))
    return np.where(whole, np.rint(short), short + hair)


@dataclass(frozen=True, eq=False)
class _Giving:
    """A program whose minima may give way. `settled`: lines whose total is known, and that total."""

    program: exact.Program
    level: Numbers
    high: Amounts
    settled: list[tuple[Amounts, float]]

    def best(self) -> Amounts | None:
        """What is taken of each column, the least giving way, the lowest priorities first."""
        minima = np.isfinite(self.program.low)
        found = self._settle(np.unique(self.level[minima])[::-1])
        if found is None:
            return None
        worth = np.abs(self.program.value)
        most = float(worth.max(initial=0.0)) or 1.0
        lines = int(minima.sum())
        most_valued = self._solved(np.concatenate([-self.program.value / most, np.zeros(lines)]))
        return np.rint((found if most_valued is None else most_valued)[: len(self.program.value)])

    def _settle(self, levels: Numbers) -> Amounts | None:
        """Find what these levels, in this order, have to give, and keep it so."""
        columns = len(self.program.value)
        level = self.level[np.isfinite(self.program.low)]
        among = np.isin(level, levels).astype(np.float64)
        found = self._solved(np.concatenate([np.zeros(columns), among]))
        if found is None:
            return None
        total = float(among @ found[columns:])
        if total <= LEAST or len(levels) == 1:
            self.settled.append((among, total + SLACK * max(total, 1.0)))
            return found
        half = len(levels) // 2
        return None if self._settle(levels[:half]) is None else self._settle(levels[half:])

    def _solved(self, cost: Amounts) -> Amounts | None:
        from scipy import sparse
        from scipy.optimize import Bounds, LinearConstraint, milp

        program, columns = self.program, len(self.program.value)
        minima, held = np.isfinite(program.low), np.isfinite(self.high)
        lines = int(minima.sum())
        parts: list[Any] = [sparse.hstack([program.matrix[minima], sparse.identity(lines)])]
        low, high = [program.low[minima]], [np.full(lines, np.inf)]

        def at_most(matrix: Any, bound: Amounts) -> None:
            parts.append(sparse.hstack([matrix, sparse.csr_matrix((matrix.shape[0], lines))]))
            low.append(np.full(len(bound), -np.inf))
            high.append(bound)

        at_most(program.matrix[held], self.high[held])
        at_most(program.most, program.k * program.count)
        for among, total in self.settled:
            parts.append(sparse.csr_matrix(np.concatenate([np.zeros(columns), among])[None, :]))
            low.append(np.array([-np.inf]))
            high.append(np.array([total]))
        found = milp(
            cost,
            integrality=np.concatenate([np.ones(columns), np.zeros(lines)]),
            bounds=Bounds(0, np.concatenate([program.count[program.customer], np.full(lines, np.inf)])),
            constraints=LinearConstraint(
                sparse.vstack(parts).tocsr(), np.concatenate(low), np.concatenate(high)
            ),
            options={"node_limit": NODES},
        )
        return None if found.x is None else np.asarray(found.x, np.float64)


def yielded(problem: Problem, near: Mended) -> Way:
    """What minima lack in a plan that keeps all capacities, made of one that nearly keeps everything."""
    free = np.zeros(len(problem.room.capacity))
    shared, own = priorities(problem)
    minima = np.isfinite(problem.room.floor)
    obliged = problem.room.least > 0
    levels = np.unique(np.concatenate([shared[minima], own[obliged]]))
    tight = strict(problem)
    count, places = 1, near.places
    while True:
        # minima of the lowest priorities, of ever more of them, are left out
        upto = levels[min(count, len(levels)) - 1] if len(levels) else 0
        kept, held = shared > upto, own > upto
        loose = _bounded(tight, np.where(kept, tight.room.floor, -np.inf), held)
        repair = Repair(loose, free, near.places.copy())
        if repair.mend() or count >= len(levels):
            places = repair.places if not len(repair.wrong) else np.full_like(near.places, -1)
            break
        count *= 2
    return _taken_back(tight, places, shared, own)


def _bounded(problem: Problem, floor: Amounts, own: NDArray[np.bool_]) -> Problem:
    """The problem with other minima of shared rows, and without those of customers that are not in `own`."""
    least_ = np.where(own, problem.room.least, problem.room.least.dtype.type(-np.inf))
    return replace(problem, room=replace(problem.room, floor=floor, least=least_))


def _taken_back(problem: Problem, places: NDArray[np.int16], shared: Numbers, own: Numbers) -> Way:
    """What is short of the minima after what fits beside everything else was taken back."""
    room = problem.room
    repair = Repair(problem, np.zeros(len(room.capacity)), places)
    short = np.flatnonzero(repair.usage < room.floor)
    alone = np.argwhere(own_uses(problem, repair.places) < room.least)
    at = [(-int(shared[row]), 0, row, 0) for row in short.tolist()]
    at += [(-int(own[c, limit]), 1, c, limit) for c, limit in alone.tolist()]
    for _, of_own, place, limit in sorted(at):
        # nobody else loses by it
        floor = np.minimum(room.floor, repair.usage)
        if not of_own:
            floor[place] = room.floor[place]
        kept = own_uses(problem, repair.places) >= room.least
        repair = Repair(_bounded(problem, floor, kept), repair.price, repair.places)
        if of_own:
            repair.add(place, problem.shared + limit)
        else:
            repair.ease(place, moves.EASE)
    usage, uses = repair.usage, own_uses(problem, repair.places)
    found: Any = [
        (*problem.row_name(row), "at_least", float(room.floor[row] - usage[row]))
        for row in np.flatnonzero(usage < room.floor).tolist()
    ]
    for customer, limit in zip(*(at.tolist() for at in np.nonzero(uses < room.least)), strict=True):
        lost = float(room.least[customer, limit] - uses[customer, limit])
        found.append((*own_row(problem, customer, limit), "at_least", lost))
    return tuple(found)


def own_uses(problem: Problem, places: NDArray[np.int16]) -> Amounts:
    """What choices use of each customer's own limits: customers x own limits."""
    found = np.zeros(problem.room.least.shape)
    for slot in places.T:
        some = np.flatnonzero(slot >= 0)
        for own in range(problem.room.least.shape[1]):
            used = exact.uses_of(problem, problem.shared + own, some, slot[some].astype(np.int64))
            found[some, own] += used
    return found
