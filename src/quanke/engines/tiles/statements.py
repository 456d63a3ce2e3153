"""The SQL of tiles: what is kept of everybody from all rows, and what some rows change in it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from quanke.engines.duckdb import DIALECT
from quanke.engines.statements import aggregate_sql, finish_sql, lower
from quanke.engines.tiles.crossings import column_name, crossing
from quanke.engines.tiles.kept import DAY, Anchor, Keeping, Kept, merged, shift
from quanke.language.facts import table_of
from quanke.language.nodes import Column, Node, Reduce, walk

Days = tuple[dt.date, dt.date]
EARLIEST = dt.date(1900, 1, 1)
ADDED_SIDE, STANDING_SIDE, REMOVED_SIDE = 1, 0, -1
"""Where a row of a changes relation stands (`side`): came since the last night, was there, is gone."""


def _day(value: dt.date) -> str:
    return f"DATE '{value.isoformat()}'"


def _inside(field: str, window: tuple[dt.date, dt.date]) -> str:
    first, last = window
    if first > last:
        return "false"
    if first <= EARLIEST:
        return f"{field} <= {_day(last)}"
    return f"{field} BETWEEN {_day(first)} AND {_day(last)}"


def fields_read(held: Iterable[Kept], table: str) -> list[str]:
    """Fields of a table that some aggregates read, its date among them, sorted."""
    found = {table_of(table).date}
    for each in held:
        found |= {n.name for n in walk(each.aggregate) if isinstance(n, Column)}
        found |= {each.aggregate.window.field} - {""}
    if table == "balances":
        found = (found - {"balance"}) | {"delta"}
    return sorted(found)


def condition_of(node: Node | None, as_of: dt.date) -> str:
    """SQL of an aggregate's condition; "" for none."""
    return "" if node is None else f"({lower(node, DIALECT, as_of, column_name)})"


def _value(each: Kept, as_of: dt.date) -> str:
    node = each.aggregate
    return "1" if node.value is None else f"({lower(node.value, DIALECT, as_of, column_name)})"


def _when(*conditions: str) -> str:
    return " AND ".join(c for c in conditions if c) or "true"


def whole_sql(held: Sequence[Kept], source: str, as_of: dt.date) -> str:
    """What is kept of some aggregates on one table (balances by anchor excepted), from all its rows: one row
    per customer of whom there is one. `source` has `customer` and the table's fields."""
    table = held[0].aggregate.table
    own = DIALECT.quote(table_of(table).date)
    columns: list[str] = []
    first = dt.date.max
    for each in held:
        window = each.window(as_of)
        recomputed = each.keeping is Keeping.RECOMPUTED
        first = min(first, dt.date.min if recomputed and _looks_back(each) else window[0])
        inside = _inside(own, window)
        where = _when(condition_of(each.aggregate.where, as_of), inside)
        if each.keeping is Keeping.RECOMPUTED:
            parts = aggregate_sql(each.aggregate, DIALECT, as_of)
            columns.append(f'{finish_sql(each.aggregate, DIALECT, as_of, parts)} AS "{each.key}"')
        else:
            columns += _kept_sql(each, where, _value(each, as_of), own)
    reach = f"{own} <= {_day(as_of)}"
    if first > EARLIEST:
        reach += f" AND {own} >= {_day(first)}"
    lines = ",\n  ".join(columns)
    return f"SELECT customer,\n  {lines}\nFROM {source}\nWHERE {reach}\nGROUP BY customer"


def _looks_back(each: Kept) -> bool:
    node = each.aggregate
    return bool(node.window.field) or node.reduce in (Reduce.LEVEL, Reduce.DAILY_MEAN)


