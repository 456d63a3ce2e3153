"""The SQL written by hand, which `benchmarks/night` runs beside us, gives our values on random banks.

Written without a look at the planner's output, it is a second opinion on every standard tag and check.
"""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import duckdb
import pyarrow as pa
from benchmarks.night.handwritten import FIRST_NIGHT, HELD, define

from quanke.books.matrix import DEFAULT_MATRIX
from quanke.engines.duckdb import evaluate
from quanke.night.catalogue import standard_catalogue
from quanke.night.steps import split
from tests.generative.random_facts import AS_OF, as_arrow, tables

PEOPLE, ROWS = 200, 1_500
NIGHTS = (AS_OF - dt.timedelta(days=61), AS_OF - dt.timedelta(days=47), AS_OF)
WEEK = tuple(AS_OF - dt.timedelta(days=n) for n in (47, 15, 12, 5, 4, 3, 2, 0))
"""A Thursday, what fell due then being 28 days late, and 31; another, Thursday to Sunday, and Tuesday."""
CARRIED = tuple(
    f"{name}_due_on{since}" for name in ("outflow", "maturity", "visit") for since in ("", "_since")
)
SERVICE = ("service_cell", "contact_due_for", "covered_by", *CARRIED)
TOGETHER = (
    ("accounts", "matures_on"),
    ("channel_events", "date"),
    ("contacts", "date"),
    ("consents", "granted_on"),
    ("consents", "withdrawn_on"),
)
NOTHING = {
    "parties": "customer INTEGER, source VARCHAR, party_id VARCHAR, city VARCHAR, district VARCHAR, "
    "branch_id VARCHAR, sex VARCHAR, birth_date DATE, opened_on DATE, closed_on DATE, deceased BOOLEAN, "
    "nationality VARCHAR, language VARCHAR, id_type VARCHAR, id_number VARCHAR, id_valid BOOLEAN, "
    "id_expires_on DATE, risk_class VARCHAR, risk_assessed_on DATE, credit_score BIGINT, address VARCHAR, "
    "updated_at TIMESTAMP",
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


def bank_in_scope(seed: int) -> dict[str, pa.Table]:
    """The same for people alive with open accounts, in all tiers, some of whom take half of it away; the
    first fifty have hardly anything and did nothing until a few days ago."""
    made: dict[str, list[dict[str, Any]]] = tables(seed, people=PEOPLE, count=ROWS)
    draw = random.Random(seed)
    for row in made["customers"]:
        row |= {"kind": "person", "deceased": False, "closed_on": None}
    for row in made["accounts"]:
        row["closed_on"] = None
    # Half of the dates are of these two weeks, so that days tie and every night has something that begins.
    for name, field in TOGETHER:
        for row in made[name]:
            if row["customer"] >= 50 and draw.random() < 0.5:
                row[field] = AS_OF - dt.timedelta(days=draw.randrange(14))
    for row in made["transactions"]:
        row["amount"] = min(row["amount"], 1_000_00)
    for name in ("transactions", "channel_events"):
        late = AS_OF - dt.timedelta(days=4)
        made[name] = [row for row in made[name] if row["customer"] >= 50 or row["date"] > late]
    for row in made["consents"]:
        row["purpose"] = draw.choice(("marketing", "profiling"))
    for row in made["contacts"]:
        row["evidence"] = draw.random() < 0.1
    for row in made["accounts"]:
        if row["customer"] >= 50 and row["customer"] % 3 == 0:  # new customers
            row["opened_on"] = AS_OF - dt.timedelta(days=6 + row["customer"] // 3 % 9)
    account = made["balances"][0] | {"currency": "CNY", "category": "demand"}
    made["balances"] = []
    for customer in range(PEOPLE):
        place = account | {"customer": customer, "account": customer}
        worth = 50_00 if customer < 50 else int(100 * 10 ** draw.uniform(2, 7.5))
        made["balances"] += [
            place | {"date": AS_OF - dt.timedelta(days=300), "delta": worth},
            place
            | {
                "date": AS_OF - dt.timedelta(days=draw.randrange(90)),
                "delta": draw.choice((0, 0, -worth // 2)),
            },
        ]
    return as_arrow(made)


def assert_equal_nights(
    given: dict[str, pa.Table], nights: tuple[dt.date, ...]
) -> dict[str, set[str | dt.date | None]]:
    """Every column has our values and our type on every night. Gives what was seen of the service matrix."""
    definitions, _ = split(standard_catalogue())
    seen: dict[str, set[str | dt.date | None]] = {name: set() for name in SERVICE}
    before = None
    for night in nights:
        ours, theirs = evaluate(definitions, given, night, before), by_hand(given, night, before)
        assert ours.column_names[0] == "customer"
        for name in ours.column_names:
            assert name in theirs.column_names, f"{name} is not in benchmarks/night/handwritten"
            assert ours.schema.field(name).type == theirs.schema.field(name).type, name
            assert ours[name].to_pylist() == theirs[name].to_pylist(), f"{name} on {night}"
        for name, values in seen.items():
            values.update(ours[name].to_pylist())
        before = ours
    return seen


def test_equals_the_engine() -> None:
    assert_equal_nights(random_bank(11), NIGHTS)


def test_equals_the_engine_for_all_whom_the_service_matrix_tells_apart() -> None:
    seen = assert_equal_nights(bank_in_scope(17), WEEK)
    assert seen["service_cell"] >= {row.name for row in DEFAULT_MATRIX.rows}
    assert seen["contact_due_for"] >= {"outflow", "maturity", "newcomer", "visit", "rhythm"}
    assert seen["covered_by"] == {"team", "post", "digital", None}
    for name in CARRIED:
        assert len(seen[name]) >= 4, f"{name} is hardly ever set"


def test_a_difference_is_seen() -> None:
    given = random_bank(13)
    theirs = by_hand(given, AS_OF, None)
    given["balances"] = given["balances"].slice(ROWS // 2)
    aum = [d for d in split(standard_catalogue())[0] if d.name == "aum"]
    assert evaluate(aum, given, AS_OF)["aum"].to_pylist() != theirs["aum"].to_pylist()
