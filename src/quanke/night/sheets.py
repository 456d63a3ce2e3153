"""Tags as of past days, for a sample of customers: what scores are learned from.

Every table is read as it was known on the day: rows that came later are not there, and days that had not come
are unknown (`quanke.plans.scores.honest`). Nothing that happened afterwards can find its way into a sheet,
whatever a definition asks.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from quanke.bank.contracts import CONTRACTS, TableKind
from quanke.bank.home import Home
from quanke.engines.duckdb import DIALECT, connect
from quanke.engines.duckdb.relations import files_sql
from quanke.engines.statements import Sources, plan, statement
from quanke.engines.store import WorkingNight
from quanke.engines.store.files import write_parquet
from quanke.kernel.progress import Progress
from quanke.language import Catalogue
from quanke.language.facts import table_of
from quanke.night.inputs import inputs_of, write_foreign, write_golden
from quanke.night.on_duckdb import OnDuckDB
from quanke.night.steps import Run, by_customer, golden_fields, over_parts, prepare_moved
from quanke.plans.scores.honest import KEPT, History

RANGE = 16_384
"""Customers of one range of the sample."""


@dataclass
class Sheets:
    """Sheets of one home. `sample`: about so many customers, in ranges evenly over all numbers; `scratch` is
    a folder inside the home that goes when the work is done."""

    home: Home
    catalogue: Catalogue
    scratch: Path
    progress: Progress
    sample: int
    seed: int
    memory: str = "2GB"
    _before: dict[dt.date, Path] = field(default_factory=dict)

    @cached_property
    def run(self) -> Run:
        """What the steps of a night need, of no night."""
        working = WorkingNight(self.scratch, self.scratch)
        inputs = replace(inputs_of(self.home, RANGE), moved=working.file("moved"))
        made = Run(
            inputs, self.catalogue, dt.date.min, working, None, None, self.progress, OnDuckDB(), self.memory
        )
        prepare_moved(made)
        return made

    @cached_property
    def ranges(self) -> list[int]:
        """Numbers of the ranges in the sample, rising."""
        there = self.run.inputs.parts
        wanted = min(there, max(1, -(-self.sample // RANGE)))
        first = np.random.default_rng(self.seed).integers(there)
        return sorted({int((first + i * there // wanted) % there) for i in range(wanted)})

    @cached_property
    def reach(self) -> Mapping[str, tuple[dt.date, dt.date]]:
        """First and last day of each table of events or balances that has rows."""
        found = {}
        with connect(threads=2, memory=self.memory) as connection:
            for name, contract in CONTRACTS.items():
                files = self.run.inputs.files(name)
                if contract.kind is TableKind.SNAPSHOT or name not in KEPT or not files:
                    continue
                day = table_of(name).date
                row = connection.execute(f"SELECT min({day}), max({day}) FROM {files_sql(files)}").fetchone()
                if row and row[0] is not None:
                    found[name] = (row[0], row[1])
        return found

    def of(self, day: dt.date, names: Sequence[str], before: dt.date | None = None) -> pa.Table:
        """`customer` and the named definitions as of a day, for everybody in the sample, in order; absorbed
        numbers have no values. `before`: the day of an earlier sheet that `earlier(x)` speaks of."""
        names = list(dict.fromkeys(names))
        needed = self.catalogue.needed(names)
        planned = plan(needed)
        fields = golden_fields(self.catalogue)
        foreign = self._foreign(day)
        earlier = files_sql([self._before[before]]) if before is not None else ""
        made: dict[int, pa.Table] = {}

        def one(connection: duckdb.DuckDBPyConnection, number: int) -> None:
            inputs, (low, high) = self.run.inputs, self.run.inputs.reach(number)
            golden = self.scratch / f"golden-{number}.parquet"
            if not golden.exists():
                write_golden(inputs, number, fields, connection, golden)
            sources = _known(inputs.sources(number, golden, foreign, before=earlier), day)
            sql = statement(planned, sources, DIALECT, day, only=names, ordered=False)
            found = by_customer(connection.sql(sql).to_arrow_table(), low, high)
            made[number] = self.run.absorbed.emptied(found, low)

        over_parts(self.run, f"customers as of {day}", self.ranges, one)
        return pa.concat_tables([made[number] for number in self.ranges])

    def keep(self, day: dt.date, sheet: pa.Table, names: Sequence[str]) -> None:
        """Keep columns of a sheet for later ones to look back at."""
        path = self.scratch / f"before-{day}.parquet"
        write_parquet(path, sheet.select(["customer", *names]))
        self._before[day] = path

    def _foreign(self, day: dt.date) -> Path | None:
        target, done = self.scratch / f"foreign-{day}.parquet", self.scratch / f"foreign-{day}.done"
        if not done.exists():
            with connect(threads=2, memory=self.memory, spill=self.scratch / "spill") as connection:
                write_foreign(self.run.inputs, day.isoformat(), connection, target)
            done.touch()
        return target if target.exists() else None


@contextmanager
def scratch_in(folder: Path) -> Iterator[Path]:
    """A folder for sheets, gone afterwards; what a killed process of this machine left there goes as well."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(".sheets-*"):
        if not _alive(old.name.removeprefix(".sheets-")):
            shutil.rmtree(old, ignore_errors=True)
    scratch = folder / f".sheets-{os.getpid()}"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def _known(sources: Sources, day: dt.date) -> Sources:
    """The same relations as they were known on a day."""
    facts = {table: as_known(table, sql, day) for table, sql in sources.facts.items()}
    return replace(sources, facts=facts, customers=as_known("customers", sources.customers, day))


def as_known(table: str, relation: str, day: dt.date) -> str:
    """SQL of a table as it was known on a day: without rows of later days, with days to come unknown. Of a
    table whose past nobody knows, no row."""
    history = KEPT.get(table, History())
    if not history.fixed:
        return f"(SELECT * FROM {relation} WHERE false)"
    until = f"DATE '{day.isoformat()}'"
    masked = ", ".join(f"CASE WHEN {f} <= {until} THEN {f} END AS {f}" for f in sorted(history.dated))
    columns = f"* REPLACE ({masked})" if masked else "*"
    own = table_of(table).date
    where = f" WHERE {own} <= {until}" if own else ""
    return f"(SELECT {columns} FROM {relation}{where})"


def products_of(home: Home) -> dict[str, float]:
    """Mean annual margin of the products of each category, as far as the bank states it."""
    files = home.facts("products")
    if not files:
        return {}
    table = pa.concat_tables([pq.read_table(f, columns=["category", "margin"]) for f in files])
    found: dict[str, list[float]] = {}
    for row in table.to_pylist():
        if row["category"] is not None and row["margin"] is not None:
            found.setdefault(row["category"], []).append(float(row["margin"]))
    return {category: sum(margins) / len(margins) for category, margins in sorted(found.items())}
