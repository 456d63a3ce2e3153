"""Nights: `nights/YYYY-MM-DD/` with a manifest, the profile in parts, and what was found.

A night is computed in `nights/.YYYY-MM-DD.working/`. Every part is written beside and renamed, so a
killed night resumes with the parts it has. If the plan (inputs, definitions, seeds) has changed in
between, the working folder is thrown away: parts of two plans are never mixed. Publishing is one
rename; after that the folder is read-only by law.

The profile is kept in *groups* of columns (what was computed together), each group in parts of
`bucket` customers, each with its `customer` numbers. Row i of a part that begins at customer c is
customer c + i: numbers are dense.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from quanke.engines.store.batches import read_batch_row
from quanke.engines.store.files import fsync_tree, write_json
from quanke.kernel.errors import NightError

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")


@dataclass(frozen=True)
class Night:
    """One published night, read-only."""

    path: Path

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What the night was made of and what it gave."""
        text = (self.path / "manifest.json").read_text(encoding="utf-8")
        manifest: dict[str, Any] = json.loads(text)
        return manifest

    @cached_property
    def day(self) -> dt.date:
        """The as-of day."""
        return dt.date.fromisoformat(self.manifest["on"])

    @property
    def rows(self) -> int:
        """How many customer numbers are given out: from 0 to rows - 1, absorbed ones among them."""
        return int(self.manifest["customers"])

    @property
    def bucket(self) -> int:
        """Customers per part."""
        return int(self.manifest["bucket"])

    @cached_property
    def absorbed(self) -> dict[int, int]:
        """Customer numbers nobody goes by, with the customer each was taken into; their rows are empty."""
        path = self.path / "absorbed.parquet"
        if not path.exists():
            return {}
        table = pq.read_table(path)
        return dict(zip(table["customer"].to_pylist(), table["into"].to_pylist(), strict=True))

    @cached_property
    def moved(self) -> dict[int, int]:
        """Records (party numbers) that were another customer than the number they were loaded with."""
        path = self.path / "moved.parquet"
        if not path.exists():
            return {}
        table = pq.read_table(path)
        return dict(zip(table["party"].to_pylist(), table["customer"].to_pylist(), strict=True))

    @property
    def customers(self) -> int:
        """How many customers there are: rows less the absorbed ones."""
        return self.rows - len(self.absorbed)

    @cached_property
    def groups(self) -> dict[str, list[str]]:
        """Column names by group."""
        groups: dict[str, list[str]] = self.manifest["groups"]
        return groups

    @cached_property
    def columns(self) -> list[str]:
        """Names of everything the profile holds, `customer` first."""
        return ["customer", *(name for names in self.groups.values() for name in names)]

    def parts(self, group: str) -> list[Path]:
        """Files of a group, in customer order."""
        return sorted((self.path / "profile").glob(f"{group}-*.parquet"))

    @property
    def profile(self) -> pa.Table:
        """The whole profile: one row per customer, one column per tag. Absorbed numbers have no row here."""
        table = self.read()
        return table.filter(pa.array(self._there)) if self.absorbed else table

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Some columns in customer order: row i is customer number i, and empty where that was absorbed.

        Raises NightError for an unknown column.
        """
        wanted = self._known(columns)
        pieces: dict[str, pa.ChunkedArray] = {}
        for group, names in self.groups.items():
            here = [n for n in names if n in wanted]
            if here:
                table = pa.concat_tables([pq.read_table(p, columns=here) for p in self.parts(group)])
                pieces.update({n: table[n] for n in here})
        pieces["customer"] = pa.chunked_array([pa.array(np.arange(self.rows, dtype=np.int32))])
        return pa.table({n: pieces[n] for n in wanted})

    def row(self, customer: int, columns: Sequence[str] | None = None) -> dict[str, Any]:
        """One customer's values: a batch per group of columns is read where the night made them
        (`quanke.engines.store.batches`), else a row group."""
        if not 0 <= customer < self.rows:
            raise NightError(f"the night of {self.day} has no customer of that number")
        wanted = self._known(columns)
        found: dict[str, Any] = {"customer": customer}
        part, offset = divmod(customer, self.bucket)
        for group, names in self.groups.items():
            here = [n for n in names if n in wanted]
            if here:
                found.update(self._row_of(self.part(group, part), offset, here))
        return {n: found[n] for n in wanted}

    def part_row(self, group: str, customer: int) -> dict[str, Any]:
        """One customer's values of a group, also of one the manifest names no columns of."""
        part, offset = divmod(customer, self.bucket)
        return self._row_of(self.part(group, part), offset)

    def part(self, group: str, number: int) -> Path:
        """The file of a group that holds some customers."""
        return self.path / "profile" / f"{group}-{number:05d}.parquet"

    def _row_of(self, path: Path, offset: int, columns: list[str] | None = None) -> dict[str, Any]:
        found = read_batch_row(self.path.parent.parent, self.path.name, path, offset, columns)
        return _read_row(path, offset, columns) if found is None else found

    @property
    def _there(self) -> NDArray[np.bool_]:
        """Whether somebody goes by each number."""
        return np.isin(np.arange(self.rows), list(self.absorbed), invert=True)

    def _known(self, columns: Sequence[str] | None) -> list[str]:
        if columns is None:
            return self.columns
        unknown = [n for n in columns if n not in self._names]
        if unknown:
            raise NightError(f"the night of {self.day} has no {unknown[0]!r}")
        return list(dict.fromkeys(columns))

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(self.columns)

    def table(self, name: str) -> pa.Table:
        """A table the night gave besides the profile: metrics, moves, migration, findings."""
        path = self.path / f"{name}.parquet"
        if not path.exists():
            raise NightError(f"the night of {self.day} has no table {name!r}")
        return pq.read_table(path)

    def sizes(self, column: str) -> dict[str, int]:
        """How many customers have each value of a column ("" for unknown)."""
        values = self.read([column])[column].combine_chunks()
        if self.absorbed:
            values = values.filter(pa.array(self._there))
        counts = pc.value_counts(values)
        return {("" if c["values"] is None else str(c["values"])): c["counts"] for c in counts.to_pylist()}


