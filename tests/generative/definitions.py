"""Random definitions over the tables of a bank: aggregates of every kind, in windows, under conditions,
and expressions over them, over each other and over the earlier night."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from quanke.bank.contracts import Purpose
from quanke.kernel.errors import DefinitionError
from quanke.language import aggregates as a
from quanke.language.definitions import Definition, Metric, Tag, earlier
from quanke.language.expressions import Expression, Operators, portion, rank
from quanke.language.facts import FactTable, customers, facts
from quanke.language.nodes import ALWAYS, Column, Node, Window, type_of
from quanke.language.types import INTEGER, MONEY, OF_FIELD, Kind, Type
from tests.generative.expressions import EVERY, Writer, constant
from tests.generative.values import AS_OF, KNOWN
from tests.spec.tables import Table

TABLES = ("transactions", "accounts", "holdings", "contacts", "balances")
PEOPLE = 5
WORDS = ("a", "B", "demand", "é", "𠮷", "")
TAG_KINDS = tuple(of for of in EVERY if of.kind is not Kind.NUMBER)
Aggregated = Callable[[Operators], a.AggregateExpression]

REDUCES: dict[Kind, list[tuple[Aggregated, tuple[Kind, ...]]]] = {
    Kind.INTEGER: [(a.total, (Kind.INTEGER,)), (a.distinct, tuple(k for k in Kind if k is not Kind.NUMBER))],
    Kind.MONEY: [(a.total, (Kind.MONEY,)), (a.mean, (Kind.MONEY,))],
    Kind.RATE: [(a.total, (Kind.RATE,)), (a.mean, (Kind.RATE,)), (a.mean, (Kind.INTEGER,))],
    Kind.BOOLEAN: [(a.some, (Kind.BOOLEAN,))],
    Kind.NUMBER: [],
    Kind.TEXT: [],
    Kind.DATE: [],
    Kind.INSTANT: [],
}
"""What gives a value of each kind out of values of which kinds; smallest, largest and latest besides."""


def value(r: Random, kind: Kind) -> Any:
    """A value in a bank's table: days around the as-of day, amounts that can be added up."""
    if r.random() < 0.15:
        return None
    if kind is Kind.DATE:
        return AS_OF + dt.timedelta(days=r.choice((0, 1, -1, -29, -30, -31, -60, r.randint(-420, 40))))
    if kind is Kind.INSTANT:
        return dt.datetime.combine(value(r, Kind.DATE) or AS_OF, dt.time(r.randrange(24), r.randrange(60)))
    if kind is Kind.TEXT:
        return r.choice(WORDS)
    if kind in (Kind.INTEGER, Kind.MONEY):
        return r.choice((0, 1, -1, r.randint(-9, 9), r.randint(-(10**9), 10**9)))
    return KNOWN[kind](r)


def tables(r: Random) -> dict[str, Table]:
    """Tables in arranged form, customers 0 to PEOPLE - 1 and rows of one who is not there."""
    made = {}
    for name in TABLES:
        count = r.randrange(14)
        types = {n: OF_FIELD[f.type] for n, f in facts.tables[name].fields.items() if n != "balance"}
        types |= {"customer": INTEGER, "account": INTEGER}
        if name == "balances":
            types["delta"] = MONEY
        columns = {n: [value(r, of.kind) for _ in range(count)] for n, of in types.items()}
        columns["customer"] = [r.randint(0, PEOPLE) for _ in range(count)]
        columns["account"] = list(columns["customer"])
        own = facts.tables[name].date
        columns[own] = [day or AS_OF for day in columns[own]]
        if name == "balances":
            columns["delta"] = [delta or 0 for delta in columns["delta"]]
        made[name] = Table(types, columns)
    types = {n: OF_FIELD[f.type] for n, f in customers.fields.items()} | {"customer": INTEGER}
    columns = {n: [value(r, of.kind) for _ in range(PEOPLE)] for n, of in types.items()}
    columns["customer"] = list(range(PEOPLE))
    made["customers"] = Table(types, columns)
    return made


def _columns(table: FactTable, kinds: Sequence[Kind]) -> list[Column]:
    found = [table.column(name) for name in table.fields]
    return [c for c in found if c.type.kind in kinds and (c.table, c.name) != ("balances", "balance")]


def _row_leaf(table: FactTable) -> Callable[[Random, Type], Node]:
    def leaf(r: Random, of: Type) -> Node:
        fields = _columns(table, [of.kind])
        if fields and r.random() < 0.8:
            return r.choice(fields)
        return _constant(r, of)

    return leaf


def _constant(r: Random, of: Type) -> Node:
    """A constant of the size of what is in the tables."""
    node = constant(r, of)
    if of.kind in (Kind.INTEGER, Kind.MONEY):
        node = type(node)(value(r, of.kind), of)  # type: ignore[call-arg]
    return node


def window(r: Random, table: FactTable) -> Window:
    """A window of any span, sometimes by another date of the table."""
    dates = [c.name for c in _columns(table, [Kind.DATE])]
    by = r.choice(["", "", *dates])
    length, ago = r.choice((1, 2, 30, 90, 365, 3660)), r.choice((0, 0, 1, 30))
    return r.choice(
        (
            a.days(length, ago=ago, by=by),
            a.months(r.randint(1, 13), ago=r.choice((0, 1, 2)), by=by),
            a.month_to_date(by=by),
            a.year_to_date(by=by),
            a.ever(by=by),
            a.next_days(length, by=by),
        )
    )


