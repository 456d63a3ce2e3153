"""The search for one customer's trades: class by class, cut off by the bound: compiled.

First the fewest trades with which the bound is as low as it gets (within what a trade must be worth); the
search with so many usually reaches it, and then nothing can be better. Where lots keep it from that, the
least that any number of trades reaches is found first. A search that was cut short is not called proved.
"""

from __future__ import annotations

from quanke.wealth.trades.adjust import clear, outside
from quanke.wealth.trades.amounts import NO, solve
from quanke.wealth.trades.choices import bound
from quanke.wealth.trades.machine import compiled
from quanke.wealth.trades.space import (
    AMOUNT,
    BAD,
    BEST,
    BEST_AMOUNT,
    BEST_BAD,
    BEST_COUNT,
    BEST_FAR,
    BEST_FEE,
    BEST_OUTSIDE,
    BEST_RANK,
    CHOSEN,
    CLIPPED,
    DEPTHS,
    FEE_NOW,
    FIRST,
    GOAL,
    GRAIN,
    LEAF,
    LEAVES,
    MEMBER,
    NEXT,
    NOW,
    ORDER,
    RANK,
    SUM,
    TARGET,
    TIED,
    TOLERANCE,
    TRADES,
    WRONG,
    X,
)

GRAINS = 16
"""What lies outside is told apart by so many parts of what a trade must be worth, where some of it stays."""
MOST_LEAVES = 60
"""Sets of trades whose amounts are worked out in one search, at most."""
MOST_TIED = 24
"""Sets that leave the same outside whose fees and distances are compared, at most."""


@compiled
def far(w, classes):  # type: ignore[no-untyped-def]
    """Distance from the model: of each class from its target, added up."""
    taken = 0
    total = 0
    for c in range(1, classes):
        taken += w[X, c]
        total += abs(w[NOW, c] + w[X, c] - w[TARGET, c])
    return total + abs(w[NOW, 0] - taken - w[TARGET, 0])


@compiled
def graded(w, found):  # type: ignore[no-untyped-def]
    """What lies outside, in grains above what is known to be left at least: less is no difference. What can
    be brought inside wholly is told from what is not."""
    return found if w[0, GOAL] == 0 else max(found - w[0, GOAL], 0) // w[0, GRAIN]


@compiled
def better(w, found, bad, distance, rank):  # type: ignore[no-untyped-def]
    """Whether the trades looked at come before the best so far."""
    if graded(w, found) != graded(w, w[0, BEST_OUTSIDE]):
        return found < w[0, BEST_OUTSIDE]
    if w[0, CHOSEN] != w[0, BEST_COUNT]:
        return w[0, CHOSEN] < w[0, BEST_COUNT]
    if bad != w[0, BEST_BAD]:
        return bad > w[0, BEST_BAD]
    if w[0, FEE_NOW] != w[0, BEST_FEE]:
        return w[0, FEE_NOW] < w[0, BEST_FEE]
    if distance != w[0, BEST_FAR]:
        return distance < w[0, BEST_FAR]
    return rank < w[0, BEST_RANK]


@compiled
def gather(w, depths):  # type: ignore[no-untyped-def]
    """The items of the options chosen."""
    count = 0
    for d in range(depths):
        o = w[NEXT, d] - 1
        for m in range(w[TRADES, o]):
            w[LEAF, count] = w[MEMBER + m, o]
            count += 1
    w[0, CHOSEN] = count
    return count


@compiled
def look(w, classes, trades, least):  # type: ignore[no-untyped-def]
    """Work out the trades chosen, and keep them if they are the best so far."""
    depths = w[0, DEPTHS]
    count = gather(w, depths)
    w[0, LEAVES] += 1
    found = solve(w, classes, trades - count, least)
    if found == NO or graded(w, found) > graded(w, w[0, BEST_OUTSIDE]):
        return
    bad, rank = 0, 0
    for at in range(w[0, CHOSEN]):
        it = w[LEAF, at]
        bad += w[BAD, it]
        rank += w[RANK, it]
    w[0, TIED] = w[0, TIED] + 1 if graded(w, found) == graded(w, w[0, BEST_OUTSIDE]) else 0
    distance = far(w, classes)
    if better(w, found, bad, distance, rank):
        w[0, BEST_OUTSIDE], w[0, BEST_COUNT], w[0, BEST_BAD] = found, w[0, CHOSEN], bad
        w[0, BEST_FEE], w[0, BEST_FAR], w[0, BEST_RANK] = w[0, FEE_NOW], distance, rank
        for at in range(w[0, CHOSEN]):
            w[BEST, at], w[BEST_AMOUNT, at] = w[LEAF, at], w[AMOUNT, at]


