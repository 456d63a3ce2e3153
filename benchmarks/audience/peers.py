"""The same counts by DuckDB, chDB (ClickHouse embedded), Polars and NumPy, each over its own copy of the
columns in memory, with two threads, and each in the form it is quickest with: categories are enumerated,
not text."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any, Protocol

import duckdb
import pyarrow.parquet as pq

from benchmarks.audience.columns import CATEGORIES, FLAGS, TYPES, Base
from benchmarks.audience.expressions import Groups, Term, flags_of, sql_of, sql_term
from quanke.language.types import Kind

THREADS = 2
CHUNK = 65_536


class Peer(Protocol):
    """An engine that can count."""

    def count(self, groups: Groups) -> int:
        """How many customers a condition is true for."""


class InDuckDB:
    """One table in memory; `query` takes any condition in SQL."""

    def __init__(self, base: Base) -> None:
        self.connection = duckdb.connect(":memory:", config={"threads": THREADS})
        self.connection.execute("SET enable_progress_bar = false")
        given = base.table
        self.connection.register("given", given)
        for name, texts in base.texts.items():
            self.connection.execute(f"CREATE TYPE {name}_t AS ENUM ({', '.join(repr(t) for t in texts)})")
        columns = ", ".join(f"{n}::{n}_t AS {n}" if n in CATEGORIES else n for n in ("customer", *TYPES))
        self.connection.execute(f"CREATE TABLE t AS SELECT {columns} FROM given")
        self.connection.unregister("given")

    def count(self, groups: Groups) -> int:
        return self.query(sql_of(groups))

    def query(self, condition: str, relation: str = "t") -> int:
        row = self.connection.execute(f"SELECT count(*) FROM {relation} WHERE {condition}").fetchone()
        assert row is not None
        return int(row[0])


class InPolars:
    """One frame in memory."""

    def __init__(self, base: Base) -> None:
        os.environ.setdefault("POLARS_MAX_THREADS", str(THREADS))
        import polars

        self.pl: Any = polars
        frame: Any = polars.from_arrow(base.table)
        self.frame = frame.with_columns(
            **{n: polars.col(n).cast(polars.Enum(texts)) for n, texts in base.texts.items()}
        ).rechunk()

    def count(self, groups: Groups) -> int:
        whole: Any = None
        for group in groups:
            part: Any = None
            for term in group:
                part = self._term(term) if part is None else part | self._term(term)
            whole = part if whole is None else whole & part
        return int(self.frame.lazy().filter(whole).select(self.pl.len()).collect().item())

    def _term(self, term: Term) -> Any:
        column = self.pl.col(term.column)
        if term.kind == "flag":
            made = column
        elif term.kind == "one of":
            made = column == term.values[0] if len(term.values) == 1 else column.is_in(list(term.values))
        else:
            made = (column >= term.values[0]) & (column < term.values[1])
        return ~made if term.turned else made


class InNumPy:
    """Masks of 65,536 customers at a time, which stay in the cache; a chunk nobody is left of is given up."""

    def __init__(self, base: Base) -> None:
        self.base = base
        self.rows = base.table.num_rows

    def count(self, groups: Groups) -> int:
        return sum(
            int(flags_of(groups, self.base, first, min(first + CHUNK, self.rows)).sum())
            for first in range(0, self.rows, CHUNK)
        )


class InChDB:
    """A table of the Memory engine, and one of bitmaps: one for each flag and each value of a category.
    Ranges have no bitmaps of their own: those are made of the rows."""

    def __init__(self, base: Base, scratch: Path) -> None:
        from chdb import session

        self.session: Any = session.Session(str(scratch / "chdb"))
        path = scratch / "base.parquet"
        pq.write_table(base.table, path, compression="none")
        kinds = {
            Kind.BOOLEAN: "Bool",
            Kind.TEXT: "LowCardinality(String)",
            Kind.INTEGER: "Int64",
            Kind.MONEY: "Nullable(Int64)",
            Kind.DATE: "Nullable(Date32)",
        }
        columns = ", ".join(f"{n} {kinds[of.kind]}" for n, of in TYPES.items())
        self._ask("CREATE DATABASE b ENGINE = Atomic")
        self._ask(f"CREATE TABLE b.t (customer UInt32, {columns}) ENGINE = Memory")
        self._ask(f"INSERT INTO b.t SELECT customer, {', '.join(TYPES)} FROM file('{path}', Parquet)")
        path.unlink()
        self._ask(
            "CREATE TABLE b.bits (name String, value String, m AggregateFunction(groupBitmap, UInt32)) "
            "ENGINE = Memory"
        )
        self._ask("INSERT INTO b.bits SELECT 'all', '', groupBitmapState(customer) FROM b.t")
        for name in FLAGS:
            self._ask(
                f"INSERT INTO b.bits SELECT '{name}', '', groupBitmapState(customer) FROM b.t WHERE {name}"
            )
        for name in CATEGORIES:
            self._ask(
                f"INSERT INTO b.bits SELECT '{name}', {name}, groupBitmapState(customer) "
                f"FROM b.t GROUP BY {name}"
            )

    def _ask(self, sql: str) -> str:
        settings = f" SETTINGS max_threads = {THREADS}" if sql.startswith("SELECT") else ""
        return str(self.session.query(sql + settings, "CSV")).strip()

    def count(self, groups: Groups) -> int:
        return int(self._ask(f"SELECT count() FROM b.t WHERE {sql_of(groups)}"))

    def count_bitmaps(self, groups: Groups) -> int:
        """The same by bitmap functions."""
        said = [self._nested("bitmapOr", [self._bitmap(t) for t in group]) for group in groups]
        return int(self._ask(f"SELECT bitmapCardinality({self._nested('bitmapAnd', said)})"))

    def _nested(self, function: str, parts: list[str]) -> str:
        whole = parts[0]
        for part in parts[1:]:
            whole = f"{function}({whole}, {part})"
        return whole

    def _bitmap(self, term: Term) -> str:
        if term.kind == "range":
            return f"(SELECT groupBitmapState(customer) FROM b.t WHERE {sql_term(term)})"
        values = ", ".join(repr(v) for v in term.values) or "''"
        which = f"name = '{term.column}' AND value IN ({values})"
        made = f"(SELECT groupBitmapMergeState(m) FROM b.bits WHERE {which})"
        return f"bitmapAndnot((SELECT m FROM b.bits WHERE name = 'all'), {made})" if term.turned else made


def peers(base: Base, scratch: Path) -> dict[str, Any]:
    """Every peer that is installed, by name."""
    found: dict[str, Any] = {"duckdb": InDuckDB(base), "numpy": InNumPy(base)}
    if importlib.util.find_spec("polars"):
        found["polars"] = InPolars(base)
    if importlib.util.find_spec("chdb"):
        found["chdb"] = InChDB(base, scratch)
    return found
