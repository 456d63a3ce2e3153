"""What fits best into each row of one limit, the others at their prices: a knapsack for each row, exactly.

At the prices everybody has a best choice; for each other number of units of the row that he could use, the
best choice of that number loses something (its regret). A dynamic program over units picks who deviates, so
that the row holds and regrets, with what the room left over would have been worth, are least. What that is at
least is known as well, and the dual's bound falls by it: with few customers to a row, by much.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quanke.plans.dual import CHUNKS, Chosen, over, priced_table
from quanke.plans.limits import Amounts
from quanke.plans.passes import compiled, following, keeps, nets, used
from quanke.plans.problem import Numbers, Problem

CORE = 24
"""Customers of a row whose deviations are looked at first; more where that proves nothing."""
STATES = 4_000_000
"""Customers x units of one dynamic program, at most."""
UNITS = 400
"""Units of one customer's choice, at most, where a limit is packed."""
SCALES = (1, 2, 4, 5, 10, 20, 25, 50, 100, 1000)
LARGE = 1e300
"""Below it, a loss is one."""
SETS = 5_000
"""Sets of actions of a customer, at most, where a limit is packed."""


@dataclass(frozen=True, eq=False)
class Blocks:
    """A limit that is packed row by row: `members` by row (from `start[r]` to `start[r + 1]`; rows counted
    within the limit), and the unit of which its uses are multiples."""

    limit: int
    unit: float
    most: int
    members: Numbers
    start: Numbers


def blocks_of(problem: Problem, price: Amounts) -> Blocks | None:
    """The limit with most priced rows, if its uses have a unit; None where there is none to be packed."""
    found: list[tuple[int, int]] = []
    for limit in range(problem.shared):
        rows = price[problem.first[limit] : problem.first[limit + 1]]
        if len(rows) and (rows != 0).any():
            found.append((-int((rows != 0).sum()), limit))
    for _, limit in sorted(found):
        unit = _unit(problem, limit)
        if unit is None:
            continue
        uses = (
            problem.use[limit] if problem.matrix_at[limit] < 0 else problem.matrices[problem.matrix_at[limit]]
        )
        most = round(float(uses.max()) / unit) * problem.k
        if most > UNITS or _sets(problem.width, problem.k) > SETS:
            continue
        row = problem.rows[problem.signature, limit]
        inside = np.flatnonzero(row >= 0)
        within = row[inside] - problem.first[limit]
        order = np.argsort(within, kind="stable")
        start = np.searchsorted(within[order], np.arange(problem.first[limit + 1] - problem.first[limit] + 1))
        return Blocks(limit, unit, most, inside[order], start.astype(np.int64))
    return None


def _sets(width: int, k: int) -> int:
    total, sets = 1, 1
    for size in range(1, k + 1):
        sets = sets * max(width - size + 1, 0) // size
        total += sets
    return total


def _unit(problem: Problem, limit: int) -> float | None:
    """The greatest number of which all uses are multiples; None where there is none worth the name."""
    at = problem.matrix_at[limit]
    uses = np.unique(problem.use[limit] if at < 0 else problem.matrices[at]).astype(np.float64)
    uses = uses[uses > 0]
    if not len(uses) or len(uses) > UNITS:
        return None
    for scale in SCALES:
        scaled = uses * scale
        if np.array_equal(scaled, np.rint(scaled)) and scaled[-1] < 2**50:
            return float(np.gcd.reduce(scaled.astype(np.int64))) / scale
    return None


def packed(
    problem: Problem, price: Amounts, chosen: Chosen, blocks: Blocks
) -> tuple[NDArray[np.int16], float]:
    """Choices that keep the rows of a limit, best at the prices of all, and by how much the bound falls.

    A row that nothing fills within its bounds is left as it was.
    """
    table, parts = priced_table(problem, price), problem.parts()
    places = chosen.places.copy()
    first, last = problem.first[blocks.limit], problem.first[blocks.limit + 1]
    rows = int(last - first)
    fallen = np.zeros(rows)
    room = problem.room
    edges = np.searchsorted(blocks.start, np.linspace(0, len(blocks.members), CHUNKS + 1)[1:-1])
    edges = np.concatenate([[0], np.clip(edges, 0, rows), [rows]])

    bounds = np.stack([price[first:last], room.capacity[first:last], room.floor[first:last]])

    sizes = CORE, STATES

    def work(low: int, high: int) -> None:
        for at in range(low, high):
            pack(
                parts, table, price, problem.k, blocks.limit, blocks.unit, blocks.most, blocks.members,
                blocks.start, int(edges[at]), int(edges[at + 1]), bounds, places, fallen, sizes,
            )  # fmt: skip

    over(CHUNKS, work)
    return places, float(fallen.sum()) * (1 - 1e-9)


