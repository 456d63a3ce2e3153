"""Writing hand-over files: one Parquet file a table, typed by its contract; same rows, same bytes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from quanke.bank.contracts import Contract, FieldType

_TYPES: dict[FieldType, pa.DataType] = {
    FieldType.TEXT: pa.string(),
    FieldType.CODE: pa.string(),
    FieldType.INTEGER: pa.int64(),
    FieldType.RATE: pa.decimal128(18, 6),
    FieldType.BOOLEAN: pa.bool_(),
    FieldType.DATE: pa.date32(),
    FieldType.INSTANT: pa.timestamp("us"),
}

Row = Mapping[str, object]


def write_table(target: Path, contract: Contract, rows: Iterable[Row], exponent: int = 2) -> int:
    """Write `rows` to `<target>/<table>.parquet` in their order; returns how many there were.

    Rows map field names to values: str, int, bool, date, datetime or Decimal; money as integer minor
    units of a currency with `exponent` decimals, written as decimal major units. Fields that no row has
    are no column. A field the contract does not know, or a required one that is missing, is a mistake of
    the adapter: ValueError.
    """
    held = list(rows)
    used = {name for row in held for name in row} | set(contract.required)
    unknown = used - set(contract.by_name)
    if unknown:
        raise ValueError(f"contract {contract.name} has no field {', '.join(sorted(unknown))}")
    columns: dict[str, pa.Array] = {}
    for field in contract:
        if field.name not in used:
            continue
        values = [row.get(field.name) for row in held]
        if field.required and None in values:
            raise ValueError(f"contract {contract.name} requires {field.name} in every row")
        if field.type is FieldType.MONEY:
            columns[field.name] = _major_units(values, exponent)
        else:
            columns[field.name] = pa.array(values, _TYPES[field.type])
    _write_beside(target / f"{contract.name}.parquet", pa.table(columns))
    return len(held)


def write_bank(target: Path, currency: str, business_date: date) -> None:
    """Write `bank.json`: base currency, version of the contracts, business date of files without one."""
    facts = {"schema_version": 1, "currency": currency, "business_date": business_date.isoformat()}
    part = target / "bank.json.part"
    part.write_text(json.dumps(facts, indent=2) + "\n", "utf-8")
    os.replace(part, target / "bank.json")


def _major_units(values: list[object], exponent: int) -> pa.Array:
    scaled = [Decimal(value).scaleb(-exponent) if isinstance(value, int) else None for value in values]
    return pa.array(scaled, pa.decimal128(18, exponent))


def _write_beside(path: Path, table: pa.Table) -> None:
    """Write under another name and rename, so that no reader meets half a file."""
    part = path.with_suffix(".part")
    pq.write_table(table, part, compression="zstd", row_group_size=122_880, use_dictionary=True)
    os.replace(part, path)
