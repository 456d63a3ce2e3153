"""What has arrived, before it is checked: events as columns of text, and records that are no events.

An event is a JSON object with the fields of its table's contract:

    {"table": "transactions", "transaction_id": "T1", "account_id": "A1", "date": "2026-07-01",
     "at": "2026-07-01 09:30:00", "direction": "in", "amount": "8000.00", "kind": "salary"}

`event_id` may stand for the key of any table. Numbers are taken as they are written, never through binary
floating point; an amount may be given in minor units as `<name>_fen`. What a field may hold is said by the
same rules as for files (`quanke.bank.load.rules`). Fields the contract does not know are left out.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from quanke.bank.contracts import CONTRACTS, Contract, FieldType, TableKind
from quanke.bank.contracts.schema import instant, text
from quanke.engines.live.intake.hashes import Hashes, row_hashes, salted, text_hashes

EVENT_ID = "event_id"
BLANKS = " \t\n\r"

LIVE_TABLES = tuple(name for name, c in CONTRACTS.items() if c.kind is TableKind.EVENT or name == "balances")
"""The tables whose rows may arrive one by one."""


@cache
def live_contract(table: str) -> Contract:
    """The contract of an event. A balance may say when in the day it was so, and have a number of its own."""
    contract = CONTRACTS[table]
    if table != "balances":
        return contract
    more = (text(EVENT_ID, "事件号", "Number of the event"), instant("at", "时间", "Moment"))
    return replace(contract, fields=(*contract.fields, *more))


@dataclass(frozen=True, slots=True)
class Broken:
    """A record that is no event of a live table: where it stood, as it stood, what is wrong with it."""

    file: str
    row: int
    record: str
    table: str = ""
    field: str = ""
    rule: str = "record"
    place: int = 0


@dataclass(frozen=True, slots=True)
class Raw:
    """Events of one table. `rows` has the contract's columns (and `<money>_fen`) as text; `row` says where
    each stood in `file` (the number of a row, of a line, or a sequence of a stream), `places` in which order
    they came among all records of the reading."""

    table: str
    file: str
    row: pa.Array
    places: pa.Array
    rows: pa.Table

    def take(self, mask: pa.Array | pa.ChunkedArray) -> Raw:
        """The rows a mask says yes to."""
        return replace(
            self, row=self.row.filter(mask), places=self.places.filter(mask), rows=self.rows.filter(mask)
        )

    def shifted(self, by: int) -> Raw:
        """The same rows, counted from a later place."""
        return replace(self, places=pc.add(self.places, by))


@dataclass(slots=True)
class Arrivals:
    """Everything of one reading of a source."""

    raws: list[Raw] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many records."""
        return int(sum(raw.rows.num_rows for raw in self.raws)) + len(self.broken)


def read_messages(
    messages: Sequence[bytes], file: str, rows: Sequence[int], table: str = "", first: int = 0
) -> Arrivals:
    """Messages as events. A message holds one event, an array of them, or one on each line.

    `rows` says where each message stood; `table` is meant where an event names none; places are counted
    from `first`.
    """
    found = Arrivals()
    broken: list[Broken] = []
    groups: dict[str, tuple[list[dict[str, Any]], list[int], list[int]]] = {}
    events = _events(messages, file, rows, broken)
    for place, (event, row) in enumerate(events, start=first + len(broken)):
        named = event.get("table", table)
        if isinstance(named, str) and named in LIVE_TABLES:
            group = groups.setdefault(named, ([], [], []))
            group[0].append(event)
            group[1].append(row)
            group[2].append(place)
        else:
            rule = "values" if "table" in event or table else "required"
            record = json.dumps(event, ensure_ascii=False)
            broken.append(Broken(file, row, record, "", "table", rule))
    for name, (dicts, kept, places) in groups.items():
        found.raws.append(_columns(name, dicts, file, kept, places, broken))
    found.broken = [replace(one, place=first + at) for at, one in enumerate(broken)]
    return found


def _events(
    messages: Sequence[bytes], file: str, rows: Sequence[int], broken: list[Broken]
) -> Sequence[tuple[dict[str, Any], int]]:
    """Every event with its place. All messages are parsed as one array; only if that fails one by one."""
    try:
        together = json.loads(b"[" + b",".join(messages) + b"]", parse_float=str, parse_constant=_no_number)
        if len(together) == len(messages) and all(type(event) is dict for event in together):
            return list(zip(together, rows, strict=True))
    except (ValueError, RecursionError):
        pass
    found: list[tuple[dict[str, Any], int]] = []
    for message, row in zip(messages, rows, strict=True):
        for piece in _pieces(message):
            if isinstance(piece, dict):
                found.append((piece, row))
            else:
                broken.append(Broken(file, row, piece))
    return found


