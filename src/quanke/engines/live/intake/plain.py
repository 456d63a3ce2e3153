"""Texts in their plain form as typed columns: what a program writes, `2026-07-01`, `true`, `12.50`.

The rules accept many ways to write a value, and finding out which one it is costs a dozen regular expressions
for each batch. A column all of whose values are plain is handed to the same rules as a column of its type, as
a Parquet file would hand it over. One value that is not plain, and the whole batch is judged as text.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from quanke.bank.contracts import Contract, FieldType
from quanke.bank.readers import Kind, SourceColumn

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?$"
_WHOLE = r"^-?[0-9]{1,17}$"
_AMOUNT = r"^-?[0-9]{1,13}(\.[0-9]{1,2})?$"

Array: TypeAlias = Any  # pa.Array or pa.ChunkedArray: pyarrow has no types


def plain_columns(contract: Contract, rows: pa.Table, minor: bool) -> dict[str, Array] | None:
    """The contract's columns, typed where the field is no text; None if a value is not plain."""
    found: dict[str, Array] = {}
    for field in contract:
        name = f"{field.name}_fen" if minor and field.type is FieldType.MONEY else field.name
        read = _READ.get(field.type)
        if field.type is FieldType.MONEY:
            read = _whole if minor else _amount
        column = rows[name] if read is None else read(rows[name])
        if column is None:
            return None
        found[name] = column
    return found


def plain_source(contract: Contract, name: str, minor: bool) -> SourceColumn:
    """What the rules are told of such a column."""
    type_ = contract[name].type
    if type_ is FieldType.MONEY:
        return _SOURCES[FieldType.INTEGER](f"{name}_fen") if minor else _SOURCES[type_](name)
    source = _SOURCES.get(type_)
    return SourceColumn(name, Kind.TEXT, "VARCHAR") if source is None else source(name)


def _matched(column: Array, pattern: str) -> bool:
    return pc.all(pc.match_substring_regex(column, pattern), min_count=0).as_py() is not False


def _day(column: Array) -> Array | None:
    coded = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    coded = coded.dictionary_encode()
    days: list[dt.date] = []
    for text in coded.dictionary.to_pylist():
        try:
            days.append(dt.date.fromisoformat(text if _DAY.match(text) else "none"))
        except ValueError:
            return None
        if not 1900 <= days[-1].year < 2200:
            return None  # the year 9999 may mean "no end": that is for the rules to say
    return pa.array(days, pa.date32()).take(coded.indices)


def _moment(column: Array) -> Array | None:
    if not _matched(column, _MOMENT):
        return None
    try:
        return column.cast(pa.timestamp("us"))
    except pa.ArrowInvalid:
        return None


def _whole(column: Array) -> Array | None:
    return column.cast(pa.int64()) if _matched(column, _WHOLE) else None


def _amount(column: Array) -> Array | None:
    if not _matched(column, _AMOUNT):
        return None
    return column.cast(pa.decimal128(17, 2)).cast(pa.decimal128(18, 2))


def _truth(column: Array) -> Array | None:
    yes, no = pc.equal(column, "true"), pc.equal(column, "false")
    return yes if pc.all(pc.or_(yes, no), min_count=0).as_py() is not False else None


_READ: dict[FieldType, Callable[[Array], Array | None]] = {
    FieldType.DATE: _day,
    FieldType.INSTANT: _moment,
    FieldType.INTEGER: _whole,
    FieldType.BOOLEAN: _truth,
}
_SOURCES: dict[FieldType, Callable[[str], SourceColumn]] = {
    FieldType.DATE: lambda name: SourceColumn(name, Kind.DATE, "DATE"),
    FieldType.INSTANT: lambda name: SourceColumn(name, Kind.INSTANT, "TIMESTAMP"),
    FieldType.INTEGER: lambda name: SourceColumn(name, Kind.INTEGER, "BIGINT"),
    FieldType.BOOLEAN: lambda name: SourceColumn(name, Kind.BOOLEAN, "BOOLEAN"),
    FieldType.MONEY: lambda name: SourceColumn(name, Kind.DECIMAL, "DECIMAL(18,2)", 2),
}
