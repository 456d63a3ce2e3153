"""One customer's trades as an integer program (HiGHS), written from the rules and not from the kernel.

Three programs: the least that can lie outside the band; the fewest trades that come within what a trade must
be worth of it; the least outside with so many trades. Amounts are in yuan for the solver; fees are taken as
shares, not rounded to the fen.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from benchmarks.wealth.instance import Case
from quanke.wealth.trades import TradeRules

MILLION = 1_000_000
FEN = 0.01


@dataclass(slots=True)
class Possible:
    """A trade that is possible: amounts from `least` in steps of `lot` to `most`, or all of it (`whole`)."""

    sign: int
    product: int
    klass: int
    least: int
    most: int
    lot: int
    whole: int
    fee: int
    issuer: int
    interest: int
    """Of an insured deposit until it is due, in millionths; -1: no deposit."""


@dataclass(slots=True)
class Question:
    """All that decides over one customer."""

    possible: list[Possible]
    now: list[int]
    low: list[int]
    high: list[int]
    target: list[int]
    cash: int
    money: int
    worth: int
    budget: int
    most_trades: int
    keep: int
    rooms: dict[tuple[str, int], int] = field(default_factory=dict)


def question_of(case: Case, i: int, rules: TradeRules | None = None, day: dt.date | None = None) -> Question:
    """The customer's holdings, bands and possible trades, by the rules."""
    rules, day = rules or TradeRules(), day or case.day
    shelf, holders, positions = case.shelf, case.holders, case.positions
    least_trade, horizon = rules.least_trade.on(day), rules.horizon_days.on(day)
    keep, demand = int(holders.keep[i]), int(holders.cash[i])
    spent = 0 if holders.spent is None else int(holders.spent[i])
    rows = range(int(positions.start[i]), int(positions.start[i + 1]))
    due = [r for r in rows if 0 <= positions.matures[r] <= horizon]
    held = [r for r in rows if r not in due]
    money = demand + sum(int(positions.value[r]) for r in due)
    total = money + sum(int(positions.value[r]) for r in held)
    whole = total - keep + spent
    classes, mine = case.targets.classes, int(holders.risk_class[i]) - 1
    now = [0] * classes
    for r in held:
        now[shelf.asset_class[positions.product[r]]] += int(positions.value[r])
    now[0] += money - keep + spent
    weights = [int(x) for x in case.targets.weights_ppm[mine]]
    bands = [int(x) for x in case.targets.band_ppm[mine]]
    low = [whole * max(a - b, 0) // MILLION for a, b in zip(weights, bands, strict=True)]
    high = [whole * min(a + b, MILLION) // MILLION for a, b in zip(weights, bands, strict=True)]
    target = [whole * a // MILLION for a in weights]
    target[0] += whole - sum(target)
    worth = max(rules.worth.on(day), whole * rules.worth_ppm.on(day) // MILLION)
    budget = max(whole * rules.fee_budget_ppm.on(day) // MILLION - spent, 0)
    found = Question(
        [], now, low, high, target, now[0] - spent, money, worth, budget, rules.most_trades.on(day), keep
    )
    lately = [0] * classes if holders.lately is None else [int(x) for x in holders.lately[i]]
    row = i if holders.group is None else int(holders.group[i])
    of_product: dict[int, int] = {}
    issuer_held: dict[int, int] = {}
    insured_held: dict[int, int] = {}
    for r in held:
        p, value = int(positions.product[r]), int(positions.value[r])
        of_product[p] = value
        issuer_held[int(shelf.issuer[p])] = issuer_held.get(int(shelf.issuer[p]), 0) + value
        if shelf.insured[p]:
            bank = int(shelf.issuer[p])
            earned = value * int(shelf.interest_ppm[p]) // MILLION + 1
            insured_held[bank] = insured_held.get(bank, 0) + value + earned
        c, lot = int(shelf.asset_class[p]), int(shelf.increment[p])
        quiet = positions.days_held[r] < rules.quiet_days.on(day) or lately[c] > 0
        if positions.locked[r] > 0 or quiet or value < max(least_trade, 1):
            continue
        fee = next(
            (
                int(f)
                for d, f in zip(shelf.exit_days[p], shelf.exit_ppm[p], strict=True)
                if positions.days_held[r] < d
            ),
            0,
        )
        least = -(-max(least_trade, 1) // lot) * lot
        most = least + (value - int(shelf.least_first[p]) - least) // lot * lot
        found.possible.append(Possible(-1, p, c, least, most, lot, value, fee, -1, -1))
    cap = rules.insured.on(day)
    for issuer, share in enumerate(case.shelf.issuer_cap_ppm):
        if share < MILLION:
            found.rooms["issuer", issuer] = whole * int(share) // MILLION - issuer_held.get(issuer, 0)
        if cap:
            found.rooms["insured", issuer] = cap - keep - insured_held.get(issuer, 0)
    for p in range(len(shelf)):
        c, lot = int(shelf.asset_class[p]), int(shelf.increment[p])
        if c == 0 or not shelf.for_sale[p] or holders.allowed[row, p] != 0 or lately[c] < 0:
            continue
        base = lot if of_product.get(p, 0) > 0 else int(shelf.least_first[p])
        least = base + -(-max(least_trade - base, 0) // lot) * lot
        most = whole
        if shelf.product_cap_ppm[p] < MILLION:
            most = min(most, whole * int(shelf.product_cap_ppm[p]) // MILLION - of_product.get(p, 0))
        if most >= least:
            most = least + (most - least) // lot * lot
            interest = int(shelf.interest_ppm[p]) if shelf.insured[p] else -1
            issuer = int(shelf.issuer[p])
            fee = int(shelf.purchase_ppm[p])
            found.possible.append(Possible(1, p, c, least, most, lot, -1, fee, issuer, interest))
    return found


class _Program:
    """Rows of an integer program, added one after another."""

    def __init__(self, variables: int) -> None:
        self.variables = variables
        self.rows: list[tuple[dict[int, float], float, float]] = []

    def add(self, terms: dict[int, float], low: float = -np.inf, high: float = np.inf) -> None:
        self.rows.append((terms, low, high))

    def solve(self, cost: dict[int, float], low, high, whole, seconds: float):  # type: ignore[no-untyped-def]
        at = [(r, c, v) for r, (terms, _, _) in enumerate(self.rows) for c, v in terms.items()]
        matrix = csr_array(
            ([v for _, _, v in at], ([r for r, _, _ in at], [c for _, c, _ in at])),
            shape=(len(self.rows), self.variables),
        )
        objective = np.zeros(self.variables)
        for c, v in cost.items():
            objective[c] = v
        limits = LinearConstraint(matrix, [r[1] for r in self.rows], [r[2] for r in self.rows])
        options = {"time_limit": seconds, "mip_rel_gap": 0.0}
        return milp(
            objective, integrality=whole, bounds=Bounds(low, high), constraints=limits, options=options
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """Least outside at all, fewest trades for (nearly) that, least outside with so many, in fen; whether each
    program was solved to its end."""

    least: float
    trades: int
    outside: float
    solved: bool


def answer(q: Question, seconds: float = 20.0) -> Answer:
    """Solve the three programs."""
    n, classes = len(q.possible), len(q.now)
    # by item: bought or sold in lots (0/1), lots beyond the least, sold whole (0/1); by class: side, outside
    part, more, whole = (np.arange(n) + k * n for k in range(3))
    side, out, buys = 3 * n + np.arange(classes), 3 * n + classes + np.arange(classes), 3 * n + 2 * classes
    program = _Program(buys + 1)
    top = np.zeros(buys + 1)
    top[out] = np.inf
    top[side], top[buys] = 1, 1
    integral = np.zeros(buys + 1)
    integral[: 3 * n + classes], integral[buys] = 1, 1
    taken: dict[int, dict[int, float]] = {c: {} for c in range(classes)}
    fees: dict[int, float] = {}
    gross: dict[int, float] = {}
    turned: dict[int, float] = {}
    rooms: dict[tuple[str, int], dict[int, float]] = {}
    count = {int(v): 1.0 for v in (*part, *whole)}
    for j, item in enumerate(q.possible):
        steps = (item.most - item.least) // item.lot
        top[part[j]] = float(item.most >= item.least)
        top[more[j]] = max(steps, 0)
        top[whole[j]] = float(item.whole > 0)
        program.add({more[j]: 1.0, part[j]: -float(max(steps, 0))}, high=0.0)
        program.add({part[j]: 1.0, whole[j]: 1.0}, high=1.0)
        amount = {part[j]: item.least * FEN, more[j]: item.lot * FEN, whole[j]: max(item.whole, 0) * FEN}
        for v, a in amount.items():
            taken[item.klass][v] = item.sign * a
            fees[v] = a * item.fee / MILLION
            gross[v] = item.sign * a if item.klass else 0.0
            turned[v] = 0.0 if item.klass else a
        if item.sign > 0:
            program.add({part[j]: 1.0, side[item.klass]: -1.0}, high=0.0)
            program.add({part[j]: 1.0, buys: -1.0}, high=0.0)
            for room, terms in _rooms(q, item, amount):
                rooms.setdefault(room, {}).update(terms)
        elif item.klass:
            program.add({part[j]: 1.0, whole[j]: 1.0, side[item.klass]: 1.0}, high=1.0)
    for room, terms in rooms.items():
        program.add(terms, high=max(q.rooms[room], 0) * FEN)
    _insured(q, program, rooms, gross, fees, turned, part)
    cash_terms = {v: -a for v, a in gross.items()}
    for c in range(classes):
        terms = cash_terms if c == 0 else taken[c]
        program.add({out[c]: 1.0, **terms}, low=(q.low[c] - q.now[c]) * FEN)
        program.add({out[c]: 1.0, **{v: -a for v, a in terms.items()}}, low=(q.now[c] - q.high[c]) * FEN)
    _money(q, program, gross, fees, turned, buys)
    program.add(count, high=float(q.most_trades))
    outside = {int(v): 1.0 for v in out}
    low = np.zeros(buys + 1)
    first = program.solve(outside, low, top, integral, seconds)
    if first.fun is None:
        return Answer(np.inf, q.most_trades, np.inf, False)
    program.add(outside, high=first.fun + q.worth * FEN + 0.01)
    second = program.solve(count, low, top, integral, seconds)
    if second.fun is None:
        return Answer(first.fun / FEN, q.most_trades, np.inf, False)
    trades = round(second.fun)
    program.add(count, high=float(trades))
    third = program.solve(outside, low, top, integral, seconds)
    solved = all(each.status == 0 for each in (first, second, third))
    left = third.fun if third.fun is not None else np.inf
    return Answer(first.fun / FEN, trades, left / FEN, solved)


def _rooms(q: Question, item: Possible, amount: dict[int, float]):  # type: ignore[no-untyped-def]
    """What a purchase takes of each cap."""
    if ("issuer", item.issuer) in q.rooms:
        yield ("issuer", item.issuer), amount
    if item.interest >= 0 and ("insured", item.issuer) in q.rooms:
        yield ("insured", item.issuer), {v: a * (1 + item.interest / MILLION) for v, a in amount.items()}


def _insured(q, program, rooms, gross, fees, turned, part):  # type: ignore[no-untyped-def]
    """Where a deposit is bought, demand money after the trades is within the insured amount with it."""
    large = 4.0 * (sum(abs(x) for x in q.now) + q.keep + q.money + 1) * FEN
    for j, item in enumerate(q.possible):
        room = ("insured", item.issuer)
        if item.sign > 0 and item.interest >= 0 and room in rooms:
            terms = {v: turned[v] - gross[v] - fees[v] for v in gross}
            for v, use in rooms[room].items():
                terms[v] += use
            terms[part[j]] = terms.get(part[j], 0.0) + large
            program.add(terms, high=(q.rooms[room] + q.keep - q.money) * FEN + large)


def _money(q, program, gross, fees, turned, buys):  # type: ignore[no-untyped-def]
    """Fees within the budget; where something is bought, the cash to keep and demand money hold out."""
    program.add(fees, high=q.budget * FEN)
    large = 4.0 * (sum(abs(x) for x in q.now) + 1) * FEN
    out = {v: gross[v] + fees[v] for v in gross}
    program.add({**out, buys: large}, high=q.cash * FEN + large)
    program.add({**{v: out[v] - turned[v] for v in out}, buys: large}, high=q.money * FEN + large)
