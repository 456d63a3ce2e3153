"""Money coming in by the month: wages from payroll companies, pensions, and what companies do around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quanke.bank.sample.book import Book
from quanke.bank.sample.counterparties import Counterparties
from quanke.bank.sample.days import NEW_YEAR
from quanke.bank.sample.draws import Choice, Draws, Ints
from quanke.bank.sample.organisations import KINDS
from quanke.bank.sample.people import FAR, NEVER, YUAN, LifeEvent, Persona

_PAY_DAYS = np.array([5, 8, 10, 12, 15, 20, 25, 28], dtype=np.int64)
_PAY_DAY_CHOICE = Choice([14, 10, 26, 6, 22, 10, 8, 4])


@dataclass(frozen=True, slots=True)
class Jobs:
    """Employment of one person at a time: `employer` positions of businesses, or beyond them of city bodies.

    `first` and `last` bound the days of pay; `wage` fen a month after tax.
    """

    who: Ints
    employer: Ints
    wage: Ints
    first: Ints
    last: Ints


def companies_of(book: Book) -> Ints:
    """Positions of the payroll companies of the block."""
    return np.flatnonzero(book.businesses.kind == KINDS.index("business"))


def find_jobs(book: Book) -> Jobs:
    """Who works where and when; a changed job leaves a gap, and 40 % then are paid at another bank."""
    draws = book.draws("jobs")
    people, days = book.people, book.days
    who = people.of(Persona.EMPLOYEE)
    who = who[people.in_core[who]]
    employer = _employers(book, draws, len(who))
    wage = people.salary[who]
    event, day = people.event[who], people.event_day[who]
    changed = event == LifeEvent.JOB_CHANGE
    ended = changed | (event == LifeEvent.RETIREMENT)
    ended |= (event == LifeEvent.CHURN) & (people.churn_cause[who] == 4)
    last = np.where(ended, day, FAR)
    stay = changed & draws.chance(0.6, len(who))
    again = np.flatnonzero(stay)
    gap = draws.between(20, 70, len(again))
    return Jobs(
        who=np.concatenate([who, who[again]]),
        employer=np.concatenate([employer, _employers(book, draws, len(again))]),
        wage=np.concatenate([wage, wage[again] * draws.between(85, 140, len(again)) // 100]),
        first=np.concatenate([np.full(len(who), NEVER), day[again] + gap]),
        last=np.concatenate([last, np.full(len(again), days)]),
    )


def _employers(book: Book, draws: Draws, count: int) -> Ints:
    """Companies of the block by size (nine in ten), else big employers of the city."""
    companies = companies_of(book)
    sizes = book.businesses.table["headcount"].to_numpy()[companies]
    chosen = companies[draws.pick(Choice(sizes), count)]
    giants = book.world.bodies.of("business")
    big = len(book.businesses.names) + giants[draws.below(len(giants), count)]
    return np.where(draws.chance(0.12, count), big, chosen)


def add_wages(book: Book, who: Counterparties, jobs: Jobs) -> None:
    """Wages once or twice a month on the company's pay days, and a bonus before the Chinese New Year."""
    draws = book.draws("wages")
    businesses = len(book.businesses.names)
    employers = businesses + len(book.world.bodies.names)
    accounts = _company_accounts(book, draws)
    pay_day = _PAY_DAYS[draws.pick(_PAY_DAY_CHOICE, employers)]
    twice = draws.chance(0.08, employers)
    calendar = np.stack([book.world.span.pay_days(day) for day in range(1, 32)])
    local = jobs.employer < businesses
    payer = accounts[np.where(local, jobs.employer, 0)]
    party = np.where(local, book.own(payer), who.bodies + jobs.employer - businesses)
    paid: list[tuple[Ints, Ints, Ints]] = []
    for month in range(len(book.world.span.months)):
        for half in (0, 1):
            day_of = calendar[np.where(half == 1, np.minimum(pay_day + 15, 30), pay_day) - 1, month]
            day = np.where((half == 0) | twice[jobs.employer], day_of[jobs.employer], NEVER)
            amount = jobs.wage * draws.between(960, 1_040, len(day)) // 1_000 + draws.below(100, len(day))
            amount = np.where(twice[jobs.employer], amount // 2, amount)
            paid.append(_pay(book, draws, jobs, party, day, amount, "salary"))
    for start in NEW_YEAR.values():
        base = book.world.span.position(start)
        generous = draws.chance(0.7, employers)
        day = base - draws.between(6, 16, employers)
        day = np.where(generous & (day >= 0) & (day < book.days), day, NEVER)[jobs.employer]
        amount = jobs.wage * draws.between(50, 360, len(day)) // 100
        paid.append(_pay(book, draws, jobs, party, day, amount, "bonus"))
    _charge_companies(book, who, draws, accounts, paid)


def _company_accounts(book: Book, draws: Draws) -> Ints:
    """Open each payroll company's account; by position of business, -1 for those that pay no wages."""
    companies = companies_of(book)
    opening = 200_000 * YUAN + draws.below(20_000_000, len(companies)) * YUAN // 10
    opened = np.full(len(companies), -400 - 7 * (companies % 300))
    account = book.accounts.open(
        book.people.size + companies, "demand", opened, product=3, rate=500, opening=opening
    )
    found = np.full(len(book.businesses.names), NEVER, dtype=np.int64)
    found[companies] = account
    return found


def _pay(
    book: Book, draws: Draws, jobs: Jobs, party: Ints, day: Ints, amount: Ints, form: str
) -> tuple[Ints, Ints, Ints]:
    fits = (day >= 0) & (day > jobs.first) & (day < jobs.last) & book.people.alive(jobs.who, day)
    rows = np.flatnonzero(fits)
    second = 3_600 * 6 + draws.below(3_600 * 5, len(rows))
    book.moves.add(book.main[jobs.who[rows]], day[rows], second, amount[rows], form, party[rows])
    return jobs.employer[rows], day[rows], amount[rows]


def _charge_companies(
    book: Book, who: Counterparties, draws: Draws, at: Ints, paid: list[tuple[Ints, Ints, Ints]]
) -> None:
    """Debit each company once per pay day with the sum of what its people got; customers' money comes in."""
    employer, day, amount = (np.concatenate(column) for column in zip(*paid, strict=True))
    mine = employer < len(book.businesses.names)
    key = employer[mine] * book.days + day[mine]
    keys, place = np.unique(key, return_inverse=True)
    total = np.bincount(place, weights=amount[mine], minlength=len(keys)).astype(np.int64)
    company, when = keys // book.days, keys % book.days
    second = 3_600 * 5 + draws.below(3_000, len(keys))
    book.moves.add(at[company], when, second, -total, "payroll_out", steady=False)
    # turnover between two pay days: what comes in covers the next wages, something goes to suppliers
    income = total * draws.between(90, 140, len(keys)) // 100
    spent = np.maximum(0, income - total) * 9 // 10
    party = who.strangers + draws.below(who.stranger_count, len(keys))
    earlier = np.maximum(0, when - draws.between(2, 12, len(keys)))
    book.moves.add(at[company], earlier, second + 9_000, income, "business_in", party, steady=False)
    later = when + draws.between(1, 9, len(keys))
    later = np.where(later < book.days, later, NEVER)
    book.moves.add(at[company], later, second + 20_000, -spent, "business_out", party, steady=False)


def add_pensions(book: Book, who: Counterparties) -> None:
    """Pensions on the 15th, from the month after retirement for those who retire this year."""
    draws = book.draws("pensions")
    people = book.people
    retired = people.event == LifeEvent.RETIREMENT
    old = np.flatnonzero(((people.persona == Persona.PENSIONER) | retired) & people.in_core)
    amount = people.salary[old] * draws.between(35, 70, len(old)) // 100 // YUAN * YUAN + 1_200 * YUAN
    since = np.where(retired[old], people.event_day[old] + 20, NEVER)
    for day in book.world.span.pay_days(15):
        when = np.where((day > since) & people.alive(old, np.full(len(old), day)), day, NEVER)
        second = 3_600 * 4 + draws.below(7_200, len(old))
        book.moves.add(book.main[old], when, second, amount, "pension", who.bodies)
