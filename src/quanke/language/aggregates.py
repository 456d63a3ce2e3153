"""Many values made one: `total(tx.amount).where(tx.direction == "in").within(days(30))`.

Over fields of a fact table an aggregate gives one value per customer; over values of customers
(other tags, fields of `customers`) it gives one value per group of customers, which is what Metrics
are made of. Unknown values are passed over. Where no row fits, counts, sums and balances are 0, `some` is
false, and everything else is unknown.
"""

from __future__ import annotations

from quanke.language.expressions import Expression, Operators
from quanke.language.facts import FactTable, table_of
from quanke.language.nodes import (
    ALWAYS,
    PER_CUSTOMER,
    Aggregate,
    Column,
    Grain,
    Node,
    Reduce,
    Reference,
    Span,
    Window,
    type_of,
    walk,
)
from quanke.language.places import refuse
from quanke.language.types import BOOLEAN, CUSTOMERS, DAYS, INTEGER, MONEY, RATE, TIMES, Kind, Type

LONGEST_DAYS = 3660
LONGEST_MONTHS = 120


class AggregateExpression(Expression):
    """An aggregate being written."""

    __slots__ = ()

    @property
    def aggregate(self) -> Aggregate:
        """The node, known to be an aggregate."""
        assert isinstance(self.node, Aggregate)
        return self.node

    def where(self, condition: Operators) -> AggregateExpression:
        """Look only at rows for which the condition is true; a second `where` narrows further."""
        old = self.aggregate
        if condition.type.kind is not Kind.BOOLEAN:
            raise refuse(f"`where` takes a condition, not {condition.type}")
        _same_source(old.table, condition.node)
        _no_balance(condition.node)
        both = condition if old.where is None else Expression(old.where) & condition
        return AggregateExpression(
            Aggregate(old.reduce, old.table, old.value, both.node, old.window, old.type)
        )

    def within(self, window: Window) -> AggregateExpression:
        """Look only at rows inside a window of days."""
        old = self.aggregate
        if old.table == "customers":
            raise refuse("a figure over customers has no window; its tags have")
        if old.window != ALWAYS:
            raise refuse("an aggregate has one window")
        table = table_of(old.table)
        name = window.field or table.date
        if not name or type_of(table.column(name)).kind is not Kind.DATE:
            raise refuse(f"the table {old.table} has no date field {name!r} for a window")
        if old.reduce in (Reduce.LEVEL, Reduce.DAILY_MEAN):
            _level_window(old.reduce, window)
        return AggregateExpression(Aggregate(old.reduce, old.table, old.value, old.where, window, old.type))


def _level_window(reduce: Reduce, window: Window) -> None:
    if window.field:
        raise refuse(f"`{reduce}` looks at the day of the balance; it takes no other field")
    if window.span is Span.NEXT_DAYS:
        raise refuse(f"`{reduce}` cannot look at days to come")


def _same_source(table: str, node: Node) -> None:
    for below in walk(node):
        if isinstance(below, Column) and below.table != table:
            raise refuse(f"an aggregate over {table} cannot read {below.table}.{below.name}")
        if isinstance(below, Reference) and (table != "customers" or below.grain is not Grain.CUSTOMER):
            raise refuse(f"an aggregate over {table} cannot read {below.name}, a {below.grain} value")
        if isinstance(below, Aggregate):
            raise refuse("an aggregate inside an aggregate: give the inner one a name of its own")


def _no_balance(node: Node) -> None:
    """Balances are kept as changes, so a row does not hold one."""
    if any(isinstance(n, Column) and (n.table, n.name) == ("balances", "balance") for n in walk(node)):
        raise refuse("balances.balance is read by `level` and `daily_mean` only")


def _source(node: Node) -> str:
    """The one table an aggregated value stands on."""
    tables = {below.table for below in walk(node) if isinstance(below, Column)}
    if any(isinstance(below, Reference) for below in walk(node)):
        tables.add("customers")
    if len(tables) != 1:
        raise refuse(f"an aggregate reads one table, not {', '.join(sorted(tables)) or 'none'}")
    return _has_rows(tables.pop())


def _has_rows(table: str) -> str:
    """The table itself. What models and the graph give each customer becomes a tag before it is counted."""
    if table in PER_CUSTOMER - {"customers"}:
        raise refuse(f"{table} has one value for each customer: make a tag of it, then a figure of the tag")
    return table


def _aggregate(reduce: Reduce, value: Operators, result: Type) -> AggregateExpression:
    table = _source(value.node)
    _same_source(table, value.node)
    if reduce not in (Reduce.LEVEL, Reduce.DAILY_MEAN):
        _no_balance(value.node)
    return AggregateExpression(Aggregate(reduce, table, value.node, None, ALWAYS, result))


