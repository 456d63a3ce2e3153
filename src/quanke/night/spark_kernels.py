"""Kernels of the night in Spark's tasks: labels of clusters, scores, moves, findings.

Each task takes one part of the profile, reads its columns from the store and writes what it finds there. The
functions are those of the night on one machine; each of them looks at a customer at a time, so that a part
gives its part of the answer.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from quanke.engines.spark.parts import over_numbers, write_from_task
from quanke.engines.store import Night, WorkingNight, write_json
from quanke.engines.store.files import write_parquet, write_parquet_of
from quanke.night.absorbed import absorbed_of
from quanke.night.engine import Done
from quanke.night.findings import FINDINGS, MOVES, MOVING, ORDER, dated, found_by
from quanke.night.models import FEATURES, group_of, previous_model, titles_of
from quanke.night.scores import Scoring, finish, gone_in, write_piece
from quanke.night.steps import Run, reaching
from quanke.segments.moves import MIGRATION, added_up, moves

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from quanke.segments.clusters import ClusterModel

_DONE = pa.schema([("part", pa.int32())])
_MIGRATION_SPARK = "tag STRING, `from` STRING, `to` STRING, move STRING, customers BIGINT"


@dataclass(frozen=True)
class _Profile:
    """The profile being made, as a task sees it."""

    working: WorkingNight
    bucket: int
    customers: int
    absorbed: Path

    @classmethod
    def of(cls, run: Run) -> _Profile:
        return cls(run.working, run.inputs.bucket, run.inputs.customers, run.absorbed_file)

    def reach(self, part: int) -> tuple[int, int]:
        return part * self.bucket, min(self.customers, (part + 1) * self.bucket)

    def column(self, group: str, part: int, name: str) -> pa.ChunkedArray:
        return pq.read_table(self.working.part(group, part), columns=[name])[name]


# --- clusters


def label_parts(run: Run, session: SparkSession, done: Done) -> None:
    """`clusters.json` fitted on the driver on a sample, and everybody's label in the group `models`."""
    from quanke.segments.clusters import learn_clusters  # scikit-learn: seconds, where nobody clusters

    target, parts = run.working.file("clusters.json"), run.inputs.parts
    if target.exists() and not run.working.missing("models", parts):
        return
    groups = {name: group_of(name, done) for name in FEATURES}
    profile = _Profile.of(run)
    there = np.setdiff1d(np.arange(run.inputs.customers), run.absorbed.numbers, assume_unique=True)

    def rows(chosen: NDArray[np.int64] | slice) -> NDArray[np.float64]:
        numbers = there[chosen]
        pieces = []
        for part in range(parts):
            low, high = profile.reach(part)
            own = numbers[np.searchsorted(numbers, low) : np.searchsorted(numbers, high)] - low
            pieces.append(np.column_stack([c[own] for c in _features(profile, groups, part)]))
        return np.concatenate(pieces)

    titles = titles_of(run)
    with run.progress.step("clusters", 1) as step:
        model = learn_clusters(len(there), rows, FEATURES, titles, previous_model(run.earlier), run.seed)
        write_json(target, json.loads(model.to_json()))
        over_numbers(session, range(parts), _Labels(profile, groups, model), _DONE, "part INT")
        step.advance(1)


def _features(profile: _Profile, groups: dict[str, str], part: int) -> Iterator[NDArray[np.float64]]:
    """The features of a part, float64 with nan for unknown."""
    for name in FEATURES:
        yield pc.cast(profile.column(groups[name], part, name), pa.float64()).to_numpy()


@dataclass(frozen=True)
class _Labels:
    """Labels of a part's customers, written into the group `models`."""

    profile: _Profile
    groups: dict[str, str]
    model: ClusterModel

    def __call__(self, part: int) -> pa.RecordBatch:
        low, high = self.profile.reach(part)
        columns = dict(zip(FEATURES, _features(self.profile, self.groups, part), strict=True))
        gone = absorbed_of(self.profile.absorbed).numbers
        gone = gone[(gone >= low) & (gone < high)] - low
        there = np.setdiff1d(np.arange(high - low), gone, assume_unique=True)
        labels = np.zeros(high - low, np.int64)
        labels[there] = self.model.predict_columns({n: c[there] for n, c in columns.items()})
        names = pa.array([f"k{i}" for i in range(int(labels.max(initial=0)) + 1)])
        numbers = pa.array(np.arange(low, high, dtype=np.int32))
        table = pa.table({"customer": numbers, "cluster": names.take(pa.array(labels))})
        write_from_task(self.profile.working.part("models", part), table)
        return pa.RecordBatch.from_arrays([pa.array([part], pa.int32())], schema=_DONE)


# --- scores


def score_parts(run: Run, session: SparkSession, done: Done) -> bool:
    """The group `scores` and `scores.json`, a task per part. False where no model is in use."""
    if not run.models:
        return False
    scoring = Scoring.of(run, done)
    run.working.file("pieces-scores").mkdir(exist_ok=True)
    missing = run.working.missing("scores", run.inputs.parts)
    with run.progress.step("scores", 1) as step:
        over_numbers(session, missing, _Scores(_Profile.of(run), scoring, run.day), _DONE, "part INT")
        step.advance(1)
    finish(run, scoring)
    return True


@dataclass(frozen=True)
class _Scores:
    """Scores of a part's customers, written into the group `scores`, and the counts their drift is made
    of."""

    profile: _Profile
    scoring: Scoring
    day: dt.date

    def __call__(self, part: int) -> pa.RecordBatch:
        low, high = self.profile.reach(part)
        gone = gone_in(absorbed_of(self.profile.absorbed).numbers, low, high)

        def column(name: str) -> pa.ChunkedArray:
            return self.profile.column(self.scoring.groups[name], part, name)

        table, piece = self.scoring.part(column, low, self.day, gone)
        write_piece(self.profile.working.path, part, piece)
        write_from_task(self.profile.working.part("scores", part), table)
        return pa.RecordBatch.from_arrays([pa.array([part], pa.int32())], schema=_DONE)


