"""EVENT tables: one file per unit, sorted by customer."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from quanke.bank.arranged import arranged, order
from quanke.bank.load.duplicates import drop_duplicates
from quanke.bank.load.outputs import output_columns, select_list
from quanke.bank.load.task import Task
from quanke.bank.loads import UnitRecord
from quanke.bank.session import Connection, one_row
from quanke.bank.sql import parquet, quoted


def load_events(task: Task) -> UnitRecord:
    """Stage the unit's file and its quarantine; the record to enter."""
    table = task.contract.name
    unit = task.checked
    drop_duplicates(task.connection, unit, _overlapping(task))
    destination = f"tables/{table}/{task.stem}.parquet"
    task.taken = task.copy(_arranged_query(task), destination) if unit.staged.rows else 0
    task.quarantine()
    if not task.taken:
        task.publication.drop(destination)
        return task.record()
    first, last = _span(task.connection, task.publication.stage(destination), task.contract.date)
    return task.record(data=destination, first=first, last=last)


def _arranged_query(task: Task) -> str:
    """All good rows, arranged.

    Rows are sorted narrow: codes as ENUMs, and a column that repeats another is added afterwards. ENUMs must
    not reach the file: which unused values DuckDB writes into their dictionaries depends on its threads.
    """
    unit = task.checked
    columns = output_columns(unit, task.ordinal)
    copied = {"amount_original": "amount"} if "amount_original" in columns and not unit.rated else {}
    sorted_columns = {name: sql for name, sql in columns.items() if name not in copied}
    names = ", ".join(
        f"{quoted(copied.get(column.name, column.name))}::{column.type} AS {quoted(column.name)}"
        for column in arranged(task.contract.name)
    )
    by = ", ".join(quoted(name) for name in order(task.contract.name))
    inner = f"SELECT {select_list(sorted_columns)} FROM checked WHERE {unit.good} ORDER BY {by}"
    return f"{unit.ctes()} SELECT {names} FROM ({inner})"


def _overlapping(task: Task) -> list[Path]:
    """Files of units already loaded (and not replaced by this one) whose days this unit's days meet."""
    gone = {record.ordinal for record in task.replaced}
    others = [
        record
        for record in task.home.book(task.contract.name).standing
        if record.data and record.ordinal not in gone
    ]
    if not others:
        return []
    value = task.checked.cells[task.contract.date].value
    first, last = one_row(
        task.connection,
        f"SELECT min(day), max(day) FROM (SELECT {value} AS day FROM ({task.checked.source})) "
        "WHERE day BETWEEN DATE '1900-01-01' AND DATE '2199-12-31'",
    )
    if first is None or last is None:
        return []
    return [
        task.home.path / record.data
        for record in others
        if record.first is not None and record.last is not None
        if record.first <= last and record.last >= first
    ]


def _span(connection: Connection, path: Path, column: str) -> tuple[date, date]:
    """First and last day of a file."""
    query = f"SELECT min({quoted(column)}), max({quoted(column)}) FROM {parquet([path])}"
    first, last = one_row(connection, query)
    return first, last
