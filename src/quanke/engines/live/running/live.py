"""The live engine at work: readings of sources become steps, steps become decisions, each exactly once.

    read -> judge (contract, seen) -> apply -> journal -> sinks -> acknowledge

A step is written down before a decision of it can be seen and before a source is told that it may forget. A
process that is killed anywhere begins from the last checkpoint, does the journal's steps again and reads on
from where the last step left the source; sinks and the set of seen events drop what they have already.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import gc
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa

from quanke.engines.live.decisions import DECISIONS
from quanke.engines.live.engine import LiveEngine
from quanke.engines.live.intake.checks import Checks
from quanke.engines.live.intake.levels import Levels
from quanke.engines.live.intake.reading import Share, judge
from quanke.engines.live.intake.seen import Seen
from quanke.engines.live.running.checkpoint import Checkpoints, Meta
from quanke.engines.live.running.order import between, rounds
from quanke.engines.live.running.quarantine import Quarantine
from quanke.engines.live.running.status import Status
from quanke.engines.live.running.steps import Journal, Step, read_steps
from quanke.engines.live.sinks import IDENTITY, Sink, decision_id
from quanke.engines.live.sinks.files import told_before
from quanke.engines.live.sources import Reading, Source
from quanke.kernel.errors import HomeError, QuankeError

SHANGHAI = ZoneInfo("Asia/Shanghai")
_LAST_PLACE = 2**62
_FIRST = "first"
FARTHEST = 31
"""Days the clock may be ahead of the night at the start: beyond it the night is too old to live on."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to run. `follow_clock`: the business date is the clock's; otherwise the events'. `until`: the last
    business date to be lived. `once`: end when the sources are read."""

    follow_clock: bool = True
    once: bool = False
    until: dt.date | None = None
    batch: int = 5_000
    wait: float = 0.02
    checkpoint_seconds: float = 60.0
    checkpoint_bytes: int = 256 * 1024 * 1024


@dataclass(slots=True)
class State:
    """What the runtime keeps beside the engine."""

    engine: LiveEngine
    levels: Levels
    seen: Seen
    night: dt.date
    share: Share = field(default_factory=Share)


class Live:
    """One share of the customers, from sources to sinks. `folder` is the home's `live/`."""

    def __init__(
        self,
        folder: Path,
        state: State,
        checks: Checks,
        sources: Sequence[Source],
        sinks: Sequence[Sink],
        settings: Settings,
        clock: Callable[[], dt.datetime] | None = None,
    ) -> None:
        self.folder = folder / str(state.share)
        self.state = state
        self.sources = sources
        self.sinks = sinks
        self.settings = settings
        self.status = Status()
        self.stopping = False
        self._checks = checks
        self._clock = clock or (lambda: dt.datetime.now(SHANGHAI).replace(tzinfo=None))
        self._quarantine = Quarantine(folder / "quarantine", str(state.share))
        self._checkpoints = Checkpoints(self.folder)
        self._positions: dict[str, object] = {}
        self._step = 0
        self._journal: Journal | None = None
        self._saved = time.monotonic()
        self._asked = 0.0
        decisions = folder / "decisions" / str(state.share)
        self._told_before = told_before(decisions, first_step(self.folder), state.night)

    def run(self) -> None:
        """Live until told to stop (`stop`), until `until` is over, or with `once` until all is read."""
        with open(self.folder / "lock", "ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise HomeError(f"{self.folder} is being lived by another process") from None
            self._checkpoints.sweep()
            self.recover()
            try:
                for source in self.sources:
                    source.open(self._positions.get(source.name))
                self.status.begin()
                self._live()
                # Sinks hold back decisions until a checkpoint: it comes before they are closed.
                self.checkpoint()
            finally:
                gc.unfreeze()
                for source in self.sources:
                    source.close()
                for sink in self.sinks:
                    sink.close()

    def stop(self, *_: object) -> None:
        """End after the step at hand, with a checkpoint. May be called by a signal."""
        self.stopping = True

    def _live(self) -> None:
        # The profile and the numbers stay: looking through them for garbage would only cost pauses.
        gc.collect()
        gc.freeze()
        while not self.stopping:
            self._turn()
            idle = True
            for source in self.sources:
                reading = source.read(self.settings.batch, self.settings.wait)
                if reading is not None:
                    self._take(source, reading)
                    idle = False
            self.status.lag = _sum(source.lag for source in self.sources)
            if idle and self.settings.once and all(source.exhausted for source in self.sources):
                return
            late = time.monotonic() - self._saved > self.settings.checkpoint_seconds
            written = self._journal.size if self._journal is not None else 0
            if written and (late or written > self.settings.checkpoint_bytes):
                self.checkpoint()

    # --- steps

    def _take(self, source: Source, reading: Reading) -> None:
        """One reading, all the way."""
        judged = judge(
            reading.arrivals, self._checks, self.state.seen, self.state.share, source.name, self._latest()
        )
        step = Step(
            self._step + 1,
            positions={source.name: reading.position},
            rows=judged.rows,
            refused=judged.refused,
            again=judged.again,
        )
        if not self.settings.follow_clock:
            until = self.settings.until
            step.marks = [(p, d.isoformat()) for p, d in judged.marks if until is None or d <= until]
            if until is not None and any(d > until for _, d in judged.marks) and not self.settings.once:
                self.stopping = True
        self._do(step)
        source.acknowledge(reading, judged)
        self.status.told(reading.published)

    def _latest(self) -> dt.date:
        """The last day an event may move the business date to."""
        days = [self._clock().date() + dt.timedelta(1), self.state.engine.day + dt.timedelta(1)]
        return max([*days, self.settings.until] if self.settings.until else days)

    def _turn(self) -> None:
        """What the clock has to say: a new day, waits that end within the day."""
        if not self.settings.follow_clock:
            return
        now = self._clock()
        day = self.state.engine.day
        if now.date() > day:
            until = self.settings.until
            days = [day + dt.timedelta(n) for n in range(1, (now.date() - day).days + 1)]
            if until is not None and now.date() > until:
                days = [d for d in days if d <= until]
                self.stopping = True
            if days:
                self._do(Step(self._step + 1, clock=[("turn", d.isoformat()) for d in days]))
        elif time.monotonic() - self._asked >= 1:
            self._asked = time.monotonic()
            step = Step(self._step + 1, clock=[("due", now.isoformat())])
            decisions = self._applied(step)
            if decisions.num_rows:
                self._written(step, decisions)

    def _do(self, step: Step) -> None:
        """A new step: applied, written down, told."""
        self._written(step, self._applied(step))

    def _written(self, step: Step, decisions: pa.Table) -> None:
        assert self._journal is not None
        self._journal.write(step)
        self._told(step, decisions)

    def _told(self, step: Step, decisions: pa.Table) -> None:
        """What can be seen of a step outside. Comes again after a crash."""
        self._step = step.number
        self._positions |= step.positions
        if step.refused:
            self._quarantine.write(step.number, step.refused)
        for sink in self.sinks:
            sink.write(step.number, decisions)
        self.status.counted(step, decisions, self.state.engine.day)

    def _applied(self, step: Step) -> pa.Table:
        """The decisions of a step. The same state and the same step give the same decisions."""
        state, engine = self.state, self.state.engine
        found: list[pa.Table] = []
        for what, when in step.clock:
            if what == "open":
                found.append(engine.open_day())
            elif what == "due":
                found.append(engine.due(dt.datetime.fromisoformat(when)))
            else:
                found += self._turned(dt.date.fromisoformat(when))
        rows = {}
        for table, given in step.rows.items():
            state.seen.add(engine.day, given["#id"].to_numpy(), given["#content"].to_numpy())
            rows[table] = _for_engine(state.levels.changes(given) if table == "balances" else given)
        low = -1
        marks = [(place, day) for place, day in step.marks if dt.date.fromisoformat(day) > engine.day]
        for place, day in [*marks, (_LAST_PLACE, "")]:
            for table, part in rounds(between(rows, low, place)):
                if table in engine.tables:
                    found.append(engine.take(table, part))
            low = place
            if day:
                found += self._turned(dt.date.fromisoformat(day))
        decisions = pa.concat_tables([DECISIONS.empty_table(), *found])
        if state.share.of > 1:
            # What the engine says over everybody, each share says of its own customers.
            ours = decisions["customer"].to_numpy() % state.share.of == state.share.part
            decisions = decisions.filter(pa.array(ours))
        return self._not_told_before(decisions)

    def _not_told_before(self, decisions: pa.Table) -> pa.Table:
        """Without decisions that stand in files of a life before this one: sources that keep their events
        are read from the beginning again."""
        if not self._told_before or not decisions.num_rows:
            return decisions
        new = [decision_id(row) not in self._told_before for row in decisions.select(IDENTITY).to_pylist()]
        return decisions.filter(pa.array(new))

    def _turned(self, day: dt.date) -> list[pa.Table]:
        """Midnights up to `day`, one after the other."""
        engine, found = self.state.engine, []
        while engine.day < day:
            found.append(engine.turn_day(engine.day + dt.timedelta(1)))
            self.state.seen.forget(engine.day)
        return found

    # --- what is kept

    def recover(self) -> None:
        """Stand where the last process stood, or at the opening of the day after the night."""
        there = self._checkpoints.latest()
        if there is None:
            self._step = first_step(self.folder)
            for sink in self.sinks:
                sink.open({"step": self._step} if self._step else None)
            self.checkpoint()
            self._do(Step(self._step + 1, clock=[("open", "")]))
        else:
            self._take_up(*there)
        if self.settings.follow_clock:
            behind = (self._clock().date() - self.state.engine.day).days
            if behind > FARTHEST:
                raise QuankeError(
                    f"the night lived on is of {self.state.night}, {behind} days before today: run the night "
                    "of yesterday first, or let the day follow the events (--day-by events)"
                )

    def _take_up(self, path: Path, meta: Meta) -> None:
        state = self.state
        if meta.night != state.night.isoformat():
            raise HomeError(f"{path} goes on from the night of {meta.night}, not of {state.night}")
        state.engine.load(path / "engine")
        state.seen.load(path / "seen.npz")
        state.levels.load(path / "levels.json")
        self._step = meta.step
        self._positions = dict(meta.positions)
        self.status.take_up(meta.counts)
        for sink in self.sinks:
            sink.open(meta.sinks.get(sink.name))
        journal = self._journal_path(meta.step)
        if journal.exists():
            for step in read_steps(journal):
                self._told(step, self._applied(step))
        self._journal = Journal(journal)

    def _journal_path(self, step: int) -> Path:
        return self.folder / "journal" / f"{step:012d}.log"

    def checkpoint(self) -> None:
        """Publish everything held, and begin a new journal."""
        state = self.state
        meta = Meta(
            self._step,
            state.night.isoformat(),
            state.engine.day.isoformat(),
            str(state.share),
            dict(self._positions),
            {sink.name: sink.state() for sink in self.sinks},
            self.status.counts(),
        )

        def write(folder: Path, before: Path | None) -> None:
            (folder / "engine").mkdir()
            state.engine.save(folder / "engine", before / "engine" if before else None)
            state.seen.save(folder / "seen.npz")
            state.levels.save(folder / "levels.json")

        latest = self._checkpoints.latest()
        if latest is None or latest[1].step < self._step:
            self._checkpoints.publish(meta, write)
            if self._journal is not None:
                self._journal.close()
            self._journal = Journal(self._journal_path(self._step))
            kept = self._checkpoints.oldest()
            for path in sorted((self.folder / "journal").glob("*.log")):
                if int(path.stem) < kept:
                    path.unlink()
        self._saved = time.monotonic()


def _for_engine(rows: pa.Table) -> pa.Table:
    """Rows under the names the engine knows: `event_id` for the number of the event."""
    if "event_id" in rows.column_names:
        rows = rows.drop_columns(["#event"])
    else:
        rows = rows.rename_columns(["event_id" if n == "#event" else n for n in rows.column_names])
    return rows.drop_columns([name for name in ("#id", "#content") if name in rows.column_names])


def _sum(lags: object) -> int | None:
    known = [lag for lag in lags if lag is not None]  # type: ignore[attr-defined]
    return sum(known) if known else None


def forget(folder: Path, share: Share) -> None:
    """Throw away what a share of the customers holds; its decisions and its quarantine stay.

    Steps are counted on, so that no file of either is written over.
    """
    own = folder / str(share)
    if not own.exists():
        return
    numbers = [int(path.name) for path in (own / "checkpoints").glob("[0-9]*")]
    for journal in (own / "journal").glob("*.log"):
        numbers += [step.number for step in read_steps(journal)]
    first = max([*numbers, first_step(own)], default=0) + 1
    (own / _FIRST).write_text(f"{first}\n", encoding="utf-8")
    for part in ("checkpoints", "journal"):
        shutil.rmtree(own / part, ignore_errors=True)


def first_step(folder: Path) -> int:
    """The number before the first step of a share: 0, or more where an earlier life was forgotten."""
    path = folder / _FIRST
    return int(path.read_text(encoding="utf-8")) if path.exists() else 0
