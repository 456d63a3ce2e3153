"""Random conditions: groups joined by and, terms of a group joined by or; and how each engine says them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np

from benchmarks.audience.columns import CATEGORIES, FLAGS, NUMBERS, REFERENCES, Base
from quanke.language import minor_units
from quanke.language.expressions import Expression, call
from quanke.language.nodes import Node


@dataclass(frozen=True)
class Term:
    """A condition on one column: `flag`, `one of` some categories, or `from` a value `to` before another.
    `turned` puts not before it."""

    kind: str
    column: str
    values: tuple[Any, ...]
    turned: bool


Groups = tuple[tuple[Term, ...], ...]
"""All groups must hold; a group holds where one of its terms does."""


def drawn(r: Random, base: Base, terms: int) -> Groups:
    """A condition of so many terms; at least two of ten are ranges of numbers, days or amounts."""
    ranges = max(terms // 5, sum(r.random() < 0.4 for _ in range(terms)))
    made = [_range(r, base) for _ in range(ranges)]
    made += [_other(r, base) for _ in range(terms - ranges)]
    r.shuffle(made)
    groups: list[tuple[Term, ...]] = []
    while made:
        size = min(len(made), r.choice((1, 2, 2, 3)))
        groups.append(tuple(made[:size]))
        del made[:size]
    return tuple(groups)


def _other(r: Random, base: Base) -> Term:
    if r.random() < 0.6:
        return Term("flag", r.choice(FLAGS), (), r.random() < 0.3)
    column = r.choice(tuple(CATEGORIES))
    chosen = r.sample(base.texts[column], r.choice((1, 1, 2, 5, 12)))
    return Term("one of", column, tuple(sorted(chosen)), r.random() < 0.3)


def _range(r: Random, base: Base) -> Term:
    column = r.choice(NUMBERS)
    values = base.arrays[column]
    low, high = sorted(values[r.randrange(len(values))] for _ in range(2))
    if column == "opened_on":
        return Term("range", column, (low.astype(dt.date), high.astype(dt.date)), r.random() < 0.2)
    return Term("range", column, (int(low), int(high) + 1), r.random() < 0.2)


def joined(groups: Groups, term: Callable[[Term], str], both: str, either: str) -> str:
    """The condition as text."""
    return both.join("(" + either.join(term(t) for t in group) + ")" for group in groups)


def node_of(groups: Groups) -> Node:
    """The condition in the language."""

    def one(term: Term) -> Any:
        column = Expression(REFERENCES[term.column])
        if term.kind == "flag":
            made: Any = column
        elif term.kind == "one of":
            made = call("one_of", column, *term.values)
        else:
            low, high = (minor_units(v) if term.column == "aum" else v for v in term.values)
            made = call("both", call("at_least", column, low), call("less", column, high))
        return call("opposite", made) if term.turned else made

    whole: Any = None
    for group in groups:
        part: Any = None
        for term in group:
            part = one(term) if part is None else call("either", part, one(term))
        whole = part if whole is None else call("both", whole, part)
    found: Node = whole.node
    return found


def sql_of(groups: Groups) -> str:
    """The condition in SQL, for DuckDB and ClickHouse alike."""
    return joined(groups, sql_term, " AND ", " OR ")


def sql_term(term: Term) -> str:
    """A term in SQL."""
    name = term.column
    if term.kind == "flag":
        said = name
    elif term.kind == "one of":
        said = f"{name} IN ({', '.join(repr(v) for v in term.values)})"
    else:
        low, high = (f"DATE '{v}'" if isinstance(v, dt.date) else str(v) for v in term.values)
        said = f"({name} >= {low} AND {name} < {high})"
    return f"NOT {said}" if term.turned else said


def flags_of(groups: Groups, base: Base, first: int, last: int) -> Any:
    """NumPy masks of customers `first` to `last - 1`."""
    whole: Any = None
    for group in groups:
        part: Any = None
        for term in group:
            mask = _mask(term, base, first, last)
            part = mask if part is None else part | mask
        whole = part if whole is None else whole & part
        if not whole.any():
            break
    return whole


def _mask(term: Term, base: Base, first: int, last: int) -> Any:
    values: Any = base.arrays[term.column][first:last]
    if term.kind == "flag":
        return ~values if term.turned else values
    if term.kind == "one of":
        places = [int(v.rpartition("-")[2]) for v in term.values]
        mask = (
            np.isin(values, places)
            if len(places) > 2
            else np.logical_or.reduce([values == p for p in places])
        )
        return ~mask if term.turned else mask
    low, high = term.values
    if term.column == "opened_on":
        low, high = np.datetime64(low), np.datetime64(high)
    mask = (values >= low) & (values < high)
    if term.turned:
        mask = ~mask
    known = base.known.get(term.column)
    return mask & known[first:last] if known is not None else mask
