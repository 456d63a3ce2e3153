"""A bank's graph made of nothing: bodies by a power law, families, referrals, transfers."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quanke.customers.graph.derive import COLUMNS, OPEN, Links
from quanke.customers.graph.kinds import CODES, PARTY_KINDS
from quanke.customers.graph.store import People

DAY = dt.date(2026, 6, 30)
NOW = (DAY - dt.date(1970, 1, 1)).days
PEOPLE_PER_BODY = 500
GOVERNMENTS = 60
SHARES = {
    # kind -> share of all links; supervision comes on top, one link for each body
    "pays_wages": 0.35,
    "property_of": 0.22,
    "family": 0.13,
    "employs": 0.08,
    "studies_at": 0.08,
    "refers": 0.05,
    "transfers": 0.05,
    "patient_of": 0.02,
    "supplies": 0.02,
}


@dataclass(frozen=True)
class Bank:
    """Links in the order of the store, and who there is. Bodies have the smallest numbers."""

    links: Links
    people: People
    bodies: int


def made(size: int, seed: int = 20_260_630) -> Bank:
    """About `size` links between as many customers."""
    draw = np.random.default_rng(seed)
    bodies = max(GOVERNMENTS * 2, size // PEOPLE_PER_BODY)
    ends = [_ends(draw, kind, round(size * share), bodies, size) for kind, share in SHARES.items()]
    ends.append(_supervision(draw, bodies))
    first, second, kind = (np.concatenate([e[n] for e in ends]) for n in range(3))
    good = first != second
    first, second, kind = first[good], second[good], kind[good]
    count = len(first)
    since = NOW - draw.integers(1, 2_500, count)
    closed = draw.random(count) < 0.1
    until = np.where(closed, since + draw.integers(1, 2_500, count), OPEN)
    order = np.lexsort((since, second, kind, first))
    arrays: dict[str, NDArray[Any]] = {
        "first": first,
        "second": second,
        "kind": kind,
        "since": since,
        "until": until,
        "strength": draw.integers(1, 13, count) / 12,
        "evidence": np.zeros(count),
        "months": np.where(kind == CODES["pays_wages"], 6, -1),
        "amount": np.where(kind == CODES["pays_wages"], 3_000_000, -1),
        "last_seen": np.full(count, -1),
    }
    links = Links(**{n: arrays[n][order].astype(of) for n, of in COLUMNS.items()}, evidences=("synthetic",))
    return Bank(links, _people(draw, size, bodies), bodies)


def _ends(
    draw: np.random.Generator, kind: str, count: int, bodies: int, customers: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    code = np.full(count, CODES[kind])
    some = draw.integers(bodies, customers, count)
    if kind in ("family", "refers", "transfers"):
        other = np.minimum(some + draw.geometric(0.3, count), customers - 1)
        return some, other, code
    if kind == "supplies":
        return draw.integers(GOVERNMENTS, bodies, count), draw.integers(GOVERNMENTS, bodies, count), code
    body = GOVERNMENTS + _by_power_law(draw, count, bodies - GOVERNMENTS)
    if kind in ("pays_wages", "employs"):
        return body, some, code
    return some, body, code


def _by_power_law(draw: np.random.Generator, count: int, bodies: int) -> NDArray[Any]:
    """Bodies in proportion to one over their rank."""
    weights = np.cumsum(1 / np.arange(1, bodies + 1))
    return np.searchsorted(weights, draw.random(count) * weights[-1])


def _supervision(draw: np.random.Generator, bodies: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    second = np.arange(GOVERNMENTS, bodies)
    return draw.integers(0, GOVERNMENTS, len(second)), second, np.full(len(second), CODES["supervises"])


def _people(draw: np.random.Generator, customers: int, bodies: int) -> People:
    kind = np.full(customers, PARTY_KINDS.index("person"), np.uint8)
    kind[:bodies] = PARTY_KINDS.index("business")
    kind[:GOVERNMENTS] = PARTY_KINDS.index("government")
    none = np.full(customers, -1, np.int32)
    return People(
        kind=kind,
        flags=draw.integers(0, 256, customers).astype(np.uint16),
        branch=none,
        aum=draw.integers(0, 50_000_000, customers),
        household=none,
        won_body=none,
        won_government=none,
    )
