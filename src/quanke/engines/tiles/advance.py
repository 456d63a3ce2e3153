"""The tiles of a range of customers brought from one night to the next, or made from all rows.

Nothing is estimated: what is added is exact, what cannot be added is computed again from the rows of the
customers it may have changed for. The result is what all rows would give, bit for bit.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quanke.engines.live.columns import Column
from quanke.engines.tiles import statements as sql
from quanke.engines.tiles.columns import differing, from_arrow, replaced, unknown, zero
from quanke.engines.tiles.kept import Keeping, Kept, Tiling
from quanke.engines.tiles.part import TilePart
from quanke.language.facts import table_of
from quanke.language.nodes import Aggregate, Reduce
from quanke.language.types import INTEGER

MOST = 0.4
"""Where more than this share of a range's customers is to be looked at again, everybody is."""
Numbers = NDArray[np.int64]
COUNTED = frozenset({Reduce.COUNT, Reduce.DISTINCT, Reduce.DISTINCT_DAYS})


class TableRows(Protocol):
    """Rows of a fact table for one range of customers, as SQL relations."""

    def everything(self) -> str:
        """All rows under today's customers; empty SQL for none."""

    def sides(self, days: Sequence[tuple[dt.date, dt.date]]) -> Mapping[int, str]:
        """Rows that came (1) and went (-1) since the night before, and those of some days that stood (0)."""

    def handed(self, connection: duckdb.DuckDBPyConnection, fields: Sequence[str]) -> Numbers | None:
        """Customers of whom a row came, went or changed, rising; None where all may have."""


@dataclass
class Range:
    """What is asked of a part: customers `low` to `high - 1`; `before` the day of the tiles it starts from
    (None: from all rows); `again` customers whose rows may all have moved, rising."""

    low: int
    high: int
    before: dt.date | None
    day: dt.date
    again: Numbers

    @property
    def rows(self) -> int:
        """How many customers."""
        return self.high - self.low


@dataclass
class Advanced:
    """Tiles of a part as of the day. `finished` gives an aggregate's value for everybody in the part,
    `changed` where it may differ from that of the night before (None: nowhere)."""

    part: TilePart
    range: Range
    tiling: Tiling
    masks: dict[Aggregate, NDArray[np.bool_] | None] = field(default_factory=dict)
    balances: dict[Aggregate, Column] = field(default_factory=dict)
    looked_at: dict[str, int] = field(default_factory=dict)

    def finished(self, node: Aggregate) -> Column:
        """The aggregate's value, with its default where no row speaks of a customer."""
        if node in self.balances:
            return self.balances[node]
        held = next(k for k in self.tiling.by_table[node.table] if k.aggregate == node)
        column = self.part.get(held.key, held.columns[held.key], default(held, held.key, self.range.rows))
        return _finished(held, column)

    def changed(self, node: Aggregate) -> NDArray[np.bool_] | None:
        """Where the value may have changed; None for nowhere."""
        return self.masks.get(node)


def _finished(held: Kept, column: Column) -> Column:
    if held.keeping is Keeping.ADDED and held.aggregate.reduce is Reduce.ANY:
        return Column(column.values > 0, column.valid)
    return column


def default(held: Kept, key: str, rows: int) -> Column:
    """What a column holds of a customer without a row."""
    of = held.columns[key]
    if held.keeping is Keeping.ADDED:
        return zero(rows, INTEGER)
    counted = held.aggregate.reduce in COUNTED | {Reduce.SUM, Reduce.ANY, Reduce.LEVEL, Reduce.DAILY_MEAN}
    if held.keeping is Keeping.RECOMPUTED and counted:
        return zero(rows, of)
    return unknown(rows, of)


def advance(
    asked: Range,
    tiling: Tiling,
    rows: Mapping[str, TableRows],
    part: TilePart,
    connection: duckdb.DuckDBPyConnection,
) -> Advanced:
    """Bring all tables but balances to the day. Raises OverflowError where a number leaves 64 bits."""
    made = Advanced(part, asked, tiling)
    for table, held in tiling.by_table.items():
        mine = [k for k in held if k.keeping is not Keeping.BALANCE]
        if mine:
            _Table(made, mine, rows[table], connection).advance()
    return made


