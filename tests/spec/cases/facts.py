"""What a case over the tables of a bank is: small tables in, definitions, values out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from quanke.language import Metric, Tag
from quanke.language.definitions import Definition
from quanke.language.expressions import Operators
from quanke.language.facts import table_of
from quanke.language.nodes import Grain, Rank, grain_of, walk
from quanke.language.types import DATE, INTEGER, MONEY, OF_FIELD, Type
from tests.spec.tables import Table, read

Written = Operators | Mapping[str, Operators] | Sequence[Definition]
"""One expression (its name is `value`), several by name, or whole definitions."""

LEDGER: dict[str, Type] = {"customer": INTEGER, "account": INTEGER, "date": DATE, "delta": MONEY}
"""Columns that arranged tables have beside the fields of their contract."""


@dataclass(frozen=True, eq=False)
class FactCase:
    """Definitions over small tables. `expected` has a line for each customer, or for metrics a line for
    each group (column `group`), or a single one."""

    topic: str
    title: str
    write: Callable[[], Written]
    expected: str
    tables: Mapping[str, str]
    on: dt.date
    earlier: str = ""
    by: str = ""
    loud: str = ""
    """The engine that refuses the case for overflow instead."""

    @cached_property
    def definitions(self) -> list[Definition]:
        """The definitions, in computing order."""
        written = self.write()
        if isinstance(written, Operators) and not isinstance(written, Definition):
            written = {"value": written}
        if isinstance(written, Mapping):
            return [_definition(name, value) for name, value in written.items()]
        return list(written) if isinstance(written, Sequence) else [written]

    @property
    def shown(self) -> list[Definition]:
        """The definitions whose values `expected` tells."""
        return [d for d in self.definitions if d.name in self.wanted.columns]

    @property
    def metrics(self) -> bool:
        """Whether values belong to groups of customers."""
        return any(d.grain is Grain.POPULATION for d in self.shown)

    @cached_property
    def wanted(self) -> Table:
        """The expected values."""
        return read(self.expected, {"customer": INTEGER, **{d.name: d.result for d in self.definitions}})

    @cached_property
    def before(self) -> Table | None:
        """Values of the comparison night, if there was one."""
        known = {"customer": INTEGER, **{d.name: d.result for d in self.definitions}}
        return read(self.earlier, known) if self.earlier else None

    @cached_property
    def given(self) -> dict[str, Table]:
        """The tables, `customers` always among them: everybody whom `expected` names."""
        found = {name: read(text, columns_of(name)) for name, text in self.tables.items()}
        if "customers" not in found:
            found["customers"] = Table(
                {"customer": INTEGER}, {"customer": list(self.wanted.columns["customer"])}
            )
        return found

    @property
    def alone(self) -> bool:
        """Whether it cannot be computed among the customers of other cases."""
        places = any(isinstance(n, Rank) for d in self.definitions for n in walk(d.expression))
        return self.metrics or places or bool(self.loud)

    def __str__(self) -> str:
        return f"{self.topic}: {self.title}"


def columns_of(table: str) -> dict[str, Type]:
    """Types of an arranged table's columns."""
    fields = {} if table == "models" else table_of(table).fields
    return {**{name: OF_FIELD[f.type] for name, f in fields.items()}, **LEDGER}


def _definition(name: str, value: Operators) -> Definition:
    kind = Metric if grain_of(value.node) is Grain.POPULATION else Tag
    return kind(name=name, title_zh=name, title_en=name, value=value)


def facts_case(
    topic: str,
    title: str,
    write: Callable[[], Written],
    expected: str,
    on: str = "2026-06-30",
    earlier: str = "",
    by: str = "",
    loud: str = "",
    **tables: str,
) -> FactCase:
    """Writes a case."""
    return FactCase(topic, title, write, expected, tables, dt.date.fromisoformat(on), earlier, by, loud)


def every_fact_case() -> Sequence[FactCase]:
    """All of them, in the order of the manual."""
    from tests.spec.cases import aggregates, balances, figures, places, windows

    return (*aggregates.CASES, *balances.CASES, *windows.CASES, *places.CASES, *figures.CASES)
