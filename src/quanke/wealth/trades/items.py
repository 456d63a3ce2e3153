"""Where a customer stands, and every trade that is possible for him: compiled."""

from __future__ import annotations

from quanke.wealth.trades.machine import compiled
from quanke.wealth.trades.space import (
    ALLOWED,
    BAD,
    BUDGET,
    CASH,
    CLASS,
    CLIPPED,
    DEMAND,
    FEE,
    FEE_BUDGET,
    FULL,
    H_BANDS,
    H_BEGINS,
    H_ISSUER_CAP,
    H_RULES,
    H_SIZES,
    H_STEPS,
    H_WEIGHTS,
    HAS_SUITABLE,
    HELD,
    HIGH,
    HOLDINGS,
    HORIZON,
    INSURED,
    INSURED_CAP,
    INTEREST,
    IS_CAPPED,
    IS_LOCKED,
    IS_LUMPY,
    IS_QUIET,
    ISSUER,
    ITEM_ROWS,
    ITEMS,
    KEEP,
    LATELY,
    LEAST_TRADE,
    LIQUID,
    LIQUID_END,
    LOW,
    MONEY,
    MOST_ITEMS,
    N_CLASSES,
    N_ISSUERS,
    N_PRODUCTS,
    N_STEPS,
    NEVER,
    NOW,
    OF_ISSUER,
    P_DAYS,
    P_DUE,
    P_LOCKED,
    P_PRODUCT,
    P_VALUE,
    PRODUCT,
    QUIET_DAYS,
    RANK,
    RISK_CLASS,
    ROOM,
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
    SPENT,
    STEP,
    TARGET,
    TOLERANCE,
    WHOLE,
    WHY,
    WORTH,
    WORTH_PPM,
    WRONG,
    A,
    B,
)


@compiled
def share(whole, ppm):  # type: ignore[no-untyped-def]
    """Millionths of an amount, rounded down; no product overflows."""
    return whole // 1_000_000 * ppm + whole % 1_000_000 * ppm // 1_000_000


@compiled
def fee_of(amount, ppm):  # type: ignore[no-untyped-def]
    """A fee, half up."""
    return amount // 1_000_000 * ppm + (amount % 1_000_000 * ppm + 500_000) // 1_000_000


@compiled
def apart(value, low, high):  # type: ignore[no-untyped-def]
    """How far a value lies outside a range."""
    return low - value if value < low else (value - high if value > high else 0)


@compiled
def load(i, p, w):  # type: ignore[no-untyped-def]
    """Copy what is told of customer i."""
    h = p.h
    w[0, RISK_CLASS], w[0, DEMAND], w[0, KEEP] = p.risk_class[i], p.cash[i], p.keep[i]
    w[0, SPENT] = p.spent[i] if len(p.spent) else 0
    for c in range(h[H_SIZES, N_CLASSES]):
        w[LATELY, c] = p.lately[i, c] if len(p.lately) else 0
    g = p.group[i] if len(p.group) else i
    for product in range(h[H_SIZES, N_PRODUCTS]):
        w[ALLOWED, product] = p.allowed[g, product]
    begin = p.start[i]
    count = p.start[i + 1] - begin
    w[0, HOLDINGS] = count
    for n in range(count):
        w[P_PRODUCT, n], w[P_VALUE, n] = p.product[begin + n], p.value[begin + n]
        w[P_DAYS, n], w[P_LOCKED, n] = p.days_held[begin + n], p.locked[begin + n]
        due = p.matures[begin + n]
        w[P_DUE, n] = due if due <= h[H_RULES, HORIZON] else -1


