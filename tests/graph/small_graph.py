"""Small graphs made by hand or at random, written to a store and kept as plain rows beside it."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pyarrow as pa

from quanke.bank.contracts import Purpose
from quanke.customers.graph.derive import COLUMNS, OPEN, Links
from quanke.customers.graph.kinds import BY_NAME, CODES, KINDS, PARTY_KINDS
from quanke.customers.graph.queries import Graph
from quanke.customers.graph.store import UNDER_14, People, no_bodies, no_groups, write_store

DAY = dt.date(2026, 6, 30)
NOW = (DAY - dt.date(1970, 1, 1)).days
STRENGTHS = (0.25, 0.5, 1.0)


@dataclass(frozen=True)
class Link:
    """One link of a small graph; days are counted from `DAY`, `until` None is open."""

    first: int
    second: int
    kind: str
    since: int = -100
    until: int | None = None
    strength: float = 1.0

    def held(self, days: int = 0) -> bool:
        """Whether it holds so many days from DAY."""
        return self.since <= days and (self.until is None or days < self.until)


@dataclass
class Small:
    """Who there is and what links them: `kinds`, `flags`, `aum` by customer number."""

    kinds: list[str]
    links: list[Link]
    flags: list[int] = field(default_factory=list)
    aum: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.flags = self.flags or [0] * len(self.kinds)
        self.aum = self.aum or [0] * len(self.kinds)

    def arrays(self) -> Links:
        """The links as the store takes them."""
        rows = sorted(self.links, key=lambda k: (k.first, CODES[k.kind], k.second, k.since))
        columns: dict[str, Any] = {
            "first": [k.first for k in rows],
            "second": [k.second for k in rows],
            "kind": [CODES[k.kind] for k in rows],
            "since": [NOW + k.since for k in rows],
            "until": [OPEN if k.until is None else NOW + k.until for k in rows],
            "strength": [k.strength for k in rows],
            "evidence": [0] * len(rows),
            "months": [6 if k.kind == "pays_wages" else -1 for k in rows],
            "amount": [600_00 if k.kind == "pays_wages" else -1 for k in rows],
            "last_seen": [-1] * len(rows),
        }
        return Links(**{n: np.array(columns[n], of) for n, of in COLUMNS.items()}, evidences=("declared",))

    @property
    def person(self) -> np.ndarray[Any, Any]:
        """Who is a person."""
        return np.array([k == "person" for k in self.kinds])

    def stored(self, folder: Path, **more: Any) -> Graph:
        """Written to a folder and opened again."""
        count = len(self.kinds)
        none = np.full(count, -1, np.int32)
        people = People(
            kind=np.array([PARTY_KINDS.index(k) for k in self.kinds], np.uint8),
            flags=np.array(self.flags, np.uint16),
            branch=none,
            aum=np.array(self.aum, np.int64),
            household=more.pop("household", none),
            won_body=more.pop("won_body", none),
            won_government=more.pop("won_government", none),
        )
        options: dict[str, Any] = {
            "members": np.zeros((0, 2), np.int32),
            "bodies": no_bodies(),
            "branches": (),
            "groups": no_groups(),
            **more,
        }
        write_store(folder, DAY, self.arrays(), people, **options)
        return Graph.open(folder)

    def network(self, purpose: Purpose, days: int = 0, kinds: Sequence[str] = ()) -> nx.MultiDiGraph:
        """The links that hold and may be seen, as networkx has them."""
        found = nx.MultiDiGraph()
        found.add_nodes_from(range(len(self.kinds)))
        hidden = purpose in (Purpose.MARKETING, Purpose.STATISTICS)
        for link in self.links:
            minor = (self.flags[link.first] | self.flags[link.second]) & UNDER_14
            seen = BY_NAME[link.kind].allows(purpose) and not (hidden and minor)
            if link.kind in (kinds or BY_NAME) and seen and link.held(days):
                found.add_edge(link.first, link.second, kind=link.kind, link=link)
        return found


def bodies(*rows: tuple[int, str, int | None, str]) -> pa.Table:
    """Organisations: customer, kind, headcount, name."""
    names = ("customer", "kind", "headcount", "name")
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], no_bodies().schema)


def random_small(seed: int, customers: int = 18, links: int = 60) -> Small:
    """A random graph: kinds fit their ends mostly, days lie before and after DAY, pairs repeat."""
    draw = random.Random(seed)
    kinds = [draw.choice(["person"] * 6 + ["business", "school", "government"]) for _ in range(customers)]
    found: dict[tuple[int, str, int, int], Link] = {}
    for _ in range(links):
        kind = draw.choice(KINDS)
        first, second = draw.sample(range(customers), 2)
        if kind.symmetric:
            first, second = sorted((first, second))
        since = draw.randint(-300, 0)
        until = draw.choice([None, None, since + draw.randint(1, 400)])
        link = Link(first, second, kind.name, since, until, draw.choice(STRENGTHS))
        found.setdefault((first, kind.name, second, since), link)
    flags = [draw.randrange(256) if draw.random() < 0.9 else 0 for _ in range(customers)]
    return Small(kinds, list(found.values()), flags, [draw.randrange(5) * 100 for _ in range(customers)])
