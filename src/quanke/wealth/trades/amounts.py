"""The amounts of a chosen set of trades: least outside, then least fees, then nearest to the model: compiled.

Each class goes just into its band; what costs no fee goes on to its target; then cash is brought into its own
band by what is cheapest to move, and the cash that is kept is looked after. Beyond the bands a class gives as
much as cash gains, so this is least for amounts without lots; where lots leave something, single amounts
are tried a step either way, alone and with the others following.
"""

from __future__ import annotations

from quanke.wealth.trades.adjust import (
    allowed,
    beyond,
    clear,
    down,
    lift,
    lower,
    outside,
    set_amount,
    short,
    sound,
    up,
)
from quanke.wealth.trades.choices import top
from quanke.wealth.trades.items import apart, fee_of
from quanke.wealth.trades.machine import compiled
from quanke.wealth.trades.space import (
    AMOUNT,
    BEFORE,
    BEST_OUTSIDE,
    BUDGET,
    BUYING,
    BY_FEE,
    CHOSEN,
    CLASS,
    CLIPPED,
    FEE,
    FEE_NOW,
    FEES_BIND,
    FROZEN,
    FULL,
    GOAL,
    GRAIN,
    HIGH,
    INSURED,
    IS_CAPPED,
    ISSUER,
    LEAF,
    LIQUID,
    LIQUID_END,
    LOW,
    NOW,
    ROOM,
    SIGN,
    STEP,
    TAKEN,
    TARGET,
    UPTO,
    USED,
    WHY,
    A,
    B,
    X,
)

NO = 1 << 60
"""What a set of trades leaves outside that cannot be kept."""


@compiled
def begin(w):  # type: ignore[no-untyped-def]
    """All trades at their least amounts. False where caps do not even leave that."""
    clear(w)
    for at in range(w[0, CHOSEN]):
        it = w[LEAF, at]
        w[AMOUNT, at] = 0
        if w[ISSUER, it] >= 0:
            w[USED, w[ISSUER, it]] = 0
        if w[INSURED, it] >= 0:
            w[USED, w[INSURED, it]] = 0
    for at in range(w[0, CHOSEN]):
        it = w[LEAF, at]
        if w[SIGN, it] > 0:
            w[0, BUYING] = 1
        if w[A, it] > w[UPTO, at]:
            return False
        set_amount(w, at, w[A, it])
        if w[ISSUER, it] >= 0 and w[USED, w[ISSUER, it]] > w[ROOM, w[ISSUER, it]]:
            return False
        if w[INSURED, it] >= 0 and w[USED, w[INSURED, it]] > w[ROOM, w[INSURED, it]]:
            return False
    _sort(w)
    return True


@compiled
def _sort(w):  # type: ignore[no-untyped-def]
    """Places of trades by fee, least first."""
    for at in range(w[0, CHOSEN]):
        m = at
        while m > 0 and w[FEE, w[LEAF, w[BY_FEE, m - 1]]] > w[FEE, w[LEAF, at]]:
            w[BY_FEE, m] = w[BY_FEE, m - 1]
            m -= 1
        w[BY_FEE, m] = at


@compiled
def into_bands(w):  # type: ignore[no-untyped-def]
    """Raise each trade, cheapest first, until its class is in its band."""
    for order in range(w[0, CHOSEN]):
        at = w[BY_FEE, order]
        it = w[LEAF, at]
        c = w[CLASS, it]
        here = w[NOW, c] + w[X, c]
        need = w[LOW, c] - here if w[SIGN, it] > 0 else here - w[HIGH, c]
        if need <= 0 or c == 0 or at == w[0, FROZEN]:
            continue
        old = w[AMOUNT, at]
        y = up(w, w[LEAF, at], old + need)
        z = down(w, w[LEAF, at], allowed(w, at, old + need))
        if y < 0 or y > allowed(w, at, y):
            y = z
        elif z >= old:
            over = apart(here + w[SIGN, it] * (y - old), w[LOW, c], w[HIGH, c])
            if apart(here + w[SIGN, it] * (z - old), w[LOW, c], w[HIGH, c]) < over:
                y = z
        if y > old:
            set_amount(w, at, y)


