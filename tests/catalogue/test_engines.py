"""The whole catalogue, night after night, is the same to the judge and to DuckDB."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from typing import Any

import pyarrow as pa

from quanke.bank.contracts import CATEGORIES, TRANSACTION_KINDS, FieldType
from quanke.engines.duckdb import evaluate, evaluate_metrics
from quanke.engines.memory import judge
from quanke.language.facts import table_of
from tests.catalogue.bank import CATALOGUE, Bank, Values, day

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
CUSTOMERS = 30
NIGHTS = ("2026-04-30", "2026-05-20", "2026-06-30")
PROFILE = tuple(d for d in CATALOGUE.values() if d.kind in ("tag", "check"))


def some_day(draw: random.Random, first: str = "2025-03-01", days: int = 500) -> dt.date:
    return day(first) + dt.timedelta(days=draw.randrange(days))


def value(draw: random.Random, kind: FieldType, values: tuple[str, ...]) -> Any:
    """A value of a field; one in five is unknown."""
    if draw.random() < 0.2:
        return None
    if values:
        return draw.choice(values)
    given = {
        FieldType.TEXT: lambda: draw.choice(["甲", "乙", "own"]),
        FieldType.CODE: lambda: draw.choice(["USD", "CNY", "own", "fund"]),
        FieldType.INTEGER: lambda: draw.randrange(100),
        FieldType.MONEY: lambda: draw.choice(
            [0, 100, 4_500_000, 4_999_999, 20_000_000, draw.randrange(10**8)]
        ),
        FieldType.RATE: lambda: Decimal(draw.randrange(10**6)) / 10**6,
        FieldType.BOOLEAN: lambda: draw.random() < 0.5,
        FieldType.DATE: lambda: some_day(draw),
        FieldType.INSTANT: lambda: dt.datetime.combine(some_day(draw), dt.time(12)),
    }
    return given[kind]()


def random_bank(seed: int) -> Bank:
    """Rows of every table, of all kinds, with holes."""
    draw = random.Random(seed)
    bank = Bank()
    closed = {"category": CATEGORIES, "transactions.kind": TRANSACTION_KINDS}
    for customer in range(CUSTOMERS):
        for table, rows in bank.tables.items():
            if table in ("customers", "models", "graph", "scores", "balances"):
                continue
            source = table_of(table)
            for _ in range(draw.randrange(8)):
                row = {
                    name: value(draw, f.type, f.values or closed.get(f"{table}.{name}", closed.get(name, ())))
                    for name, f in source.fields.items()
                }
                row["customer"] = customer
                row[source.date] = some_day(draw)
                if draw.random() < 0.8:
                    row["closed_on"] = None
                rows.append(row)
        person = {n: value(draw, f.type, f.values) for n, f in table_of("customers").fields.items()}
        person["birth_date"] = draw.choice([None, some_day(draw, "1940-01-01", 30_000)])
        person["deceased"] = draw.choice([True, False, None, None, None, None])
        person["closed_on"] = draw.choice([some_day(draw), None, None, None, None])
        person["kind"] = draw.choice(["person", "person", "person", "school", None])
        bank.tables["customers"].append({**person, "customer": customer})
        if draw.random() < 0.9:
            linked = {n: value(draw, f.type, f.values) for n, f in table_of("graph").fields.items()}
            bank.tables["graph"].append({**linked, "customer": customer})
        apart = random.Random(f"{seed}-{customer}")
        if apart.random() < 0.7:
            said = {n: value(apart, f.type, f.values) for n, f in table_of("scores").fields.items()}
            bank.tables["scores"].append({**said, "customer": customer})
        if draw.random() < 0.7:
            bank.tables["models"].append({"customer": customer, "cluster": draw.choice(["a", "b"])})
        for account in range(draw.randrange(4)):
            days = sorted(
                {some_day(draw, "2024-06-01", 790).isoformat() for _ in range(draw.randrange(1, 9))}
            )
            levels = [
                (on, draw.choice([0, 10, 45_000, 120_000, 900_000, 2_000_000, draw.randrange(10**6)]))
                for on in days
            ]
            bank.balance(*levels, customer=customer, account=account, category=draw.choice(CATEGORIES))
    return bank


def arrow_tables(bank: Bank) -> dict[str, pa.Table]:
    found = {}
    for name, rows in bank.tables.items():
        schema = [("customer", pa.int32())]
        if name == "models":
            schema.append(("cluster", pa.string()))
        else:
            schema += [(n, ARROW[f.type]) for n, f in table_of(name).fields.items() if n != "balance"]
        if name == "balances":
            schema.append(("delta", pa.int64()))
        found[name] = pa.Table.from_pylist(rows, pa.schema(schema))
    return found


def columns(table: pa.Table) -> Values:
    customers = table.column("customer").to_pylist()
    return {
        name: dict(zip(customers, table.column(name).to_pylist(), strict=True))
        for name in table.column_names
        if name != "customer"
    }


def test_judge_and_duckdb_agree_over_several_nights() -> None:
    bank = random_bank(20_260_701)
    tables = arrow_tables(bank)
    before: Values | None = None
    before_table: pa.Table | None = None
    for on in NIGHTS:
        right = judge.evaluate(PROFILE, bank.tables, day(on), before)
        table = evaluate(PROFILE, tables, day(on), before_table)
        found = columns(table)
        for definition in PROFILE:
            name = definition.name
            differing = {c for c in range(CUSTOMERS) if right[name][c] != found[name][c]}
            told = [(c, right[name][c], found[name][c]) for c in sorted(differing)][:3]
            assert not told, f"{name} on {on}: {told}"
        before, before_table = right, table
    assert len(set(right["stage"].values())) >= 4, "the bank is too plain to prove anything"
    assert len(set(right["tier"].values())) >= 4
    assert {"up", "same", None} <= set(right["tier_move"].values())


def test_metrics_agree_for_everybody_and_by_tier() -> None:
    bank = random_bank(7)
    tables = arrow_tables(bank)
    start = judge.evaluate(PROFILE, bank.tables, day(NIGHTS[0]))
    start_table = evaluate(PROFILE, tables, day(NIGHTS[0]))
    profile = evaluate(PROFILE, tables, day(NIGHTS[2]), start_table)
    definitions = tuple(CATALOGUE.values())
    names = [m.name for m in CATALOGUE.metrics]
    right = judge.evaluate_metrics(definitions, bank.tables, day(NIGHTS[2]), start, metrics=names)
    by_tier = judge.evaluate_metrics(
        definitions, bank.tables, day(NIGHTS[2]), start, metrics=names, by=CATALOGUE["tier"]
    )
    found = evaluate_metrics(
        CATALOGUE.metrics,
        profile,
        day(NIGHTS[2]),
        customers=tables["customers"],
        earlier=start_table,
        by=["tier"],
    ).to_pylist()
    whole = next(row for row in found if row["dimension"] == "")
    assert {n: whole[n] for n in names} == right
    for row in (row for row in found if row["dimension"] == "tier"):
        assert {n: row[n] for n in names} == {n: by_tier[n][row["member"]] for n in names}
    assert len(found) > 3
