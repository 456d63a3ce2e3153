"""What may be done in each class, and a bound on what any choice over all classes leaves outside: compiled.

Pushing a class beyond its band frees (or takes) as much as it adds outside, so what lies outside in all is
the greatest of three sums over classes: of what each leaves by itself, of that with the least it takes of the
cash less what cash can spare, and of that less the most it takes and what cash has too much. Each sum is
least class by class; the greatest of the three is never above what can be reached (amounts are taken as
continuous between the least and the most of an option).
"""

from __future__ import annotations

from quanke.wealth.trades.items import apart, fee_of
from quanke.wealth.trades.machine import compiled
from quanke.wealth.trades.space import (
    BAD,
    CLASS,
    CLIPPED,
    DEPTHS,
    FEE,
    FEES,
    FIRST,
    FULL,
    HIGH,
    INSURED,
    ISSUER,
    ITEMS,
    KEPT,
    LEAST,
    LIQUID,
    LIQUID_END,
    LOW,
    MEMBER,
    MONEY,
    MOST,
    MOST_OPTIONS,
    NOW,
    OF_CLASS,
    OPTION_ROWS,
    OPTIONS,
    ORDER,
    OUTSIDE,
    PICKED,
    RANK,
    ROOM,
    ROW,
    SIGN,
    STEP,
    SUMS,
    TRADES,
    UNSUITABLE,
    A,
    B,
)


@compiled
def top(w, j):  # type: ignore[no-untyped-def]
    """The greatest amount of an item."""
    return max(w[B, j], w[FULL, j])


@compiled
def put(w, klass, count):  # type: ignore[no-untyped-def]
    """One more option of a class: the first `count` of PICKED, all of one side."""
    o = w[0, OPTIONS]
    if o == MOST_OPTIONS:
        w[0, CLIPPED] = 1
        return
    w[0, OPTIONS] += 1
    least, most, bad, fee = 0, 0, 0, 1 << 40
    for m in range(count):
        j = w[PICKED, m]
        w[MEMBER + m, o] = j
        least += w[A, j]
        most += top(w, j)
        bad += w[BAD, j]
        fee = min(fee, w[FEE, j])
    low, high = w[LOW, klass] - w[NOW, klass], w[HIGH, klass] - w[NOW, klass]
    a, b = least, most
    if count and w[SIGN, w[PICKED, 0]] < 0:
        a, b = -most, -least
    near_a, near_b = max(a, min(low, b)), min(b, max(high, a))
    w[TRADES, o], w[UNSUITABLE, o] = count, bad
    w[LEAST, o], w[MOST, o] = near_a, near_b
    w[OUTSIDE, o] = apart(near_a, low, high)
    # where nothing is left outside, at least so much is traded; else it may be less
    sure = min(abs(near_a), abs(near_b)) if w[OUTSIDE, o] == 0 else least
    w[FEES, o] = fee_of(sure, fee) if count else 0
    if count == 0:
        w[MEMBER, o] = -1


@compiled
def scarce(w, resource):  # type: ignore[no-untyped-def]
    """Whether several classes could want more of an issuer than there is room for."""
    if resource < 0:
        return False
    wanted, last, classes = 0, -1, 0
    for j in range(w[0, ITEMS]):
        c = w[CLASS, j]
        if c != last and (w[ISSUER, j] == resource or w[INSURED, j] == resource):
            wanted += max(w[HIGH, c] - w[NOW, c], 0)
            last = c
            classes += 1
    return classes > 1 and w[ROOM, resource] < wanted


@compiled
def alone(w, begin, j):  # type: ignore[no-untyped-def]
    """Whether an item is worth an option of its own: no cheaper one does as much, or that one's issuer is
    wanted elsewhere too."""
    for m in range(begin, j):
        other = m
        if w[SIGN, other] != w[SIGN, j] or w[SIGN, j] < 0:
            continue
        same = w[ISSUER, other] == w[ISSUER, j] and w[INSURED, other] == w[INSURED, j]
        if not same and (scarce(w, w[ISSUER, other]) or scarce(w, w[INSURED, other])):
            continue
        covers = w[A, other] <= w[A, j] and w[B, other] >= w[B, j] and w[STEP, j] % w[STEP, other] == 0
        covers = covers and (w[A, j] - w[A, other]) % w[STEP, other] == 0
        if covers and (w[FEE, other], w[RANK, other]) <= (w[FEE, j], w[RANK, j]):
            return False
    return True


@compiled
def furthest(w, begin, end):  # type: ignore[no-untyped-def]
    """Up to OF_CLASS items that are looked at together: those with the greatest amounts, in their order."""
    count = 0
    for j in range(begin, end):
        larger = 0
        for m in range(begin, end):
            if top(w, m) > top(w, j) or (top(w, m) == top(w, j) and m < j):
                larger += 1
        if larger < OF_CLASS:
            w[KEPT, count] = j
            count += 1
    return count


