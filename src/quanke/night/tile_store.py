"""Where tiles lie in a home: `tiles/YYYY-MM-DD/`, beside the night they were made with.

    manifest.json             the plan of the night they belong to, and the files they were made of
    00000/KEY.arrow           kept columns of a range of customers (`quanke.engines.tiles`)
    golden/00000.parquet      golden customers of a range
    moved/                    rows read under another customer than they were loaded with
    facts/TABLE/FILE          hard links to the files of facts: what a correction takes away can be taken off
    customers.npy             the customer of each record
    foreign.parquet           valued changes of foreign accounts

Tiles are no result: a night that finds none, or finds them made for another night, computes everything from
all rows and makes them. Those of the last two nights are kept.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quanke.bank.contracts import CONTRACTS, TableKind
from quanke.bank.home import Home
from quanke.engines.store import write_json
from quanke.engines.tiles import link

FORMAT = 1
NIGHTS_KEPT = 2
CUSTOMERS = "customers.npy"


@dataclass(frozen=True)
class TileFolder:
    """Tiles of one night, made or being made."""

    path: Path

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What they were made of; empty where that cannot be read."""
        try:
            found: dict[str, Any] = json.loads((self.path / "manifest.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found

    def part(self, number: int) -> Path:
        """Kept columns of a range."""
        return self.path / f"{number:05d}"

    def golden(self, number: int) -> Path:
        """Golden customers of a range."""
        return self.path / "golden" / f"{number:05d}.parquet"

    @property
    def moved(self) -> Path:
        """Moved rows."""
        return self.path / "moved"

    @property
    def foreign(self) -> Path:
        """Valued changes of foreign accounts; absent where there were none."""
        return self.path / "foreign.parquet"

    def fact(self, table: str, name: str) -> Path:
        """A file of facts."""
        return self.path / "facts" / table / name

    @cached_property
    def customers(self) -> NDArray[np.int32]:
        """The customer of each record."""
        found: NDArray[np.int32] = np.load(self.path / CUSTOMERS)
        return found

    def files(self, table: str) -> dict[str, str]:
        """Names of the files of a table with what tells two files of one name apart."""
        found: dict[str, str] = self.manifest.get("files", {}).get(table, {})
        return found


class TileStore:
    """The tiles of a home."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.folder = home.path / "tiles"

    def of(self, day: dt.date) -> TileFolder:
        """Tiles of a day, there or not."""
        return TileFolder(self.folder / day.isoformat())

    def begin(self, day: dt.date, plan: Mapping[str, Any]) -> TileFolder:
        """Begin tiles of a day or go on with them; those of another plan are thrown away."""
        working = TileFolder(self.folder / f".{day.isoformat()}.working")
        note = working.path / "plan.json"
        try:
            same = json.loads(note.read_text(encoding="utf-8")) == plan
        except (OSError, ValueError):
            same = False
        if not same:
            shutil.rmtree(working.path, ignore_errors=True)
            working.path.mkdir(parents=True)
            write_json(note, dict(plan))
        return working

    def finish(self, working: TileFolder, day: dt.date, manifest: Mapping[str, Any]) -> None:
        """Link the facts, write the manifest last, rename into place, and drop what is old."""
        for table, files in manifest["files"].items():
            for name in files:
                link(self.home.path / "tables" / table / name, working.fact(table, name))
        write_json(working.path / "manifest.json", {"format": FORMAT, **manifest})
        target = self.folder / day.isoformat()
        shutil.rmtree(target, ignore_errors=True)
        working.path.rename(target)
        for left in self.folder.glob(".*.working"):  # of a night that was killed and never run again
            shutil.rmtree(left, ignore_errors=True)
        for old in sorted(p for p in self.folder.iterdir() if not p.name.startswith("."))[:-NIGHTS_KEPT]:
            shutil.rmtree(old, ignore_errors=True)


def files_of(home: Home, table: str) -> dict[str, str]:
    """Files of a table by name, each with what it holds: the ordinal of its unit, or for a table of
    standing rows the digest of everything it was merged from."""
    book = home.book(table)
    if CONTRACTS[table].kind is TableKind.SNAPSHOT:
        told = "|".join(f"{u.ordinal}:{u.fingerprint}:{u.taken}:{u.replaced_by}" for u in book)
        return {file.name: told for file in home.facts(table)}
    ordinals = {Path(u.data).name: f"{u.ordinal}:{u.fingerprint}" for u in book if u.data}
    return {file.name: ordinals[file.name] for file in home.facts(table)}
