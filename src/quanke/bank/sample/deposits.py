"""Term deposits: opened, maturing, rolled over, and broken by those who leave."""

from __future__ import annotations

import numpy as np

from quanke.bank.sample.book import Book
from quanke.bank.sample.draws import Choice, Draws, Ints
from quanke.bank.sample.people import NEVER, LifeEvent
from quanke.bank.sample.portfolio import Portfolio

_TERM_CHOICE = Choice([22, 20, 34, 12, 12])


def add_term_deposits(book: Book, portfolio: Portfolio) -> None:
    """Every deposit is an account of its own; a chain of them where money is rolled over."""
    draws = book.draws("term")
    products = book.world.products
    kinds = products.of("term")
    who, amount, bought = portfolio.slots["term"]
    product = kinds[draws.pick(_TERM_CHOICE, len(who))]
    length = products.term_days[product]
    opened = np.where(bought >= 0, bought, NEVER - draws.below(length, len(who)))
    # money held from before was put in after the relationship began
    opened = np.where(bought >= 0, opened, np.maximum(opened, np.minimum(book.people.opened[who] + 1, -1)))
    while len(who):
        who, amount, product, opened = _cycle(book, draws, who, amount, product, opened)


def _cycle(
    book: Book, draws: Draws, who: Ints, amount: Ints, product: Ints, opened: Ints
) -> tuple[Ints, Ints, Ints, Ints]:
    """Open one generation of deposits and let it mature; returns what is rolled over."""
    people, products, days = book.people, book.world.products, book.days
    matures = opened + products.term_days[product]
    leaving = (people.event[who] == LifeEvent.CHURN) & (people.event_day[who] < matures)
    broken = leaving & (people.event_day[who] > opened) & (people.event_day[who] < days)
    ends = np.where(broken, people.event_day[who], matures)
    over = ends < days
    account = book.accounts.open(
        who, "term", opened, product=product, matures=matures, rate=products.rate[product],
        closed=np.where(over, ends, NEVER), opening=amount,
    )  # fmt: skip
    main = book.main[who]
    new = opened >= 0
    second = book.world.span.draw_seconds(draws, "day", len(who))
    book.between(main, account, np.where(new, opened, NEVER), second, amount, "term_open_out", "term_open_in")
    full = _interest(amount, products.rate[product], products.term_days[product])
    early = _demand_interest(amount, ends - opened)
    interest = np.where(broken, early, full)
    when = np.where(over, ends, NEVER)
    early_hour = 2 * 3600 + draws.below(3_600, len(who))
    # broken deposits are broken by their owner in the morning, before the money leaves in the afternoon
    at = np.where(broken, early_hour + 6 * 3600, early_hour)
    book.moves.add(account, when, at - 60, interest, "term_interest", steady=False)
    total = amount + interest
    book.between(account, main, np.where(broken, NEVER, when), at, total, "term_out", "term_in")
    book.between(account, main, np.where(broken, when, NEVER), at, total, "term_broken_out", "term_broken_in")
    delay = draws.pick(Choice([70, 12, 8, 5, 5]), len(who)).astype(np.int64)
    again = when + delay
    rolled = over & ~broken & draws.chance(0.72, len(who)) & people.alive(who, again) & (again < days)
    rolled &= again < np.where(people.event[who] == LifeEvent.CHURN, people.event_day[who], days)
    return who[rolled], amount[rolled], product[rolled], again[rolled]


def _interest(amount: Ints, rate: Ints, term_days: Ints) -> Ints:
    """Interest of a whole term by months, half up (INT-1, 逐笔)."""
    months = np.round(term_days * 12 / 365).astype(np.int64)
    return (amount // 100 * rate * months * 2 + 120_000) // 240_000


def _demand_interest(amount: Ints, held: Ints) -> Ints:
    """Demand interest for a broken deposit, half up (INT-2)."""
    return (amount // 100 * 500 * held * 2 + 3_600_000) // 7_200_000
