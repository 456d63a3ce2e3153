"""Prices of the limits' rows: the minimum of the dual, smoothed, by Newton steps.

With price y[r] on a unit of row r everybody takes the best of his choices, and

    g(y) = sum_i max_S sum_(a in S) (value[i, a] - sum_r y[r] * use[r, i, a]) + sum_r cost_r(y[r])
    cost_r(y) = y * capacity_r where y > 0,  y * at_least_r where y < 0 (a price paid to the customer)

is never below the value of a plan that keeps the limits. g has edges, so it is smoothed by delta (who is
nearly indifferent is shared between his choices, by a projection), and delta shrinks. The curvature is that
of rows that share a customer: arrow-headed, for few rows hold everybody and many hold a few. A step is the
best of its parabola within bounds by row (a trust region): the price of a capacity and those of minima under
it move together, and a row whose price is far away goes ahead alone. For many
customers the first rounds look at a sample, with the room in proportion: prices hardly depend on how many
there are.
Sources: Nesterov 2005 (smoothing); Moré and Toraldo 1991 (bounds); Martins and Astudillo 2016 (sparsemax);
Basu et al. 2020 and Ramanath et al. 2022 (ECLIPSE, DuaLip: such duals over everybody).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import cg, splu

from quanke.plans import passes
from quanke.plans.limits import Amounts
from quanke.plans.problem import Problem, Room

CHUNKS = 8
"""Customers are worked on in so many ranges, whatever the machine: sums come out the same everywhere."""
ALONE = 5_000
"""For fewer customers threads cost more than they bring."""
SAMPLE, OF_ROW = 100_000, 300
"""The first round looks at about so many customers, and at so many for each row: fewer say nothing of it."""
GROWTH = 8
"""Each later round looks at so many times more."""
STEPS = 40
REACH = 6.0
"""A step changes what an action pays by no more than so many deltas: the curvature says nothing of what is
farther."""
NARROWEST, WIDEST = 1e-4, 64.0
"""A step's radius, in units of REACH."""
FARTHEST = 65_536.0
"""So many times as far goes a price alone that is drawn on and on."""
PATIENCE = 3
"""So many small steps one after the other are the end, each tried farther than the one before."""
HOLDS = 12
"""Rows are held at the ends of their span, and let go, so many times within one step."""
SETTLED = 4e-6
"""Where a step lowers the dual by less than this share, no further one is made."""
FACTORED = 20_000
"""Up to so many rows the curvature is factored; beyond, steps come from conjugate gradients."""
DELTAS = (0.5, 0.1, 0.02, 0.005)
"""Smoothing, in units of what a choice is worth beside the next."""
SAFETY = 1e-10
"""A bound is raised by this share of what was summed: more than sums of ten million terms lose."""


@dataclass(frozen=True, eq=False)
class Pass:
    """What a pass over a range of customers adds: `value`, use by row, pairs of rows with their curvature.

    Passes over ranges (or over partitions elsewhere) are summed by `joined`.
    """

    value: float
    usage: Amounts
    pairs: NDArray[np.int64]
    curve: Amounts


def joined(found: list[Pass], rows: int) -> Pass:
    """The sum of passes, in their order."""
    if not found:
        return Pass(0.0, np.zeros(rows), np.zeros(0, np.int64), np.zeros(0))
    pairs, curve = (np.concatenate([getattr(f, name) for f in found]) for name in ("pairs", "curve"))
    return Pass(sum(f.value for f in found), summed([f.usage for f in found], rows), pairs, curve)


def summed(parts: list[Amounts], rows: int) -> Amounts:
    """The sum of arrays by row, in their order."""
    total = np.zeros(rows)
    for part in parts:
        total += part
    return total


def priced_table(problem: Problem, price: Amounts) -> Amounts:
    """What each signature's rows ask for each action, as far as the use is that of the action."""
    table = np.zeros((len(problem.rows), problem.count))
    known = np.append(price, 0.0)
    for limit in range(problem.shared):
        if problem.matrix_at[limit] < 0:
            asked = known[problem.rows[:, limit]]
            if asked.any():
                table += asked[:, None] * problem.use[limit][None, :]
    return table


