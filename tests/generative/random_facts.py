"""Random arranged tables: every field of every fact table, with nulls, ties and dates on the edge."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from typing import Any

import pyarrow as pa

from quanke.bank.contracts import Field, FieldType
from quanke.language.facts import FactTable, customers, facts, graph

AS_OF = dt.date(2026, 6, 30)
ARROW = {
    FieldType.TEXT: pa.string(),
    FieldType.CODE: pa.string(),
    FieldType.INTEGER: pa.int64(),
    FieldType.MONEY: pa.int64(),
    FieldType.RATE: pa.decimal128(18, 6),
    FieldType.BOOLEAN: pa.bool_(),
    FieldType.DATE: pa.date32(),
    FieldType.INSTANT: pa.timestamp("us"),
}


def value(field: Field, draw: random.Random) -> Any:
    """A value a bank could have handed over for the field."""
    if not field.required and draw.random() < 0.2:
        return None
    if field.type is FieldType.CODE and field.values:
        return draw.choice(field.values)
    day = AS_OF + dt.timedelta(days=int(draw.triangular(-420, 60, -20)))
    if field.type is FieldType.DATE:
        return day.replace(year=draw.randint(1940, 2020)) if field.name == "birth_date" else day
    return {
        FieldType.TEXT: lambda: draw.choice(("甲", "乙", "own", "Zhang", "")),
        FieldType.CODE: lambda: draw.choice(("CNY", "a", "b", "own", "fund")),
        FieldType.INTEGER: lambda: draw.randint(0, 400),
        FieldType.MONEY: lambda: draw.choice((0, 1, draw.randint(1, 3_000_000_00))),
        FieldType.RATE: lambda: Decimal(draw.randint(0, 2_000_000)) / 1_000_000,
        FieldType.BOOLEAN: lambda: draw.random() < 0.5,
        FieldType.INSTANT: lambda: dt.datetime.combine(day, dt.time(draw.randint(0, 23), 5)),
    }[field.type]()


def rows(table: FactTable, count: int, people: int, draw: random.Random) -> list[dict[str, Any]]:
    """Rows of a fact table for customers 0 .. people-1; balances as a change ledger."""
    out = []
    for _ in range(count):
        row = {name: value(field, draw) for name, field in table.fields.items()}
        row["customer"] = draw.randrange(people)
        if table.name == "balances":
            row["delta"] = draw.randint(-50_000_00, 90_000_00)
            row["account"] = row["customer"]
        out.append(row)
    return out


def tables(seed: int, people: int = 40, count: int = 250) -> dict[str, list[dict[str, Any]]]:
    """Every fact table, `customers` and `graph` (not of everybody), from one seed."""
    draw = random.Random(seed)
    made = {name: rows(table, count, people, draw) for name, table in facts.tables.items()}
    made["customers"] = [
        {"customer": n, **{name: value(field, draw) for name, field in customers.fields.items()}}
        for n in range(people)
    ]
    made["graph"] = [
        {"customer": n, **{name: value(field, draw) for name, field in graph.fields.items()}}
        for n in range(people)
        if draw.random() < 0.9
    ]
    return made


def as_arrow(made: dict[str, list[dict[str, Any]]]) -> dict[str, pa.Table]:
    """The same rows as Arrow tables with the arranged types."""
    found = {}
    for name, held in made.items():
        table = {"customers": customers, "graph": graph}.get(name) or facts.tables[name]
        columns = [("customer", pa.int32()), *((n, ARROW[f.type]) for n, f in table.fields.items())]
        if name == "balances":
            columns += [("delta", pa.int64()), ("account", pa.int32())]
        found[name] = pa.Table.from_pylist(held, pa.schema(columns))
    return found