@lru_cache(maxsize=256)
def _footer(path: Path, changed: int) -> pq.FileMetaData:
    """A part's footer, kept: with hundreds of columns, reading it takes longer than the row it is for."""
    return pq.read_metadata(path)


def _read_row(path: Path, offset: int, columns: list[str] | None) -> dict[str, Any]:
    with pq.ParquetFile(path, metadata=_footer(path, path.stat().st_mtime_ns)) as file:
        for group in range(file.metadata.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if offset < rows:
                found: dict[str, Any] = (
                    file.read_row_group(group, columns=columns, use_threads=False)
                    .slice(offset, 1)
                    .to_pylist()[0]
                )
                return found
            offset -= rows
    raise NightError(f"{path.name} is shorter than its night's manifest says")


@dataclass(frozen=True)
class WorkingNight:
    """A night being computed."""

    path: Path
    target: Path

    def part(self, group: str, number: int) -> Path:
        """Where a part of the profile goes."""
        return self.path / "profile" / f"{group}-{number:05d}.parquet"

    def file(self, name: str) -> Path:
        """Where another file of the night goes."""
        return self.path / name

    def missing(self, group: str, count: int) -> list[int]:
        """Numbers of parts that are not there yet."""
        return [n for n in range(count) if not self.part(group, n).exists()]

    def publish(self, manifest: dict[str, Any], keep: Iterable[str]) -> Night:
        """Write the manifest, drop what is not to be kept, and rename into place."""
        names = {"profile", "manifest.json", *keep}
        for path in self.path.iterdir():
            if path.name not in names:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        for leftover in self.path.rglob("*.part"):
            leftover.unlink()
        write_json(self.path / "manifest.json", manifest)
        fsync_tree(self.path)
        self.path.rename(self.target)
        return Night(self.target)


class NightStore:
    """The published nights of a home."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def days(self) -> list[dt.date]:
        """Days that are published, oldest first."""
        if not self.folder.exists():
            return []
        names = [p.name for p in self.folder.iterdir() if _DAY.match(p.name) and p.is_dir()]
        return sorted(dt.date.fromisoformat(n) for n in names)

    def has(self, day: dt.date) -> bool:
        """Whether the day is published."""
        return (self.folder / day.isoformat()).is_dir()

    def open(self, day: dt.date) -> Night:
        """A published night. Raises NightError where there is none."""
        if not self.has(day):
            known = self.days()
            nearest = f"; the last one is {known[-1]}" if known else "; none is published yet"
            raise NightError(f"there is no night of {day}{nearest}")
        return Night(self.folder / day.isoformat())

    def latest(self, before: dt.date | None = None, until: dt.date | None = None) -> Night | None:
        """The last night (before a day, or until it), or None."""
        days = [d for d in self.days() if (before is None or d < before) and (until is None or d <= until)]
        return self.open(days[-1]) if days else None

    def begin(self, day: dt.date, plan: dict[str, Any]) -> WorkingNight:
        """Begin or resume a night. Parts of another plan are thrown away."""
        working = WorkingNight(self.folder / f".{day}.working", self.folder / day.isoformat())
        note = working.path / "plan.json"
        if working.path.exists():
            try:
                same = json.loads(note.read_text(encoding="utf-8")) == plan
            except (OSError, ValueError):
                same = False
            if not same:
                shutil.rmtree(working.path)
        (working.path / "profile").mkdir(parents=True, exist_ok=True)
        if not note.exists():
            write_json(note, plan)
        return working
