"""The way back from quarantine: refused events, mended or not, are given to the engine once more.

A mended file is a file of `live/quarantine` (Parquet, or saved as CSV) in which cells were changed; its
columns `unit`, `file` and `row` say which refused events it mends. What is right now is taken; what is
refused again stands in quarantine with its new reason. Either way it leaves the file it stood in. Repeating
does no harm: an event that was taken is told by its number.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from quanke.bank.load.quarantine import REASONS
from quanke.bank.readers.csv import stage_csv
from quanke.bank.readers.handover import column_names
from quanke.bank.readers.staged import RECORD
from quanke.engines.live.intake.arrivals import (
    LIVE_TABLES,
    Arrivals,
    live_contract,
    read_messages,
    read_table,
)
from quanke.engines.live.intake.reading import UNKNOWN_TABLE, Judged
from quanke.engines.live.running.quarantine import waiting
from quanke.engines.live.sources import Reading
from quanke.kernel.errors import InputError

_PLACE = ("unit", "file", "row")


class ReplaySource:
    """Quarantine files under a path, each given once. `quarantine` is the folder the events leave."""

    name = "replay"

    def __init__(self, path: Path, quarantine: Path) -> None:
        self._path = path
        self._quarantine = quarantine
        self._before: list[Path] = []
        self._readings: Iterator[Reading] = iter(())
        self._exhausted = False

    def open(self, position: Any) -> None:
        """Note which files wait now: what is refused again goes into new ones."""
        self._before = waiting(self._quarantine)
        self._readings = self._all()

    def read(self, limit: int, wait: float) -> Reading | None:
        """The next file."""
        reading = next(self._readings, None)
        self._exhausted = reading is None
        return reading

    def _all(self) -> Iterator[Reading]:
        paths = [self._path] if self._path.is_file() else sorted(self._path.rglob("*"))
        for path in paths:
            if path.is_file() and not path.name.startswith(".") and path.suffix in (".parquet", ".csv"):
                rows = self._rows(path)
                yield Reading(_arrivals(rows, _table_of(path)), None, rows)

    def _rows(self, path: Path) -> pa.Table:
        if path.suffix == ".parquet":
            rows = pq.read_table(path)
        else:
            known = {
                *REASONS,
                *(name for table in LIVE_TABLES for name in column_names(live_contract(table))),
            }
            with tempfile.TemporaryDirectory() as scratch:
                rows = pq.read_table(stage_csv(path, path.name, Path(scratch), known).path)
        missing = [name for name in _PLACE if name not in rows.column_names]
        if missing:
            raise InputError(f"is not a quarantine file: it has no column {missing[0]}", file=path.name)
        return rows.set_column(rows.column_names.index("row"), "row", rows["row"].cast(pa.int64()))

    def acknowledge(self, reading: Reading, judged: Judged) -> None:
        """Take the events out of the files they stood in."""
        gone = set(zip(*(reading.receipt[name].to_pylist() for name in _PLACE), strict=True))
        for path in self._before:
            if not path.exists():
                continue
            rows = pq.read_table(path)
            places = zip(*(rows[name].to_pylist() for name in _PLACE), strict=True)
            kept = pa.array([place not in gone for place in places], pa.bool_())
            if pc.any(kept).as_py():
                if not pc.all(kept).as_py():
                    beside = path.with_name(f".{path.name}")
                    pq.write_table(rows.filter(kept), beside, compression="zstd")
                    os.replace(beside, path)
            else:
                path.unlink()

    @property
    def exhausted(self) -> bool:
        """Whether all files were given."""
        return self._exhausted

    @property
    def lag(self) -> int | None:
        """Not known."""
        return None

    def close(self) -> None:
        """Give no more."""
        self._readings = iter(())


def _arrivals(rows: pa.Table, table: str) -> Arrivals:
    """The events of a quarantine file, each at the place it first stood at."""
    found = Arrivals()
    place = 0
    for file in pc.unique(rows["file"]).to_pylist():
        of_file = rows.filter(pc.equal(rows["file"], file))
        whole = of_file
        if RECORD in rows.column_names:
            broken = pc.is_valid(of_file[RECORD])
            records, whole = of_file.filter(broken), of_file.filter(pc.invert(broken))
            bodies = [record.encode() for record in records[RECORD].to_pylist()]
            read = read_messages(bodies, file, records["row"].to_pylist(), table, place)
            place += read.count
            found.raws += read.raws
            found.broken += read.broken
        if whole.num_rows and table:
            raw = read_table(whole.drop_columns(list(REASONS)), table, file, whole["row"].combine_chunks())
            found.raws.append(raw.shifted(place))
            place += whole.num_rows
    return found


def _table_of(path: Path) -> str:
    names = [path.parent.name, *(name for name in LIVE_TABLES if path.name.startswith(name))]
    table = next((name for name in names if name in LIVE_TABLES), "")
    if not table and path.parent.name != UNKNOWN_TABLE:
        raise InputError("neither its folder nor its name says which table it mends", file=path.name)
    return table
