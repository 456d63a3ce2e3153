"""Amounts of a set of trades and what they use: one amount moves at a time, on its lots: compiled."""

from __future__ import annotations

from quanke.wealth.trades.inputs import CLASSES
from quanke.wealth.trades.items import apart, fee_of
from quanke.wealth.trades.machine import compiled
from quanke.wealth.trades.space import (
    AMOUNT,
    BUYING,
    CASH,
    CHOSEN,
    CLASS,
    FEE,
    FEE_NOW,
    FROZEN,
    FULL,
    HIGH,
    INSURED,
    INTEREST,
    ISSUER,
    KEEP,
    LEAF,
    LOW,
    NOW,
    ROOM,
    SIGN,
    SPENT,
    STEP,
    TAKEN,
    TURNED,
    UPTO,
    USED,
    A,
    B,
    X,
)


@compiled
def down(w, j, y):  # type: ignore[no-untyped-def]
    """The greatest amount of an item that is at most y, -1 where there is none."""
    if w[FULL, j] >= 0 and y >= w[FULL, j]:
        return w[FULL, j]
    if y < w[A, j]:
        return -1
    if y >= w[B, j]:
        return w[B, j]
    return w[A, j] + (y - w[A, j]) // w[STEP, j] * w[STEP, j]


@compiled
def up(w, j, y):  # type: ignore[no-untyped-def]
    """The least amount of an item that is at least y, -1 where there is none."""
    if y <= w[A, j]:
        return w[A, j]
    if y <= w[B, j]:
        return w[A, j] - (w[A, j] - y) // w[STEP, j] * w[STEP, j]
    if w[FULL, j] >= 0 and y <= w[FULL, j]:
        return w[FULL, j]
    return -1


@compiled
def insured_use(amount, interest):  # type: ignore[no-untyped-def]
    """What a deposit takes of the insured amount: principal and interest, rounded up."""
    if interest == 0:
        return amount
    return amount + amount // 1_000_000 * interest + (amount % 1_000_000 * interest + 999_999) // 1_000_000


@compiled
def clear(w):  # type: ignore[no-untyped-def]
    """No trades are looked at."""
    for c in range(CLASSES):
        w[X, c] = 0
    w[0, TAKEN] = w[0, TURNED] = w[0, FEE_NOW] = w[0, BUYING] = 0


@compiled
def set_amount(w, at, y):  # type: ignore[no-untyped-def]
    """Give the trade at a place another amount."""
    it = w[LEAF, at]
    old, c = w[AMOUNT, at], w[CLASS, it]
    moved = w[SIGN, it] * (y - old)
    w[X, c] += moved
    if c:
        w[0, TAKEN] += moved
    else:
        w[0, TURNED] -= moved
    if w[FEE, it]:
        w[0, FEE_NOW] += fee_of(y, w[FEE, it]) - fee_of(old, w[FEE, it])
    if w[ISSUER, it] >= 0:
        w[USED, w[ISSUER, it]] += y - old
    if w[INSURED, it] >= 0:
        w[USED, w[INSURED, it]] += insured_use(y, w[INTEREST, it]) - insured_use(old, w[INTEREST, it])
    w[AMOUNT, at] = y


@compiled
def allowed(w, at, y):  # type: ignore[no-untyped-def]
    """y, or as much of it as caps leave to the trade at a place."""
    it = w[LEAF, at]
    y = min(y, w[UPTO, at])
    if w[ISSUER, it] >= 0:
        y = min(y, w[AMOUNT, at] + w[ROOM, w[ISSUER, it]] - w[USED, w[ISSUER, it]])
    if w[INSURED, it] >= 0:
        old = w[AMOUNT, at]
        left = w[ROOM, w[INSURED, it]] - w[USED, w[INSURED, it]] + insured_use(old, w[INTEREST, it])
        y = min(y, max(left, 0) * 1_000_000 // (1_000_000 + w[INTEREST, it]))
        while y > 0 and insured_use(y, w[INTEREST, it]) > left:
            y -= 1
    return y


@compiled
def outside(w, classes):  # type: ignore[no-untyped-def]
    """What lies outside the band after the trades, over all classes."""
    total = apart(w[NOW, 0] - w[0, TAKEN], w[LOW, 0], w[HIGH, 0])
    for c in range(1, classes):
        total += apart(w[NOW, c] + w[X, c], w[LOW, c], w[HIGH, c])
    return total


@compiled
def short(w):  # type: ignore[no-untyped-def]
    """What is missing of the cash to keep, or of demand money, where something is bought; 0: nothing."""
    if w[0, BUYING] == 0:
        return 0
    out = w[0, TAKEN] + w[0, FEE_NOW]
    return max(0, out - (w[NOW, 0] - w[0, SPENT]), out - w[0, TURNED] - w[0, CASH])


@compiled
def beyond(w):  # type: ignore[no-untyped-def]
    """By how much demand money after the trades, with a bank's deposits, is more than is insured where one
    of them is bought; 0: it is not."""
    more = w[0, CASH] + w[0, TURNED] - w[0, TAKEN] - w[0, FEE_NOW] - w[0, KEEP]
    found = 0
    for at in range(w[0, CHOSEN] if more > 0 else 0):
        bank = w[INSURED, w[LEAF, at]]
        if bank >= 0 and w[AMOUNT, at] > 0:
            found = max(found, w[USED, bank] + more - w[ROOM, bank])
    return found


@compiled
def sound(w):  # type: ignore[no-untyped-def]
    """Whether amounts keep what is hard: the cash to keep, demand money, the insured amount."""
    return short(w) == 0 and beyond(w) == 0


@compiled
def lower(w, at, most, hard):  # type: ignore[no-untyped-def]
    """Lower a trade by about `most`, not past where its class leaves the band unless `hard`."""
    if at == w[0, FROZEN]:
        return 0
    it = w[LEAF, at]
    c = w[CLASS, it]
    here = w[NOW, c] + w[X, c]
    slack = here - w[LOW, c] if w[SIGN, it] > 0 else w[HIGH, c] - here
    if hard:
        slack = 1 << 60
    if slack <= 0:
        return 0
    old = w[AMOUNT, at]
    y = down(w, w[LEAF, at], old - min(most, slack))
    if y < 0 or old - y > slack:
        y = up(w, w[LEAF, at], max(old - min(most, slack), 0))
    if 0 <= y < old:
        set_amount(w, at, y)
        return old - y
    return 0


@compiled
def lift(w, at, most, hard):  # type: ignore[no-untyped-def]
    """Raise a trade by about `most`, not past where its class leaves the band unless `hard`."""
    if at == w[0, FROZEN]:
        return 0
    it = w[LEAF, at]
    c = w[CLASS, it]
    here = w[NOW, c] + w[X, c]
    slack = w[HIGH, c] - here if w[SIGN, it] > 0 else here - w[LOW, c]
    if hard or c == 0:
        slack = 1 << 60
    if slack <= 0:
        return 0
    old = w[AMOUNT, at]
    y = up(w, w[LEAF, at], old + min(most, slack))
    if y < 0 or y - old > slack or y > allowed(w, at, y):
        y = down(w, w[LEAF, at], allowed(w, at, old + min(most, slack)))
    if y > old:
        set_amount(w, at, y)
        return y - old
    return 0
