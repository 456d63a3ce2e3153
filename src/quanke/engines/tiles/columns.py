"""Columns of a part: out of Arrow and Parquet into NumPy, changed in some rows, and back."""

from __future__ import annotations

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

_ARROW_DTYPES = {Kind.DATE: (pa.int32(), "datetime64[D]"), Kind.INSTANT: (pa.int64(), "datetime64[us]")}
_COMPRESSED = pa.ipc.IpcWriteOptions(compression="lz4")


def from_arrow(array: pa.Array | pa.ChunkedArray, of: Type) -> Column:
    """A column of the language's type; of what is unknown the value stands for nothing."""
    whole: pa.Array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    if isinstance(whole, pa.ChunkedArray):  # combine_chunks keeps what does not fit one chunk
        whole = pa.concat_arrays(whole.chunks)
    valid = _valid(whole)
    kind = of.kind
    if kind is Kind.TEXT:
        text = whole.cast(pa.string()) if not pa.types.is_string(whole.type) else whole
        return Column(text.fill_null("").to_numpy(zero_copy_only=False), valid)
    if kind is Kind.RATE:
        return Column(_millionths(whole), valid)
    if kind is Kind.BOOLEAN:
        return Column(whole.fill_null(False).to_numpy(zero_copy_only=False), valid)
    if kind in _ARROW_DTYPES:
        plain, dtype = _ARROW_DTYPES[kind]
        numbers = whole.cast(pa.date32()) if kind is Kind.DATE else whole.cast(pa.timestamp("us"))
        values = numbers.view(plain).fill_null(0).to_numpy(zero_copy_only=False)
        return Column(values.astype(np.int64).view(dtype), valid)
    wanted = pa.float64() if kind is Kind.NUMBER else pa.int64()
    values = whole.cast(wanted) if whole.type != wanted else whole
    return Column(values.fill_null(0).to_numpy(zero_copy_only=False), valid)


def _valid(array: pa.Array) -> Bools:
    if array.null_count == 0:
        return np.ones(len(array), np.bool_)
    found: Bools = array.is_valid().to_numpy(zero_copy_only=False)
    return found


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
        days = column.values.astype("datetime64[D]").astype(np.int64).astype(np.int32)
        return pa.array(days, pa.int32(), mask=mask).view(pa.date32())
    if kind is Kind.INSTANT:
        return pa.array(column.values.view(np.int64), pa.int64(), mask=mask).view(pa.timestamp("us"))
    return pa.array(column.values, arrow_type(of), mask=mask)


def unknown(rows: int, of: Type) -> Column:
    """A column without a value."""
    values = np.full(rows, "", object) if of.kind is Kind.TEXT else np.zeros(rows, DTYPES[of.kind])
    return Column(values, np.zeros(rows, np.bool_))


def zero(rows: int, of: Type) -> Column:
    """A column of nothing counted: 0, or false."""
    return Column(np.zeros(rows, DTYPES[of.kind]), np.ones(rows, np.bool_))


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
    apart: Any = (a != b).astype(np.bool_)
    found: Bools = (one.valid != other.valid) | (one.valid & other.valid & apart)
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
