"""Persons as each source system knows them: the same person one to four times, not always alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quanke.bank.sample.book import Book
from quanke.bank.sample.draws import Bools, Draws, Ints
from quanke.bank.sample.identity import COUNTRIES, phones
from quanke.bank.sample.income import Jobs
from quanke.bank.sample.names import misspelt
from quanke.bank.sample.people import ID_TYPES, LifeEvent, Persona
from quanke.bank.sample.places import CITIES, DISTRICT_NAMES, addresses
from quanke.bank.sample.positions import Positions, risk_class
from quanke.bank.sample.text import (
    blank,
    coded,
    constant,
    dates,
    digits,
    instants,
    join,
    scattered,
    strings,
    tagged,
)

SOURCES = ("core", "cards", "mobile", "partner")
_OCCUPATIONS = ("职员", "个体经营者", "退休", "学生", "自由职业", "企业管理人员", "公务员", "其他")
_OCCUPATION_OF = np.array([7, 7, 0, 1, 2, 3, 4, 5, 7])
_TWIN = 500_000_000
"""Added to a person's number to number the second record core keeps of him by mistake."""


@dataclass(frozen=True, slots=True)
class Records:
    """Records of all sources, by row: `source` position in `SOURCES`, person in the block, numbers.

    `primary` is the row of each person's main record; `row[source]` the row of each person there, -1 none.
    """

    table: pa.Table
    source: Ints
    who: Ints
    primary: Ints
    row: dict[str, Ints]

    def keys(self, rows: Ints) -> tuple[pa.Array, pa.Array]:
        """Source and party_id columns of some rows."""
        places = pa.array(rows)
        return (
            coded(SOURCES, self.source[rows]),
            self.table["party_id"].combine_chunks().take(places),
        )


def party_numbers(source: str, person: Ints) -> pa.StringArray:
    """Numbers a system gives to persons; unlike from system to system."""
    if source == "core":
        return strings(tagged("C", digits(scattered(person, 9_999_999_967, 48_271), 10)))
    if source == "cards":
        return strings(tagged("K", digits(scattered(person, 999_999_937, 16_807), 9)))
    if source == "mobile":
        return strings(tagged("M", digits(scattered(person, 9_999_999_967, 69_621), 10)))
    return strings(tagged("PT", digits(scattered(person, 999_999_937, 40_692), 9)))


def build_records(book: Book, jobs: Jobs, positions: Positions) -> Records:
    """All party records of the block and where to find each person's."""
    people = book.people
    draws = book.draws("parties")
    base = _person_columns(book, draws, jobs, positions)
    twins = np.flatnonzero(people.in_core & draws.chance(0.003, people.size))
    members = {
        "core": np.flatnonzero(people.in_core),
        "cards": np.flatnonzero(people.has_credit),
        "mobile": np.flatnonzero(people.on_mobile),
        "partner": np.flatnonzero(people.by_partner),
    }
    tables, source, owners, row = [], [], [], {}
    first = 0
    for number, (name, who) in enumerate(members.items()):
        tables.append(_source_table(book, draws, name, who, base, people.person[who]))
        source.append(np.full(len(who), number, dtype=np.int64))
        owners.append(who)
        row[name] = np.full(people.size, -1, dtype=np.int64)
        row[name][who] = first + np.arange(len(who))
        first += len(who)
    tables.append(_source_table(book, draws, "core", twins, base, people.person[twins] + _TWIN))
    source.append(np.zeros(len(twins), dtype=np.int64))
    owners.append(twins)
    primary = row["partner"].copy()
    for name in ("mobile", "cards", "core"):
        primary = np.where(row[name] >= 0, row[name], primary)
    table = pa.concat_tables(tables).unify_dictionaries().combine_chunks()
    records = Records(table, np.concatenate(source), np.concatenate(owners), primary, row)
    every = np.arange(len(records.who), dtype=np.int64)
    keys = records.keys(every)
    book.note(
        "who_is_who", {"source": keys[0], "party_id": keys[1], "person": pa.array(people.person[records.who])}
    )
    return records


