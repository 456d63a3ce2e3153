"""Writing names, texts and file lists into SQL so that nothing from a file can break out of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def quoted(identifier: str) -> str:
    """`identifier` as a quoted SQL name, whatever characters it has."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """`text` as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def parquet(paths: Iterable[Path], options: str = "") -> str:
    """A `read_parquet(...)` over `paths`; folder names are never taken for columns (no Hive partitions)."""
    listed = ", ".join(literal(_plain(path)) for path in paths)
    return f"read_parquet([{listed}], hive_partitioning = false{', ' + options if options else ''})"


def _plain(path: Path) -> str:
    """DuckDB takes `*`, `?` and `[` in a path for a pattern: a class of one character each stops that."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in str(path))
