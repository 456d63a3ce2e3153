"""The judge: definitions computed row by row, customer by customer, day by day.

Tables are lists of dicts in arranged form: each row of a fact table has `customer` (a dense number) and
the table's fields; rows of `balances` have `date` and `delta`, the change of the balance on that day.
`customers` has one row for each customer and decides who there is; `models`, `graph` and `scores` have at
most one. Money is minor units, rates are Decimal, None is unknown; a field that a row does not have is
unknown.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from quanke.engines.memory.meanings import MEANINGS, Value, bounded, exact, rate, whole
from quanke.language.definitions import Definition
from quanke.language.expressions import Operators
from quanke.language.facts import table_of
from quanke.language.nodes import (
    ALWAYS,
    PER_CUSTOMER,
    Aggregate,
    AsOf,
    Call,
    Column,
    Grain,
    Literal,
    Node,
    Rank,
    Reduce,
    Reference,
)
from quanke.language.types import Kind

Row = Mapping[str, Any]
Tables = Mapping[str, Sequence[Row]]
Earlier = Mapping[str, Mapping[Any, Value]]
"""Values in the comparison night: definition, then customer (of a metric: group, None for the whole)."""
Reader = Callable[[Node], Value]
"""Gives the value of what is not computed by an operation: a column, a reference, an aggregate."""


def value_of(node: Node, as_of: dt.date, read: Reader) -> Value:
    """Value of an expression; `read` gives columns, references, aggregates and places."""
    if isinstance(node, Literal):
        return node.value
    if isinstance(node, AsOf):
        return node.on(as_of)
    if isinstance(node, Call):
        return MEANINGS[node.operation](node, *(value_of(a, as_of, read) for a in node.arguments))
    return read(node)


def evaluate(
    definitions: Sequence[Definition],
    tables: Tables,
    as_of: dt.date,
    earlier: Earlier | None = None,
    *,
    only: Iterable[str] = (),
) -> dict[str, dict[int, Value]]:
    """Values of tags and checks (or `only` those named): definition, then customer of
    `tables["customers"]`.

    Raises OverflowError where a whole-number result does not fit 64 bits.
    """
    night = _Night(definitions, tables, as_of, earlier or {})
    names = list(only) or [d.name for d in definitions]
    return {name: {c: night.tag(name, c) for c in night.customers} for name in names}


def evaluate_metrics(
    definitions: Sequence[Definition],
    tables: Tables,
    as_of: dt.date,
    earlier: Earlier | None = None,
    *,
    metrics: Iterable[str] = (),
    by: Operators | None = None,
) -> dict[str, Any]:
    """Values of metrics over everybody: name, then value. With `by` (a tag, a field of customers):
    name, then group, then value; customers for whom `by` is unknown are the group None.

    `definitions` hold the metrics and the tags they read; `metrics` names those wanted (default: all).
    """
    night = _Night(definitions, tables, as_of, earlier or {})
    names = list(metrics) or [d.name for d in definitions if d.grain is Grain.POPULATION]
    if by is None:
        return {name: night.metric(name, _Group(None, night.customers)) for name in names}
    groups: dict[Value, list[int]] = {}
    for customer in night.customers:
        groups.setdefault(night.customer_value(by.node, customer), []).append(customer)
    return {
        name: {key: night.metric(name, _Group(key, tuple(members))) for key, members in groups.items()}
        for name in names
    }


def evaluate_triggers(
    definitions: Sequence[Definition],
    triggers: Sequence[Definition],
    rows: Sequence[Row],
    tables: Tables,
    as_of: dt.date,
    earlier: Earlier | None = None,
) -> dict[str, list[Value]]:
    """Conditions on arriving rows (each with `customer`): trigger, then a value for each row.

    `definitions` are the tags the triggers read.
    """
    night = _Night(definitions, tables, as_of, earlier or {})
    return {t.name: [night.row_value(t.expression, row) for row in rows] for t in triggers}


@dataclass(frozen=True)
class _Group:
    """Customers a metric speaks of; `key` None and everybody for the whole bank."""

    key: Value
    members: Sequence[int]


class _Night:
    """All values of one as-of day, each computed when first asked for."""

    def __init__(
        self, definitions: Iterable[Definition], tables: Tables, as_of: dt.date, earlier: Earlier
    ) -> None:
        self.definitions = {d.name: d for d in definitions}
        self.as_of = as_of
        self.earlier = earlier
        self.rows = {name: {row["customer"]: row for row in tables.get(name, ())} for name in PER_CUSTOMER}
        self.customers = tuple(sorted(self.rows["customers"]))
        self.facts: dict[tuple[str, int], list[Row]] = {}
        for name in tables.keys() - PER_CUSTOMER:
            for row in tables[name]:
                self.facts.setdefault((name, row["customer"]), []).append(row)
        self.tags: dict[tuple[str, int], Value] = {}
        self.places: dict[Rank, dict[int, int]] = {}

    # --- values by grain

    def tag(self, name: str, customer: int) -> Value:
        """A definition's value for a customer."""
        key = (name, customer)
        if key not in self.tags:
            self.tags[key] = self.customer_value(self.definitions[name].expression, customer)
        return self.tags[key]

    def customer_value(self, node: Node, customer: int) -> Value:
        """An expression's value for a customer."""

        def read(inner: Node) -> Value:
            if isinstance(inner, Column):
                return self.rows[inner.table].get(customer, {}).get(inner.name)
            if isinstance(inner, Reference):
                return self.reference(inner, customer)
            if isinstance(inner, Aggregate):
                return self.aggregate(inner, self.facts.get((inner.table, customer), []))
            assert isinstance(inner, Rank)
            return self.place(inner, customer)

        return value_of(node, self.as_of, read)

    def reference(self, node: Reference, customer: int) -> Value:
        """The value of another definition, tonight's or the comparison night's, for a customer."""
        if node.grain is Grain.POPULATION:
            return self.population(node, _Group(None, self.customers))
        if node.earlier:
            return self.earlier.get(node.name, {}).get(customer)
        return self.tag(node.name, customer)

    def row_value(self, node: Node, row: Row) -> Value:
        """An expression's value for a row of a fact table."""

        def read(inner: Node) -> Value:
            if isinstance(inner, Column) and inner.table not in PER_CUSTOMER:
                return row.get(inner.name)
            return self.customer_value(inner, row["customer"])

        return value_of(node, self.as_of, read)

    def metric(self, name: str, group: _Group) -> Value:
        """A metric's value for a group of customers."""

        def read(inner: Node) -> Value:
            if isinstance(inner, Reference):
                return self.population(inner, group)
            assert isinstance(inner, Aggregate)
            return self.figure(inner, group)

        return value_of(self.definitions[name].expression, self.as_of, read)

    def population(self, node: Reference, group: _Group) -> Value:
        """The value of a metric for a group."""
        if node.earlier:
            return self.earlier.get(node.name, {}).get(group.key)
        return self.metric(node.name, group)

    # --- aggregates

    def aggregate(self, node: Aggregate, rows: Iterable[Row]) -> Value:
        """An aggregate over the fact rows of one customer."""
        own = table_of(node.table).date
        day = node.window.field or own
        first, last = node.window.days(self.as_of)
        if node.reduce in (Reduce.LEVEL, Reduce.DAILY_MEAN):
            first = dt.date.min  # a balance is made of all changes before it
        inside = []
        for row in rows:
            if row.get(own) is None or row[own] > self.as_of:
                continue
            if row.get(day) is None or not first <= row[day] <= last:
                continue
            if node.where is None or self.row_value(node.where, row) is True:
                inside.append(row)
        if node.reduce is Reduce.LEVEL:
            return bounded(sum(row["delta"] for row in inside))
        if node.reduce is Reduce.DAILY_MEAN:
            return _daily_mean(inside, *node.window.days(self.as_of))
        values = [1 if node.value is None else self.row_value(node.value, row) for row in inside]
        return reduced(node, values, [row[day] for row in inside])

    def figure(self, node: Aggregate, group: _Group) -> Value:
        """An aggregate over customers."""
        assert node.window == ALWAYS
        inside = [
            c for c in group.members if node.where is None or self.customer_value(node.where, c) is True
        ]
        values = [1 if node.value is None else self.customer_value(node.value, c) for c in inside]
        return reduced(node, values, [])

    # --- places

    def place(self, node: Rank, customer: int) -> Value:
        """The place of a customer among those with the same `within`."""
        if node not in self.places:
            self.places[node] = self._places(node)
        return self.places[node].get(customer)

    def _places(self, node: Rank) -> dict[int, int]:
        groups: dict[tuple[Value, ...], list[tuple[Any, int]]] = {}
        for customer in self.customers:
            value = self.customer_value(node.value, customer)
            if value is not None:
                group = tuple(self.customer_value(w, customer) for w in node.within)
                groups.setdefault(group, []).append((value, customer))
        places: dict[int, int] = {}
        for members in groups.values():
            members.sort(key=lambda member: member[0], reverse=node.descending)  # keeps equal ones in order
            for place, (_, customer) in enumerate(members, 1):
                places[customer] = (place - 1) * node.parts // len(members) + 1 if node.parts else place
        return places


