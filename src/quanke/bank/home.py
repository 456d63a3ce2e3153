"""The home: the folder in which Quanke keeps one bank's data.

    home.json                         {"format": 2, "currency": "CNY"}
    tables/<table>/*.parquet          rows as engines read them (`quanke.bank.arranged`)
    loads/<table>.json                what was loaded (`quanke.bank.loads`)
    quarantine/<table>/<unit>.parquet rows that were refused, with the rule each one breaks
    numbers/                          (source, party_id) -> party and customer, account_id -> account
    identity/                         who is who (`quanke.customers.register`)
    find.key                          secret of the search's digests (`quanke.bank.keys`)
    levels/<table>/                   what a LEVEL table needs to go on: closing state, days without change
    nights/YYYY-MM-DD/                published nights (`quanke.engines.store`)
    books/proposals/<id>/             proposals of who looks after whom (`quanke.books.store`)
    models/<score>/<version>/         trained scores (`quanke.plans.scores`)
    work/                             unfinished work; empty or absent between loads
    lock                              held while something is written

Every file outside `work` arrived by a rename, complete.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from quanke.bank import publication
from quanke.bank.contracts import CONTRACTS, TableKind
from quanke.bank.keys import FIND_KEY, make_find_key
from quanke.bank.loads import LoadBook
from quanke.kernel.errors import HomeError, QuankeError
from quanke.kernel.money import minor_unit_exponent

FORMAT = 2
"""The layout above. A home of a later format is refused, never guessed at."""

_DRAFT = "home.json.new"


@dataclass(frozen=True, slots=True)
class Counts:
    """How many numbers were given out: customers are 0 .. customers-1, accounts and parties likewise."""

    customers: int = 0
    accounts: int = 0
    parties: int = 0

    def to_json(self) -> str:
        """The text of `numbers/counts.json`."""
        return json.dumps(asdict(self)) + "\n"


class Home:
    """A bank's home on disk. Get one from `Home.create` or `Home.open`."""

    def __init__(self, path: Path, currency: str) -> None:
        self.path = path
        self.currency = currency

    def __repr__(self) -> str:
        return f"Home({str(self.path)!r}, currency={self.currency!r})"

    @classmethod
    def create(cls, path: Path | str, currency: str = "CNY") -> Home:
        """A new, empty home whose amounts are in `currency` (ISO 4217).

        Raises HomeError if something else than an empty folder stands there.
        """
        path = Path(path)
        try:
            minor_unit_exponent(currency)
        except QuankeError as error:
            raise HomeError(f"a home needs an ISO 4217 currency: {error}") from None
        if (path / "home.json").exists():
            raise HomeError(f"{path} is a home already")
        begun = (_DRAFT, FIND_KEY)  # what a killed run may have left
        if path.exists() and not (path.is_dir() and all(e.name.startswith(begun) for e in path.iterdir())):
            raise HomeError(f"{path} is not an empty folder, so no home can be made there")
        path.mkdir(parents=True, exist_ok=True)
        make_find_key(path)
        draft = path / _DRAFT
        draft.write_text(json.dumps({"format": FORMAT, "currency": currency}) + "\n", encoding="utf-8")
        os.replace(draft, path / "home.json")
        return cls(path, currency)

    @classmethod
    def open(cls, path: Path | str) -> Home:
        """The home at `path`. A load that was killed while it published is finished first, and tables that
        were loaded by an earlier version get the columns they lack."""
        path = Path(path)
        try:
            sheet = json.loads((path / "home.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise HomeError(f"{path} is not a home: it has no home.json") from None
        except (OSError, ValueError):
            raise HomeError(f"{path / 'home.json'} cannot be read") from None
        if not isinstance(sheet, dict) or sheet.get("format") != FORMAT:
            raise HomeError(
                f"{path} is a home of another format: this Quanke reads format {FORMAT}; "
                "open it with the version that wrote it"
            )
        home = cls(path, str(sheet.get("currency", "CNY")))
        if publication.interrupted(path):
            # If a living process holds the home it is just carrying the change out itself.
            with suppress(HomeError), home.writing():
                pass
        from quanke.bank.upgrading import bring_up  # it reads Parquet, and stands on this module

        bring_up(home)
        return home

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the home for writing; unfinished work of a killed writer is settled first.

        Raises HomeError at once if another process holds it.
        """
        with open(self.path / "lock", "ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise HomeError(
                    f"{self.path} is being written by another process: wait until it has ended"
                ) from None
            publication.recover(self.path)
            try:
                yield
            finally:
                if not publication.interrupted(self.path):
                    publication.clear(self.path)

    @property
    def work(self) -> Path:
        """Folder for unfinished work; only for whoever holds `writing`."""
        folder = self.path / "work"
        folder.mkdir(exist_ok=True)
        return folder

    def book(self, table: str) -> LoadBook:
        """What was loaded into `table`."""
        try:
            return LoadBook.from_json((self.path / "loads" / f"{table}.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return LoadBook(table)

    def facts(self, table: str) -> list[Path]:
        """The Parquet files that hold the arranged rows of `table`; empty if nothing was loaded.

        SNAPSHOT tables have one file; EVENT and LEVEL tables one per unit, in the order of loading.
        """
        if table not in CONTRACTS:
            raise HomeError(f"{table} is not a table of the contracts")
        if CONTRACTS[table].kind is TableKind.SNAPSHOT:
            current = self.path / current_file(table)
            return [current] if current.exists() else []
        return [self.path / file for file in self.book(table).files]

    def counts(self) -> Counts:
        """How many customers and accounts have numbers."""
        try:
            return Counts(**json.loads((self.path / "numbers/counts.json").read_text(encoding="utf-8")))
        except FileNotFoundError:
            return Counts()

    def numbers(self, kind: str) -> list[Path]:
        """Files of given-out numbers; `kind` is "parties", "links" or "accounts"."""
        return sorted((self.path / "numbers" / kind).glob("*.parquet"))

    def quarantine(self, table: str) -> list[Path]:
        """Quarantine files of `table`, one per unit that has rows waiting."""
        return sorted((self.path / "quarantine" / table).glob("*.parquet"))


def current_file(table: str) -> str:
    """Where the rows of a SNAPSHOT table stand, inside the home."""
    return f"tables/{table}/current.parquet"


def quarantine_file(table: str, unit: str) -> str:
    """Where the refused rows of a unit stand, inside the home."""
    return f"quarantine/{table}/{unit}.parquet"
