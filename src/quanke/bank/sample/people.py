"""The persons of one block: who they are, how rich, how they live, and what happens to them this year."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import pyarrow as pa

from quanke.bank.sample.draws import Bools, Choice, Choices, Draws, Ints, Level
from quanke.bank.sample.identity import (
    COUNTRY_CHOICE,
    hk_macau_permits,
    hmt_permits,
    passports,
    permanent_ids,
    phones,
    resident_ids,
    taiwan_permits,
)
from quanke.bank.sample.names import foreign, minority, traditional
from quanke.bank.sample.places import CITY_WEIGHTS
from quanke.bank.sample.world import BLOCK, World

YUAN = 100
WAN = 10_000 * YUAN
NEVER = -1
FAR = 1_000_000
"""A position after every span: `until` of those whose activity does not end."""


class Persona(IntEnum):
    """How a person uses the bank."""

    DORMANT = 0
    QUIET = 1
    EMPLOYEE = 2
    MERCHANT = 3
    PENSIONER = 4
    STUDENT = 5
    PAYER = 6
    INVESTOR = 7
    PROSPECT = 8


class LifeEvent(IntEnum):
    """What happens to a person in the year; at most one thing."""

    NONE = 0
    HOUSE = 1
    CHILD = 2
    RETIREMENT = 3
    JOB_CHANGE = 4
    MOVED_AWAY = 5
    CHURN = 6
    DEATH = 7
    CLOSED = 8


CHURN_CAUSES = ("rate_elsewhere", "competitor_manager", "service_complaint", "moved_away", "job_change")

# share of customers in millionths -> assets in fen
WEALTH = Level(
    (0, 0), (270_000, 1 * YUAN), (480_000, 60 * YUAN), (650_000, 1_300 * YUAN), (760_000, 9_000 * YUAN),
    (845_000, 28_000 * YUAN), (868_000, 39_000 * YUAN), (888_000, 50_000 * YUAN), (918_000, 82_000 * YUAN),
    (945_000, 125_000 * YUAN), (965_000, 200_000 * YUAN), (982_000, 400_000 * YUAN),
    (988_500, 640_000 * YUAN), (992_500, 1_000_000 * YUAN), (997_800, 2_400_000 * YUAN),
    (999_500, 5_200_000 * YUAN), (999_820, 8_000_000 * YUAN), (999_970, 21_000_000 * YUAN),
    (1_000_000, 160_000_000 * YUAN),
)  # fmt: skip

BANDS = np.array([100, 2_000, 10_000, 50_000, 200_000, 1_000_000], dtype=np.int64) * YUAN
"""Bounds of the seven wealth bands that steer behaviour."""

_PERSONA_BY_BAND = Choices(
    [
        [66, 22, 5, 1, 1, 2, 3, 0],
        [34, 34, 16, 2, 4, 3, 6, 0],
        [16, 32, 28, 4, 8, 3, 8, 0],
        [10, 30, 31, 5, 12, 1, 8, 1],
        [6, 30, 31, 7, 16, 0, 6, 4],
        [5, 27, 27, 11, 15, 0, 4, 11],
        [4, 22, 22, 15, 13, 0, 3, 21],
    ]
)

SALARY = Level(
    (0, 2_360 * YUAN), (50_000, 3_100 * YUAN), (250_000, 5_000 * YUAN), (500_000, 7_400 * YUAN),
    (750_000, 11_600 * YUAN), (900_000, 19_500 * YUAN), (970_000, 32_000 * YUAN), (995_000, 66_000 * YUAN),
    (1_000_000, 180_000 * YUAN),
)  # fmt: skip

_AGES = {
    Persona.STUDENT: (16, 24),
    Persona.PENSIONER: (55, 90),
    Persona.EMPLOYEE: (20, 59),
    Persona.MERCHANT: (25, 66),
    Persona.INVESTOR: (28, 76),
    Persona.PAYER: (18, 50),
}
_TENURE = Level(
    (0, 1), (60_000, 365), (300_000, 1_600), (650_000, 3_600), (930_000, 6_800), (1_000_000, 10_500)
)
"""Days since the relationship began."""

ID_TYPES = (
    "resident_id", "permit_hk_macau", "residence_permit_hmt", "permit_taiwan", "passport",
    "permanent_resident_id", "household_register",
)  # fmt: skip
_DOCUMENT = Choice([9_763, 95, 40, 28, 58, 16])


@dataclass(slots=True)
class People:
    """Persons by position in the block; days are positions in the span, money is fen.

    `person` number in the whole bank; `opened` may lie before the span; nothing happens after `until`;
    `growth` is what assets are meant to gain from outside over the span (negative: lose).
    """

    size: int
    person: Ints
    male: Bools
    birth: Ints
    branch: Ints
    district: Ints
    city: Ints
    persona: Ints
    band: Ints
    wealth: Ints
    growth: Ints
    salary: Ints
    opened: Ints
    closed: Ints
    until: Ints
    event: Ints
    event_day: Ints
    churn_cause: Ints
    staff: Ints
    document: Ints
    country: Ints
    names: pa.StringArray
    id_numbers: pa.StringArray
    phones: pa.StringArray
    has_credit: Bools
    on_mobile: Bools
    in_core: Bools
    by_partner: Bools

    def alive(self, who: Ints, day: Ints) -> Bools:
        """Whether things can happen to these persons on these days (strictly inside the relationship)."""
        return (day > self.opened[who]) & (day < self.until[who])

    def of(self, *personas: Persona) -> Ints:
        """Positions of the persons of some personas."""
        return np.flatnonzero(np.isin(self.persona, personas))

    def age(self, offset: int) -> Ints:
        """Ages in years on the first day of the span."""
        return (offset - self.birth) // 365


def build_people(world: World, block: int) -> People:
    """All persons of a block."""
    draws = Draws(world.seed, block, "people")
    size, span = world.block_size(block), world.span
    wealth = draws.level(WEALTH, size)
    band = np.searchsorted(BANDS, wealth, side="right").astype(np.int64)
    persona = draws.pick_by(_PERSONA_BY_BAND, band).astype(np.int64)
    prospect = (band <= 1) & draws.chance(0.07, size)
    persona[prospect] = Persona.PROSPECT
    wealth[prospect] = 0
    staff = np.full(size, NEVER, dtype=np.int64)
    person = block * BLOCK + np.arange(size, dtype=np.int64)
    mine = np.flatnonzero((world.staff.person >= person[0]) & (world.staff.person <= person[-1]))
    staff[world.staff.person[mine] - person[0]] = mine
    persona[staff >= 0] = Persona.EMPLOYEE
    male = draws.chance(0.51, size)
    birth = _births(draws, span.offset, persona)
    branch = world.branches.outlets[draws.pick(world.branches.outlet_choice, size)]
    _copy_staff(world, staff, male, birth, branch)
    country = draws.pick(COUNTRY_CHOICE, size).astype(np.int64)
    document = draws.pick(_DOCUMENT, size).astype(np.int64)
    document[staff >= 0] = 0
    names, numbers, mobile = _identity(world, draws, person, male, birth, document, country)
    if len(mine):
        names, numbers, mobile = _named_staff(world, staff, names, numbers, mobile)
    opened, until, closed = _relationship(draws, span.days, size, birth - span.offset)
    people = People(
        size, person, male, birth, branch, world.branches.district[branch],
        draws.pick(Choice(CITY_WEIGHTS), size).astype(np.int64), persona, band, wealth,
        np.zeros(size, dtype=np.int64), draws.level(SALARY, size), opened, closed, until,
        np.where(closed >= 0, LifeEvent.CLOSED, LifeEvent.NONE).astype(np.int64), closed.copy(),
        np.full(size, NEVER, dtype=np.int64), staff, document, country, names, numbers, mobile,
        *_memberships(draws, persona, band, span.offset - birth, staff),
    )  # fmt: skip
    _salary_by_band(people)
    _live(draws, world, people)
    return people


def _births(draws: Draws, offset: int, persona: Ints) -> Ints:
    low = np.full(len(persona), 16, dtype=np.int64)
    high = np.full(len(persona), 80, dtype=np.int64)
    for kind, (youngest, oldest) in _AGES.items():
        low[persona == kind] = youngest
        high[persona == kind] = oldest
    minor = np.isin(persona, [Persona.DORMANT, Persona.QUIET]) & draws.chance(0.03, len(persona))
    low[minor], high[minor] = 3, 15
    # the smaller of two draws in the upper half: the young are many, the very old few
    first, second = draws.between(low, high, len(low)), draws.between(low, high, len(low))
    years = np.where(first > (low + high) // 2, np.minimum(first, second), first)
    found: Ints = offset - years * 365 - draws.below(365, len(low)) - years // 4
    return found


def _copy_staff(world: World, staff: Ints, male: Bools, birth: Ints, branch: Ints) -> None:
    who = np.flatnonzero(staff >= 0)
    source = staff[who]
    male[who] = world.staff.male[source]
    birth[who] = world.staff.birth[source]
    home = world.staff.branch[source]
    branch[who] = np.where(world.branches.kind[home] == 2, home, branch[who])


def _identity(
    world: World, draws: Draws, person: Ints, male: Bools, birth: Ints, document: Ints, country: Ints
) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Names, numbers of documents and phones, each by the kind of document."""
    year = 1970 + birth // 365
    names = world.names.chinese(draws, male, year)
    block = int(person[0]) // BLOCK
    numbers = resident_ids(block, birth, male)
    few = np.flatnonzero((document == 0) & draws.chance(0.003, len(male)))
    names = _put(names, few, minority(draws, len(few)))
    for kind in range(1, 6):
        who = np.flatnonzero(document == kind)
        his = birth[who], male[who]
        if kind == 1:
            number = hk_macau_permits(draws, person[who])
        elif kind == 2:
            number = hmt_permits(block, *his)
        elif kind == 3:
            number = taiwan_permits(person[who])
        elif kind == 4:
            number = passports(person[who], country[who])
        else:
            number = permanent_ids(block, *his, country[who])
        numbers = _put(numbers, who, number)
        name = foreign(draws, len(who)) if kind >= 4 else traditional(names.take(pa.array(who)))
        names = _put(names, who, name)
    document[(document == 0) & (year > 2012)] = 6
    return names, numbers, phones(draws, len(male))


