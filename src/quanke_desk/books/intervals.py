"""Who looked after whom on which days: the bank's table, with what the desk said since laid over.

Read once into arrays and read again when a file of the table, who is who, or a relation of the desk that the
table does not have yet changed.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db.models import F

from quanke.bank.arranged import facts_sql
from quanke.bank.home import Home
from quanke.books.clients import day_number
from quanke.books.ownership import FOREVER
from quanke.books.posts import NOBODY, Ints
from quanke.customers.register import register_of
from quanke_desk.foundation.analytic import Base, base
from quanke_desk.foundation.models import Relation

DESK = "desk-"
"""Numbers of intervals the desk began are this and the number of its relation."""
_KEPT_DAYS = 4


@dataclass(frozen=True)
class Intervals:
    """Primary intervals by customer, then first day; arrays by interval. `post`: place in `posts`; `start`
    and `end` (not included): day numbers; `name`: its number in the table, `reason`, `proposal`: texts or
    null. Intervals that never held a day are left out."""

    customer: Ints
    post: Ints
    start: Ints
    end: Ints
    name: pa.Array
    reason: pa.Array
    proposal: pa.Array
    posts: tuple[str, ...]
    _owners: OrderedDict[tuple[int, int], Ints] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def owners(self, day: dt.date, rows: int) -> Ints:
        """Place of the post by customer number on a day (NOBODY: none); of two the one that began last."""
        key = (day_number(day), rows)
        with self._lock:
            if key not in self._owners:
                held = (self.start <= key[0]) & (self.end > key[0]) & (self.customer < rows)
                found = np.full(rows, NOBODY, np.int64)
                found[self.customer[held]] = self.post[
                    held
                ]  # in order of their first day: the last one stays
                self._owners[key] = found
                while len(self._owners) > _KEPT_DAYS:
                    self._owners.popitem(last=False)
            return self._owners[key]

    def of(self, customer: int) -> list[int]:
        """Places of one customer's intervals, the earliest first."""
        low, high = np.searchsorted(self.customer, [customer, customer + 1])
        return list(range(int(low), int(high)))

    def since(self, customers: Ints, day: dt.date) -> Ints:
        """Day number from which each of some customers is at the post he is at on a day (NOBODY: none)."""
        held = np.flatnonzero((self.start <= day_number(day)) & (self.end > day_number(day)))
        at = np.searchsorted(self.customer[held], customers, side="right") - 1
        there = (at >= 0) & (np.append(self.customer[held], NOBODY)[at] == customers)
        return np.where(there, np.append(self.start[held], NOBODY)[at], NOBODY)

    def table(self) -> pa.Table:
        """As `quanke.books.ownership` takes them."""
        days = {n: _dates(getattr(self, a)) for n, a in (("from_date", "start"), ("to_date", "end"))}
        ids = pa.array(self.posts, pa.string()).take(pa.array(self.post))
        return pa.table({"customer": self.customer, "ownership_id": self.name, "post_id": ids, **days})


_held: OrderedDict[Hashable, Intervals] = OrderedDict()
_lock = threading.Lock()


def intervals(of: Base | None = None) -> Intervals:
    """The intervals of the home as they stand."""
    home: Home = (of or base()).bank.home
    said = list(
        Relation.objects.filter(duty="primary", delivered_on=None)
        .exclude(until__lte=F("since"))  # never held a day: replaced before its day came
        .order_by("customer", "since", "id")
        .values_list("customer", "post__post_id", "since", "until", "id", "reason", "proposal")
    )
    files = [*home.facts("ownership"), home.path / "identity" / "customers.parquet", *home.numbers("parties")]
    stamp = tuple((str(f), *(f.stat().st_mtime_ns, f.stat().st_size)) for f in files if f.exists())
    with _lock:
        told = _keep(stamp, lambda: _read(home))
        return _keep((stamp, tuple(said)), lambda: _laid_over(told, said)) if said else told


