"""The search of a night: the step that writes its index, and opening it again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from quanke.bank.home import Home
from quanke.bank.keys import make_find_key, read_find_key
from quanke.customers.golden import golden_record, masked
from quanke.customers.register import Register
from quanke.engines.store import Night, fsync_tree
from quanke.kernel.errors import NightError
from quanke.night.steps import Run

if TYPE_CHECKING:
    from quanke.customers.finding import SearchIndex

FOLDER = "finding"
_WHO = ("parties", "organisations")
_TABLES = {"names": _WHO, "records": _WHO, "accounts": ("accounts",), "cards": ("cards",)}


def key_of(home: Home) -> bytes:
    """The key of a home's search; one is made where there is none. Raises HomeError where it is no key."""
    make_find_key(home.path)
    return read_find_key(home.path)


def finding_parts(run: Run) -> None:
    """The step of a night: what the search asks, from the records, accounts and cards as they are now.

    A group of files that is there is not made again; one of which nothing changed since the earlier night is
    taken from it.
    """
    from quanke.customers.finding import Makings, write_finding

    inputs, folder = run.inputs, run.working.file(FOLDER)
    digests = inputs.fingerprint()
    who = hashlib.sha256(np.ascontiguousarray(inputs.register.customer).data).hexdigest()[:16]
    makings = Makings(
        {table: inputs.files(table) for tables in _TABLES.values() for table in tables},
        inputs.register.customer,
        inputs.customers,
        key_of(inputs.home),
        {group: " ".join([*(digests[t] for t in tables), who]) for group, tables in _TABLES.items()},
    )
    earlier = run.earlier.path / FOLDER if run.earlier is not None else None
    with run.progress.step("search", len(_TABLES)) as step:
        write_finding(folder, makings, earlier, step.advance)
    fsync_tree(folder)


def open_search(night: Night, home: Home) -> SearchIndex:
    """The search of a night. Raises NightError where it was published without one, HomeError where the home's
    key is missing, open to others, or another one than the night was made with."""
    folder = night.path / FOLDER
    if not folder.is_dir():
        raise NightError(
            f"the night of {night.day} has no search, for it was published by an earlier version: compute a "
            "later night"
        )
    return _opened(folder, read_find_key(home.path))


@lru_cache(maxsize=4)
def _opened(folder: Path, key: bytes) -> SearchIndex:
    """A search stays open: its files are mapped, and a published night never changes."""
    from quanke.customers.finding import SearchIndex

    gone = pq.read_table(folder.parent / "absorbed.parquet")
    into = gone["into"].fill_null(-1).to_numpy().astype(np.int32)
    return SearchIndex(folder, key, gone["customer"].to_numpy().astype(np.int32), into)


def masked_names(home: Home, register: Register, customers: Sequence[int]) -> list[str]:
    """The names of customers as the register sees them, masked; - where nobody knows one. The tables are
    looked through once for all of them."""
    wanted = np.array(sorted(set(customers)), np.int32)
    parties = np.flatnonzero(np.isin(register.customer, wanted)).astype(np.int32)
    tables = []
    for table in ("parties", "organisations"):
        among = pc.field("party").isin(pa.array(parties))
        rows = [pq.read_table(file, filters=among) for file in home.facts(table)]
        tables.append(pa.concat_tables(rows) if rows else pa.table({"party": pa.array([], pa.int32())}))
    of = [register.customer[table["party"].to_numpy()] for table in tables]

    def name(customer: int) -> str:
        his = (t.filter(pa.array(o == customer)) for t, o in zip(tables, of, strict=True))
        return next((str(masked(f).value) for f in golden_record(*his) if f.name == "name" and f.value), "-")

    return [name(customer) for customer in customers]
