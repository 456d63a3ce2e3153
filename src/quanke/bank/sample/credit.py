"""Credit cards and loans: balances are what is owed, so they are negative."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quanke.bank.sample.book import UNKNOWN, Book
from quanke.bank.sample.counterparties import Counterparties, shop_of
from quanke.bank.sample.draws import Bools, Choice, Draws, Ints, Level
from quanke.bank.sample.forms import FORM
from quanke.bank.sample.people import FAR, NEVER, YUAN, LifeEvent, Persona
from quanke.bank.sample.spending import SMALL

_CARD_SPEND = Level((0, 1), (300_000, 5), (700_000, 16), (950_000, 46), (1_000_000, 150))
_CARD_FORMS = np.array(
    [FORM[name] for name in ("card_online", "pos_shop", "pos_food", "pos_fuel", "pos_travel")]
)
_CARD_CHOICE = Choice([46, 20, 18, 10, 6])
_PERIODS = Level((0, 60), (500_000, 220), (1_000_000, 350))
_DUE_DAYS = np.array([10, 15, 18, 20, 25], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class CreditCards:
    """Credit cards by row: holder, account, day activated (`UNKNOWN`: never)."""

    who: Ints
    account: Ints
    activated: Ints


def add_credit_cards(book: Book, who: Counterparties, activation: Ints) -> CreditCards:
    """Cards, spending and the repayment of each month's spending in the next month.

    `activation` is the day a campaign made a holder activate a new card, by person; -1 for others.
    """
    draws = book.draws("credit cards")
    people, days = book.people, book.days
    holder = np.flatnonzero(people.has_credit)
    count = len(holder)
    fresh = draws.chance(0.14, count)
    opened = np.where(fresh, draws.between(4, days - 5, count), -1 - draws.below(2_200, count))
    opened = np.maximum(opened, people.opened[holder] + 1)
    opened = np.where(people.until[holder] < FAR, np.minimum(opened, -30), opened)
    unused = draws.chance(np.where(opened >= 0, 0.35, 0.1), count)
    unused |= activation[holder] != NEVER
    active = ~unused & draws.chance(0.55, count)
    limit = (
        np.clip(people.salary[holder] // (1_000 * YUAN), 3, 60) * draws.between(1, 4, count) * 1_000 * YUAN
    )
    start = np.where(active & (opened < 0), -(people.salary[holder] * draws.below(30, count) // 100), 0)
    account = book.accounts.open(
        holder, "credit_card", opened, product=book.world.products.of("credit_card")[draws.below(2, count)],
        rate=182_500, limit=limit, opening=start,
    )  # fmt: skip
    rows = np.flatnonzero(active)
    spent = _spend(book, who, draws, holder[rows], account[rows], opened[rows])
    spent[opened[rows] < 0, 0] -= start[rows[opened[rows] < 0]]
    _repay(book, draws, holder[rows], account[rows], spent)
    ready = np.where(opened < 0, opened + draws.below(20, count), opened + draws.below(12, count))
    ready = np.where(ready < days, ready, UNKNOWN)
    called = activation[holder]
    late = np.where((called > opened) & (called < days) & (called != NEVER), called, UNKNOWN)
    return CreditCards(holder, account, np.where(unused, late, ready))


def _spend(book: Book, who: Counterparties, draws: Draws, holder: Ints, account: Ints, opened: Ints) -> Ints:
    """Payments by card; returns what each card spent by month, shape (cards, months + 1), shifted by one
    month so that column m is what falls due in month m."""
    people, span = book.people, book.world.span
    times = draws.level(_CARD_SPEND, len(holder))
    row = np.repeat(np.arange(len(holder)), times)
    day = span.draw_days(draws, "spend", len(row))
    day = np.where((day > opened[row]) & people.alive(holder[row], day), day, NEVER)
    scale = np.clip(people.salary[holder[row]] // 1_000, 400, 4_000)
    amount = np.maximum(500, draws.level(SMALL, len(row)) * scale // 500)
    form = _CARD_FORMS[draws.pick(_CARD_CHOICE, len(row))]
    second = span.draw_seconds(draws, "day", len(row))
    party = shop_of(draws, who.chains, form)
    book.moves.add(account[row], day, second, -amount, form, party, steady=False)
    months = len(span.months)
    good = day >= 0
    cell = row[good] * (months + 1) + span.month_of[day[good]] + 1
    total = np.bincount(cell, weights=amount[good], minlength=len(holder) * (months + 1))
    return total.astype(np.int64).reshape(len(holder), months + 1)


def _repay(book: Book, draws: Draws, holder: Ints, account: Ints, due: Ints) -> None:
    """Pay what is due: nine in ten in full, the rest in part; some from an account at another bank."""
    people, span = book.people, book.world.span
    # not before the 9th: a due day moved before the October holidays must not precede the month it pays for
    dom = draws.between(9, 27, len(holder))
    calendar = np.stack([span.pay_days(day) for day in range(1, 32)])
    share = np.where(draws.chance(0.9, len(holder)), 100, draws.between(30, 90, len(holder)))
    main = book.main[holder]
    outside = (main < 0) | draws.chance(0.15, len(holder))
    second = 4 * 3_600 + draws.below(3_600, len(holder))
    carried = np.zeros(len(holder), dtype=np.int64)
    for month in range(len(span.months)):
        day = calendar[dom - 1, month]
        owed = carried + due[:, month]
        amount = np.where((day >= 0) & people.alive(holder, day), owed * share // 100, 0)
        carried = owed - amount
        here = np.where(~outside & (amount > 0), day, NEVER)
        book.moves.add(main, here, second, -amount, "card_repay_out", book.own(account))
        book.moves.add(account, here, second + 1, amount, "card_repay_in", book.own(main), steady=False)
        away = np.where(outside & (amount > 0), day, NEVER)
        book.moves.add(
            account, away, second + 30_000, amount, "card_repay_other", book.elsewhere(holder), steady=False
        )


def add_loans(book: Book, who: Counterparties) -> None:
    """Mortgages, houses bought this year, consumer and business loans, in equal parts of principal."""
    draws = book.draws("loans")
    people = book.people
    age = people.age(book.world.span.offset)
    base = (
        (book.main >= 0)
        & (people.until == FAR)
        & (people.opened < -200)
        & (people.persona != Persona.DORMANT)
    )
    owner = base & (age >= 26) & (age <= 58) & (people.band >= 2) & (people.event != LifeEvent.HOUSE)
    homes = np.flatnonzero(owner & draws.chance(0.07, people.size))
    owed = np.maximum(people.salary[homes], 9_000 * YUAN) * draws.between(40, 190, len(homes))
    _repaid_loan(book, draws, "mortgage", homes, owed, draws.level(_PERIODS, len(homes)), NEVER)
    _add_houses(book, who, draws)
    borrowers = np.flatnonzero(base & (age >= 23) & (age <= 55) & draws.chance(0.022, people.size))
    new = draws.chance(0.5, len(borrowers))
    day = np.where(new, draws.between(10, book.days - 10, len(borrowers)), NEVER)
    credit = draws.between(1, 20, len(borrowers)) * 10_000 * YUAN
    _repaid_loan(
        book, draws, "consumer_loan", borrowers, credit, draws.between(12, 36, len(borrowers)), day, who
    )
    traders = np.flatnonzero(base & (people.persona == Persona.MERCHANT) & draws.chance(0.09, people.size))
    credit = draws.between(5, 100, len(traders)) * 10_000 * YUAN
    _repaid_loan(book, draws, "business_loan", traders, credit, draws.between(12, 36, len(traders)), NEVER)


def _add_houses(book: Book, who: Counterparties, draws: Draws) -> None:
    """A house bought: down payment out of savings, the loan paid out and on to the developer the same day."""
    people = book.people
    cash = np.zeros(people.size, dtype=np.int64)
    here = np.flatnonzero(book.main >= 0)
    opening = book.accounts.parts["opening"][0]
    cash[here] = opening[book.main[here]]
    buying = (people.event == LifeEvent.HOUSE) & (book.main >= 0) & (people.until == FAR)
    rich = buying & (cash >= 100_000 * YUAN)
    people.event[(people.event == LifeEvent.HOUSE) & ~rich] = LifeEvent.NONE
    buyers = np.flatnonzero(rich)
    down = cash[buyers] * draws.between(55, 92, len(buyers)) // 100 // 100_000 * 100_000
    loan = down * draws.between(180, 420, len(buyers)) // 100 // 1_000_000 * 1_000_000
    day = people.event_day[buyers]
    _repaid_loan(book, draws, "mortgage", buyers, loan, draws.level(_PERIODS, len(buyers)), day)
    second = np.full(len(buyers), 16 * 3_600)
    party = who.developers + draws.below(who.developer_count, len(buyers))
    book.moves.add(book.main[buyers], day, second, -(down + loan), "house", party, steady=False)


def _repaid_loan(
    book: Book, draws: Draws, category: str, who: Ints, owed: Ints, periods: Ints, drawn: int | Ints,
    spend: Counterparties | None = None,
) -> None:  # fmt: skip
    """Loans held from before (`drawn` -1) or paid out on a day; repaid by the month with interest.

    With `spend`, what was paid out is soon spent elsewhere.
    """
    products = book.world.products
    kinds = products.of(category)
    count = len(who)
    product = kinds[draws.below(len(kinds), count)]
    drawn_day = np.broadcast_to(np.asarray(drawn, dtype=np.int64), (count,))
    new = drawn_day >= 0
    opened = np.where(new, drawn_day, -1 - draws.below(1_500, count))
    opened = np.maximum(opened, book.people.opened[who] + 1)
    rate = products.rate[product]
    account = book.accounts.open(
        who, category, opened, product=product, rate=rate, limit=owed + owed * np.where(new, 0, 30) // 100,
        matures=periods * 30 + 15, opening=-owed,
    )  # fmt: skip
    main = book.main[who]
    paid_at = np.full(count, 11 * 3_600)
    book.between(account, main, drawn_day, paid_at, owed, "drawdown_out", "drawdown_in")
    if spend is not None:
        party = spend.strangers + draws.below(spend.stranger_count, count)
        later = np.where(new, np.minimum(drawn_day + draws.below(5, count), book.days - 1), NEVER)
        book.moves.add(main, later, paid_at + 18_000, -owed, "out_other", party, steady=False)
    _instalments(book, draws, main, account, owed, periods, rate, np.where(new, drawn_day, NEVER))


def _instalments(
    book: Book, draws: Draws, main: Ints, account: Ints, owed: Ints, periods: Ints, rate: Ints, since: Ints
) -> None:
    span = book.world.span
    due = draws.below(len(_DUE_DAYS), len(main))
    calendar = np.stack(
        [np.array([span.day_in_month(m, int(d), working=False) for m in span.months]) for d in _DUE_DAYS]
    )
    part = owed // np.maximum(periods, 1)
    left = owed.copy()
    second = 6 * 3_600 + draws.below(1_800, len(main))
    for month in range(len(span.months)):
        day = calendar[due, month]
        running: Bools = (day > since + 12) & (left > 0) & (day >= 0)
        interest = np.where(running, (left * rate * 2 + 12_000_000) // 24_000_000, 0)
        principal = np.where(running, np.minimum(part, left), 0)
        when = np.where(running, day, NEVER)
        book.moves.add(account, when, second, -interest, "loan_interest", steady=False)
        book.moves.add(main, when, second + 1, -(principal + interest), "loan_repay_out", book.own(account))
        book.moves.add(
            account, when, second + 2, principal + interest, "loan_repay_in", book.own(main), steady=False
        )
        left = left - principal
