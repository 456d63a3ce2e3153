"""Groups of customers cut out of a published night by an expression: counted, listed, exported."""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from quanke.bank.contracts import Purpose, Sensitivity
from quanke.bank.home import Home
from quanke.engines.duckdb import DIALECT, connect
from quanke.engines.statements import lower
from quanke.engines.store import Night
from quanke.kernel.errors import AudienceError, NightError
from quanke.kernel.money import format_amount
from quanke.language import Catalogue, Expression
from quanke.language.audience import parse_audience
from quanke.language.nodes import Node, Reference, references, walk
from quanke.night.absorbed import without_absorbed
from quanke.night.steps import columns_sql

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def compile_audience(
    text: str, catalogue: Catalogue, night: Night, home: Home, purpose: Purpose = Purpose.SERVICE
) -> Expression:
    """Parse an audience and make sure the night holds what it reads. Raises AudienceError."""
    expression = parse_audience(text, catalogue, currency=home.currency, purpose=purpose)
    for node in walk(expression.node):
        name = getattr(node, "name", "")
        if name and (not isinstance(node, Reference) or name not in night.columns):
            raise AudienceError(
                text, max(1, text.find(name) + 1), f"the night of {night.day} has no {name!r}"
            )
    return expression


def _relation(night: Night, names: Sequence[str]) -> str:
    groups = {g: [n for n in held if n in names] for g, held in night.groups.items()}
    groups = {g: held for g, held in groups.items() if held}
    if not groups:
        first = next(iter(night.groups))
        groups = {first: night.groups[first][:1]}
    relation = columns_sql(groups, {g: night.parts(g) for g in groups})
    return without_absorbed(relation, night.path / "absorbed.parquet")


def _condition(expression: Expression, night: Night) -> str:
    def name(node: Node) -> str:
        assert isinstance(node, Reference), node
        return DIALECT.quote(node.name)

    return lower(expression.node, DIALECT, night.day, name)


def count_audience(expression: Expression, night: Night) -> int:
    """How many customers the expression is true for."""
    names = [r.name for r in references(expression.node)]
    sql = f"SELECT count(*) FROM {_relation(night, names)} WHERE {_condition(expression, night)}"
    with connect() as connection:
        row = connection.execute(sql).fetchone()
    assert row is not None
    return int(row[0])


def select_audience(expression: Expression, night: Night, columns: Sequence[str] = ()) -> pa.Table:
    """Customers the expression is true for, in order, with some of their tags."""
    unknown = [c for c in columns if c not in night.columns]
    if unknown:
        raise NightError(f"the night of {night.day} has no {unknown[0]!r}")
    names = [*(r.name for r in references(expression.node)), *columns]
    wanted = ", ".join(DIALECT.quote(c) for c in dict.fromkeys(["customer", *columns]))
    sql = (
        f"SELECT {wanted} FROM {_relation(night, names)} "
        f"WHERE {_condition(expression, night)} ORDER BY customer"
    )
    with connect() as connection:
        return connection.sql(sql).to_arrow_table()


def export_audience(
    text: str,
    expression: Expression,
    night: Night,
    home: Home,
    catalogue: Catalogue,
    target: Path,
    *,
    columns: Sequence[str],
    purpose: Purpose | None,
) -> int:
    """Write an audience to a .csv or .parquet file; every export is recorded in the home's journal.

    Columns of class C2 leave only with a stated purpose. Returns how many customers were written.
    """
    classed = [c for c in columns if catalogue.sensitivity(c) > Sensitivity.C1] if columns else []
    if classed and purpose is None:
        raise NightError(f"{classed[0]} is personal data of class C2: say --purpose, it is recorded")
    if target.suffix not in (".csv", ".parquet"):
        raise NightError(f"{target.name}: an audience is exported as .csv or .parquet")
    table = select_audience(expression, night, columns)
    record = {
        "at": dt.datetime.now(dt.timezone(dt.timedelta(hours=8))).isoformat(timespec="seconds"),
        "by": os.environ.get("USER", ""),
        "night": night.day.isoformat(),
        "audience": text,
        "columns": list(columns),
        "purpose": str(purpose) if purpose else None,
        "customers": table.num_rows,
        "file": target.name,
    }
    journal = home.path / "journal"
    journal.mkdir(exist_ok=True)
    with (journal / "exports.jsonl").open("a", encoding="utf-8") as out:
        out.write(json.dumps(record, ensure_ascii=False) + "\n")
    beside = target.with_name(target.name + ".part")
    if target.suffix == ".parquet":
        pq.write_table(table, beside, compression="zstd")
    else:
        _write_csv(table, beside, catalogue)
    beside.replace(target)
    return int(table.num_rows)


def _write_csv(table: pa.Table, target: Path, catalogue: Catalogue) -> None:
    """CSV with a byte-order mark (spreadsheets), money in major units, and no cell that a spreadsheet
    would take for a formula."""
    money = {n for n in table.column_names if n in catalogue and str(catalogue[n].result.kind) == "money"}
    with target.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(table.column_names)
        for batch in table.to_batches(max_chunksize=65_536):
            columns = [
                [_cell(v, name in money) for v in batch.column(name).to_pylist()]
                for name in table.column_names
            ]
            writer.writerows(zip(*columns, strict=True))


def _cell(value: Any, money: bool) -> Any:
    if money and value is not None:
        return format_amount(value, thousands=False)
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return "'" + value
    return "" if value is None else value
