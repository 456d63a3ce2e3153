"""What the graph gives each customer: the columns of the language's table `graph`.

Links that only serve the parties themselves (patients of a hospital) give no column here: whatever a tag may
read, a campaign may read through it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from quanke.bank.contracts import Purpose
from quanke.customers.graph.attribution import NEVER
from quanke.customers.graph.derive import Links
from quanke.customers.graph.households import Households
from quanke.customers.graph.kinds import CODES, EMPLOYING, KINDS
from quanke.customers.graph.store import PIECES

OPEN_MEMBERS = tuple(
    code for code, kind in enumerate(KINDS) if kind.member and kind.allows(Purpose.MARKETING)
)
"""Codes of member kinds that any purpose may see."""
_GROUP_COLUMNS = {
    "device_group_size": "shares_device",
    "address_group_size": "shares_address",
    "phone_group_size": "shares_phone",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One value per customer and whether it is known."""

    values: NDArray[Any]
    known: NDArray[np.bool_]

    def cut(self, low: int, high: int) -> pa.Array:
        """Values of some customers as Arrow: whole numbers as int64."""
        values, unknown = self.values[low:high], ~self.known[low:high]
        wide = values if values.dtype == np.bool_ else values.astype(np.int64)
        return pa.array(wide, mask=unknown)


@dataclass(frozen=True, slots=True)
class _Members:
    """Member links that hold: bodies and persons, one row per pair."""

    body: NDArray[np.int64]
    person: NDArray[np.int64]


def graph_columns(
    links: Links,
    is_person: NDArray[np.bool_],
    flags: NDArray[np.uint16],
    opened: NDArray[np.int32],
    households: Households,
    attribution: pa.Table,
    groups: dict[str, NDArray[np.int32]],
    day: int,
) -> dict[str, Column]:
    """Columns by the names of `quanke.language.graph`, as of a day (days since 1970).

    `flags` are those of `People`; `opened` is the day of the first account, NEVER for none; `attribution`
    is that of `attribute`; `groups` are sizes by kind of group.
    """
    everybody = np.ones(len(is_person), np.bool_)
    covered = (flags & PIECES["account"]) != 0
    return {
        **dict(_employers(links, is_person, covered, day)),
        "household": Column(households.household, is_person),
        "household_size": Column(households.size, is_person),
        "household_head": Column(households.head, is_person),
        "household_aum": Column(households.aum, is_person),
        **dict(_referrals(links, is_person, opened, day)),
        **dict(_bodies(links, is_person, covered, day)),
        **dict(_brought(attribution, len(is_person))),
        **{name: Column(groups[kind], everybody) for name, kind in _GROUP_COLUMNS.items()},
    }


def _pairs(links: Links, is_person: NDArray[np.bool_], codes: tuple[int, ...], day: int) -> _Members:
    """Bodies and their people over some kinds, each pair once."""
    rows = np.flatnonzero(np.isin(links.kind, codes) & (links.since <= day) & (links.until > day))
    second = np.array([kind.member == 2 for kind in KINDS])[links.kind[rows]]
    person = np.where(second, links.second[rows], links.first[rows])
    body = np.where(second, links.first[rows], links.second[rows])
    good = is_person[person] & ~is_person[body]
    count = len(is_person)
    pairs = np.sort(body[good] * np.int64(count) + person[good])
    pairs = pairs[np.flatnonzero(np.diff(pairs, prepend=-1))]
    return _Members(pairs // count, pairs % count)


def _employers(
    links: Links, is_person: NDArray[np.bool_], covered: NDArray[np.bool_], day: int
) -> Iterator[tuple[str, Column]]:
    """A person's employer: the strongest link, then the latest, then the smallest number."""
    count = len(is_person)
    codes = [CODES[kind] for kind in EMPLOYING]
    rows = np.flatnonzero(np.isin(links.kind, codes) & (links.since <= day) & (links.until > day))
    rows = rows[is_person[links.second[rows]] & ~is_person[links.first[rows]]]
    body, person = links.first[rows], links.second[rows]
    order = np.lexsort((body, -links.since[rows], -links.strength[rows], person))
    first = order[np.flatnonzero(np.diff(person[order], prepend=-1))]
    employer = np.full(count, -1, np.int32)
    employer[person[first]] = body[first]
    known = employer >= 0
    place = np.maximum(employer, 0)
    members = _pairs(links, is_person, tuple(codes), day)
    people = np.bincount(members.body, minlength=count)
    held = np.bincount(members.body[covered[members.person]], minlength=count)
    paid = np.zeros(count, np.bool_)
    paid[person[(links.kind[rows] == CODES["pays_wages"]) & (links.months[rows] > 0)]] = True
    yield "employer_number", Column(employer, known)
    yield "employer_covered", Column(covered[place], known)
    yield "employer_people_known", Column(people[place].astype(np.int32), known)
    yield "employer_people_covered", Column(held[place].astype(np.int32), known)
    yield "wages_from_body", Column(paid, is_person)


def _referrals(
    links: Links, is_person: NDArray[np.bool_], opened: NDArray[np.int32], day: int
) -> Iterator[tuple[str, Column]]:
    """Referrals count for good: each referred person once, converted if his first account came afterwards."""
    count = len(is_person)
    everybody = np.ones(count, np.bool_)
    rows = np.flatnonzero((links.kind == CODES["refers"]) & (links.since <= day))
    first, second = links.first[rows], links.second[rows]
    begins = (np.diff(first, prepend=-1) != 0) | (np.diff(second, prepend=-1) != 0)
    rows, first, second = rows[begins], first[begins], second[begins]
    converted = (opened[second] != NEVER) & (opened[second] >= links.since[rows])
    referred = np.zeros(count, np.bool_)
    referred[second] = True
    made = np.bincount(first, minlength=count).astype(np.int32)
    won = np.bincount(first[converted], minlength=count).astype(np.int32)
    yield "referrals_made", Column(made, everybody)
    yield "referrals_converted", Column(won, everybody)
    yield "referred", Column(referred, everybody)


def _bodies(
    links: Links, is_person: NDArray[np.bool_], covered: NDArray[np.bool_], day: int
) -> Iterator[tuple[str, Column]]:
    """How many bodies a person belongs to, and how many people a body has."""
    count = len(is_person)
    members = _pairs(links, is_person, OPEN_MEMBERS, day)
    linked = np.bincount(members.person, minlength=count).astype(np.int32)
    people = np.bincount(members.body, minlength=count).astype(np.int32)
    held = np.bincount(members.body[covered[members.person]], minlength=count).astype(np.int32)
    yield "bodies_linked", Column(linked, is_person)
    yield "people_known", Column(people, ~is_person)
    yield "people_covered", Column(held, ~is_person)


def _brought(attribution: pa.Table, count: int) -> Iterator[tuple[str, Column]]:
    """The body that brought a customer, and the government body above it."""
    shown = pa.array([KINDS[code].name for code in OPEN_MEMBERS])
    table = attribution.filter(pc.is_in(attribution["link"], value_set=shown))
    customer = table["customer"].to_numpy()
    body, government = np.full(count, -1, np.int32), np.full(count, -1, np.int32)
    consent = np.zeros(count, np.bool_)
    body[customer] = table["body"].to_numpy()
    government[customer] = table["government"].fill_null(-1).to_numpy()
    consent[customer] = table["consent_proved"].to_numpy()
    yield "brought_by", Column(body, body >= 0)
    yield "brought_by_government", Column(government, government >= 0)
    yield "brought_with_consent", Column(consent, body >= 0)
