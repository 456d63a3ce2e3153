"""What lies around a customer: a walk over links, step by step, with limits that tell what was left out."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quanke.bank.contracts import Purpose
from quanke.customers.graph.kinds import BY_NAME, PARTY_KINDS, SIDES, allowed_codes
from quanke.customers.graph.store import GraphStore, Touching
from quanke.kernel.errors import QuankeError

DEEPEST = 4
FAN_OUT = 100
LIMIT = 1_000


@dataclass(frozen=True, slots=True)
class Around:
    """What lies within `depth` links of a customer.

    `nodes`: customer, depth, side (G, B, C), kind; by depth and number. `links`: the links of all nodes
    nearer than `depth`, as `GraphStore.link_table`. `left_out`: links that were found and not followed
    because of the limits, counted at the customer where the limit struck.
    """

    customer: int
    depth: int
    nodes: pa.Table
    links: pa.Table
    left_out: int

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "customer": self.customer,
            "depth": self.depth,
            "nodes": self.nodes.to_pylist(),
            "links": self.links.to_pylist(),
            "left_out": self.left_out,
        }


def checked_codes(purpose: Purpose, kinds: tuple[str, ...]) -> tuple[int, ...]:
    """Codes of kinds a purpose may see. Raises QuankeError for an unknown kind, or one that is walled off."""
    for name in kinds:
        if name not in BY_NAME:
            raise QuankeError(f"there is no kind of link {name[:40]!r}; there are {', '.join(BY_NAME)}")
        if not BY_NAME[name].allows(purpose):
            allowed = ", ".join(sorted(BY_NAME[name].purposes))
            raise QuankeError(f"links of the kind {name} may be seen for {allowed} only, not for {purpose}")
    return allowed_codes(purpose, kinds)


def around(
    store: GraphStore,
    customer: int,
    depth: int = 2,
    *,
    kinds: tuple[str, ...] = (),
    purpose: Purpose = Purpose.SERVICE,
    on: dt.date | None = None,
    fan_out: int = FAN_OUT,
    limit: int = LIMIT,
) -> Around:
    """Everybody within `depth` links of a customer, over links that hold on a day (default: the night's).

    Of each customer at most `fan_out` links are followed, the strongest first (of equal ones: those that
    go out, then those that come in, each by kind and number). At most `limit` customers are given, of the
    farthest ones those with the strongest links.
    """
    if not 0 <= depth <= DEEPEST:
        raise QuankeError(f"a walk is 0 to {DEEPEST} links deep")
    if fan_out < 1 or limit < 1:
        raise QuankeError("the limits of a walk are at least 1")
    codes, day = checked_codes(purpose, kinds), store.day_number(on)
    frontier = np.array([store.check(customer)], np.int32)
    known, depths = [frontier], [np.zeros(1, np.int32)]
    kept, left_out = [np.zeros(0, np.int64)], 0
    for step in range(1, depth + 1):
        found = store.touching(frontier, codes, day, purpose, fan_out)
        everybody = np.concatenate(known)
        frontier = _nearest(found.only(~np.isin(found.other, everybody)), limit - len(everybody))
        there = np.isin(found.other, np.concatenate([everybody, frontier]))
        left_out += found.left + int((~there).sum())
        kept.append(found.rows[there])
        known.append(frontier)
        depths.append(np.full(len(frontier), step, np.int32))
        if not len(frontier):
            break
    rows = np.unique(np.concatenate(kept))
    nodes = _node_table(store, np.concatenate(known), np.concatenate(depths))
    return Around(customer, depth, nodes, store.link_table(rows), left_out)


def _nearest(fresh: Touching, room: int) -> NDArray[np.int32]:
    """New customers, sorted; where they are too many, those with the strongest links (ties: by number)."""
    numbers, place = np.unique(fresh.other, return_inverse=True)
    if len(numbers) <= room:
        return numbers
    strongest = np.zeros(len(numbers), np.float32)
    np.maximum.at(strongest, place, fresh.strength)
    order = np.argsort(-strongest, kind="stable")[: max(0, room)]
    return np.sort(numbers[order])


def _node_table(store: GraphStore, numbers: NDArray[np.int32], depths: NDArray[np.int32]) -> pa.Table:
    kinds = pa.array(store.people.kind[numbers])
    sides = pa.array([SIDES[name] for name in PARTY_KINDS])
    return pa.table(
        {
            "customer": pa.array(numbers),
            "depth": pa.array(depths),
            "side": sides.take(kinds),
            "kind": pa.array(PARTY_KINDS).take(kinds),
        }
    )
