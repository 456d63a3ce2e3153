"""The steps of a night, each restartable: a part that is there is not made again."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from quanke.engines.duckdb import DIALECT, connect, without_values
from quanke.engines.duckdb.relations import arrow_type, files_sql
from quanke.engines.ranks import places
from quanke.engines.statements import plan, statement
from quanke.engines.store import Night, WorkingNight
from quanke.engines.store.files import write_parquet
from quanke.kernel.errors import NightError
from quanke.kernel.progress import Progress
from quanke.language import Catalogue, Definition, Expression, Tag
from quanke.language.nodes import Column, Node, Rank, references, walk
from quanke.night.absorbed import Absorbed
from quanke.night.engine import NightEngine
from quanke.night.inputs import Inputs, write_foreign, write_golden
from quanke.night.moved import write_moved

WORKERS = 2
BY = ("tier", "stage", "branch")
ASIDE = ("ranks", "models", "graph", "scores")
"""Groups of columns that are no definitions: they stand beside the profile while it is made."""


@dataclass
class Run:
    """Everything the steps share."""

    inputs: Inputs
    catalogue: Catalogue
    day: dt.date
    working: WorkingNight
    earlier: Night | None
    comparison: Night | None
    progress: Progress
    engine: NightEngine
    memory: str = "3GB"
    seed: int = 20_260_630
    notes: list[str] = field(default_factory=list)
    tiles: dict[str, Any] = field(default_factory=dict)
    """Which way the base group was computed, for the manifest."""
    models: Mapping[str, str] = field(default_factory=dict)
    """Versions of scores that are applied, by score."""

    @property
    def absorbed_file(self) -> Path:
        """Where the night lists them."""
        return self.working.file("absorbed.parquet")

    @cached_property
    def absorbed(self) -> Absorbed:
        """Customer numbers that were taken into another customer."""
        return Absorbed(self.inputs.register.absorbed["customer"].to_numpy())

    def golden(self, part: int) -> Path:
        """Golden customers of a part."""
        return self.working.part("customers", part)


def split(catalogue: Catalogue) -> tuple[list[Definition], list[Definition]]:
    """Tags and checks that can be computed range by range, and those that need everybody (ranks),
    models, scores or the graph first, with all that stand on them."""
    base: list[Definition] = []
    derived: list[Definition] = []
    late: set[str] = set()
    for definition in (d for d in catalogue.values() if d.kind in ("tag", "check")):
        waits = any(
            isinstance(n, Rank) or (isinstance(n, Column) and n.table in ("models", "graph", "scores"))
            for n in walk(definition.expression)
        )
        if waits or any(r.name in late and not r.earlier for r in references(definition.expression)):
            late.add(definition.name)
            derived.append(definition)
        else:
            base.append(definition)
    return base, derived


def over_parts(
    run: Run, title: str, numbers: Sequence[int], make: Callable[[duckdb.DuckDBPyConnection, int], None]
) -> None:
    """Make parts with `WORKERS` threads, each with a one-threaded database of its own: the bytes do
    not depend on who came first, and both cores are busy from reading to writing."""
    local = threading.local()
    closing: list[duckdb.DuckDBPyConnection] = []

    with run.progress.step(title, len(numbers)) as step:

        def work(number: int) -> None:
            if not hasattr(local, "connection"):
                local.context = connect(threads=1, memory=run.memory, spill=run.working.path / "spill")
                local.connection = local.context.__enter__()
                # Customers stay the side that is streamed through every join, so rows come out in order.
                local.connection.execute("SET disabled_optimizers = 'build_side_probe_side'")
                closing.append(local.context)
            with without_values():
                make(local.connection, number)
            step.advance(1)

        pool = ThreadPoolExecutor(max_workers=WORKERS)
        try:
            for done in [pool.submit(work, n) for n in numbers]:
                done.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            for context in closing:
                context.__exit__(None, None, None)


def prepare(run: Run) -> None:
    """Golden customers of every part, and foreign balances in the home currency."""
    prepare_moved(run)
    missing = run.working.missing("customers", run.inputs.parts)
    fields = golden_fields(run.catalogue)
    over_parts(
        run,
        "one row per customer",
        missing,
        lambda connection, part: write_golden(run.inputs, part, fields, connection, run.golden(part)),
    )
    prepare_foreign(run)


def prepare_foreign(run: Run) -> None:
    """Balances of foreign accounts in the home currency."""
    target = run.working.file("foreign.parquet")
    done = run.working.file("foreign.done")
    if not done.exists():
        with connect(threads=WORKERS, memory=run.memory, spill=run.working.path / "spill") as connection:
            write_foreign(run.inputs, run.day.isoformat(), connection, target)
        done.touch()


def prepare_moved(run: Run) -> None:
    """Rows of records that are another customer now, and what `write_absorbed` writes."""
    register = run.inputs.register
    folder = run.working.file("moved")
    with connect(threads=WORKERS, memory=run.memory, spill=run.working.path / "spill") as connection:
        write_moved(run.inputs.home, register, folder, connection)
    write_absorbed(run)


def write_absorbed(run: Run) -> None:
    """`moved.parquet` and `absorbed.parquet`: records that are another customer now, and the numbers that
    nobody goes by any more."""
    register = run.inputs.register
    if not run.absorbed_file.exists():
        moved = register.moved
        numbers = {"party": pa.array(moved), "customer": pa.array(register.customer[moved])}
        write_parquet(run.working.file("moved.parquet"), pa.table(numbers))
        write_parquet(run.absorbed_file, register.absorbed)


def golden_fields(catalogue: Catalogue) -> frozenset[str]:
    """Fields of the golden customer that any definition reads: merging the others would double the work."""
    return frozenset(
        node.name
        for definition in catalogue.values()
        for node in walk(definition.expression)
        if isinstance(node, Column) and node.table == "customers"
    )


def profile_parts(
    run: Run,
    group: str,
    definitions: Sequence[Definition],
    done: dict[str, list[str]],
    only: Sequence[int] | None = None,
) -> None:
    """Compute definitions part by part into a group of the profile (`only` some parts). `done`: groups that
    are there, with their columns; those in ASIDE among them are read by what needs them."""
    known = [n for g, names in done.items() if g not in ASIDE for n in names]
    planned = plan(definitions, known, rank_names(run.catalogue, done.get("ranks", [])))
    foreign = run.working.file("foreign.parquet")

    def side(part: int, names: Iterable[str], among: Iterable[str]) -> str:
        wanted = set(names)
        groups = {g: [n for n in done[g] if n in wanted] for g in among if g in done}
        files = {g: [run.working.part(g, part)] for g in groups}
        return columns_sql({g: c for g, c in groups.items() if c}, files)

    def make(connection: duckdb.DuckDBPyConnection, part: int) -> None:
        sources = run.inputs.sources(
            part,
            run.golden(part),
            foreign if foreign.exists() else None,
            models=side(part, planned.columns["models"], ["models"]),
            profile=side(part, planned.columns["profile"], [g for g in done if g not in ASIDE]),
            ranks=side(part, planned.ranks.values(), ["ranks"]),
            graph=side(part, planned.columns["graph"], ["graph"]),
            scores=side(part, planned.columns["scores"], ["scores"]),
            before=before_sql(run.earlier, run.catalogue, planned.before, *run.inputs.reach(part)),
        )
        sql = statement(planned, sources, DIALECT, run.day, ordered=False)
        made = connection.sql(sql).to_arrow_table()
        low, high = run.inputs.reach(part)
        write_parquet(run.working.part(group, part), run.absorbed.emptied(by_customer(made, low, high), low))

    missing = run.working.missing(group, run.inputs.parts)
    numbers = missing if only is None else [part for part in missing if part in only]
    over_parts(run, f"{len(definitions)} tags and checks", numbers, make)


def by_customer(made: pa.Table, low: int, high: int) -> pa.Table:
    """The rows of customers `low` to `high - 1` in order; they mostly are already.

    Raises NightError if a customer is missing or stands twice.
    """
    numbers = made["customer"].to_numpy()
    wanted = np.arange(low, high)
    if np.array_equal(numbers, wanted):
        return made
    order = np.argsort(numbers, kind="stable")
    if not np.array_equal(numbers[order], wanted):
        raise NightError(f"customers {low} to {high - 1} do not have one row each")
    return made.take(pa.array(order))


def columns_sql(groups: Mapping[str, Sequence[str]], files: Mapping[str, Sequence[Path]]) -> str:
    """Columns out of several groups of parts as one relation with `customer`; empty for none."""
    sides = []
    for group, names in groups.items():
        quoted = ", ".join(f'"{n}"' for n in names)
        sides.append(f"(SELECT customer, {quoted} FROM {files_sql(files[group])})")
    if not sides:
        return ""
    joined = (
        sides[0]
        + " AS s0"
        + "".join(f" JOIN {s} AS s{i} USING (customer)" for i, s in enumerate(sides[1:], 1))
    )
    return f"(SELECT * FROM {joined})"


def before_sql(night: Night | None, catalogue: Catalogue, names: Sequence[str], low: int, high: int) -> str:
    """Values of an earlier night for customers `low <= customer < high`. What that night did not
    hold, or held as another type, is unknown."""
    if night is None or not names:
        return ""
    held: dict[str, list[str]] = {}
    for group, columns in night.groups.items():
        types = pq.read_schema(night.parts(group)[0])
        for name in columns:
            if name in names and types.field(name).type == arrow_type(catalogue[name].result):
                held.setdefault(group, []).append(name)
    files = {g: reaching(night, g, low, high) for g in held}
    inner = columns_sql(held, files) or "(SELECT NULL::INTEGER AS customer WHERE false)"
    there = {n for columns in held.values() for n in columns}
    absent = [
        f'CAST(NULL AS {DIALECT.sql_type(catalogue[n].result)}) AS "{n}"' for n in names if n not in there
    ]
    more = "".join(f", {a}" for a in absent)
    return f"(SELECT *{more} FROM {inner} WHERE customer >= {low} AND customer < {high})"


def reaching(night: Night, group: str, low: int, high: int) -> list[Path]:
    """Files of a night's group that hold customers `low` to `high - 1`."""
    parts = night.parts(group)
    first, last = low // night.bucket, max(low, high - 1) // night.bucket
    return parts[first : last + 1] or parts[-1:]


