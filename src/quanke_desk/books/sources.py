"""Rows of this room's lists that are made a page at a time: names are read of those shown only."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from django.urls import reverse

from quanke.books.posts import Ints
from quanke_desk.books import queries
from quanke_desk.books.intervals import intervals
from quanke_desk.customers.queries import hidden, names_of, word
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.lists import Row, RowsSource
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.scope import scope_of


def customer_link(number: int) -> tuple[str, str]:
    """The number of a customer as a link to who looks after him."""
    return str(number), reverse("book_customer", args=[number])


class BookSource:
    """Customers of a post on a day: number, name, tier, assets, since when. Of who is another's by now the
    number and the day alone."""

    def __init__(self, person: Person, customers: Ints, day: dt.date) -> None:
        there = ~np.isin(customers, list(hidden()))  # without whose data may no longer be used
        self.person, self.customers, self.held = person, customers[there], base()
        self.masked = scope_of(person).masked
        self.since = intervals(self.held).since(self.customers, day)
        aum = queries.numbers_of("aum", self.held)[self.customers] if "aum" in self.held.known else None
        self.aum = np.full(len(self.customers), queries.LEAST) if aum is None else aum
        # of a day that is past there are customers of others in it by now
        self.seen = np.array(queries.seen_among(person, self.customers.tolist()), np.bool_)
        self.aum = np.where(self.seen, self.aum, queries.LEAST)

    def count(self) -> int:
        """How many rows."""
        return len(self.customers)

    def rows(self, order: str, descending: bool, start: int, count: int) -> list[Row]:
        """See `foundation.lists.Source`."""
        key = {"number": self.customers, "aum": self.aum, "since": self.since}.get(order)
        if key is None or (order == "aum" and self.masked):
            at = np.arange(len(self.customers))
        else:
            at = np.lexsort((self.customers, -key if descending else key))
        at = at[start : start + count]
        numbers = [int(n) for n in self.customers[at]]
        seen = self.seen[at].tolist()
        names = names_of(self.person, [n for n, yes in zip(numbers, seen, strict=True) if yes])
        made = []
        for place, number in zip(at.tolist(), numbers, strict=True):
            has, since = int(self.aum[place]), int(self.since[place])
            made.append(
                {
                    "number": customer_link(number),
                    "name": names.get(number),
                    "tier": word("tier", self.held.value(number, "tier")) if number in names else None,
                    "aum": None if self.masked or has == queries.LEAST else has,
                    "since": None if since < 0 else dt.date(1970, 1, 1) + dt.timedelta(days=since),
                }
            )
        return made


@dataclass
class TableSource:
    """Rows of an Arrow table with a column `customer`, the names of a page's customers beside it."""

    person: Person
    table: pa.Table
    words: Any = None

    def count(self) -> int:
        """How many rows."""
        return int(self.table.num_rows)

    def rows(self, order: str, descending: bool, start: int, count: int) -> list[Row]:
        """See `foundation.lists.Source`."""
        table = self.table
        by = {"number": "customer"}.get(order, order)
        if by in table.column_names:
            table = table.sort_by([(by, "descending" if descending else "ascending")])
        rows = table.slice(start, count).to_pylist()
        return _named(self.person, rows, self.words)


@dataclass
class PlainSource:
    """Rows at hand with a `customer`, the names of a page's customers beside them."""

    person: Person
    held: list[Row]

    def count(self) -> int:
        """How many rows."""
        return len(self.held)

    def rows(self, order: str, descending: bool, start: int, count: int) -> list[Row]:
        """See `foundation.lists.Source`."""
        by = {"number": "customer"}.get(order, order)
        rows = RowsSource(self.held).rows(by, descending, start, count)
        return _named(self.person, [dict(r) for r in rows], None)


def _named(person: Person, rows: list[Row], words: Any) -> list[Row]:
    seen = queries.seen_among(person, [int(r["customer"]) for r in rows])
    names = names_of(person, [int(r["customer"]) for r, yes in zip(rows, seen, strict=True) if yes])
    for row, yes in zip(rows, seen, strict=True):
        number = int(row["customer"])
        row["number"] = customer_link(number)
        row["name"] = names[number] if yes else None  # a move may come from a book of others
        if words:
            words(row)
    return rows
