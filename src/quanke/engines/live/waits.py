"""Waiting for what does not come: what arms a trigger on an absence, what calls it off, when it is due.

Everything is placed by event time, so the order in which rows come makes no difference as long as they
come before the wait ends. Moments are microseconds since 1970 by the clock of Shanghai.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from quanke.engines.live.columns import Array, Bools
from quanke.language.definitions import Trigger

DAY = 86_400_000_000
HOUR = DAY // 24


def moment(day: dt.date) -> int:
    """The beginning of a day."""
    return (day - dt.date(1970, 1, 1)).days * DAY


@dataclass(frozen=True, slots=True)
class Wait:
    """One armed trigger: what calls it off must come from `begin` to `end`, and it is due at `due`."""

    customer: int
    event_id: str
    begin: int
    end: int
    due: int
    values: str


@dataclass
class Waits:
    """The waits of one trigger, and the rows that may call them off."""

    trigger: Trigger
    pending: dict[tuple[int, str], Wait] = field(default_factory=dict)
    calls: list[tuple[Array, Array]] = field(default_factory=list)

    @property
    def reach(self) -> int:
        """Days before the day being lived whose rows can still matter."""
        if self.trigger.within is not None:
            return self.trigger.within.length + 1
        return -(-self.trigger.hours // 24) + 1

    def arm(self, customers: Array, event_ids: list[str], at: Array, values: list[str]) -> None:
        """Rows that arm it, at their moments."""
        for customer, event_id, when, seen in zip(
            customers.tolist(), event_ids, at.tolist(), values, strict=True
        ):
            if self.trigger.within is not None:
                begin = when // DAY * DAY
                end = begin + (self.trigger.within.length + 1) * DAY - 1
                wait = Wait(customer, event_id, begin, end, end + 1, seen)
            else:
                end = when + self.trigger.hours * HOUR
                wait = Wait(customer, event_id, when, end, end, seen)
            self.pending.setdefault((customer, event_id), wait)

    def call_off(self, customers: Array, at: Array, where: Bools) -> None:
        """Rows that call it off."""
        if bool(where.any()):
            self.calls.append((customers[where], at[where]))

    def due(self, until: int) -> list[Wait]:
        """Waits that end by a moment and were not called off, in the order of their ends; they are waits no
        longer."""
        ended = [wait for wait in self.pending.values() if wait.due <= until]
        if not ended:
            return []
        for wait in ended:
            del self.pending[wait.customer, wait.event_id]
        calls = self._calls_of(np.unique([wait.customer for wait in ended]))
        missed = [wait for wait in ended if not _called(calls.get(wait.customer, []), wait)]
        return sorted(missed, key=lambda wait: (wait.due, wait.customer, wait.event_id))

    def _calls_of(self, customers: Array) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for who, when in self.calls:
            chosen = np.isin(who, customers)
            for customer, at in zip(who[chosen].tolist(), when[chosen].tolist(), strict=True):
                found.setdefault(customer, []).append(at)
        return {customer: sorted(moments) for customer, moments in found.items()}

    def prune(self, day: dt.date) -> None:
        """Forget rows that can call nothing off any more, on a day."""
        oldest = min((wait.begin for wait in self.pending.values()), default=moment(day))
        oldest = min(oldest, moment(day) - self.reach * DAY)
        kept = [(who[when >= oldest], when[when >= oldest]) for who, when in self.calls]
        if kept:
            joined = np.concatenate([w for w, _ in kept]), np.concatenate([w for _, w in kept])
            self.calls = [joined] if len(joined[0]) else []

    def table(self) -> pa.Table:
        """The waits as a table, for a snapshot."""
        names = ("customer", "event_id", "begin", "end", "due", "values")
        columns: dict[str, list[Any]] = {
            name: [getattr(w, name) for w in self.pending.values()] for name in names
        }
        types = (pa.int64(), pa.string(), pa.int64(), pa.int64(), pa.int64(), pa.string())
        return pa.table({n: pa.array(columns[n], t) for n, t in zip(names, types, strict=True)})

    def take_up(self, table: pa.Table) -> None:
        """The waits of a snapshot."""
        self.pending = {(row["customer"], row["event_id"]): Wait(**row) for row in table.to_pylist()}


def _called(moments: list[int], wait: Wait) -> bool:
    place = bisect_left(moments, wait.begin)
    return place < len(moments) and moments[place] <= wait.end
