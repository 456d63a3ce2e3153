"""The order of a load: table by table as in `CONTRACTS`, unit by unit, each published before the next."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from quanke.bank.contracts import CONTRACTS, Contract, TableKind
from quanke.bank.home import Home, quarantine_file
from quanke.bank.load.checked import checked_unit
from quanke.bank.load.events import load_events
from quanke.bank.load.levels import load_levels
from quanke.bank.load.lookups import create_code_types
from quanke.bank.load.report import LoadReport, TableReport
from quanke.bank.load.snapshots import Part, merge_parts, read_part
from quanke.bank.load.task import Task
from quanke.bank.loads import LoadBook, UnitRecord
from quanke.bank.publication import Publication
from quanke.bank.readers import DatabaseSource, Handover, Unit, discover
from quanke.bank.session import Resources, connect
from quanke.kernel.errors import HomeError, InputError, QuankeError
from quanke.kernel.progress import Progress, Step

_FAULTS_OF_FILES = (
    duckdb.DataError,
    duckdb.InvalidInputException,
    duckdb.IOException,
    duckdb.SerializationException,
)
"""What DuckDB raises while it scans a damaged file, beside the bare `duckdb.Error` (from its Thrift reader).
Anything else is a fault of Quanke and comes through."""


def load(
    home: Home,
    source: Path | DatabaseSource,
    *,
    progress: Progress,
    only: Sequence[str] = (),
    resources: Resources | None = None,
) -> LoadReport:
    """Take what a bank hands over into the home; see `quanke.bank.readers.handover` for what that may be.

    A unit already loaded (same table, business date and content) is skipped, so the same call may be
    repeated at will, also after being killed. A broken file or an unknown table stops that table and is told
    in the report; other tables go on. Raises QuankeError if nothing can be done at all: the hand-over is no
    folder, is in another currency than the home, or the home is being written by someone else.
    """
    unknown = [name for name in only if name not in CONTRACTS]
    if unknown:
        raise InputError(f"{', '.join(unknown)}: no table of this name; known are {', '.join(CONTRACTS)}")
    with home.writing():
        handover = source.discover() if isinstance(source, DatabaseSource) else discover(source)
        stated = handover.sheet.currency
        if stated and stated != home.currency:
            raise HomeError(f"the hand-over is in {stated}, but the home is in {home.currency}")
        report = LoadReport()
        for name, contract in CONTRACTS.items():
            if name in handover.units and (not only or name in only):
                units = handover.units[name]
                with progress.step(name, sum(unit.size for unit in units)) as step:
                    table = TableLoader(home, contract, report.table(name), resources or Resources())
                    table.load(units, step)
        _report_refused(report, handover, only)
    return report


def _report_refused(report: LoadReport, handover: Handover, only: Sequence[str]) -> None:
    """Tell what was no unit, and whether the bank writes by a later schema."""
    for name, reasons in handover.refused.items():
        if not only or name in only:
            report.table(name).errors += reasons
    version = handover.sheet.schema_version
    for name, table in report.tables.items():
        if name in CONTRACTS and version > CONTRACTS[name].version:
            table.note([f"handed over by schema version {version}, read by {CONTRACTS[name].version}"])


class TableLoader:
    """Loads units of one table."""

    def __init__(self, home: Home, contract: Contract, report: TableReport, resources: Resources) -> None:
        self.home = home
        self.contract = contract
        self.report = report
        self.resources = resources
        self.scratch = home.work / contract.name
        self.scratch.mkdir(exist_ok=True)

    def load(self, units: Sequence[Unit], step: Step) -> None:
        """Load what is not loaded yet, up to the first unit that cannot be."""
        if self.contract.kind is TableKind.SNAPSHOT:
            self._load_snapshots(units, step)
            return
        for unit in units:
            try:
                self._load_one(unit)
            except InputError as error:
                self.report.errors.append(str(error))
                return
            step.advance(unit.size)

    def _load_one(self, unit: Unit) -> None:
        """Load and publish one unit of an EVENT or LEVEL table."""
        book = self.home.book(self.contract.name)
        fingerprint = self._fingerprint_of_new(unit, book)
        if not fingerprint:
            return
        publication = Publication(self.home.path)
        with self._task(unit, fingerprint, book, publication) as task:
            record = self._arrange(task)
        self._publish(self._with_unit(book, record, task.replaced, publication), publication)
        self._tell(task)

    def _arrange(self, task: Task) -> UnitRecord:
        return load_levels(task) if self.contract.kind is TableKind.LEVEL else load_events(task)

    def _load_snapshots(self, units: Sequence[Unit], step: Step) -> None:
        """Load all new units of a SNAPSHOT table, merge them once and publish."""
        book = self.home.book(self.contract.name)
        publication = Publication(self.home.path)
        parts: list[Part] = []
        tasks: list[Task] = []
        for unit in units:
            try:
                fingerprint = self._fingerprint_of_new(unit, book)
                if fingerprint:
                    with self._task(unit, fingerprint, book, publication) as task:
                        part = read_part(task, self.scratch / f"part-{task.ordinal}.parquet")
                    book = self._with_unit(book, part.record, part.replaced, publication)
                    parts.append(part)
                    tasks.append(task)
            except InputError as error:
                self.report.errors.append(str(error))
                break
            step.advance(unit.size)
        if parts:
            self._merge(book, parts, publication)
            self._publish(book, publication)
        for task in tasks:
            self._tell(task)

    def _merge(self, book: LoadBook, parts: Sequence[Part], publication: Publication) -> None:
        file = f"tables/{self.contract.name}"
        with faults_of(file), connect(self.scratch, self.resources) as connection:
            merge_parts(connection, self.home, self.contract, book, parts, publication)

    def replay(self, unit: Unit, origin: UnitRecord) -> None:
        """Load mended rows of `origin` and take them out of its quarantine, in one publication."""
        book = self.home.book(self.contract.name)
        publication = Publication(self.home.path)
        still = self.scratch / "still.parquet"
        with self._task(unit, unit.fingerprint(self.scratch), book, publication) as task:
            task.replay_of, task.still = origin.unit, still
            if self.contract.kind is TableKind.SNAPSHOT:
                part = read_part(task, self.scratch / "part.parquet")
                record = part.record
            else:
                record = self._arrange(task)
            waiting = task.keep_waiting(origin)
        if task.taken:
            book = book.with_unit(record)
            if self.contract.kind is TableKind.SNAPSHOT:
                self._merge(book, [part], publication)
        self._publish(book.with_quarantined(origin.ordinal, waiting), publication)
        self._tell(task)

    def _fingerprint_of_new(self, unit: Unit, book: LoadBook) -> str:
        """The fingerprint of a unit, empty (and told) if it is loaded already."""
        with faults_of(unit.file):
            fingerprint = unit.fingerprint(self.scratch)
        if book.same(unit.business_date, fingerprint):
            self.report.skipped_units.append(unit.name)
            return ""
        return fingerprint

    @contextmanager
    def _task(self, unit: Unit, fingerprint: str, book: LoadBook, publication: Publication) -> Iterator[Task]:
        """A unit read and checked, with a connection. Faults of the file come out as InputErrors."""
        with (
            connect(self.scratch, self.resources, unit.business_date) as connection,
            publication.attempt(),
            faults_of(unit.file),
        ):
            staged = unit.stage(self.scratch)
            create_code_types(connection, self.contract)
            yield Task(
                self.home,
                connection,
                self.contract,
                unit,
                fingerprint,
                checked_unit(self.home, connection, self.contract, staged),
                book.next_ordinal,
                book.replaced(unit.name, unit.business_date),
                publication,
                self.scratch,
            )

    def _with_unit(
        self, book: LoadBook, record: UnitRecord, replaced: tuple[UnitRecord, ...], publication: Publication
    ) -> LoadBook:
        """The book with a new unit; the files of the units it replaces go, but those of a ledger stay."""
        level = self.contract.kind is TableKind.LEVEL
        for old in replaced:
            publication.remove(quarantine_file(self.contract.name, old.unit))
            if old.data and not level:
                publication.remove(old.data)
        return book.with_unit(record, replaced, keep_data=level)

    def _publish(self, book: LoadBook, publication: Publication) -> None:
        with faults_of(f"loads/{self.contract.name}.json"):
            publication.write(f"loads/{self.contract.name}.json", book.to_json())
            publication.commit()
        shutil.rmtree(self.scratch)
        self.scratch.mkdir()

    def _tell(self, task: Task) -> None:
        """Enter a published unit into the report."""
        self.report.units += 1
        self.report.taken += task.taken
        self.report.quarantined += task.quarantined
        self.report.rules += task.broken
        self.report.replaced_units += [old.unit for old in task.replaced if not old.replay_of]
        self.report.note(task.checked.notes)


def _disk_is_full(file: str) -> QuankeError:
    return QuankeError(f"{file}: the disk is full; what was loaded before stands, run the load again")


@contextmanager
def faults_of(file: str) -> Iterator[None]:
    """Turn what goes wrong with a file into an InputError, a full disk into a QuankeError that ends the load.

    DuckDB's own messages are left out: they may quote values.
    """
    try:
        yield
    except duckdb.OutOfMemoryException:
        raise QuankeError(
            f"{file}: the load needs more memory or disk than there is; nothing of this table was changed"
        ) from None
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise _disk_is_full(file) from None
        raise InputError(f"cannot be read ({type(error).__name__})", file=file) from None
    except duckdb.Error as error:
        if type(error) is not duckdb.Error and not isinstance(error, _FAULTS_OF_FILES):
            raise
        if "No space left" in str(error):
            raise _disk_is_full(file) from None
        raise InputError(
            f"cannot be read to its end: it is cut off or damaged ({type(error).__name__})", file=file
        ) from error
