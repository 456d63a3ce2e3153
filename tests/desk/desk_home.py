"""A home of one's own to deliver into: a copy of what loading touches."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from quanke.bank.home import Home

LOADING = ("home.json", "find.key", "loads", "numbers", "identity", "quarantine", "tables")


def home_to_load(given: Path, path: Path) -> Path:
    """A copy of a home without its nights."""
    path.mkdir(parents=True)
    for name in LOADING:
        of = given / name
        if of.is_dir():
            shutil.copytree(of, path / name)
        elif of.exists():
            shutil.copy(of, path / name)
    return path


def rows_of(home: Path, table: str) -> list[dict[str, Any]]:
    """The rows of a table as the engines read them."""
    return [row for file in Home.open(home).facts(table) for row in pq.read_table(file).to_pylist()]
