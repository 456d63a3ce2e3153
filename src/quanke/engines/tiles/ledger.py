"""Levels and daily means out of anchors: the level of a condition at some days, and its integral up to it.

With L(t) the balance at the end of day t and I(t) the sum of L over all days up to t, a level is L, and a
daily mean over days f to l is (I(l) - I(f - 1)) / (l - f + 1). A change on day d adds `delta` to every L(t)
and `delta * (t + 1 - d)` to every I(t) with t >= d. Accounts in foreign money are valued anew each night
and added whole.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import duckdb
import numpy as np
import pyarrow as pa

from quanke.engines.live.columns import Column
from quanke.engines.tiles import statements as sql
from quanke.engines.tiles.advance import Advanced, Numbers, TableRows
from quanke.engines.tiles.columns import from_arrow, zero
from quanke.engines.tiles.kept import Anchor, Keeping, anchors_of, merged
from quanke.engines.tiles.statements import Move, anchored_sql, fields_read, moves_of, rows_sql
from quanke.language.nodes import Aggregate, Reduce
from quanke.language.types import INTEGER

LONGEST = 62
"""Days an anchor moves at most; from further away it is made from all rows."""
SAFE = 2**62
"""Numbers stay below this in absolute value, so that no sum of two leaves 64 bits."""
Anchored = dict[Anchor, tuple[Numbers, Numbers, Numbers]]
"""Of some customers, by their place in the part: level and integral of each anchor."""


def advance_balances(
    made: Advanced,
    rows: TableRows,
    foreign: tuple[str, str],
    connection: duckdb.DuckDBPyConnection,
) -> tuple[Anchor, ...]:
    """Bring anchors, levels and daily means to the day. `foreign` are relations of valued changes of
    foreign accounts as of the night before and of the day; empty for none. Returns the anchors kept."""
    tiling, asked = made.tiling, made.range
    wanted = tiling.anchors(asked.day)
    if not wanted:
        return ()
    _Ledger(made, rows, connection).advance(wanted)
    today = _foreign(wanted, foreign[1], made, connection, asked.day)
    before: Anchored = {}
    if asked.before is not None:
        there = tuple(a for a in tiling.anchors(asked.before) if made.part.was_kept(f"{a.key}-L"))
        before = _foreign(there, foreign[0], made, connection, asked.before)
    for each in tiling.of_table("balances", Keeping.BALANCE):
        _finish(made, each.aggregate, today, before)
    return wanted


class _Ledger:
    """Anchors of a part."""

    def __init__(self, made: Advanced, rows: TableRows, connection: duckdb.DuckDBPyConnection) -> None:
        self.part, self.asked, self.tiling = made.part, made.range, made.tiling
        self.made = made
        self.rows, self.connection = rows, connection
        self.fields = fields_read(self.tiling.of_table("balances", Keeping.BALANCE), "balances")

    def advance(self, wanted: Sequence[Anchor]) -> None:
        """Move what can be moved, make the rest from all rows, look again at whose rows moved."""
        held: tuple[Anchor, ...] = ()
        if self.asked.before is not None:
            there = self.tiling.anchors(self.asked.before)
            held = tuple(a for a in there if self.part.was_kept(f"{a.key}-L"))
        moves = moves_of(wanted, held, LONGEST)
        afresh = [m for m in moves if m.start is None]
        moving = [m for m in moves if m.start is not None]
        if afresh:
            self._whole(afresh, None)
        if moving:
            self._move(moving)
            if len(self.asked.again):
                self._whole(moving, self.asked.again)

    def _move(self, moves: Sequence[Move]) -> None:
        day = dt.timedelta(days=1)
        passed = merged(sorted({(m.start + day, m.anchor.day) for m in moves if m.days and m.start}))
        sides = self.rows.sides(passed)
        relation = rows_sql(sides, self.fields, passed, "date")
        changed = any(side for side in sides)
        some = [m for m in moves if m.days or changed]
        found = None
        if relation and some:
            found = self.connection.sql(anchored_sql(some, relation, self.asked.day)).to_arrow_table()
        at = found["customer"].to_numpy().astype(np.int64) - self.asked.low if found is not None else None
        for move in some:
            self._moved(move, found, at)

    def _moved(self, move: Move, found: pa.Table | None, at: Numbers | None) -> None:
        assert move.start is not None
        level, integral = self._held(Anchor(move.anchor.where, move.start))
        key = move.anchor.key
        came = None if found is None else (found[f"{key}-L"].to_numpy(), found[f"{key}-I"].to_numpy())
        if came is not None and not came[0].any() and not came[1].any():
            came = None
        if came is None and not move.days:
            return
        _safe(level, integral, move.days)
        integral = integral + move.days * level if move.days else integral.copy()
        level = level.copy()
        if came is not None and at is not None:
            level[at] += came[0]
            integral[at] += came[1]
        _safe(level, integral, 1)
        self._put(move.anchor, level, integral)

    def _whole(self, moves: Sequence[Move], customers: Numbers | None) -> None:
        """Anchors from all rows of some customers (None: of everybody)."""
        source = f"(SELECT *, {sql.ADDED_SIDE} AS side FROM {self.rows.everything()} AS t)"
        if customers is not None:
            wanted = pa.table({"customer": pa.array(customers.astype(np.int32))})
            self.connection.register("tiles_wanted", wanted)
            source = f"(SELECT t.* FROM {source} AS t SEMI JOIN tiles_wanted AS w ON w.customer = t.customer)"
        whole = [Move(m.anchor, None) for m in moves]
        found = self.connection.sql(anchored_sql(whole, source, self.asked.day)).to_arrow_table()
        at = found["customer"].to_numpy().astype(np.int64) - self.asked.low
        for move in whole:
            if customers is None:
                level, integral = (np.zeros(self.asked.rows, np.int64) for _ in "LI")
            else:
                level, integral = (values.copy() for values in self._now(move.anchor))
                level[customers - self.asked.low] = integral[customers - self.asked.low] = 0
            level[at] = found[f"{move.anchor.key}-L"].to_numpy()
            integral[at] = found[f"{move.anchor.key}-I"].to_numpy()
            _safe(level, integral, 1)
            self._put(move.anchor, level, integral)
        if customers is not None:
            self.connection.unregister("tiles_wanted")
        count = self.asked.rows if customers is None else len(customers)
        self.made.looked_at["balances"] = max(self.made.looked_at.get("balances", 0), count)

    def _held(self, anchor: Anchor) -> tuple[Numbers, Numbers]:
        empty = zero(self.asked.rows, INTEGER)
        level, integral = (self.part.old(f"{anchor.key}-{which}", INTEGER, empty).values for which in "LI")
        return level, integral

    def _now(self, anchor: Anchor) -> tuple[Numbers, Numbers]:
        return anchored(self.made, anchor)

    def _put(self, anchor: Anchor, level: Numbers, integral: Numbers) -> None:
        known = np.ones(self.asked.rows, np.bool_)
        self.part.put(f"{anchor.key}-L", Column(level, known), INTEGER)
        self.part.put(f"{anchor.key}-I", Column(integral, known), INTEGER)


def anchored(made: Advanced, anchor: Anchor, before: bool = False) -> tuple[Numbers, Numbers]:
    """Level and integral of an anchor as of the day, or as the night before kept them."""
    empty = zero(made.range.rows, INTEGER)
    read = made.part.old if before else made.part.get
    level, integral = (read(f"{anchor.key}-{which}", INTEGER, empty).values for which in "LI")
    return level, integral


def anchor_keys(anchors: Sequence[Anchor]) -> list[str]:
    """Names of the columns of some anchors."""
    return [f"{a.key}-{which}" for a in anchors for which in "LI"]


def _safe(level: Numbers, integral: Numbers, days: int) -> None:
    largest = max(days, 1) * int(np.abs(level).max(initial=0)) + int(np.abs(integral).max(initial=0))
    if largest >= SAFE:
        raise OverflowError("a balance times its days does not fit 64 bits")


def _foreign(
    anchors: Sequence[Anchor],
    relation: str,
    made: Advanced,
    connection: duckdb.DuckDBPyConnection,
    day: dt.date,
) -> Anchored:
    """What foreign accounts add to each anchor; nothing where there are none."""
    if not relation or not anchors:
        return {}
    source = f"(SELECT *, {sql.ADDED_SIDE} AS side FROM {relation} AS t)"
    moves = [Move(a, None) for a in anchors]
    found = connection.sql(anchored_sql(moves, source, day)).to_arrow_table()
    if not found.num_rows:
        return {}
    at = found["customer"].to_numpy().astype(np.int64) - made.range.low
    out: Anchored = {}
    for anchor in anchors:
        level, integral = (from_arrow(found[f"{anchor.key}-{which}"], INTEGER).values for which in "LI")
        out[anchor] = (at, level, integral)
    return out


def _sum(made: Advanced, node: Aggregate, day: dt.date, foreign: Anchored, before: bool) -> Numbers:
    """The level, or the sum of the levels of the window's days."""
    anchors = anchors_of(node, day)

    def of(anchor: Anchor, which: int) -> Numbers:
        own = anchored(made, anchor, before)[which]
        if anchor in foreign:
            own = own.copy()
            own[foreign[anchor][0]] += foreign[anchor][which + 1]
        return own

    if node.reduce is Reduce.LEVEL:
        return of(anchors[0], 0)
    return of(anchors[0], 1) - of(anchors[1], 1)