@compiled
def trim(w):  # type: ignore[no-untyped-def]
    """Lower each trade that has brought its class out of the band on the other side."""
    for at in range(w[0, CHOSEN]):
        it = w[LEAF, at]
        c = w[CLASS, it]
        here = w[NOW, c] + w[X, c]
        excess = here - w[HIGH, c] if w[SIGN, it] > 0 else w[LOW, c] - here
        if excess > 0 and c != 0 and at != w[0, FROZEN]:
            y = down(w, it, w[AMOUNT, at] - excess)
            set_amount(w, at, y if y > 0 else w[A, it])


@compiled
def to_targets(w):  # type: ignore[no-untyped-def]
    """Raise what costs no fee to the target of its class."""
    for at in range(w[0, CHOSEN]):
        it = w[LEAF, at]
        c = w[CLASS, it]
        gap = w[SIGN, it] * (w[TARGET, c] - w[NOW, c] - w[X, c])
        if w[FEE, it] == 0 and gap > 0 and c != 0:
            y = down(w, w[LEAF, at], allowed(w, at, w[AMOUNT, at] + gap))
            if y > w[AMOUNT, at]:
                set_amount(w, at, y)


@compiled
def give(w, wanted, hard):  # type: ignore[no-untyped-def]
    """Leave more cash by about so much: buy less, dearest first, then sell more, cheapest first."""
    count = w[0, CHOSEN]
    for order in range(count - 1, -1, -1):
        at = w[BY_FEE, order]
        if wanted > 0 and w[SIGN, w[LEAF, at]] > 0:
            wanted -= lower(w, at, wanted, hard)
    for order in range(count):
        at = w[BY_FEE, order]
        it = w[LEAF, at]
        if wanted > 0 and w[SIGN, it] < 0 and w[CLASS, it] != 0:
            wanted -= lift(w, at, wanted, hard)
    return wanted


@compiled
def take(w, wanted):  # type: ignore[no-untyped-def]
    """Leave less cash by about so much: sell less, dearest first, then buy more, cheapest first."""
    count = w[0, CHOSEN]
    for order in range(count - 1, -1, -1):
        at = w[BY_FEE, order]
        it = w[LEAF, at]
        if wanted > 0 and w[SIGN, it] < 0 and w[CLASS, it] != 0:
            wanted -= lower(w, at, wanted, False)
    for order in range(count):
        at = w[BY_FEE, order]
        if wanted > 0 and w[SIGN, w[LEAF, at]] > 0:
            wanted -= lift(w, at, wanted, False)


@compiled
def level(w):  # type: ignore[no-untyped-def]
    """Bring cash into its band as far as the bands of other classes allow."""
    here = w[NOW, 0] - w[0, TAKEN]
    if here < w[LOW, 0]:
        give(w, w[LOW, 0] - here, False)
    elif here > w[HIGH, 0]:
        take(w, here - w[HIGH, 0])


@compiled
def settle(w):  # type: ignore[no-untyped-def]
    """Bring cash into its band, and see to the cash that is kept. False where that cannot be."""
    level(w)
    for hard in (False, True):
        missing = short(w)
        if missing > 0:
            turn(w, missing)
            missing = short(w)
        if missing > 0:
            give(w, missing, hard)
    # fees move with amounts: once more for what they changed
    missing = short(w)
    if missing > 0:
        give(w, missing + 1, True)
    return short(w) == 0