def _keep(key: Hashable, made: Callable[[], Intervals]) -> Intervals:
    if key not in _held:
        _held[key] = made()
        while len(_held) > 3:
            _held.popitem(last=False)
    _held.move_to_end(key)
    return _held[key]


def _read(home: Home) -> Intervals:
    with duckdb.connect() as connection:
        rows = connection.sql(
            "SELECT party, ownership_id, post_id, from_date, to_date, reason, proposal "
            f"FROM ({facts_sql(home, 'ownership')}) "
            "WHERE duty = 'primary' AND (to_date IS NULL OR to_date > from_date)"
        ).to_arrow_table()
    who = register_of(home).customer.astype(np.int64)[rows["party"].to_numpy()]
    at = rows["post_id"].combine_chunks().dictionary_encode()
    if isinstance(at, pa.ChunkedArray):
        at = at.combine_chunks()
    return _ordered(
        Intervals(
            who,
            at.indices.to_numpy().astype(np.int64),
            _days(rows["from_date"]),
            _days(rows["to_date"]),
            rows["ownership_id"].combine_chunks(),
            rows["reason"].combine_chunks(),
            rows["proposal"].combine_chunks(),
            tuple(at.dictionary.to_pylist()),
        )
    )


def _laid_over(
    told: Intervals, said: Sequence[tuple[int, str | None, dt.date, dt.date | None, int, str, str]]
) -> Intervals:
    """The table's intervals of a customer end where the desk's first one of him begins."""
    who = np.array([s[0] for s in said], np.int64)
    start = np.array([day_number(s[2]) for s in said], np.int64)
    until = np.array([FOREVER if s[3] is None else day_number(s[3]) for s in said], np.int64)
    follows = np.append(who[1:] == who[:-1], False)
    until = np.where(follows, np.minimum(until, np.append(start[1:], FOREVER)), until)
    names, first = np.unique(who, return_index=True)
    at = np.minimum(np.searchsorted(names, told.customer), len(names) - 1)
    ours = names[at] == told.customer
    end = np.where(ours, np.minimum(told.end, start[first][at]), told.end)
    posts = dict.fromkeys([*told.posts, *(s[1] for s in said if s[1])])
    number = {name: place for place, name in enumerate(posts)}
    there = np.array([s[1] is not None for s in said]) & (until > start)
    kept = end > told.start
    some = [s for s, yes in zip(said, there, strict=True) if yes]

    def text(before: pa.Array, new: list[str]) -> pa.Array:
        return pa.concat_arrays([before.filter(pa.array(kept)), pa.array(new, pa.string())])

    return _ordered(
        Intervals(
            np.concatenate([told.customer[kept], who[there]]),
            np.concatenate([told.post[kept], np.array([number[str(s[1])] for s in some], np.int64)]),
            np.concatenate([told.start[kept], start[there]]),
            np.concatenate([end[kept], until[there]]),
            text(told.name, [f"{DESK}{s[4]}" for s in some]),
            text(told.reason, [s[5] for s in some]),
            text(told.proposal, [s[6] for s in some]),
            tuple(posts),
        )
    )


def _ordered(held: Intervals) -> Intervals:
    rank = pc.rank(held.name, tiebreaker="first").to_numpy() if len(held.name) else held.customer
    order = np.lexsort((rank, held.start, held.customer))
    cut = {n: getattr(held, n)[order] for n in ("customer", "post", "start", "end")}
    texts = {n: getattr(held, n).take(pa.array(order)) for n in ("name", "reason", "proposal")}
    return replace(held, **cut, **texts, _owners=OrderedDict(), _lock=threading.Lock())


def _days(values: pa.ChunkedArray) -> Ints:
    numbers = pc.fill_null(values.cast(pa.date32()).cast(pa.int32()), FOREVER)
    return np.asarray(numbers.to_numpy(), np.int64)


def _dates(numbers: Ints) -> pa.Array:
    return pa.array(numbers.astype(np.int32), pa.int32(), mask=numbers >= FOREVER).cast(pa.date32())
