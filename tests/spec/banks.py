"""The engines behind one face, for definitions over the tables of a bank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from quanke.engines import duckdb
from quanke.engines.memory import evaluate, evaluate_metrics
from quanke.language.definitions import Definition
from quanke.language.nodes import Column, Grain, walk
from quanke.language.types import INTEGER, Type
from tests.spec.cases.facts import FactCase, columns_of
from tests.spec.engines import ARROW, spark
from tests.spec.tables import Table
from tests.spec.together import Together

Values = dict[str, dict[Any, Any]]
"""By name of a definition: by customer, or by group (None for the whole), a value."""


class Bank(Protocol):
    """An engine that computes tags and metrics."""

    name: str

    def values(self, case: FactCase | Together) -> Values:
        """Values of the definitions a case shows."""


class InMemory:
    """The judge."""

    name = "memory"

    def values(self, case: FactCase | Together) -> Values:
        tables = {name: table.rows for name, table in case.given.items()}
        before = None if case.before is None else by_customer(case.before)
        names = [d.name for d in case.shown]
        if not case.metrics:
            found = evaluate(case.definitions, tables, case.on, before)
            return {name: found[name] for name in names}
        by = next((d for d in case.definitions if d.name == case.by), None)
        metrics = evaluate_metrics(case.definitions, tables, case.on, before, metrics=names, by=by)
        return metrics if by is not None else {name: {None: value} for name, value in metrics.items()}


class InDuckDB:
    """The embedded engine."""

    name = "duckdb"

    def tags(self, *given: Any) -> pa.Table:
        """Values of tags."""
        return duckdb.evaluate(*given)

    def figures(self, *given: Any, **options: Any) -> pa.Table:
        """Values of metrics."""
        return duckdb.evaluate_metrics(*given, **options)

    def values(self, case: FactCase | Together) -> Values:
        tables = {name: arranged(name, table, case.definitions) for name, table in case.given.items()}
        for name in {n.table for d in case.definitions for n in walk(d.expression) if hasattr(n, "table")}:
            if name not in tables:
                tables[name] = arranged(
                    name, Table({"customer": INTEGER}, {"customer": []}), case.definitions
                )
        before = None if case.before is None else as_arrow(case.before)
        tags = [d for d in case.definitions if d.grain is not Grain.POPULATION]
        found = self.tags(tags, tables, case.on, before)
        if not case.metrics:
            return _columns(found, "customer", [d.name for d in case.shown])
        metrics = [d for d in case.definitions if d.grain is Grain.POPULATION]
        by = [case.by] if case.by else []
        figures = self.figures(metrics, found, case.on, customers=tables["customers"], earlier=before, by=by)
        figures = figures.filter(pc.equal(figures["dimension"], case.by))
        return _columns(figures, "member", [d.name for d in case.shown])


class InSpark(InDuckDB):
    """Spark, given the same statements in its own words."""

    name = "spark"

    def tags(self, *given: Any) -> pa.Table:
        from quanke.engines.spark.engine import evaluate as run

        return run(spark().session, *given)

    def figures(self, *given: Any, **options: Any) -> pa.Table:
        from quanke.engines.spark.engine import evaluate_metrics as run

        return run(spark().session, *given, **options)


def by_customer(table: Table) -> Values:
    """Columns by customer."""
    customers = table.columns["customer"]
    return {
        name: dict(zip(customers, values, strict=True))
        for name, values in table.columns.items()
        if name != "customer"
    }


def as_arrow(table: Table, more: Mapping[str, Type] | None = None) -> pa.Table:
    """An Arrow table with the columns given and further ones that are all unknown."""
    columns = {
        name: pa.array(
            values, pa.int32() if name in ("customer", "account") else ARROW[table.types[name].kind]
        )
        for name, values in table.columns.items()
    }
    for name, of in (more or {}).items():
        if name not in columns:
            kind = pa.int32() if name in ("customer", "account") else ARROW[of.kind]
            columns[name] = pa.nulls(len(table), kind)
    return pa.table(columns)


def arranged(name: str, table: Table, definitions: Sequence[Definition]) -> pa.Table:
    """A table as engines see it: every column its contract has, the absent ones unknown."""
    types = columns_of(name) if name != "models" else {}
    if name == "balances":
        types = {n: of for n, of in types.items() if n != "balance"}
    elif name != "models":
        types = {n: of for n, of in types.items() if n != "delta"}
    for definition in definitions:
        for node in walk(definition.expression):
            if isinstance(node, Column) and node.table == "models" == name:
                types[node.name] = node.type
    return as_arrow(table, types)


def _columns(found: pa.Table, key: str, names: Sequence[str]) -> Values:
    keys = found[key].to_pylist()
    return {name: dict(zip(keys, found[name].to_pylist(), strict=True)) for name in names}
