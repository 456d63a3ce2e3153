"""Whether proposals keep the rules: plain Python over inputs and outputs, nothing of the kernel."""

from __future__ import annotations

from benchmarks.wealth.instance import Case
from benchmarks.wealth.peer import MILLION, question_of

from quanke.wealth.trades import Proposals, TradeRules

SELL, BUY = -1, 1


def half_up(amount: int, ppm: int) -> int:
    return (2 * amount * ppm + MILLION) // (2 * MILLION)


def trades_of(made: Proposals, i: int) -> list[tuple[int, int, int, int, int]]:
    """(product, side, amount, fee, day) of a customer."""
    rows = range(int(made.start[i]), int(made.start[i + 1]))
    return [
        (int(made.product[r]), int(made.side[r]), int(made.amount[r]), int(made.fee[r]), int(made.day[r]))
        for r in rows
    ]


def faults(case: Case, made: Proposals, i: int, rules: TradeRules | None = None) -> list[str]:
    """Every rule a customer's trades break."""
    trades = trades_of(made, i)
    if not trades:
        return []
    rules = rules or TradeRules()
    if int(case.holders.risk_class[i]) == 0:
        return ["no valid class"]
    q = question_of(case, i, rules)
    found: list[str] = []
    sides: dict[int, set[int]] = {}
    if len({t[0] for t in trades}) != len(trades):
        found.append("a product twice")
    for product, side, amount, fee, _ in trades:
        klass = int(case.shelf.asset_class[product])
        sides.setdefault(klass, set()).add(side)
        ways = [x for x in q.possible if x.product == product and x.sign == side]
        if not ways:
            found.append(f"product {product} may not be traded so")
            continue
        way = ways[0]
        in_lots = way.least <= amount <= way.most and (amount - way.least) % way.lot == 0
        if not in_lots and amount != way.whole:
            found.append(f"product {product}: lots")
        if fee != half_up(amount, way.fee):
            found.append(f"product {product}: fee")
    found += [f"class {c} both ways" for c, both in sides.items() if len(both) > 1]
    if beyond_insurance(case, made, i, rules):
        found.append("deposits above what is insured")
    return found + _sums(case, made, i, q, trades)


def beyond_insurance(case: Case, made: Proposals, i: int, rules: TradeRules) -> bool:
    """Whether a deposit is bought with which a bank's deposits, and demand money as the trades leave it (the
    cash to keep at least), are above what is insured."""
    cap, horizon = rules.insured.on(case.day), rules.horizon_days.on(case.day)
    shelf, positions, trades = case.shelf, case.positions, trades_of(made, i)
    cash, deposits = int(case.holders.cash[i]), dict[int, int]()
    for r in range(int(positions.start[i]), int(positions.start[i + 1])):
        product, value = int(positions.product[r]), int(positions.value[r])
        if 0 <= positions.matures[r] <= horizon:
            cash += value
        elif shelf.insured[product]:
            with_interest = value + value * int(shelf.interest_ppm[product]) // MILLION
            bank = int(shelf.issuer[product])
            deposits[bank] = deposits.get(bank, 0) + with_interest
    banks = set[int]()
    for product, side, amount, fee, _ in trades:
        cash -= side * amount + fee
        if shelf.insured[product] and side == BUY:
            bank = int(shelf.issuer[product])
            banks.add(bank)
            use = amount + -(-amount * int(shelf.interest_ppm[product]) // MILLION)
            deposits[bank] = deposits.get(bank, 0) + use
    left = max(cash, int(case.holders.keep[i]))
    return bool(cap) and any(deposits[bank] + left > cap for bank in banks)


def _sums(case, made, i, q, trades) -> list[str]:  # type: ignore[no-untyped-def]
    found: list[str] = []
    shelf = case.shelf
    fees = sum(t[3] for t in trades)
    bought = [t for t in trades if t[1] == BUY]
    for (kind, issuer), room in q.rooms.items():
        uses = 0
        for product, _, amount, _, _ in bought:
            if int(shelf.issuer[product]) == issuer and (kind == "issuer" or shelf.insured[product]):
                rate = int(shelf.interest_ppm[product]) if kind == "insured" else 0
                uses += amount + -(-amount * rate // MILLION)
        if uses > max(room, 0):
            found.append(f"{kind} {issuer}: cap")
    if fees > q.budget:
        found.append("budget of fees")
    if len(trades) > q.most_trades:
        found.append("too many trades")
    x = [0] * len(q.now)
    turned = 0
    for product, side, amount, _, _ in trades:
        klass = int(shelf.asset_class[product])
        if klass == 0:
            turned += amount
        else:
            x[klass] += side * amount
    out = sum(x) + fees
    if bought and (out > q.cash or out - turned > q.money):
        found.append("cash")
    found += _by_day(case, i, trades)
    after = [n + d for n, d in zip(q.now, x, strict=True)]
    after[0] = q.now[0] - sum(x)
    outside = sum(max(a - v, v - b, 0) for a, b, v in zip(q.low, q.high, after, strict=True))
    before = sum(max(a - v, v - b, 0) for a, b, v in zip(q.low, q.high, q.now, strict=True))
    if outside != int(made.outside_after[i]) or before != int(made.outside_before[i]):
        found.append("what lies outside is told wrongly")
    if before <= outside:
        found.append("nothing comes of it")
    if fees != int(made.fees[i]):
        found.append("fees do not add up")
    return found


def _by_day(case, i, trades) -> list[str]:  # type: ignore[no-untyped-def]
    """Money never runs out on a day on which something is bought."""
    positions = case.positions
    rows = range(int(positions.start[i]), int(positions.start[i + 1]))
    for day in {t[4] for t in trades if t[1] == BUY}:
        money = int(case.holders.cash[i])
        money += sum(int(positions.value[r]) for r in rows if 0 <= positions.matures[r] <= day)
        for _, side, amount, fee, when in trades:
            if when <= day:
                money += -amount - fee if side == BUY else amount - fee
        if money < 0:
            return [f"day {day}: no money"]
    return []
