"""Planted truth: customers who leave, and staff who misbehave."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from quanke.bank.sample.book import Book
from quanke.bank.sample.counterparties import Counterparties
from quanke.bank.sample.draws import Choice, Draws, Ints
from quanke.bank.sample.forms import FORM
from quanke.bank.sample.people import BANDS, CHURN_CAUSES, FAR, NEVER, YUAN, LifeEvent, Persona
from quanke.bank.sample.text import coded, dates
from quanke.bank.sample.world import BLOCK, MISCONDUCT, NOBODY, Plan


def add_churn(book: Book) -> None:
    """Take most of a churner's money out in one to three transfers; positions and deposits were turned into
    demand money on the morning of the same day by their own generators."""
    draws = book.draws("churn")
    people = book.people
    who = np.flatnonzero((people.event == LifeEvent.CHURN) & (book.main >= 0))
    day = people.event_day[who]
    total = people.wealth[who]
    share = draws.between(72, 95, len(who))
    taken = total // 100 * share
    parts = 1 + draws.pick(Choice([50, 30, 20]), len(who)).astype(np.int64)
    owner = np.repeat(np.arange(len(who)), parts)
    amount = taken[owner] // parts[owner] // (100 * YUAN) * (100 * YUAN)
    ordinal = np.arange(len(owner)) - np.repeat(np.cumsum(parts) - parts, parts)
    when = day[owner] + ordinal * draws.between(1, 6, len(owner))
    when = np.minimum(when, book.days - 1)
    counter = draws.chance(0.3, len(owner))
    form = np.where(counter, FORM["out_counter"], FORM["out_own"])
    second = 14 * 3_600 + ordinal * 600 + draws.below(500, len(owner))
    rows = who[owner]
    book.moves.add(book.main[rows], when, second, -amount, form, book.elsewhere(rows), steady=False)
    book.note(
        "churners",
        {
            "person": pa.array(people.person[who]),
            "date": dates(day + book.world.span.offset),
            "cause": coded(CHURN_CAUSES, people.churn_cause[who]),
            "amount_fen": pa.array(np.bincount(owner, weights=amount, minlength=len(who)).astype(np.int64)),
        },
    )


@dataclass(slots=True)
class Conduct:
    """What other tables must show of the planted misconduct.

    `post_of` forces the post that looks after a person; `device_of` the member of staff whose device a person
    is logged in with; `invented` (post, persons, day) of contacts that never took place.
    """

    post_of: Ints
    device_of: Ints
    invented: list[tuple[int, Ints, int]]


def add_misconduct(book: Book, who: Counterparties) -> Conduct:
    """Plant the block's share of staff misconduct in money, and say what books and contacts must show."""
    draws = book.draws("misconduct")
    size = book.people.size
    conduct = Conduct(np.full(size, NEVER, dtype=np.int64), np.full(size, NEVER, dtype=np.int64), [])
    people = book.people
    fits = (book.main >= 0) & (people.until == FAR) & (people.opened < -100) & (people.staff < 0)
    fits &= np.isin(people.event, [LifeEvent.NONE, LifeEvent.CHILD])
    middle = np.flatnonzero(fits & (people.band >= 3) & (people.persona != Persona.DORMANT))
    middle = draws.some(middle, 600)
    used = 0
    for plan in book.world.plans.get(book.block, []):
        if plan.kind not in MISCONDUCT or plan.post == NOBODY:
            continue
        members = middle[used : used + 10]
        used += 10
        if len(members) >= 5:
            _misbehave(book, who, draws, conduct, plan, members)
    return conduct


def _misbehave(
    book: Book, who: Counterparties, draws: Draws, conduct: Conduct, plan: Plan, members: Ints
) -> None:
    world, people = book.world, book.people
    holder = int(world.posts.staff[plan.post])
    self_person = int(world.staff.person[holder]) - book.block * BLOCK
    start = 30 + int(draws.below(max(1, book.days - 75), 1)[0])
    if plan.kind == "own_book":
        members = np.array([self_person])
        _note(book, plan, holder, members, np.array([start]), np.zeros(1, dtype=np.int64))
    elif plan.kind == "money_with_customer":
        members = members[:3]
        _money(book, draws, plan, holder, self_person, members, start)
    elif plan.kind == "flying_orders":
        members = members[:5]
        people.wealth[members] = np.maximum(people.wealth[members], 300_000 * YUAN)
        people.band[members] = np.searchsorted(BANDS, people.wealth[members], side="right")
        amount = draws.between(100, 400, len(members)) * 1_000 * YUAN
        day = start + draws.between(0, 24, len(members))
        second = 10 * 3_600 + draws.below(20_000, len(members))
        party = who.off_list + plan.number % 3
        book.moves.add(book.main[members], day, second, -amount, "out_other", party, steady=False)
        _note(book, plan, holder, members, day, amount)
    elif plan.kind == "proxy_login":
        members = members[:5]
        conduct.device_of[members] = holder
        _note(
            book, plan, holder, members, np.full(len(members), start), np.zeros(len(members), dtype=np.int64)
        )
    else:
        conduct.invented.append((plan.post, members, start))
        _note(
            book,
            plan,
            holder,
            members,
            start + np.arange(len(members)) * 2,
            np.zeros(len(members), dtype=np.int64),
        )
    conduct.post_of[members] = plan.post
    home = world.posts.branch[plan.post]
    if world.branches.kind[home] == 2:
        people.branch[members] = home


def _money(
    book: Book, draws: Draws, plan: Plan, holder: int, self_person: int, members: Ints, start: int
) -> None:
    """Customers pay into the member of staff's own account; one is paid back."""
    target = np.full(len(members), book.main[self_person])
    day = start + draws.between(0, 30, len(members))
    amount = draws.between(5, 120, len(members)) * 1_000 * YUAN
    second = 11 * 3_600 + draws.below(20_000, len(members))
    source = book.main[members]
    book.moves.add(source, day, second, -amount, "out_other", book.own(target), steady=False)
    book.moves.add(target, day, second + 1, amount, "in_other", book.own(source), steady=False)
    back = np.minimum(day[:1] + 9, book.days - 1)
    returned = amount[:1] // 2
    book.moves.add(target[:1], back, second[:1], -returned, "out_other", book.own(source[:1]), steady=False)
    book.moves.add(source[:1], back, second[:1] + 1, returned, "in_other", book.own(target[:1]), steady=False)
    _note(book, plan, holder, members, day, amount)


def _note(book: Book, plan: Plan, holder: int, members: Ints, day: Ints, amount: Ints) -> None:
    count = len(members)
    book.note(
        "misconduct",
        {
            "group": pa.array(np.full(count, plan.number)),
            "kind": coded(MISCONDUCT, np.full(count, MISCONDUCT.index(plan.kind))),
            "post_id": book.world.posts.ids.take(pa.array(np.full(count, plan.post))),
            "staff_id": book.world.staff.ids.take(pa.array(np.full(count, holder))),
            "person": pa.array(book.people.person[members]),
            "date": dates(day + book.world.span.offset),
            "amount_fen": pa.array(amount),
        },
    )