def _kept_sql(each: Kept, where: str, value: str, own: str) -> list[str]:
    """Columns of one aggregate over the rows that fit `where`."""
    node, key = each.aggregate, each.key
    if each.keeping is Keeping.ADDED:
        if node.reduce is Reduce.SUM:
            added = f"coalesce(sum(CASE WHEN {where} THEN {value} END), 0)"
        else:
            counted = where if node.reduce is Reduce.COUNT else f"{where} AND {value}"
            added = f"count(CASE WHEN {counted} THEN 1 END)"
        return [f'CAST({added} AS BIGINT) AS "{key}"']
    if node.reduce is Reduce.LAST:
        last = _last(where, own, value)
        return [f'({last}).value AS "{key}"', f'({last}).day AS "{key}_day"']
    name = "min" if node.reduce is Reduce.MIN else "max"
    return [f'{name}(CASE WHEN {where} THEN {value} END) AS "{key}"']


def _last(where: str, own: str, value: str) -> str:
    known = f"{value} IS NOT NULL AND {own} IS NOT NULL"
    return f"max(CASE WHEN {where} AND {known} THEN {{'day': {own}, 'value': {value}}} END)"


def changes_sql(held: Sequence[Kept], rows: str, before: dt.date, after: dt.date) -> str:
    """What rows that came, left their windows or are gone change in added, latest and extreme values.

    `rows` has `customer`, the fields and `side`. One row per customer; per aggregate: of an added value
    what to add; of the others `KEY` (and `KEY_day`), the best of what came, and `KEY_gone` (`KEY_gone_day`),
    the best of what went.
    """
    own = DIALECT.quote(table_of(held[0].aggregate.table).date)
    windows = {each.key: (each.window(before), each.window(after)) for each in held}
    weights: dict[tuple[Days, Days], str] = {}
    for pair in windows.values():
        weights.setdefault(pair, f"w_{len(weights)}")
    weighed = [
        f"CAST((side >= 0 AND {_inside(own, new)}) AS INTEGER) "
        f"- CAST((side <= 0 AND {_inside(own, old)}) AS INTEGER) AS {name}"
        for (old, new), name in weights.items()
    ]
    columns: list[str] = []
    for each in held:
        weight = weights[windows[each.key]]
        columns += _changed_sql(each, weight, own, after)
    lines, weighing = ",\n  ".join(columns), ", ".join(weighed)
    return f"SELECT customer,\n  {lines}\nFROM (SELECT *, {weighing} FROM {rows})\nGROUP BY customer"


def _changed_sql(each: Kept, weight: str, own: str, as_of: dt.date) -> list[str]:
    node, key = each.aggregate, each.key
    condition, value = condition_of(node.where, as_of), _value(each, as_of)
    if each.keeping is Keeping.ADDED:
        if node.reduce is Reduce.SUM:
            added = f"sum(CASE WHEN {_when(condition, f'{weight} <> 0')} THEN {weight} * {value} END)"
        else:
            counted = condition if node.reduce is Reduce.COUNT else _when(condition, value)
            added = f"sum(CASE WHEN {counted or 'true'} THEN {weight} END)"
        return [f'CAST(coalesce({added}, 0) AS BIGINT) AS "{key}"']
    came, went = _when(condition, f"{weight} > 0"), _when(condition, f"{weight} < 0")
    if node.reduce is Reduce.LAST:
        best, gone = _last(came, own, value), _last(_when(went, "side < 0"), own, value)
        return [
            f'({best}).value AS "{key}"',
            f'({best}).day AS "{key}_day"',
            f'({gone}).day AS "{key}_gone"',
        ]
    name = "min" if node.reduce is Reduce.MIN else "max"
    if each.keeping is Keeping.LATEST:  # whose day left the window is unknown anyway
        went = _when(went, "side < 0")
    return [
        f'{name}(CASE WHEN {came} THEN {value} END) AS "{key}"',
        f'{name}(CASE WHEN {went} THEN {value} END) AS "{key}_gone"',
    ]


def days_moved(held: Sequence[Kept], before: dt.date, after: dt.date) -> list[tuple[dt.date, dt.date]]:
    """Days that enter or leave the window of any of the aggregates."""
    ranges = [r for each in held for r in shift(each.window(before), each.window(after))]
    return merged(ranges)


