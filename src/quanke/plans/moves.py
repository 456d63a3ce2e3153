"""Single changes of a plan, compiled: one place of one customer given up, taken or exchanged for another.

A move fits where no row it uses more of goes above its capacity, none it uses less of below its minimum, and
the customer's own limits are kept. Rows that are wrong already may not get worse.
"""

from __future__ import annotations

import numpy as np

from quanke.plans.passes import compiled, keeps, nets, used

GAIN, EASE, ANY = 0, 1, 2
"""What a move is sought for: more value; a row's use changed, at the least loss; the same whatever other rows
hold (to be put right after)."""


@compiled
def best_move(i, aim, target, sign, short, net, places, chosen, usage, capacity, floor, data):  # type: ignore[no-untyped-def]
    """The best move of customer i: its score (less is better, inf: none), the slot and the place taken.

    For GAIN the score is the value lost (below 0: gained). Otherwise it is the net lost by unit by which the
    use of limit `target` goes up (`sign` 1) or down (-1), of at most `short` units.
    """
    values, actions, many, signature, rows, use, matrix_at, matrices, least, _ = data
    s, shared, k = signature[i], rows.shape[1], chosen.shape[1]
    score, slot, taken = np.inf, -1, -2
    emptied = False
    for at in range(k):
        old = chosen[i, at]
        if old < 0:
            # all empty slots are alike
            if emptied:
                continue
            emptied = True
        for w in range(-1, values.shape[1]):
            if w == old or (w >= 0 and net[w] == -np.inf):
                continue
            here = 0.0
            if aim == 0:
                here = (values[i, old] if old >= 0 else 0.0) - (values[i, w] if w >= 0 else 0.0)
                if here >= -1e-12:
                    continue
            else:
                more = 0.0
                if w >= 0:
                    more += used(i, w, target, actions, many, use, matrix_at, matrices)
                if old >= 0:
                    more -= used(i, old, target, actions, many, use, matrix_at, matrices)
                more *= sign
                if more <= 0:
                    continue
                lost = (net[old] if old >= 0 else 0.0) - (net[w] if w >= 0 else 0.0)
                here = lost / min(more, short)
            if here >= score:
                continue
            twice = False
            for other in range(k):
                if w >= 0 and other != at and chosen[i, other] == w:
                    twice = True
            if twice:
                continue
            fits = True
            for lim in range(shared):
                r = rows[s, lim]
                if r < 0:
                    continue
                d = 0.0
                if w >= 0:
                    d += used(i, w, lim, actions, many, use, matrix_at, matrices)
                if old >= 0:
                    d -= used(i, old, lim, actions, many, use, matrix_at, matrices)
                if d > 0 and aim != 2 and usage[r] + d > capacity[r]:
                    fits = False
                    break
                if d < 0 and usage[r] + d < floor[r]:
                    fits = False
                    break
            if fits and least.shape[1]:
                for other in range(k):
                    places[other] = w if other == at else chosen[i, other]
                fits = keeps(i, places, k, data)
            if fits:
                score, slot, taken = here, at, w
    return score, slot, taken


@compiled
def scores(data, table, price, aim, target, sign, short, people, low, high, state, out):  # type: ignore[no-untyped-def]
    """The score of the best move of each of some people (places `low` to `high - 1` of them). `state`:
    choices, and by row use, capacity and minimum."""
    chosen, usage, capacity, floor = state
    values, actions, many, signature, rows, use, matrix_at, matrices, _, _ = data
    net, places = np.empty(values.shape[1]), np.empty(chosen.shape[1], np.int64)
    for p in range(low, high):
        i = people[p]
        out[p] = np.inf
        if aim != 0:
            useful = sign > 0
            for at in range(chosen.shape[1]):
                w = chosen[i, at]
                if w >= 0 and used(i, w, target, actions, many, use, matrix_at, matrices) > 0:
                    useful = True
            if not useful:
                continue
            nets(i, values, actions, many, signature, rows, matrix_at, matrices, table, price, net)
        else:
            for w in range(values.shape[1]):
                net[w] = values[i, w]
        out[p], _, _ = best_move(
            i, aim, target, sign, short, net, places, chosen, usage, capacity, floor, data
        )


@compiled
def move(data, table, price, aim, target, row, sign, order, state):  # type: ignore[no-untyped-def]
    """Make the best moves of customers, in the given order; where a row is to be put right, until it is.
    Changes `chosen` and `usage`. Returns how many moved."""
    chosen, usage, capacity, floor = state
    values, actions, many, signature, rows, use, matrix_at, matrices, _, _ = data
    net, places = np.empty(values.shape[1]), np.empty(chosen.shape[1], np.int64)
    moved = 0
    for i in order:
        short = np.inf
        if aim != 0:
            short = usage[row] - capacity[row] if sign < 0 else floor[row] - usage[row]
            if short <= 0:
                break
        nets(i, values, actions, many, signature, rows, matrix_at, matrices, table, price, net)
        _, slot, taken = best_move(
            i, aim, target, sign, short, net, places, chosen, usage, capacity, floor, data
        )
        if slot < 0:
            continue
        old = chosen[i, slot]
        for lim in range(rows.shape[1]):
            r = rows[signature[i], lim]
            if r >= 0:
                if taken >= 0:
                    usage[r] += used(i, taken, lim, actions, many, use, matrix_at, matrices)
                if old >= 0:
                    usage[r] -= used(i, old, lim, actions, many, use, matrix_at, matrices)
        chosen[i, slot] = taken
        moved += 1
    return moved
