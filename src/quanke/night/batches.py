"""Arranged tables once more in small batches, so that one customer's rows cost one batch and not a row group.

    reading/<table>/<file>.arrow   the rows of the file in their order, `BATCH` rows a batch, compressed
    reading/<table>/<file>.npy     the first customer of each batch
    reading/<table>/<file>.json    size and time of the file they were made from, written last
    reading/profile/<day>/         the same of the night's own tables; see `quanke.engines.store.batches`

Columns of names and numbers decode at a hundred milliseconds a row group; a batch takes two. The step of a
night makes what is missing. A file that was replaced since is read itself: what stands here is never needed,
and never believed where it is not of the same file.
"""

from __future__ import annotations

import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from quanke.bank.home import Home
from quanke.engines.store import Night, write_json
from quanke.engines.store.batches import FOLDER as OF_NIGHTS
from quanke.kernel.progress import Progress

FOLDER = "reading"
BATCH = 1024
TABLES = (
    "parties",
    "organisations",
    "accounts",
    "cards",
    "holdings",
    "consents",
    "contacts",
    "ownership",
    "risk_assessments",
)
"""Tables a page of one customer asks by name; of movements it asks few columns, which row groups give."""

OF_NIGHT = (
    "findings",
    "moves",
    "plan/chosen",
    "plan/record",
    "wealth/foreign",
    "wealth/positions",
    "wealth/proposals",
    "wealth/record",
    "wealth/trades",
)
"""Tables of a night in the order of customers, of which a page of one customer asks his rows."""


def write_batches(home: Home, progress: Progress) -> int:
    """Makes what is missing for the files of a home as they are; drops what belongs to none. Answers how many
    files were made."""
    made, wanted = 0, set()
    with progress.step("reading", len(TABLES)) as step:
        for table in TABLES:
            for file in home.facts(table):
                target = _target(home, table, file)
                wanted.add(target)
                if _sheet(target) != _of(file):
                    _write(file, target)
                    made += 1
            for old in (home.path / FOLDER / table).glob("*.arrow"):
                if old not in wanted:
                    for suffix in (".json", ".npy", ".arrow"):
                        old.with_suffix(suffix).unlink(missing_ok=True)
            step.advance(1)
    return made


def write_night_batches(home: Path, day: str, folder: Path) -> None:
    """Makes what is missing for the tables of a night, `folder`, which need not be published yet."""
    for name in OF_NIGHT:
        file, target = folder / f"{name}.parquet", _of_night(home, day, name)
        if file.exists() and _sheet(target) != _of(file):
            _write(file, target)


def night_rows(night: Night, name: str, customer: int) -> pa.Table:
    """A customer's rows of a table of a night, as `plan/chosen`, in their order. Raises FileNotFoundError
    where the night has no such table."""
    file = night.path / f"{name}.parquet"
    key = np.array([customer], np.int32)
    found = _read(_of_night(night.path.parent.parent, night.path.name, name), file, key, None)
    return pq.read_table(file, filters=[("customer", "==", customer)]) if found is None else found


def _of_night(home: Path, day: str, name: str) -> Path:
    return home / OF_NIGHTS / day / f"{name.replace('/', '-')}.arrow"


def read_batches(
    home: Home, table: str, file: Path, customers: NDArray[np.int32], columns: list[str]
) -> pa.Table | None:
    """Rows of some customers (rising) of a file; null where there are no batches of that very file."""
    return _read(_target(home, table, file), file, customers, columns)


def _read(
    target: Path, file: Path, customers: NDArray[np.int32], columns: list[str] | None
) -> pa.Table | None:
    sheet = _sheet(target)
    if sheet is None or sheet != _of(file):
        return None
    first = _first(target.with_suffix(".npy"), sheet["size"], sheet["mtime"])
    with pa.memory_map(str(target)) as source:
        schema = _schema(target, sheet["size"], sheet["mtime"])
        names = [n for n in (schema.names if columns is None else columns) if n in schema.names]
        fields = [schema.get_field_index(n) for n in dict.fromkeys(["customer", *names])]
        options = pa.ipc.IpcReadOptions(included_fields=sorted(fields), use_threads=False)
        reader = pa.ipc.open_file(source, options=options)
        low = np.maximum(np.searchsorted(first, customers, side="left") - 1, 0)
        high = np.searchsorted(first, customers, side="right")
        places = sorted({n for a, b in zip(low.tolist(), high.tolist(), strict=True) for n in range(a, b)})
        found = []
        for place in places:
            batch = reader.get_batch(place)
            mine = np.isin(batch["customer"].to_numpy(), customers)
            if mine.any():
                found.append(batch.filter(pa.array(mine)))
        return pa.Table.from_batches(found, reader.schema).select(names)


def _target(home: Home, table: str, file: Path) -> Path:
    return home.path / FOLDER / table / f"{file.stem}.arrow"


def _of(file: Path) -> dict[str, Any]:
    held = file.stat()
    return {"size": held.st_size, "mtime": held.st_mtime_ns}


def _sheet(target: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(target.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found


@lru_cache(maxsize=256)
def _schema(target: Path, size: int, mtime: int) -> pa.Schema:
    with pa.memory_map(str(target)) as source:
        return pa.ipc.open_file(source).schema


@lru_cache(maxsize=256)
def _first(path: Path, size: int, mtime: int) -> NDArray[np.int32]:
    first: NDArray[np.int32] = np.load(path)
    return first


def _write(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.with_suffix(".json").unlink(missing_ok=True)
    of, first, last = _of(file), list[int](), -1
    beside = target.with_name(target.name + ".part")
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pq.ParquetFile(file) as rows, pa.OSFile(str(beside), "wb") as sink:
        with pa.ipc.new_file(sink, rows.schema_arrow, options=options) as writer:
            for batch in rows.iter_batches(BATCH):
                if batch.num_rows:
                    ends = batch["customer"].to_numpy()
                    if ends[0] < last or (np.diff(ends) < 0).any():
                        return  # not in the order of customers: it is read itself
                    last = int(ends[-1])
                    first.append(int(ends[0]))
                    writer.write_batch(batch)
        sink.flush()
    with beside.open("rb") as written:
        os.fsync(written.fileno())
    np.save(target.with_suffix(".npy"), np.array(first, np.int32))
    beside.replace(target)
    write_json(target.with_suffix(".json"), of)
