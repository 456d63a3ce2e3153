"""SNAPSHOT tables: `current.parquet` holds the latest row of each key.

All units of a run are read one by one into parts (bounded by the largest unit) and then merged once with
what is there: a key comes from the unit with the latest business date (undated units count as the earliest),
among equals from the one loaded last. A redelivered unit's earlier rows are taken out first; rows they had
replaced do not come back by themselves, since the bank's corrected file holds those keys again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from quanke.bank.arranged import IDENTITY_TABLES, arranged, key, order
from quanke.bank.contracts import Contract
from quanke.bank.home import Home, current_file
from quanke.bank.load.duplicates import create_candidates, drop_duplicates, hashes, repeated
from quanke.bank.load.numbering import number_accounts, number_parties, other_identity, with_links
from quanke.bank.load.outputs import output_columns, select_list
from quanke.bank.load.task import Task, copy, copy_scratch
from quanke.bank.loads import LoadBook, UnitRecord
from quanke.bank.publication import Publication
from quanke.bank.session import Connection
from quanke.bank.sql import parquet, quoted

_ROWS_OF_A_UNIT = 40
"""Bits of a position that count rows; the ordinal of the unit stands above them."""


@dataclass(frozen=True, slots=True)
class Part:
    """The good rows of one unit, in a scratch file, not yet numbered."""

    record: UnitRecord
    replaced: tuple[UnitRecord, ...]
    path: Path


def read_part(task: Task, path: Path) -> Part:
    """Write the unit's good rows to `path` and stage its quarantine."""
    unit = task.checked
    identity = task.contract.name in IDENTITY_TABLES
    drop_duplicates(task.connection, unit, other_identity(task.home, task.contract.name) if identity else ())
    columns = select_list(output_columns(unit, task.ordinal))
    position = f'({task.ordinal}::BIGINT << {_ROWS_OF_A_UNIT}) + "#row"'
    rows = f"SELECT {position} AS position, {columns} FROM checked WHERE {unit.good}"
    query = f"{unit.ctes()} {with_links(task.contract.name, rows)}"
    task.taken = copy_scratch(task.connection, query, path)
    task.quarantine()
    return Part(task.record(), task.replaced, path)


def merge_parts(
    connection: Connection,
    home: Home,
    contract: Contract,
    book: LoadBook,
    parts: Sequence[Part],
    publication: Publication,
) -> None:
    """Stage the table with `parts` merged in. `book` already has their records."""
    _Merge(connection, home, contract, book, parts, publication).run()


