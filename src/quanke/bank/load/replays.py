"""The way back from quarantine: mended rows are loaded as if they had been right the first time.

A mended file is a quarantine file (Parquet, or saved as CSV) in which cells were changed; its columns `unit`
and `row` say which refused rows it mends. Rows that are not waiting in quarantine any more are left out, so a
replay may be repeated. A row that is right now is taken, as a unit of its own with the business date of the
unit it came from, and leaves the quarantine; one that still breaks a rule stays there with its new cells and
its new reason.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from quanke.bank.contracts import CONTRACTS
from quanke.bank.home import Home, quarantine_file
from quanke.bank.load.quarantine import REASONS
from quanke.bank.load.report import LoadReport
from quanke.bank.load.run import TableLoader, faults_of
from quanke.bank.load.task import copy_scratch
from quanke.bank.loads import UnitRecord
from quanke.bank.readers.csv import stage_csv
from quanke.bank.readers.handover import EXTENSIONS, column_names
from quanke.bank.readers.parquet import stage_parquet
from quanke.bank.readers.staged import RECORD, ROW, Kind, SourceColumn, Staged
from quanke.bank.session import Connection, Resources, connect
from quanke.bank.sql import literal, parquet, quoted
from quanke.kernel.errors import InputError
from quanke.kernel.progress import Progress


def replay(
    home: Home,
    *,
    files: Path | Sequence[Path],
    progress: Progress,
    resources: Resources | None = None,
) -> LoadReport:
    """Take mended quarantine rows into the home.

    `files` are mended files, or a folder of them laid out like `quarantine/` (one folder per table); the
    table of a file is the name of its folder, or what its own name begins with. Counts in the report are of
    the mended rows: `taken` now, `quarantined` still.
    """
    with home.writing():
        report = LoadReport()
        paths = _mended_files(files)
        with progress.step("replay", len(paths)) as step:
            for path in paths:
                table = _table_of(path)
                try:
                    if table not in CONTRACTS:
                        raise InputError(
                            "neither its folder nor its name says which table it mends", file=path.name
                        )
                    _Replay(home, table, path, report, resources or Resources()).run()
                except InputError as error:
                    report.table(table).errors.append(str(error))
                step.advance()
    return report


def _mended_files(files: Path | Sequence[Path]) -> list[Path]:
    if not isinstance(files, Path):
        return list(files)
    if files.is_file():
        return [files]
    if not files.is_dir():
        raise InputError("there is no such file or folder", file=str(files))
    return [path for path in sorted(files.rglob("*")) if path.name.lower().endswith(EXTENSIONS)]


def _table_of(path: Path) -> str:
    if path.parent.name in CONTRACTS:
        return path.parent.name
    fitting = [name for name in CONTRACTS if path.name.startswith(name)]
    return max(fitting, key=len, default=path.name)


@dataclass(frozen=True, slots=True)
class _MendedUnit:
    """The mended rows of one unit, staged, as a unit to load."""

    table: str
    name: str
    origin: UnitRecord
    staged: Staged
    digest: str

    @property
    def file(self) -> str:
        """The file the rows came from at first."""
        return self.origin.file

    @property
    def business_date(self) -> date | None:
        """The date of the unit that is mended."""
        return self.origin.business_date

    @property
    def size(self) -> int:
        """Weight in the progress shown."""
        return 1

    def fingerprint(self, scratch: Path) -> str:
        """SHA-256 of the mended file and the name of the unit it mends."""
        return self.digest

    def stage(self, scratch: Path) -> Staged:
        """The mended rows."""
        return self.staged


class _Replay:
    """Replays one mended file."""

    def __init__(self, home: Home, table: str, path: Path, report: LoadReport, resources: Resources) -> None:
        self.home = home
        self.table = table
        self.path = path
        self.report = report.table(table)
        self.resources = resources

    def run(self) -> None:
        """Load the mended rows of each unit the file speaks of."""
        digest = hashlib.sha256(self.path.read_bytes())
        mended = self._parquet()
        with faults_of(self.path.name), connect(self.home.work, self.resources) as connection:
            names, units = self._survey(connection, mended)
        loader = TableLoader(self.home, CONTRACTS[self.table], self.report, self.resources)
        for unit in units:
            book = self.home.book(self.table)
            origin = next((record for record in book.standing if record.unit == unit), None)
            waiting = self.home.path / quarantine_file(self.table, unit)
            staged = self._stage(names, mended, origin, waiting) if origin and waiting.exists() else None
            if origin is None or staged is None or not staged.rows:
                self.report.skipped_units.append(unit)
                continue
            name = f"{unit}+{1 + sum(record.replay_of == unit for record in book)}"
            mark = digest.copy()
            mark.update(name.encode())
            loader.replay(_MendedUnit(self.table, name, origin, staged, mark.hexdigest()), origin)

    def _parquet(self) -> Path:
        """The mended file as Parquet."""
        if self.path.name.lower().endswith(".parquet"):
            return stage_parquet(self.path, self.path.name).path
        known = column_names(CONTRACTS[self.table]) | set(REASONS)
        staged = stage_csv(self.path, self.path.name, self.home.work, known, name="mended")
        if staged.broken_rows:
            raise InputError(
                f"{staged.broken_rows} records have more or fewer cells than the header", file=self.path.name
            )
        return staged.path

    def _survey(self, connection: Connection, mended: Path) -> tuple[list[str], list[str]]:
        """The columns of the mended file, and the units it mends."""
        names = [row[0] for row in connection.execute(f"DESCRIBE FROM {parquet([mended])}").fetchall()]
        missing = [name for name in ("unit", "row") if name not in names]
        if missing:
            raise InputError(
                f"is not a mended quarantine file: it has no column {' and '.join(missing)}",
                file=self.path.name,
            )
        query = f"SELECT DISTINCT unit::VARCHAR FROM {parquet([mended])} WHERE unit IS NOT NULL ORDER BY ALL"
        return names, [row[0] for row in connection.execute(query).fetchall()]

    def _stage(self, names: list[str], mended: Path, origin: UnitRecord, waiting: Path) -> Staged:
        """The rows that mend `origin` and are waiting, as texts with their old row numbers.

        A duplicate nobody changed stays where it is: loaded now, it would win over the row it repeats.
        """
        path = self.home.work / "replayed.parquet"
        sources = [name for name in names if name not in (*REASONS, RECORD, ROW)]
        with faults_of(self.path.name), connect(self.home.work, self.resources) as connection:
            there = {row[0] for row in connection.execute(f"DESCRIBE FROM {parquet([waiting])}").fetchall()}
            same = " AND ".join(
                f"coalesce(m.{quoted(name)}::VARCHAR, '') = coalesce(w.{quoted(name)}, '')"
                for name in sources
                if name in there
            )
            cells = [f"m.{quoted(name)}::VARCHAR" for name in sources]
            columns = "".join(
                f", {cell} AS {quoted(name)}" for cell, name in zip(cells, sources, strict=True)
            )
            query = (
                f"SELECT w.row AS {quoted(ROW)}{columns} FROM {parquet([mended])} AS m "
                f"JOIN {parquet([waiting])} AS w ON w.row = try_cast(m.row AS BIGINT) "
                f"WHERE m.unit = {literal(origin.unit)} "
                f"AND NOT (w.rule = 'duplicate_key' AND {same or 'true'}) "
                "QUALIFY row_number() OVER (PARTITION BY w.row ORDER BY "
                f"{', '.join(cells) or '1'}) = 1"
            )
            rows = copy_scratch(connection, query, path)
        kept = tuple(SourceColumn(name, Kind.TEXT, "VARCHAR") for name in sources)
        return Staged(origin.file, path, kept, rows, quoted(ROW))
