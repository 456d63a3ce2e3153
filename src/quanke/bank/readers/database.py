"""Tables of a database as units, through any DB-API 2.0 connection (made for PostgreSQL with psycopg)."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from quanke.bank.contracts import CONTRACTS, FieldType
from quanke.bank.readers.handover import BankSheet, Handover, column_names
from quanke.bank.readers.staged import (
    ROW,
    Kind,
    SourceColumn,
    Staged,
    refuse_doubles,
)
from quanke.bank.sql import literal, quoted
from quanke.kernel.errors import InputError

_ROWS_AT_A_TIME = 20_000


@dataclass(frozen=True, slots=True)
class DatabaseSource:
    """A database to load from.

    `connect` opens a DB-API connection. `tables` maps a table of the contracts to a SELECT; without it, every
    table and view of `schema` with the name of a contract is read whole, ordered by the contract's key, so
    that the same rows always have the same fingerprint. (An own SELECT should have an ORDER BY too.)
    `business_date` dates all units; a new date is a new delivery, the same date with other rows a
    redelivery.
    """

    connect: Callable[[], Any]
    tables: Mapping[str, str] | None = None
    schema: str = "public"
    business_date: date | None = None
    currency: str = ""
    name: str = "database"

    def discover(self) -> Handover:
        """The units this database holds."""
        handover = Handover(BankSheet(self.currency, 1, self.business_date))
        queries = dict(self.tables) if self.tables is not None else self._whole_tables()
        for table in sorted(queries.keys() - CONTRACTS.keys()):
            handover.refuse(table, f"{self.name}: no table of this name; known are {', '.join(CONTRACTS)}")
        handover.add(DatabaseUnit(self, t, q) for t, q in queries.items() if t in CONTRACTS)
        return handover

    def _whole_tables(self) -> dict[str, str]:
        """A SELECT for each contract that the schema has a table or view of."""
        names = ", ".join(literal(name) for name in CONTRACTS)
        query = (
            "SELECT table_name FROM information_schema.tables "
            f"WHERE table_schema = {literal(self.schema)} AND table_name IN ({names})"
        )
        with _reading(self.connect, self.name) as rows:
            found = {str(row[0]) for row in rows(query)[1]}
        return {
            name: f"SELECT * FROM {quoted(self.schema)}.{quoted(name)} ORDER BY "
            + ", ".join(quoted(key) for key in CONTRACTS[name].key)
            for name in CONTRACTS
            if name in found
        }


@dataclass(slots=True)
class DatabaseUnit:
    """One table of a database. It is read once, when its fingerprint is asked for."""

    source: DatabaseSource
    table: str
    query: str
    _staged: Staged | None = field(default=None, repr=False)
    _fingerprint: str = ""

    @property
    def name(self) -> str:
        """The table, with the business date where there is one."""
        dated = self.source.business_date
        return f"{self.table}@{dated.isoformat()}" if dated else self.table

    @property
    def file(self) -> str:
        """How messages call it."""
        return f"{self.source.name}:{self.table}"

    @property
    def business_date(self) -> date | None:
        """The date of the source."""
        return self.source.business_date

    @property
    def size(self) -> int:
        """Weight in the progress shown."""
        return 1

    def fingerprint(self, scratch: Path) -> str:
        """SHA-256 of the rows, read into `scratch`."""
        if not self._fingerprint:
            self._read(scratch)
        return self._fingerprint

    def stage(self, scratch: Path) -> Staged:
        """The rows read by `fingerprint`."""
        if self._staged is None:
            self._read(scratch)
        assert self._staged is not None
        return self._staged

    def _read(self, scratch: Path) -> None:
        path = scratch / "database.parquet"
        digest = hashlib.sha256()
        count = 0
        with _reading(self.source.connect, self.file) as rows:
            names, fetched = rows(self.query)
            names = [name.strip().lower() for name in names]
            refuse_doubles(names, self.file)
            schema = pa.schema([(ROW, pa.int64()), *((name, pa.string()) for name in names)])
            with pq.ParquetWriter(path, schema, compression="lz4", use_dictionary=False) as writer:
                for batch in _batches(fetched):
                    texts = self._texts(names, batch)
                    for record in zip(*texts, strict=True):
                        line = "\x1f".join("\0" if cell is None else cell for cell in record)
                        digest.update((line + "\x1e").encode("utf-8", "surrogatepass"))
                    numbers = pa.array(range(count + 1, count + len(batch) + 1), pa.int64())
                    columns = [numbers, *(pa.array(column, pa.string()) for column in texts)]
                    writer.write_batch(pa.record_batch(columns, schema=schema))
                    count += len(batch)
        digest.update("\x1f".join(names).encode())
        columns_ = tuple(SourceColumn(name, Kind.TEXT, "VARCHAR") for name in names)
        self._fingerprint = digest.hexdigest()
        self._staged = Staged(self.file, path, columns_, count, quoted(ROW))

    def _texts(self, names: list[str], batch: list[tuple[Any, ...]]) -> list[list[str | None]]:
        """The batch by column, as texts. Raises InputError for a kind of value that has no exact text."""
        contract = CONTRACTS[self.table]
        known = column_names(contract)
        columns: list[list[str | None]] = []
        for name, values in zip(names, zip(*batch, strict=True), strict=True):
            found = contract.by_name.get(name)
            money = found is not None and found.type is FieldType.MONEY
            if money and any(isinstance(value, float) for value in values):
                raise InputError(
                    "is a floating-point column; money is handed over as NUMERIC, or as whole minor units "
                    f"in {name}_fen",
                    file=self.file,
                    field=name,
                )
            columns.append([_text(value, self.file, name, name in known) for value in values])
        return columns


def _text(value: Any, file: str, name: str, known: bool) -> str | None:
    """A database value as a CSV would have it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return format(value, "d" if isinstance(value, int) else ".12f")
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    if not known:
        return None
    raise InputError("its values are neither texts nor numbers nor dates", file=file, field=name)


def _batches(fetched: Iterator[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    batch: list[tuple[Any, ...]] = []
    for row in fetched:
        batch.append(tuple(row))
        if len(batch) == _ROWS_AT_A_TIME:
            yield batch
            batch = []
    if batch:
        yield batch


class _reading:
    """A connection for reading: `rows(query)` gives the column names and the rows, a few at a time.

    A driver's own errors become InputErrors without the driver's message, which may quote values.
    """

    def __init__(self, connect: Callable[[], Any], file: str) -> None:
        self._connect = connect
        self._file = file
        self._connection: Any = None

    def __enter__(self) -> Callable[[str], tuple[list[str], Iterator[tuple[Any, ...]]]]:
        try:
            self._connection = self._connect()
        except Exception as error:
            raise InputError(
                f"the database does not answer ({type(error).__name__})", file=self._file
            ) from None
        return self._rows

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._connection.close()
        if isinstance(error, Exception) and not isinstance(error, InputError):
            raise InputError(
                f"cannot be read from the database ({type(error).__name__})", file=self._file
            ) from None

    def _rows(self, query: str) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
        cursor = self._cursor()
        cursor.execute(query)
        return [column[0] for column in cursor.description], self._fetch(cursor)

    def _cursor(self) -> Any:
        """A server-side cursor where the driver has them (psycopg), so that memory stays bounded."""
        try:
            return self._connection.cursor(name="quanke_load")
        except TypeError:
            return self._connection.cursor()

    @staticmethod
    def _fetch(cursor: Any) -> Iterator[tuple[Any, ...]]:
        while rows := cursor.fetchmany(_ROWS_AT_A_TIME):
            yield from rows
