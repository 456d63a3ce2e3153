"""The tiles of one range of customers on disk: a file per column, linked from night to night while equal."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from quanke.engines.live.columns import Column
from quanke.engines.tiles.columns import from_arrow, lengthened, read_column, to_arrow, write_column
from quanke.language.types import Type

SUFFIX = ".arrow"


def link(source: Path, target: Path) -> None:
    """The same file under another name; a copy where the file system links none."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        beside = target.with_name(target.name + ".part")
        shutil.copyfile(source, beside)
        beside.rename(target)


class TilePart:
    """Columns of `rows` customers, read from the tiles of the night before where they are not set anew.

    `defaults` are what a customer has of whom nothing is known yet: numbers given since the night before.
    """

    def __init__(self, folder: Path, before: Path | None, rows: int) -> None:
        self.folder = folder
        self.before = before
        self.rows = rows
        self._set: dict[str, tuple[Column, Type]] = {}
        self._read: dict[str, Column] = {}

    def was_kept(self, key: str) -> bool:
        """Whether the night before kept the column."""
        return self.before is not None and (self.before / f"{key}{SUFFIX}").exists()

    def old(self, key: str, of: Type, default: Column) -> Column:
        """The column of the night before, as long as today's."""
        if key not in self._read:
            assert self.before is not None
            array = read_column(self.before / f"{key}{SUFFIX}")
            self._read[key] = lengthened(from_arrow(array, of), self.rows, default)
        return self._read[key]

    def get(self, key: str, of: Type, default: Column) -> Column:
        """The column of today."""
        return self._set[key][0] if key in self._set else self.old(key, of, default)

    def put(self, key: str, column: Column, of: Type) -> None:
        """Set a column of today."""
        self._set[key] = (column, of)

    def is_new(self, key: str) -> bool:
        """Whether the column was set."""
        return key in self._set

    def write(self, keys: Mapping[str, tuple[Type, Column]]) -> None:
        """Write the columns that were set and link the others; `keys` are all to be kept, each with its
        type and default. The folder appears whole or not at all."""
        making = self.folder.with_name(self.folder.name + ".part")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        grown = self.before is not None and self._old_rows() != self.rows
        for key, (of, default) in keys.items():
            target = making / f"{key}{SUFFIX}"
            if key in self._set:
                write_column(target, to_arrow(*self._set[key]))
            elif grown:
                write_column(target, to_arrow(self.old(key, of, default), of))
            else:
                assert self.before is not None
                link(self.before / f"{key}{SUFFIX}", target)
        shutil.rmtree(self.folder, ignore_errors=True)
        making.rename(self.folder)

    def _old_rows(self) -> int:
        """How many customers the range had in the night before."""
        assert self.before is not None
        for path in sorted(self.before.glob(f"*{SUFFIX}")):
            return len(read_column(path))
        return self.rows