class _Table:
    """One table of a part."""

    def __init__(
        self, made: Advanced, held: Sequence[Kept], rows: TableRows, connection: duckdb.DuckDBPyConnection
    ) -> None:
        self.made, self.part, self.asked = made, made.part, made.range
        self.table = held[0].aggregate.table
        self.held, self.rows, self.connection = held, rows, connection
        self.fields = sql.fields_read(held, self.table)

    def advance(self) -> None:
        """From the night before where it kept a column, from all rows where it did not."""
        there = [k for k in self.held if self.asked.before and all(map(self.part.was_kept, k.columns))]
        missing = [k for k in self.held if k not in there]
        if missing:
            self._again(missing, None)
            for each in missing:
                self.made.masks[each.aggregate] = np.ones(self.asked.rows, np.bool_)
        again: dict[str, list[Numbers]] = {}
        running = [k for k in there if k.keeping is not Keeping.RECOMPUTED]
        if running:
            self._change(running, again)
        looked = [k for k in there if k.keeping is Keeping.RECOMPUTED]
        if looked:
            touched = self._touched(looked)
            if touched is None:
                self._again(looked, None)
            elif len(touched):
                for each in looked:
                    again.setdefault(each.key, []).append(touched)
        if len(self.asked.again):
            for each in there:
                again.setdefault(each.key, []).append(self.asked.again)
        self._look_again([k for k in there if k.key in again], again)
        for each in there:
            self._compare(each)

    def _look_again(self, held: Sequence[Kept], again: Mapping[str, Sequence[Numbers]]) -> None:
        """Aggregates that wait for the same customers share one look at the rows."""
        groups: dict[bytes, tuple[Numbers, list[Kept]]] = {}
        for each in held:
            customers = np.unique(np.concatenate(again[each.key]))
            groups.setdefault(customers.tobytes(), (customers, []))[1].append(each)
        for customers, some in groups.values():
            most = len(customers) > MOST * self.asked.rows
            self._again(some, None if most else customers)

    def _again(self, held: Sequence[Kept], customers: Numbers | None) -> None:
        """Compute from the rows of some customers (None: of all)."""
        source = self.rows.everything()
        count = self.asked.rows if customers is None else len(customers)
        self.made.looked_at[self.table] = max(self.made.looked_at.get(self.table, 0), count)
        if customers is not None:
            wanted = pa.table({"customer": pa.array(customers.astype(np.int32))})
            self.connection.register("tiles_wanted", wanted)
            source = f"(SELECT t.* FROM {source} AS t SEMI JOIN tiles_wanted AS w ON w.customer = t.customer)"
        found = self.connection.sql(sql.whole_sql(held, source, self.asked.day)).to_arrow_table()
        at = found["customer"].to_numpy().astype(np.int64) - self.asked.low
        places = None if customers is None else customers - self.asked.low
        for each in held:
            for key, of in each.columns.items():
                empty = default(each, key, self.asked.rows)
                base = empty if places is None else self.part.get(key, of, empty)
                if places is not None:
                    base = replaced(base, places, Column(empty.values[places], empty.valid[places]))
                self.part.put(key, replaced(base, at, from_arrow(found[key], of)), of)
        if customers is not None:
            self.connection.unregister("tiles_wanted")

    def _touched(self, held: Sequence[Kept]) -> Numbers | None:
        """Customers of whom a row came, went, or crossed a day that a condition turns on."""
        assert self.asked.before is not None
        handed = self.rows.handed(self.connection, self.fields)
        if handed is None:
            return None
        condition = sql.touched_sql(held, self.asked.before, self.asked.day)
        if condition is None:
            return None
        if not condition:
            return handed
        query = f"SELECT DISTINCT customer FROM {self.rows.everything()} WHERE {condition}"
        crossed = self.connection.sql(query).to_arrow_table()["customer"].to_numpy()
        both: Numbers = np.union1d(handed, crossed.astype(np.int64))
        return both

    def _change(self, held: Sequence[Kept], again: dict[str, list[Numbers]]) -> None:
        """Add what came, take off what left; note whom to look at again."""
        assert self.asked.before is not None
        before, day = self.asked.before, self.asked.day
        own = table_of(self.table).date
        sides = self.rows.sides(sql.days_moved(held, before, day))
        relation = sql.rows_sql(sides, self.fields, sql.days_moved(held, before, day), own)
        found = None
        if relation:
            found = self.connection.sql(sql.changes_sql(held, relation, before, day)).to_arrow_table()
        for each in held:
            if each.keeping is Keeping.LATEST:
                self._forget(each)
        if found is None or not found.num_rows:
            return
        at = found["customer"].to_numpy().astype(np.int64) - self.asked.low
        for each in held:
            if each.keeping is Keeping.ADDED:
                self._add(each, found, at)
            else:
                gone = self._improve(each, found, at)
                if len(gone):
                    again.setdefault(each.key, []).append(gone + self.asked.low)

    def _old(self, each: Kept, key: str) -> Column:
        return self.part.get(key, each.columns[key], default(each, key, self.asked.rows))

    def _add(self, each: Kept, found: pa.Table, at: Numbers) -> None:
        came: Numbers = found[each.key].to_numpy()
        if not came.any():
            return
        column = self._old(each, each.key)
        values = column.values.copy()
        total = values[at] + came
        if np.any(((values[at] ^ total) & (came ^ total)) < 0):
            raise OverflowError("a sum does not fit 64 bits")
        values[at] = total
        self.part.put(each.key, Column(values, column.valid), INTEGER)

    def _forget(self, each: Kept) -> None:
        """A latest value whose day has left the window: no row is left."""
        first, _ = each.window(self.asked.day)
        if first <= sql.EARLIEST:
            return
        day_key = each.key if each.aggregate.reduce is Reduce.MAX else f"{each.key}_day"
        days = self._old(each, day_key)
        left = days.valid & (days.values < np.datetime64(first, "D"))
        if not left.any():
            return
        places = np.flatnonzero(left)
        for key, of in each.columns.items():
            column = self._old(each, key)
            self.part.put(key, replaced(column, places, unknown(len(places), of)), of)

    def _improve(self, each: Kept, found: pa.Table, at: Numbers) -> Numbers:
        """Take what came where it is better; places whose value went."""
        node, key = each.aggregate, each.key
        of = each.columns[key]
        held = self._old(each, key)
        came = from_arrow(found[key], of)
        mine = Column(held.values[at], held.valid[at])
        if node.reduce is Reduce.LAST:
            return self._improve_last(each, found, at, mine, came)
        gone = from_arrow(found[f"{key}_gone"], of)
        lost = gone.valid & mine.valid & (gone.values == mine.values).astype(np.bool_)
        better = came.values < mine.values if node.reduce is Reduce.MIN else came.values > mine.values
        take = came.valid & (~mine.valid | better.astype(np.bool_))
        if take.any():
            places = at[take]
            self.part.put(key, replaced(held, places, Column(came.values[take], came.valid[take])), of)
        found_lost: Numbers = at[lost]
        return found_lost

    def _improve_last(self, each: Kept, found: pa.Table, at: Numbers, mine: Column, came: Column) -> Numbers:
        key, of = each.key, each.columns[each.key]
        day = f"{key}_day"
        days = self._old(each, day)
        held = Column(days.values[at], days.valid[at])
        came_day = from_arrow(found[day], each.columns[day])
        gone = from_arrow(found[f"{key}_gone"], each.columns[day])
        lost = gone.valid & held.valid & (gone.values >= held.values)
        later = (came_day.values > held.values) | (
            (came_day.values == held.values) & (came.values > mine.values).astype(np.bool_)
        )
        take = came_day.valid & (~held.valid | later)
        if take.any():
            places = at[take]
            full = self._old(each, key)
            self.part.put(key, replaced(full, places, Column(came.values[take], came.valid[take])), of)
            taken = Column(came_day.values[take], came_day.valid[take])
            self.part.put(day, replaced(days, places, taken), each.columns[day])
        found_lost: Numbers = at[lost]
        return found_lost

    def _compare(self, each: Kept) -> None:
        """Where the value of the night before and today's differ."""
        if not self.part.is_new(each.key):
            return
        empty = default(each, each.key, self.asked.rows)
        old = _finished(each, self.part.old(each.key, each.columns[each.key], empty))
        apart = differing(old, _finished(each, self._old(each, each.key)))
        if apart.any():
            self.made.masks[each.aggregate] = apart
