"""Openings of Arrow tables in memory: a small bank without a home."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from quanke.engines.duckdb import DIALECT, connect
from quanke.engines.live.dense import Dense, dense_of
from quanke.engines.live.opening import Partials
from quanke.engines.live.partial_sql import partials_of, partials_sql
from quanke.language.facts import table_of
from quanke.language.nodes import Aggregate, Column


@dataclass(frozen=True)
class HeldOpening:
    """An opening whose arrays are at hand."""

    day: dt.date
    customers: int
    partials: Mapping[Aggregate, Partials]


@dataclass(frozen=True)
class TableOpenings:
    """Openings of `tables`: arranged tables by name, `customers` among them with one row for each of the
    numbers 0 to `count - 1`. Event rows have `event_id` where waits are to be taken from them."""

    tables: Mapping[str, pa.Table]
    count: int

    def on(self, day: dt.date, wanted: Sequence[Aggregate]) -> HeldOpening:
        """The opening of a day."""
        found: dict[Aggregate, Partials] = {}
        with connect() as connection:
            for table, nodes in by_table(wanted).items():
                source = self.tables[table]
                connection.register("given", source)
                made = connection.sql(partials_sql(table, nodes, "given", DIALECT, day)).to_arrow_table()
                connection.unregister("given")
                found.update(partials_of(made, nodes, 0, self.count))
        return HeldOpening(day, self.count, found)

    def customers(self, wanted: Sequence[Column]) -> dict[Column, Dense]:
        """Fields of the golden customer."""
        rows = self.tables["customers"].sort_by("customer")
        return {node: dense_of(rows[node.name], node.type) for node in wanted}

    def rows(self, table: str, fields: Sequence[str], since: dt.date) -> pa.Table:
        """Rows from a day on."""
        held = self.tables[table]
        late = pc.greater_equal(held[table_of(table).date], pa.scalar(since))
        return held.filter(late).select(list(fields))


def by_table(wanted: Sequence[Aggregate]) -> dict[str, dict[Aggregate, str]]:
    """Aggregates by their table, each with a name."""
    found: dict[str, dict[Aggregate, str]] = {}
    for node in wanted:
        table = found.setdefault(node.table, {})
        table[node] = f"a{len(table)}"
    return found
