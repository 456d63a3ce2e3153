"""What of a night is kept between requests: the reading of single customers, the graph, the plan, the advice.

Published nights never change, so one of each is held for the night `base()` holds, and the row of a customer
for the panels of his page, which are asked one after the other.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from quanke.customers.graph import Graph
from quanke.kernel.errors import HomeError, NightError
from quanke.night.advised import NightAdvice
from quanke.night.finding import open_search
from quanke.night.planned import Planned
from quanke.night.reading import Reading
from quanke_desk.foundation.analytic import Base, base

_ROWS = 64


class AtNight:
    """Readers of one night, each made when it is first asked for."""

    def __init__(self, held: Base) -> None:
        self.base = held
        self.reading = Reading(held.night, held.bank.home)
        self._rows: OrderedDict[tuple[int, tuple[str, ...]], dict[str, Any]] = OrderedDict()
        self._lock = threading.Lock()
        self._kept: dict[str, Any] = {}

    @property
    def graph(self) -> Graph:
        """The graph. Raises NightError where the night has none."""
        return self._once("graph", lambda: Graph.open(self.base.night.path / "graph"))  # type: ignore[no-any-return]

    @property
    def plan(self) -> Planned:
        """The plan. Raises NightError where the night has none."""
        return self._once("plan", lambda: self.base.bank.plan(self.base.day))  # type: ignore[no-any-return]

    @property
    def advice(self) -> NightAdvice:
        """The advice; consents of today are asked each time. Raises NightError where the night has none."""
        return self._once("advice", lambda: self.base.bank.wealth(self.base.day))  # type: ignore[no-any-return]

    @property
    def products(self) -> dict[str, dict[str, Any]]:
        """Products by number."""
        return self._once("products", self._products)  # type: ignore[no-any-return]

    @property
    def marketable(self) -> NDArray[np.bool_]:
        """Whether each customer (by number) may be marketed to at all: alive, known to be of age, still a
        customer."""
        return self._once("marketable", self._marketable)  # type: ignore[no-any-return]

    def row(self, customer: int, columns: tuple[str, ...]) -> dict[str, Any]:
        """One customer's values of the columns this night has. Raises NightError for an unknown number."""
        key = (customer, columns)
        with self._lock:
            if key in self._rows:
                self._rows.move_to_end(key)
                return self._rows[key]
        row = self.base.row(customer, list(columns))
        with self._lock:
            self._rows[key] = row
            while len(self._rows) > _ROWS:
                self._rows.popitem(last=False)
        return row

    def customer_of(self, given: str) -> int:
        """The customer of a number, or of `source:party_id` exactly as the source writes it, in this night; a
        number that was taken into another customer gives that one.

        Found by the night's search and read by his own rows, for the library looks through all records.
        Raises NightError where this night knows nobody by it.
        """
        held, (source, colon, party) = self.base, given.partition(":")
        if given.isascii() and given.isdecimal():
            return held.goes_by(int(given))
        if not colon or not party:
            raise NightError("a customer is named by number, or by source:party_id (as core:P0000001)")
        try:
            index = open_search(held.night, held.bank.home)
        except (NightError, HomeError):  # of an earlier version, or its key is away
            return int(held.bank.customer(given, held.day))
        for customer in index.of_tokens("party", index.tokens("party", given)).tolist():
            for table in ("parties", "organisations"):
                rows = self.reading.rows(table, customer, ["source", "party_id"]).to_pylist()
                if any((row["source"], row["party_id"]) == (source, party) for row in rows):
                    return int(customer)
        raise NightError("no party of that number is known from that source")

    def _once(self, name: str, make: Any) -> Any:
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]

    def _marketable(self) -> NDArray[np.bool_]:
        held = self.base

        def yes(name: str, unknown: bool) -> NDArray[np.bool_]:
            if name not in held.known:
                return np.full(held.night.rows, unknown)
            column = held.night.read([name])[name].cast(pa.bool_()).fill_null(unknown)
            return np.asarray(column.to_numpy(), np.bool_)

        gone = yes("deceased", False) | yes("relationship_closed", False)
        return held.there & ~gone & ~yes("is_minor", True)  # unknown age is not of age

    def _products(self) -> dict[str, dict[str, Any]]:
        files = [str(f) for f in self.base.bank.home.facts("products")]
        rows = pq.read_table(files).to_pylist() if files else []
        return {r["product_id"]: r for r in rows}


_held: dict[tuple[Path, dt.date], AtNight] = {}
_lock = threading.Lock()


def at_night(of: Base | None = None) -> AtNight:
    """The readers of the last published night. Raises NightError where none is published."""
    held = of or base()
    key = (held.night.path, held.day)
    with _lock:
        found = _held.get(key)
        if found is None or found.base is not held:
            _held.clear()
            found = _held[key] = AtNight(held)
        return found


def customer_of(given: str, of: Base | None = None) -> int:
    """The customer somebody is in the last published night: see `AtNight.customer_of`."""
    return at_night(of).customer_of(given)


def reading(of: Base | None = None) -> Reading:
    """Point reads of the last published night."""
    return at_night(of).reading
