"""The live engine: triggers and tags of the customers whom events touch, in micro-batches.

**What a trigger sees.** The tags as a night of the day being lived would compute them, had the day ended
with this row: the opening of the day and every row that came before it for this customer, in the order of
coming, and the row itself. How rows are cut into batches makes no difference. `as_of` is the day being
lived, also for a late row; the row's own date and moment are its fields.

**Where a row counts.** By its own date. A late row counts in every window its date lies in. A row dated
after the day being lived waits until that day comes (`turn_day`).

**What stays as of the night.** Fields of `customers`, tables that the bank hands over whole (accounts,
cards, holdings, consents, ownership), and tags that stand on a rank, a model or the graph. `earlier(...)`
is the value of the night.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from quanke.engines.live.opening import Openings
from quanke.language.catalogue import Catalogue
from quanke.language.definitions import Trigger


class LiveEngine:
    """One partition of customers: the night's profile as base, the running state, all triggers.

    `profile`: row i is customer i, with at least the columns `LiveEngine.reads(...)` names (`Night.read`).
    `openings`: see `Openings`. `day`: the business date being lived, the night's day and one at first.
    `keep`: tags kept up beside those the triggers read, for `tags`.

    Not safe for threads: one engine, one thread.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        triggers: Sequence[Trigger],
        profile: pa.Table,
        openings: Openings,
        day: dt.date,
        *,
        currency: str = "CNY",
        keep: Iterable[str] = (),
    ) -> None:
        raise NotImplementedError

    @staticmethod
    def reads(catalogue: Catalogue, triggers: Sequence[Trigger], keep: Iterable[str] = ()) -> list[str]:
        """Columns of the night's profile that an engine of these triggers reads."""
        raise NotImplementedError

    tables: frozenset[str]
    """Fact tables whose rows it takes: those its triggers look at, and events and balances its tags add up."""
    day: dt.date
    """The business date being lived."""

    def fields(self, table: str) -> frozenset[str]:
        """Columns it needs of the rows of a table: `customer`, `event_id`, the table's date and moment, and
        what its conditions read. Others may be there and are not looked at."""
        raise NotImplementedError

    def take(self, table: str, rows: pa.Table) -> pa.Table:
        """Take rows in the order of their coming; returns the Decisions (`DECISIONS`) they make.

        `rows` are arranged (`quanke.bank.arranged`), checked, numbered and each given once: `customer`
        int32, `event_id` text, the table's fields; balances have `delta`. Rows of a table not in `tables`
        change nothing. QuankeError names a field that is missing.
        """
        raise NotImplementedError

    def open_day(self) -> pa.Table:
        """Decisions of the triggers on a day, for `day` over everybody. Call it once when the engine begins;
        `turn_day` does it for the days after."""
        raise NotImplementedError

    def turn_day(self, day: dt.date) -> pa.Table:
        """Midnight: windows move on to `day`, waits that ended are decided, rows dated `day` that came
        before it are taken, and the triggers on a day are looked at. Returns all Decisions of that.

        Nothing changes for a day not after the one being lived.
        """
        raise NotImplementedError

    def due(self, now: dt.datetime) -> pa.Table:
        """Decisions of waits that end by `now` (Asia/Shanghai) within the day being lived."""
        raise NotImplementedError

    def tags(self, customers: np.ndarray, names: Sequence[str]) -> pa.Table:
        """`customer` and current values of tags (of triggers, or named in `keep`), one row for each number
        given."""
        raise NotImplementedError

    def save(self, folder: Path, since: Path | None = None) -> None:
        """Write everything that differs from the opening of the first day into an empty folder.

        `since`: an earlier snapshot of this engine; what has not changed is linked, not written again.
        """
        raise NotImplementedError

    def load(self, folder: Path) -> None:
        """Take a snapshot up: an engine just made of the same night goes on exactly where `save` left it."""
        raise NotImplementedError