@compiled
def insure(w):  # type: ignore[no-untyped-def]
    """Move money out of demand money and deposits where both are more than is insured: into what is no
    deposit, never past its band; deposits then give back what cash lacks."""
    # what deposits give back to cash counts again for the other banks: a few rounds
    for _ in range(3):
        for order in range(w[0, CHOSEN]):
            at = w[BY_FEE, order]
            it = w[LEAF, at]
            excess = beyond(w)
            if excess == 0:
                break
            if w[SIGN, it] > 0 and w[INSURED, it] < 0:
                lift(w, at, excess, False)
            elif w[SIGN, it] < 0:
                lower(w, at, excess, False)
            _give_back(w, short(w), True)
    _give_back(w, w[LOW, 0] - w[NOW, 0] + w[0, TAKEN], False)


@compiled
def _give_back(w, missing, hard):  # type: ignore[no-untyped-def]
    """Lower deposits by what cash lacks; where that is not needed (not `hard`), within their band and as
    long as no other bank then has too much."""
    for at in range(w[0, CHOSEN] if missing > 0 else 0):
        if w[INSURED, w[LEAF, at]] >= 0 and missing > 0:
            old = w[AMOUNT, at]
            missing -= lower(w, at, missing, hard)
            if not hard and beyond(w) > 0:
                missing += old - w[AMOUNT, at]
                set_amount(w, at, old)


@compiled
def turn(w, missing):  # type: ignore[no-untyped-def]
    """Raise sales of near-cash as far as demand money is missing."""
    for at in range(w[0, CHOSEN]):
        it = w[LEAF, at]
        if w[CLASS, it] == 0 and missing > 0:
            lift(w, at, missing + fee_of(missing, w[FEE, it]) + 1, True)
            missing = short(w)


@compiled
def polish(w, classes, least):  # type: ignore[no-untyped-def]
    """Try amounts a step either way while that leaves less outside: where it could reach the best so far."""
    now, steps = outside(w, classes), 0
    for at in range(w[0, CHOSEN]):
        j = w[LEAF, at]
        steps += w[STEP, j] + max(w[FULL, j] - w[B, j], 0)
    if now - 2 * steps > w[0, BEST_OUTSIDE] + w[0, GRAIN]:
        return
    for _ in range(4):
        if now <= least:
            return
        before = now
        for at in range(w[0, CHOSEN]):
            now = _single(w, at, now)
        for at in range(w[0, CHOSEN]):
            for which in range(2):
                if now > least:
                    now = _with_rest(w, classes, at, which, now, steps)
        if now >= before:
            return


@compiled
def wished(w, at, which):  # type: ignore[no-untyped-def]
    """An amount worth trying: a step down or up, or what cash or its class asks for, rounded either way."""
    j, old = w[LEAF, at], w[AMOUNT, at]
    it = j
    if which == 0:
        return down(w, j, old - 1)
    if which == 1:
        return up(w, j, old + 1)
    c = w[CLASS, it]
    here = w[NOW, 0] - w[0, TAKEN]
    if which < 4:
        gap = max(w[LOW, 0] - here, short(w), 0)
        if gap == 0:
            gap = min(w[HIGH, 0] - here, 0)
        if gap == 0:
            return old
        y = old - w[SIGN, it] * gap
    else:
        here = w[NOW, c] + w[X, c]
        edge = w[LOW, c] if which < 6 else w[HIGH, c]
        y = old + w[SIGN, it] * (edge - here)
    return down(w, j, y) if which % 2 == 0 else up(w, j, y)


@compiled
def gained(w, it, y):  # type: ignore[no-untyped-def]
    """By how much less lies outside when an item's amount rises by y (falls, where y is negative)."""
    c, moved = w[CLASS, it], w[SIGN, it] * y
    if c == 0:
        return 0
    here, cash = w[NOW, c] + w[X, c], w[NOW, 0] - w[0, TAKEN]
    before = apart(here, w[LOW, c], w[HIGH, c]) + apart(cash, w[LOW, 0], w[HIGH, 0])
    after = apart(here + moved, w[LOW, c], w[HIGH, c]) + apart(cash - moved, w[LOW, 0], w[HIGH, 0])
    return before - after


