"""Rows the engine took since the night, in the order of coming: what a state is made of anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

WHOLE = 262_144
"""Rows of a piece that is never joined with others again."""


@dataclass
class Journal:
    """Rows of one table. `pieces` are sealed and named, so that snapshots can share their files; `tail` is
    what came since."""

    table: str
    pieces: list[tuple[str, pa.Table]] = field(default_factory=list)
    tail: list[pa.Table] = field(default_factory=list)
    sealed: int = 0

    def add(self, rows: pa.Table) -> None:
        """Rows that were taken."""
        if rows.num_rows:
            self.tail.append(rows)

    def __iter__(self) -> Iterator[pa.Table]:
        """All rows, piece by piece."""
        self.seal()
        return iter([rows for _, rows in self.pieces])

    def seal(self) -> None:
        """Make the tail a piece, joined with small pieces before it (so that there never are many)."""
        if not self.tail:
            return
        parts = self.tail
        rows = sum(part.num_rows for part in parts)
        while self.pieces and self.pieces[-1][1].num_rows < min(2 * rows, WHOLE):
            parts = [self.pieces.pop()[1], *parts]
            rows += parts[0].num_rows
        self.sealed += 1
        name = f"{self.table}-{self.sealed:06d}.arrow"
        self.pieces.append((name, pa.concat_tables(parts).combine_chunks()))
        self.tail = []

    def save(self, folder: Path, since: Path | None) -> list[str]:
        """Write the pieces, linking those an earlier snapshot has. Returns their names in order."""
        self.seal()
        for name, rows in self.pieces:
            before = since / name if since is not None else None
            if before is not None and before.exists():
                (folder / name).hardlink_to(before)
            else:
                with pa.OSFile(str(folder / name), "wb") as sink, pa.ipc.new_file(sink, rows.schema) as out:
                    out.write_table(rows)
        return [name for name, _ in self.pieces]

    def load(self, folder: Path, names: list[str], sealed: int) -> None:
        """Take up pieces that were saved."""
        self.sealed, self.tail = sealed, []
        self.pieces = []
        for name in names:
            with pa.memory_map(str(folder / name)) as source:
                self.pieces.append((name, pa.ipc.open_file(source).read_all()))