def _pieces(message: bytes) -> list[dict[str, Any] | str]:
    """The events of a message; text that is none stays text."""
    try:
        given = json.loads(message, parse_float=str, parse_constant=_no_number)
    except (ValueError, RecursionError):
        lines = [line for line in message.splitlines() if line.strip()]
        if len(lines) > 1:
            return [piece for line in lines for piece in _pieces(line)]
        return [message.decode(errors="replace")]
    given = given if isinstance(given, list) else [given]
    return [piece if isinstance(piece, dict) else json.dumps(piece, ensure_ascii=False) for piece in given]


def _no_number(name: str) -> None:
    raise ValueError(name)


@cache
def _fields(table: str) -> tuple[str, ...]:
    """The columns an event of the table may have."""
    contract = live_contract(table)
    minor = [f"{f.name}_fen" for f in contract if f.type is FieldType.MONEY]
    return tuple(dict.fromkeys([*(f.name for f in contract), *minor, EVENT_ID]))


def _columns(
    table: str,
    events: list[dict[str, Any]],
    file: str,
    rows: list[int],
    places: list[int],
    broken: list[Broken],
) -> Raw:
    """Events as columns; one with a value that is no plain value is a broken record."""
    columns: dict[str, pa.Array] = {}
    nested: set[int] = set()
    for name in _fields(table):
        values = [event.get(name) for event in events]
        try:
            columns[name] = pa.array(values, pa.string())
        except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
            columns[name] = pa.array([_text(v, at, nested) for at, v in enumerate(values)], pa.string())
    raw = Raw(table, file, pa.array(rows, pa.int64()), pa.array(places, pa.int64()), pa.table(columns))
    if not nested:
        return raw
    for at in sorted(nested):
        broken.append(Broken(file, rows[at], json.dumps(events[at]), table))
    return raw.take(pa.array([at not in nested for at in range(len(events))]))


def _text(value: Any, at: int, nested: set[int]) -> str | None:
    """A JSON value as the text it was written as."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        nested.add(at)
        return None
    try:
        told = str(value)
        told.encode()
    except (UnicodeEncodeError, ValueError):
        nested.add(at)
        return None
    return told


def read_table(rows: pa.Table, table: str, file: str, row: pa.Array) -> Raw:
    """Rows of a file as events; columns are found by name, without case and blanks around them."""
    by_name = {name.strip().lower(): name for name in rows.column_names}
    columns = {}
    for name in _fields(table):
        if name in by_name:
            columns[name] = rows[by_name[name]].cast(pa.string())
        else:
            columns[name] = pa.nulls(rows.num_rows, pa.string())
    return Raw(table, file, row, pa.array(range(rows.num_rows), pa.int64()), pa.table(columns))


def normal(raw: Raw) -> pa.Table:
    """The rows as they are checked: texts without blanks around them, the event's number as the table's key,
    and `#id` and `#content`, hashes of its number and of all it says."""
    contract = live_contract(raw.table)
    columns = {}
    for name in raw.rows.column_names:
        if raw.rows[name].null_count == raw.rows.num_rows:
            columns[name] = raw.rows[name]
            continue
        trimmed = pc.utf8_trim(raw.rows[name], BLANKS)
        columns[name] = pc.if_else(pc.equal(trimmed, ""), None, trimmed)
    if raw.table == "balances":
        made = pc.binary_join_element_wise(
            columns["account_id"],
            columns["date"],
            columns["at"],
            "@",
            null_handling="skip",
        )
        columns[EVENT_ID] = pc.coalesce(columns[EVENT_ID], made)
    elif contract.key[0] != EVENT_ID:
        columns[contract.key[0]] = pc.coalesce(columns[contract.key[0]], columns.pop(EVENT_ID))
    rows = pa.table(columns)
    number = rows[EVENT_ID if raw.table == "balances" else contract.key[0]]
    hashes = {"#id": event_hashes(raw.table, number), "#content": row_hashes(rows, rows.column_names)}
    for name, column in hashes.items():
        rows = rows.append_column(name, pa.array(column))
    return rows


def event_hashes(table: str, numbers: pa.Array | pa.ChunkedArray) -> Hashes:
    """What `#id` is of events of a table with these numbers."""
    return salted(text_hashes(numbers), table)
