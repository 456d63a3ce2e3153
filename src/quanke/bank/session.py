"""DuckDB as the load uses it: bounded memory, spilling inside the home, the kernel's checks as functions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import pyarrow as pa

from quanke.kernel.identifiers import columns

Connection: TypeAlias = duckdb.DuckDBPyConnection

PARQUET = (
    "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880, DICTIONARY_SIZE_LIMIT 6000, "
    "PER_THREAD_OUTPUT false"
)
"""Fixed settings of every file in a home. The small dictionary limit gives high-cardinality columns up
early, which writes a third faster and no larger."""


def _memory() -> str:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{min(5_000, total * 55 // 100_000_000)}MB"


@dataclass(frozen=True, slots=True)
class Resources:
    """What a load may take. `memory` is DuckDB's limit; the whole process stays a few hundred MB above."""

    memory: str = field(default_factory=_memory)
    threads: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))


@contextmanager
def connect(scratch: Path, resources: Resources, business_date: date | None = None) -> Iterator[Connection]:
    """A connection whose spill files are under `scratch`.

    Birth dates inside identity numbers are held against `business_date`; without one no birth date is in
    the future. (The day of the load would make the result depend on the clock.)
    """
    connection = duckdb.connect(
        config={
            "memory_limit": resources.memory,
            "threads": resources.threads,
            "temp_directory": str(scratch / "spill"),
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )
    try:
        connection.execute("SET TimeZone = 'Asia/Shanghai'")
        connection.execute("SET enable_progress_bar = false")
        for name, arguments, result, function in _functions(business_date or date(2199, 12, 31)):
            connection.create_function(
                name,
                function,
                list(arguments),
                result,
                type="arrow",  # type: ignore[call-overload]
                null_handling="special",
            )
        yield connection
    finally:
        connection.close()


def one_row(connection: Connection, query: str) -> tuple[Any, ...]:
    """The first row of `query`, which has one. (`fetchone` would keep the connection busy.)"""
    row: tuple[Any, ...] = connection.execute(query).fetchall()[0]
    return row


def arrow_batches(connection: Connection, query: str, rows: int) -> pa.RecordBatchReader:
    """The rows of `query` in batches, without holding them all."""
    relation: Any = connection.sql(query)
    reader: pa.RecordBatchReader = relation.to_arrow_reader(rows)
    return reader


def _functions(on: date) -> list[tuple[str, tuple[str, ...], str, Callable[..., Any]]]:
    """The kernel's column checks under the names SQL calls them by."""
    one, two = ("VARCHAR",), ("VARCHAR", "VARCHAR")
    return [
        (
            "valid_id_number",
            two,
            "BOOLEAN",
            lambda types, texts: pa.array(columns.valid_id_numbers(types, texts, on)),
        ),
        ("valid_mobile", one, "BOOLEAN", lambda texts: pa.array(columns.valid_mobiles(texts))),
        ("valid_uscc", one, "BOOLEAN", lambda texts: pa.array(columns.valid_usccs(texts))),
        ("match_id_number", two, "VARCHAR", columns.match_id_numbers),
        ("match_name", one, "VARCHAR", columns.match_names),
        ("match_organisation_name", one, "VARCHAR", columns.match_organisation_names),
    ]