def rank_nodes(definitions: Iterable[Definition]) -> dict[Rank, str]:
    """Every place asked for, with the name of its column."""
    found: dict[Rank, str] = {}
    for definition in definitions:
        for node in walk(definition.expression):
            if isinstance(node, Rank):
                found.setdefault(node, f"rank_{len(found)}")
    return found


def rank_names(catalogue: Catalogue, there: Sequence[str]) -> dict[Rank, str]:
    """Places that have been computed."""
    return {node: name for node, name in rank_nodes(catalogue.values()).items() if name in there}


def rank_parts(run: Run, nodes: Mapping[Rank, str], done: dict[str, list[str]]) -> None:
    """Places of everybody, written part by part. What is ranked is computed by part first."""
    if not run.working.missing("ranks", run.inputs.parts):
        return
    ranked, inputs = ranked_inputs(nodes)
    profile_parts(run, "ranked", ranked, done)
    columns: dict[str, pa.Array] = {}
    with run.progress.step("places of everybody", len(nodes)) as step:
        for node, name in nodes.items():
            value, *groups = (working_column(run, "ranked", inputs[n]) for n in (node.value, *node.within))
            columns[name] = places(value, groups, descending=node.descending, parts=node.parts)
            step.advance(1)
    for part in range(run.inputs.parts):
        low, high = run.inputs.reach(part)
        numbers = pa.array(np.arange(low, high, dtype=np.int32))
        cut = {name: array.slice(low, high - low) for name, array in columns.items()}
        write_parquet(run.working.part("ranks", part), pa.table({"customer": numbers, **cut}))


def ranked_inputs(nodes: Iterable[Rank]) -> tuple[list[Tag], dict[Node, str]]:
    """What is ranked, and within what: a definition for each, and the name it bears."""
    names = {n: f"ranked_{i}" for i, n in enumerate(dict.fromkeys(_ranked(nodes)))}
    ranked = [
        Tag(name=v, title_zh="排序值", title_en="Ranked", value=Expression(n)) for n, v in names.items()
    ]
    return ranked, names


def _ranked(nodes: Iterable[Rank]) -> Iterable[Node]:
    for node in nodes:
        yield node.value
        yield from node.within


def working_column(run: Run, group: str, name: str) -> pa.ChunkedArray:
    """A computed column of the night being made, for everybody."""
    parts = [run.working.part(group, p) for p in range(run.inputs.parts)]
    return pa.concat_tables([pq.read_table(p, columns=[name]) for p in parts])[name]
