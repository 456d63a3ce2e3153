"""One reading of a source, judged: what is new and keeps the rules, what came before, what is refused."""

from __future__ import annotations

import datetime as dt
import re
import zlib
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from quanke.bank.load.quarantine import REASONS
from quanke.bank.readers.staged import RECORD
from quanke.engines.live.intake.arrivals import Arrivals, Broken, Raw, live_contract, normal
from quanke.engines.live.intake.checks import Checks, Taken
from quanke.engines.live.intake.seen import Seen

UNKNOWN_TABLE = "unknown"
"""What the quarantine calls the table of a record that names none."""

_DAY = re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})\Z")


@dataclass(frozen=True, slots=True)
class Share:
    """Which customers are ours: those whose number leaves `part` when divided by `of`."""

    part: int = 0
    of: int = 1

    def __str__(self) -> str:
        return f"{self.part + 1}-of-{self.of}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that was refused: its row, and why."""

    row: int
    table: str
    field: str
    rule: str


@dataclass(slots=True)
class Judged:
    """What became of a reading.

    `rows` are new rows by table, as `Taken.good`; `refused` columns of quarantine files by table; `marks`
    the business dates first reached by a record, with the record: (place, day). `again` counts events that
    came before.
    """

    rows: dict[str, pa.Table] = field(default_factory=dict)
    refused: dict[str, pa.Table] = field(default_factory=dict)
    marks: list[tuple[int, dt.date]] = field(default_factory=list)
    again: int = 0

    @property
    def refusals(self) -> list[Refusal]:
        """Every refused record."""
        return [
            Refusal(row["row"], table, row["field"], row["rule"])
            for table, rows in self.refused.items()
            for row in rows.select(["row", "field", "rule"]).to_pylist()
        ]

    @property
    def count(self) -> int:
        """How many rows are new."""
        return sum(rows.num_rows for rows in self.rows.values())


def judge(arrivals: Arrivals, checks: Checks, seen: Seen, share: Share, unit: str, latest: dt.date) -> Judged:
    """Check a reading, find out what is new, keep our share. Nothing is noted as seen yet.

    `latest`: the last day a record may move the business date to.
    """
    found = Judged()
    taken: list[Taken] = []
    days: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]] = []
    for raw in arrivals.raws:
        rows = normal(raw)
        resolved = checks.numbers.resolved(live_contract(raw.table), rows)
        customers = _customers(resolved, raw.rows.num_rows)
        days.append(_days(raw, rows, customers))
        if share.of > 1:
            ours = (
                np.where(customers >= 0, customers.astype(np.int64), _spread(rows)) % share.of == share.part
            )
            mask = pa.array(ours)
            raw, rows = raw.take(mask), rows.filter(mask)
            resolved = {name: column.filter(mask) for name, column in resolved.items()}
        if raw.rows.num_rows:
            taken += checks(raw, rows, resolved, unit)
    found.marks = _marks(days, latest)
    for part in taken:
        good, changed, again = _new(part, seen)
        found.again += again
        if good.num_rows:
            _join(found.rows, part.table, good)
        for refused in (part.refused, _changed(changed, part, arrivals, unit)):
            if refused.num_rows:
                _join(found.refused, part.table, refused)
    _set_broken(found, [b for b in arrivals.broken if _hash(b.record) % share.of == share.part], unit)
    return found


def _join(tables: dict[str, pa.Table], name: str, more: pa.Table) -> None:
    there = tables.get(name)
    joined = more if there is None else pa.concat_tables([there, more], promote_options="default")
    tables[name] = joined.sort_by("#place").combine_chunks()


def _hash(record: str) -> int:
    return zlib.crc32(record.encode(errors="replace"))


def _customers(resolved: dict[str, pa.Array], rows: int) -> npt.NDArray[np.int32]:
    column = resolved.get("a_customer", resolved.get("p_customer"))
    if column is None:
        return np.full(rows, -1, np.int32)
    return np.asarray(column.fill_null(-1), dtype=np.int32)