def touched_sql(held: Sequence[Kept], before: dt.date, after: dt.date) -> str | None:
    """SQL condition under which a row makes a recomputed value change though nothing was handed over;
    None where that may be any row."""
    parts = []
    for each in held:
        condition = crossing(each, before, after)
        if condition is None:
            return None
        if condition:
            parts.append(condition)
    return " OR ".join(dict.fromkeys(p for part in parts for p in part.split(" OR ")))


@dataclass(frozen=True)
class Move:
    """An anchor's way from one day to a later one, or its refreshing where it stands (`start` its own day).
    `start` None: it is made from all rows."""

    anchor: Anchor
    start: dt.date | None

    @property
    def days(self) -> int:
        """Natural days it moves over."""
        return 0 if self.start is None else (self.anchor.day - self.start).days


def moves_of(wanted: Sequence[Anchor], held: Iterable[Anchor], longest: int) -> list[Move]:
    """For each anchor wanted, the nearest one held at or before it, at most `longest` days away."""
    by_condition: dict[Node | None, list[dt.date]] = {}
    for anchor in held:
        by_condition.setdefault(anchor.where, []).append(anchor.day)
    moves = []
    for anchor in wanted:
        before = [d for d in by_condition.get(anchor.where, []) if d <= anchor.day]
        start = max(before, default=None)
        if start is not None and (anchor.day - start).days > longest:
            start = None
        moves.append(Move(anchor, start))
    return moves


def anchored_sql(moves: Sequence[Move], rows: str, as_of: dt.date) -> str:
    """Sums that carry anchors along their moves: per move `KEY-L` (changes) and `KEY-I` (changes times the
    days they are held up to the anchor). `rows` has `customer`, `date`, `delta`, the fields and `side`."""
    columns = []
    for move in moves:
        day, start = move.anchor.day, move.start
        where = condition_of(move.anchor.where, as_of)
        reach = f"date <= {_day(day)}"
        if start is not None:
            # what stood counts from the start on, what came whole, what went as far as it was counted
            stood = (
                f"CASE side WHEN 0 THEN date > {_day(start)} WHEN -1 THEN date <= {_day(start)} ELSE true END"
            )
            reach = f"({reach} AND {stood})"
        delta = f"CASE WHEN {_when(where, reach)} THEN signed END"
        held = f"CASE WHEN {_when(where, reach)} THEN signed * ({_day(day)} - date + 1) END"
        key = move.anchor.key
        columns += [
            f'CAST(coalesce(sum({delta}), 0) AS BIGINT) AS "{key}-L"',
            f'CAST(coalesce(sum({held}), 0) AS BIGINT) AS "{key}-I"',
        ]
    lines = ",\n  ".join(columns)
    signed = f"CASE WHEN side = {REMOVED_SIDE} THEN -delta ELSE delta END AS signed"
    return (
        f"SELECT customer,\n  {lines}\nFROM (SELECT *, {signed} FROM {rows})\n"
        f"WHERE date <= {_day(as_of)}\nGROUP BY customer"
    )


def rows_sql(
    sides: Mapping[int, str], fields: Sequence[str], days: Sequence[tuple[dt.date, dt.date]], own: str
) -> str:
    """A changes relation: rows that came and went whole, of those that stood the given days."""
    names = ", ".join(DIALECT.quote(f) for f in fields)
    parts = []
    for side, relation in sides.items():
        where = ""
        if side == STANDING_SIDE:
            ranges = " OR ".join(_inside(DIALECT.quote(own), r) for r in days)
            if not ranges:
                continue
            where = f" WHERE {ranges}"
        parts.append(f"SELECT customer, {names}, {side} AS side FROM {relation}{where}")
    return f"({' UNION ALL '.join(parts)})" if parts else ""


__all__ = [
    "ADDED_SIDE", "DAY", "REMOVED_SIDE", "STANDING_SIDE", "Move", "anchored_sql", "changes_sql",
    "condition_of", "days_moved", "fields_read", "moves_of", "rows_sql", "touched_sql", "whole_sql",
]  # fmt: skip