@compiled
def standing(h, w):  # type: ignore[no-untyped-def]
    """Values, bands and targets by class. False where nothing is left to invest."""
    classes = h[H_SIZES, N_CLASSES]
    w[NOW, :classes] = 0
    w[0, WRONG] = 0
    cash = total = w[0, DEMAND]
    for n in range(w[0, HOLDINGS]):
        product, value = w[P_PRODUCT, n], w[P_VALUE, n]
        total += value
        if w[P_DUE, n] >= 0:
            cash += value
        else:
            w[NOW, h[S_CLASS, product]] += value
            if w[ALLOWED, product] != 0:
                w[0, WRONG] += value
    keep, spent = w[0, KEEP], w[0, SPENT]
    whole = total - keep + spent
    w[NOW, 0] += cash - keep + spent
    w[0, WHOLE], w[0, CASH] = whole, cash
    w[0, TOLERANCE] = max(h[H_RULES, WORTH], share(max(whole, 0), h[H_RULES, WORTH_PPM]))
    if total <= keep or w[0, RISK_CLASS] == 0:
        return False
    w[0, BUDGET] = max(share(whole, h[H_RULES, FEE_BUDGET]) - spent, 0)
    mine = w[0, RISK_CLASS] - 1
    rest = whole
    for c in range(classes):
        weight, band = h[H_WEIGHTS + mine, c], h[H_BANDS + mine, c]
        w[LOW, c] = share(whole, weight - band) if weight > band else 0
        w[HIGH, c] = share(whole, min(weight + band, 1_000_000))
        w[TARGET, c] = share(whole, weight)
        rest -= w[TARGET, c]
    w[TARGET, 0] += rest
    return True


@compiled
def exit_fee(h, product, days):  # type: ignore[no-untyped-def]
    """The fee of selling after so many days, in millionths."""
    for step in range(h[H_SIZES, N_STEPS]):
        if days < h[H_STEPS + 2 * step, product]:
            return h[H_STEPS + 2 * step + 1, product]
    return 0


