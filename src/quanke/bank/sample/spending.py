"""Everyday movements on demand accounts: payments, cash, bills, tolls, school fees, business receipts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quanke.bank.sample.book import Book
from quanke.bank.sample.counterparties import Counterparties, shop_of
from quanke.bank.sample.days import NEW_YEAR
from quanke.bank.sample.draws import Choice, Draws, Ints, Level
from quanke.bank.sample.forms import FORM
from quanke.bank.sample.people import FAR, NEVER, YUAN, LifeEvent, Persona

SMALL = Level(
    (0, 300), (200_000, 1_200), (500_000, 3_500), (800_000, 12_000), (950_000, 60_000), (1_000_000, 500_000)
)
"""Amounts of everyday payments in fen."""

_OUTINGS = {
    Persona.EMPLOYEE: Level((0, 0), (450_000, 0), (700_000, 3), (900_000, 11), (1_000_000, 48)),
    Persona.PAYER: Level((0, 3), (400_000, 9), (800_000, 20), (1_000_000, 90)),
    Persona.STUDENT: Level((0, 1), (500_000, 6), (1_000_000, 40)),
    Persona.QUIET: Level((0, 0), (600_000, 0), (900_000, 2), (1_000_000, 6)),
    Persona.INVESTOR: Level((0, 0), (600_000, 1), (1_000_000, 14)),
    Persona.PENSIONER: Level((0, 0), (700_000, 0), (1_000_000, 12)),
}
_PER_OUTING = Choice([25, 30, 25, 20])
_OUT_FORMS = np.array(
    [
        FORM[name]
        for name in (
            "third_out",
            "pos_food",
            "pos_shop",
            "pos_fuel",
            "pos_health",
            "pos_travel",
            "red_packet",
        )
    ]
)
_OUT_CHOICE = Choice([70, 8, 10, 4, 3, 2, 3])


def add_outings(book: Book, who: Counterparties) -> None:
    """Days on which people pay, with one to three payments each."""
    for persona, level in _OUTINGS.items():
        draws = book.draws(f"outings {persona.name}")
        people = book.people.of(persona)
        people = people[book.main[people] >= 0]
        outing = np.repeat(people, draws.level(level, len(people)))
        day = book.world.span.draw_days(draws, "spend", len(outing))
        payments = 1 + draws.pick(_PER_OUTING, len(outing)).astype(np.int64)
        owner, day = np.repeat(outing, payments), np.repeat(day, payments)
        day = np.where(book.people.alive(owner, day), day, NEVER)
        scale = np.clip(book.people.salary[owner] // 1_000, 400, 4_000)
        form = _OUT_FORMS[draws.pick(_OUT_CHOICE, len(owner))]
        least = np.where(form == _OUT_FORMS[0], 100, 1_500)
        amount = np.maximum(least, draws.level(SMALL, len(owner)) * scale // 800)
        second = book.world.span.draw_seconds(draws, "day", len(owner))
        shop = _shop(who, draws, form)
        book.moves.add(book.main[owner], day, second, -amount, form, shop)
        _add_refunds(book, draws, owner, day, second, amount, shop)
    add_red_packets(book, who)


def _add_refunds(
    book: Book, draws: Draws, owner: Ints, day: Ints, second: Ints, amount: Ints, shop: Ints
) -> None:
    """One payment in 128 comes back some days later."""
    back = np.flatnonzero((day >= 0) & draws.chance(1 / 128, len(owner)))
    when = day[back] + draws.between(1, 6, len(back))
    when = np.where((when < book.days) & book.people.alive(owner[back], when), when, NEVER)
    book.moves.add(book.main[owner[back]], when, second[back], amount[back], "refund", shop[back])


def _shop(who: Counterparties, draws: Draws, form: Ints) -> Ints:
    """A shop that fits the payment, else one of the two pay platforms."""
    shop = shop_of(draws, who.chains, form)
    return np.where(shop < 0, who.platforms + draws.pick(Choice([45, 55]), len(form)), shop)


def add_red_packets(book: Book, who: Counterparties) -> None:
    """Red packets on the eve of the Chinese New Year from one in eight working people."""
    draws = book.draws("red packets")
    people = book.people.of(Persona.EMPLOYEE, Persona.PAYER, Persona.MERCHANT)
    people = people[(book.main[people] >= 0) & draws.chance(0.12, len(people))]
    for start in NEW_YEAR.values():
        day = book.world.span.position(start) - 1
        when = np.where(book.people.alive(people, np.full(len(people), day)) & (day < book.days), day, NEVER)
        amount = np.array([8_800, 18_800, 20_000, 66_600, 88_800, 100_000])[draws.below(6, len(people))]
        second = book.world.span.draw_seconds(draws, "day", len(people))
        book.moves.add(book.main[people], when, second, -amount, "red_packet", who.platforms + 1)


def add_quiet(book: Book, who: Counterparties) -> None:
    """A few transfers and cash movements a year, in proportion to what is there."""
    draws = book.draws("quiet")
    people = book.people.of(Persona.QUIET, Persona.PENSIONER, Persona.INVESTOR)
    people = people[book.main[people] >= 0]
    persona = book.people.persona[people]
    mean = np.array([0, 2, 0, 0, 6, 0, 0, 4])[persona]
    owner = np.repeat(people, draws.below(2 * mean + 1, len(people)))
    count = len(owner)
    day = book.world.span.draw_days(draws, "move", count)
    day = np.where(book.people.alive(owner, day), day, NEVER)
    old = book.people.persona[owner] == Persona.PENSIONER
    sort = np.where(
        old, draws.pick(Choice([3, 6, 12, 10, 45]), count), draws.pick(Choice([28, 30, 18, 6, 8]), count)
    )
    forms = np.array([FORM[n] for n in ("in_other", "out_other", "cash_out", "cash_in", "atm_out")])[sort]
    sign = np.array([1, -1, -1, 1, -1])[sort]
    size = book.people.wealth[owner] // 1_000 * draws.between(5, 90, count)
    cap = np.where(sort == 4, 500_000, 20_000_000)
    amount = np.clip(size // 10_000 * 10_000, 10_000, cap)
    party = np.where(sort < 2, who.strangers + draws.below(who.stranger_count, count), NEVER)
    second = book.world.span.draw_seconds(draws, "office", count)
    book.moves.add(book.main[owner], day, second, sign * amount, forms, party)


def add_merchants(book: Book, who: Counterparties) -> None:
    """Receipts of shopkeepers and what they pay to suppliers."""
    draws = book.draws("merchants")
    people = book.people.of(Persona.MERCHANT)
    people = people[book.main[people] >= 0]
    turnover = book.people.salary[people] * draws.between(80, 500, len(people)) // 100
    for name, rate, share in (("third_in", 12, 100), ("business_out", 6, 200)):
        times = draws.between(rate // 2, rate * 3 // 2, len(people))
        owner = np.repeat(np.arange(len(people)), times)
        day = book.world.span.draw_days(draws, "business" if name == "business_out" else "spend", len(owner))
        if name == "third_in":
            # platforms settle the takings of a day in one to three sums
            sums = 1 + draws.below(3, len(owner))
            owner, day = np.repeat(owner, sums), np.repeat(day, sums)
        day = np.where(book.people.alive(people[owner], day), day, NEVER)
        amount = turnover[owner] // 100 * draws.between(8, 50, len(owner)) * share // 100 + draws.below(
            100, len(owner)
        )
        stranger = who.strangers + draws.below(who.stranger_count, len(owner))
        party: Ints | int = stranger if name == "business_out" else who.platforms
        second = book.world.span.draw_seconds(draws, "day", len(owner))
        signed = -amount if name == "business_out" else amount
        book.moves.add(book.main[people[owner]], day, second, signed, name, party)


def add_bills(book: Book, who: Counterparties) -> None:
    """Utilities by the month, tolls of car owners, tax in spring, school fees in September and February."""
    draws = book.draws("bills")
    people, span = book.people, book.world.span
    payers = _some(book, draws, 0.035, Persona.EMPLOYEE, Persona.PENSIONER, Persona.INVESTOR, Persona.QUIET)
    party = who.utilities + draws.below(3, len(payers))
    for day in span.pay_days(18):
        when = np.where(people.alive(payers, np.full(len(payers), day)), day, NEVER)
        amount = draws.between(4_000, 46_000, len(payers))
        book.moves.add(book.main[payers], when, np.full(len(payers), 7 * 3600), -amount, "utilities", party)
    drivers = car_owners(book)
    journeys = np.repeat(drivers, draws.between(1, 11, len(drivers)))
    day = span.draw_days(draws, "spend", len(journeys))
    # there and back, or several stations: tolls come in batches (ETC-1)
    tolls = 1 + draws.below(3, len(journeys))
    trips, day = np.repeat(journeys, tolls), np.repeat(day, tolls)
    day = np.where(people.alive(trips, day), day, NEVER)
    toll = draws.between(4, 90, len(trips)) * 95
    book.moves.add(book.main[trips], day, draws.below(80_000, len(trips)), -toll, "etc", who.tolls)
    taxed = _some(book, draws, 0.03, Persona.EMPLOYEE, Persona.INVESTOR)
    for month in (m for m in span.months if m.month in (3, 4, 5, 6)):
        due = taxed[draws.below(4, len(taxed)) == month.month - 3]
        when = draws.between(month.first, month.last, len(due))
        when = np.where(people.alive(due, when), when, NEVER)
        owed = draws.between(20_000, 600_000, len(due))
        book.moves.add(book.main[due], when, span.draw_seconds(draws, "day", len(due)), -owed, "tax", who.tax)
    _add_tuition(book, who, draws)


def _add_tuition(book: Book, who: Counterparties, draws: Draws) -> None:
    people, span = book.people, book.world.span
    parents, school = pupils(book)
    fee = draws.between(20, 220, len(parents)) * 10_000
    for month in (m for m in span.months if m.month in (2, 9)):
        low, high = (month.first + 23, month.last) if month.month == 2 else (month.first, month.first + 9)
        when = draws.between(min(low, month.last), min(high, month.last), len(parents))
        when = np.where(people.alive(parents, when), when, NEVER)
        second = span.draw_seconds(draws, "office", len(parents))
        book.moves.add(book.main[parents], when, second, -fee, "tuition", who.bodies + school)
    new = np.flatnonzero((people.event == LifeEvent.CHILD) & (book.main >= 0))
    birth = people.event_day[new]
    for gap, form in (
        (-3, "pos_health"),
        (4, "pos_baby"),
        (19, "pos_baby"),
        (47, "pos_baby"),
        (80, "pos_baby"),
    ):
        when = np.where((birth + gap < book.days) & people.alive(new, birth + gap), birth + gap, NEVER)
        price = draws.between(20_000, 900_000 if form == "pos_health" else 160_000, len(new))
        second = span.draw_seconds(draws, "day", len(new))
        if form == "pos_health":
            party = np.full(len(new), who.bodies + int(book.world.bodies.of("hospital")[0]))
        else:
            party = shop_of(draws, who.chains, np.full(len(new), FORM[form]))
        book.moves.add(book.main[new], when, second, -price, form, party)


def pupils(book: Book) -> tuple[Ints, Ints]:
    """Parents who pay school fees here, and the school (position among the city bodies)."""
    draws = book.draws("pupils")
    age = book.people.age(book.world.span.offset)
    fits = (age >= 27) & (age <= 52) & (book.people.band >= 2) & (book.main >= 0)
    fits &= book.people.persona != Persona.DORMANT
    parents = np.flatnonzero(fits & draws.chance(0.08, book.people.size))
    schools = book.world.bodies.of("school")
    return parents, schools[draws.below(len(schools), len(parents))]


def car_owners(book: Book) -> Ints:
    """Persons with an ETC tag billed to their account."""
    draws = book.draws("car owners")
    age = book.people.age(book.world.span.offset)
    fits = (age >= 22) & (age <= 68) & (book.people.band >= 1) & (book.main >= 0)
    fits &= np.isin(
        book.people.persona, [Persona.EMPLOYEE, Persona.MERCHANT, Persona.QUIET, Persona.INVESTOR]
    )
    return np.flatnonzero(fits & draws.chance(0.11, book.people.size))


def _some(book: Book, draws: Draws, share: float, *personas: Persona) -> Ints:
    people = book.people.of(*personas)
    return people[(book.main[people] >= 0) & draws.chance(share, len(people))]


_SLOTS = np.array([4, 2, 5, 3, 3, 3, 4, 3, 0], dtype=np.int64)
"""How many transfers a year even out what a persona earns and spends here."""


def even_out(book: Book) -> None:
    """Transfers from and to people's own accounts elsewhere, so that assets grow by what is planned.

    Salaried people move on what they do not need soon after pay day; others now and then. Without it a
    year's wages would pile up here, which is not how people use a bank account.
    """
    draws = book.draws("even out")
    people, span = book.people, book.world.span
    gap = np.where(people.persona == Persona.DORMANT, 0, people.growth)
    here = book.main >= 0
    gap[here] -= book.moves.steady_by_account(book.accounts.count)[book.main[here]]
    slots = np.where(here & (np.abs(gap) >= 100 * YUAN), _SLOTS[people.persona], 0)
    owner = np.repeat(np.arange(people.size), slots)
    weight = draws.between(60, 140, len(owner))
    total = np.bincount(owner, weights=weight, minlength=people.size).astype(np.int64)
    amount = gap[owner] // np.maximum(total[owner], 1) * weight
    start = np.maximum(people.opened[owner] + 1, 0)
    end = np.minimum(people.until[owner], book.days)
    ordinal = np.arange(len(owner)) - np.repeat(np.cumsum(slots) - slots, slots)
    width = np.maximum((end - start) // np.maximum(slots[owner], 1), 1)
    # what goes out goes late in its part of the year, what comes in early: people move what they have
    half = np.maximum(width // 2, 1)
    day = start + ordinal * width + draws.below(half, len(owner)) + np.where(amount < 0, width - half, 0)
    round_out = np.where(np.abs(amount) > 1_000_00, amount // 100_00 * 100_00, amount)
    day = np.where(people.alive(owner, day) & (day < book.days), day, NEVER)
    form = np.where(round_out > 0, FORM["in_own"], FORM["out_own"])
    second = span.draw_seconds(draws, "day", len(owner))
    book.moves.add(book.main[owner], day, second, round_out, form, book.elsewhere(owner), steady=False)


def add_second_accounts(book: Book, who: Counterparties) -> None:
    """Class II and III accounts: topped up from the first account, spent in small payments (ACC-1 limits)."""
    draws = book.draws("second accounts")
    people = book.people
    fits = (book.main >= 0) & people.on_mobile & (people.persona != Persona.DORMANT) & (people.until == FAR)
    for category, klass, share, product in (("demand", 1, 0.05, 1), ("wallet", 2, 0.06, 4)):
        holder = np.flatnonzero(fits & draws.chance(share, people.size) & (people.opened < book.days - 40))
        since = np.maximum(people.opened[holder] + 3, -draws.between(1, 900, len(holder)))
        fresh = draws.chance(0.2, len(holder))
        since = np.where(fresh, np.maximum(since, draws.between(5, book.days - 30, len(holder))), since)
        account = book.accounts.open(
            holder,
            category,
            since,
            klass=klass,
            product=product,
            rate=500,
            opening=draws.below(9_000, len(holder)),
        )
        used = draws.chance(0.5, len(holder))
        times = np.where(used, draws.between(1, 5, len(holder)), 1)
        top = np.repeat(np.arange(len(holder)), times)
        first = np.flatnonzero(np.diff(top, prepend=-1))
        day = draws.between(np.maximum(since[top], 0) + 1, book.days, len(top))
        day[first] = np.where(since >= 0, since, day[first])
        day = np.where(day < book.days, day, NEVER)
        amount = draws.between(2, 35, len(top)) * 1_000
        second = 9 * 3_600 + draws.below(7_200, len(top))
        book.between(book.main[holder[top]], account[top], day, second, amount, "between_own", "between_own")
        _spend_top_up(book, who, draws, account[top], day, amount)


def add_escrow(book: Book) -> None:
    """Earnest money put under control (E存管) and, for most, released some weeks later (ESC-1)."""
    draws = book.draws("escrow")
    people = book.people
    fits = (book.main >= 0) & (people.until == FAR) & (people.opened < -30) & (people.band >= 3)
    payer = np.flatnonzero(fits & draws.chance(0.008, people.size))
    day = draws.between(10, book.days - 8, len(payer))
    account = book.accounts.open(payer, "escrow", day, product=book.world.products.of("escrow")[0], rate=500)
    amount = np.array([2, 5, 10, 20, 50])[draws.below(5, len(payer))] * 10_000 * YUAN
    second = 10 * 3_600 + draws.below(20_000, len(payer))
    book.between(book.main[payer], account, day, second, amount, "escrow_out", "escrow_in")
    until = day + draws.between(10, 70, len(payer))
    until = np.where(draws.chance(0.7, len(payer)) & (until < book.days), until, NEVER)
    book.between(account, book.main[payer], until, second, amount, "release_out", "release_in")


def _spend_top_up(
    book: Book, who: Counterparties, draws: Draws, account: Ints, day: Ints, amount: NDArray[np.int64]
) -> None:
    """Two payments in the days after a top-up, together less than it."""
    for part in (45, 50):
        when = day + draws.between(0, 9, len(account))
        when = np.where((day >= 0) & (when < book.days), when, NEVER)
        spent = amount * part // 100 - draws.below(200, len(account))
        second = 12 * 3_600 + draws.below(36_000, len(account))
        book.moves.add(account, when, second, -spent, "third_out", who.platforms + 1, steady=False)