@compiled
def _single(w, at, now):  # type: ignore[no-untyped-def]
    for which in range(2, 8):
        old, it = w[AMOUNT, at], w[LEAF, at]
        y = wished(w, at, which)
        if y <= 0 or y == old:
            continue
        gain = gained(w, it, y - old)
        if gain <= 0 or (y > old and y > allowed(w, at, y)):
            continue
        set_amount(w, at, y)
        if sound(w):
            now -= gain
        else:
            set_amount(w, at, old)
    return now


@compiled
def _with_rest(w, classes, at, which, now, steps):  # type: ignore[no-untyped-def]
    """One amount a step down (0) or up (1), and the others as cash then asks."""
    old = w[AMOUNT, at]
    y = wished(w, at, which)
    if y <= 0 or y == old or y > allowed(w, at, max(y, old)):
        return now
    count = w[0, CHOSEN]
    for n in range(count):
        w[BEFORE, n] = w[AMOUNT, n]
    set_amount(w, at, y)
    w[0, FROZEN] = at
    trim(w)
    into_bands(w)
    settle(w)
    found = outside(w, classes)
    for n in range(count):
        if n != at and now <= found < now + steps:
            found = _single(w, n, found)
    w[0, FROZEN] = -1
    if found < now and sound(w):
        return found
    for n in range(count):
        set_amount(w, n, w[BEFORE, n])
    return now


@compiled
def near_cash(w, left):  # type: ignore[no-untyped-def]
    """Add the fewest sales of near-cash that bring the demand money purchases need, as trades left allow."""
    missing = short(w)
    for j in range(w[0, LIQUID], w[0, LIQUID_END]):
        if missing <= 0 or left == 0:
            return
        at = w[0, CHOSEN]
        w[LEAF, at], w[UPTO, at], w[AMOUNT, at] = j, top(w, j), 0
        w[0, CHOSEN] += 1
        w[BY_FEE, at] = at
        y = up(w, j, missing + fee_of(missing, w[FEE, j]) + 1)
        set_amount(w, at, y if y > 0 else top(w, j))
        missing = short(w)
        left -= 1
    _sort(w)


@compiled
def _capped(w):  # type: ignore[no-untyped-def]
    """Note that the insured amount is in the way of what is deposited: the bound knows nothing of it."""
    w[0, CLIPPED] = 1
    for at in range(w[0, CHOSEN]):
        if w[INSURED, w[LEAF, at]] >= 0:
            w[WHY, w[CLASS, w[LEAF, at]]] |= IS_CAPPED


@compiled
def solve(w, classes, left, least):  # type: ignore[no-untyped-def]
    """Amounts for the items in `leaf`, with so many trades left for near-cash. Returns what lies outside, NO
    where they cannot be kept; the fees stand in `w[0, FEE_NOW]`."""
    count = w[0, CHOSEN]
    w[0, FROZEN] = -1
    for at in range(count):
        w[UPTO, at] = top(w, w[LEAF, at])
    for _ in range(6):
        w[0, CHOSEN] = count
        if not begin(w):
            return NO
        into_bands(w)
        to_targets(w)
        level(w)
        near_cash(w, left)
        if not settle(w):
            return NO
        insure(w)
        slack = 0 if w[0, GOAL] == 0 else w[0, GRAIN] - 1
        if least + slack < w[0, BEST_OUTSIDE] and outside(w, classes) > least + slack:
            polish(w, classes, least + slack)
        over = w[0, FEE_NOW] - w[0, BUDGET]
        if over <= 0:
            if not sound(w):
                _capped(w)
                return NO
            return outside(w, classes)
        w[0, FEES_BIND] = 1
        at = w[BY_FEE, w[0, CHOSEN] - 1]
        fee = w[FEE, w[LEAF, at]]
        if at >= count:
            return NO
        w[UPTO, at] = w[AMOUNT, at] - over * 1_000_000 // fee - 1
        if w[UPTO, at] < w[A, w[LEAF, at]]:
            return NO
    return NO
