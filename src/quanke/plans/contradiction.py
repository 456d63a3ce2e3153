"""Limits that no plan keeps: a smallest set of them that contradicts itself, and the nearest that does not.

Only minima can contradict capacities, so who is under no minimum may be left without anything: what is looked
at are the customers under minima that a dual with worthless actions shows to be too high, which is a small
integer program (HiGHS) even in a large plan. Bounds are dropped from it as long as it stays impossible; what
is left is irreducible. How minima give way is found by `yielding`; capacities never do.
Sources: Chinneck 2008 (deletion filters); Farkas' lemma.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quanke.kernel.errors import AllocationError
from quanke.plans import alike, dual, exact, passes, yielding
from quanke.plans.alike import Alike
from quanke.plans.mending import Mended
from quanke.plans.problem import Problem, part_of
from quanke.plans.yielding import Way

WHOLE = 5_000
"""Up to so many customers x actions, all of a plan is looked at."""
COLUMNS = 60_000
"""Customers x actions that are looked at by integer programming, at most."""
NODES = 500
NAMED = 6
"""Bounds, or rows of one limit, named in the sentence of an error; it carries all."""
ROWS = 3
"""Of a limit of which more rows than this are named, the rows are counted."""
ROUNDS = 4
"""So many times what still contradicts itself after a relaxation gives way as well."""

Bound = tuple[str, int, str]


def contradicted(
    problem: Problem, mended: Mended | None, attempt: Callable[[Problem], Mended]
) -> AllocationError:
    """Why there is no plan: the error to raise. `mended`: the attempt that failed; None where there was none
    because somebody's own limits cannot be kept. `attempt` makes another one, with other bounds."""
    conflict, way = _found(problem, own=mended is None, told=True)
    way = _wholly(problem, way, mended, attempt)
    if conflict:
        return _told(conflict, way)
    return AllocationError(
        f"no plan was found that keeps all limits, though they are not known to contradict each other: "
        f"it would do to {_relaxed(way)}",
        relaxation=way,
    )


def crossed(problem: Problem, attempt: Callable[[Problem], Mended]) -> AllocationError | None:
    """The error where a row's minimum is above its own capacity; None where none is."""
    rows = np.flatnonzero(problem.room.floor > problem.room.capacity)
    if not len(rows):
        return None
    over = problem.room.floor[rows] - problem.room.capacity[rows]
    way = tuple(
        (*problem.row_name(int(row)), "at_least", float(by)) for row, by in zip(rows, over, strict=True)
    )
    name = problem.row_name(int(rows[0]))
    way = _wholly(problem, way, None, attempt)
    return _told([(*name, "at_least"), (*name, "capacity")], way)


def _found(problem: Problem, own: bool, told: bool) -> tuple[list[Bound], Way]:
    """What contradicts itself (where it is to be told), and how it gives way: nothing where neither is
    found."""
    if own:
        return _alone(problem)
    for some, few in _looked_at(problem):
        # each for himself, where that is not too much: what is lost is told exactly
        kinds = [one for one in (some, few) if one.problem.customers * one.problem.width <= COLUMNS]
        for one in kinds:
            program = one.program()
            amounts = yielding.least(program, one.problem)
            if amounts is not None and (amounts > 0).any():
                soft = _Soft(kinds[-1].program(), kinds[-1])
                return soft.conflict() if told else [], _Soft(program, one).amounts(amounts)
    return [], ()