@compiled
def search(w, classes, trades, ties):  # type: ignore[no-untyped-def]
    """The best with at most so many trades, into `best`. With `ties` those that leave the same outside are
    compared by the rest of the rule; without, it ends at the goal. False if it was cut short."""
    depths = w[0, DEPTHS]
    w[0, LEAVES] = w[0, TIED] = 0
    d = 0
    for n in range(6):
        w[SUM + n, 0] = 0
    w[NEXT, 0] = w[FIRST, w[ORDER, 0]]
    while d >= 0:
        c = w[ORDER, d]
        o = w[NEXT, d]
        if o == w[FIRST, c + 1]:
            d -= 1
            continue
        w[NEXT, d] = o + 1
        left = trades - w[SUM, d] - w[TRADES, o]
        if left < 0:
            continue
        for n in range(6):
            # in the order of the rows of an option
            w[SUM + n, d + 1] = w[SUM + n, d] + w[TRADES + n, o]
        least = bound(w, d + 1, left, w[SUM + 1, d + 1], w[SUM + 2, d + 1], w[SUM + 3, d + 1])
        level, known = graded(w, least), graded(w, w[0, BEST_OUTSIDE])
        strict = not ties or w[0, TIED] >= MOST_TIED
        if level > known or (strict and level == known):
            continue
        if level == known and w[SUM + 4, d + 1] > w[0, BEST_FEE] and w[0, WRONG] == 0:
            continue
        if d + 1 < depths:
            d += 1
            w[NEXT, d] = w[FIRST, w[ORDER, d]]
            continue
        look(w, classes, trades, least)
        if not ties and graded(w, w[0, BEST_OUTSIDE]) == 0:
            return True
        if w[0, LEAVES] >= MOST_LEAVES:
            return False
    return True


@compiled
def forget(w):  # type: ignore[no-untyped-def]
    """No trades are the best so far: none of them is known to keep the rules."""
    w[0, BEST_OUTSIDE], w[0, BEST_COUNT], w[0, BEST_BAD] = NO - 1, 1 << 40, -1
    w[0, BEST_FEE], w[0, BEST_FAR], w[0, BEST_RANK] = NO, NO, NO


@compiled
def decide(w, classes, most):  # type: ignore[no-untyped-def]
    """The best trades of the customer into `best`. Returns whether they are proved best."""
    clear(w)
    w[0, CHOSEN] = 0
    nothing = outside(w, classes)
    goal = max(bound(w, 0, most, 0, 0, 0), 0)
    w[0, GOAL], w[0, GRAIN] = goal, w[0, TOLERANCE] // GRAINS + 1
    proved = w[0, CLIPPED] == 0
    if nothing <= goal + w[0, TOLERANCE]:
        w[0, BEST_COUNT] = 0
        return True
    trades = 1
    while trades < most and bound(w, 0, trades, 0, 0, 0) > goal + w[0, TOLERANCE]:
        trades += 1
    forget(w)
    proved = search(w, classes, trades, True) and proved
    found = min(w[0, BEST_OUTSIDE], nothing)
    if found <= goal + w[0, TOLERANCE] and bound(w, 0, trades - 1, 0, 0, 0) > found + w[0, TOLERANCE]:
        return proved
    return again(w, classes, most, nothing) and proved


@compiled
def again(w, classes, most, nothing):  # type: ignore[no-untyped-def]
    """Where lots or rules keep amounts from the bound: what is least at all, and the fewest trades for it."""
    forget(w)
    proved = search(w, classes, most, False)
    least = min(w[0, BEST_OUTSIDE], nothing)
    if nothing <= least + w[0, TOLERANCE]:
        w[0, BEST_COUNT] = 0
        return proved
    for trades in range(1, most + 1):
        if bound(w, 0, trades, 0, 0, 0) > least + w[0, TOLERANCE]:
            continue
        forget(w)
        proved = search(w, classes, trades, True) and proved
        if w[0, BEST_OUTSIDE] <= least + w[0, TOLERANCE]:
            return proved
    w[0, BEST_COUNT] = 0
    return False


@compiled
def worst(w, classes):  # type: ignore[no-untyped-def]
    """The largest distance of a class from its target at `x`, in fen."""
    taken, most = 0, 0
    for c in range(1, classes):
        taken += w[X, c]
        most = max(most, abs(w[NOW, c] + w[X, c] - w[TARGET, c]))
    return max(most, abs(w[NOW, 0] - taken - w[TARGET, 0]))