def _person_columns(book: Book, draws: Draws, jobs: Jobs, positions: Positions) -> dict[str, pa.Array]:
    """What the best-informed system knows of each person."""
    people, offset, days = book.people, book.world.span.offset, book.days
    size = people.size
    employer = np.full(size, -1, dtype=np.int64)
    current = jobs.last >= days
    employer[jobs.who[current]] = jobs.employer[current]
    employers = pa.concat_arrays([book.businesses.names, book.world.bodies.names])
    employer[~draws.chance(0.7, size)] = -1
    moved = people.event == LifeEvent.MOVED_AWAY
    city = np.where(moved, 1 + draws.below(len(CITIES) - 1, size), people.city)
    assessed = (people.band >= 3) & draws.chance(0.6, size)
    assessed[book.accounts.holder[positions.account]] = True
    foreigner = np.isin(people.document, [4, 5])
    place = np.where(
        foreigner, people.country + 3, np.select([people.document == 1, people.document == 3], [1, 2], 0)
    )
    scored = draws.chance(0.2, size)
    dead = people.event == LifeEvent.DEATH
    return {
        "name": people.names,
        "id_type": coded(ID_TYPES, people.document),
        "id_number": people.id_numbers,
        "id_expires_on": dates(offset + days + draws.between(-120, 5_000, size), people.age(offset) < 46),
        "birth_date": dates(people.birth),
        "sex": coded(["female", "male"], people.male.astype(np.int32)),
        "phone": people.phones,
        "email": blank(
            join("u", strings(digits(draws.below(90_000_000, size) + 10_000_000, 8)), "@qq.com"),
            draws.chance(0.12, size),
        ),
        "address": addresses(draws, people.district),
        "city": coded(CITIES, city),
        "district": coded(DISTRICT_NAMES, people.district, city == 0),
        "nationality": coded(["CHN", "HKG", "TWN", *COUNTRIES], place),
        "occupation": coded(_OCCUPATIONS, _OCCUPATION_OF[people.persona]),
        "employer_name": employers.take(pa.array(employer, mask=employer < 0)),
        "language": coded(["zh", "en"], foreigner.astype(np.int32)),
        "branch_id": book.world.branches.ids.take(pa.array(people.branch)).dictionary_encode(),
        "opened_on": dates(offset + people.opened),
        "closed_on": dates(offset + people.closed, people.closed >= 0),
        "deceased": pa.array(dead),
        "risk_class": coded(["C1", "C2", "C3", "C4", "C5"], risk_class(book), assessed),
        "risk_assessed_on": dates(
            offset + np.maximum(people.opened, days - draws.between(1, 600, size)), assessed
        ),
        "credit_score": pa.array(draws.between(380, 900, size), mask=~scored),
        "updated_at": instants(
            (offset + draws.below(days, size)) * 86_400 + draws.between(30_000, 70_000, size)
        ),
    }


_KNOWN = {
    "core": (1.0, 0.006, 0.0),
    "cards": (1.0, 0.03, 0.12),
    "mobile": (0.94, 0.016, 0.02),
    "partner": (0.35, 0.06, 0.1),
}
"""Per source: share with an identity number, with a name written otherwise, with another phone."""

_PARTIAL = {
    "mobile": ("email", "address", "employer_name", "occupation", "credit_score", "id_expires_on"),
    "partner": (
        "email", "employer_name", "occupation", "credit_score", "id_expires_on", "risk_class",
        "risk_assessed_on", "birth_date", "branch_id", "language", "nationality",
    ),
}  # fmt: skip
"""Fields a source does not carry."""


def _source_table(
    book: Book, draws: Draws, source: str, who: Ints, base: dict[str, pa.Array], numbers: Ints
) -> pa.Table:
    """Records of one source with its own gaps and slips."""
    count = len(who)
    rows = pa.array(who)
    with_id, renamed, rephoned = _KNOWN[source]
    columns: dict[str, pa.Array] = {
        "source": constant(source, count),
        "party_id": party_numbers(source, numbers),
    }
    columns |= {name: column.take(rows) for name, column in base.items()}
    other: Bools = draws.chance(renamed, count)
    columns["name"] = pc.if_else(pa.array(other), misspelt(columns["name"]), columns["name"])
    known = draws.chance(with_id, count)
    columns["id_number"] = blank(columns["id_number"], known)
    columns["id_type"] = blank(columns["id_type"], known)
    changed = draws.chance(rephoned, count)
    columns["phone"] = pc.if_else(pa.array(changed), phones(draws, count), columns["phone"])
    for name in _PARTIAL.get(source, ()):
        columns[name] = blank(columns[name], np.zeros(count, dtype=np.bool_))
    if source != "core":
        later = draws.between(0, 900, count)
        opened = np.minimum(book.people.opened[who] + later, book.days - 1)
        columns["opened_on"] = dates(book.world.span.offset + opened)
        columns["closed_on"] = pa.nulls(count, pa.date32())
    return pa.table(columns)


def managed_by_default(book: Book) -> Ints:
    """Chance in a thousand of being remembered by a manager: the rich, and a few others."""
    share = np.array([1, 3, 6, 14, 130, 380, 800], dtype=np.int64)[book.people.band]
    share[np.isin(book.people.persona, [Persona.PROSPECT])] = 0
    return share
