"""What a night finds besides the profile: figures, moves between tiers and stages, findings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quanke.engines.duckdb import DIALECT, connect
from quanke.engines.duckdb.relations import files_sql
from quanke.engines.metric_statements import metric_statement
from quanke.engines.store import Night
from quanke.engines.store.files import write_parquet
from quanke.language import Metric
from quanke.language.nodes import Grain, Reference, walk
from quanke.night.absorbed import absorbed_of, without_absorbed
from quanke.night.steps import WORKERS, Run, before_sql, columns_sql, working_column
from quanke.segments import DEFAULT_SCHEME
from quanke.segments.moves import moves

BY = ("tier", "stage", "branch")
"""Tags by whose values every figure is also given."""
MOVING = ("tier", "edge", "stage", "cluster")
"""Tags whose changes since the earlier night are kept per customer."""
MOVES = pa.schema(
    [
        ("customer", pa.int32()),
        ("tag", pa.string()),
        ("from", pa.string()),
        ("to", pa.string()),
        ("move", pa.string()),
        ("date", pa.date32()),
    ]
)
FINDINGS = pa.schema([("check", pa.string()), ("severity", pa.string()), ("customer", pa.int32())])
ORDER = {"tier": DEFAULT_SCHEME.names}
"""Values that have an order, lowest first: their moves are up or down."""


def write_metrics(run: Run, done: dict[str, list[str]]) -> None:
    """`metrics.parquet`: one row per metric and group (`dimension`, `member`; "" for everybody)."""
    target = run.working.file("metrics.parquet")
    if target.exists():
        return
    metrics = run.catalogue.metrics
    held = {n for names in done.values() for n in names}
    wide = run.engine.metrics(run, metrics, [n for n in BY if n in held], done)
    write_parquet(target, _long(wide, metrics))


def metrics_by_duckdb(
    run: Run, metrics: Sequence[Metric], by: Sequence[str], done: dict[str, list[str]]
) -> pa.Table:
    """All metrics in one statement over the parts: `dimension`, `member` and a column each."""
    now, before = metric_reads(metrics)
    wanted = {*now, *by}
    groups = {g: [n for n in names if n in wanted] for g, names in done.items()}
    files = {g: [run.working.part(g, p) for p in range(run.inputs.parts)] for g in groups}
    golden = files_sql([run.golden(p) for p in range(run.inputs.parts)])
    sql = metric_statement(
        metrics,
        without_absorbed(columns_sql({g: c for g, c in groups.items() if c}, files), long_absorbed(run)),
        before_sql(run.comparison, run.catalogue, before, 0, run.inputs.customers),
        golden,
        DIALECT,
        run.day,
        by,
    )
    with connect(threads=WORKERS, memory=run.memory, spill=run.working.path / "spill") as connection:
        return connection.sql(sql).to_arrow_table()


def metric_reads(metrics: Sequence[Metric]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the definitions that metrics read of tonight, and of the comparison night."""
    read = [n for d in metrics for n in _read(d)]
    now = dict.fromkeys(n.name for n in read if not n.earlier)
    before = dict.fromkeys(n.name for n in read if n.earlier)
    return tuple(now), tuple(before)


def long_absorbed(run: Run) -> Path:
    """Numbers that nobody went by in the comparison night either, as a file.

    Who was taken in since then has no value today, but what he had then belongs to the figures of then: a
    merge would be growth otherwise.
    """
    if run.comparison is None:
        return run.absorbed_file
    before = run.comparison
    long = [n for n in run.absorbed.numbers.tolist() if n >= before.rows or n in before.absorbed]
    path = run.working.file("long-absorbed.parquet")
    write_parquet(path, pa.table({"customer": pa.array(long, pa.int32())}))
    return path


def _read(definition: Metric) -> list[Reference]:
    return [n for n in walk(definition.expression) if isinstance(n, Reference) and n.grain is Grain.CUSTOMER]


def _long(wide: pa.Table, metrics: Sequence[Metric]) -> pa.Table:
    """One row per metric and group; `value` is exact text so that no kind of figure is bent."""
    rows = [
        {
            "metric": metric.name,
            "dimension": row["dimension"],
            "member": "" if row["member"] is None else row["member"],
            "kind": str(metric.result.kind),
            "unit": metric.unit,
            "value": None if row[metric.name] is None else str(row[metric.name]),
        }
        for row in wide.to_pylist()
        for metric in metrics
    ]
    rows.sort(key=lambda r: (r["metric"], r["dimension"], r["member"]))
    names = ("metric", "dimension", "member", "kind", "unit", "value")
    return pa.Table.from_pylist(rows, pa.schema([(n, pa.string()) for n in names]))


def write_moves(run: Run, done: dict[str, list[str]]) -> None:
    """`moves.parquet` (one row per customer and tag that changed) and `migration.parquet` (how many
    went from where to where)."""
    target, table = run.working.file("moves.parquet"), run.working.file("migration.parquet")
    if target.exists() and table.exists():
        return
    changed, counted = [], []
    earlier = run.earlier.path / "absorbed.parquet" if run.earlier else Path()
    absent = (absorbed_of(earlier).numbers if run.earlier else run.absorbed.numbers[:0], run.absorbed.numbers)
    for name in MOVING:
        after = _column(run, name, done)
        if after is None:
            continue
        before = _before(run.earlier, name)
        found = moves(before, after, name, ORDER.get(name, ()), absent)
        counted.append(found.migration)
        changed.append(dated(found.changed, name, run.day))
    write_parquet(table, pa.concat_tables(counted))
    write_parquet(target, pa.concat_tables(changed))


def dated(changed: pa.Table, name: str, day: dt.date) -> pa.Table:
    """Rows of `moves.parquet` for the changes of one tag."""
    count = changed.num_rows
    return pa.table(
        {
            "customer": changed["customer"],
            "tag": pa.array([name] * count, pa.string()),
            "from": changed["from"],
            "to": changed["to"],
            "move": changed["move"],
            "date": pa.array([day] * count, pa.date32()),
        }
    )


def _column(run: Run, name: str, done: dict[str, list[str]]) -> pa.ChunkedArray | None:
    group = next((g for g, names in done.items() if name in names), None)
    return None if group is None else working_column(run, group, name)


def _before(night: Night | None, name: str) -> pa.ChunkedArray | None:
    if night is None or name not in night.columns:
        return None
    return night.read([name])[name]


def write_findings(run: Run, done: dict[str, list[str]]) -> None:
    """`findings.parquet`: one row per check and customer for whom it holds."""
    target = run.working.file("findings.parquet")
    if target.exists():
        return
    tables = []
    for check in run.catalogue.checks:
        column = _column(run, check.name, done)
        if column is not None:
            tables.append(found_by(check.name, check.severity, column))
    write_parquet(target, pa.concat_tables([FINDINGS.empty_table(), *tables]))


def found_by(check: str, severity: str, column: pa.ChunkedArray, first: int = 0) -> pa.Table:
    """Rows of `findings.parquet` for one check; `column` says for whom it holds, from customer `first` on."""
    holds = pc.fill_null(column, False).to_numpy()
    who = (np.flatnonzero(holds) + first).astype(np.int32)
    return pa.table(
        {
            "check": pa.array([check] * len(who), pa.string()),
            "severity": pa.array([severity] * len(who), pa.string()),
            "customer": pa.array(who),
        }
    )
