"""The reach of a body: which of its people are customers, which are so only in part, which not at all."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quanke.bank.contracts import Purpose
from quanke.customers.graph.kinds import KINDS, MEMBER_CODES
from quanke.customers.graph.neighbourhood import checked_codes
from quanke.customers.graph.store import PERSON_CODE, PIECES, SHARING, GraphStore, Touching
from quanke.kernel.errors import QuankeError

STATES = ("full", "partly", "not_customer")
WANTED = ("account", "card", "mobile")
"""Pieces that make a customer a full one, unless the question says otherwise."""
PAGE = 100
_MANY = 64
"""From one person in so many customers on, a bitmap over everybody beats sorting."""


@dataclass(frozen=True, slots=True)
class Reach:
    """A body's people on a day.

    `by_kind`: kind of link, then state, then persons (one person may be linked by several kinds). `states`:
    each person once. `missing`: of the partly ones, how many lack each piece. `leads_with_consent`: of
    those who are no customers, how many have consented to sharing (PI-2: without it they may not be
    approached). `unknown`: headcount less known people, None where the headcount is not known.
    `persons`, `state`, `kinds` (bits by code), `flags`: one value per person, by number; `withheld`: persons
    left out of them because the purpose is marketing and no consent is proved.
    """

    body: int
    day: dt.date
    name: str
    kind: str
    headcount: int | None
    by_kind: dict[str, dict[str, int]]
    states: dict[str, int]
    missing: dict[str, int]
    leads_with_consent: int
    unknown: int | None
    withheld: int
    persons: NDArray[np.int32]
    state: NDArray[np.uint8]
    kinds: NDArray[np.uint16]
    flags: NDArray[np.uint16]

    @property
    def known(self) -> int:
        """People of the body that the bank knows of."""
        return sum(self.states.values())

    def people(self, state: str = "", offset: int = 0, limit: int = PAGE) -> pa.Table:
        """A page of its people: customer, state, kinds, missing, consent_proved; by number."""
        places = (
            np.arange(len(self.persons)) if not state else np.flatnonzero(self.state == STATES.index(state))
        )
        places = places[offset : offset + limit]
        flags = self.flags[places].tolist()
        kinds = self.kinds[places].tolist()
        return pa.table(
            {
                "customer": pa.array(self.persons[places]),
                "state": pa.array(STATES).take(pa.array(self.state[places])),
                "kinds": pa.array([[k.name for c, k in enumerate(KINDS) if m >> c & 1] for m in kinds],
                                  pa.list_(pa.string())),
                "missing": pa.array([[n for n, bit in PIECES.items() if not f & bit] for f in flags],
                                    pa.list_(pa.string())),
                "consent_proved": pa.array([bool(f & SHARING) for f in flags], pa.bool_()),
            }
        )  # fmt: skip

    def to_json(self, limit: int = PAGE) -> dict[str, Any]:
        """Plain data, with the first people."""
        return {
            "body": self.body,
            "name": self.name,
            "kind": self.kind,
            "on": self.day.isoformat(),
            "headcount": self.headcount,
            "known": self.known,
            "unknown": self.unknown,
            "states": self.states,
            "by_kind": self.by_kind,
            "missing": self.missing,
            "leads_with_consent": self.leads_with_consent,
            "withheld": self.withheld,
            "people": self.people(limit=limit).to_pylist(),
        }


def people_of(
    store: GraphStore, bodies: NDArray[np.int32], codes: tuple[int, ...], day: int, purpose: Purpose
) -> Touching:
    """Links by which persons are people of the bodies: `other` is the person."""
    found = store.touching(bodies, tuple(c for c in codes if c in MEMBER_CODES), day, purpose)
    member_second = np.array([kind.member == 2 for kind in KINDS])
    # a body is nobody's employee: the person has to stand at the end where members stand
    right = found.out == member_second[found.kind]
    return found.only(right & (store.people.kind[found.other] == PERSON_CODE))


def reach(
    store: GraphStore,
    body: int,
    *,
    kinds: tuple[str, ...] = (),
    purpose: Purpose = Purpose.SERVICE,
    on: dt.date | None = None,
    wanted: tuple[str, ...] = WANTED,
) -> Reach:
    """The reach of a body over links that hold on a day (default: the night's). What its people have
    here is always as of the night. Raises QuankeError for a person or an unknown number."""
    store.check(body)
    if store.people.kind[body] == PERSON_CODE:
        raise QuankeError("a person has no people of his own: name a business or a government body")
    unknown_pieces = [piece for piece in wanted if piece not in PIECES]
    if unknown_pieces:
        raise QuankeError(f"there is no piece {unknown_pieces[0][:40]!r}; there are {', '.join(PIECES)}")
    codes, day = checked_codes(purpose, kinds), store.day_number(on)
    found = people_of(store, np.array([body], np.int32), codes, day, purpose)
    persons, linked = _each_once(found.other, found.kind, store.customers)
    flags = store.people.flags[persons]
    state = states_of(flags, wanted)
    sheet = store.body(body)
    headcount = sheet.get("headcount")
    sharing = (flags & SHARING) != 0
    leads = state == 2
    hidden = leads & ~sharing if purpose is Purpose.MARKETING else np.zeros(len(persons), np.bool_)
    shown = ~hidden
    return Reach(
        body=body,
        day=on or store.day,
        name=str(sheet.get("name") or ""),
        kind=store.kind_of(body),
        headcount=headcount,
        by_kind={
            KINDS[c].name: tally(state[(linked >> c & 1) == 1])
            for c in codes
            if c in MEMBER_CODES and bool((linked >> c & 1).any())
        },
        states=tally(state),
        missing={
            piece: int(((state == 1) & ((flags & bit) == 0)).sum())
            for piece, bit in PIECES.items()
            if piece != "account"
        },
        leads_with_consent=int((leads & sharing).sum()),
        unknown=None if headcount is None else max(0, int(headcount) - len(persons)),
        withheld=int(hidden.sum()),
        persons=persons[shown],
        state=state[shown],
        kinds=linked[shown],
        flags=flags[shown],
    )


def states_of(flags: NDArray[np.uint16], wanted: tuple[str, ...] = WANTED) -> NDArray[np.uint8]:
    """Places in `STATES`: full, partly, not a customer."""
    whole = sum(PIECES[piece] for piece in {*wanted, "account"})
    state = np.ones(len(flags), np.uint8)
    state[(flags & whole) == whole] = 0
    state[(flags & PIECES["account"]) == 0] = 2
    return state


def tally(state: NDArray[np.uint8]) -> dict[str, int]:
    """How many are in each state."""
    return dict(zip(STATES, np.bincount(state, minlength=len(STATES)).tolist(), strict=True))


def _each_once(
    persons: NDArray[np.int32], kinds: NDArray[np.uint8], customers: int
) -> tuple[NDArray[np.int32], NDArray[np.uint16]]:
    """Each person once, by number, with a bit for every kind of link."""
    if len(persons) * _MANY > customers:
        linked = np.zeros(customers, np.uint16)
        for code in np.flatnonzero(np.bincount(kinds)):
            linked[persons[kinds == code]] |= np.uint16(1 << code)
        numbers = np.flatnonzero(linked != 0).astype(np.int32)
        return numbers, linked[numbers]
    numbers, place = np.unique(persons, return_inverse=True)
    found = np.zeros(len(numbers), np.uint16)
    np.bitwise_or.at(found, place, np.left_shift(np.uint16(1), kinds.astype(np.uint16)))
    return numbers, found
