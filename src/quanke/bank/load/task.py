"""What loading one unit needs at hand, whatever the kind of its table."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from quanke.bank.contracts import Contract
from quanke.bank.home import Home, quarantine_file
from quanke.bank.load.checked import Checked
from quanke.bank.load.quarantine import rules_broken, write_refused
from quanke.bank.loads import UnitRecord
from quanke.bank.publication import Publication
from quanke.bank.readers import Unit
from quanke.bank.readers.staged import ROW
from quanke.bank.session import PARQUET, Connection, one_row
from quanke.bank.sql import literal, parquet, quoted
from quanke.kernel.errors import QuankeError


@dataclass(slots=True)
class Task:
    """One unit on its way into the home. Files in `scratch` go away when it is published.

    A replay has the name of the unit it mends in `replay_of`, and `still` is where its rows that are refused
    again are written (they join the others of that unit afterwards).
    """

    home: Home
    connection: Connection
    contract: Contract
    unit: Unit
    fingerprint: str
    checked: Checked
    ordinal: int
    replaced: tuple[UnitRecord, ...]
    publication: Publication
    scratch: Path
    replay_of: str = ""
    still: Path | None = None
    taken: int = 0
    quarantined: int = 0
    broken: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    @property
    def stem(self) -> str:
        """The name of the unit's own files: its business date and the start of its fingerprint."""
        dated = self.unit.business_date
        stem = f"{dated.isoformat() if dated else 'undated'}-{self.fingerprint[:8]}"
        if any(stem in record.data + record.unchanged for record in self.home.book(self.contract.name)):
            stem += f"-{self.ordinal}"
        return stem

    def copy(self, query: str, destination: str) -> int:
        """Write a query's rows to a staged file; how many."""
        return copy(self.connection, query, self.publication.stage(destination))

    def quarantine(self) -> None:
        """Write the refused rows and check that none was lost between taken and refused."""
        staged = self.checked.staged
        total = staged.rows + staged.broken_rows
        if self.taken == total:
            return
        name = self.replay_of or self.unit.name
        path = self.still or self.publication.stage(quarantine_file(self.contract.name, name))
        self.quarantined = write_refused(self.connection, self.checked, name, path)
        if self.taken + self.quarantined != total:
            raise QuankeError(
                f"{self.unit.file}: {total} rows were read, but {self.taken} taken and {self.quarantined} "
                "refused; nothing was changed. Please report this as a fault of Quanke"
            )
        self.broken = rules_broken(self.connection, path)

    def keep_waiting(self, origin: UnitRecord) -> int:
        """After a replay: stage the quarantine of `origin` without the rows now taken; how many are left."""
        destination = quarantine_file(self.contract.name, origin.unit)
        mended = f"SELECT {quoted(ROW)} FROM {parquet([self.checked.staged.path])}"
        rest = f"FROM {parquet([self.home.path / destination])} WHERE row NOT IN ({mended})"
        if self.quarantined and self.still is not None:
            rest += f" UNION ALL BY NAME FROM {parquet([self.still])}"
        count = self.copy(f"SELECT * FROM ({rest}) ORDER BY row", destination)
        if not count:
            self.publication.drop(destination)
            self.publication.remove(destination)
        return count

    def record(self, **more: object) -> UnitRecord:
        """The unit's entry in the book."""
        return UnitRecord(
            ordinal=self.ordinal,
            unit=self.unit.name,
            file=self.unit.file,
            business_date=self.unit.business_date,
            fingerprint=self.fingerprint,
            taken=self.taken,
            quarantined=0 if self.replay_of else self.quarantined,
            replay_of=self.replay_of,
            **more,  # type: ignore[arg-type]
        )


def copy(connection: Connection, query: str, path: Path) -> int:
    """Write the rows of `query` to a Parquet file with the settings of a home; how many."""
    return int(one_row(connection, f"COPY ({query}) TO {literal(str(path))} ({PARQUET})")[0])


def copy_scratch(connection: Connection, query: str, path: Path) -> int:
    """Write the rows of `query` to a Parquet file that is thrown away soon; how many."""
    settings = "FORMAT parquet, COMPRESSION lz4_raw, DICTIONARY_SIZE_LIMIT 100"
    return int(one_row(connection, f"COPY ({query}) TO {literal(str(path))} ({settings})")[0])
