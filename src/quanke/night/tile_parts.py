"""What a part held in the night before, as carrying reads it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from quanke.engines.duckdb.relations import arrow_type
from quanke.engines.store import Night
from quanke.language import Catalogue


class GoldenPart:
    """Fields of the golden customers of a part."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def _table(self) -> pa.Table:
        return pq.read_table(self.path)

    def read(self, name: str) -> pa.ChunkedArray:
        """A field for the part's customers in order."""
        return self._table[name]


class NightPart:
    """Columns of definitions of one part of a night; of what it did not hold, or held as another type,
    nulls. `whole`: nearly all columns will be asked for, so files are read in one go."""

    def __init__(self, files: Mapping[Path, Sequence[str]], catalogue: Catalogue, whole: bool) -> None:
        self.files, self.catalogue, self.whole = files, catalogue, whole

    @classmethod
    def of_night(cls, night: Night | None, part: int, catalogue: Catalogue, whole: bool) -> NightPart:
        """The part of a night."""
        assert night is not None
        found = {}
        for group, names in night.groups.items():
            parts = night.parts(group)
            if part < len(parts):
                found[parts[part]] = names
        return cls(found, catalogue, whole)

    @cached_property
    def _tables(self) -> dict[tuple[Path, str], pa.Table]:
        return {}

    def read(self, name: str) -> pa.ChunkedArray:
        """A column."""
        wanted = arrow_type(self.catalogue[name].result)
        for path, names in self.files.items():
            if name in names:
                key = path, "" if self.whole else name
                if key not in self._tables:
                    columns = None if self.whole else [name]
                    self._tables[key] = pq.read_table(path, columns=columns, use_threads=False)
                found = self._tables[key][name]
                return found if found.type == wanted else pa.chunked_array([pa.nulls(len(found), wanted)])
        return pa.chunked_array([pa.nulls(0, wanted)])


def moved_accounts(folder: Path) -> pa.Table:
    """Accounts read under another number (`account`, `customer`), as a folder of moved rows lists them."""
    path = folder / "accounts.parquet"
    if path.exists():
        return pq.read_table(path)
    return pa.table({"account": pa.array([], pa.int32()), "customer": pa.array([], pa.int32())})


def told_definitions(night: Night) -> Iterable[dict[str, Any]]:
    """The definitions of a night, as its catalogue tells them."""
    text = (night.path / "catalogue.json").read_text(encoding="utf-8")
    found: list[dict[str, Any]] = json.loads(text)
    return found
