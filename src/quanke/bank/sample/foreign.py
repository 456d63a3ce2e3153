"""Foreign currency: study and family payments, settlements, and planted splitting (domain.md FX-4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from quanke.bank.sample.book import CURRENCIES, Book
from quanke.bank.sample.counterparties import Counterparties
from quanke.bank.sample.days import DAY_SECONDS
from quanke.bank.sample.draws import Draws, Ints
from quanke.bank.sample.people import FAR, NEVER, Persona
from quanke.bank.sample.text import coded, dates
from quanke.bank.sample.world import FX_PATTERNS, Plan

_USD = CURRENCIES.index("USD")


@dataclass(slots=True)
class FxAccounts:
    """US dollar account of each person who has one, by person; -1 without."""

    of: Ints


def home_value(book: Book, cents: Ints, day: Ints) -> Ints:
    """Fen for US cents at the rate of the day, half up."""
    rate = book.world.fx.rate["USD"][np.clip(day, 0, book.days - 1)]
    return (cents * rate * 2 + 1_000_000) // 2_000_000


def add_foreign(book: Book, who: Counterparties) -> None:
    """Dollar accounts, ordinary purchases and settlements, then the planted groups."""
    draws = book.draws("foreign")
    people = book.people
    plans = [plan for plan in book.world.plans.get(book.block, []) if plan.kind in FX_PATTERNS]
    fits = (book.main >= 0) & (people.until == FAR) & (people.opened < -60) & (people.staff < 0)
    fits &= people.age(book.world.span.offset) >= 18
    usual = fits & draws.chance(np.array([0, 1, 3, 12, 40, 90, 140])[people.band] / 1000, people.size)
    quiet = np.flatnonzero(fits & ~usual & (people.band >= 1) & (people.persona != Persona.DORMANT))
    planted = draws.some(quiet, 7 * len(plans))
    holder = np.concatenate([np.flatnonzero(usual), planted])
    opening = np.where(draws.chance(0.4, len(holder)), draws.between(100, 900_000, len(holder)), 0)
    account = book.accounts.open(
        holder, "demand", np.maximum(people.opened[holder] + 1, -1 - draws.below(1_400, len(holder))),
        klass=0, currency=_USD, product=2, rate=500, opening=opening,
    )  # fmt: skip
    of = np.full(people.size, NEVER, dtype=np.int64)
    of[holder] = account
    _usual(book, who, draws, FxAccounts(of), np.flatnonzero(usual))
    for number, plan in enumerate(plans):
        members = planted[number * 7 : number * 7 + 7]
        if len(members) >= 5:
            _plant(book, who, draws, FxAccounts(of), plan, members)


def _usual(book: Book, who: Counterparties, draws: Draws, fx: FxAccounts, people: Ints) -> None:
    """Parents pay fees abroad, some receive money and settle it; a person's year stays within the quota."""
    owner = np.repeat(people, draws.between(0, 3, len(people)))
    buys = draws.chance(0.68, len(owner))
    day = book.world.span.draw_days(draws, "move", len(owner))
    cents = draws.between(3, 160, len(owner)) * 10_000
    second = 9 * 3_600 + draws.below(20_000, len(owner))
    rows = np.flatnonzero(buys)
    _buy(book, fx, owner[rows], day[rows], second[rows], cents[rows])
    pays = rows[draws.chance(0.7, len(rows))]
    later = day[pays] + draws.below(4, len(pays))
    later = np.where(later < book.days, later, NEVER)
    party = who.schools_abroad + draws.below(5, len(pays))
    amount = cents[pays] * draws.between(80, 100, len(pays)) // 100
    book.moves.add(
        fx.of[owner[pays]], later, second[pays] + 20_000, -amount, "abroad_out", party, steady=False
    )
    rows = np.flatnonzero(~buys)
    payer = who.abroad + draws.below(who.abroad_count, len(rows))
    book.moves.add(fx.of[owner[rows]], day[rows], second[rows], cents[rows], "abroad_in", payer, steady=False)
    _sell(book, fx, owner[rows], day[rows], second[rows] + 9_000, cents[rows])


def _buy(book: Book, fx: FxAccounts, who: Ints, day: Ints, second: Ints, cents: Ints) -> None:
    book.between(
        book.main[who], fx.of[who], day, second, home_value(book, cents, day), "fx_buy_out", "fx_buy_in",
        received=cents,
    )  # fmt: skip