def over(customers: int, work: Callable[[int, int], Any], stride: int = 1) -> list[Any]:
    """The work over ranges of customers, in their order."""
    step = max(stride, -(-customers // CHUNKS // stride) * stride)
    ranges = [(low, min(low + step, customers)) for low in range(0, customers, step)]
    if customers // stride < ALONE:
        return [work(*r) for r in ranges]
    with ThreadPoolExecutor(max_workers=min(CHUNKS, os.cpu_count() or 1)) as pool:
        return list(pool.map(lambda r: work(*r), ranges))


def smoothed_pass(problem: Problem, price: Amounts, delta: float, stride: int = 1) -> Pass:
    """The smoothed choice of every `stride`-th customer at some prices: a function of arrays only."""
    table = priced_table(problem, price)
    parts = problem.parts()

    def work(low: int, high: int) -> Pass:
        base = int(problem.signature[low])
        size = int(problem.signature[high - 1]) - base + 1
        spent, curve = np.zeros((size, problem.shared)), np.zeros((size, problem.shared, problem.shared))
        value = passes.smoothed(parts, table, price, problem.k, delta, stride, low, high, base, spent, curve)
        rows = problem.rows[base : base + size]
        pairs, values = _pairs(rows, curve, len(price))
        return Pass(float(value), by_row(rows, spent, len(price)), pairs, values)

    return joined(over(problem.customers, work, stride), len(price))


def by_row(rows: NDArray[np.int32], spent: Amounts, count: int) -> Amounts:
    """Sums by row of what stands by signature and limit."""
    inside = rows >= 0
    return np.bincount(rows[inside], spent[inside], minlength=count).astype(np.float64)


def _pairs(rows: NDArray[np.int32], curve: Amounts, count: int) -> tuple[NDArray[np.int64], Amounts]:
    """Curvature by pair of rows (row * count + row), those of a range summed."""
    shared = rows.shape[1]
    left = np.repeat(rows.astype(np.int64), shared, axis=1)
    right = np.tile(rows.astype(np.int64), (1, shared))
    values = curve.reshape(len(rows), -1)
    some = (values != 0) & (left >= 0) & (right >= 0)
    pairs, place = np.unique(left[some] * count + right[some], return_inverse=True)
    return pairs, np.bincount(place, values[some], minlength=len(pairs)).astype(np.float64)


def room_cost(room: Room, price: Amounts) -> float:
    """What the rows' own bounds are worth at the prices: the dual beside the customers."""
    up, down = price > 0, price < 0
    return float(price[up] @ room.capacity[up] + price[down] @ room.floor[down])


@dataclass(frozen=True, eq=False)
class Chosen:
    """Everybody's best choice at some prices: places among his actions, use by row, value, and what is left
    of it after the prices (`net`). `impossible`: a customer whose own limits no choice keeps, -1 for none."""

    places: NDArray[np.int16]
    usage: Amounts
    value: float
    net: float
    impossible: int


def chosen_at(problem: Problem, price: Amounts) -> Chosen:
    """Everybody's best choice at some prices, in float64: a function of arrays only."""
    table, parts = priced_table(problem, price), problem.parts()
    places = np.full((problem.customers, problem.k), -1, np.int16)

    def work(low: int, high: int) -> tuple[float, int]:
        total, bad = passes.choose(parts, table, price, problem.k, low, high, places)
        return float(total), int(bad)

    found = over(problem.customers, work)
    usage, value = used_by(problem, places)
    net = float(sum(t for t, _ in found))
    return Chosen(places, usage, value, net, max((b for _, b in found), default=-1))


def bound_of(room: Room, price: Amounts, usage: Amounts, value: float, net: float) -> float:
    """What no plan is above, of sums over everybody's best choices; with a margin for what sums lose."""
    beside = room_cost(room, price)
    paid = float(np.abs(price[price != 0]) @ usage[price != 0])
    return net + beside + SAFETY * (abs(net) + abs(beside) + abs(value) + paid)


def used_by(problem: Problem, places: NDArray[np.int16]) -> tuple[Amounts, float]:
    """What choices use by row, and their value."""
    parts = problem.parts()

    def work(low: int, high: int) -> tuple[Amounts, float]:
        base = int(problem.signature[low])
        size = int(problem.signature[high - 1]) - base + 1
        spent = np.zeros((size, problem.shared))
        value = passes.spend(parts, places, low, high, base, spent)
        return by_row(problem.rows[base : base + size], spent, len(problem.room.capacity)), float(value)

    found = over(problem.customers, work)
    usage = summed([u for u, _ in found], len(problem.room.capacity))
    return usage, float(sum(v for _, v in found))


def scale_of(problem: Problem) -> float:
    """What tells a customer's choices apart: the median of his best value less the one after the k-th."""
    n, k = problem.customers, problem.k
    if not n or not problem.width:
        return 1.0
    some = np.asarray(problem.values[:: max(1, n // 20_000)], np.float64)
    some = np.sort(np.maximum(some, 0), axis=1)[:, ::-1]
    apart = some[:, 0] - some[:, k] if some.shape[1] > k else some[:, 0]
    apart = apart[apart > 0]
    return float(np.median(apart)) if len(apart) else 1.0


def stride_for(customers: int, rows: int) -> int:
    """Every how manieth customer the first prices are found by."""
    return max(1, customers // max(SAMPLE, OF_ROW * rows))


def priced(problem: Problem, start: Amounts | None = None) -> Amounts:
    """Prices at which the dual is next to its minimum; from `start` on where there are some already."""
    room, n = problem.room, problem.customers
    price = np.zeros(len(room.capacity)) if start is None else start.copy()
    if not n or not len(price):
        return price
    scale = scale_of(problem)
    bounded = np.isfinite(room.capacity) | np.isfinite(room.floor)
    strides = [stride_for(n, int(bounded.sum()))]
    while strides[-1] > 1:
        strides.append(max(1, strides[-1] // GROWTH))
    deltas = DELTAS if start is None else DELTAS[-2:]
    # where there is a sample limits bind by many customers, and passes over everybody are dear
    patience = PATIENCE if len(strides) == 1 else 1
    for round_, stride in enumerate(strides):
        for delta in deltas if round_ == 0 else deltas[-1:]:
            price = _descended(problem, price, delta * scale, stride, patience)
    return price


def finished(
    price: Amounts, room: Room, scale: float, unit: Amounts, at: Callable[[Amounts, float], Pass]
) -> Amounts:
    """The last steps of prices, by passes that are made elsewhere."""
    delta = DELTAS[-1] * scale

    def point(y: Amounts) -> _Point:
        found = at(y, delta)
        return _Point(y, found.value + room_cost(room, y), found)

    return descended(point, room, price, REACH * delta / unit)


@dataclass(frozen=True, eq=False)
class _Point:
    price: Amounts
    value: float
    found: Pass


def _at(problem: Problem, room: Room, price: Amounts, delta: float, stride: int) -> _Point:
    found = smoothed_pass(problem, price, delta, stride)
    return _Point(price, found.value + room_cost(room, price), found)


def _descended(problem: Problem, price: Amounts, delta: float, stride: int, patience: int) -> Amounts:
    """Prices at which the smoothed dual is next to its minimum."""
    share = len(range(0, problem.customers, stride)) / max(problem.customers, 1)
    room = Room(
        problem.room.capacity * share, problem.room.floor * share, problem.room.least, problem.room.most
    )
    reach = REACH * delta / unit_of(problem)
    return descended(lambda y: _at(problem, room, y, delta, stride), room, price, reach, patience=patience)


def boxed(problem: Problem, price: Amounts, delta: float) -> Amounts:
    """Prices between -1 and 1 at which the smoothed dual is next to its minimum."""
    reach = REACH * delta / unit_of(problem)
    return descended(lambda y: _at(problem, problem.room, y, delta, 1), problem.room, price, reach, 1.0)


def unit_of(problem: Problem) -> Amounts:
    """By row, what an action that uses its limit uses of it."""
    usual = np.ones(problem.shared)
    for limit in range(problem.shared):
        at = problem.matrix_at[limit]
        uses = problem.use[limit] if at < 0 else problem.matrices[at, ::997]
        some = uses[uses > 0]
        usual[limit] = float(np.median(some)) if len(some) else 1.0
    return usual[problem.owner]


def descended(
    at: Callable[[Amounts], _Point],
    room: Room,
    price: Amounts,
    reach: Amounts,
    most: float = np.inf,
    patience: int = 1,
) -> Amounts:
    """Newton steps from some prices, each the best of its parabola among prices not farther than a radius
    (at first `reach`; wider where the parabola told the truth, narrower where it did not). No price goes
    above `most`, or below -`most`; `patience` small steps are the end."""
    point, radius, wide, stale = at(price), 1.0, np.ones(len(price)), 0
    size = np.maximum(np.where(np.isfinite(room.capacity), room.capacity, room.floor), 1e-9)
    for _ in range(STEPS):
        excess = excess_of(room, point.price, point.found.usage)
        free = (excess != 0) & ((np.abs(point.price) < most) | (excess * point.price < 0))
        if not free.any() or np.abs(excess[free] / size[free]).mean() <= 1e-4:
            break
        parabola = Parabola.of(point.found, slope_of(room, point.price, point.found.usage))
        low, high = _span(room, point.price, most)
        better, radius, told = _tried(at, point, parabola, (low, high), reach * wide, radius)
        if better is None:
            break
        # a price that is far away from where it has to be goes ahead alone
        moved, left = better.price - point.price, slope_of(room, better.price, better.found.usage)
        same = left * moved > 0
        far = same & (np.abs(left) > 0.25 * np.abs(excess)) & (np.abs(moved) > 0.9 * reach * wide)
        wide = np.where(far, np.minimum(wide * 4, FARTHEST), np.where(same, wide, np.maximum(wide / 4, 1.0)))
        fallen = point.value - better.value
        point = better
        if fallen <= SETTLED * abs(point.value) and radius >= 1.0:
            stale += 1
            # a small step does not say how far the minimum is
            radius = min(radius * 4, WIDEST)
            if stale == patience or told <= 1e-2 * SETTLED * abs(point.value):
                break
        else:
            stale = 0
    return point.price


def _tried(
    at: Callable[[Amounts], _Point],
    point: _Point,
    parabola: Parabola,
    span: tuple[Amounts, Amounts],
    reach: Amounts,
    radius: float,
) -> tuple[_Point | None, float, float]:
    """A lower point, the radius after it and the fall its parabola told; None where none is found."""
    while radius >= NARROWEST:
        low, high = np.maximum(span[0], -radius * reach), np.minimum(span[1], radius * reach)
        step = parabola.lowest(low, high)
        told = parabola.fall(step)
        if told <= 0:
            break
        there = np.where(step <= span[0], point.price + span[0], point.price + step)
        there = np.where(step >= span[1], point.price + span[1], there)
        tried = at(there)
        share = (point.value - tried.value) / told
        far = float(np.max(np.abs(step) / reach))
        if share > 0:
            if share < 0.25:
                radius = max(far * 0.5, NARROWEST)
            elif share > 0.75 and far > 0.9 * radius:
                radius = min(radius * 2, WIDEST)
            elif share > 0.5:
                radius = max(radius, min(1.0, 2 * radius))
            return tried, radius, told
        radius = min(radius, far) * (0.25 if share > -2 else 0.1)
    return None, radius, 0.0


def slope_of(room: Room, price: Amounts, used: Amounts) -> Amounts:
    """What a row holds too much or too little, seen from the only side to which its price may go."""
    excess = excess_of(room, price, used)
    idle = (price == 0) & (excess == 0)
    above = idle & np.isfinite(room.capacity) & ~np.isfinite(room.floor)
    below = idle & np.isfinite(room.floor) & ~np.isfinite(room.capacity)
    return np.where(above, used - room.capacity, np.where(below, used - room.floor, excess))


def _span(room: Room, price: Amounts, most: float) -> tuple[Amounts, Amounts]:
    """How far prices may go down and up: 0 is passed only by stopping there, and none has the sign of a
    bound that its row has not."""
    low = np.where(price > 0, -price, np.where(np.isfinite(room.floor), -most - price, 0.0))
    high = np.where(price < 0, -price, np.where(np.isfinite(room.capacity), most - price, 0.0))
    return np.minimum(low, 0.0), np.maximum(high, 0.0)


def kept_within(room: Room, price: Amounts, there: Amounts) -> Amounts:
    """Prices to which a step leads: 0 is passed only by stopping there, and none has the sign of a bound that
    its row has not."""
    there = np.where(there * price < 0, 0.0, there)
    there = np.where(np.isfinite(room.floor), there, np.maximum(there, 0))
    return np.where(np.isfinite(room.capacity), there, np.minimum(there, 0))


def excess_of(room: Room, price: Amounts, used: Amounts) -> Amounts:
    """What a row holds too much (above 0) or too little (below), as far as its price may answer."""
    above, below = used - room.capacity, used - room.floor
    found = np.where(price > 0, above, np.where(price < 0, below, 0.0))
    found = np.where((price == 0) & (above > 0), above, found)
    return np.where((price == 0) & (below < 0), below, found)


@dataclass(frozen=True, eq=False)
class Parabola:
    """What a pass says of the dual around its prices: the slope, and the curvature between rows."""

    slope: Amounts
    curve: Any

    @staticmethod
    def of(found: Pass, slope: Amounts) -> Parabola:
        """The parabola of a pass, with something to climb by where nobody is shared."""
        rows = len(slope)
        curve = sparse.coo_matrix((found.curve, (found.pairs // rows, found.pairs % rows)), (rows, rows))
        diagonal = curve.diagonal()
        usual = float(np.median(diagonal[diagonal > 0])) if (diagonal > 0).any() else 1.0
        more = np.where(diagonal > 0, 1e-6 * diagonal + 1e-9 * usual, 1e-5 * usual)
        return Parabola(slope, (curve + sparse.diags(more)).tocsc())

    def fall(self, step: Amounts) -> float:
        """By how much a step would lower it."""
        return float(self.slope @ step - 0.5 * (step @ (self.curve @ step)))

    def lowest(self, low: Amounts, high: Amounts) -> Amounts:
        """The step between `low` and `high` that lowers it most, or nearly: rows at an end of their span from
        which they are drawn no more are held there, the others step together (Moré and Toraldo 1991).

        Cutting each row's own step off would not do: the price of a capacity and those of the minima under it
        fall together or not at all.
        """
        step = np.zeros(len(low))
        fallen, held = 0.0, None
        for _ in range(HOLDS):
            left = self.slope - self.curve @ step
            ends = ((step <= low) & (left <= 0)) | ((step >= high) & (left >= 0))
            if held is not None and np.array_equal(ends, held):
                break
            held = ends
            some = np.flatnonzero(~ends)
            if not len(some):
                break
            ahead = np.zeros(len(low))
            ahead[some] = self._solved(some, left[some])
            best, best_fall = self._along(step, ahead, low, high)
            if best_fall <= fallen * (1 + 1e-6):
                break
            step, fallen = best, best_fall
        return step

    def _along(self, step: Amounts, ahead: Amounts, low: Amounts, high: Amounts) -> tuple[Amounts, float]:
        """The best of some lengths ahead: cut off by row, or as far as all may go together."""
        up, down = ahead > 0, ahead < 0
        ratio = np.full(len(step), np.inf)
        ratio[up] = (high[up] - step[up]) / ahead[up]
        ratio[down] = (low[down] - step[down]) / ahead[down]
        together = float(min(1.0, ratio.min(initial=np.inf)))
        lengths = (1.0,) if together >= 1 else (1.0, 0.3, 0.1, together)
        tried = [np.clip(step + length * ahead, low, high) for length in lengths]
        falls = [self.fall(one) for one in tried]
        best = int(np.argmax(falls))
        return tried[best], falls[best]

    def _solved(self, some: NDArray[np.int64], left: Amounts) -> Amounts:
        inside = self.curve[some][:, some]
        scale = 1.0 / np.sqrt(inside.diagonal())
        balanced = (sparse.diags(scale) @ inside @ sparse.diags(scale)).tocsc()
        if len(some) <= FACTORED:
            solved = splu(balanced, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}).solve(
                scale * left
            )
        else:
            solved, _ = cg(balanced, scale * left, rtol=1e-3, maxiter=300)
        return np.asarray(scale * solved, np.float64)