def _put(values: pa.Array, where: Ints, new: pa.Array) -> pa.Array:
    """`values` with the rows `where` (rising) replaced by `new`."""
    if len(where) == 0:
        return values
    place = np.arange(len(values), dtype=np.int64)
    place[where] = len(values) + np.arange(len(where))
    return pa.concat_arrays([values, new]).take(pa.array(place))


def _named_staff(
    world: World, staff: Ints, names: pa.Array, numbers: pa.Array, mobile: pa.Array
) -> tuple[pa.Array, pa.Array, pa.Array]:
    who = np.flatnonzero(staff >= 0)
    rows = pa.array(staff[who])
    return (
        _put(names, who, world.staff.names.take(rows)),
        _put(numbers, who, world.staff.id_numbers.take(rows)),
        _put(mobile, who, world.staff.phones.take(rows)),
    )


def _relationship(draws: Draws, days: int, size: int, birth: Ints) -> tuple[Ints, Ints, Ints]:
    """Opened, end of activity, closed; 1.2 % close in the year, not before they have been here a while."""
    tenure = draws.level(_TENURE, size)
    opened = np.maximum(days - 1 - tenure, birth + 30)
    closed = np.full(size, NEVER, dtype=np.int64)
    leaving = draws.chance(0.012, size)
    day = draws.between(20, max(21, days - 5), size)
    leaving &= (day > opened + 40) & (day < days)
    closed[leaving] = day[leaving]
    return opened, np.where(leaving, day, FAR), closed