class DefinitionWriter:
    """Writes tags that stand on the tables and on each other."""

    def __init__(self, r: Random) -> None:
        self.r = r
        self.tags: list[Tag] = []

    def aggregate(self, of: Type) -> Node | None:
        """An aggregate of a kind, or None where this throw of the dice gives none."""
        r = self.r
        table = facts.tables[r.choice(TABLES)]
        try:
            made = self._aggregate(of, table)
            if r.random() < 0.5:
                made = made.where(Expression(Writer(r, _row_leaf(table)).write(EVERY[0], 2)))
            daily = made.aggregate.reduce is a.Reduce.DAILY_MEAN
            made = made.within(window(r, table)) if daily or r.random() < 0.7 else made
            return None if daily and made.aggregate.window == ALWAYS else made.node
        except DefinitionError:
            return None

    def _aggregate(self, of: Type, table: FactTable) -> a.AggregateExpression:
        r = self.r
        if of.kind is Kind.MONEY and table.name == "balances":
            return r.choice((a.level, a.daily_mean))(facts.balances.balance)
        if of.kind is Kind.INTEGER and r.random() < 0.4:
            return r.choice((a.count, a.distinct_days))(table)
        extremes = [(f, (of.kind,)) for f in (a.smallest, a.largest, a.latest)]
        reduce, kinds = r.choice([*REDUCES[of.kind], *extremes])
        wanted = Type(r.choice(kinds))
        columns = _columns(table, [wanted.kind])
        if columns and r.random() < 0.5:
            return reduce(Expression(r.choice(columns)))
        return reduce(Expression(Writer(r, _row_leaf(table)).write(wanted, 2)))

    def leaf(self, r: Random, of: Type) -> Node:
        """A value of a customer: an aggregate, a field, another tag or its earlier value, a place."""
        match r.randrange(8):
            case 0 | 1 | 2:
                node = self.aggregate(of)
                if node is not None and type_of(node).kind is of.kind:
                    return node
            case 3 | 4:
                fields = _columns(customers, [of.kind])
                if fields:
                    return r.choice(fields)
            case 5 | 6:
                others = [t for t in self.tags if t.result.kind is of.kind]
                if others:
                    other = r.choice(others)
                    return earlier(other).node if r.random() < 0.3 else other.node
            case 7:
                if of.kind is Kind.INTEGER and self.tags:
                    return self._place().node
        return _constant(r, of)

    def _place(self) -> Expression:
        r = self.r
        by, down = r.choice(self.tags), r.random() < 0.5
        within = r.sample(self.tags, k=min(len(self.tags), r.randrange(3)))
        if r.random() < 0.5:
            return rank(by, within=within, descending=down)
        return portion(by, r.choice((2, 3, 10)), within=within, descending=down)

    def write(self, count: int) -> list[Tag]:
        """That many tags."""
        for number in range(count):
            of = self.r.choice(TAG_KINDS)
            node = Writer(self.r, self.leaf).write(of, self.r.randrange(3))
            self.tags.append(_named(Tag, f"tag_{number}", node))
        return self.tags

    def metrics(self, count: int) -> list[Metric]:
        """That many metrics over the tags."""
        found: list[Metric] = []
        while len(found) < count:
            try:
                found.append(_named(Metric, f"metric_{len(found)}", self._figure(found).node))
            except DefinitionError:
                continue
        return found

    def _figure(self, others: Sequence[Metric]) -> Operators:
        r = self.r
        if others and r.random() < 0.3:
            left, right = r.choice(others), self._over_customers()
            return left / right if r.random() < 0.5 else left - right
        return self._over_customers()

    def _over_customers(self) -> a.AggregateExpression:
        r = self.r
        plain = [a.total, a.mean, a.smallest, a.largest, a.distinct, a.some]
        made = (
            a.count(customers)
            if r.random() < 0.25
            else r.choice(plain)(Expression(self._figure_leaf(r, r.choice(TAG_KINDS))))
        )
        if r.random() < 0.5:
            made = made.where(Expression(Writer(r, self._figure_leaf).write(EVERY[0], 2)))
        return made

    def _figure_leaf(self, r: Random, of: Type) -> Node:
        """A tag, its earlier value, or a field of customers."""
        others = [t for t in self.tags if t.result.kind is of.kind]
        fields = _columns(customers, [of.kind])
        if others and r.random() < 0.7:
            other = r.choice(others)
            return earlier(other).node if r.random() < 0.3 else other.node
        return r.choice(fields) if fields else _constant(r, of)


def _named(kind: Callable[..., Any], name: str, node: Node) -> Any:
    return kind(name=name, title_zh="值", title_en="Value", value=Expression(node), purpose=Purpose.RISK)


def earlier_values(r: Random, tags: Sequence[Definition]) -> Mapping[str, dict[int, Any]]:
    """What the tags were in the comparison night, for some of the customers."""
    known = [c for c in range(PEOPLE) if r.random() < 0.8]
    return {t.name: {c: value(r, t.result.kind) for c in known} for t in tags}