def _sell(book: Book, fx: FxAccounts, who: Ints, day: Ints, second: Ints, cents: Ints) -> None:
    book.between(
        fx.of[who], book.main[who], day, second, cents, "fx_sell_out", "fx_sell_in",
        received=home_value(book, cents, day),
    )  # fmt: skip


def _plant(book: Book, who: Counterparties, draws: Draws, fx: FxAccounts, plan: Plan, members: Ints) -> None:
    """One group of a pattern. Near misses: four buyers instead of five; the fifth withdrawal on day 8."""
    start = int(draws.below(max(1, book.days - 40), 1)[0]) + 20
    size = 5 + int(draws.below(3, 1)[0]) if plan.hit else 4
    if plan.kind == "relatives":
        size = max(size, 6)  # the person in the middle and at least five relatives
    cents = draws.between(4_200, 4_950, 7) * 1_000
    second = 10 * 3_600 + draws.below(18_000, 7)
    if plan.kind == "cash_in_seven_days":
        gaps = [0, 1, 2, 4, 6] if plan.hit else [0, 1, 2, 4, 7]
        group, day = np.repeat(members[:1], 5), start + np.array(gaps, dtype=np.int64)
        cash = draws.between(9_050, 9_990, 5) * 100
        account = fx.of[group]
        book.moves.add(account, day, second[:5], -cash, "fx_cash_out", steady=False)
        _record(book, plan, group, account, day, cash)
        return
    group, cents, second = members[:size], cents[:size], second[:size]
    pauses = draws.below(3, size)
    pauses[0] = 0
    day = start + np.cumsum(pauses)
    payee = who.abroad + np.full(size, int(draws.below(who.abroad_count, 1)[0]))
    if plan.kind == "payer_abroad":
        book.moves.add(fx.of[group], day, second, cents, "abroad_in", payee, steady=False)
        _sell(book, fx, group, day, second + 5_000, cents)
    elif plan.kind == "buyers_one_payee":
        _buy(book, fx, group, day, second, cents)
        book.moves.add(fx.of[group], day, second + 5_000, -cents, "abroad_out", payee, steady=False)
    elif plan.kind == "settlers_one_payee":
        payers = who.abroad + draws.below(who.abroad_count, size)
        book.moves.add(fx.of[group], day, second, cents, "abroad_in", payers, steady=False)
        _sell(book, fx, group, day, second + 4_000, cents)
        stranger = who.strangers + np.full(size, int(draws.below(who.stranger_count, 1)[0]))
        amount = home_value(book, cents, day)
        book.moves.add(book.main[group], day, second + 8_000, -amount, "out_other", stranger, steady=False)
    else:
        _relatives(book, fx, group, day, second, cents)
    _record(book, plan, group, fx.of[group], day, cents)


def _relatives(book: Book, fx: FxAccounts, group: Ints, day: Ints, second: Ints, cents: Ints) -> None:
    """Relatives buy and pass the dollars to the first of them, who is in the group's record as well."""
    head = np.full(len(group) - 1, group[0])
    others = group[1:]
    extra = np.full(1, group[0])
    _buy(book, fx, others, day[1:], second[1:], cents[1:])
    _buy(book, fx, extra, day[:1], second[:1], cents[:1])
    source, target = fx.of[others], fx.of[head]
    book.moves.add(
        source, day[1:], second[1:] + 5_000, -cents[1:], "out_other", book.own(target), steady=False
    )
    book.moves.add(target, day[1:], second[1:] + 5_001, cents[1:], "in_other", book.own(source), steady=False)
    book.families.append(group)


def _record(book: Book, plan: Plan, group: Ints, account: Ints, day: Ints, cents: Ints) -> None:
    if (day < 0).any() or (day * DAY_SECONDS >= book.days * DAY_SECONDS).any():
        raise ValueError("a planted group leaves the span")
    count = len(group)
    book.note(
        "fx_splits",
        {
            "group": pa.array(np.full(count, plan.number)),
            "pattern": coded(FX_PATTERNS, np.full(count, FX_PATTERNS.index(plan.kind))),
            "hit": pa.array(np.full(count, plan.hit)),
            "person": pa.array(book.people.person[group]),
            "account": pa.array(account),
            "date": dates(day + book.world.span.offset),
            "amount_minor_units": pa.array(cents),
        },
    )
