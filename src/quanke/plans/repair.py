"""From everybody's best choice at the prices to a plan that keeps every limit, losing as little as may be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quanke.plans import moves
from quanke.plans.dual import over, priced_table, used_by
from quanke.plans.limits import Amounts
from quanke.plans.problem import Numbers, Problem

ROUNDS = 12
"""Rows are put right so many times over: one put right may disturb another."""
FILLS = 6
"""Room that is left is filled so many times over, or until little is gained."""
LITTLE = 1e-6


class Repair:
    """A plan being put right: `places` by customer, `usage` by row."""

    def __init__(self, problem: Problem, price: Amounts, places: NDArray[np.int16]) -> None:
        self.problem, self.price = problem, price
        self.places = places
        self.usage, self.value = used_by(problem, places)
        self._parts = problem.parts()
        self._table = priced_table(problem, price)
        self._scores = np.empty(problem.customers)
        self._capacity = _strict(problem)

    @property
    def wrong(self) -> Numbers:
        """Rows above their capacity or below their minimum."""
        return np.flatnonzero((self.usage > self._capacity) | (self.usage < self.problem.room.floor))

    def mend(self) -> bool:
        """Put the wrong rows right, at the least loss by unit. Returns whether all are."""
        for round_ in range(ROUNDS):
            wrong = self.wrong
            if not len(wrong):
                return True
            before = self._short()
            for row in wrong[np.argsort(-np.abs(self.price[wrong]), kind="stable")]:
                self._ease(int(row), moves.EASE)
            if len(self.wrong) and self._short() >= before * (1 - 1e-9):
                for row in self.wrong:
                    self._ease(int(row), moves.ANY)
                if round_ == ROUNDS - 1:
                    break
        return not len(self.wrong)

    def fill(self) -> None:
        """Take what gains value and fits, most first, until little is left."""
        gained = np.inf
        for _ in range(FILLS):
            found = self._scored(moves.GAIN, -1, -1, 0, np.inf)
            if not len(found):
                break
            moved = moves.move(
                self._parts, self._table, self.price, moves.GAIN, -1, -1, 0, found, *self._state()
            )
            before = self.value
            self._count()
            gained = self.value - before
            if not moved or gained <= LITTLE * abs(self.value):
                break

    def _count(self) -> None:
        self.usage, self.value = used_by(self.problem, self.places)

    def _state(self) -> tuple[NDArray[np.int16], Amounts, Amounts, Amounts]:
        return self.places, self.usage, self._capacity, self.problem.room.floor

    def _short(self) -> float:
        """By how much rows are wrong, each in units of its size."""
        room = self.problem.room
        above = np.maximum(self.usage - self._capacity, 0) / np.maximum(self._capacity, 1)
        below = np.maximum(room.floor - self.usage, 0) / np.maximum(np.abs(room.floor), 1)
        return float(np.nansum(np.where(np.isfinite(self._capacity), above, 0) + below))

    def _ease(self, row: int, aim: int) -> None:
        room = self.problem.room
        sign = -1 if self.usage[row] > self._capacity[row] else 1
        short = self.usage[row] - self._capacity[row] if sign < 0 else room.floor[row] - self.usage[row]
        if short <= 0:
            return
        limit = int(self.problem.owner[row])
        order = self._scored(aim, limit, row, sign, float(short))
        moves.move(self._parts, self._table, self.price, aim, limit, row, sign, order, *self._state())

    def _scored(self, aim: int, limit: int, row: int, sign: int, short: float) -> Numbers:
        """Customers who have such a move, the best first."""
        out = self._scores

        def work(low: int, high: int) -> None:
            moves.scores(
                self._parts, self._table, self.price, aim, limit, row, sign, short, low, high,
                *self._state(), out,
            )  # fmt: skip

        over(self.problem.customers, work)
        some = np.flatnonzero(np.isfinite(out))
        found: Numbers = some[np.argsort(out[some], kind="stable")]
        return found


def _strict(problem: Problem) -> Amounts:
    """Capacities by row: where uses are no whole numbers, a little less, as sums of them are not exact."""
    capacity = problem.room.capacity.copy()
    for limit in range(problem.shared):
        at = problem.matrix_at[limit]
        uses = problem.use[limit] if at < 0 else problem.matrices[at]
        if not np.array_equal(uses, np.rint(uses)):
            capacity[problem.first[limit] : problem.first[limit + 1]] *= 1 - 1e-12
    return capacity
