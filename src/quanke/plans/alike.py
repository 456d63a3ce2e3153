"""Customers who are alike as far as minima go, as one customer with a number: contradictions of millions of
customers are small programs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from quanke.plans import exact, yielding
from quanke.plans.limits import Amounts
from quanke.plans.problem import Numbers, Problem, part_of


@dataclass(frozen=True, eq=False)
class Alike:
    """A problem of which each customer stands for `count` who are alike: `members` from `start[c]` on, places
    in the problem `of` which it was made; of those who are owed something, who loses least without it comes
    first."""

    problem: Problem
    count: Amounts
    of: Problem
    members: Numbers
    start: Numbers

    def program(self) -> exact.Program:
        """The integer program of the numbers of those alike. A line of an own limit asks as often as there
        are members: one action that is useful is enough for each."""
        made = exact.program_of(self.problem, self.count)
        rows, own = len(self.problem.room.capacity), self.problem.room.least.shape[1]
        low, matrix = made.low.copy(), made.matrix.tocsr()
        many = np.flatnonzero(made.named >= rows)
        many = many[self.count[(made.named[many] - rows) // max(own, 1)] > 1] if own else many[:0]
        entry = np.repeat(np.arange(len(low)), np.diff(matrix.indptr))
        inside = np.isin(entry, many)
        matrix.data[inside] = np.minimum(matrix.data[inside], low[entry[inside]])
        low[many] *= self.count[(made.named[many] - rows) // max(own, 1)]
        return replace(made, low=low, matrix=matrix)

    def needs(self, line: int) -> tuple[int, float]:
        """How many rows a program's line (its `named`) stands for, and what each wants at least."""
        rows = len(self.problem.room.capacity)
        if line < rows:
            return 1, float(self.problem.room.floor[line])
        customer, own = divmod(line - rows, self.problem.room.least.shape[1])
        return int(self.count[customer]), float(self.problem.room.least[customer, own])

    def named(self, line: int, many: int) -> list[tuple[str, int]]:
        """The limit and the row of so many of the rows that a line stands for."""
        rows = len(self.problem.room.capacity)
        if line < rows:
            return [self.problem.row_name(line)]
        customer, own = divmod(line - rows, self.problem.room.least.shape[1])
        some = self.members[self.start[customer] : self.start[customer] + many]
        return [yielding.own_row(self.of, place, own) for place in some.tolist()]


def each(problem: Problem) -> Alike:
    """Everybody standing for himself."""
    n = problem.customers
    return Alike(problem, np.ones(n), problem, np.arange(n), np.arange(n + 1))


def merged(problem: Problem, owed_too: bool) -> Alike:
    """One customer for all who are alike as far as minima go, and how many they are.

    What no minimum asks for may be left out; who may be offered the same of the rest under the same rows is
    alike, and at most k different actions each can be dealt out to m of them whatever is taken of each action
    up to m, and k * m of all. Who is owed the same by a limit of his own is alike as well (`owed_too`), where
    one action pays it: dealt out in turn, m such actions reach all of them. Who has other limits of his own
    stands for himself.
    """
    if len(problem.matrices):
        return each(problem)
    minima = np.asarray(np.isfinite(problem.room.floor))
    asked = [at for at in range(problem.shared) if minima[problem.first[at] : problem.first[at + 1]].any()]
    asked += list(range(problem.shared, len(problem.limits)))
    useful = np.asarray((problem.use[asked] > 0).any(axis=0))[problem.actions]
    allowed = np.isfinite(problem.values) & useful
    owed, need, loss = _owed(problem, allowed)
    bounded = (np.isfinite(problem.room.least) | np.isfinite(problem.room.most)).any(axis=1)
    simple = (owed >= 0) & owed_too
    alone = np.where(bounded & ~simple, np.arange(problem.customers), -1)
    level = yielding.priorities(problem)[1]
    what = np.where(simple, owed, -1)
    rank = level[np.arange(len(what)), np.maximum(what, 0)] if level.shape[1] else np.zeros(len(what), int)
    _, number = np.unique(np.where(simple, need, 0.0), return_inverse=True)
    kinds = np.where(allowed, problem.actions + 1, 0)
    key = np.column_stack(
        [problem.signature, alone, what, np.where(simple, rank, 0), number.ravel(), kinds]
    ).astype(np.int64)
    _, place, inverse, count = np.unique(
        key, axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    order = np.argsort(place)
    at = np.empty(len(order), np.int64)
    at[order] = np.arange(len(order))
    group = at[inverse.ravel()]
    members = np.lexsort((np.where(simple, loss, 0.0), group))
    first = np.zeros(problem.customers, np.bool_)
    first[place] = True
    some = part_of(problem, first, np.ones(len(problem.room.capacity), np.bool_))
    total = np.zeros((len(place), problem.width))
    beside = np.where(useful, -np.inf, problem.values).max(axis=1, initial=0.0) if problem.k == 1 else 0.0
    worth = problem.values - np.reshape(beside, (-1, 1))
    np.add.at(total, group, np.where(allowed, worth, 0))
    mean = np.where(allowed[first], total / count[order][:, None], -np.inf)
    columns = allowed.any(axis=0) if len(problem.actions) == 1 else np.ones(problem.width, np.bool_)
    few = replace(some, values=mean[:, columns], actions=some.actions[:, columns])
    start = np.concatenate([[0], np.cumsum(count[order])]).astype(np.int64)
    return Alike(few, count[order].astype(np.float64), problem, members, start)


def _owed(problem: Problem, allowed: NDArray[np.bool_]) -> tuple[Numbers, Amounts, Amounts]:
    """By customer: the only limit of his own that he has, where it is a minimum that one action pays (-1:
    none such); what it wants; and what that is worth beside the best of the rest."""
    room, n = problem.room, problem.customers
    owed, need, loss = np.full(n, -1, np.int64), np.zeros(n), np.zeros(n)
    only = np.isfinite(room.least).sum(axis=1) == 1
    only &= ~np.isfinite(room.most).any(axis=1)
    for own in range(room.least.shape[1]):
        mine = only & np.isfinite(room.least[:, own])
        use = problem.use[problem.shared + own][problem.actions]
        least = room.least[:, own].astype(np.float64)
        pays = allowed & (use > 0)
        mine &= (~pays | (use >= least[:, None])).all(axis=1)
        owed[mine], need[mine] = own, least[mine]
        paying = np.where(pays, problem.values, -np.inf).max(axis=1, initial=-np.inf)
        other = np.where(~(use > 0), problem.values, -np.inf).max(axis=1, initial=0.0)
        loss[mine] = (paying - other)[mine]
    return owed, need, loss