@compiled
def by_units(net, units, k, most, out, first_best, second_best):  # type: ignore[no-untyped-def]
    """The greatest net of at most 2 actions for each number of units they use together."""
    out[:] = -np.inf
    out[0] = 0.0
    first_best[:] = -np.inf
    second_best[:] = -np.inf
    for w in range(len(net)):
        r, u = net[w], units[w]
        if r > first_best[u]:
            second_best[u] = first_best[u]
            first_best[u] = r
        elif r > second_best[u]:
            second_best[u] = r
    size = len(first_best)
    for u in range(size):
        one = first_best[u]
        if one == -np.inf:
            continue
        out[u] = max(out[u], one)
        if k == 2:
            out[u + u] = max(out[u + u], one + second_best[u])
            for v in range(u + 1, size):
                two = one + first_best[v]
                if two > out[u + v]:
                    out[u + v] = two


@compiled
def units_of(i, limit, unit, data, out):  # type: ignore[no-untyped-def]
    """Units of a limit by place."""
    values, actions, many, _, _, use, matrix_at, matrices, _, _ = data
    for w in range(values.shape[1]):
        out[w] = np.int64(np.rint(used(i, w, limit, actions, many, use, matrix_at, matrices) / unit))


@compiled
def search(i, net, units, k, pick, out, wanted, places, data):  # type: ignore[no-untyped-def]
    """By looking at every set: the greatest net by units (`out`), and the set of `wanted` units that has
    it (`places`)."""
    out[:] = -np.inf
    size = 0
    best = -np.inf
    while size >= 0:
        total, u = 0.0, 0
        for at in range(size):
            total += net[pick[at]]
            u += units[pick[at]]
        if total > out[u] and keeps(i, pick, size, data):
            out[u] = total
            if u == wanted and total > best:
                best = total
                for at in range(k):
                    places[at] = pick[at] if at < size else -1
        size = following(net, k, pick, size)


