"""What the register tells about one customer: his records, why they are one, and what happened to them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from quanke.bank.home import Home
from quanke.customers.register.numbers import Ints
from quanke.customers.register.store import Register

FIRST = "first record of this customer"
LOADED = "loaded under this customer"


@dataclass(frozen=True, slots=True)
class Standing:
    """One record of a customer, and how it came to be his.

    `party` is the record's number, `loaded` the customer number it was loaded with. `outcome` is first,
    exact, probable or decided; `beside` is the party (number) it was found to belong with, -1 for the first.
    `source` and `party_id` name it in its source system; `party_id` is of class C2.
    """

    source: str
    party_id: str
    party: int
    loaded: int
    outcome: str
    probability: float | None
    reason: str
    beside: int


@dataclass(frozen=True, slots=True)
class Happening:
    """One event of a customer's history: records went from `other` to `customer`."""

    date: dt.date
    kind: str
    customer: int
    other: int
    parties: tuple[int, ...]
    outcome: str
    probability: float | None
    reason: str
    decision_id: str | None


def standings(register: Register, customer: int) -> list[Standing]:
    """The records of a customer, the first one first, each with the strongest link to those before it."""
    parties = register.parties_of(customer)
    names = party_names(register.home, parties)
    joined = _joined(parties, register.links_of(parties))
    found = []
    for party in joined:
        outcome, probability, reason, beside = joined[party]
        source, party_id = names[party]
        loaded = int(register.loaded[party])
        found.append(Standing(source, party_id, party, loaded, outcome, probability, reason, beside))
    return found


def _joined(parties: Ints, links: pa.Table) -> dict[int, tuple[str, float | None, str, int]]:
    """How each party came in: a spanning tree of the strongest links, grown from the first record."""
    if not len(parties):
        return {}
    members = {int(p) for p in parties}
    edges: dict[int, list[tuple[float, int, str, str]]] = {}
    for row in links.to_pylist():
        if row["settled"] == "linked" and row["left"] in members and row["right"] in members:
            # what a person decided is told before what the records say
            strength = 2.0 if row["probability"] is None else row["probability"]
            for one, other in ((row["left"], row["right"]), (row["right"], row["left"])):
                edges.setdefault(one, []).append((strength, other, row["outcome"], row["reason"]))
    first = int(parties[0])
    found: dict[int, tuple[str, float | None, str, int]] = {first: ("first", None, FIRST, -1)}
    while len(found) < len(members):
        open_ = [
            (strength, -other, -inside, outcome, reason)
            for inside in found
            for strength, other, outcome, reason in edges.get(inside, [])
            if other not in found
        ]
        if not open_:
            break
        strength, other, inside, outcome, reason = max(open_)
        probability = None if strength > 1 else strength
        found[-other] = (outcome, probability, reason, -inside)
    for party in sorted(members - found.keys()):
        found[party] = ("exact", None, LOADED, first)
    return found


def party_names(home: Home, parties: Ints) -> dict[int, tuple[str, str]]:
    """`(source, party_id)` of records by party number."""
    wanted = pa.array(parties, pa.int32())
    found: dict[int, tuple[str, str]] = {}
    for file in home.numbers("parties"):
        rows = pq.read_table(
            file, columns=["party", "source", "party_id"], filters=pc.field("party").isin(wanted)
        )
        found.update({r["party"]: (r["source"], r["party_id"]) for r in rows.to_pylist()})
    return found


def rows_of(home: Home, register: Register, customer: int) -> tuple[pa.Table, pa.Table]:
    """The arranged rows of a customer's records: of `parties` and of `organisations`."""
    parties = pa.array(register.parties_of(customer), pa.int32())
    tables = []
    for table in ("parties", "organisations"):
        files = home.facts(table)
        rows = [pq.read_table(file, filters=pc.field("party").isin(parties)) for file in files]
        tables.append(pa.concat_tables(rows) if rows else pa.table({}))
    return tables[0], tables[1]


def party_of(home: Home, source: str, party_id: str) -> int | None:
    """The number of a record of a source system, or None."""
    mask = (pc.field("source") == source) & (pc.field("party_id") == party_id)
    for file in home.numbers("parties"):
        found = pq.read_table(file, columns=["party"], filters=mask)
        if found.num_rows:
            return int(found["party"][0].as_py())
    return None


def happenings(register: Register, customer: int) -> list[Happening]:
    """Events in which a customer gained or lost records, oldest first."""
    events = register.events
    concerned = pc.or_(pc.equal(events["customer"], customer), pc.equal(events["other"], customer))
    fields = ("date", "kind", "customer", "other", "outcome", "probability", "reason", "decision_id")
    return [
        Happening(parties=tuple(row["parties"]), **{name: row[name] for name in fields})
        for row in events.filter(concerned).to_pylist()
    ]


def questions(register: Register, customer: int | None = None, outcomes: Sequence[str] = ()) -> pa.Table:
    """Open questions of the review queue, of one customer or of everybody, the most probable first."""
    table = register.queue
    if customer is not None:
        table = table.filter(
            pc.or_(pc.equal(table["one_customer"], customer), pc.equal(table["other_customer"], customer))
        )
    if outcomes:
        table = table.filter(pc.is_in(table["outcome"], value_set=pa.array(outcomes)))
    return table
