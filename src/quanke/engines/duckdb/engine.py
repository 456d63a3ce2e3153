"""Run definitions on DuckDB: over Arrow tables, or over files through the statements themselves."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from quanke.engines.duckdb.dialect import DuckDBDialect
from quanke.engines.metric_statements import metric_statement
from quanke.engines.statements import Sources, plan, statement
from quanke.kernel.errors import QuankeError
from quanke.language.definitions import Definition

DIALECT = DuckDBDialect()


@contextmanager
def connect(
    *, threads: int | None = None, memory: str = "", spill: Path | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A private in-memory database: no network, no extensions fetched, no progress bar.

    `memory` like "4GB"; `spill` is the folder for what does not fit (default: none, so that nothing
    of a customer's ever lands outside the home).
    """
    settings: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
    }
    if threads:
        settings["threads"] = threads
    if memory:
        settings["memory_limit"] = memory
    settings["temp_directory"] = str(spill) if spill else ""
    connection = duckdb.connect(":memory:", config=settings)
    try:
        connection.execute("SET enable_progress_bar = false")
        with without_values():
            yield connection
    finally:
        connection.close()


@contextmanager
def without_values() -> Iterator[None]:
    """DuckDB's errors without what they quote: an overflow names the very amounts that overflowed."""
    try:
        yield
    except duckdb.OutOfMemoryException:
        raise QuankeError(
            "memory ran out: give --memory more, or free space to spill into the home"
        ) from None
    except (duckdb.OutOfRangeException, duckdb.ConversionException):
        raise QuankeError("a value does not fit its type (64 bits for whole numbers and money)") from None
    except duckdb.Error as error:
        raise QuankeError(f"DuckDB could not compute this ({type(error).__name__})") from None


def evaluate(
    definitions: Sequence[Definition],
    tables: Mapping[str, pa.Table],
    as_of: dt.date,
    earlier: pa.Table | None = None,
) -> pa.Table:
    """Values of tags and checks for every customer of `tables["customers"]`.

    `tables` are arranged tables by name (absent ones count as empty where no definition reads them);
    `earlier` has `customer` and a column per earlier value. Returns `customer` and a column each.
    """
    planned = plan(definitions)
    with connect() as connection:
        for name, table in tables.items():
            connection.register(f"in_{name}", table)
        if earlier is not None:
            connection.register("in_earlier", earlier)
        sources = Sources(
            facts={name: f"in_{name}" for name in planned.tables},
            customers="in_customers",
            models="in_models" if "models" in tables else "",
            graph="in_graph" if "graph" in tables else "",
            scores="in_scores" if "scores" in tables else "",
            before="in_earlier" if earlier is not None else "",
        )
        return connection.sql(statement(planned, sources, DIALECT, as_of)).to_arrow_table()


def evaluate_metrics(
    definitions: Sequence[Definition],
    profile: pa.Table,
    as_of: dt.date,
    *,
    customers: pa.Table | None = None,
    earlier: pa.Table | None = None,
    by: Sequence[str] = (),
) -> pa.Table:
    """Values of metrics over a profile: `dimension`, `member` and a column each."""
    with connect() as connection:
        connection.register("in_profile", profile)
        if customers is not None:
            connection.register("in_customers", customers)
        if earlier is not None:
            connection.register("in_earlier", earlier)
        sql = metric_statement(
            definitions,
            "in_profile",
            "in_earlier" if earlier is not None else "",
            "in_customers",
            DIALECT,
            as_of,
            by,
        )
        return connection.sql(sql).to_arrow_table()
