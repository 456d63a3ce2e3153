"""A few records as arranged tables, the index of them, and a judge who looks at each record."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from quanke.customers.finding import SEARCH_KINDS, Makings, SearchIndex, write_finding
from quanke.customers.finding.forms import (
    document_forms,
    mobile_form,
    name_and_tail,
    name_form,
    number_form,
    readings_of,
    spelt_form,
)

KEY = bytes(range(32))
DIGESTS = dict.fromkeys(("names", "records", "accounts", "cards"), "first")


@dataclass(frozen=True)
class Person:
    customer: int
    name: str | None
    source: str = "core"
    party_id: str = "P1"
    phone: str | None = None
    id_number: str | None = None
    id_type: str | None = "resident_id"
    id_valid: bool | None = True


@dataclass(frozen=True)
class Body:
    customer: int
    name: str
    source: str = "core"
    party_id: str = "B1"
    uscc: str | None = None


@dataclass(frozen=True)
class Bank:
    """`accounts` and `cards` are pairs of a place among people and then bodies, and a number."""

    people: Sequence[Person] = ()
    bodies: Sequence[Body] = ()
    accounts: Sequence[tuple[int, str]] = ()
    cards: Sequence[tuple[int, str]] = ()
    rows: int = 10
    absorbed: dict[int, int] = field(default_factory=dict)

    @property
    def customer(self) -> list[int]:
        """By party."""
        return [each.customer for each in (*self.people, *self.bodies)]

    def makings(self, folder: Path, key: bytes = KEY, digests: dict[str, str] = DIGESTS) -> Makings:
        """Its tables as files."""
        people, bodies = list(self.people), list(self.bodies)
        text = pa.string()
        tables = {
            "parties": pa.table({
                "party": pa.array(range(len(people)), pa.int32()),
                **{n: pa.array([getattr(p, n) for p in people], text)
                   for n in ("source", "party_id", "name", "phone", "id_number", "id_type")},
                "id_valid": pa.array([p.id_valid for p in people], pa.bool_()),
            }),
            "organisations": pa.table({
                "party": pa.array(range(len(people), len(people) + len(bodies)), pa.int32()),
                **{n: pa.array([getattr(b, n) for b in bodies], text)
                   for n in ("source", "party_id", "name", "uscc")},
            }),
        }  # fmt: skip
        for table, column, rows in (
            ("accounts", "account_id", self.accounts),
            ("cards", "card_id", self.cards),
        ):
            tables[table] = pa.table(
                {
                    "party": pa.array([p for p, _ in rows], pa.int32()),
                    column: pa.array([n for _, n in rows], text),
                }
            )
        for name, table in tables.items():
            pq.write_table(table, folder / f"{name}.parquet")
        files = {name: [folder / f"{name}.parquet"] for name in tables if tables[name].num_rows}
        return Makings(files, np.array(self.customer, np.int32), self.rows, key, digests)

    def index(self, folder: Path) -> SearchIndex:
        """Its index."""
        write_finding(folder / "finding", self.makings(folder))
        gone = sorted(self.absorbed)
        into = [self.absorbed[number] for number in gone]
        return SearchIndex(folder / "finding", KEY, np.array(gone, np.int32), np.array(into, np.int32))


def judged(
    bank: Bank,
    text: str,
    kinds: Collection[str] = (),
    within: Sequence[bool] | None = None,
    limit: int = 20,
) -> tuple[int, list[tuple[int, str, str]], list[tuple[str, str, int]]]:
    """What a search has to answer: count, the first found, and how many by each way."""
    taken: set[int] = set()
    found: list[tuple[int, str, str]] = []
    ways = []
    for kind, how, customers in _ways(bank, text):
        allowed = {c for c in customers if within is None or within[c]} - taken
        if (kinds and kind not in kinds) or not allowed:
            continue
        taken |= allowed
        ways.append((kind, how, len(allowed)))
        found += [(c, kind, how) for c in sorted(allowed)]
    return len(taken), found[:limit], ways


def _ways(bank: Bank, text: str) -> list[tuple[str, str, set[int]]]:
    number, name, spelt, split = number_form(text), name_form(text), spelt_form(text), name_and_tail(text)
    records = [*bank.people, *bank.bodies]

    def people(holds: Callable[[Person], bool]) -> set[int]:
        return {p.customer for p in bank.people if holds(p)}

    def bodies(holds: Callable[[Body], bool]) -> set[int]:
        return {b.customer for b in bank.bodies if holds(b)}

    def read(person: Person, place: int) -> str:
        return (readings_of(name_form(person.name or "")) or ("", ""))[place]

    def of(rows: Sequence[tuple[int, str]], holds: Callable[[str], bool]) -> set[int]:
        return {bank.customer[party] for party, held in rows if holds(number_form(held))}

    def papers(person: Person) -> set[str]:
        return document_forms(person.id_number) if person.id_number and person.id_valid else (
            {number_form(person.id_number)} if person.id_number else set()
        )  # fmt: skip

    def ends(held: str) -> bool:
        return bool(split) and len(held) >= 8 and held.endswith(split[1])

    def called(customer: int) -> bool:
        form, letters = name_form(split[0]), spelt_form(split[0])
        return any(
            p.customer == customer
            and (
                (bool(form) and name_form(p.name or "").startswith(form))
                or (bool(letters) and read(p, 0).startswith(letters))
            )
            for p in bank.people
        )

    digits = number.isascii() and number.isdigit() and len(number) <= 9
    goes_by = bank.absorbed.get(int(number), int(number)) if digits else -1
    source, _, own = text.strip().partition(":")
    named = source in {r.source for r in records} and number_form(own)
    ways = [
        ("customer", "exact", {goes_by} if 0 <= goes_by < bank.rows else set()),
        ("party", "exact", {r.customer for r in records if number_form(r.party_id) == (number_form(own)
            if named else number) != "" and (not named or r.source == source)}),
        ("document", "exact", people(lambda p: bool(papers(p) & document_forms(text)))
            | bodies(lambda b: bool(b.uscc) and number != ""
                     and number in (number_form(b.uscc), b.uscc[8:17] if len(b.uscc) == 18 else None))),
        ("phone", "exact", people(lambda p: mobile_form(p.phone or "") == mobile_form(text) != "")),
        ("account", "exact", of(bank.accounts, lambda held: held == number != "")),
        ("card", "exact", of(bank.cards, lambda held: held == number != "")),
    ]  # fmt: skip
    if split:
        phones = people(lambda p: ends(mobile_form(p.phone or "")))
        ways += [("phone", "tail", set(filter(called, phones))),
                 ("card", "tail", set(filter(called, of(bank.cards, ends))))]  # fmt: skip
    if name:
        ways += [
            ("name", "exact", people(lambda p: name_form(p.name or "") == name)),
            ("organisation", "exact", bodies(lambda b: name_form(b.name) == name)),
            ("name", "prefix", people(lambda p: name_form(p.name or "").startswith(name))),
            ("organisation", "prefix", bodies(lambda b: name_form(b.name).startswith(name))),
        ]
    if spelt is not None and len(spelt) > 1:
        for place, how in enumerate(("pinyin", "initials")):
            begun = people(lambda p, at=place: read(p, at).startswith(spelt))
            whole = people(lambda p, at=place: read(p, at) == spelt)
            ways += [("name", how, whole), ("name", f"{how}_prefix", begun)]
    if len(name) > 1:
        ways.append(("organisation", "substring", bodies(lambda b: name in name_form(b.name))))
    assert {kind for kind, _, _ in ways} <= set(SEARCH_KINDS)
    return ways
