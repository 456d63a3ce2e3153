"""The nodes of the language: small frozen values that compare, hash and print by structure.

A definition's expression is a tree of these. Engines lower them; nothing else is needed to run a
definition anywhere. Grain says what one value belongs to:

* `row`: a row of one fact table (a transaction, a balance change);
* `customer`: one value per customer;
* `population`: one value per group of customers.

An aggregate lifts its value by one grain.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from quanke.kernel import calendars
from quanke.language.types import INTEGER, Kind, Type


class Grain(StrEnum):
    """What one value of an expression belongs to."""

    CONSTANT = "constant"
    ROW = "row"
    CUSTOMER = "customer"
    POPULATION = "population"


PER_CUSTOMER = frozenset({"customers", "models", "graph", "scores"})
"""Tables with one row per customer."""


class Reduce(StrEnum):
    """How an aggregate makes one value of many."""

    SUM = "sum"
    COUNT = "count"
    MIN = "min"
    MAX = "max"
    MEAN = "mean"
    LAST = "last"
    ANY = "any"
    DISTINCT = "distinct"
    DISTINCT_DAYS = "distinct_days"
    LEVEL = "level"
    DAILY_MEAN = "daily_mean"


class Span(StrEnum):
    """What a window's length counts."""

    ALWAYS = "always"
    DAYS = "days"
    MONTHS = "months"
    MONTH_TO_DATE = "month_to_date"
    YEAR_TO_DATE = "year_to_date"
    NEXT_DAYS = "next_days"


@dataclass(frozen=True, slots=True)
class Window:
    """Days an aggregate looks at, counted from the as-of day.

    `DAYS n, ago k`: the n natural days that end k days before the as-of day (the as-of day itself
    belongs to a window with `ago` 0). `MONTHS n, ago k`: n whole calendar months, the last of them
    k months before the as-of day's month (`ago` 0 ends at the as-of day). `MONTH_TO_DATE` and
    `YEAR_TO_DATE` begin on the first of the month or year. `NEXT_DAYS n`: the n days after the as-of
    day. `field` is the date that is looked at (default: the table's own date). Whatever the window, rows
    whose own date lies after the as-of day are never seen.
    """

    span: Span = Span.ALWAYS
    length: int = 0
    ago: int = 0
    field: str = ""

    def days(self, as_of: dt.date) -> tuple[dt.date, dt.date]:
        """First and last day, both included."""
        if self.span is Span.DAYS:
            last = as_of - dt.timedelta(days=self.ago)
            return last - dt.timedelta(days=self.length - 1), last
        if self.span is Span.NEXT_DAYS:
            return as_of + dt.timedelta(days=1), as_of + dt.timedelta(days=self.length)
        if self.span is Span.MONTH_TO_DATE:
            return as_of.replace(day=1), as_of
        if self.span is Span.YEAR_TO_DATE:
            return as_of.replace(month=1, day=1), as_of
        if self.span is Span.MONTHS:
            month = as_of.year * 12 + as_of.month - 1 - self.ago
            first = month - self.length + 1
            after = month + 1
            return (
                dt.date(first // 12, first % 12 + 1, 1),
                min(dt.date(after // 12, after % 12 + 1, 1) - dt.timedelta(days=1), as_of),
            )
        return dt.date.min, as_of

    def __str__(self) -> str:
        words = {
            Span.ALWAYS: "all days so far",
            Span.DAYS: f"{self.length} days",
            Span.MONTHS: f"{self.length} whole months",
            Span.MONTH_TO_DATE: "this month so far",
            Span.YEAR_TO_DATE: "this year so far",
            Span.NEXT_DAYS: f"the next {self.length} days",
        }[self.span]
        if self.ago:
            words += f", {self.ago} {'months' if self.span is Span.MONTHS else 'days'} ago"
        return f"{words} by {self.field}" if self.field else words


ALWAYS = Window()


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant. Money is in minor units; a rate is a Decimal; None is unknown."""

    value: bool | int | Decimal | float | str | dt.date | dt.datetime | None
    type: Type


@dataclass(frozen=True, slots=True)
class AsOf:
    """The as-of day of the run, or with `working_days` a day counted from it in working days of mainland
    China: the n-th one after it (before it where negative); 0 is the as-of day itself where banks work on
    it, else the next day they do. A constant of the run, so no engine counts working days row by row."""

    working_days: int | None = None

    def on(self, as_of: dt.date) -> dt.date:
        """The day it is in a run of that as-of day. Raises CalendarError past the years that are loaded."""
        if self.working_days is None:
            return as_of
        if self.working_days == 0:
            return calendars.roll(as_of)
        return calendars.add_working_days(as_of, self.working_days)


@dataclass(frozen=True, slots=True)
class Column:
    """A field of a row: of a fact table (grain row), or of a table with one row per customer: the
    golden `customers`, `models`, which holds what models found (a cluster, a score), or `graph`, which holds
    what the links between customers give (a household, an employer)."""

    table: str
    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Reference:
    """The value of another definition; `earlier` asks for its value in the comparison night."""

    name: str
    type: Type
    grain: Grain
    earlier: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """One of the language's operations applied to its arguments."""

    operation: str
    arguments: tuple[Node, ...]
    type: Type


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Many values made one: `reduce(value) where(...) within(window)`."""

    reduce: Reduce
    table: str
    value: Node | None
    where: Node | None
    window: Window
    type: Type


@dataclass(frozen=True, slots=True)
class Rank:
    """Place of a customer among all (or among those with equal `within`).

    `parts` 0: 1 for the first, 2 for the second ...; ties broken by customer number. `parts` n: the
    place as one of n nearly equal parts: `1 + (place - 1) * n // known`, where `known` is how many
    values are known (in the group). Unknown values have no place.
    """

    value: Node
    within: tuple[Node, ...]
    descending: bool
    parts: int
    type: Type = INTEGER


Node = Literal | AsOf | Column | Reference | Call | Aggregate | Rank


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below."""
    if isinstance(node, Call):
        return node.arguments
    if isinstance(node, Aggregate):
        return tuple(n for n in (node.value, node.where) if n is not None)
    if isinstance(node, Rank):
        return (node.value, *node.within)
    return ()


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, parents first."""
    stack = [node]
    while stack:
        top = stack.pop()
        yield top
        stack.extend(reversed(children(top)))


def type_of(node: Node) -> Type:
    """Type of the node's value."""
    return Type(Kind.DATE) if isinstance(node, AsOf) else node.type


def references(node: Node) -> tuple[Reference, ...]:
    """Other definitions the node reads, each once, in order."""
    return tuple(dict.fromkeys(n for n in walk(node) if isinstance(n, Reference)))


def depth(node: Node) -> int:
    """Levels of the tree."""
    deepest, stack = 0, [(node, 1)]
    while stack:
        top, level = stack.pop()
        deepest = max(deepest, level)
        stack.extend((below, level + 1) for below in children(top))
    return deepest


def grain_of(node: Node) -> Grain:
    """What one value of the node belongs to."""
    if isinstance(node, Reference):
        return node.grain
    if isinstance(node, Column):
        return Grain.CUSTOMER if node.table in PER_CUSTOMER else Grain.ROW
    if isinstance(node, Rank):
        return Grain.CUSTOMER
    if isinstance(node, Aggregate):
        return Grain.POPULATION if node.table == "customers" else Grain.CUSTOMER
    order = (Grain.CONSTANT, Grain.POPULATION, Grain.CUSTOMER, Grain.ROW)
    grains = [grain_of(below) for below in children(node)]
    return max(grains, key=order.index, default=Grain.CONSTANT)