def total(value: Operators) -> AggregateExpression:
    """The sum; 0 where no row fits."""
    if value.type.kind not in (Kind.INTEGER, Kind.MONEY, Kind.RATE):
        raise refuse(f"`total` adds integers, money or rates, not {value.type}")
    return _aggregate(Reduce.SUM, value, value.type)


def count(table: FactTable) -> AggregateExpression:
    """How many rows (of `customers`: how many customers)."""
    unit = CUSTOMERS if table.name == "customers" else TIMES
    return AggregateExpression(Aggregate(Reduce.COUNT, _has_rows(table.name), None, None, ALWAYS, unit))


def smallest(value: Operators) -> AggregateExpression:
    """The smallest known value."""
    return _aggregate(Reduce.MIN, value, value.type)


def largest(value: Operators) -> AggregateExpression:
    """The largest known value."""
    return _aggregate(Reduce.MAX, value, value.type)


def mean(value: Operators) -> AggregateExpression:
    """The mean of the known values; money is rounded to the minor unit, integers give a rate."""
    kind = value.type.kind
    if kind not in (Kind.INTEGER, Kind.MONEY, Kind.RATE):
        raise refuse(f"`mean` takes integers, money or rates, not {value.type}")
    return _aggregate(Reduce.MEAN, value, MONEY if kind is Kind.MONEY else RATE)


def latest(value: Operators) -> AggregateExpression:
    """The known value of the last row by the window's day; on that day, the greatest."""
    if not table_of(_source(value.node)).date:
        raise refuse("`latest` needs rows with a date")
    return _aggregate(Reduce.LAST, value, value.type)


def some(condition: Operators) -> AggregateExpression:
    """Whether the condition is true for any row."""
    if condition.type.kind is not Kind.BOOLEAN:
        raise refuse(f"`some` takes a condition, not {condition.type}")
    return _aggregate(Reduce.ANY, condition, BOOLEAN)


def distinct(value: Operators) -> AggregateExpression:
    """How many different known values."""
    return _aggregate(Reduce.DISTINCT, value, INTEGER)


def distinct_days(table: FactTable) -> AggregateExpression:
    """On how many different days there is a row (by the window's field)."""
    if not table.date:
        raise refuse(f"the table {table.name} has no date")
    return AggregateExpression(Aggregate(Reduce.DISTINCT_DAYS, table.name, None, None, ALWAYS, DAYS))


def level(balance: Operators) -> AggregateExpression:
    """The balance at the end of the window's last day (default: the as-of day)."""
    return _balance(Reduce.LEVEL, balance)


def daily_mean(balance: Operators) -> AggregateExpression:
    """The daily average (日均): end-of-day balances over the natural days of the window, divided by
    their number (积数 / 天数), rounded to the minor unit. A day without a row carries the balance of
    the day before; days before the first row count as zero (domain.md section 4)."""
    return _balance(Reduce.DAILY_MEAN, balance)


def _balance(reduce: Reduce, balance: Operators) -> AggregateExpression:
    if not (
        isinstance(balance.node, Column)
        and (balance.node.table, balance.node.name) == ("balances", "balance")
    ):
        raise refuse(f"`{reduce}` takes facts.balances.balance")
    return _aggregate(reduce, balance, MONEY)


def days(length: int, *, ago: int = 0, by: str = "") -> Window:
    """The `length` natural days that end `ago` days before the as-of day."""
    return Window(Span.DAYS, _in(length, 1, LONGEST_DAYS), _in(ago, 0, LONGEST_DAYS), by)


def months(length: int = 1, *, ago: int = 1, by: str = "") -> Window:
    """`length` whole calendar months, the last one `ago` months before this one (1: last month)."""
    return Window(Span.MONTHS, _in(length, 1, LONGEST_MONTHS), _in(ago, 0, LONGEST_MONTHS), by)


def month_to_date(*, by: str = "") -> Window:
    """From the first of the as-of day's month to the as-of day."""
    return Window(Span.MONTH_TO_DATE, field=by)


def year_to_date(*, by: str = "") -> Window:
    """From 1 January to the as-of day."""
    return Window(Span.YEAR_TO_DATE, field=by)


def next_days(length: int, *, by: str = "") -> Window:
    """The `length` days after the as-of day; `by` names the date field (a maturity)."""
    return Window(Span.NEXT_DAYS, _in(length, 1, LONGEST_DAYS), field=by)


def ever(*, by: str = "") -> Window:
    """All days up to the as-of day, by another date field than the table's own."""
    return Window(Span.ALWAYS, field=by)


def _in(value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise refuse(f"a window's {value} is not between {low} and {high}")
    return value
