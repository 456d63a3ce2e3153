"""The SQL written by hand, which `benchmarks/night` runs beside us, gives our values on random banks.

Written without a look at the planner's output, it is a second opinion on every standard tag and check.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import duckdb
import pyarrow as pa
from benchmarks.night.handwritten import FIRST_NIGHT, HELD, define

from quanke.engines.duckdb import evaluate
from quanke.night.catalogue import standard_catalogue
from quanke.night.steps import split
from tests.generative.random_facts import AS_OF, as_arrow, tables

PEOPLE, ROWS = 200, 1_500
NIGHTS = (AS_OF - dt.timedelta(days=61), AS_OF - dt.timedelta(days=47), AS_OF)
NOTHING = {
    "parties": "customer INTEGER, source VARCHAR, party_id VARCHAR, city VARCHAR, district VARCHAR, "
    "branch_id VARCHAR, sex VARCHAR, birth_date DATE, opened_on DATE, closed_on DATE, deceased BOOLEAN, "
    "nationality VARCHAR, id_type VARCHAR, id_number VARCHAR, id_valid BOOLEAN, id_expires_on DATE, "
    "risk_class VARCHAR, risk_assessed_on DATE, credit_score BIGINT, address VARCHAR, updated_at TIMESTAMP",
    "organisations": "customer INTEGER, source VARCHAR, party_id VARCHAR, kind VARCHAR, city VARCHAR, "
    "district VARCHAR, address VARCHAR, branch_id VARCHAR, opened_on DATE, closed_on DATE",
    "fx_rates": "currency VARCHAR, date DATE, rate DECIMAL(18,6)",
}


def by_hand(given: dict[str, pa.Table], night: dt.date, before: pa.Table | None) -> pa.Table:
    """The hand-written profile over golden customers and facts that are given."""
    with duckdb.connect() as connection:
        for name, columns in NOTHING.items():
            connection.execute(f"CREATE TABLE no_{name} ({columns})")
        for name, table in given.items():
            connection.register(f"in_{name}", table)
        queries = {name: f"FROM in_{name}" for name in given if name != "customers"}
        queries |= {name: f"FROM no_{name}" for name in NOTHING}
        if before is not None:
            connection.register("held", before)
        yesterday = FIRST_NIGHT if before is None else f"SELECT customer, {', '.join(HELD)} FROM held"
        define(connection, queries, night.isoformat(), "CNY", PEOPLE, yesterday)
        connection.execute("CREATE OR REPLACE TEMP VIEW golden AS FROM in_customers")
        return connection.sql("FROM profile").to_arrow_table()


def random_bank(seed: int) -> dict[str, pa.Table]:
    """Random arranged tables with all balances in the home currency."""
    made: dict[str, list[dict[str, Any]]] = tables(seed, people=PEOPLE, count=ROWS)
    for row in made["balances"]:
        row["currency"] = "CNY"
    return as_arrow(made)


def test_equals_the_engine() -> None:
    definitions, _ = split(standard_catalogue())
    given = random_bank(11)
    before = None
    for night in NIGHTS:
        ours, theirs = evaluate(definitions, given, night, before), by_hand(given, night, before)
        assert ours.column_names[0] == "customer"
        for name in ours.column_names:
            assert name in theirs.column_names, f"{name} is not in benchmarks/night/handwritten"
            assert ours.schema.field(name).type == theirs.schema.field(name).type, name
            assert ours[name].to_pylist() == theirs[name].to_pylist(), f"{name} on {night}"
        before = ours


def test_a_difference_is_seen() -> None:
    given = random_bank(13)
    theirs = by_hand(given, AS_OF, None)
    given["balances"] = given["balances"].slice(ROWS // 2)
    aum = [d for d in split(standard_catalogue())[0] if d.name == "aum"]
    assert evaluate(aum, given, AS_OF)["aum"].to_pylist() != theirs["aum"].to_pylist()
