"""From everybody's best choice at the prices to a plan that keeps every limit, losing as little as may be."""

from __future__ import annotations

from dataclasses import replace

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
LITTLE, ENOUGH = 1e-6, 1e-5
"""What is little, as a share of the value; and a gap that is not worth another look at everybody."""
TOLERANCE = 1e-10
"""What a sum of fractions may be wrong by, as a share."""
MOVABLE, OF_ROW = 200_000, 250
"""About so many customers, and so many for each row, are enough to put a plan right: the others keep what is
best for them at the prices."""


class Repair:
    """A plan being put right: `places` by customer, `usage` by row."""

    def __init__(self, problem: Problem, price: Amounts, places: NDArray[np.int16]) -> None:
        self.problem, self.price = problem, price
        self.places = places
        self.usage, self.value = used_by(problem, places)
        self._given = problem.parts(), priced_table(problem, price), price

    @property
    def wrong(self) -> Numbers:
        """Rows above their capacity or below their minimum."""
        return np.flatnonzero(
            (self.usage > self.problem.room.capacity) | (self.usage < self.problem.room.floor)
        )

    def mend(self) -> bool:
        """Put the wrong rows right, at the least loss by unit. Returns whether all are."""
        for round_ in range(ROUNDS):
            wrong = self.wrong
            if not len(wrong):
                return True
            before = self._short()
            for row in wrong[np.argsort(-np.abs(self.price[wrong]), kind="stable")]:
                self.ease(int(row), moves.EASE)
            if len(self.wrong) and self._short() >= before * (1 - 1e-9):
                for row in self.wrong:
                    self.ease(int(row), moves.ANY)
                if round_ == ROUNDS - 1:
                    break
        return not len(self.wrong)

    def fill(self, bound: float) -> None:
        """Take what gains value and fits, most first, until little is left or the value is near the bound."""
        everybody = np.arange(self.problem.customers)
        self._count()
        for _ in range(FILLS):
            before = self.value
            if bound - before <= ENOUGH * abs(bound):
                return
            found = self._scored(moves.GAIN, 0, 0, np.inf, everybody)
            moves.move(*self._given, moves.GAIN, 0, 0, 0, found, self._state())
            self._count()
            if self.value - before <= LITTLE * abs(self.value):
                break

    def _count(self) -> None:
        self.usage, self.value = used_by(self.problem, self.places)

    def _state(self) -> tuple[NDArray[np.int16], Amounts, Amounts, Amounts]:
        return self.places, self.usage, self.problem.room.capacity, self.problem.room.floor

    def _short(self) -> float:
        """By how much rows are wrong, each in units of its size."""
        room = self.problem.room
        above = np.maximum(self.usage - self.problem.room.capacity, 0) / np.maximum(
            self.problem.room.capacity, 1
        )
        below = np.maximum(room.floor - self.usage, 0) / np.maximum(np.abs(room.floor), 1)
        return float(np.nansum(np.where(np.isfinite(self.problem.room.capacity), above, 0) + below))

    def ease(self, row: int, aim: int) -> None:
        """Moves towards a row's bounds, at the least loss by unit, until it is right or none is left."""
        limit, people = int(self.problem.owner[row]), self.problem.members(row)
        if not self.amiss(row):
            return
        sign = -1 if self.amiss(row) > 0 else 1
        order = self._scored(aim, limit, sign, abs(self.amiss(row)), people)
        moves.move(*self._given, aim, limit, row, sign, order, self._state())

    def add(self, customer: int, own: int) -> None:
        """Give a customer what his own limit `own` asks for, if it fits beside everything else."""
        problem = self.problem
        values, k = problem.values, problem.k
        net = values[customer].astype(np.float64)
        _, slot, taken = moves.best_move(
            customer, moves.EASE, own, 1, np.inf, net, np.empty(k, np.int64), *self._state(), problem.parts()
        )
        if slot >= 0:
            self.places[customer, slot] = taken
            self._count()

    def amiss(self, row: int) -> float:
        """By how much a row is above its capacity (above 0) or below its minimum (below 0)."""
        above = float(self.usage[row] - self.problem.room.capacity[row])
        below = float(self.usage[row] - self.problem.room.floor[row])
        return above if above > 0 else min(below, 0.0)

    def _scored(self, aim: int, limit: int, sign: int, short: float, people: Numbers) -> Numbers:
        """Those of some people who have such a move, the best first."""
        out = np.empty(len(people))

        def work(low: int, high: int) -> None:
            moves.scores(*self._given, aim, limit, sign, short, people, low, high, self._state(), out)

        over(len(people), work)
        some = np.flatnonzero(np.isfinite(out))
        found: Numbers = people[some[np.argsort(out[some], kind="stable")]]
        return found


def strict(problem: Problem) -> Problem:
    """The problem with a little less room where sums of uses are not exact: what keeps it keeps the limits
    however they are summed. Uses that are whole, or whole parts of 1024, are exact."""
    capacity, floor = problem.room.capacity.copy(), problem.room.floor.copy()
    for limit in range(problem.shared):
        at = problem.matrix_at[limit]
        uses = problem.use[limit] if at < 0 else problem.matrices[at]
        if not np.array_equal(uses * 1024, np.rint(uses * 1024)):
            part = slice(problem.first[limit], problem.first[limit + 1])
            capacity[part] *= 1 - TOLERANCE
            floor[part] *= 1 + TOLERANCE
    return replace(problem, room=replace(problem.room, capacity=capacity, floor=floor))