@compiled
def lots_up(amount, lot):  # type: ignore[no-untyped-def]
    """The least multiple of a lot that is not less."""
    return -(-amount // lot) * lot


@compiled
def add(w, sign, klass, product, a, b, step, full, fee):  # type: ignore[no-untyped-def]
    """One more item. Returns its number, -1 where there is no room."""
    j = w[0, ITEMS]
    if j == MOST_ITEMS:
        w[0, CLIPPED] = 1
        return -1
    w[0, ITEMS] += 1
    w[SIGN, j], w[CLASS, j], w[PRODUCT, j] = sign, klass, product
    w[A, j], w[B, j], w[STEP, j], w[FULL, j], w[FEE, j] = a, b, step, full, fee
    w[ISSUER, j], w[INSURED, j], w[INTEREST, j], w[RANK, j], w[BAD, j] = -1, -1, 0, 0, 0
    return j


@compiled
def sales(h, w, klass):  # type: ignore[no-untyped-def]
    """Items for what can be sold of a class."""
    least = h[H_RULES, LEAST_TRADE]
    for n in range(w[0, HOLDINGS]):
        product, value = w[P_PRODUCT, n], w[P_VALUE, n]
        if h[S_CLASS, product] != klass or value == 0 or w[P_DUE, n] >= 0:
            continue
        if w[P_LOCKED, n] > 0:
            w[WHY, klass] |= IS_LOCKED
        elif w[P_DAYS, n] < h[H_RULES, QUIET_DAYS] or w[LATELY, klass] > 0:
            w[WHY, klass] |= IS_QUIET
        elif value < least:
            w[WHY, klass] |= IS_LUMPY
        else:
            lot = h[S_LOT, product]
            a = lots_up(max(least, 1), lot)
            b = a + (value - h[S_LEAST, product] - a) // lot * lot
            full = value
            if b < a:
                a, b, full = value, value, -1
            j = add(w, -1, klass, product, a, b, lot, full, exit_fee(h, product, w[P_DAYS, n]))
            if j >= 0:
                w[BAD, j] = w[ALLOWED, product] != 0


@compiled
def hold(h, w, note):  # type: ignore[no-untyped-def]
    """Note or forget what is held by product, issuer and insured bank."""
    issuers = h[H_SIZES, N_ISSUERS]
    for n in range(w[0, HOLDINGS]):
        product, value = w[P_PRODUCT, n], w[P_VALUE, n]
        issuer = h[S_ISSUER, product]
        if not note:
            w[HELD, product] = 0
            w[OF_ISSUER, issuer] = 0
            w[OF_ISSUER, issuers + issuer] = 0
        elif w[P_DUE, n] < 0:
            w[HELD, product] += value
            w[OF_ISSUER, issuer] += value
            if h[S_INSURED, product]:
                w[OF_ISSUER, issuers + issuer] += value + share(value, h[S_INTEREST, product]) + 1


@compiled
def rooms(h, w):  # type: ignore[no-untyped-def]
    """What may still be bought of each issuer, and deposited under insurance with each. The cash that is kept
    is a deposit too, and is counted with every bank: which of them holds it is not known here. What trades
    leave of demand money beyond it is looked at once amounts are known (`beyond`)."""
    issuers, whole = h[H_SIZES, N_ISSUERS], w[0, WHOLE]
    kept = w[0, KEEP]
    insured = h[H_RULES, INSURED_CAP]
    for issuer in range(issuers):
        cap = h[H_ISSUER_CAP, issuer]
        w[ROOM, issuer] = NEVER if cap >= 1_000_000 else share(whole, cap) - w[OF_ISSUER, issuer]
        w[ROOM, issuers + issuer] = NEVER if insured == 0 else insured - kept - w[OF_ISSUER, issuers + issuer]


@compiled
def most_of(h, w, product):  # type: ignore[no-untyped-def]
    """The most that may be bought of a product under caps and deposit insurance."""
    whole, issuer = w[0, WHOLE], h[S_ISSUER, product]
    most = min(whole, w[ROOM, issuer])
    if h[S_CAP, product] < 1_000_000:
        most = min(most, share(whole, h[S_CAP, product]) - w[HELD, product])
    if h[S_INSURED, product]:
        room = w[ROOM, h[H_SIZES, N_ISSUERS] + issuer] - 1
        if room < NEVER // 2:
            most = min(most, max(room, 0) * 1_000_000 // (1_000_000 + h[S_INTEREST, product]))
    return most


@compiled
def purchases(h, w, klass):  # type: ignore[no-untyped-def]
    """Items for what can be bought of a class: dearer ones only where they reach further."""
    issuers, mine, least = h[H_SIZES, N_ISSUERS], w[0, RISK_CLASS] - 1, h[H_RULES, LEAST_TRADE]
    begin = w[0, ITEMS]
    for place in range(h[H_BEGINS, klass], h[H_BEGINS, klass + 1]):
        product = h[S_ORDER + mine, place]
        if not h[S_SALE, product] or w[ALLOWED, product] != 0:
            continue
        w[WHY, klass] |= HAS_SUITABLE
        if w[LATELY, klass] < 0:
            w[WHY, klass] |= IS_QUIET
            continue
        lot = h[S_LOT, product]
        base = lot if w[HELD, product] > 0 else h[S_LEAST, product]
        a = base + lots_up(max(least - base, 0), lot)
        most = most_of(h, w, product)
        if most < w[HIGH, klass] - w[NOW, klass]:
            w[WHY, klass] |= IS_LUMPY if w[0, WHOLE] < a else IS_CAPPED
        if most < a:
            continue
        b = a + (most - a) // lot * lot
        if _led(w, begin, a, b, lot):
            continue
        j = add(w, 1, klass, product, a, b, lot, -1, h[S_FEE, product])
        if j >= 0:
            issuer = h[S_ISSUER, product]
            w[RANK, j] = h[S_RANK + mine, product]
            if w[ROOM, issuer] < NEVER:
                w[ISSUER, j] = issuer
            if h[S_INSURED, product] and w[ROOM, issuers + issuer] < NEVER:
                w[INSURED, j] = issuers + issuer
                w[INTEREST, j] = h[S_INTEREST, product]


@compiled
def _led(w, begin, a, b, lot):  # type: ignore[no-untyped-def]
    """Whether products that cost no more do all that this one does: three of them, that more than one may be
    bought where caps bind."""
    found = 0
    for j in range(begin, w[0, ITEMS]):
        if w[A, j] <= a and w[B, j] >= b and lot % w[STEP, j] == 0 and (a - w[A, j]) % w[STEP, j] == 0:
            found += 1
    return found >= 3


@compiled
def liquid(h, w):  # type: ignore[no-untyped-def]
    """Items for what can be turned into demand money, largest first."""
    begin = w[0, ITEMS]
    sales(h, w, 0)
    end = w[0, ITEMS]
    w[0, LIQUID], w[0, LIQUID_END] = begin, end
    for j in range(begin, end):
        for m in range(j + 1, end):
            if max(w[B, m], w[FULL, m]) > max(w[B, j], w[FULL, j]):
                for row in range(ITEM_ROWS[0], ITEM_ROWS[1]):
                    w[row, j], w[row, m] = w[row, m], w[row, j]
    w[MONEY, 0] = w[0, CASH]
    for j in range(begin, end):
        w[MONEY, j - begin + 1] = w[MONEY, j - begin] + max(w[B, j], w[FULL, j])
