"""Which rows make a kept value change though nothing was handed over: a day passed that a condition turns on.

`closed_on > as_of` turns for the rows whose `closed_on` lies between two nights, and for no other. Where that
can be read off an expression, only customers with such rows are looked at again; where it cannot, everybody
with a row is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from quanke.engines.duckdb import DIALECT
from quanke.engines.statements import lower
from quanke.engines.tiles.kept import Kept, shift
from quanke.language.facts import table_of
from quanke.language.nodes import AsOf, Call, Column, Literal, Node, children, type_of, walk
from quanke.language.types import Kind

COMPARISONS = frozenset({"less", "at_most", "greater", "at_least", "equal", "not_equal"})


def crossing(held: Kept, before: dt.date, after: dt.date) -> str | None:
    """SQL condition on a row of the table under which the kept value may differ on two days with the same
    rows handed over; "" where no row can make it differ, None where it cannot be told."""
    node = held.aggregate
    own = table_of(node.table).date
    parts = [_between(own, before + dt.timedelta(days=1), after)]
    field = node.window.field or own
    for first, last in shift(node.window.days(before), node.window.days(after)):
        parts.append(_between(field, first, last))
    for expression in (node.where, node.value):
        if expression is None:
            continue
        for condition in _turning(expression, before, after):
            if condition is None:
                return None
            parts.append(condition)
    return " OR ".join(dict.fromkeys(p for p in parts if p))


def _between(field: str, first: dt.date, last: dt.date) -> str:
    if first > last:
        return ""
    return f"{DIALECT.quote(field)} BETWEEN DATE '{first.isoformat()}' AND DATE '{last.isoformat()}'"


def _turning(node: Node, before: dt.date, after: dt.date) -> Iterator[str | None]:
    """A condition for each comparison with the as-of day; None for a use of it that is no such comparison."""
    if not _reads_as_of(node):
        return
    if isinstance(node, Call) and node.operation in COMPARISONS:
        one, other = node.arguments
        for left, right in ((one, other), (other, one)):
            found = _day_against(left, right, before, after) or _distance_against(left, right, before, after)
            if found:
                yield found
                return
        yield None
    elif isinstance(node, AsOf):
        yield None
    else:
        for below in children(node):
            yield from _turning(below, before, after)


def _reads_as_of(node: Node) -> bool:
    return any(isinstance(n, AsOf) for n in walk(node))


def _plain(node: Node) -> bool:
    """The as-of day itself; a day counted from it in working days jumps and is not followed."""
    return node == AsOf()


def _day_against(left: Node, right: Node, before: dt.date, after: dt.date) -> str:
    """`as_of <> day`: turns for days from one night to the other."""
    if not _plain(left) or _reads_as_of(right) or type_of(right).kind is not Kind.DATE:
        return ""
    return f"{_sql(right)} BETWEEN DATE '{before.isoformat()}' AND DATE '{after.isoformat()}'"


def _distance_against(left: Node, right: Node, before: dt.date, after: dt.date) -> str:
    """`days between day and as_of <> number` (or the other way round): turns for days that far away."""
    if not (isinstance(left, Call) and isinstance(right, Literal) and isinstance(right.value, int)):
        return ""
    if left.operation not in ("days_between", "subtract") or len(left.arguments) != 2:
        return ""
    one, other = left.arguments
    forward = left.operation == "days_between"  # days_between(start, end) is end - start
    start, end = (one, other) if forward else (other, one)
    reach = dt.timedelta(days=right.value)
    slack = dt.timedelta(days=1)
    try:
        if _plain(end) and not _reads_as_of(start) and type_of(start).kind is Kind.DATE:
            low, high, day = before - reach - slack, after - reach + slack, start
        elif _plain(start) and not _reads_as_of(end) and type_of(end).kind is Kind.DATE:
            low, high, day = before + reach - slack, after + reach + slack, end
        else:
            return ""
    except OverflowError:
        return ""
    return f"{_sql(day)} BETWEEN DATE '{low.isoformat()}' AND DATE '{high.isoformat()}'"


def _sql(node: Node) -> str:
    return lower(node, DIALECT, dt.date(2000, 1, 1), column_name)


def column_name(node: Node) -> str:
    """SQL of a field of the row."""
    assert isinstance(node, Column), node
    return DIALECT.quote(node.name)
