"""Openings of a home: what the live engine begins a day with, made of the home as a night found it.

    live/openings/<night>/
        inputs/<table>/*.parquet     the home's files on that night (links), moved/ rows of merged customers
        golden/<field>.npy           fields of the golden customer
        <day>/<aggregate>-<n>.npy    partials of each aggregate on that day, one array over customers each
        <day>/done.json              the aggregates that are there

Arrays are mapped, not read: an engine holds only what its customers touch. A later load changes nothing here,
since a home's files are never written again; what was loaded after the night is not seen.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from quanke.bank.arranged import key
from quanke.bank.contracts import CONTRACTS
from quanke.bank.home import Home
from quanke.engines.duckdb import DIALECT, connect
from quanke.engines.live.dense import Dense, dense_of
from quanke.engines.live.engine import LiveEngine
from quanke.engines.live.opening import SETS, Partials
from quanke.engines.live.partial_sql import partials_of, partials_sql
from quanke.engines.live.tables import HeldOpening, by_table
from quanke.engines.store import Night, write_json
from quanke.kernel.errors import NightError
from quanke.kernel.progress import Progress, SilentProgress
from quanke.language import Catalogue, Trigger
from quanke.language.facts import table_of
from quanke.language.nodes import Aggregate, Column
from quanke.night.inputs import Inputs, inputs_of, write_foreign, write_golden
from quanke.night.moved import write_moved

MEMORY = "3GB"
THREADS = 2


@dataclass(frozen=True)
class LinkedInputs(Inputs):
    """Inputs whose files are those of the night, whatever the home holds now."""

    linked: Path = Path()

    def files(self, table: str) -> list[Path]:
        """The night's files of a table."""
        named: dict[str, list[str]] = json.loads((self.linked / "files.json").read_text(encoding="utf-8"))
        return [self.linked / table / name for name in named[table]]


