"""How each aggregate is kept from night to night, so that the next one reads only what came and what leaves.

* *Added*: sums of whole numbers and money, counts, `some` as a count of true rows. What comes is added, what
  leaves the window is taken off; the result is the exact sum again.
* *Latest*: the last value by day, the last day. A later row takes its place; it is unknown once its day has
  left the window, for then every other row has left too.
* *Extreme*: smallest and largest. A row that comes can only improve it; where the row that leaves is the
  extreme itself, that customer is looked at again.
* *Balance*: levels and daily means out of the change ledger. For each condition and *anchor* day t two
  numbers are kept: the level L(t), and I(t), the sum of all levels up to t. A level is L, and a daily mean
  over [f, l] is (I(l) - I(f - 1)) / days. An anchor moves from t to u by I(u) = I(t) + (u - t) L(t) plus
  `delta * (u + 1 - d)` of the changes between, so it costs the days it moves over; anchors at month ends do
  not move at all and are tiles of a month.
* *Recomputed*: everything else (distinct values, means, rates, what looks at another date than the table's
  own or at the as-of day). The value is kept, and computed again from the rows of those customers of whom a
  row came, went, or crossed a day on which a condition turns.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from quanke.bank.contracts import CONTRACTS, TableKind
from quanke.language.facts import table_of
from quanke.language.nodes import Aggregate, AsOf, Column, Node, Reduce, walk
from quanke.language.types import DATE, INTEGER, Kind, Type

DAY = dt.timedelta(days=1)


class Keeping(StrEnum):
    """What is kept of an aggregate (see the module)."""

    ADDED = "added"
    LATEST = "latest"
    EXTREME = "extreme"
    BALANCE = "balance"
    RECOMPUTED = "recomputed"


@dataclass(frozen=True)
class Kept:
    """One aggregate and its way of being kept. `key` names its columns on disk: equal when and only when
    the aggregate is equal."""

    aggregate: Aggregate
    keeping: Keeping
    key: str

    @property
    def columns(self) -> dict[str, Type]:
        """Columns of state with their types; none for balances, whose anchors are shared."""
        node = self.aggregate
        if self.keeping is Keeping.BALANCE:
            return {}
        if self.keeping is Keeping.ADDED:
            return {self.key: INTEGER}
        if self.keeping is Keeping.LATEST and node.reduce is Reduce.LAST:
            return {self.key: node.type, f"{self.key}_day": DATE}
        return {self.key: node.type}

    def window(self, as_of: dt.date) -> tuple[dt.date, dt.date]:
        """First and last day it sees of its table's own date, both included."""
        if self.aggregate.window.field not in ("", table_of(self.aggregate.table).date):
            return dt.date.min, as_of
        first, last = self.aggregate.window.days(as_of)
        return first, min(last, as_of)


def kept(node: Aggregate) -> Kept:
    """How an aggregate over a fact table is kept."""
    return Kept(node, _keeping(node), digest(node))


def digest(node: Node) -> str:
    """A name for what a node says: equal when and only when it is equal."""
    return hashlib.sha256(repr(node).encode()).hexdigest()[:16]


def _keeping(node: Aggregate) -> Keeping:
    if node.reduce in (Reduce.LEVEL, Reduce.DAILY_MEAN):
        turns = any(isinstance(n, AsOf) for n in walk(node))
        return Keeping.RECOMPUTED if turns else Keeping.BALANCE
    own = table_of(node.table).date
    standing = CONTRACTS[node.table].kind is not TableKind.EVENT
    if standing or node.window.field not in ("", own) or any(isinstance(n, AsOf) for n in walk(node)):
        return Keeping.RECOMPUTED
    if node.reduce in (Reduce.COUNT, Reduce.ANY):
        return Keeping.ADDED
    if node.reduce is Reduce.SUM and node.type.kind is not Kind.RATE:
        return Keeping.ADDED
    if node.reduce is Reduce.LAST:
        return Keeping.LATEST
    if node.reduce in (Reduce.MIN, Reduce.MAX):
        is_day = isinstance(node.value, Column) and node.value.name == own
        if is_day and node.reduce is Reduce.MAX:
            return Keeping.LATEST
        return Keeping.RECOMPUTED if node.type.kind is Kind.NUMBER else Keeping.EXTREME
    return Keeping.RECOMPUTED


@dataclass(frozen=True)
class Anchor:
    """A day at which level and integral of one condition on balances are kept. `where` None: all rows."""

    where: Node | None
    day: dt.date

    @property
    def key(self) -> str:
        """Names its two columns on disk (with `-L` and `-I`)."""
        return f"{digest(self.where) if self.where is not None else 'all'}@{self.day.isoformat()}"


@dataclass(frozen=True)
class Tiling:
    """Everything that is kept for a set of aggregates, by table."""

    kept: tuple[Kept, ...]

    @classmethod
    def of(cls, aggregates: Iterable[Aggregate]) -> Tiling:
        """The tiling of some aggregates, each once."""
        return cls(tuple(kept(node) for node in dict.fromkeys(aggregates)))

    @cached_property
    def by_table(self) -> Mapping[str, tuple[Kept, ...]]:
        """What is kept of each table."""
        tables: dict[str, list[Kept]] = {}
        for each in self.kept:
            tables.setdefault(each.aggregate.table, []).append(each)
        return {table: tuple(held) for table, held in tables.items()}

    def of_table(self, table: str, *keepings: Keeping) -> tuple[Kept, ...]:
        """What is kept of a table in some of the ways."""
        return tuple(k for k in self.by_table.get(table, ()) if k.keeping in keepings)

    def anchors(self, as_of: dt.date) -> tuple[Anchor, ...]:
        """Anchors that levels and daily means need on a day, in a fixed order."""
        wanted: dict[Anchor, None] = {}
        for each in self.of_table("balances", Keeping.BALANCE):
            for anchor in anchors_of(each.aggregate, as_of):
                wanted[anchor] = None
        return tuple(sorted(wanted, key=lambda a: (a.key.partition("@")[0], a.day)))


def anchors_of(node: Aggregate, as_of: dt.date) -> tuple[Anchor, ...]:
    """The anchors of one level (its day) or daily mean (its last day, the day before its first)."""
    first, last = node.window.days(as_of)
    last = min(last, as_of)
    end = Anchor(node.where, last)
    if node.reduce is Reduce.LEVEL:
        return (end,)
    return (end, Anchor(node.where, first - DAY))


def shift(old: tuple[dt.date, dt.date], new: tuple[dt.date, dt.date]) -> list[tuple[dt.date, dt.date]]:
    """Days that are in one of two windows and not in the other, as ranges with both ends."""
    ranges = []
    for mine, other in ((old, new), (new, old)):
        first, last = mine
        if first > last:
            continue
        if other[0] > other[1] or other[1] < first or other[0] > last:
            ranges.append(mine)
            continue
        if first < other[0]:
            ranges.append((first, other[0] - DAY))
        if last > other[1]:
            ranges.append((other[1] + DAY, last))
    return sorted(set(ranges))


def merged(ranges: Sequence[tuple[dt.date, dt.date]]) -> list[tuple[dt.date, dt.date]]:
    """Ranges of days joined where they touch."""
    out: list[tuple[dt.date, dt.date]] = []
    for first, last in sorted(ranges):
        if out and first <= out[-1][1] + DAY:
            out[-1] = (out[-1][0], max(last, out[-1][1]))
        else:
            out.append((first, last))
    return out
