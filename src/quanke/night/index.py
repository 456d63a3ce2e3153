"""The audience index of a night: built from its profile, opened with the engines that compute what it does
not hold as sets of codes."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from quanke.engines.duckdb import DIALECT, connect
from quanke.engines.statements import lower
from quanke.engines.store import Night
from quanke.kernel.progress import Progress, SilentProgress
from quanke.language.nodes import Node, Reference, references
from quanke.language.types import Kind
from quanke.night.absorbed import absorbed_of, without_absorbed
from quanke.night.steps import Run, columns_sql

if TYPE_CHECKING:
    from quanke.segments.index import AudienceIndex, Evaluate
    from quanke.segments.index.conditions import Bools, Compute, Reader

FOLDER = "index"
SYNCED = 16
"""Files made durable at a time."""
_KINDS: tuple[tuple[Callable[[pa.DataType], bool], Kind], ...] = (
    (pa.types.is_boolean, Kind.BOOLEAN),
    (pa.types.is_integer, Kind.INTEGER),
    (pa.types.is_decimal, Kind.RATE),
    (pa.types.is_floating, Kind.NUMBER),
    (pa.types.is_string, Kind.TEXT),
    (pa.types.is_date, Kind.DATE),
    (pa.types.is_timestamp, Kind.INSTANT),
)
"""Carriers of the profile; money is carried as integers are, and ordered the same."""


def evaluator(day: dt.date) -> Evaluate:
    """Expressions as of a day, computed by NumPy."""

    def evaluate(nodes: Sequence[Node]) -> Compute:
        from quanke.engines.live.columns import Column as LiveColumn  # only for what is no set of codes
        from quanke.engines.live.program import Program

        program = Program(nodes)

        def compute(read: Reader, rows: int) -> list[tuple[npt.NDArray[Any], Bools]]:
            def column(node: Node) -> LiveColumn:
                held = read(node)
                return LiveColumn(held.values, held.valid)

            return [(c.values, c.valid) for c in program.run(column, day, rows)]

        return compute

    return evaluate


class ByDuckDB:
    """Conditions for everybody in a night, computed by DuckDB from the profile."""

    def __init__(self, night: Night) -> None:
        self.night = night

    def flags(self, asked: Sequence[tuple[Node, bool]]) -> list[Bools]:
        """For each row where a condition is known to be true or, where the second says so, where it is
        known."""
        relation = self._relation([node for node, _ in asked])
        found = [np.zeros(self.night.rows, np.bool_) for _ in asked]
        conditions = [f"({self._sql(n)}) IS NOT NULL" if known else self._sql(n) for n, known in asked]
        sql = f"SELECT customer FROM {relation} WHERE {conditions[0]}"
        if len(conditions) > 1:
            named = ", ".join(f"coalesce({c}, false) AS c{i}" for i, c in enumerate(conditions))
            sql = f"SELECT customer, {named} FROM {relation}"
        with connect() as connection:
            reader = connection.sql(sql).to_arrow_reader(262_144)
            for batch in reader:
                customers = batch.column(0).to_numpy()
                for place, flags in enumerate(found):
                    true = batch.column(place + 1).to_numpy(zero_copy_only=False) if len(found) > 1 else True
                    flags[customers] = true
        return found

    def count(self, node: Node) -> int:
        """How many customers a condition is true for."""
        relation = without_absorbed(self._relation([node]), self.night.path / "absorbed.parquet")
        sql = f"SELECT count(*) FROM {relation} WHERE {self._sql(node)}"
        with connect() as connection:
            row = connection.execute(sql).fetchone()
        return int(row[0]) if row else 0

    def _relation(self, nodes: Sequence[Node]) -> str:
        names = {r.name for node in nodes for r in references(node)}
        groups = {g: [n for n in held if n in names] for g, held in self.night.groups.items()}
        groups = {g: held for g, held in groups.items() if held}
        return columns_sql(groups, {g: self.night.parts(g) for g in groups})

    def _sql(self, node: Node) -> str:
        def name(read: Node) -> str:
            assert isinstance(read, Reference), read
            return DIALECT.quote(read.name)

        return lower(node, DIALECT, self.night.day, name)


def open_index(night: Night, names: Sequence[str]) -> AudienceIndex:
    """The audience index of a night. Where the night was published without one, the columns of these names
    are indexed now, into a temporary folder that goes with the index."""
    from quanke.segments.index import AudienceIndex  # numba: a second, where nobody is counted

    folder = night.path / FOLDER
    if folder.is_dir():
        return _published(night.path, (folder / "index.json").stat().st_mtime_ns)
    scratch = tempfile.TemporaryDirectory(prefix="quanke-index-")
    wanted = set(names)
    groups = {g: [n for n in held if n in wanted] for g, held in night.groups.items()}
    parts = {g: night.parts(g) for g in groups}
    absent = absorbed_of(night.path / "absorbed.parquet").numbers
    build_index(Path(scratch.name) / FOLDER, night.rows, absent, groups, parts)
    index = AudienceIndex(Path(scratch.name) / FOLDER, evaluator(night.day), ByDuckDB(night))
    weakref.finalize(index, scratch.cleanup)
    return index


@lru_cache(maxsize=4)
def _published(path: Path, at: int) -> AudienceIndex:
    """An index stays open: its columns are mapped, and conditions on them remembered."""
    from quanke.segments.index import AudienceIndex

    night = Night(path)
    return AudienceIndex(path / FOLDER, evaluator(night.day), ByDuckDB(night))


def build_index(
    folder: Path,
    rows: int,
    absorbed: npt.NDArray[np.int32],
    groups: Mapping[str, Sequence[str]],
    parts: Mapping[str, Sequence[Path]],
    *,
    earlier: Path | None = None,
    progress: Progress | None = None,
) -> None:
    """Index columns of a profile, by group and the files of each group's parts in customer order.

    A column whose values are those of the index in folder `earlier` gets that one's files. A column that
    cannot be indexed is left out; conditions on it are computed from the profile.
    """
    from quanke.segments.index import AudienceIndex, build_column, words_from, write_index
    from quanke.segments.index.build import workers

    if folder.exists():  # of a run that was killed; some files may be links to the earlier index's
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    there = np.ones(rows, np.bool_)
    there[absorbed] = False
    words = words_from(there)
    before = AudienceIndex(earlier, evaluator(dt.date.min)).columns.entries if earlier is not None else {}
    entries: dict[str, Mapping[str, Any]] = {}
    count = sum(len(names) for names in groups.values())
    with (progress or SilentProgress()).step("audience index", count) as step, workers() as pool:
        for group, names in groups.items():
            footers = [(path, pq.read_metadata(path)) for path in parts[group]]

            def one(name: str, footers: Sequence[Any] = footers) -> dict[str, Any] | None:
                values = _column(name, footers)
                kind = next(kind for fits, kind in _KINDS if fits(values.type))
                held = (earlier, before[name]) if earlier is not None and name in before else None
                made = build_column(name, values, kind, there, words, folder, held)
                step.advance(1)
                return made

            made = zip(names, pool.map(one, names), strict=True)
            entries.update({name: entry for name, entry in made if entry is not None})
    write_index(folder, rows, words, entries)


def _column(name: str, footers: Sequence[tuple[Path, Any]]) -> pa.ChunkedArray:
    """A column of all parts. Each thread opens files of its own, which are not safe to share; their footers
    are, and need not be read again."""
    pieces = []
    for path, footer in footers:
        with pq.ParquetFile(path, metadata=footer) as file:
            pieces += file.read(columns=[name], use_threads=False)[name].chunks
    return pa.chunked_array(pieces)


def index_parts(run: Run, kept: Mapping[str, Sequence[str]]) -> None:
    """The step of a night: index the profile that was made. `kept`: its columns by group."""
    folder = run.working.file(FOLDER)
    if (folder / "index.json").exists():
        return
    parts = {g: [run.working.part(g, p) for p in range(run.inputs.parts)] for g in kept}
    before = run.earlier.path / FOLDER if run.earlier is not None else None
    if before is not None and not (before / "index.json").exists():
        before = None
    rows = run.inputs.customers
    build_index(folder, rows, run.absorbed.numbers, kept, parts, earlier=before, progress=run.progress)
    _synced(folder)


def _synced(folder: Path) -> None:
    """Make the files durable, many at once: one after the other they would cost the night a second when it is
    published, and together a tenth, for the disk is told of all in one go."""

    def sync(path: Path) -> None:
        with path.open("rb+") as file:
            os.fsync(file.fileno())

    with ThreadPoolExecutor(max_workers=SYNCED) as pool:
        list(pool.map(sync, folder.iterdir()))
