"""Rows of a home as tiles ask for them: all of them, those of some days, those that came and went."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

from quanke.bank.contracts import CONTRACTS, TableKind
from quanke.engines.duckdb import DIALECT
from quanke.engines.duckdb.relations import empty_sql, files_sql
from quanke.night.inputs import Inputs
from quanke.night.moved import moved_relation
from quanke.night.tile_store import TileFolder, files_of

Numbers = NDArray[np.int64]
Days = Sequence[tuple[dt.date, dt.date]]


@dataclass(frozen=True)
class TableFiles:
    """Files of one table now and in the night before (None: it is not looked at)."""

    inputs: Inputs
    table: str
    before: TileFolder | None

    @property
    def now(self) -> dict[str, str]:
        """Files that are there."""
        return files_of(self.inputs.home, self.table)

    @property
    def then(self) -> dict[str, str]:
        """Files the tiles were made of."""
        return self.before.files(self.table) if self.before else {}

    def _paths(self, names: Sequence[str]) -> list[Path]:
        wanted = set(names)
        return [f for f in self.inputs.files(self.table) if f.name in wanted]

    def came(self) -> list[Path]:
        """Files that are new."""
        then = self.then
        return self._paths([n for n, what in self.now.items() if then.get(n) != what])

    def stood(self) -> list[Path]:
        """Files that were there and are."""
        then = self.then
        return self._paths([n for n, what in self.now.items() if then.get(n) == what])

    def gone(self) -> list[Path]:
        """Files that were there and are no more, as the tiles keep them."""
        if self.before is None:
            return []
        now = self.now
        return [self.before.fact(self.table, n) for n, what in self.then.items() if now.get(n) != what]

    @property
    def same(self) -> bool:
        """Whether nothing came and nothing went."""
        return self.now == self.then


class HomeRows:
    """Rows of a fact table for customers `low` to `high - 1` (engines' `TableRows`)."""

    def __init__(self, files: TableFiles, low: int, high: int, only: str = "") -> None:
        self.files, self.inputs, self.table = files, files.inputs, files.table
        self.reach = f"customer >= {low} AND customer < {high}" + (f" AND {only}" if only else "")

    def _relation(self, paths: list[Path], moved: Path | None) -> str:
        if not paths:
            return ""
        relation = moved_relation(self.table, paths, moved) if moved else files_sql(paths)
        return f"(SELECT * FROM {relation} WHERE {self.reach})"

    def everything(self) -> str:
        """All rows; a relation without rows where nothing was handed over."""
        return self._relation(self.inputs.files(self.table), self.inputs.moved) or empty_sql(self.table)

    def sides(self, days: Days) -> Mapping[int, str]:
        """Rows that came (1) and went (-1), and of the files that stood those that may hold the days (0)."""
        found = {}
        stood = [p for p in self.files.stood() if self._may_hold(p, days)]
        before = self.files.before
        for side, paths, moved in (
            (0, stood, self.inputs.moved),
            (1, self.files.came(), self.inputs.moved),
            (-1, self.files.gone(), before.moved if before else None),
        ):
            if paths:
                found[side] = self._relation(paths, moved)
        return found

    def _may_hold(self, path: Path, days: Days) -> bool:
        for unit in self.inputs.home.book(self.table):
            if unit.data and Path(unit.data).name == path.name and unit.first and unit.last:
                return any(first <= unit.last and last >= unit.first for first, last in days)
        return bool(days)

    def handed(self, connection: duckdb.DuckDBPyConnection, fields: Sequence[str]) -> Numbers | None:
        """Customers of whom a row came, went or changed; None where all may have."""
        if self.table == "balances":
            return None  # foreign accounts are valued anew every night
        if self.files.same:
            return np.empty(0, np.int64)
        if CONTRACTS[self.table].kind is TableKind.SNAPSHOT:
            return self._changed(connection, fields)
        sides = [r for side, r in self.sides([]).items() if side]
        union = " UNION ALL ".join(f"SELECT customer FROM {r}" for r in sides)
        return _customers(connection, f"SELECT DISTINCT customer FROM ({union})")

    def _changed(self, connection: duckdb.DuckDBPyConnection, fields: Sequence[str]) -> Numbers | None:
        """Customers whose standing rows are not what they were, told by a sum of two hashes of each row."""
        before = self.files.before
        gone = self.files.gone()
        if before is None or not all(path.exists() for path in gone):
            return None
        then = self._relation(gone, before.moved) or empty_sql(self.table)
        named = ", ".join(DIALECT.quote(f) for f in fields)

        def told(relation: str) -> str:
            return (
                f"SELECT customer, count(*) AS n, sum(hash({named})) AS one, sum(hash('q', {named})) AS two "
                f"FROM {relation} GROUP BY customer"
            )

        return _customers(
            connection,
            f"SELECT coalesce(a.customer, b.customer) AS customer FROM ({told(then)}) AS a "
            f"FULL JOIN ({told(self.everything())}) AS b ON a.customer = b.customer "
            "WHERE (a.n, a.one, a.two) IS DISTINCT FROM (b.n, b.one, b.two)",
        )


def _customers(connection: duckdb.DuckDBPyConnection, query: str) -> Numbers:
    found: Numbers = connection.sql(query).to_arrow_table()["customer"].to_numpy().astype(np.int64)
    return np.unique(found)
