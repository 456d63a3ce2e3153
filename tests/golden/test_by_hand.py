"""The golden customers written by hand in SQL, beside which `benchmarks/night` measures us, are the same."""

from __future__ import annotations

import duckdb
import pytest
from benchmarks.night.handwritten import TABLES, define

from tests.generative.random_facts import AS_OF, as_arrow, tables
from tests.golden.records import golden_by_sql, random_records, table_of

CUSTOMERS = 150


@pytest.mark.parametrize("seed", range(4))
def test_golden_customers_by_hand(seed: int) -> None:
    persons = table_of(random_records("parties", 40 + seed, CUSTOMERS, largest=5))
    bodies = table_of(random_records("organisations", 40 + seed, CUSTOMERS), "organisations")
    given = {name: rows for name, rows in as_arrow(tables(seed, 1, 1)).items() if name in TABLES}
    given |= {"parties": persons, "organisations": bodies}
    with duckdb.connect() as connection:
        for name, rows in given.items():
            connection.register(f"in_{name}", rows)
        queries = {name: f"FROM in_{name}" for name in given}
        queries["fx_rates"] = "SELECT 'USD' AS currency, DATE '2026-01-01' AS date, 7::DECIMAL(18,6) AS rate"
        define(connection, queries, AS_OF.isoformat(), "CNY", CUSTOMERS)
        theirs = connection.sql("FROM golden ORDER BY customer").to_arrow_table()
    names = [name for name in theirs.column_names if name != "customer"]
    ours = golden_by_sql(persons, bodies, CUSTOMERS, names)
    for name in names:
        assert [row[name] for row in ours] == theirs[name].to_pylist(), name
