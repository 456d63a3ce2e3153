"""Balances as they come become changes: the same ledger the load keeps (`quanke.bank.load.levels`).

The balance of an account on a day is what was told for the last known day up to it; of one day the latest
moment counts, and of equal moments the one that came last. A balance told for a day after all known ones is a
change by the difference. One told for an earlier day, or for a day once more, changes that day and takes the
difference back on the next known day, so that no later balance moves.
"""

from __future__ import annotations

import bisect
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from quanke.bank.home import Home

_NEVER = -(2**31)

Known = list[tuple[int, int]]
"""Known days of an account and the balance then, rising; days since 1970."""


@dataclass(slots=True)
class _Account:
    """What was told of an account since the night: days, balances, and the latest moment of each day."""

    days: list[int] = field(default_factory=list)
    balances: list[int] = field(default_factory=list)
    moments: dict[int, int] = field(default_factory=dict)


class Levels:
    """The last known balance of every account, and more of those that were touched.

    `last_day` and `last_balance` are the closing state by account number; `history` reads the known days of
    one account up to the closing state, for balances that come late.
    """

    def __init__(
        self,
        last_day: npt.NDArray[np.int32],
        last_balance: npt.NDArray[np.int64],
        history: Callable[[int], Known],
    ) -> None:
        self._last_day = last_day
        self._last_balance = last_balance
        self._history = history
        self._touched: dict[int, _Account] = {}

    def changes(self, rows: pa.Table) -> pa.Table:
        """Arranged rows of `balances` for rows as `Checks` gives them: `delta` in place of `balance`.

        A row that changes nothing stays, with delta 0: it is an event all the same. A change taken back on a
        later day is a row of its own after it, its event number ending in `#back`.
        """
        accounts = rows["account"].to_pylist()
        days = rows["date"].cast(pa.int32()).to_pylist()
        balances = rows["balance"].to_pylist()
        moments = rows["at"].cast(pa.int64()).to_pylist()
        places: list[int] = []
        dates: list[int] = []
        deltas: list[int] = []
        for place, (account, day, balance) in enumerate(zip(accounts, days, balances, strict=True)):
            for date, delta in self._told(account, day, balance, moments[place]):
                places.append(place)
                dates.append(date)
                deltas.append(delta)
        taken = rows.drop_columns(["balance", "at"]).take(pa.array(places, pa.int64()))
        back = pa.array(np.diff(np.array(places), prepend=-1) == 0)
        event = taken["#event"]
        taken = taken.set_column(
            taken.column_names.index("#event"),
            "#event",
            pc.if_else(back, pc.binary_join_element_wise(event, pa.scalar("#back"), ""), event),
        )
        at = taken.column_names.index("date")
        taken = taken.set_column(at, "date", pa.array(dates, pa.int32()).cast(pa.date32()))
        return taken.add_column(at + 1, "delta", pa.array(deltas, pa.int64()))

    def _told(self, account: int, day: int, balance: int, moment: int | None) -> Known:
        """What a balance changes: (day, delta), the day itself first."""
        known = self._known(account, day)
        told = moment if moment is not None else 2**62
        if known.moments.get(day, -(2**62)) > told:
            return [(day, 0)]
        known.moments[day] = told
        at = bisect.bisect_left(known.days, day)
        there = at < len(known.days) and known.days[at] == day
        before = known.balances[at] if there else known.balances[at - 1] if at else 0
        after = at + there
        if there:
            known.balances[at] = balance
        else:
            known.days.insert(at, day)
            known.balances.insert(at, balance)
        delta = balance - before
        if after + (not there) < len(known.days) and delta:
            return [(day, delta), (known.days[after + (not there)], -delta)]
        return [(day, delta)]

    def _known(self, account: int, day: int) -> _Account:
        known = self._touched.get(account)
        if known is None:
            known = self._touched[account] = _Account()
            last = int(self._last_day[account]) if account < len(self._last_day) else _NEVER
            if last != _NEVER:
                known.days, known.balances = [last], [int(self._last_balance[account])]
        if known.days and day < known.days[0]:
            earlier = [item for item in self._history(account) if item[0] < known.days[0]]
            known.days[:0] = [item[0] for item in earlier]
            known.balances[:0] = [item[1] for item in earlier]
        return known

    def save(self, path: Path) -> None:
        """Write what differs from the closing state."""
        kept = {
            str(account): [known.days, known.balances, list(known.moments.items())]
            for account, known in self._touched.items()
        }
        path.write_text(json.dumps(kept, separators=(",", ":")), encoding="utf-8")

    def load(self, path: Path) -> None:
        """Take up what `save` wrote."""
        kept = json.loads(path.read_text(encoding="utf-8"))
        self._touched = {
            int(account): _Account(days, balances, dict(moments))
            for account, (days, balances, moments) in kept.items()
        }


def levels_of(home: Home, closing: Path) -> Levels:
    """Levels that begin with a closing state of the home's balances (`levels/balances/closing.parquet`)."""
    count = home.counts().accounts
    last_day = np.full(count, _NEVER, np.int32)
    last_balance = np.zeros(count, np.int64)
    if closing.exists():
        rows = pq.read_table(closing)
        account = rows["account"].to_numpy()
        last_day[account] = rows["date"].cast(pa.int32()).to_numpy()
        last_balance[account] = rows["balance"].to_numpy()
    return Levels(last_day, last_balance, _History(home))


def _ledger(home: Home) -> ds.Dataset | None:
    files = [str(file) for file in home.facts("balances")]
    return ds.dataset(files, format="parquet") if files else None


class _History:
    """Known days of one account, read from the home when somebody asks."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def __call__(self, account: int) -> Known:
        changes: dict[int, int] = {}
        ledger = _ledger(self._home)
        if ledger is not None:
            rows = ledger.to_table(columns=["date", "delta"], filter=ds.field("account") == account)
            for day, delta in zip(
                rows["date"].cast(pa.int32()).to_pylist(), rows["delta"].to_pylist(), strict=True
            ):
                changes[day] = changes.get(day, 0) + delta
        for file in sorted((self._home.path / "levels/balances/unchanged").glob("*.parquet")):
            rows = pq.read_table(file, columns=["date"], filters=ds.field("account") == account)
            for day in rows["date"].cast(pa.int32()).to_pylist():
                changes.setdefault(day, 0)
        found: Known = []
        balance = 0
        for day in sorted(changes):
            balance += changes[day]
            found.append((day, balance))
        return found
