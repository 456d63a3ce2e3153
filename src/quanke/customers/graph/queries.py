"""The graph of a night, as programs and the command line ask it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from quanke.bank.contracts import Purpose
from quanke.customers.graph.neighbourhood import FAN_OUT, LIMIT, Around, around, checked_codes
from quanke.customers.graph.portrait import MOST, Household, Portrait, chains, household, portrait
from quanke.customers.graph.reach import WANTED, Reach, reach
from quanke.customers.graph.store import GraphStore
from quanke.kernel.errors import QuankeError

RISK_PURPOSES = frozenset({Purpose.RISK, Purpose.COMPLIANCE})


class Graph:
    """Questions to the graph of one night: `quanke.open(home).graph().reach(209_814)`.

    Every question takes the purpose it is asked for and is given no link that the purpose may not see; `on`
    asks for the links of an earlier day (default: the night's). Customers are named by number.
    """

    def __init__(self, store: GraphStore) -> None:
        self.store = store

    @classmethod
    def open(cls, path: Path | str) -> Graph:
        """The graph in a folder. Raises NightError where there is none."""
        return cls(GraphStore.open(path))

    @property
    def day(self) -> dt.date:
        """The as-of day."""
        return self.store.day

    def reach(
        self,
        body: int,
        on: dt.date | None = None,
        *,
        kinds: tuple[str, ...] = (),
        purpose: Purpose = Purpose.SERVICE,
        wanted: tuple[str, ...] = WANTED,
    ) -> Reach:
        """A body's people: full customers, partly so, not yet."""
        return reach(self.store, body, kinds=kinds, purpose=purpose, on=on, wanted=wanted)

    def around(
        self,
        customer: int,
        depth: int = 2,
        *,
        kinds: tuple[str, ...] = (),
        purpose: Purpose = Purpose.SERVICE,
        on: dt.date | None = None,
        fan_out: int = FAN_OUT,
        limit: int = LIMIT,
    ) -> Around:
        """Everybody within `depth` links of a customer."""
        return around(
            self.store, customer, depth, kinds=kinds, purpose=purpose, on=on, fan_out=fan_out, limit=limit
        )

    def portrait(
        self, body: int, on: dt.date | None = None, *, purpose: Purpose = Purpose.SERVICE
    ) -> Portrait:
        """What the bank knows of a body as an employer and a neighbour of others."""
        return portrait(self.store, body, purpose=purpose, on=on)

    def household(self, customer: int, *, purpose: Purpose = Purpose.SERVICE) -> Household:
        """The household of a person. It stands on family links, so a purpose that may not see those is
        refused (QuankeError)."""
        checked_codes(purpose, ("family",))
        return household(self.store, customer)

    def chains(
        self,
        body: int,
        on: dt.date | None = None,
        *,
        purpose: Purpose = Purpose.SERVICE,
        limit: int = MOST,
    ) -> pa.Table:
        """Chains G -> B -> C through a body, with what they brought."""
        return chains(self.store, body, purpose=purpose, on=on, limit=limit)

    def groups(self, customer: int, *, purpose: Purpose) -> pa.Table:
        """Groups a person is in because a device, an address or a telephone is shared, with all members:
        kind, group, customer, size, huge. QuankeError unless the purpose is risk or compliance."""
        if purpose not in RISK_PURPOSES:
            raise QuankeError(
                f"shared devices, addresses and telephones serve risk and compliance, not {purpose}"
            )
        groups = self.store.groups
        mine = groups.filter(pc.equal(groups["customer"], self.store.check(customer)))
        found = [
            groups.filter(
                pc.and_(pc.equal(groups["kind"], row["kind"]), pc.equal(groups["group"], row["group"]))
            )
            for row in mine.to_pylist()
        ]
        return pa.concat_tables([groups.schema.empty_table(), *found])
