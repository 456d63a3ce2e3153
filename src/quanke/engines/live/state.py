"""The running state: partials of all aggregates for the customers who were touched, over the opening."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from quanke.engines.live.columns import Array, Bools, Column
from quanke.engines.live.dense import Texts
from quanke.engines.live.formulas import Evaluation, Formulas
from quanke.engines.live.held import Given, Held, Runs, runs_of
from quanke.engines.live.held_words import held_of
from quanke.engines.live.opening import Opening
from quanke.engines.live.scalar import Scalar
from quanke.language.facts import table_of
from quanke.language.nodes import ALWAYS, Aggregate, Node, Reduce
from quanke.language.nodes import Column as Field

BALANCES = frozenset({Reduce.LEVEL, Reduce.DAILY_MEAN})
GROWTH = 65_536
After = dict[Aggregate, tuple[Array, ...]]
"""By aggregate, its partials with each row counted, as the rows came."""


class Contribution:
    """What rows of a table bring to one aggregate, as places among the formulas of the table."""

    def __init__(self, node: Aggregate, formulas: Formulas) -> None:
        self.node = node
        self.where = None if node.where is None else formulas.add(node.where)
        own = table_of(node.table)
        self.value: int | None = None
        if node.reduce in BALANCES:
            self.value = formulas.add(delta(own.column("balance")))
        elif node.value is not None:
            self.value = formulas.add(node.value)
        self.day = formulas.add(own.column(node.window.field or own.date))
        self.bounded = node.window != ALWAYS or bool(node.window.field)

    @property
    def places(self) -> list[int]:
        """Places of what a single row is asked for."""
        return [place for place in (self.where, self.value, self.day) if place is not None]

    def among(self, found: Sequence[Scalar]) -> tuple[Scalar, Scalar, Scalar]:
        """Whether the row fits, its value and its day, out of the values of `places`."""
        where = True if self.where is None else found[0]
        return where, None if self.value is None else found[-2], found[-1]

    def given(self, found: Evaluation, day: dt.date) -> Given | None:
        """What the rows of an evaluation bring on a day; None where they bring nothing."""
        node = self.node
        included = self._included(found, day)
        value = None if self.value is None else self._value(found)
        if isinstance(value, Column) and node.reduce is Reduce.ANY:
            assert self.value is not None
            included = included & found.true(self.value)
        elif isinstance(value, Column):
            included = included & value.valid
        elif value is not None:
            included = included & (value.codes >= 0)
        if not bool(included.any()):
            return None
        if len(included) != found.rows:
            included = np.repeat(included, found.rows)
        days = None
        if node.reduce in (Reduce.LAST, Reduce.DISTINCT_DAYS, Reduce.DAILY_MEAN):
            column = found.column(self.day)
            included = included & column.valid
            days = column.values.astype("datetime64[D]").astype(np.int64)
        values, texts = self._brought(value, days, found.rows, day)
        return Given(included, values, days, texts)

    def _included(self, found: Evaluation, day: dt.date) -> Bools:
        included = found.ones if self.where is None else found.true(self.where)
        first, last = self.node.window.days(day)
        if self.node.reduce in BALANCES:
            if last < day:
                included = included & (found.column(self.day).values <= np.datetime64(last, "D"))
        elif self.bounded:
            column = found.column(self.day)
            low, high = np.datetime64(first, "D"), np.datetime64(last, "D")
            included = included & (column.values >= low) & (column.values <= high) & column.valid
        return included

    def _value(self, found: Evaluation) -> Column | Texts:
        assert self.value is not None
        step = found.formulas.steps[self.value]
        if step.text == self.value:
            texts = found.texts(self.value)
            if texts is not None:
                return texts
        column = found.column(self.value)
        if column.values.dtype == object:
            words, codes = np.unique(
                np.where(column.valid, column.values, "").astype(str), return_inverse=True
            )
            return Texts(np.where(column.valid, codes, -1), [str(w) for w in words])
        return column

    def _brought(
        self, value: Column | Texts | None, days: Array | None, rows: int, day: dt.date
    ) -> tuple[Array, Sequence[str] | None]:
        reduce = self.node.reduce
        if isinstance(value, Texts):
            return value.codes, value.vocabulary
        if reduce is Reduce.DISTINCT_DAYS:
            assert days is not None
            return days, None
        if value is None:
            return np.ones(rows, np.int64), None
        brought = value.values
        if brought.dtype.kind == "f":
            return brought, None
        brought = brought.astype(np.int64)
        if reduce is Reduce.DAILY_MEAN:
            assert days is not None
            first, last = (d.toordinal() - EPOCH for d in self.node.window.days(day))
            held = last + 1 - np.maximum(days, first)
            if len(brought) and int(np.abs(brought).max()) * int(np.abs(held).max()) >= 2**63:
                raise OverflowError("a balance over its days does not fit 64 bits")
            brought = brought * held
        return brought, None


EPOCH = dt.date(1970, 1, 1).toordinal()


def delta(balance: Field) -> Field:
    """The column that holds the change of a balance."""
    return Field(balance.table, "delta", balance.type)


class State:
    """Partials of `aggregates`, customer by customer. A customer who was touched has a slot."""

    def __init__(self, aggregates: Iterable[Aggregate], live: Callable[[str], bool]) -> None:
        self.held: dict[Aggregate, Held] = {node: held_of(node) for node in aggregates}
        self.formulas: dict[str, Formulas] = {}
        self.contributions: dict[str, list[Contribution]] = {}
        for node in self.held:
            if live(node.table):
                formulas = self.formulas.setdefault(node.table, Formulas([]))
                self.contributions.setdefault(node.table, []).append(Contribution(node, formulas))
        self.touched = 0
        self.customer: Array = np.zeros(0, np.int64)
        self._place: Array = np.zeros(0, np.int32)
        self._scratch: Array = np.zeros(0, np.int64)
        self._known = 0

    def open(self, opening: Opening) -> None:
        """Begin over an opening; nobody is touched."""
        self._known = opening.customers
        if len(self._place) < opening.customers:
            self._place = np.full(opening.customers, -1, np.int32)
        else:
            self._place[self.customer[: self.touched]] = -1
        self.touched = 0
        for node, held in self.held.items():
            held.open(opening.partials[node])
            held.touch(0, np.zeros(0, np.int64), np.zeros(0, np.bool_), len(self.customer))

    def touch(self, customers: Array) -> Array:
        """Slots of customers (int64), new ones given where they have none."""
        highest = int(customers.max(initial=-1))
        if highest >= len(self._place):
            grown = np.full(max(highest + 1, len(self._place) * 5 // 4), -1, np.int32)
            grown[: len(self._place)] = self._place
            self._place = grown
        slots = self._place.take(customers)
        fresh = customers[slots < 0]
        if len(fresh):
            self._add(fresh)
            slots = self._place.take(customers)
        return slots.astype(np.int64)

    def _add(self, fresh: Array) -> None:
        places = np.arange(len(fresh), dtype=np.int32)
        self._place[fresh] = places
        new = fresh[self._place[fresh] == places]  # each customer once
        low, high = self.touched, self.touched + len(new)
        if high > len(self.customer):
            capacity = max(high, len(self.customer) * 3 // 2, GROWTH)
            customer = np.zeros(capacity, np.int64)
            customer[:low] = self.customer[:low]
            self.customer, self._scratch = customer, np.zeros(capacity, np.int64)
        self.customer[low:high] = new
        self._place[new] = np.arange(low, high, dtype=np.int32)
        known = new < self._known
        for held in self.held.values():
            held.touch(low, new, known, len(self.customer))
        self.touched = high

    def slot(self, customer: int) -> int:
        """Slot of one customer."""
        if customer < len(self._place):
            found = self._place.item(customer)
            if found >= 0:
                return int(found)
        return int(self.touch(np.array([customer], np.int64))[0])

    @property
    def highest(self) -> int:
        """One more than the highest customer number that was touched or opened."""
        return max(self._known, int(self.customer[: self.touched].max(initial=-1)) + 1)

    def runs(self, slots: Array) -> Runs:
        """Rows grouped by their customer."""
        return runs_of(slots, self._scratch)

    def given(self, table: str, found: Evaluation, day: dt.date) -> list[tuple[Held, Given | None]]:
        """What rows bring to each aggregate of their table."""
        contributions = self.contributions.get(table, ())
        return [(self.held[c.node], c.given(found, day)) for c in contributions]

    def look(self, held: Held, customers: Array) -> tuple[Array, ...]:
        """Partials of customers, touched or not; nobody is touched by it."""
        inside = np.minimum(customers, max(len(self._place) - 1, 0))
        if len(self._place):
            slots = np.where(customers < len(self._place), self._place.take(inside), -1)
        else:
            slots = np.full(len(customers), -1)
        parts = held.opened(customers, customers < self._known)
        touched = np.flatnonzero(slots >= 0)
        if len(touched):
            for part, own in zip(parts, held.seen(slots[touched]), strict=True):
                part[touched] = own
        return parts


def reader_of_rows(read: Callable[[Field], Column | Texts]) -> Callable[[Node], Column | Texts]:
    """A reader for formulas that read fields of rows alone."""

    def reader(node: Node) -> Column | Texts:
        assert isinstance(node, Field)
        return read(node)

    return reader
