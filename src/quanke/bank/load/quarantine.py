"""Rows that were refused, kept so that they can be mended and replayed.

A quarantine file holds all source columns as text, the `record` itself where it could not be split into
cells, and why: `unit`, `file`, `row` (1-based, without the header), `field`, `rule`, `value_class` of the
first fault, and `faults` with all of them (`field:rule`, in the order of the contract). It never leaves the
home by itself; messages and reports name file, row, field, rule and class, never the value.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from quanke.bank.load.checked import ROW, Checked
from quanke.bank.load.rules import RULES, value_class
from quanke.bank.readers.staged import RECORD
from quanke.bank.session import PARQUET, Connection, one_row
from quanke.bank.sql import literal, parquet, quoted

REASONS = ("unit", "file", "row", "field", "rule", "value_class", "faults")
"""The columns of a quarantine file that say why; a source column of such a name gets `source_` before it."""


def quarantined_name(source_name: str) -> str:
    """The name a source column has in a quarantine file."""
    plain = source_name.strip().lower()
    return f"source_{plain}" if plain in (*REASONS, RECORD) else source_name


def write_refused(connection: Connection, unit: Checked, name: str, path: Path) -> int:
    """Write every row of the unit that is not good to `path`; how many these are. None: no file."""
    create_faulty(connection, unit)
    broken = unit.staged.broken
    count = int(one_row(connection, "SELECT count(*) FROM faulty")[0]) + unit.staged.broken_rows
    if not count:
        return 0
    query = refused_sql(unit, name)
    if broken is not None:
        query += " UNION ALL BY NAME " + (
            f"SELECT {RECORD}, {literal(name)} AS unit, {literal(unit.staged.file)} AS file, row, "
            "'' AS field, 'cells' AS rule, 'record' AS value_class, ':cells' AS faults "
            f"FROM {parquet([broken])}"
        )
    connection.execute(f"COPY (SELECT * FROM ({query}) ORDER BY row) TO {literal(str(path))} ({PARQUET})")
    return count


def create_faulty(connection: Connection, unit: Checked) -> None:
    """The table `faulty` (row, field, rule, faults), one row per refused row that could be split."""
    names = [(literal(name), quoted("f_" + name)) for name in unit.cells]
    rules = "[" + ", ".join(literal(rule) for rule in RULES) + "]"
    key = "+".join(unit.contract.key)
    field = "".join(f" WHEN {code} > 0 THEN {name}" for name, code in names)
    rule = "".join(f" WHEN {code} > 0 THEN {rules}[{code}]" for _, code in names)
    every = ", ".join(
        f"CASE WHEN {code} > 0 THEN {name} || ':' || {rules}[{code}] END" for name, code in names
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE faulty AS {unit.ctes()} SELECT {ROW} AS row, "
        f"CASE{field} ELSE {literal(key)} END AS field, CASE{rule} ELSE 'duplicate_key' END AS rule, "
        f"coalesce(nullif(concat_ws(';', {every}), ''), {literal(key + ':duplicate_key')}) AS faults "
        f"FROM checked WHERE NOT ({unit.good})"
    )


def refused_sql(unit: Checked, name: str) -> str:
    """Source rows that are faulty, with their reasons, out of the table `faulty` (see `create_faulty`)."""
    staged = unit.staged
    columns = "".join(
        f"{quoted(column.name)}::VARCHAR AS {quoted(quarantined_name(column.name))}, "
        for column in staged.columns
    )
    culprits = "".join(
        f" WHEN {literal(field)} THEN s.{quoted(quarantined_name(cell.source.name))}"
        for field, cell in unit.cells.items()
        if cell.source is not None
    )
    key = quoted(quarantined_name(_key_source(unit)))
    culprit = f"CASE field{culprits} ELSE s.{key} END"
    rows = f"SELECT {columns}{staged.row_sql} AS {ROW} FROM {staged.relation}"
    return (
        f"SELECT * EXCLUDE (culprit, {ROW}), {value_class('culprit')} AS value_class FROM ("
        f"SELECT s.*, NULL::VARCHAR AS {RECORD}, {literal(name)} AS unit, {literal(staged.file)} AS file, "
        f"f.row, f.field, f.rule, f.faults, {culprit} AS culprit "
        f"FROM ({rows}) AS s JOIN faulty AS f ON f.row = s.{ROW})"
    )


def _key_source(unit: Checked) -> str:
    """The source column of the last key field: what a duplicate is judged by."""
    source = unit.cells[unit.contract.key[-1]].source
    assert source is not None
    return source.name


def rules_broken(connection: Connection, path: Path) -> Counter[tuple[str, str, str]]:
    """How many rows of a quarantine file broke which rule: (field, rule, value class) -> rows."""
    rows = connection.execute(
        f"SELECT field, rule, value_class, count(*) FROM {parquet([path])} GROUP BY ALL"
    ).fetchall()
    return Counter({(field, rule, class_): count for field, rule, class_, count in rows})