# --- moves


def write_moves(run: Run, session: SparkSession, done: Done) -> None:
    """`moves.parquet` and `migration.parquet`, part by part in tasks, put together in order."""
    target, table = run.working.file("moves.parquet"), run.working.file("migration.parquet")
    if target.exists() and table.exists():
        return
    groups = {n: next((g for g, names in done.items() if n in names), "") for n in MOVING}
    tags = tuple((n, g) for n, g in groups.items() if g)
    pieces = _emptied(run.working.file("pieces-moves"))
    work = _Moves(_Profile.of(run), tags, run.earlier, run.day, pieces)
    found = over_numbers(session, range(run.inputs.parts), work, MIGRATION, _MIGRATION_SPARK).cast(MIGRATION)
    counted = [added_up([found.filter(pc.equal(found["tag"], name))]) for name, _ in tags]
    write_parquet(table, pa.concat_tables([MIGRATION.empty_table(), *counted]))
    _put_together(pieces, target, MOVES)


@dataclass(frozen=True)
class _Moves:
    """Moves of a part's customers since the earlier night: changes as files, counts as the answer."""

    profile: _Profile
    tags: tuple[tuple[str, str], ...]
    earlier: Night | None
    day: dt.date
    pieces: Path

    def __call__(self, part: int) -> pa.RecordBatch:
        low, high = self.profile.reach(part)
        counted = []
        for place, (name, group) in enumerate(self.tags):
            after = self.profile.column(group, part, name)
            before = self._before(name, low, high)
            count = max(len(after), 0 if before is None else len(before))
            absent = (self._gone_then(low, count), _within(self.profile.absorbed, low, count))
            found = moves(before, after, name, ORDER.get(name, ()), absent)
            counted.append(found.migration)
            if found.changed.num_rows:
                numbers = pc.add(found.changed["customer"], pa.scalar(low, pa.int32()))
                changed = found.changed.set_column(0, "customer", numbers)
                write_from_task(_piece(self.pieces, place, part), dated(changed, name, self.day))
        return _one_batch(pa.concat_tables([MIGRATION.empty_table(), *counted]), MIGRATION)

    def _before(self, name: str, low: int, high: int) -> pa.ChunkedArray | None:
        """Values of the earlier night for the part; the last part also has whom only that night knew."""
        night = self.earlier
        if night is None or name not in night.columns:
            return None
        if high == self.profile.customers:
            high = max(high, night.rows)
        group = next(g for g, names in night.groups.items() if name in names)
        files = reaching(night, group, low, high)
        held = pa.concat_tables([pq.read_table(file, columns=["customer", name]) for file in files])
        inside = pc.and_(pc.greater_equal(held["customer"], low), pc.less(held["customer"], high))
        return held.filter(inside)[name]

    def _gone_then(self, low: int, count: int) -> NDArray[np.int32]:
        if self.earlier is None:
            return np.empty(0, np.int32)
        return _within(self.earlier.path / "absorbed.parquet", low, count)


def _within(absorbed: Path, low: int, count: int) -> NDArray[np.int32]:
    """Absorbed numbers of a range, counted from its beginning."""
    numbers = absorbed_of(absorbed).numbers
    own: NDArray[np.int32] = numbers[(numbers >= low) & (numbers < low + count)] - np.int32(low)
    return own


# --- findings


def write_findings(run: Run, session: SparkSession, done: Done) -> None:
    """`findings.parquet`, part by part in tasks, put together check by check."""
    target = run.working.file("findings.parquet")
    if target.exists():
        return
    groups = {c: next((g for g, names in done.items() if c.name in names), "") for c in run.catalogue.checks}
    checks = tuple((c.name, c.severity, g) for c, g in groups.items() if g)
    pieces = _emptied(run.working.file("pieces-findings"))
    work = _Findings(_Profile.of(run), checks, pieces)
    over_numbers(session, range(run.inputs.parts), work, _DONE, "part INT")
    _put_together(pieces, target, FINDINGS)


@dataclass(frozen=True)
class _Findings:
    """For which of a part's customers each check holds."""

    profile: _Profile
    checks: tuple[tuple[str, str, str], ...]
    pieces: Path

    def __call__(self, part: int) -> pa.RecordBatch:
        low, _ = self.profile.reach(part)
        for place, (check, severity, group) in enumerate(self.checks):
            found = found_by(check, severity, self.profile.column(group, part, check), low)
            if found.num_rows:
                write_from_task(_piece(self.pieces, place, part), found)
        return pa.RecordBatch.from_arrays([pa.array([part], pa.int32())], schema=_DONE)


# --- pieces


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def _piece(folder: Path, place: int, part: int) -> Path:
    """Pieces in order of their names are in order of rows: by tag or check, then by customer."""
    return folder / f"{place:05d}-{part:05d}.parquet"


def _put_together(folder: Path, target: Path, schema: pa.Schema) -> None:
    write_parquet_of(target, schema, (pq.read_table(file) for file in sorted(folder.glob("*.parquet"))))
    shutil.rmtree(folder)


def _one_batch(table: pa.Table, schema: pa.Schema) -> pa.RecordBatch:
    columns: Sequence[pa.Array] = [table[name].combine_chunks() for name in schema.names]
    return pa.RecordBatch.from_arrays(list(columns), schema=schema)