@compiled
def _regrets(people, data, table, price, k, limit, unit, chosen, regret, now, least_regret):  # type: ignore[no-untyped-def]
    """For the customers of a row: units used (`now`), what another number of them loses (`regret`), and the
    least of that."""
    values, actions, many, signature, rows, _, matrix_at, matrices, least, most = data
    span = regret.shape[1] - 1
    net, units = np.empty(values.shape[1]), np.empty(values.shape[1], np.int64)
    pick, places = np.empty(k, np.int64), np.empty(k, np.int64)
    best_one, best_two = np.empty(span // k + 1), np.empty(span // k + 1)
    for j in range(len(people)):
        i = people[j]
        nets(i, values, actions, many, signature, rows, matrix_at, matrices, table, price, net)
        units_of(i, limit, unit, data, units)
        bound = False
        for o in range(least.shape[1]):
            bound = bound or least[i, o] > -np.inf or most[i, o] < np.inf
        if k <= 2 and not bound:
            by_units(net, units, k, span, regret[j], best_one, best_two)
        else:
            search(i, net, units, k, pick, regret[j], -1, places, data)
        now[j] = 0
        for at in range(k):
            if chosen[i, at] >= 0:
                now[j] += units[chosen[i, at]]
        here = regret[j, now[j]]
        least_regret[j] = np.inf
        for u in range(span + 1):
            regret[j, u] = max(here - regret[j, u], 0.0)
            if u != now[j]:
                least_regret[j] = min(least_regret[j], regret[j, u])


@compiled
def _answer(regret, now, least_regret, total, unit, y, capacity, floor, core_size, states, answer):  # type: ignore[no-untyped-def]
    """Units of each customer of a row (`answer`), best for it: first among those who lose least by another
    number, then among all who could be in a better answer. Returns what is lost by it (inf: there is none),
    and what is lost at least."""
    count = len(now)
    order = np.argsort(least_regret, kind="mergesort")
    threshold = least_regret[order[min(core_size, count) - 1]]
    proven, best = 0.0, np.inf
    for _ in range(12):
        core = 0
        while core < count and least_regret[order[core]] <= min(threshold, LARGE):
            core += 1
        found, done = _program(
            regret, now, order, core, threshold, total, unit, y, capacity, floor, states, answer, best
        )
        if not done:
            break
        best = min(best, found)
        proven = max(proven, min(best, threshold))
        if best <= threshold or threshold == np.inf:
            break
        # what is dearer than the best so far is in no better answer
        threshold = best if best < np.inf else (4 * threshold + 1e-9 if core < count else np.inf)
    return best, proven


@compiled
def pack(data, table, price, k, limit, unit, span, members, start, low, high, bounds, chosen, fallen, sizes):  # type: ignore[no-untyped-def]
    """Pack rows `low` to `high - 1` of a limit: changes `chosen`, writes to `fallen` what the bound falls by.

    `bounds`: price, capacity and minimum of each row. `sizes`: CORE and STATES.
    """
    values, actions, many, signature, rows, _, matrix_at, matrices, _, _ = data
    net, units = np.empty(values.shape[1]), np.empty(values.shape[1], np.int64)
    pick, places = np.empty(k, np.int64), np.empty(k, np.int64)
    for r in range(low, high):
        people = members[start[r] : start[r + 1]]
        count = len(people)
        if count == 0:
            continue
        y, capacity, floor = bounds[0, r], bounds[1, r], bounds[2, r]
        regret, now, least_regret = np.empty((count, span + 1)), np.empty(count, np.int64), np.empty(count)
        _regrets(people, data, table, price, k, limit, unit, chosen, regret, now, least_regret)
        total = now.sum()
        if y == 0 and total * unit <= capacity and total * unit >= floor:
            continue
        answer = np.full(count, -1, np.int64)
        best, proven = _answer(
            regret, now, least_regret, total, unit, y, capacity, floor, sizes[0], sizes[1], answer
        )
        if best == np.inf:
            continue
        fallen[r] = proven
        for j in range(count):
            if answer[j] >= 0 and answer[j] != now[j]:
                i = people[j]
                nets(i, values, actions, many, signature, rows, matrix_at, matrices, table, price, net)
                units_of(i, limit, unit, data, units)
                search(i, net, units, k, pick, regret[j], answer[j], places, data)
                for at in range(k):
                    chosen[i, at] = places[at]


@compiled
def _program(regret, now, order, core, threshold, total, unit, y, capacity, floor, states, answer, known):  # type: ignore[no-untyped-def]
    """The least sum of regrets, and of what is left at its price, by a dynamic program over the first `core`
    customers of `order`. Fills `answer` (units by customer) where it is less than `known`. Returns it, and
    whether the program was small enough."""
    down, up = 0, 0
    for c in range(core):
        j = order[c]
        lowest, highest = 0, 0
        for u in range(regret.shape[1]):
            if regret[j, u] <= threshold:
                lowest, highest = min(lowest, u - now[j]), max(highest, u - now[j])
        down += lowest
        up += highest
    size = up - down + 1
    if size * max(core, 1) > states:
        return np.inf, False
    cost, after = np.full(size, np.inf), np.empty(size)
    took = np.empty((core, size), np.int16)
    cost[-down] = 0.0
    reach_low, reach_high = -down, -down
    for c in range(core):
        j = order[c]
        after[:] = cost
        took[c, :] = -1
        new_low, new_high = reach_low, reach_high
        for u in range(regret.shape[1]):
            d, loss = u - now[j], regret[j, u]
            if d == 0 or loss > threshold or loss == np.inf:
                continue
            new_low, new_high = min(new_low, reach_low + d), max(new_high, reach_high + d)
            for s in range(reach_low, reach_high + 1):
                there = cost[s] + loss
                if there < after[s + d]:
                    after[s + d] = there
                    took[c, s + d] = u
        reach_low, reach_high = new_low, new_high
        cost[:] = after
    best, at = np.inf, -1
    for s in range(size):
        use = (total + s + down) * unit
        if cost[s] < np.inf and use <= capacity and use >= floor:
            worth = cost[s] + (y * (capacity - use) if y > 0 else (-y * (use - floor) if y < 0 else 0.0))
            if worth < best:
                best, at = worth, s
    if best < known:
        answer[:] = -1
        for c in range(core - 1, -1, -1):
            u = took[c, at]
            if u >= 0:
                j = order[c]
                answer[j] = u
                at -= u - now[j]
    return best, True
