"""Who brought a customer: chains G -> B -> C that held on the day the first account was opened.

One winner per conversion: of the bodies whose person the customer was on that day, the one whose link is the
latest; of equal ones the strongest, then the smallest number. Above it, by the same rule, the government
body that supervised it. A body's contract gives leads, never customers: `consent_proved` says whether a
consent to sharing was in force on that day (domain.md PI-2, section 12).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quanke.customers.graph.derive import OPEN, OPEN_DAY, Links
from quanke.customers.graph.kinds import CODES, KINDS
from quanke.customers.graph.rules import SplitRule

NEVER = -1


@dataclass(frozen=True, slots=True)
class Consents:
    """Consents to sharing: customer, and the days since 1970 from and until (exclusive) they hold."""

    customer: NDArray[np.int32]
    since: NDArray[np.int32]
    until: NDArray[np.int32]

    def held(self, day: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Whether each customer's consent was in force on his day (one day per customer; NEVER for none)."""
        found = np.zeros(len(day), np.bool_)
        his = day[self.customer]
        found[self.customer[(his != NEVER) & (self.since <= his) & (his < self.until)]] = True
        return found


def sharing_consents(connection: duckdb.DuckDBPyConnection, consents: str, as_of: dt.date) -> Consents:
    """Consents to sharing known on a day, from the SQL relation `consents` ("" for none)."""
    nothing = np.zeros(0, np.int32)
    if not consents:
        return Consents(nothing, nothing, nothing)
    day, epoch = f"DATE '{as_of.isoformat()}'", "DATE '1970-01-01'"
    table = connection.sql(f"""
        SELECT customer, CAST(granted_on - {epoch} AS INTEGER) AS since,
               CAST(coalesce(withdrawn_on, DATE '{OPEN_DAY.isoformat()}') - {epoch} AS INTEGER) AS until
        FROM {consents} WHERE purpose = 'sharing' AND granted_on <= {day}
    """).to_arrow_table()
    return Consents(*(table[name].to_numpy() for name in ("customer", "since", "until")))


def attribute(
    links: Links,
    is_person: NDArray[np.bool_],
    opened: NDArray[np.int32],
    proved: NDArray[np.bool_],
    split: SplitRule,
) -> pa.Table:
    """One row per customer whom a body brought, by number.

    `opened`: day of the first account, days since 1970, NEVER for none; `proved`: consent to sharing on
    that day; one value per customer. Columns: customer, opened_on, link (kind), body, body_since,
    government and government_since (null without one), body_share and government_share (ten-thousandths,
    10,000 together), consent_proved.
    """
    rows, person, body = _held_members(links, is_person, opened)
    rows, person, body = _winners(links, rows, person, body)
    above, government = _governments(links, body, opened[person])
    has = above >= 0
    shares = (np.where(has, split.business, 10_000), np.where(has, split.government, 0))
    lower = np.maximum(above, 0)
    return pa.table(
        {
            "customer": pa.array(person.astype(np.int32)),
            "opened_on": pa.array(opened[person]).view(pa.date32()),
            "link": pa.array([kind.name for kind in KINDS]).take(pa.array(links.kind[rows])),
            "body": pa.array(body.astype(np.int32)),
            "body_since": pa.array(links.since[rows]).view(pa.date32()),
            "government": pa.array(government.astype(np.int32), mask=~has),
            "government_since": pa.array(
                links.since[lower] if len(links) else np.zeros(len(person), np.int32), mask=~has
            ).view(pa.date32()),
            "body_share": pa.array(shares[0].astype(np.int32)),
            "government_share": pa.array(shares[1].astype(np.int32)),
            "consent_proved": pa.array(proved[person]),
        }
    )


def _held_members(
    links: Links, is_person: NDArray[np.bool_], opened: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """Member links that held on the person's own opening day: their rows, persons and bodies."""
    member = np.array([kind.member for kind in KINDS])[links.kind]
    person = np.where(member == 2, links.second, links.first)
    body = np.where(member == 2, links.first, links.second)
    day = opened[person]
    held = (member > 0) & (day != NEVER) & (links.since <= day) & (links.until > day)
    held &= is_person[person] & ~is_person[body]
    rows = np.flatnonzero(held)
    return rows, person[rows], body[rows]


def _winners(
    links: Links, rows: NDArray[np.int64], person: NDArray[np.int32], body: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """Of each person's rows the latest; ties by strength, then number, then kind."""
    order = np.lexsort((links.kind[rows], body, -links.strength[rows], -links.since[rows], person))
    first = order[np.flatnonzero(np.diff(person[order], prepend=-1))]
    return rows[first], person[first], body[first]


def _governments(
    links: Links, body: NDArray[np.int32], day: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """For each conversion the row of the winning supervision and its government body, -1 for none."""
    rows = np.flatnonzero(links.kind == CODES["supervises"])
    order = np.lexsort((links.first[rows], -links.strength[rows], -links.since[rows], links.second[rows]))
    rows = rows[order]
    supervised = links.second[rows]
    above = np.full(len(body), -1, np.int64)
    place = np.searchsorted(supervised, body, side="left")
    last = np.searchsorted(supervised, body, side="right")
    waiting = np.flatnonzero(place < last)
    while len(waiting):
        row = rows[place[waiting]]
        held = (links.since[row] <= day[waiting]) & (links.until[row] > day[waiting])
        above[waiting[held]] = row[held]
        place[waiting] += 1
        waiting = waiting[~held]
        waiting = waiting[place[waiting] < last[waiting]]
    government = np.full(len(body), -1, np.int32)
    government[above >= 0] = links.first[above[above >= 0]]
    return above, government


__all__ = ["NEVER", "OPEN", "Consents", "attribute", "sharing_consents"]
