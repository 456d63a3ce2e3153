"""Columns of a part: out of Arrow and Parquet into NumPy, changed in some rows, and back."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from quanke.engines.duckdb.relations import arrow_type
from quanke.engines.live.columns import DTYPES, Column
from quanke.language.types import Kind, Type

Bools = NDArray[np.bool_]
Places = NDArray[np.int64]

_COMPRESSED = pa.ipc.IpcWriteOptions(compression="lz4")
_STORED = {
    Kind.INTEGER: (pa.int64(), np.int64),
    Kind.MONEY: (pa.int64(), np.int64),
    Kind.NUMBER: (pa.float64(), np.float64),
    Kind.INSTANT: (pa.timestamp("us"), np.int64),
    Kind.DATE: (pa.date32(), np.int32),
}
"""How values of a kind lie in Arrow: taken as they are, without a copy where NumPy's are the same."""


def from_arrow(array: pa.Array | pa.ChunkedArray, of: Type) -> Column:
    """A column of the language's type; of what is unknown the value stands for nothing."""
    whole: pa.Array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    if isinstance(whole, pa.ChunkedArray):  # combine_chunks keeps what does not fit one chunk
        whole = pa.concat_arrays(whole.chunks)
    kind = of.kind
    valid = _bits(whole.buffers()[0], whole)
    if kind is Kind.TEXT:
        text = whole if pa.types.is_string(whole.type) else whole.cast(pa.string())
        return Column(text.fill_null("").to_numpy(zero_copy_only=False), valid)
    if kind is Kind.RATE:
        return Column(_millionths(whole), valid)
    if kind is Kind.BOOLEAN:
        return Column(_bits(whole.buffers()[1], whole), valid)
    stored, dtype = _STORED[kind]
    values = _values(whole if whole.type == stored else whole.cast(stored), dtype)
    if kind is Kind.DATE:
        return Column(values.astype(np.int64).view("datetime64[D]"), valid)
    return Column(values.view("datetime64[us]") if kind is Kind.INSTANT else values, valid)


def _values(array: pa.Array, dtype: Any) -> NDArray[Any]:
    buffer = array.buffers()[1]
    if buffer is None:
        return np.zeros(len(array), dtype)
    return np.frombuffer(buffer, dtype)[array.offset : array.offset + len(array)]


def _bits(buffer: pa.Buffer | None, array: pa.Array) -> Bools:
    """A bitmap of an array as booleans; all true where there is none."""
    if buffer is None or len(array) == 0:
        return np.ones(len(array), np.bool_)
    first = array.offset // 8
    last = (array.offset + len(array) + 7) // 8
    packed = np.frombuffer(buffer, np.uint8)[first:last]
    start = array.offset - 8 * first
    bits: Bools = np.unpackbits(packed, bitorder="little")[start : start + len(array)].view(np.bool_)
    return bits


def _millionths(array: pa.Array) -> NDArray[np.int64]:
    """DECIMAL(18,6) as whole millionths: the low word of each, which holds all of it."""
    buffer = array.buffers()[1]
    if buffer is None:
        return np.zeros(len(array), np.int64)
    words = np.frombuffer(buffer, np.int64)
    found: NDArray[np.int64] = words[2 * array.offset : 2 * (array.offset + len(array)) : 2].copy()
    return found


def to_arrow(column: Column, of: Type) -> pa.Array:
    """The column as the store holds its type."""
    kind, valid = of.kind, column.valid
    mask = None if valid.all() else ~valid
    if kind is Kind.RATE:
        words = np.empty((len(valid), 2), np.int64)
        words[:, 0] = np.where(valid, column.values, 0)
        words[:, 1] = words[:, 0] >> 63
        bits = None if mask is None else pa.array(valid).buffers()[1]
        return pa.Array.from_buffers(pa.decimal128(18, 6), len(valid), [bits, pa.py_buffer(words)])
    if kind is Kind.DATE:
        days = column.values.astype("datetime64[D]").view(np.int64).astype(np.int32)
        return pa.array(days, pa.int32(), mask=mask).view(pa.date32())
    if kind is Kind.INSTANT:
        return pa.array(column.values.view(np.int64), pa.int64(), mask=mask).view(pa.timestamp("us"))
    return pa.array(column.values, arrow_type(of), mask=mask)


def unknown(rows: int, of: Type) -> Column:
    """A column without a value; shared, so not to be written to."""
    return _empty(rows, of.kind, False)


def zero(rows: int, of: Type) -> Column:
    """A column of nothing counted, 0 or false; shared, so not to be written to."""
    return _empty(rows, of.kind, True)


@lru_cache(maxsize=64)
def _empty(rows: int, kind: Kind, known: bool) -> Column:
    values = np.full(rows, "", object) if kind is Kind.TEXT else np.zeros(rows, DTYPES[kind])
    valid = np.full(rows, known, np.bool_)
    values.flags.writeable = valid.flags.writeable = False
    return Column(values, valid)


def lengthened(column: Column, rows: int, with_: Column) -> Column:
    """The column with more rows at its end, taken from `with_`, which is as long as wanted."""
    short = len(column.valid)
    if short == rows:
        return column
    return Column(
        np.concatenate([column.values, with_.values[short:]]),
        np.concatenate([column.valid, with_.valid[short:]]),
    )


def taken(column: Column, places: Places) -> Column:
    """Some rows."""
    return Column(column.values[places], column.valid[places])


def replaced(column: Column, places: Places, with_: Column) -> Column:
    """The column with other values in some rows; the given one stays as it is."""
    values, valid = column.values.copy(), column.valid.copy()
    values[places], valid[places] = with_.values, with_.valid
    return Column(values, valid)


def differing(one: Column, other: Column) -> Bools:
    """Where two columns are not the same: known here and not there, or known with other bits."""
    a, b = one.values, other.values
    if a.dtype == np.float64:
        a, b = a.view(np.int64), b.astype(np.float64).view(np.int64)
    apart: Bools = np.asarray(a != b, np.bool_)
    found: Bools = (one.valid != other.valid) | (one.valid & other.valid & apart)
    return found


def differing_texts(one: pa.ChunkedArray, other: pa.ChunkedArray) -> Bools:
    """`differing` of texts as Arrow holds them, which are dear to bring into NumPy."""
    apart = pc.fill_null(pc.not_equal(one, other), False)
    known = pc.not_equal(pc.is_valid(one), pc.is_valid(other))
    found: Bools = np.asarray(pc.or_(apart, known))
    return found


def write_column(path: Path, array: pa.Array) -> None:
    """One column as an Arrow file."""
    table = pa.table({"v": array})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema, options=_COMPRESSED) as out:
        out.write_table(table)


def read_column(path: Path) -> pa.Array:
    """The column of `write_column`."""
    with pa.memory_map(str(path)) as source:
        column = pa.ipc.open_file(source).read_all()["v"]
    return pc.cast(column, column.type).combine_chunks() if column.num_chunks != 1 else column.chunk(0)
