"""CSV: records split by Arrow, every record accounted for, written to a Parquet file of texts.

What is understood: a header; cells between `,` `;` `|` or tabs (the one under which the header names most
fields of the contract); quotation marks, doubled inside a quoted cell; line ends of every kind, also inside
quoted cells. Blank lines are no records. A record with too many or too few cells is kept whole for the
quarantine. A quotation mark that is never closed would swallow the rest of the file: the unit is refused.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from quanke.bank.readers.staged import (
    RECORD,
    ROW,
    Kind,
    SourceColumn,
    Staged,
    refuse_doubles,
)
from quanke.bank.readers.texts import Utf8Stream, open_packed
from quanke.bank.sql import quoted
from quanke.kernel.errors import InputError

DELIMITERS = (",", ";", "\t", "|")

LONGEST_RECORD = 16 << 20
"""Bytes a record may have; also the piece of a file that is in memory at a time."""

_LONGEST_HEADER = 1 << 20
_END = "\x01end of the hand-over\x01"


def stage_csv(
    path: Path, file: str, scratch: Path, known: Collection[str], encoding: str = "", name: str = "csv"
) -> Staged:
    """Write the records of `path` to `scratch` and return the unit.

    `known` are the column names that may be expected (they settle the delimiter), `encoding` is empty where
    it shall be found out.
    """
    with open_packed(path, file) as unpacked:
        stream = Utf8Stream(unpacked, file, encoding)
        header, delimiter = _header(stream, file, known)
        refuse_doubles(header, file)
        stream.finish_with(_end_record(header, delimiter))
        staged, broken = scratch / f"{name}.parquet", scratch / f"{name}-broken.parquet"
        writer = _StagedWriter(staged, broken, _names(header))
        try:
            _split(stream, file, writer, delimiter)
        finally:
            writer.close()
    columns = tuple(SourceColumn(column, Kind.TEXT, "VARCHAR") for column in writer.names if column)
    return Staged(
        file,
        writer.path,
        columns,
        writer.rows,
        quoted(ROW),
        writer.broken_path if writer.broken_rows else None,
        writer.broken_rows,
    )


def _header(stream: Utf8Stream, file: str, known: Collection[str]) -> tuple[list[str], str]:
    """The column names and the delimiter; takes the header off the stream."""
    start = stream.peek(_LONGEST_HEADER)
    if not start.strip():
        raise InputError("is empty: not even a header", file=file)
    skipped = len(start) - len(start.lstrip(b"\r\n"))
    ends = [at for at in (start.find(b"\n", skipped), start.find(b"\r", skipped)) if at >= 0]
    end = min(ends, default=len(start))
    if end >= _LONGEST_HEADER:
        raise InputError("has no header: its first line does not end", file=file)
    line = start[skipped:end].decode("utf-8", "replace")
    if "\0" in line:
        raise InputError("is not a text file: its first line holds NUL characters", file=file)
    names, delimiter = max(
        ((_cells(line, delimiter), delimiter) for delimiter in DELIMITERS),
        key=lambda found: sum(cell in known for cell in found[0]),
    )
    if not any(cell in known for cell in names):
        raise InputError("its first line is not a header with the names of the fields", file=file)
    stream.read(end)
    return names, delimiter


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        row = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []
    return [cell.strip().lower() for cell in row]


def _names(header: list[str]) -> list[str]:
    """Arrow needs a name for every column; one without a name in the file is not handed on."""
    return [name or f"#{at}" for at, name in enumerate(header)]


def _end_record(header: list[str], delimiter: str) -> bytes:
    return f"\n{_END}{delimiter * (len(header) - 1)}\n".encode()


class _StagedWriter:
    """Writes batches with their row numbers, and records that could not be split beside them."""

    def __init__(self, path: Path, broken_path: Path, names: list[str]) -> None:
        self.path = path
        self.broken_path = broken_path
        self.names = [name if not name.startswith("#") else "" for name in names]
        self.columns = names
        self.rows = 0
        self.broken_rows = 0
        self._broken: list[tuple[int, str]] = []
        self._next = 1
        self._skipped: list[int] = []
        kept = [name for name in self.names if name]
        self._schema = pa.schema([(ROW, pa.int64()), *((name, pa.string()) for name in kept)])
        self._writer = pq.ParquetWriter(path, self._schema, compression="lz4", use_dictionary=False)
        self._broken_writer: Any = None

    def refuse(self, number: int, record: str) -> None:
        """Keep a record that has too many or too few cells."""
        self._broken.append((number, record))
        self._skipped.append(number)

    def write(self, batch: pa.RecordBatch) -> None:
        """Write a batch; its records are the ones after the last, without those refused meanwhile."""
        numbers = self._numbers(batch.num_rows)
        kept = [batch.column(at) for at, name in enumerate(self.names) if name]
        self._writer.write_batch(pa.record_batch([numbers, *kept], schema=self._schema))
        self.rows += batch.num_rows

    @property
    def seen(self) -> int:
        """Records written or refused so far."""
        return self.rows + self.broken_rows + len(self._broken)

    def _numbers(self, count: int) -> pa.Array:
        """Row numbers of the next `count` records."""
        skipped = set(self._skipped)
        if not skipped:
            self._next += count
            return pa.array(range(self._next - count, self._next), pa.int64())
        numbers: list[int] = []
        while len(numbers) < count:
            if self._next not in skipped:
                numbers.append(self._next)
            self._next += 1
        self._skipped = [number for number in self._skipped if number >= self._next]
        return pa.array(numbers, pa.int64())

    def flush(self) -> None:
        """Write the records refused so far."""
        if not self._broken:
            return
        schema = pa.schema([("row", pa.int64()), (RECORD, pa.string())])
        if self._broken_writer is None:
            self._broken_writer = pq.ParquetWriter(self.broken_path, schema, compression="lz4")
        rows, records = zip(*self._broken, strict=True)
        self._broken_writer.write_batch(pa.record_batch([pa.array(rows), pa.array(records)], schema=schema))
        self.broken_rows += len(self._broken)
        self._broken.clear()

    def close(self) -> None:
        """End both files."""
        self.flush()
        self._writer.close()
        if self._broken_writer is not None:
            self._broken_writer.close()


def _split(stream: Utf8Stream, file: str, writer: _StagedWriter, delimiter: str) -> None:
    """Write all records of the stream. The record `_END` must come out last, or a quote is open."""

    unclosed: list[int] = []

    def broken(row: arrow_csv.InvalidRow) -> str:
        # An exception would be lost between Arrow and here.
        if _END in row.text:
            unclosed.append(row.number)
        else:
            writer.refuse(row.number, row.text)
        return "skip"

    held: pa.RecordBatch | None = None
    for batch in _batches(stream, file, writer, delimiter, broken):
        if batch.num_rows:
            if held is not None:
                writer.write(held)
            held = batch
        writer.flush()
    ended = held is not None and held.column(0)[-1].as_py() == _END
    if held is None or not ended:
        row = unclosed[0] if unclosed else writer.seen + (held.num_rows if held is not None else 0)
        raise InputError("a quotation mark is opened here and never closed", file=file, row=row)
    writer.write(held.slice(0, held.num_rows - 1))


def _batches(
    stream: Utf8Stream, file: str, writer: _StagedWriter, delimiter: str, broken: Any
) -> Iterator[pa.RecordBatch]:
    """Batches of texts out of the stream."""
    try:
        yield from arrow_csv.open_csv(
            stream,
            read_options=arrow_csv.ReadOptions(
                use_threads=False, block_size=LONGEST_RECORD, column_names=writer.columns
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=broken
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types={name: pa.string() for name in writer.columns},
                strings_can_be_null=False,
                check_utf8=False,
            ),
        )
    except pa.ArrowInvalid as error:
        if "straddling" in str(error):
            raise InputError(
                f"a record is longer than {LONGEST_RECORD >> 20} MB, or a quotation mark is never closed",
                file=file,
                row=writer.seen + 1,
            ) from None
        raise InputError("cannot be split into records", file=file) from None
