"""Bringing a home up to the contracts of today: columns that did not exist when a table was loaded.

An optional field that a later contract adds is a column of nulls in a SNAPSHOT table loaded before. A bank
could not hand the same file over again (it would be skipped), so the home adds the column itself.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from quanke.bank.arranged import arranged
from quanke.bank.contracts import CONTRACTS, TableKind
from quanke.bank.home import Home
from quanke.bank.session import PARQUET
from quanke.bank.sql import literal, parquet, quoted


def bring_up(home: Home) -> list[str]:
    """Add missing columns to tables of the home; the names of tables that were changed.

    Rows keep their order, and a file is replaced by one rename: readers see the old or the new. Raises
    HomeError where something is missing and another process is writing the home.
    """
    behind = {
        name: file
        for name, contract in CONTRACTS.items()
        if contract.kind is TableKind.SNAPSHOT
        for file in home.facts(name)
        if {column.name for column in arranged(name)} - set(pq.read_schema(file).names)
    }
    if behind:
        with home.writing():
            for name, file in behind.items():
                _rewrite(name, file, home.work / f"{name}-brought-up.parquet")
    return list(behind)


def _rewrite(table: str, file: Path, beside: Path) -> None:
    there = set(pq.read_schema(file).names)
    columns = ", ".join(
        quoted(column.name) if column.name in there else f"NULL::{column.type} AS {quoted(column.name)}"
        for column in arranged(table)
    )
    with duckdb.connect() as connection:
        query = f"SELECT {columns} FROM {parquet([file])}"
        connection.execute(f"COPY ({query}) TO {literal(str(beside))} ({PARQUET})")
    beside.replace(file)
