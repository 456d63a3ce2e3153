"""What a home keeps about who is who, in its folder `identity/`.

    state.json             what the register was made of: inputs, model, counts
    model.json             the identity model: trained once, then pinned, so that old pairs keep their scores
    customers.parquet      one row per party: who it is now, and the number it was loaded with
    owners.parquet         one row per customer number: the party it belongs to
    records.parquet        one row per party: its identity fields, normalised, and a digest of them
    links.parquet          one row per pair of records that are, or may be, one customer
    queue.parquet          one row per open question, for the review queue
    events/NNNNNN.parquet  merges, splits and moves, one file per night that saw any

Numbers and events never change once they are written. `customer` by party replayed from the events gives
`customers.parquet` (tests/register holds it to that).
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from quanke.bank.home import Home
from quanke.bank.publication import Publication
from quanke.customers.register.numbers import Ints, owners

FOLDER = "identity"
EVENT_KINDS = ("merge", "split", "move")
EVENTS = pa.schema(
    [
        ("event", pa.int32()),
        ("date", pa.date32()),
        ("kind", pa.string()),
        ("customer", pa.int32()),
        ("other", pa.int32()),
        ("parties", pa.list_(pa.int32())),
        ("outcome", pa.string()),
        ("probability", pa.float64()),
        ("reason", pa.string()),
        ("decision_id", pa.string()),
    ]
)
"""One row per event: `parties` went from `other` to `customer`, because of `reason`."""

QUEUE = pa.schema(
    [
        ("question", pa.string()),
        ("since", pa.date32()),
        ("outcome", pa.string()),
        ("probability", pa.float64()),
        ("reason", pa.string()),
        ("why", pa.string()),
        ("one_party", pa.int32()),
        ("other_party", pa.int32()),
        ("one_customer", pa.int32()),
        ("other_customer", pa.int32()),
    ]
)
"""One row per pair of records that a person has to look at."""


@dataclass(frozen=True)
class Register:
    """Who is who in a home as of the last night that looked. Arrays are by party number.

    `loaded` is the customer number a record was loaded with, `customer` the customer it is now.
    """

    home: Home
    loaded: Ints
    customer: Ints
    count: int
    state: dict[str, Any]

    @property
    def fingerprint(self) -> str:
        """Digest of what it was made of; empty where no night has looked yet."""
        return str(self.state.get("fingerprint", ""))

    @cached_property
    def moved(self) -> Ints:
        """Parties whose customer is another than the number they were loaded with, rising."""
        return np.flatnonzero(self.loaded != self.customer).astype(np.int32)

    @cached_property
    def absorbed(self) -> pa.Table:
        """Numbers nobody goes by now: `customer` and `into`, the customer their own record belongs to."""
        used = np.zeros(self.count, dtype=np.bool_)
        used[self.customer] = True
        gone = np.flatnonzero(~used).astype(np.int32)
        owner = self._owners[gone]
        into = np.where(owner >= 0, self.customer[np.maximum(owner, 0)], -1).astype(np.int32)
        return pa.table({"customer": pa.array(gone), "into": pa.array(into, mask=into < 0)})

    @cached_property
    def _owners(self) -> Ints:
        known = read_kept(self.home, "owners")
        return owners(self.loaded, self.count, None if known is None else known["party"].to_numpy())

    @cached_property
    def goes_by(self) -> Ints:
        """The number under which each customer number stands today: its own, or that which took it in."""
        found = np.arange(self.count, dtype=np.int32)
        gone = self.absorbed.filter(self.absorbed["into"].is_valid())
        found[gone["customer"].to_numpy()] = gone["into"].to_numpy()
        return found

    def now(self, customer: int) -> int | None:
        """Who goes by this number or took it in; None for a number that was never given out."""
        if not 0 <= customer < self.count:
            return None
        owner = int(self._owners[customer])
        held = np.flatnonzero(self.customer == customer)
        return customer if len(held) or owner < 0 else int(self.customer[owner])

    def parties_of(self, customer: int) -> Ints:
        """Party numbers of the records that are this customer, rising."""
        return np.flatnonzero(self.customer == customer).astype(np.int32)

    @property
    def events(self) -> pa.Table:
        """All merges, splits and moves, oldest first."""
        files = sorted((self.home.path / FOLDER / "events").glob("*.parquet"))
        return pa.concat_tables([EVENTS.empty_table(), *(pq.read_table(f, schema=EVENTS) for f in files)])

    @property
    def queue(self) -> pa.Table:
        """Open questions, the most probable first."""
        path = self.home.path / FOLDER / "queue.parquet"
        return pq.read_table(path) if path.exists() else QUEUE.empty_table()

    def links_of(self, parties: Ints) -> pa.Table:
        """Links that touch any of the parties: `left`, `right` (party numbers), `outcome`, `probability`,
        `reason`, `settled`, `why`."""
        path = self.home.path / FOLDER / "links.parquet"
        if not path.exists():
            return pa.table({"left": pa.array([], pa.int32()), "right": pa.array([], pa.int32())})
        wanted = pa.array(parties)
        touching = pc.field("left").isin(wanted) | pc.field("right").isin(wanted)
        return pq.read_table(path, filters=touching)

    def as_of(self, day: dt.date) -> Ints:
        """The customer of each party as the night of `day` saw it, by replaying the events."""
        customer = self.loaded.copy()
        for event in self.events.filter(pc.field("date") <= day).to_pylist():
            customer[event["parties"]] = event["customer"]
        return customer


def register_of(home: Home) -> Register:
    """The register of a home as it stands. Records no night has looked at yet are who they were loaded as."""
    loaded = _loaded(home)
    counts = home.counts()
    path = home.path / FOLDER / "customers.parquet"
    customer = loaded.copy()
    if path.exists():
        known: Ints = pq.read_table(path, columns=["customer"])["customer"].to_numpy()
        customer[: len(known)] = known
    return Register(home, loaded, customer, counts.customers, read_state(home))


_kept: dict[tuple[tuple[str, int, int], ...], Register] = {}


def register_kept(home: Home) -> Register:
    """The same as `register_of`, kept in memory until a file it is read from is another; not to be written
    into. Two homes at most are kept."""
    files = [*home.numbers("parties"), home.path / FOLDER / "customers.parquet"]
    files += [home.path / FOLDER / "state.json", home.path / FOLDER / "owners.parquet"]
    held = ((f, f.stat()) for f in files if f.exists())
    key = tuple((str(f), s.st_mtime_ns, s.st_size) for f, s in held)
    found = _kept.get(key)
    if found is None:
        found = register_of(home)
        while len(_kept) > 1:
            _kept.pop(next(iter(_kept)), None)
        _kept[key] = found
    return found


def _loaded(home: Home) -> Ints:
    """The customer number each party was loaded with."""
    loaded = np.full(home.counts().parties, -1, dtype=np.int32)
    for file in home.numbers("parties"):
        table = pq.read_table(file, columns=["party", "customer"])
        loaded[table["party"].to_numpy()] = table["customer"].to_numpy()
    return loaded


def read_state(home: Home) -> dict[str, Any]:
    """What the register was made of; empty where no night has looked yet."""
    try:
        state: dict[str, Any] = json.loads((home.path / FOLDER / "state.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return state


def stage_table(publication: Publication, name: str, table: pa.Table) -> None:
    """Stage a table of the register; equal tables give equal bytes."""
    texts = [field.name for field in table.schema if pa.types.is_string(field.type)]
    pq.write_table(
        table,
        publication.stage(f"{FOLDER}/{name}.parquet"),
        compression="zstd",
        compression_level=1,
        row_group_size=122_880,
        use_dictionary=texts or False,
    )


def read_kept(home: Home, name: str) -> pa.Table | None:
    """A table of the register, None where it was never written."""
    path: Path = home.path / FOLDER / f"{name}.parquet"
    return pq.read_table(path) if path.exists() else None