def _alone(problem: Problem) -> tuple[list[Bound], Way]:
    """Customers whose own limits no choice keeps: the first, and how all give way."""
    impossible = np.zeros(problem.customers, np.bool_)
    passes.impossible(problem.parts(), problem.k, impossible)
    none = np.zeros(len(problem.room.capacity), np.bool_)
    conflict: list[Bound] = []
    way: Way = ()
    people = np.flatnonzero(impossible)
    size = max(COLUMNS // max(problem.width, 1), 1)
    for low in range(0, len(people), size):
        some = np.zeros(problem.customers, np.bool_)
        some[people[low : low + size]] = True
        one = alike.each(part_of(problem, some, none))
        soft = _Soft(one.program(), one)
        conflict = conflict or soft.conflict()
        amounts = yielding.least(soft.program, one.problem)
        if amounts is not None:
            way += soft.amounts(amounts)
    return conflict, way


def _wholly(problem: Problem, way: Way, mended: Mended | None, attempt: Callable[[Problem], Mended]) -> Way:
    """A relaxation, with what else has to give way so that the rest of the plan holds as well."""
    near = mended
    for round_ in range(ROUNDS):
        if way:
            changed = _given_way(problem, way)
            impossible = np.zeros(problem.customers, np.bool_)
            passes.impossible(changed.parts(), changed.k, impossible)
            near = attempt(changed)
            if not impossible.any() and not len(near.wrong):
                return way
            more = _found(changed, bool(impossible.any()), told=False)[1] if round_ < ROUNDS // 2 else ()
        else:
            changed, more = problem, ()
        if not more:
            more = yielding.yielded(changed, near if near is not None else attempt(changed))
        if not more:
            break
        way = _joined(way, more)
    return way


def _joined(way: Way, more: Way) -> Way:
    """Two relaxations, one after the other."""
    found = {(name, row, which): amount for name, row, which, amount in way}
    for name, row, which, amount in more:
        found[name, row, which] = found.get((name, row, which), 0.0) + amount
    return tuple((*bound, amount) for bound, amount in found.items())


def _given_way(problem: Problem, way: Way) -> Problem:
    """The problem with its minima relaxed."""
    floor, least = problem.room.floor.copy(), problem.room.least.copy()
    names = [x.name for x in problem.limits]
    for at, name in enumerate(names):
        limit = problem.limits[at]
        lower = np.zeros(len(limit.floor))
        for other, row, _, amount in way:
            if other == name:
                lower[row] += amount
        if at < problem.shared:
            floor[problem.first[at] : problem.first[at + 1]] -= lower
        elif lower.any():
            assert limit.group is not None
            group = limit.group[problem.order]
            some = np.flatnonzero(group >= 0)
            least[some, at - problem.shared] -= lower[group[some]]
    return replace(problem, room=replace(problem.room, floor=floor, least=least))


def _told(conflict: list[Bound], way: Way) -> AllocationError:
    asked = [(name, row) for name, row, which in conflict if which == "at_least"]
    held = [(name, row) for name, row, which in conflict if which == "capacity"]
    wanted = f"what {_rows(asked)} want{'s' if len(asked) == 1 else ''} at least"
    against = (
        f"cannot be had within the capacity of {_rows(held)}" if held else "is more than anybody may be given"
    )
    return AllocationError(
        f"the limits contradict each other: {wanted} {against}; the nearest way out is to {_relaxed(way)}",
        tuple(conflict),
        way,
    )


def _listed(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def _by_limit(rows: list[tuple[str, int]]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for name, row in rows:
        found.setdefault(name, []).append(row)
    return found


def _such_as(name: str, rows: list[int]) -> str:
    shown = ", ".join(str(row) for row in sorted(rows)[:ROWS])
    return f"{len(rows)} rows of {name!r} ({shown}, ...)"


def _rows(rows: list[tuple[str, int]]) -> str:
    """Rows of limits by name; counted where one limit has many."""
    said: list[str] = []
    for name, some in _by_limit(rows).items():
        said += [_such_as(name, some)] if len(some) > ROWS else [f"{name!r} row {row}" for row in some]
    return _listed(said)


def _relaxed(way: Way) -> str:
    said: list[str] = []
    for name, some in _by_limit([(name, row) for name, row, _, _ in way]).items():
        amounts = {row: amount for other, row, _, amount in way if other == name}
        if len(some) > ROWS:
            said.append(f"lower at_least of {_such_as(name, some)} by {sum(amounts.values()):.6g} in all")
        else:
            said += [f"lower at_least of {name!r} row {row} by {amounts[row]:.6g}" for row in some]
    return _listed(said)


def _looked_at(problem: Problem) -> Iterator[tuple[alike.Alike, alike.Alike]]:
    """Parts of a problem that may contradict themselves: all of it where it is small; else what a dual
    suspects, and then all of it. Each with those who are owed something apart, and with those alike as
    one."""
    if problem.customers * problem.width > WHOLE:
        rows = suspects(problem)
        low = rows & np.isfinite(problem.room.floor)
        obliged = (problem.room.least > 0).any(axis=1)
        under = np.asarray(np.append(low, False)[problem.rows].any(axis=1))[problem.signature]
        part = part_of(problem, under | obliged, rows)
        if part.customers:
            yield alike.merged(part, False), alike.merged(part, True)
    yield alike.each(problem), alike.each(problem)


def suspects(problem: Problem) -> NDArray[np.bool_]:
    """Rows of a contradiction: with worthless actions, prices of at most 1 a unit whose dual lies below 0
    prove one, and the rows that have a price are in it."""
    values = np.where(
        np.isfinite(problem.values), problem.values.dtype.type(0), problem.values.dtype.type(-np.inf)
    )
    idle = replace(problem, values=values)
    price = np.zeros(len(problem.room.capacity))
    for delta in (1.0, 0.1, 0.01):
        price = dual.boxed(idle, price, delta)
    return np.asarray(np.abs(price) > 0.01)


@dataclass(frozen=True, eq=False)
class _Soft:
    """A program whose bounds may give. Bounds are numbered: lines' minima first, then their capacities."""

    program: exact.Program
    alike: Alike

    def conflict(self) -> list[Bound]:
        """A smallest set, by name: of rows that are alike as few as contradict the rest."""
        kept = self.irreducible()
        lines, low = len(self.program.named), self.program.low.copy()
        found: list[Bound] = []
        for b in kept.tolist():
            line, many = int(self.program.named[b % lines]), 1
            count, need = self.alike.needs(line) if b < lines else (1, 0.0)
            if count > 1:
                least, many = 0, count
                while many - least > 1:
                    low[b] = need * ((least + many) // 2)
                    if _Soft(replace(self.program, low=low), self.alike)._impossible(kept, integral=True):
                        many = (least + many) // 2
                    else:
                        least = (least + many) // 2
                low[b] = need * many
            which = "at_least" if b < lines else "capacity"
            found += [(*name, which) for name in self.alike.named(line, many)]
        return found

    def irreducible(self) -> NDArray[np.int64]:
        """A set of bounds that no plan keeps, though one keeps any of its proper subsets."""
        every = np.concatenate([np.isfinite(self.program.low), np.isfinite(self.program.high)])
        shares = self._solve(every, integral=False, soft=True, duals=True)
        # where shares of actions cannot keep them either, those with a price are enough
        kept = np.flatnonzero(every if shares is None else every & (shares > 1e-9))
        if self._impossible(kept, integral=False):
            kept = self._fewest(kept, max(len(kept) // 4, 1), integral=False)
            # of whole actions fewer bounds may be impossible together
            return self._fewest(kept, 1, integral=True)
        if not self._impossible(kept, integral=True):
            kept = np.flatnonzero(every)
        return self._fewest(kept, max(len(kept) // 4, 1), integral=True)

    def _fewest(self, kept: NDArray[np.int64], size: int, integral: bool) -> NDArray[np.int64]:
        """Bounds without those that are not needed to be impossible; at first so many are tried at a time."""
        while True:
            at = 0
            while at < len(kept):
                fewer = np.delete(kept, np.arange(at, min(at + size, len(kept))))
                if self._impossible(fewer, integral):
                    kept = fewer
                else:
                    at += size
            if size == 1:
                return kept
            size = max(size // 4, 1)

    def _impossible(self, bounds: NDArray[np.int64], integral: bool) -> bool:
        among = np.zeros(2 * len(self.program.named), np.bool_)
        among[bounds] = True
        return self._solve(among, integral, soft=False) is None

    def amounts(self, by_line: NDArray[np.float64]) -> Way:
        """Minima that give way, and by how much: of rows that are alike, as many as that takes."""
        found: list[tuple[str, int, str, float]] = []
        for b in np.flatnonzero(by_line > 0).tolist():
            line, amount = int(self.program.named[b]), float(by_line[b])
            count, need = self.alike.needs(line)
            many = min(int(np.ceil(amount / need - 1e-9)), count) if count > 1 else 1
            each = need if count > 1 else amount
            found += [(*name, "at_least", each) for name in self.alike.named(line, many)]
        return tuple(found)

    def _solve(
        self, among: NDArray[np.bool_], integral: bool, soft: bool, duals: bool = False
    ) -> NDArray[np.float64] | None:
        """Keep the bounds in `among`; `soft`: pay for what each gives, and tell its price (`duals`).
        Something where it can be done, None where it cannot."""
        from scipy import sparse
        from scipy.optimize import Bounds, LinearConstraint, linprog, milp

        program, lines, columns = self.program, len(self.program.named), len(self.program.value)
        upper = sparse.vstack([-program.matrix, program.matrix]).tocsr()[among]
        at_most = np.concatenate([-program.low, program.high])[among]
        finite = np.isfinite(at_most)
        upper, at_most = upper[finite], at_most[finite]
        place = np.flatnonzero(among)[finite]
        give = len(place) if soft else 0
        sides = sparse.hstack([upper, -sparse.identity(give)]) if soft else upper
        most = sparse.hstack([program.most, sparse.csr_matrix((program.most.shape[0], give))])
        cost = np.concatenate([np.zeros(columns), np.ones(give)])
        high = np.concatenate([program.count[program.customer], np.full(give, np.inf)])
        each = program.k * program.count
        result = np.zeros(2 * lines)
        if not columns and not soft:
            return result if (at_most >= 0).all() else None
        if not integral:
            found: Any = linprog(
                cost,
                A_ub=sparse.vstack([sides, most]).tocsr(),
                b_ub=np.concatenate([at_most, each]),
                bounds=np.stack([np.zeros(len(cost)), high], axis=1),
                method="highs",
            )
            if found.x is None or found.status == 2:
                return None
            result[place] = -found.ineqlin.marginals[: len(place)] if duals else 0.0
            return result
        whole = np.concatenate([np.ones(columns), np.zeros(give)])
        limits = [LinearConstraint(most, -np.inf, each)] if most.shape[0] else []
        limits += [LinearConstraint(sides, -np.inf, at_most)] if len(place) else []
        found = milp(
            cost, integrality=whole, bounds=Bounds(0, high), constraints=limits, options={"node_limit": NODES}
        )
        if found.x is None:
            # a search that ended without an answer proves nothing
            return None if found.status == 2 else result
        return result
