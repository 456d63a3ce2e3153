"""From everybody's best choice at the prices to a plan that keeps every limit, by some customers only.

In a large base few have to give way, and few are nearly indifferent; a fair sample of customers, a few
hundred for each row, has enough who are both. The others keep what is best for them at the prices, and what
they use is taken from the room. So putting a plan right takes as long for ten million customers as for one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from quanke.plans import dual, packing
from quanke.plans.limits import Amounts
from quanke.plans.problem import Numbers, Problem, part_of
from quanke.plans.repair import MOVABLE, OF_ROW, Repair, strict


@dataclass(frozen=True, eq=False)
class Mended:
    """A plan put right: places by customer, rows that are `wrong` still and by how much (above 0: above their
    capacity, below 0: below their minimum), and by how much the bound falls. `packed`: the limit that was
    packed (-1: none), `held` what rows held after it."""

    places: NDArray[np.int16]
    wrong: Numbers
    amiss: Amounts
    fallen: float
    packed: int
    held: Amounts


def stride_of(customers: int, rows: int) -> int:
    """Every how manieth customer may be moved."""
    return max(1, customers // max(MOVABLE, OF_ROW * rows))


def mended_by(problem: Problem, price: Amounts, best: dual.Chosen, bound: float, stride: int) -> Mended:
    """Choices at the prices put right by moves of every `stride`-th customer, as far as that goes."""
    if stride == 1:
        return mended(strict(problem), price, best, bound)
    some = np.zeros(problem.customers, np.bool_)
    some[::stride] = True
    part = part_of(problem, some, np.ones(len(price), np.bool_))
    usage, value = dual.used_by(part, best.places[some])
    given = dual.Chosen(best.places[some], usage, value, 0.0, -1)
    # what they could be worth at most, the others being as they are
    found = mended_beside(part, price, given, best.usage - usage, bound - (best.value - value))
    places = best.places.copy()
    places[some] = found.places
    return replace(found, places=places, fallen=0.0)


def mended_beside(part: Problem, price: Amounts, best: dual.Chosen, rest: Amounts, bound: float) -> Mended:
    """The same for customers beside whom others use `rest` of each row."""
    room = strict(part).room
    room = replace(room, capacity=room.capacity - rest, floor=room.floor - rest)
    return mended(replace(part, room=room), price, best, bound)


def mended(problem: Problem, price: Amounts, best: dual.Chosen, bound: float) -> Mended:
    """Pack the limit with most rows, put the others right, fill room that is left."""
    places, fallen = best.places, 0.0
    blocks = packing.blocks_of(problem, price)
    if blocks is not None:
        places, fallen = packing.packed(problem, price, best, blocks)
    repair = Repair(problem, price, places)
    held = repair.usage.copy()
    if repair.mend():
        repair.fill(bound - fallen)
    wrong = repair.wrong
    amiss = np.array([repair.amiss(int(row)) for row in wrong])
    return Mended(repair.places, wrong, amiss, fallen, -1 if blocks is None else blocks.limit, held)
