"""A file or a folder that is watched: lines of JSON as they are appended, CSV and Parquet files as they
arrive.

A line file (`.jsonl`, `.ndjson`) may grow; whole lines are read. A CSV or Parquet file is taken to be whole
when its name is there: write it under a name beginning with a dot, or ending in `.part` or `.tmp`, and
rename it. The table of a file is the name of its folder, or what its own name begins with; in a line file
every event may name its table. Files of other tables, and what else lies there, are left alone.

Typed files that wait together are read business date by business date, so that a bank's monthly files replay
as the days went. How far each file was read is the position.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from quanke.bank.load.rules import cell, refusal
from quanke.bank.readers.csv import stage_csv
from quanke.bank.readers.handover import column_names
from quanke.bank.readers.parquet import stage_parquet
from quanke.bank.readers.staged import Staged
from quanke.bank.session import Resources, connect
from quanke.bank.sql import parquet, quoted
from quanke.engines.live.intake.arrivals import (
    LIVE_TABLES,
    Arrivals,
    Broken,
    live_contract,
    read_messages,
    read_table,
)
from quanke.engines.live.intake.reading import Judged
from quanke.engines.live.sources import Reading
from quanke.kernel.errors import InputError, QuankeError

LINES = (".jsonl", ".ndjson")
TYPED = (".parquet", ".csv", ".csv.gz", ".zip")
_UNFINISHED = (".part", ".tmp")
_POLL = 0.02
"""Seconds between looks at the folder while nothing comes."""

DONE = -1
"""Position of a file that is read."""


@dataclass(slots=True)
class _Typed:
    """A CSV or Parquet file with the days it holds, each with its number of rows."""

    table: str
    staged: Staged
    days: list[tuple[int, int]]


class FileSource:
    """Files under a path."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = f"files:{path}"
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._typed: dict[str, _Typed] = {}
        self._at: dict[str, Any] = {}
        self._exhausted = False
        self._refused: set[str] = set()

    def open(self, position: Any) -> None:
        """Begin after what was read. Raises QuankeError where nothing is at the path."""
        if not self._path.exists():
            raise QuankeError(f"{self._path}: there is no such file or folder")
        self._at = dict(position or {})
        self._scratch = tempfile.TemporaryDirectory(prefix="quanke-files-")

    def read(self, limit: int, wait: float) -> Reading | None:
        """The next rows of the oldest day that waits, or the next lines."""
        until = time.monotonic() + wait
        while True:
            files = self._files()
            reading = self._lines(files, limit) or self._rows(files, limit)
            self._exhausted = reading is None
            if reading is not None or time.monotonic() >= until:
                return reading
            time.sleep(min(_POLL, max(0.0, until - time.monotonic())))

    def _files(self) -> list[tuple[str, Path]]:
        """Files that are not read to their end, by name."""
        paths = [self._path] if self._path.is_file() else sorted(self._path.rglob("*"))
        found = []
        for path in paths:
            name = path.name if self._path.is_file() else path.relative_to(self._path).as_posix()
            hidden = any(part.startswith(".") for part in Path(name).parts)
            if hidden or path.name.lower().endswith(_UNFINISHED) or not path.is_file():
                continue
            if self._at.get(name) != DONE and path.name.lower().endswith((*LINES, *TYPED)):
                found.append((name, path))
        return found

    # --- lines

    def _lines(self, files: list[tuple[str, Path]], limit: int) -> Reading | None:
        for name, path in files:
            if not path.name.lower().endswith(LINES):
                continue
            offset, number = self._at.get(name, [0, 0])
            if path.stat().st_size <= offset:
                continue
            messages: list[bytes] = []
            rows: list[int] = []
            with open(path, "rb") as file:
                file.seek(offset)
                while len(messages) < limit:
                    line = file.readline()
                    if not line.endswith(b"\n"):
                        break
                    offset += len(line)
                    number += 1
                    if line.strip():
                        messages.append(line)
                        rows.append(number)
            if number == self._at.get(name, [0, 0])[1]:
                continue
            self._at[name] = [offset, number]
            arrivals = read_messages(messages, name, rows, table_of(path) or "")
            return Reading(arrivals, dict(self._at))
        return None

    # --- typed files

    def _rows(self, files: list[tuple[str, Path]], limit: int) -> Reading | None:
        waiting: list[tuple[int, str]] = []
        for name, path in files:
            table = table_of(path)
            if table is None or path.name.lower().endswith(LINES) or name in self._refused:
                continue
            if name not in self._typed:
                try:
                    self._typed[name] = self._stage(name, path, table)
                except InputError:
                    self._refused.add(name)
                    raise
            typed, (place, _) = self._typed[name], self._at.get(name, [0, 0])
            if place < len(typed.days):
                waiting.append((typed.days[place][0], name))
            else:
                self._at[name] = DONE
                del self._typed[name]
        if not waiting:
            return None
        return self._slice(min(waiting)[1], limit)

    def _slice(self, name: str, limit: int) -> Reading:
        """The next rows of a file's next day."""
        typed, (place, offset) = self._typed[name], self._at.get(name, [0, 0])
        count = typed.days[place][1]
        with self._connect() as connection:
            rows = connection.sql(
                f"SELECT * FROM {parquet([self._sorted(name)])} "
                f"WHERE {quoted('#place')} = {place} ORDER BY {quoted('#at')} LIMIT {limit} OFFSET {offset}"
            ).to_arrow_table()
        raw = read_table(rows, typed.table, name, rows["#at"].combine_chunks().cast(pa.int64()))
        arrivals = Arrivals([raw])
        if place == 0 and offset == 0:
            arrivals.broken = self._broken(name, typed)
        offset += rows.num_rows
        self._at[name] = [place, offset] if offset < count else [place + 1, 0]
        if self._at[name][0] == len(typed.days):
            self._at[name] = DONE
            del self._typed[name]
        return Reading(arrivals, dict(self._at))

    def _broken(self, name: str, typed: _Typed) -> list[Broken]:
        """Records of a CSV that have more or fewer cells than the header."""
        if typed.staged.broken is None or not typed.staged.broken_rows:
            return []
        with self._connect() as connection:
            rows = connection.sql(f"FROM {parquet([typed.staged.broken])}").fetchall()
        return [Broken(name, row, record, typed.table, "", "cells") for row, record in rows]

    def _stage(self, name: str, path: Path, table: str) -> _Typed:
        """Make a file readable by days: its rows as text, in the order of days, in a scratch file."""
        contract = live_contract(table)
        if path.name.lower().endswith(".parquet"):
            staged = stage_parquet(path, name)
        else:
            known = column_names(contract)
            label = f"csv-{len(self._typed)}-{abs(hash(name))}"
            staged = stage_csv(path, name, self._folder, known, name=label)
        columns = {column.name.strip().lower(): column for column in staged.columns}
        for field in contract:
            column = columns.get(field.name)
            reason = refusal(field, column) if column is not None else ""
            if reason:
                raise InputError(reason, file=name, field=field.name)
        if "date" not in columns:
            raise InputError("the file has no such column, and it is required", file=name, field="date")
        day = cell(contract["date"], columns["date"])
        texts = ", ".join(f"{quoted(c.name)}::VARCHAR AS {quoted(c.name)}" for c in staged.columns)
        # A row without a day is read with the first one: the check says what is wrong with it.
        query = (
            f"SELECT *, dense_rank() OVER (ORDER BY coalesce({day.value}, DATE '0001-01-01')) - 1 AS "
            f"{quoted('#place')}, coalesce({day.value}, DATE '0001-01-01') AS {quoted('#day')} FROM ("
            f"SELECT {texts}, {day.raw} AS {quoted('r_date')}, {staged.row_sql} AS {quoted('#at')} "
            f"FROM {staged.relation})"
        )
        with self._connect() as connection:
            connection.execute(
                f"COPY (FROM ({query}) ORDER BY {quoted('#place')}, {quoted('#at')}) TO "
                f"'{self._sorted(name)}' (FORMAT parquet, COMPRESSION lz4_raw)"
            )
            days = connection.sql(
                f"SELECT any_value({quoted('#day')}), count(*) FROM {parquet([self._sorted(name)])} "
                f"GROUP BY {quoted('#place')} ORDER BY {quoted('#place')}"
            ).fetchall()
        return _Typed(table, staged, [(day.toordinal(), rows) for day, rows in days])

    @property
    def _folder(self) -> Path:
        assert self._scratch is not None
        return Path(self._scratch.name)

    def _sorted(self, name: str) -> Path:
        return self._folder / (name.replace("/", "-") + ".sorted.parquet")

    def _connect(self) -> Any:
        return connect(self._folder, Resources("1GB", 1))

    def acknowledge(self, reading: Reading, judged: Judged) -> None:
        """The position is the journal's. Scratch of files that are read is thrown away."""
        for name, at in reading.position.items():
            if at == DONE:
                self._sorted(name).unlink(missing_ok=True)

    @property
    def exhausted(self) -> bool:
        """Whether the last look found nothing to read."""
        return self._exhausted

    @property
    def lag(self) -> int | None:
        """Not known without reading."""
        return None

    def close(self) -> None:
        """Throw scratch files away."""
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None


def table_of(path: Path) -> str | None:
    """The live table a file holds, by its folder or its name."""
    if path.parent.name in LIVE_TABLES:
        return path.parent.name
    fitting = [name for name in LIVE_TABLES if path.name.startswith(name)]
    return max(fitting, key=len, default=None)
