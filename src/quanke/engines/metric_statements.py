"""Metrics: one statement that answers all of them, for everybody and for every group at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

from quanke.engines.dialect import Dialect
from quanke.engines.statements import ONCE, Step, column, finish_sql, layers, lower, reduce_sql
from quanke.language.definitions import Definition
from quanke.language.nodes import Aggregate, Call, Column, Grain, Node, Reference, children, type_of, walk
from quanke.language.types import TEXT


def metric_statement(
    definitions: Sequence[Definition],
    profile: str,
    before: str,
    customers: str,
    dialect: Dialect,
    as_of: dt.date,
    by: Sequence[str] = (),
) -> str:
    """All metrics in one grouping of the profile: for everybody, and for each value of each `by`.

    `profile`, `before` (comparison night, may be empty) and `customers` are SQL relations with
    `customer`. Columns out: `dimension` ("" for everybody), `member`, one per metric.
    """
    wide = _metric_columns(definitions, dialect, bool(before))
    joins = [f"FROM {profile} AS p"]
    if any(part.startswith("b.") for part in wide):
        joins.append(f"LEFT JOIN {before} AS b ON b.customer = p.customer")
    if any(part.startswith("c.") for part in wide):
        joins.append(f"LEFT JOIN {customers} AS c ON c.customer = p.customer")
    missing = [n for n in by if f"p.{dialect.quote(n)} AS {column(n)}" not in wide]
    wide += [f"p.{dialect.quote(n)} AS {column(n)}" for n in missing]
    aggregates = _population_aggregates(definitions)
    grouped = [f"{_population_sql(node, dialect, as_of)} AS {name}" for node, name in aggregates.items()]
    dims = [column(n) for n in by]
    sets = ", ".join(["()", *(f"({d})" for d in dims)])
    label = "CASE " + " ".join(f"WHEN grouping({d}) = 0 THEN '{n}'" for d, n in zip(dims, by, strict=True))
    member = "CASE " + " ".join(
        f"WHEN grouping({d}) = 0 THEN CAST({d} AS {dialect.sql_type(TEXT)})" for d in dims
    )
    heads = (
        [f"{label} ELSE '' END AS dimension", f"{member} END AS member"]
        if by
        else ["'' AS dimension", "NULL AS member"]
    )
    group = f"\n  GROUP BY GROUPING SETS ({sets})" if by else ""
    parts = [
        "wide AS (\n  SELECT p.customer AS customer, "
        + ",\n    ".join(wide)
        + "\n  "
        + "\n  ".join(joins)
        + "\n)",
        "layer AS (\n  SELECT " + ",\n    ".join([*heads, *grouped]) + f"\n  FROM wide{group}\n)",
    ]
    last = "layer"
    named = _named_arguments(definitions)
    steps = [Step(name, node, type_of(node)) for node, name in named.items()]
    steps += [Step(column(d.name), d.expression, d.result) for d in definitions]
    known = {column(n) for n in _customer_names(definitions)}
    for number, layer in enumerate(layers(steps, known, named)):
        lines = [f"{_metric_sql(s, aggregates, named, dialect, as_of)} AS {s.column}" for s in layer]
        parts.append(
            f"metric_{number} AS (\n  SELECT *,\n    " + ",\n    ".join(lines) + f"\n  FROM {last}\n)"
        )
        last = f"metric_{number}"
    names = ", ".join(f"{column(d.name)} AS {dialect.quote(d.name)}" for d in definitions)
    return (
        "WITH "
        + ",\n".join(parts)
        + f"\nSELECT dimension, member, {names}\nFROM {last}\nORDER BY dimension, member"
    )


def _population_aggregates(definitions: Iterable[Definition]) -> dict[Aggregate, str]:
    found: dict[Aggregate, str] = {}
    for definition in definitions:
        for node in walk(definition.expression):
            if isinstance(node, Aggregate):
                found.setdefault(node, f"g_{len(found)}")
    return found


def _customer_names(definitions: Iterable[Definition]) -> set[str]:
    return {
        n.name
        for d in definitions
        for n in walk(d.expression)
        if isinstance(n, Reference) and n.grain is Grain.CUSTOMER
    }


def _metric_columns(definitions: Iterable[Definition], dialect: Dialect, has_before: bool) -> list[str]:
    wide: dict[str, None] = {}
    for definition in definitions:
        for node in walk(definition.expression):
            if isinstance(node, Column):
                letter = "c" if node.table == "customers" else "p"
                wide[f"{letter}.{dialect.quote(node.name)} AS {node.table}_{node.name}"] = None
            elif isinstance(node, Reference) and node.grain is Grain.CUSTOMER:
                if not node.earlier:
                    wide[f"p.{dialect.quote(node.name)} AS {column(node.name)}"] = None
                elif has_before:
                    wide[f"b.{dialect.quote(node.name)} AS before_{node.name}"] = None
                else:
                    wide[f"CAST(NULL AS {dialect.sql_type(node.type)}) AS before_{node.name}"] = None
    return list(wide)


def _population_sql(node: Aggregate, dialect: Dialect, as_of: dt.date) -> str:
    def name(inner: Node) -> str:
        if isinstance(inner, Reference):
            return f"before_{inner.name}" if inner.earlier else column(inner.name)
        assert isinstance(inner, Column), inner
        return f"{inner.table}_{inner.name}"

    condition = "" if node.where is None else lower(node.where, dialect, as_of, name)
    value = lower(node.value, dialect, as_of, name) if node.value is not None else "1"
    parts = reduce_sql(node, dialect, condition, value, "customer", node.window.days(as_of))
    return finish_sql(node, dialect, as_of, parts)


def _named_arguments(definitions: Iterable[Definition]) -> dict[Node, str]:
    """Compound arguments above the aggregates that an operation would copy."""
    found: dict[Node, str] = {}
    for definition in definitions:
        stack = [definition.expression]
        while stack:
            node = stack.pop()
            if isinstance(node, Call) and node.operation not in ONCE:
                for argument in node.arguments:
                    if isinstance(argument, Call):
                        found.setdefault(argument, f"n_{len(found)}")
            if not isinstance(node, Aggregate):
                stack.extend(children(node))
    return found


def _metric_sql(
    step: Step,
    aggregates: Mapping[Aggregate, str],
    named: Mapping[Node, str],
    dialect: Dialect,
    as_of: dt.date,
) -> str:
    def name(node: Node) -> str:
        if isinstance(node, Aggregate):
            return aggregates[node]
        assert isinstance(node, Reference), node
        return column(node.name)

    sql = lower(step.expression, dialect, as_of, name, named)
    return f"CAST({sql} AS {dialect.sql_type(step.type)})"