class HomeOpenings:
    """The `Openings` of a night of a home, made when asked for and kept. Several processes may ask at once:
    one makes, the others wait.

    Raises NightError where the home has been loaded since the night and its openings were never begun.
    """

    def __init__(self, home: Home, night: Night, *, progress: Progress | None = None) -> None:
        self.home = home
        self.night = night
        self.folder = home.path / "live" / "openings" / night.day.isoformat()
        self._progress = progress or SilentProgress()
        with self._making():
            self._inputs = self._linked()

    def _linked(self) -> LinkedInputs:
        """The night's inputs; their files are linked the first time."""
        now = inputs_of(self.home, self.night.bucket)
        folder = self.folder / "inputs"
        if not (folder / "files.json").exists():
            held = self.night.manifest
            changed = now.fingerprint() != held["inputs"] or now.register.fingerprint != held["identity"]
            if changed:
                raise NightError(
                    f"the home has been loaded since the night of {self.night.day}: compute a night of today "
                    "first, the live engine begins with that"
                )
            for table in CONTRACTS:
                for file in self.home.facts(table):
                    target = folder / table / file.name  # moved rows lie under the same names
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.unlink(missing_ok=True)
                    target.hardlink_to(file)
            with self._database() as connection:
                write_moved(self.home, now.register, folder / "moved", connection)
            names = {table: [file.name for file in self.home.facts(table)] for table in CONTRACTS}
            write_json(folder / "files.json", names)
        given = {f: getattr(now, f) for f in ("home", "bucket", "register")}
        return LinkedInputs(customers=self.night.rows, moved=folder / "moved", linked=folder, **given)

    @contextmanager
    def _making(self) -> Iterator[None]:
        """Hold the folder; whoever comes second waits and then finds everything there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / "lock", "ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _database(self) -> Iterator[duckdb.DuckDBPyConnection]:
        spill = self.folder / "spill"
        spill.mkdir(exist_ok=True)
        with connect(threads=THREADS, memory=MEMORY, spill=spill) as connection:
            yield connection

    # --- Openings

    def on(self, day: dt.date, wanted: Sequence[Aggregate]) -> HeldOpening:
        """The opening of a day."""
        folder = self.folder / day.isoformat()
        with self._making():
            done = _done(folder)
            missing = [node for node in wanted if _name(node) not in done]
            if missing:
                folder.mkdir(exist_ok=True)
                self._make(folder, day, missing)
                write_json(folder / "done.json", sorted({*done, *map(_name, missing)}))
        held = {node: _load(folder, node) for node in wanted}
        return HeldOpening(day, self._inputs.customers, held)

    def customers(self, wanted: Sequence[Column]) -> Mapping[Column, Dense]:
        """Fields of the golden customer."""
        folder = self.folder / "golden"
        with self._making():
            missing = [node for node in wanted if not (folder / f"{node.name}.done").exists()]
            if missing:
                folder.mkdir(exist_ok=True)
                self._make_golden(folder, missing)
        return {node: _load_golden(folder, node.name) for node in wanted}

    def rows(self, table: str, fields: Sequence[str], since: dt.date) -> pa.Table:
        """The home's rows of a table from a day on; `event_id` is the contract's key."""
        relation = self._inputs.relation(table)
        if not relation:
            return _no_rows(fields)
        ids = " || '/' || ".join(f'CAST("{name}" AS VARCHAR)' for name in key(table))
        columns = ", ".join(f"{ids} AS event_id" if name == "event_id" else f'"{name}"' for name in fields)
        later = f"\"{table_of(table).date}\" >= DATE '{since}'"
        sql = f"SELECT {columns} FROM {relation} WHERE {later} ORDER BY customer, event_id"
        with self._database() as connection:
            return connection.sql(sql).to_arrow_table()

    # --- making

    def _make(self, folder: Path, day: dt.date, wanted: Sequence[Aggregate]) -> None:
        inputs, tables = self._inputs, by_table(wanted)
        arrays = {node: _Growing(folder, node, inputs.customers) for node in wanted}
        foreign = folder / "foreign.parquet"
        with self._database() as connection, self._progress.step("opening of the day", inputs.parts) as step:
            if "balances" in tables and not foreign.exists():
                write_foreign(inputs, day.isoformat(), connection, foreign)
            for part in range(inputs.parts):
                low, high = inputs.reach(part)
                sources = inputs.sources(part, foreign, foreign if foreign.exists() else None)
                for table, nodes in tables.items():
                    sql = partials_sql(table, nodes, sources.facts[table], DIALECT, day)
                    made = connection.sql(sql).to_arrow_table()
                    for node, partials in partials_of(made, nodes, low, high).items():
                        arrays[node].add(partials, low, high)
                step.advance(1)
        for growing in arrays.values():
            growing.close()

    def _make_golden(self, folder: Path, wanted: Sequence[Column]) -> None:
        inputs, names = self._inputs, [node.name for node in wanted]
        pieces = []
        with self._database() as connection:
            for part in range(inputs.parts):
                target = folder / "part.parquet"
                write_golden(inputs, part, names, connection, target)
                pieces.append(pq.read_table(target, columns=["customer", *names]).sort_by("customer"))
                target.unlink()
        whole = pa.concat_tables(pieces)
        if whole.num_rows != inputs.customers:
            raise NightError("the golden customers are not one row for each number")
        for node in wanted:
            dense = dense_of(whole[node.name], node.type)
            np.save(folder / f"{node.name}.npy", dense.values)
            if dense.valid is not None:
                np.save(folder / f"{node.name}.valid.npy", dense.valid)
            if dense.texts is not None:
                write_json(folder / f"{node.name}.texts.json", list(dense.texts))
            (folder / f"{node.name}.done").touch()


class _Growing:
    """Arrays of one aggregate, filled part by part into files."""

    def __init__(self, folder: Path, node: Aggregate, customers: int) -> None:
        self.folder = folder
        self.node = node
        self.customers = customers
        self.arrays: list[np.ndarray] = []
        self.codes: dict[str, int] = {}
        self.pieces: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, partials: Partials, low: int, high: int) -> None:
        """Partials of customers `low` to `high - 1`."""
        arrays = list(partials.arrays)
        if partials.texts is not None:
            new = [self.codes.setdefault(text, len(self.codes)) for text in partials.texts]
            mapped = np.array([*new, 0], np.int64)
            codes = arrays[-1]
            inside = codes if self.node.reduce in SETS else np.where(codes < 0, len(new), codes)
            taken = mapped.take(inside)
            arrays[-1] = taken if self.node.reduce in SETS else np.where(codes < 0, codes, taken)
        if self.node.reduce in SETS:
            self.pieces.append((np.diff(arrays[0]), arrays[1]))
            return
        if not self.arrays:
            self.arrays = [
                np.lib.format.open_memmap(_file(self.folder, self.node, n), "w+", a.dtype, (self.customers,))
                for n, a in enumerate(arrays)
            ]
        for own, values in zip(self.arrays, arrays, strict=True):
            own[low:high] = values

    def close(self) -> None:
        """Everything is there."""
        if self.node.reduce in SETS:
            lengths = np.concatenate([np.zeros(1, np.int64), *(p[0] for p in self.pieces)])
            np.save(_file(self.folder, self.node, 0), np.cumsum(lengths))
            np.save(_file(self.folder, self.node, 1), np.concatenate([p[1] for p in self.pieces]))
        if self.codes:
            write_json(self.folder / f"{_name(self.node)}.texts.json", list(self.codes))
        self.arrays = []


def _name(node: Aggregate) -> str:
    return hashlib.sha256(repr(node).encode()).hexdigest()[:20]


def _file(folder: Path, node: Aggregate, number: int) -> Path:
    return folder / f"{_name(node)}-{number}.npy"


def _done(folder: Path) -> list[str]:
    path = folder / "done.json"
    done: list[str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    return done


def _load(folder: Path, node: Aggregate) -> Partials:
    files = sorted(folder.glob(f"{_name(node)}-*.npy"))
    texts = folder / f"{_name(node)}.texts.json"
    words = json.loads(texts.read_text(encoding="utf-8")) if texts.exists() else None
    return Partials(tuple(_mapped(f) for f in files), words)


def _mapped(path: Path) -> np.ndarray:
    array: np.ndarray = np.load(path, mmap_mode="r")
    return array.view(np.ndarray)


def _load_golden(folder: Path, name: str) -> Dense:
    valid, texts = folder / f"{name}.valid.npy", folder / f"{name}.texts.json"
    return Dense(
        _mapped(folder / f"{name}.npy"),
        _mapped(valid) if valid.exists() else None,
        json.loads(texts.read_text(encoding="utf-8")) if texts.exists() else None,
    )


def _no_rows(fields: Iterable[str]) -> pa.Table:
    return pa.table({name: pa.nulls(0) for name in fields})


def live_engine(
    home: Home,
    night: Night,
    catalogue: Catalogue,
    triggers: Sequence[Trigger] | None = None,
    *,
    keep: Iterable[str] = (),
    progress: Progress | None = None,
) -> LiveEngine:
    """An engine that lives the day after a night of a home, with the catalogue's triggers or those given."""
    chosen = catalogue.triggers if triggers is None else tuple(triggers)
    keep = tuple(keep)
    there = set(night.columns)
    profile = night.read([n for n in LiveEngine.reads(catalogue, chosen, keep) if n in there] or ["customer"])
    openings = HomeOpenings(home, night, progress=progress)
    day = night.day + dt.timedelta(days=1)
    return LiveEngine(catalogue, chosen, profile, openings, day, currency=home.currency, keep=keep)
