"""Rows taken one at a time, by functions written for each table: the short way for small batches."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from quanke.engines.live.dense import Held as OfNight
from quanke.engines.live.held import Held, Parts
from quanke.engines.live.judging import Judge
from quanke.engines.live.scalar import EPOCH, Scalar, Written, as_of_day, fit64, held, plain
from quanke.engines.live.state import BALANCES, Contribution, State
from quanke.language.facts import table_of
from quanke.language.nodes import Aggregate, AsOf, Node, Reduce
from quanke.language.nodes import Column as Field
from quanke.language.types import INSTANT, OF_FIELD, Kind, Type

Row = dict[str, Any]
_DAYS = frozenset({Reduce.LAST, Reduce.DISTINCT_DAYS, Reduce.DAILY_MEAN})


@dataclass(frozen=True, slots=True)
class Hit:
    """A trigger that fires, is armed or is called off by a row: its number among the judge's, what it saw."""

    number: int
    row: Row
    at: int
    values: str


@dataclass(frozen=True, slots=True)
class Change:
    """What a row adds to one aggregate."""

    held: Held
    slot: int
    before: Parts
    after: Parts
    value: Scalar
    day: int | None


@dataclass(frozen=True, slots=True)
class Seen:
    """What one row did: decisions, waits it begins, waits it calls off. Nothing stands before `keep`."""

    fired: list[Hit]
    armed: list[Hit]
    called: list[Hit]
    changes: list[Change]

    def keep(self) -> None:
        """Make what it added to the state stand."""
        for change in self.changes:
            change.held.put(change.slot, change.after, change.value, change.day)

    def undo(self) -> None:
        """Take it back again."""
        for change in reversed(self.changes):
            change.held.back(change.slot, change.before, change.after, change.value, change.day)


class Single:
    """One table's rows, one at a time. `night` gives what stands as of the night, by node."""

    def __init__(self, table: str, state: State, judge: Judge, night: Callable[[Node], OfNight]) -> None:
        self.table = table
        self.judge = judge
        self._state = state
        self._night = night
        self._date = table_of(table).date
        self._types = row_types(table)
        self._contributions = state.contributions.get(table, [])
        places = [p for c in self._contributions for p in c.places]
        self._brought = Written(state.formulas[table], places) if places else None
        self._judged = Written(judge.formulas, judge.outputs)
        self._day: dt.date | None = None

    def _live(self, day: dt.date) -> None:
        """What a day fixes: the as-of days and the ends of windows."""
        self._day = day
        self._bounds = [_bounds(c, day) for c in self._contributions]
        leaves = [] if self._brought is None else self._brought.leaves
        self._rows_only = [self._reader(node, day) for node in leaves]
        self._readers = [self._reader(node, day) for node in self._judged.leaves]

    def _reader(self, node: Node, day: dt.date) -> tuple[int, Any]:
        if isinstance(node, AsOf):
            return 0, as_of_day(node, day)
        if isinstance(node, Field) and node.table == self.table:
            return 1, node.name
        if isinstance(node, Aggregate):
            return 2, self._state.held[node]
        return 3, self._night(node)

    def rows(self, rows: pa.Table) -> list[Row]:
        """Rows as they are held here."""
        types = self._types
        return [
            {n: held(v, types[n]) if n in types else v for n, v in row.items()} for row in rows.to_pylist()
        ]

    def take(self, row: Row, day: dt.date) -> Seen:
        """What a row does on a day. Raises OverflowError; nothing has changed then."""
        if day != self._day:
            self._live(day)
        slot = self._state.slot(row["customer"])
        changes, after = self._changes(row, slot)
        given: list[Scalar] = []
        customer = row["customer"]
        for kind, what in self._readers:
            if kind == 1:
                given.append(row[what])
            elif kind == 3:
                given.append(what.one(customer))
            elif kind == 2:
                parts = after.get(what)
                given.append(what.final(what.one(slot) if parts is None else parts, day))
            else:
                given.append(what)
        found = self._judged.call(given)
        return self._seen(row, found, changes)

    def _changes(self, row: Row, slot: int) -> tuple[list[Change], dict[Held, Parts]]:
        changes: list[Change] = []
        after: dict[Held, Parts] = {}
        if self._brought is None:
            return changes, after
        given = [row[what] if kind == 1 else what for kind, what in self._rows_only]
        found = self._brought.call(given)
        own, at = row[self._date], 0
        for contribution, (first, last) in zip(self._contributions, self._bounds, strict=True):
            count = len(contribution.places)
            where, value, date = contribution.among(found[at : at + count])
            at += count
            if where is not True or not _inside(contribution, own, date, first, last):
                continue
            value = _value(contribution, value)
            if value is None or (date is None and contribution.node.reduce in _DAYS):
                continue
            if contribution.node.reduce is Reduce.DAILY_MEAN:
                value = fit64(int(value) * (last + 1 - max(int(date), first)))  # type: ignore[arg-type]
            held_ = self._state.held[contribution.node]
            day = None if date is None else int(date)
            before = held_.one(slot)
            after[held_] = parts = held_.plus(slot, before, value, day)
            changes.append(Change(held_, slot, before, parts, value, day))
        return changes, after

    def _seen(self, row: Row, found: Sequence[Scalar], changes: Any) -> Seen:
        judge = self.judge
        at = row.get("at")
        at = row[self._date] * 86_400_000_000 if at is None else at

        def hits(ways: Sequence[tuple[int, int]]) -> list[Hit]:
            true = [number for number, place in ways if found[judge.at[place]] is True]
            return [Hit(number, row, at, self._told(number, found)) for number in true]

        return Seen(hits(judge.firing), hits(judge.arming), hits(judge.calling), changes)

    def _told(self, number: int, found: Sequence[Scalar]) -> str:
        judge = self.judge
        values = [json_of(found[judge.at[place]], of) for _, place, of in judge.seen[number]]
        return judge.frames[number] % tuple(values)


