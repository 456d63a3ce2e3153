"""Wealth products, funds, insurance, bonds and gold: positions whose value moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from quanke.bank.sample.book import UNKNOWN, Book
from quanke.bank.sample.draws import Draws, Ints
from quanke.bank.sample.ledger import Balances
from quanke.bank.sample.people import NEVER, LifeEvent
from quanke.bank.sample.portfolio import Portfolio
from quanke.bank.sample.text import dates, decimals

_SORTS = ("wealth", "fund", "insurance", "bond", "metal")


@dataclass(slots=True)
class Positions:
    """Positions by row: account, product, hundredths of units, fen paid, first and last day (both included;
    `last` is the day of redemption or beyond the span), and whether valued weekly."""

    account: Ints
    product: Ints
    units: Ints
    cost: Ints
    first: Ints
    last: Ints
    weekly: Ints

    @staticmethod
    def joined(parts: list[Positions]) -> Positions:
        """Several sets of positions as one."""
        names = ("account", "product", "units", "cost", "first", "last", "weekly")
        return Positions(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def price(book: Book, product: Ints, day: Ints) -> Ints:
    """Value of a unit in ten-thousandths of a yuan, as funds publish it."""
    return book.world.products.value[product, np.clip(day, 0, book.days - 1)] // 100


def worth(units: Ints, prices: Ints) -> Ints:
    """Fen, half up, for hundredths of units at ten-thousandths of a yuan."""
    return (units * prices * 2 + 10_000) // 20_000


def add_positions(book: Book, portfolio: Portfolio) -> Positions:
    """Open all positions with their purchases and redemptions."""
    draws = book.draws("positions")
    found = []
    for name in _SORTS:
        who, amount, bought = portfolio.slots[name]
        kinds = book.world.products.of(name)
        product = kinds[draws.below(len(kinds), len(who))]
        lowest = kinds[np.argmin(book.world.products.risk[kinds])]
        too_risky = book.world.products.risk[product] > risk_class(book)[who]
        product = np.where(too_risky & draws.chance(0.93, len(who)), lowest, product)
        found.append(open_positions(book, draws, name, who, amount, product, bought))
    return Positions.joined(found)


def risk_class(book: Book) -> Ints:
    """Investor risk class 0..4 of each person, as assessed."""
    draws = book.draws("risk_class")
    found: Ints = np.minimum(4, draws.below(4, book.people.size) + draws.below(2, book.people.size))
    return found


def open_positions(
    book: Book, draws: Draws, sort: str, who: Ints, amount: Ints, product: Ints, bought: Ints
) -> Positions:
    """Positions of one sort: `bought` -1 for those held from before. Churners and some others redeem."""
    people, days = book.people, book.days
    count = len(who)
    first = np.maximum(bought, 0)
    units = amount * 10_000 // price(book, product, first)
    redeemed = draws.chance(0.14 if sort in ("wealth", "fund") else 0.03, count)
    low = np.maximum(first + 30, 20)
    day = draws.between(low, np.maximum(low + 1, days + 40), count)
    day = np.where(redeemed & people.alive(who, day), day, days)
    leaving = (people.event[who] == LifeEvent.CHURN) & (people.event_day[who] > first)
    day = np.where(leaving, np.minimum(day, people.event_day[who]), day)
    held_since = -1 - draws.below(np.maximum(1, np.minimum(900, -people.opened[who] - 1)), count)
    opened = np.where(bought >= 0, bought, held_since)
    term = book.world.products.term_days[product]
    matures = np.where(term > 0, np.maximum(opened + term, days + 1 + draws.below(60, count)), UNKNOWN)
    over = day < days
    account = book.accounts.open(
        who, sort, opened, product=product, matures=matures, closed=np.where(over, day, NEVER)
    )
    main = book.main[who]
    second = book.world.span.draw_seconds(draws, "office", count)
    buying = ("premium_out", "premium_in") if sort == "insurance" else ("buy_out", "buy_in")
    book.between(main, account, bought, second, amount, *buying)
    value = worth(units, price(book, product, day))
    morning = 8 * 3600 + draws.below(3_600, count)
    book.between(account, main, np.where(over, day, NEVER), morning, value, "redeem_out", "redeem_in")
    cost = np.where(bought >= 0, amount, amount * draws.between(92, 104, count) // 100)
    weekly = (people.band[who] >= 5) & np.isin(sort, ["fund", "metal"])
    return Positions(account, product, units, cost, first, day, weekly.astype(np.int64))


def position_balances(book: Book, positions: Positions) -> Balances:
    """End-of-day values: first day, weekly or monthly valuations, redemption."""
    days = book.days
    weekly, monthly = valuation_days(book)
    rows = [(np.arange(len(positions.account)), positions.first)]
    for group, calendar in ((1, weekly), (0, monthly)):
        who = np.flatnonzero(positions.weekly == group)
        row = np.repeat(who, len(calendar))
        day = np.tile(calendar, len(who))
        inside = (day > positions.first[row]) & (day < positions.last[row])
        rows.append((row[inside], day[inside]))
    ended = np.flatnonzero(positions.last < days)
    row = np.concatenate([*(r for r, _ in rows), ended])
    day = np.concatenate([*(d for _, d in rows), positions.last[ended]])
    value = worth(positions.units[row], price(book, positions.product[row], day))
    value[len(row) - len(ended) :] = 0
    order = np.argsort(positions.account[row] * 4_096 + day, kind="stable")
    account, day, value = positions.account[row][order], day[order], value[order]
    fresh = np.ones(len(account), dtype=np.bool_)
    fresh[1:] = (account[1:] != account[:-1]) | (value[1:] != value[:-1])
    return Balances(account[fresh].astype(np.int32), day[fresh].astype(np.int32), value[fresh])


def valuation_days(book: Book) -> tuple[Ints, Ints]:
    """Working days on which positions are valued, weekly and monthly; the last one of the span is in both."""
    span = book.world.span
    working = np.flatnonzero(~span.quiet)
    week = (working + span.first_day.weekday()) // 7
    weekly = working[np.flatnonzero(np.diff(week, append=week[-1] + 1))]
    month = span.month_of[working]
    monthly = working[np.flatnonzero(np.diff(month, append=month[-1] + 1))]
    return weekly, monthly


def holdings_table(book: Book, positions: Positions, account_ids: pa.StringArray) -> pa.Table:
    """The position of every open account on the last day; `value` is its last end-of-day value."""
    rows = np.flatnonzero(positions.last >= book.days)
    weekly, _ = valuation_days(book)
    valued = np.maximum(positions.first[rows], weekly[-1])
    product, account = positions.product[rows], positions.account[rows]
    value = worth(positions.units[rows], price(book, product, valued))
    matures = book.accounts.matures[account]
    known = matures > -900_000
    offset = book.world.span.offset
    return pa.table(
        {
            "account_id": account_ids.take(pa.array(account)),
            "product_id": book.world.products.ids.take(pa.array(product)).dictionary_encode(),
            "date": dates(np.full(len(rows), offset + book.days - 1)),
            "units": decimals(positions.units[rows] * 10_000),
            "value_fen": pa.array(value),
            "cost_fen": pa.array(positions.cost[rows]),
            "matures_on": dates(np.where(known, offset + matures, 0), known),
        }
    )