class _Merge:
    """The steps of one merge; temporary tables hand results from one to the next."""

    def __init__(
        self,
        connection: Connection,
        home: Home,
        contract: Contract,
        book: LoadBook,
        parts: Sequence[Part],
        publication: Publication,
    ) -> None:
        self.connection = connection
        self.home = home
        self.contract = contract
        self.book = book
        self.parts = parts
        self.publication = publication
        self.new = parquet([part.path for part in parts])
        self.key = ", ".join(quoted(name) for name in key(contract.name))

    def run(self) -> None:
        """Stage `current.parquet`, the numbers and their counts."""
        self._find_repeated()
        self._number()
        self._rank()
        names = ", ".join(quoted(column.name) for column in arranged(self.contract.name))
        by = ", ".join(quoted(name) for name in order(self.contract.name))
        query = f"SELECT {names} FROM (SELECT {names} FROM newest{self._kept(names)}) ORDER BY {by}"
        destination = current_file(self.contract.name)
        if not copy(self.connection, query, self.publication.stage(destination)):
            self.publication.drop(destination)
            self.publication.remove(destination)

    def _find_repeated(self) -> None:
        """The table `copies` (position, key): rows of all keys that stand in more than one part."""
        found = repeated(hashes(self.connection, f"SELECT hash({self.key}) FROM {self.new}"))
        create_candidates(self.connection, found)
        self.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE copies AS SELECT position, unit, {self.key} FROM {self.new} "
            f"WHERE hash({self.key}) IN (SELECT hash FROM candidates)"
        )

    def _number(self) -> None:
        """The view `numbered_new`: all new rows with their numbers."""
        table = self.contract.name
        self.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE later AS SELECT position, {self.key} FROM copies "
            f"QUALIFY row_number() OVER (PARTITION BY {self.key} ORDER BY position) > 1"
        )
        if table not in (*IDENTITY_TABLES, "accounts"):
            self.connection.execute(f"CREATE OR REPLACE TEMP VIEW numbered_new AS FROM {self.new}")
            return
        counts = self.home.counts()
        first = f"{self.new} WHERE position NOT IN (SELECT position FROM later)"
        if table == "accounts":
            relation = f"(SELECT position, account_id, customer FROM {first})"
            given = number_accounts(self.connection, self.home, relation, counts.accounts, self.publication)
            counts = replace(counts, accounts=given)
            numbers: tuple[str, ...] = ("account",)
        else:
            relation = f"(SELECT position, source, party_id, link_low, link_high FROM {first})"
            counts = number_parties(self.connection, self.home, table, relation, counts, self.publication)
            numbers = ("customer", "party")
        self.publication.write("numbers/counts.json", counts.to_json())
        self.connection.execute(
            f"INSERT INTO numbered BY NAME SELECT later.position, {', '.join(numbers)} "
            f"FROM later JOIN numbered USING ({self.key})"
        )
        replaced = ", ".join(f"numbered.{number} AS {number}" for number in numbers)
        self.connection.execute(
            "CREATE OR REPLACE TEMP VIEW numbered_new AS "
            f"SELECT new.* REPLACE ({replaced}) FROM {self.new} AS new "
            "JOIN numbered USING (position)"
        )

    def _rank(self) -> None:
        """The table `ranks` (unit, rank), and `newest`: new rows that no other row of their key outranks."""
        ranked = sorted(self.book.units, key=lambda record: record.precedence)
        values = ", ".join(f"({record.ordinal}, {rank})" for rank, record in enumerate(ranked))
        self.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE ranks AS FROM (VALUES {values}) AS ranks(unit, rank)"
        )
        self.connection.execute(
            "CREATE OR REPLACE TEMP TABLE outranked AS SELECT position FROM copies JOIN ranks USING (unit) "
            f"QUALIFY row_number() OVER (PARTITION BY {self.key} ORDER BY rank DESC) > 1"
        )
        self._add_outranked_by_current(ranked)
        self.connection.execute(
            "CREATE OR REPLACE TEMP VIEW newest AS FROM numbered_new "
            "WHERE position NOT IN (SELECT position FROM outranked)"
        )

    def _add_outranked_by_current(self, ranked: list[UnitRecord]) -> None:
        """New rows of an older business date give way to what is there."""
        ordinals = {part.record.ordinal for part in self.parts}
        first_new = next(at for at, record in enumerate(ranked) if record.ordinal in ordinals)
        if all(record.ordinal in ordinals for record in ranked[first_new:]):
            return
        current = self._standing("c")
        if not current:
            return
        self.connection.execute(
            f"INSERT INTO outranked SELECT n.position FROM numbered_new AS n JOIN {current} "
            f"USING ({self.key}) JOIN ranks AS ours ON ours.unit = n.unit JOIN ranks AS theirs "
            "ON theirs.unit = c.unit WHERE theirs.rank > ours.rank"
        )

    def _standing(self, alias: str) -> str:
        """What is there without rows of units that are replaced; empty if nothing is there."""
        files = self.home.facts(self.contract.name)
        if not files:
            return ""
        gone = [str(old.ordinal) for part in self.parts for old in part.replaced]
        where = f" WHERE unit NOT IN ({', '.join(gone)})" if gone else ""
        return f"(SELECT {self._columns_there(files)} FROM {parquet(files)}{where}) AS {alias}"

    def _columns_there(self, files: Sequence[Path]) -> str:
        """The arranged columns of a file that may have been written before some of them existed."""
        there = {row[0] for row in self.connection.execute(f"DESCRIBE FROM {parquet(files)}").fetchall()}
        return ", ".join(
            quoted(column.name) if column.name in there else f"NULL::{column.type} AS {quoted(column.name)}"
            for column in arranged(self.contract.name)
        )

    def _kept(self, names: str) -> str:
        """The rows that stay, as a UNION ALL; empty if nothing was there."""
        current = self._standing("c")
        if not current:
            return ""
        return f" UNION ALL SELECT {names} FROM {current} ANTI JOIN newest USING ({self.key})"
