"""A batch: arriving rows of one table, what they add to the state, and what is seen with each of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import cached_property

import numpy as np
import pyarrow as pa

from quanke.engines.live.columns import Array, Column
from quanke.engines.live.dense import Texts, column_or_texts
from quanke.engines.live.held import Given, Held, Runs
from quanke.engines.live.state import State
from quanke.kernel.errors import QuankeError
from quanke.language.facts import table_of
from quanke.language.nodes import Aggregate, Node
from quanke.language.nodes import Column as Field
from quanke.language.types import INSTANT

ReadNight = Callable[[Node, Array, Array], Column | Texts]
"""Gives what stands as of the night, for customers."""


class Rows:
    """Arriving rows of one table as columns."""

    def __init__(self, table: str, rows: pa.Table) -> None:
        self.table = table
        self.count: int = rows.num_rows
        self.ones = np.ones(self.count, np.bool_)
        self._rows = rows
        self._read: dict[str, Column | Texts] = {}

    @cached_property
    def customer(self) -> Array:
        """The customer of each row, int64."""
        customers = self._rows["customer"]
        if customers.null_count:
            raise QuankeError(f"rows of {self.table} have no customer")
        numbers: Array = customers.to_numpy().astype(np.int64)
        return numbers

    @cached_property
    def event_ids(self) -> pa.Array:
        """What each row is known by."""
        return self._rows["event_id"].combine_chunks().cast(pa.string())

    @cached_property
    def at(self) -> Array:
        """The moment of each row, else the beginning of its day."""
        day: Array = self._rows[table_of(self.table).date].to_numpy().astype("datetime64[us]")
        if "at" not in self._rows.column_names:
            return day
        column = column_or_texts(self._rows["at"], INSTANT, self.ones)
        assert isinstance(column, Column)
        return np.where(column.valid, column.values, day)

    def read(self, node: Field) -> Column | Texts:
        """A field of the rows."""
        found = self._read.get(node.name)
        if found is None:
            found = self._read[node.name] = column_or_texts(self._rows[node.name], node.type, self.ones)
        return found


class Batch:
    """Rows on their way into the state. `add` works out everything, `keep` makes it stand."""

    def __init__(self, rows: Rows, state: State, night: ReadNight, day: dt.date) -> None:
        self.rows = rows
        self.day = day
        self._state = state
        self._night = night
        self._given: list[tuple[Held, Given | None, tuple[Array, ...]]] = []
        self._after: dict[Aggregate, tuple[Array, ...]] = {}
        self._slots: Array = np.zeros(0, np.int64)
        self._runs: Runs | None = None

    def add(self) -> None:
        """What each aggregate is with each row counted. Raises OverflowError; the state is as before."""
        rows, state = self.rows, self._state
        self._slots = state.touch(rows.customer)
        formulas = state.formulas.get(rows.table)
        if formulas is None:
            return
        found = formulas.run(self._read_row, self.day, rows.count, rows.ones)
        given = state.given(rows.table, found, self.day)
        self._runs = runs = state.runs(self._slots)
        for held, brought in given:
            if brought is None:
                continue
            after = held.after(runs, brought)
            self._given.append((held, brought, after))
            self._after[held.node] = after

    def keep(self) -> None:
        """Make it stand."""
        if self._runs is not None:
            for held, brought, after in self._given:
                held.keep(self._runs, after, brought)

    def _read_row(self, node: Node) -> Column | Texts:
        assert isinstance(node, Field)
        return self.rows.read(node)

    def read(self, node: Node) -> Column | Texts:
        """What is seen of a node with each row."""
        if isinstance(node, Field) and node.table == self.rows.table:
            return self.rows.read(node)
        if isinstance(node, Aggregate):
            held = self._state.held[node]
            after = self._after.get(node)
            if after is None:
                parts = held.seen(self._slots)
            else:
                assert self._runs is not None
                parts = tuple(self._runs.back(part) for part in after)
            return held.finish(parts, self.day, self.rows.ones)
        return self._night(node, self.rows.customer, self.rows.ones)