def _finish(made: Advanced, node: Aggregate, today: Anchored, before: Anchored) -> None:
    asked = made.range
    now = _sum(made, node, asked.day, today, before=False)
    known = np.ones(asked.rows, np.bool_)
    days = _length(node, asked.day)
    made.balances[node] = Column(now if node.reduce is Reduce.LEVEL else half_up(now, days), known)
    kept = asked.before is not None and all(
        made.part.was_kept(f"{a.key}-L") for a in anchors_of(node, asked.before)
    )
    if not kept or asked.before is None:
        made.masks[node] = known
        return
    then = _sum(made, node, asked.before, before, before=True)
    apart = now != then
    if days != _length(node, asked.before):
        apart |= (now != 0) | (then != 0)
    if apart.any():
        made.masks[node] = apart


def _length(node: Aggregate, day: dt.date) -> int:
    if node.reduce is Reduce.LEVEL:
        return 1
    first, last = node.window.days(day)
    return (last - first).days + 1


def half_up(numerator: Numbers, denominator: int) -> Numbers:
    """Whole quotients rounded half away from zero; numbers below 2 to the 62nd."""
    quotient, rest = np.divmod(np.abs(numerator), denominator)
    quotient += 2 * rest >= denominator
    result: Numbers = np.where(numerator < 0, -quotient, quotient)
    return result
