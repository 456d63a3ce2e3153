"""Many cases made one: their customers side by side, their definitions in one plan.

That the values stay the same proves that definitions do not disturb each other, and saves a slow engine
many statements.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from quanke.language.definitions import Definition
from quanke.language.expressions import Expression
from quanke.language.nodes import Aggregate, Call, Node, Rank, Reference
from quanke.language.types import INTEGER, Type
from tests.spec.cases.facts import FactCase
from tests.spec.tables import Table

APART = 1000
"""Customer numbers between one case and the next."""


@dataclass
class Together:
    """What a bank needs to compute several cases at once."""

    cases: Sequence[FactCase]
    on: dt.date
    definitions: list[Definition]
    given: dict[str, Table]
    before: Table | None
    metrics: bool = False
    by: str = ""

    @property
    def shown(self) -> list[Definition]:
        """All definitions."""
        return self.definitions


def together(cases: Sequence[FactCase]) -> Together:
    """The cases (of one day) as one."""
    definitions = [
        replace(d, name=d.name + _suffix(i), value=Expression(_renamed(d.expression, _suffix(i))))
        for i, case in enumerate(cases)
        for d in case.definitions
    ]
    names = dict.fromkeys(name for case in cases for name in case.given)
    given = {
        n: _stacked((i, case.given[n]) for i, case in enumerate(cases) if n in case.given) for n in names
    }
    befores = [(i, case.before, case) for i, case in enumerate(cases) if case.before is not None]
    before = _stacked((i, _with_suffix(table, _suffix(i))) for i, table, _ in befores) if befores else None
    return Together(cases, cases[0].on, definitions, given, before)


def apart(values: dict[str, dict[Any, Any]], place: int, case: FactCase) -> dict[str, dict[Any, Any]]:
    """The values of one of the cases, as if it had been alone."""
    own = case.given["customers"].columns["customer"]
    return {d.name: {c: values[d.name + _suffix(place)][c + place * APART] for c in own} for d in case.shown}


def _suffix(place: int) -> str:
    return f"_{place}"


def _renamed(node: Node, suffix: str) -> Node:
    if isinstance(node, Reference):
        return replace(node, name=node.name + suffix)
    if isinstance(node, Call):
        return replace(node, arguments=tuple(_renamed(a, suffix) for a in node.arguments))
    if isinstance(node, Aggregate):
        value, where = (None if n is None else _renamed(n, suffix) for n in (node.value, node.where))
        return replace(node, value=value, where=where)
    assert not isinstance(node, Rank)
    return node


def _with_suffix(table: Table, suffix: str) -> Table:
    def named(name: str) -> str:
        return name if name == "customer" else name + suffix

    return Table(
        {named(n): of for n, of in table.types.items()}, {named(n): v for n, v in table.columns.items()}
    )


def _stacked(parts: Iterable[tuple[int, Table]]) -> Table:
    """Tables one under the other, customers moved apart; absent columns unknown."""
    parts = list(parts)
    types: dict[str, Type] = {"customer": INTEGER}
    for _, table in parts:
        types |= table.types
    columns: dict[str, list[Any]] = {name: [] for name in types}
    for place, table in parts:
        for name in types:
            values = table.columns.get(name, [None] * len(table))
            columns[name] += [v + place * APART for v in values] if name == "customer" else values
    return Table(types, columns)