def _memberships(
    draws: Draws, persona: Ints, band: Ints, age_days: Ints, staff: Ints
) -> tuple[Bools, Bools, Bools, Bools]:
    """Who has a credit card, is on the mobile bank, is known to core, and was handed over by a partner."""
    size = len(persona)
    adult = age_days > 21 * 365
    share = np.array([0.01, 0.03, 0.08, 0.14, 0.22, 0.3, 0.35])[band]
    busy = np.isin(persona, [Persona.EMPLOYEE, Persona.PAYER, Persona.MERCHANT])
    credit = adult & (age_days < 70 * 365) & draws.chance(share * np.where(busy, 1.3, 0.7), size)
    digital = np.array([0.18, 0.4, 0.72, 0.55, 0.3, 0.8, 0.93, 0.8, 0.2])[persona]
    mobile = draws.chance(digital * np.where(age_days > 65 * 365, 0.5, 1.0), size)
    prospect = persona == Persona.PROSPECT
    core = ~prospect
    only_card = (persona == Persona.QUIET) & (band <= 1) & adult & draws.chance(0.05, size) & (staff < 0)
    core &= ~only_card
    credit = (credit & ~prospect) | only_card
    partner = draws.chance(np.where(prospect, 0.8, 0.03), size)
    partner |= prospect & ~mobile
    return credit, mobile, core, partner


