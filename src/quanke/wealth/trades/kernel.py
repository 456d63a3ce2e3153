"""The kernel of trades: everybody, one after another, in ranges that run beside each other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quanke.wealth.trades.adjust import clear, outside
from quanke.wealth.trades.choices import arrange, options_of, sort_options
from quanke.wealth.trades.inputs import CLASSES, Holders, Positions, Shelf, Targets
from quanke.wealth.trades.items import fee_of, hold, liquid, load, purchases, rooms, sales, standing
from quanke.wealth.trades.machine import compiled
from quanke.wealth.trades.search import decide, worst
from quanke.wealth.trades.space import (
    BEST,
    BEST_AMOUNT,
    BEST_COUNT,
    CASH,
    CLASS,
    CLIPPED,
    DEMAND,
    FEE,
    FEES_BIND,
    FIRST,
    H_BANDS,
    H_BEGINS,
    H_ISSUER_CAP,
    H_RULES,
    H_SIZES,
    H_STEPS,
    H_WEIGHTS,
    HAS_SUITABLE,
    HIGH,
    HOLDINGS,
    IS_CAPPED,
    IS_LOCKED,
    IS_QUIET,
    ITEMS,
    KEEP,
    LOW,
    MOST_COUNT,
    MOST_TRADES,
    N_CLASSES,
    NOW,
    OPTIONS,
    P_DUE,
    P_VALUE,
    PRODUCT,
    RISK_CLASS,
    S_CAP,
    S_CLASS,
    S_FEE,
    S_INSURED,
    S_INTEREST,
    S_ISSUER,
    S_LEAST,
    S_LOT,
    S_ORDER,
    S_RANK,
    S_SALE,
    SIGN,
    SPAN,
    SPENT,
    TAKEN,
    TOLERANCE,
    WHOLE,
    WHY,
    WRONG,
    Parts,
    X,
    space,
)

TRADE_COLUMNS = (
    ("product", np.int16),
    ("side", np.int8),
    ("amount", np.int64),
    ("fee", np.int64),
    ("day", np.int32),
    ("reason", np.int8),
)
CUSTOMER_COLUMNS = (
    ("investable", np.int64),
    ("outside_before", np.int64),
    ("outside_after", np.int64),
    ("worst_before", np.int32),
    ("worst_after", np.int32),
    ("remains", np.int8),
    ("fees", np.int64),
    ("unsuitable", np.int64),
    ("proved", np.bool_),
)
EMPTY: dict[str, NDArray[Any]] = {name: np.zeros(0, kind) for name, kind in TRADE_COLUMNS + CUSTOMER_COLUMNS}
OVER, FUNDS, RESERVE, LIQUID_NEED, UNDER, SPARE = 1, 2, 3, 4, 5, 6
INSIDE, REACHED, SMALL, LOCKED, NOTHING_SUITABLE, CAPS, LOTS, BY_FEES, QUIET, NO_CLASS, NOTHING = range(11)


def parts(
    shelf: Shelf, holders: Holders, positions: Positions, targets: Targets, rules: NDArray[np.int64]
) -> Parts:
    """The inputs as arrays, with the shelf in order of class, fee, rank and number."""
    values = rules.copy()
    values[MOST_COUNT] = min(max(int(values[MOST_COUNT]), 1), MOST_TRADES)
    none64, none32 = np.zeros(0, np.int64), np.zeros(0, np.int32)
    return Parts(
        _house(shelf, targets, values), holders.risk_class, holders.cash, holders.keep, holders.allowed,
        none32 if holders.group is None else holders.group,
        none64 if holders.spent is None else holders.spent,
        np.zeros((0, 1), np.int8) if holders.lately is None else holders.lately,
        positions.start, positions.product, positions.value, positions.days_held, positions.locked,
        positions.matures,
    )  # fmt: skip


def _house(shelf: Shelf, targets: Targets, rules: NDArray[np.int64]) -> NDArray[np.int64]:
    """The table `h`."""
    products, issuers, classes = len(shelf), len(shelf.issuer_cap_ppm), targets.classes
    steps = shelf.exit_days.shape[1]
    h = np.zeros((H_STEPS + 2 * steps, max(products, issuers, CLASSES + 1)), np.int64)
    for row, column in (
        (S_CLASS, shelf.asset_class), (S_ISSUER, shelf.issuer), (S_LEAST, shelf.least_first),
        (S_LOT, shelf.increment), (S_FEE, shelf.purchase_ppm), (S_SALE, shelf.for_sale),
        (S_INSURED, shelf.insured), (S_INTEREST, shelf.interest_ppm), (S_CAP, shelf.product_cap_ppm),
        (H_ISSUER_CAP, shelf.issuer_cap_ppm), (H_RULES, rules),
        (H_SIZES, np.array([classes, issuers, steps, products])),
        (H_BEGINS, np.searchsorted(np.sort(shelf.asset_class), np.arange(classes + 1))),
    ):  # fmt: skip
        h[row, : len(column)] = column
    numbers = np.arange(products)
    for mine, rank in enumerate(shelf.rank):
        h[S_RANK + mine, :products] = rank
        h[S_ORDER + mine, :products] = np.lexsort((numbers, rank, shelf.purchase_ppm, shelf.asset_class))
    h[H_WEIGHTS : H_WEIGHTS + 5, :classes] = targets.weights_ppm
    h[H_BANDS : H_BANDS + 5, :classes] = targets.band_ppm
    h[H_STEPS::2, :products] = shelf.exit_days.T
    h[H_STEPS + 1 :: 2, :products] = shelf.exit_ppm.T
    return h


def proposed(parts: Parts, low: int, high: int) -> tuple[NDArray[Any], ...]:
    """Trades by customer, then the columns of trades and of customers `low` to `high - 1`."""
    count = high - low
    room = space(parts)
    trades = np.zeros((count * 4 + 2 * MOST_TRADES, len(TRADE_COLUMNS)), np.int64)
    rows = np.zeros((count, 1 + len(CUSTOMER_COLUMNS)), np.int64)
    at, done = 0, low
    while done < high:
        done, at = _range(parts, room, low, done, high, trades, at, rows)
        if done < high:
            trades = np.concatenate([trades, np.zeros_like(trades)])
    columns = [trades[:at, n].astype(kind) for n, (_, kind) in enumerate(TRADE_COLUMNS)]
    columns += [rows[:, 1 + n].astype(kind) for n, (_, kind) in enumerate(CUSTOMER_COLUMNS)]
    return rows[:, 0].copy(), *columns


@compiled
def _range(p, w, low, begin, end, trades, at, rows):  # type: ignore[no-untyped-def]
    """Customers from `begin` on, as far as there is room for their trades."""
    for i in range(begin, end):
        if at + p.h[H_RULES, MOST_COUNT] > len(trades):
            return i, at
        load(i, p, w)
        at = _one(p.h, w, trades, at, rows[i - low])
    return end, at


@compiled
def _one(h, w, trades, at, row):  # type: ignore[no-untyped-def]
    """One customer: his row, and his trades from `at` on. Returns where the next may stand."""
    classes = h[H_SIZES, N_CLASSES]
    for c in range(classes):
        w[WHY, c] = 0
    clear(w)
    w[0, BEST_COUNT] = w[0, FEES_BIND] = w[0, CLIPPED] = 0
    ready = standing(h, w)
    row[1], row[8], row[9] = max(w[0, WHOLE], 0), w[0, WRONG], 1
    if not ready:
        row[6] = NO_CLASS if w[0, RISK_CLASS] == 0 else NOTHING
        return at
    row[2] = row[3] = outside(w, classes)
    row[4] = row[5] = _ppm(worst(w, classes), w[0, WHOLE])
    if row[2] == 0:
        row[6] = INSIDE
        return at
    _possible(h, w, classes)
    row[9] = decide(w, classes, h[H_RULES, MOST_COUNT]) and w[0, CLIPPED] == 0
    count = w[0, BEST_COUNT]
    _settle(w, count)
    row[0], row[3] = count, outside(w, classes)
    row[5] = _ppm(worst(w, classes), w[0, WHOLE])
    first = at
    at = _sold(w, trades, at)
    at = _bought(w, trades, at)
    for n in range(first, at):
        row[7] += trades[n, 3]
    row[6] = _remains(w, classes, count, row[3])
    return at


@compiled
def _ppm(fen, whole):  # type: ignore[no-untyped-def]
    return min(int(fen * 1e6 / max(whole, 1)), 2_000_000_000)


@compiled
def _possible(h, w, classes):  # type: ignore[no-untyped-def]
    """Items and options of every class, and the bounds over them."""
    w[0, ITEMS] = w[0, OPTIONS] = 0
    hold(h, w, True)
    rooms(h, w)
    for c in range(1, classes):
        w[SPAN, c] = w[0, ITEMS]
        sales(h, w, c)
        w[SPAN + 1, c] = w[0, ITEMS]
        purchases(h, w, c)
        w[SPAN + 2, c] = w[0, ITEMS]
    for c in range(1, classes):
        options_of(w, c, w[SPAN, c], w[SPAN + 1, c], w[SPAN + 2, c])
        sort_options(w, c, w[0, OPTIONS])
    w[FIRST, classes] = w[0, OPTIONS]
    liquid(h, w)
    hold(h, w, False)
    arrange(w, classes, h[H_RULES, MOST_COUNT])


@compiled
def _settle(w, count):  # type: ignore[no-untyped-def]
    """The classes as the best trades leave them."""
    clear(w)
    for n in range(count):
        it = w[BEST, n]
        moved = w[SIGN, it] * w[BEST_AMOUNT, n]
        w[X, w[CLASS, it]] += moved
        if w[CLASS, it]:
            w[0, TAKEN] += moved


@compiled
def _write(w, n, trades, at, day, reason):  # type: ignore[no-untyped-def]
    it = w[BEST, n]
    trade = trades[at]
    trade[0], trade[1], trade[2] = w[PRODUCT, it], w[SIGN, it], w[BEST_AMOUNT, n]
    trade[3], trade[4], trade[5] = fee_of(w[BEST_AMOUNT, n], w[FEE, it]), day, reason
    return at + 1


@compiled
def _sold(w, trades, at):  # type: ignore[no-untyped-def]
    """Sales, all of today."""
    buys = False
    for n in range(w[0, BEST_COUNT]):
        buys = buys or w[SIGN, w[BEST, n]] > 0
    for n in range(w[0, BEST_COUNT]):
        it = w[BEST, n]
        if w[SIGN, it] > 0:
            continue
        c = w[CLASS, it]
        reason = LIQUID_NEED if c == 0 else (OVER if w[NOW, c] > w[HIGH, c] else (FUNDS if buys else RESERVE))
        at = _write(w, n, trades, at, 0, reason)
    return at


@compiled
def _coming(w, day):  # type: ignore[no-untyped-def]
    """Demand money and near-cash that has fallen due by a day, over what is kept; the first later day on
    which more falls due (-1: none)."""
    money, following = w[0, DEMAND], -1
    for n in range(w[0, HOLDINGS]):
        due = w[P_DUE, n]
        if 0 <= due <= day:
            money += w[P_VALUE, n]
        elif due > day and (following < 0 or due < following):
            following = due
    return money, following


@compiled
def _bought(w, trades, at):  # type: ignore[no-untyped-def]
    """Purchases, each on the first day that its money is there and the cash to keep is left."""
    count, near, gained = w[0, BEST_COUNT], w[NOW, 0] - w[0, SPENT] - (w[0, CASH] - w[0, KEEP]), 0
    for n in range(count):
        it = w[BEST, n]
        if w[SIGN, it] < 0:
            gained += w[BEST_AMOUNT, n] - fee_of(w[BEST_AMOUNT, n], w[FEE, it])
            if w[CLASS, it] == 0:
                near -= w[BEST_AMOUNT, n]
    begin = at
    for n in range(count):
        it = w[BEST, n]
        if w[SIGN, it] < 0:
            continue
        cost = w[BEST_AMOUNT, n] + fee_of(w[BEST_AMOUNT, n], w[FEE, it])
        day, look = -1, 0
        while look >= 0:
            # money promised to earlier purchases, on whatever day, is not spent twice
            money, following = _coming(w, look)
            later = 0
            for m in range(begin, at):
                if trades[m, 4] <= look:
                    later += trades[m, 2] + trades[m, 3]
            left = money + gained - later - cost
            fits = left >= 0 and left + near >= w[0, KEEP]
            if fits and day < 0:
                day = look
            elif not fits:
                day = -1
            last = look
            look = following
        if day < 0:
            day = last
        reason = UNDER if w[NOW, w[CLASS, it]] < w[LOW, w[CLASS, it]] else SPARE
        at = _write(w, n, trades, at, day, reason)
    return at


@compiled
def _remains(w, classes, count, outside_after):  # type: ignore[no-untyped-def]
    """How the customer is left, and the first reason why he is outside."""
    if outside_after == 0:
        return REACHED if count else INSIDE
    if outside_after <= w[0, TOLERANCE]:
        return SMALL
    if w[0, FEES_BIND]:
        return BY_FEES
    quiet = False
    for c in range(1, classes):
        value = w[NOW, c] + w[X, c]
        quiet = quiet or (w[WHY, c] & IS_QUIET) > 0
        if value > w[HIGH, c] and w[WHY, c] & IS_LOCKED:
            return LOCKED
        if value < w[LOW, c]:
            if w[WHY, c] & HAS_SUITABLE == 0:
                return NOTHING_SUITABLE
            if w[WHY, c] & IS_CAPPED:
                return CAPS
    if quiet:
        return QUIET
    for c in range(1, classes):
        if w[WHY, c] & IS_LOCKED:
            return LOCKED
        if w[WHY, c] & IS_CAPPED:
            return CAPS
    return LOTS