@compiled
def together(w, klass, begin, end):  # type: ignore[no-untyped-def]
    """Options of two items and more of one side of a class."""
    count = furthest(w, begin, end)
    if end - begin > OF_CLASS and w[SIGN, begin] < 0:
        w[0, CLIPPED] = 1
    for mask in range(3, 1 << count):
        size = 0
        for m in range(count):
            if mask >> m & 1:
                w[PICKED, size] = w[KEPT, m]
                size += 1
        if size > 1:
            put(w, klass, size)


@compiled
def reach(w, begin, end):  # type: ignore[no-untyped-def]
    """The greatest amount of one of these items."""
    found = 0
    for j in range(begin, end):
        found = max(found, top(w, j))
    return found


@compiled
def options_of(w, klass, begin, middle, end):  # type: ignore[no-untyped-def]
    """Options of a class: nothing; sales (items from `begin`), purchases (from `middle`)."""
    w[FIRST, klass] = w[0, OPTIONS]
    put(w, klass, 0)
    for j in range(begin, middle):
        w[PICKED, 0] = j
        put(w, klass, 1)
    if middle - begin > 1:
        together(w, klass, begin, middle)
    room = w[HIGH, klass] - w[NOW, klass]
    if room <= 0:
        return
    for j in range(middle, end):
        if alone(w, middle, j):
            w[PICKED, 0] = j
            put(w, klass, 1)
    if end - middle > 1 and reach(w, middle, end) < room:
        together(w, klass, middle, end)


@compiled
def sort_options(w, klass, end):  # type: ignore[no-untyped-def]
    """Options that leave least outside first; then fewer trades, then lower fees."""
    for o in range(w[FIRST, klass] + 1, end):
        m = o
        while m > w[FIRST, klass] and _before(w, m, m - 1):
            for row in range(OPTION_ROWS[0], OPTION_ROWS[1]):
                w[row, m], w[row, m - 1] = w[row, m - 1], w[row, m]
            m -= 1


@compiled
def _before(w, one, other):  # type: ignore[no-untyped-def]
    if w[OUTSIDE, one] != w[OUTSIDE, other]:
        return w[OUTSIDE, one] < w[OUTSIDE, other]
    if w[TRADES, one] != w[TRADES, other]:
        return w[TRADES, one] < w[TRADES, other]
    if w[UNSUITABLE, one] != w[UNSUITABLE, other]:
        return w[UNSUITABLE, one] > w[UNSUITABLE, other]
    if w[FEES, one] != w[FEES, other]:
        return w[FEES, one] < w[FEES, other]
    return w[MEMBER, one] < w[MEMBER, other]


@compiled
def arrange(w, classes, most):  # type: ignore[no-untyped-def]
    """The order of classes, furthest outside first, and the table of bounds."""
    depths = 0
    for c in range(1, classes):
        at = depths
        far = apart(w[NOW, c], w[LOW, c], w[HIGH, c])
        while at > 0:
            o = w[ORDER, at - 1]
            if apart(w[NOW, o], w[LOW, o], w[HIGH, o]) >= far:
                break
            w[ORDER, at] = o
            at -= 1
        w[ORDER, at] = c
        depths += 1
    w[0, DEPTHS] = depths
    for left in range(ROW):
        for n in range(3):
            w[SUMS + n, depths * ROW + left] = 0
    for d in range(depths - 1, -1, -1):
        c = w[ORDER, d]
        for left in range(most + 1):
            one, two, three = 1 << 60, 1 << 60, 1 << 60
            for o in range(w[FIRST, c], w[FIRST, c + 1]):
                rest = left - w[TRADES, o]
                if rest < 0:
                    continue
                one = min(one, w[OUTSIDE, o] + w[SUMS, (d + 1) * ROW + rest])
                two = min(two, w[OUTSIDE, o] + w[LEAST, o] + w[SUMS + 1, (d + 1) * ROW + rest])
                three = min(three, w[OUTSIDE, o] - w[MOST, o] + w[SUMS + 2, (d + 1) * ROW + rest])
            w[SUMS, d * ROW + left] = one
            w[SUMS + 1, d * ROW + left] = two
            w[SUMS + 2, d * ROW + left] = three


@compiled
def bound(w, depth, left, outside, least, most):  # type: ignore[no-untyped-def]
    """What any choice for the classes from `depth` on, with so many trades left, leaves outside at least."""
    spare, surplus = w[NOW, 0] - w[LOW, 0], w[NOW, 0] - w[HIGH, 0]
    found = 1 << 60
    for sold in range(min(left, w[0, LIQUID_END] - w[0, LIQUID]) + 1):
        # near-cash that is sold is a trade, and without it there is no more than demand money
        at = depth * ROW + left - sold
        here = outside + max(w[SUMS, at], least + w[SUMS + 1, at] - min(spare, w[MONEY, sold]))
        here = max(here, outside + w[SUMS, at] + max(surplus - w[MONEY, sold], 0))
        found = min(found, max(here, outside - most + w[SUMS + 2, at] + surplus))
        if w[MONEY, sold] >= spare:
            break
    return found