def _daily_mean(rows: Sequence[Row], first: dt.date, last: dt.date) -> int:
    """End-of-day balances of every day from first to last, added up and divided by their number."""
    total, days, day = 0, 0, first
    while day <= last:
        total += sum(row["delta"] for row in rows if row["date"] <= day)
        days += 1
        day += dt.timedelta(days=1)
    return bounded(whole(Fraction(total, days)))


def reduced(node: Aggregate, given: Sequence[Any], days: Sequence[dt.date]) -> Value:
    """One value of many: `given` are the values of the rows that fit (None passed over), `days` their
    days by the window's field."""
    values = [v for v in given if v is not None]
    match node.reduce:
        case Reduce.COUNT | Reduce.DISTINCT:
            return len(values) if node.reduce is Reduce.COUNT else len(set(values))
        case Reduce.DISTINCT_DAYS:
            return len(set(days))
        case Reduce.ANY:
            return any(values)
        case Reduce.SUM:
            return exact(sum((Fraction(v) for v in values), Fraction(0)), node.type)
    if not values:
        return None
    match node.reduce:
        case Reduce.MIN:
            return min(values)  # type: ignore[no-any-return]
        case Reduce.MAX:
            return max(values)  # type: ignore[no-any-return]
        case Reduce.LAST:
            known = [(day, v) for day, v in zip(days, given, strict=True) if v is not None]
            return max(known)[1]  # type: ignore[no-any-return]
        case Reduce.MEAN:
            return _mean([Fraction(v) for v in values], node)
    raise AssertionError(node.reduce)


def _mean(values: Sequence[Fraction], node: Aggregate) -> int | Decimal | None:
    mean = sum(values, Fraction(0)) / len(values)
    return whole(mean) if node.type.kind is Kind.MONEY else rate(mean)