def _salary_by_band(people: People) -> None:
    """Richer employees earn more: wages scale with the band, as they partly explain it."""
    factor = np.array([80, 85, 92, 105, 135, 190, 300], dtype=np.int64)[people.band]
    people.salary = people.salary * factor // 100


def _live(draws: Draws, world: World, people: People) -> None:
    """Growth and at most one life event per person."""
    size, days = people.size, world.span.days
    tendency = draws.pick(Choice([72, 16, 12]), size)
    percent = np.choose(
        tendency, [draws.between(-7, 9, size), draws.between(25, 170, size), draws.between(-62, -18, size)]
    )
    # the very rich already have most of theirs here: less comes from outside
    percent = np.where((people.band >= 5) & (percent > 10), percent // 3, percent)
    people.growth = people.wealth // 100 * percent
    age = people.age(world.span.offset)
    day = draws.between(25, max(26, days - 20), size)
    free = (people.event == LifeEvent.NONE) & (people.opened < 0) & (people.staff < 0)
    rules: list[tuple[LifeEvent, Bools, float]] = [
        (LifeEvent.CHURN, people.band >= 3, 0.035),
        (LifeEvent.HOUSE, (people.band >= 4) & (age >= 24) & (age <= 50), 0.06),
        (LifeEvent.CHILD, (age >= 23) & (age <= 40), 0.015),
        (LifeEvent.RETIREMENT, (people.persona == Persona.EMPLOYEE) & (age >= 54), 0.25),
        (LifeEvent.JOB_CHANGE, people.persona == Persona.EMPLOYEE, 0.1),
        (LifeEvent.MOVED_AWAY, people.persona != Persona.PROSPECT, 0.008),
        (LifeEvent.DEATH, age >= 40, 0.0015),
    ]
    for event, fits, share in rules:
        struck = free & fits & people.in_core & draws.chance(share, size)
        people.event[struck] = event
        people.event_day[struck] = day[struck]
        free &= ~struck
    people.churn_cause = np.where(
        people.event == LifeEvent.CHURN, draws.pick(Choice([35, 25, 15, 10, 15]), size), NEVER
    ).astype(np.int64)
    people.growth[np.isin(people.event, [LifeEvent.CHURN, LifeEvent.CLOSED])] = 0
    ending = np.isin(people.event, [LifeEvent.MOVED_AWAY, LifeEvent.DEATH])
    gone = (people.event == LifeEvent.CHURN) & draws.chance(0.6, size)
    people.until = np.where(ending, people.event_day + 10, people.until)
    people.until = np.where(gone, people.event_day + 25, people.until)
