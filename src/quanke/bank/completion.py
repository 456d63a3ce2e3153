"""Homes loaded by an earlier version: columns their contracts have gained since are put in, empty.

An arranged SNAPSHOT table has every column of its contract, also one that was never handed over. When a
contract gains a field, the table of a home that was loaded before lacks it. Tables of events are not mended
here: a new field of theirs needs a new format of the home.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from quanke.bank.arranged import arranged
from quanke.bank.contracts import CONTRACTS, TableKind
from quanke.bank.home import Home, current_file
from quanke.bank.publication import Publication

_TYPES = {
    "VARCHAR": pa.string(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "DECIMAL(18,6)": pa.decimal128(18, 6),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
}


def incomplete(home: Home) -> list[str]:
    """SNAPSHOT tables of a home that lack a column of their contract."""
    found = []
    for name, contract in CONTRACTS.items():
        path = home.path / current_file(name)
        if contract.kind is TableKind.SNAPSHOT and path.exists():
            held = set(pq.read_schema(path).names)
            if any(column.name not in held for column in arranged(name)):
                found.append(name)
    return found


def complete(home: Home) -> None:
    """Put missing columns in, all tables at once. Only for whoever holds `home.writing()`."""
    tables = incomplete(home)
    if not tables:
        return
    publication = Publication(home.path)
    for name in tables:
        _write(name, home.path / current_file(name), publication.stage(current_file(name)))
    publication.commit()


def completed(home: Home) -> None:
    """The same for a home nobody holds; one that lacks nothing is not held either. Raises HomeError where it
    lacks something and another process writes it."""
    if incomplete(home):
        with home.writing():
            complete(home)


def _write(table: str, path: Path, target: Path) -> None:
    with pq.ParquetFile(path) as file:
        held = file.schema_arrow
        fields = [
            held.field(column.name)
            if column.name in held.names
            else pa.field(column.name, _TYPES[column.type])
            for column in arranged(table)
        ]
        schema = pa.schema(fields)
        with pq.ParquetWriter(target, schema, compression="zstd") as writer:
            for group in range(file.num_row_groups):
                rows = file.read_row_group(group)
                columns = [
                    rows[f.name] if f.name in rows.column_names else pa.nulls(rows.num_rows, f.type)
                    for f in schema
                ]
                writer.write_table(pa.table(columns, schema=schema), row_group_size=max(1, rows.num_rows))
