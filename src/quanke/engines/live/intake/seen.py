"""Which events came before: by the hash of their number, with the hash of what they said.

An event that comes again is left out; one that comes again saying something else goes to quarantine. Numbers
are kept for `HORIZON` business dates after the one they came on; what is sent again later than that is taken
as new. 16 bytes an event: sorted runs, merged as they grow, so that a look-up is a few binary searches.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from quanke.engines.live.intake.hashes import Hashes

HORIZON = 7
"""Business dates for which the numbers of events are kept."""

_ANY = np.uint64(0)
"""Content of an event of which only the number is known: one the night knows already."""


@dataclass(frozen=True, slots=True)
class _Run:
    """Events of one business date, by rising hash."""

    day: dt.date
    ids: Hashes
    contents: Hashes


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of a batch: masks of shape (rows,). What is neither is new."""

    again: npt.NDArray[np.bool_]
    changed: npt.NDArray[np.bool_]

    @property
    def new(self) -> npt.NDArray[np.bool_]:
        """Events that did not come before."""
        return ~(self.again | self.changed)


class Seen:
    """The events that came."""

    def __init__(self, horizon: int = HORIZON) -> None:
        self.horizon = horizon
        self._runs: list[_Run] = []

    def __len__(self) -> int:
        return sum(len(run.ids) for run in self._runs)

    def judge(self, ids: Hashes, contents: Hashes) -> Verdict:
        """Which events came before, in earlier batches or earlier in this one."""
        contents = np.where(contents == _ANY, np.uint64(1), contents)
        again, changed = np.zeros(len(ids), np.bool_), np.zeros(len(ids), np.bool_)
        for run in self._runs:
            at = np.searchsorted(run.ids, ids)
            at[at == len(run.ids)] = 0
            there = run.ids[at] == ids
            if there.any():
                same = (run.contents[at] == contents) | (run.contents[at] == _ANY)
                again |= there & same
                changed |= there & ~same
        order = np.argsort(ids, kind="stable")
        sorted_ids = ids[order]
        first = np.searchsorted(sorted_ids, sorted_ids)
        repeated = first != np.arange(len(ids))
        if repeated.any():
            rows, leaders = order[repeated], order[first[repeated]]
            same = contents[rows] == contents[leaders]
            open_ = ~(again[rows] | changed[rows])
            again[rows] |= open_ & same
            changed[rows] |= open_ & ~same
        return Verdict(again, changed & ~again)

    def add(self, day: dt.date, ids: Hashes, contents: Hashes | None = None) -> None:
        """Note events that came on a business date; without contents only their numbers are known."""
        if not len(ids):
            return
        contents = (
            np.zeros(len(ids), np.uint64) if contents is None else np.where(contents == _ANY, 1, contents)
        )
        order = np.argsort(ids, kind="stable")
        run = _Run(day, ids[order], contents[order].astype(np.uint64))
        while self._runs and self._runs[-1].day == day and len(self._runs[-1].ids) <= 2 * len(run.ids):
            run = _merged(self._runs.pop(), run)
        self._runs.append(run)

    def forget(self, day: dt.date) -> None:
        """Let go what is older than the horizon on a business date."""
        oldest = day - dt.timedelta(self.horizon)
        self._runs = [run for run in self._runs if run.day >= oldest]

    def save(self, path: Path) -> None:
        """Write everything to one file."""
        days = np.repeat(
            np.array([run.day.toordinal() for run in self._runs], np.int32), [len(r.ids) for r in self._runs]
        )
        empty = np.empty(0, np.uint64)
        with open(path, "wb") as file:
            np.savez(
                file,
                days=days,
                ids=np.concatenate([empty, *(run.ids for run in self._runs)]),
                contents=np.concatenate([empty, *(run.contents for run in self._runs)]),
            )

    def load(self, path: Path) -> None:
        """Take up what `save` wrote."""
        with np.load(path) as kept:
            days, ids, contents = kept["days"], kept["ids"], kept["contents"]
        self._runs = []
        for ordinal in np.unique(days):
            of_day = days == ordinal
            self.add(dt.date.fromordinal(int(ordinal)), ids[of_day], None)
            order = np.argsort(ids[of_day], kind="stable")
            self._runs[-1] = _Run(self._runs[-1].day, self._runs[-1].ids, contents[of_day][order])


def _merged(one: _Run, other: _Run) -> _Run:
    ids = np.concatenate([one.ids, other.ids])
    contents = np.concatenate([one.contents, other.contents])
    order = np.argsort(ids, kind="stable")
    return _Run(one.day, ids[order], contents[order])
