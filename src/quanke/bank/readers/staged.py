"""What a reader hands on: a Parquet file DuckDB can scan as often as it likes, and what it knows about it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import duckdb

from quanke.bank.sql import parquet, quoted
from quanke.kernel.errors import InputError

ROW = "#row"
"""The row number column of a staged CSV or database table."""

RECORD = "record"
"""The quarantine column that holds a record that could not be split into cells, as it stood in the file."""


class Kind(StrEnum):
    """What a source column holds, as far as validation must know."""

    TEXT = "text"
    INTEGER = "whole number"
    DECIMAL = "decimal number"
    FLOAT = "floating-point number"
    BOOLEAN = "true or false"
    DATE = "date"
    INSTANT = "date and time"
    ZONED = "date and time with a zone"
    NOTHING = "nothing"
    OTHER = "something else"


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """One column as the bank wrote it. `type` is DuckDB's name of its type, `scale` a decimal's places."""

    name: str
    kind: Kind
    type: str
    scale: int = 0


@dataclass(frozen=True, slots=True)
class Staged:
    """A unit that can be scanned.

    `path` is a Parquet file of `rows` rows; `row_sql` gives a row's number as the bank counts it: 1-based,
    without the header. `broken` is a Parquet file (row, record) of `broken_rows` records with a wrong number
    of cells. `notes` are remarks for the report.
    """

    file: str
    path: Path
    columns: tuple[SourceColumn, ...]
    rows: int
    row_sql: str
    broken: Path | None = None
    broken_rows: int = 0
    notes: tuple[str, ...] = ()

    @property
    def relation(self) -> str:
        """The staged rows as something to select from."""
        return parquet([self.path], "file_row_number = true" if self.row_sql != quoted(ROW) else "")


_INTEGERS = {
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "UHUGEINT",
}
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)\Z")


def source_columns(path: Path, file: str) -> tuple[SourceColumn, ...]:
    """The columns of a Parquet file, by DuckDB's types. Raises InputError if a name stands twice."""
    connection = duckdb.connect()
    try:
        rows = connection.execute(f"DESCRIBE SELECT * FROM {parquet([path])}").fetchall()
    finally:
        connection.close()
    return tuple(_source_column(name, type_) for name, type_, *_ in rows)


def _source_column(name: str, type_: str) -> SourceColumn:
    decimal = _DECIMAL.match(type_)
    if decimal:
        return SourceColumn(name, Kind.DECIMAL, type_, int(decimal[2]))
    return SourceColumn(name, _kind(type_), type_)


def _kind(type_: str) -> Kind:
    if type_ == "VARCHAR" or type_ == "UUID" or type_.startswith("ENUM("):
        return Kind.TEXT
    if type_ in _INTEGERS:
        return Kind.INTEGER
    if type_ == "TIMESTAMP WITH TIME ZONE":
        return Kind.ZONED
    if type_.startswith("TIMESTAMP"):
        return Kind.INSTANT
    simple = {
        "FLOAT": Kind.FLOAT,
        "DOUBLE": Kind.FLOAT,
        "BOOLEAN": Kind.BOOLEAN,
        "DATE": Kind.DATE,
        '"NULL"': Kind.NOTHING,
        "NULL": Kind.NOTHING,
    }
    return simple.get(type_, Kind.OTHER)


def refuse_doubles(names: list[str], file: str) -> None:
    """Raise InputError if two column names are the same but for case and blanks around them."""
    seen: set[str] = set()
    for name in names:
        plain = name.strip().lower()
        if plain and plain in seen:
            raise InputError("this column stands twice in the file", file=file, field=_shown(plain))
        seen.add(plain)


def _shown(name: str) -> str:
    """A column name fit for a message: short, and only if it looks like a name and not like data."""
    return name if re.fullmatch(r"[a-z][a-z0-9_ ]{0,60}", name) else "(one of the columns)"