def _spread(rows: pa.Table) -> npt.NDArray[np.int64]:
    """Whose share a row of nobody is: by its number."""
    numbers: npt.NDArray[np.uint64] = rows["#id"].to_numpy()
    return (numbers >> np.uint64(1)).astype(np.int64)


def _days(
    raw: Raw, rows: pa.Table, customers: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Places and days of the records of known customers; every share sees the same."""
    coded = rows["date"].combine_chunks().dictionary_encode()
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    ordinals = np.array([*(_ordinal(text) for text in coded.dictionary.to_pylist()), 0], np.int32)
    day = ordinals[np.asarray(coded.indices.fill_null(len(ordinals) - 1))]
    known = (day > 0) & (customers >= 0)
    return raw.places.to_numpy()[known], day[known]


def _ordinal(text: str) -> int:
    found = _DAY.match(text)
    try:
        return dt.date(*map(int, found.groups())).toordinal() if found else 0
    except ValueError:
        return 0


def _marks(
    days: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]], latest: dt.date
) -> list[tuple[int, dt.date]]:
    if not days:
        return []
    places = np.concatenate([p for p, _ in days])
    day = np.concatenate([d for _, d in days])
    allowed = day <= latest.toordinal()
    places, day = places[allowed], day[allowed]
    order = np.argsort(places, kind="stable")
    places, day = places[order], day[order]
    highest = np.maximum.accumulate(day) if len(day) else day
    rises = np.flatnonzero(np.diff(highest, prepend=0) > 0)
    return [(int(places[at]), dt.date.fromordinal(int(day[at]))) for at in rises]


def _new(taken: Taken, seen: Seen) -> tuple[pa.Table, npt.NDArray[np.int64], int]:
    """The rows that did not come before; places of those that came otherwise; how many came again."""
    good = taken.good
    if not good.num_rows:
        return good, np.empty(0, np.int64), 0
    verdict = seen.judge(good["#id"].to_numpy(), good["#content"].to_numpy())
    if verdict.new.all():
        return good, np.empty(0, np.int64), 0
    changed = good["#place"].to_numpy()[verdict.changed]
    return good.filter(pa.array(verdict.new)), changed, int(verdict.again.sum())


def _changed(places: npt.NDArray[np.int64], taken: Taken, arrivals: Arrivals, unit: str) -> pa.Table:
    """Quarantine rows of events that came before with other content."""
    if not len(places):
        return pa.table({})
    contract = live_contract(taken.table)
    key = contract.key[0] if taken.table != "balances" else "event_id"
    found = []
    for raw in arrivals.raws:
        if raw.table == taken.table:
            mask = pc.is_in(raw.places, value_set=pa.array(places))
            mine = raw.take(mask)
            count = mine.rows.num_rows
            reasons = [
                pa.repeat(unit, count),
                pa.repeat(raw.file, count),
                mine.row,
                pa.repeat(key, count),
                pa.repeat("changed", count),
                pa.repeat("text", count),
                pa.repeat(f"{key}:changed", count),
            ]
            table = mine.rows.append_column(RECORD, pa.nulls(count, pa.string()))
            for name, column in zip(REASONS, reasons, strict=True):
                table = table.append_column(name, column)
            found.append(table.append_column("#place", mine.places))
    return pa.concat_tables(found)


def _set_broken(found: Judged, broken: list[Broken], unit: str) -> None:
    """Add records that are no events to the refused ones."""
    for table in sorted({one.table for one in broken}):
        rows = [one for one in broken if one.table == table]
        columns = {
            RECORD: pa.array([one.record for one in rows], pa.string()),
            "unit": pa.repeat(unit, len(rows)),
            "file": pa.array([one.file for one in rows], pa.string()),
            "row": pa.array([one.row for one in rows], pa.int64()),
            "field": pa.array([one.field for one in rows], pa.string()),
            "rule": pa.array([one.rule for one in rows], pa.string()),
            "value_class": pa.repeat("record", len(rows)),
            "faults": pa.array([f"{one.field}:{one.rule}" for one in rows], pa.string()),
            "#place": pa.array([one.place for one in rows], pa.int64()),
        }
        _join(found.refused, table or UNKNOWN_TABLE, pa.table(columns))