def json_of(value: Scalar, of: Type) -> str:
    """A held value as JSON."""
    if value is None:
        return "null"
    if of.kind in (Kind.INTEGER, Kind.MONEY):
        return str(value)
    return json.dumps(plain(value, of), ensure_ascii=False, default=str)


def row_types(table: str) -> Mapping[str, Type]:
    """Types of a table's fields that are held otherwise than they are read."""
    fields = {n: OF_FIELD[f.type] for n, f in table_of(table).fields.items()}
    return {n: of for n, of in {**fields, "at": INSTANT}.items() if of.kind in _HELD_OTHERWISE}


_HELD_OTHERWISE = frozenset({Kind.DATE, Kind.INSTANT, Kind.RATE})


def _bounds(contribution: Contribution, day: dt.date) -> tuple[int, int]:
    first, last = contribution.node.window.days(day)
    return first.toordinal() - EPOCH, last.toordinal() - EPOCH


def _inside(contribution: Contribution, own: int, date: Scalar, first: int, last: int) -> bool:
    if contribution.node.reduce in BALANCES:
        return own <= last
    return not contribution.bounded or (date is not None and first <= int(date) <= last)


def _value(contribution: Contribution, value: Scalar) -> Scalar:
    if contribution.value is None:
        return 1
    if contribution.node.reduce is Reduce.ANY:
        return 1 if value is True else None
    return int(value) if isinstance(value, bool) else value


def array_of(hits: Sequence[Hit]) -> tuple[np.ndarray, np.ndarray, list[str], np.ndarray, list[str]]:
    """Numbers, customers, event ids, moments and values of hits."""
    return (
        np.array([h.number for h in hits], np.int32),
        np.array([h.row["customer"] for h in hits], np.int64),
        [str(h.row["event_id"]) for h in hits],
        np.array([h.at for h in hits], np.int64),
        [h.values for h in hits],
    )
