"""The portrait of a body, the chains that run through it, and the household of a person."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quanke.bank.contracts import Purpose
from quanke.customers.graph.kinds import CODES, EMPLOYING, allowed_codes
from quanke.customers.graph.reach import people_of, states_of
from quanke.customers.graph.store import PERSON_CODE, PIECES, SHARING, GraphStore, Touching
from quanke.kernel.errors import QuankeError

MOST = 100
"""Numbers a portrait lists of each kind of neighbour."""


@dataclass(frozen=True, slots=True)
class Portrait:
    """A body on a day. Counts are of persons, amounts in fen.

    `paid_here`: people whose wages it pays from an account here; `wages_month`: what it pays them a month.
    `pieces`: of its known people, how many have each piece; `penetration`: the same as shares of known people
    (four places, None without any). Lists of customer numbers hold the first hundred, by number.
    """

    body: int
    day: dt.date
    name: str
    kind: str
    headcount: int | None
    people_known: int
    employees_known: int
    paid_here: int
    wages_month: int
    people_aum: int
    pieces: dict[str, int]
    penetration: dict[str, Decimal | None]
    suppliers: list[int]
    buyers: list[int]
    legal_representatives: list[int]
    owners: list[int]
    supervised_by: list[int]
    supervises: int

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        shares = {n: None if v is None else str(v) for n, v in self.penetration.items()}
        return {**asdict(self), "day": self.day.isoformat(), "penetration": shares}


def portrait(
    store: GraphStore, body: int, *, purpose: Purpose = Purpose.SERVICE, on: dt.date | None = None
) -> Portrait:
    """A body's portrait. Raises QuankeError for a person or an unknown number."""
    store.check(body)
    if store.people.kind[body] == PERSON_CODE:
        raise QuankeError("a person has no portrait here: `quanke explain` shows a person's tags")
    day, codes = store.day_number(on), allowed_codes(purpose)
    alone = np.array([body], np.int32)
    people = people_of(store, alone, codes, day, purpose)
    kind = people.kind
    known = np.unique(people.other)
    flags = store.people.flags[known]
    pieces = {name: int(((flags & bit) != 0).sum()) for name, bit in PIECES.items()}
    paid = people.only((kind == CODES["pays_wages"]) & (store.links.months[people.rows] > 0))
    months, amount = store.links.months[paid.rows], store.links.amount[paid.rows]
    others = store.touching(alone, codes, day, purpose)
    sheet = store.body(body)
    return Portrait(
        body=body,
        day=on or store.day,
        name=str(sheet.get("name") or ""),
        kind=store.kind_of(body),
        headcount=sheet.get("headcount"),
        people_known=len(known),
        employees_known=len(np.unique(people.other[np.isin(kind, [CODES[k] for k in EMPLOYING])])),
        paid_here=len(np.unique(paid.other)),
        wages_month=int((amount // np.maximum(months, 1)).sum()),
        people_aum=int(store.people.aum[known].sum()),
        pieces=pieces,
        penetration={name: _share(count, len(known)) for name, count in pieces.items()},
        suppliers=_ends(others, "supplies", second=True)[:MOST].tolist(),
        buyers=_ends(others, "supplies", second=False)[:MOST].tolist(),
        legal_representatives=_ends(others, "legal_representative", second=True)[:MOST].tolist(),
        owners=_ends(others, "owns", second=True)[:MOST].tolist(),
        supervised_by=_ends(others, "supervises", second=True)[:MOST].tolist(),
        supervises=len(_ends(others, "supervises", second=False)),
    )


def _share(part: int, whole: int) -> Decimal | None:
    return (Decimal(part) / whole).quantize(Decimal("0.0001"), ROUND_HALF_UP) if whole else None


def _ends(found: Touching, kind: str, *, second: bool) -> NDArray[np.int32]:
    """Who stands at the other end of a kind of link whose second (or first) end is the body."""
    return np.unique(found.other[(found.kind == CODES[kind]) & (found.out != second)])


@dataclass(frozen=True, slots=True)
class Household:
    """A person's household as of the night: its number, its head, assets of all in fen, members by number."""

    household: int
    head: int
    aum: int
    members: list[int]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "size": len(self.members)}


def household(store: GraphStore, customer: int) -> Household:
    """The household of a person. Raises QuankeError for an organisation or an unknown number."""
    number = int(store.people.household[store.check(customer)])
    if number < 0:
        raise QuankeError("an organisation has no household")
    low, high = np.searchsorted(store.members[:, 0], [number, number + 1])
    members = store.members[low:high, 1] if high > low else np.array([customer], np.int32)
    aum = store.people.aum[members]
    head = int(members[int(np.argmax(aum))])
    return Household(number, head, int(aum.sum()), members.tolist())


def chains(
    store: GraphStore,
    body: int,
    *,
    purpose: Purpose = Purpose.SERVICE,
    on: dt.date | None = None,
    limit: int = MOST,
) -> pa.Table:
    """Chains G -> B -> C through a body: one row per government body and body below it.

    For a body that supervises others: a row for each of them; for any other: a row for each body above it
    (government null where there is none). Columns: government, body, since (of the supervision), people,
    full, partly, leads, leads_with_consent, converted (customers whom the chain brought), by people, most
    first, at most `limit`. Raises QuankeError for a person or an unknown number.
    """
    store.check(body)
    if store.people.kind[body] == PERSON_CODE:
        raise QuankeError("a chain runs through a business or a government body, not through a person")
    codes, day = allowed_codes(purpose), store.day_number(on)
    alone = np.array([body], np.int32)
    held = store.touching(alone, (CODES["supervises"],), day, purpose)
    below = held.only(held.out)
    if len(below.rows):
        government, bodies, rows = np.full(len(below.rows), body, np.int32), below.other, below.rows
    else:
        government, rows = held.other, held.rows
        bodies = np.full(len(rows), body, np.int32)
    if not len(rows):
        government, bodies = np.array([-1], np.int32), alone
    table = _chain_table(store, government, bodies, codes, day, purpose)
    since = pa.array(store.links.since[rows] if len(rows) else np.zeros(1, np.int32), mask=government < 0)
    table = table.add_column(2, "since", since.view(pa.date32()))
    order = np.lexsort((government, bodies, -table["people"].to_numpy()))[:limit]
    return table.take(pa.array(order))


def _chain_table(
    store: GraphStore,
    government: NDArray[np.int32],
    bodies: NDArray[np.int32],
    codes: tuple[int, ...],
    day: int,
    purpose: Purpose,
) -> pa.Table:
    """People and conversions of each (government, body)."""
    each, place = np.unique(bodies, return_inverse=True)
    people = people_of(store, each, codes, day, purpose)
    pairs = np.unique(people.near * np.int64(store.customers) + people.other)
    of, person = pairs // store.customers, pairs % store.customers
    flags = store.people.flags[person]
    state = states_of(flags)
    count = len(each)
    by_state = [np.bincount(of[state == s], minlength=count)[place] for s in range(3)]
    agreed = np.bincount(of[(state == 2) & ((flags & SHARING) != 0)], minlength=count)[place]
    won = np.flatnonzero(np.isin(store.people.won_body, each))
    won_by = store.people.won_body[won] * np.int64(store.customers + 1) + store.people.won_government[won] + 1
    key = bodies * np.int64(store.customers + 1) + government + 1
    numbers, brought = np.unique(won_by, return_counts=True)
    spot = np.minimum(np.searchsorted(numbers, key), max(0, len(numbers) - 1))
    converted = (
        np.where(numbers[spot] == key, brought[spot], 0) if len(numbers) else np.zeros(len(key), np.int64)
    )
    return pa.table(
        {
            "government": pa.array(government, mask=government < 0),
            "body": pa.array(bodies),
            "people": pa.array((by_state[0] + by_state[1] + by_state[2]).astype(np.int64)),
            "full": pa.array(by_state[0].astype(np.int64)),
            "partly": pa.array(by_state[1].astype(np.int64)),
            "leads": pa.array(by_state[2].astype(np.int64)),
            "leads_with_consent": pa.array(agreed.astype(np.int64)),
            "converted": pa.array(converted.astype(np.int64)),
        }
    )
