"""A database's tables are units like files: PostgreSQL through psycopg, any other through its DB-API."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from quanke.bank.home import Home
from quanke.bank.readers import DatabaseSource
from tests.bank.small_bank import base, load_into, refused, rows

SCHEMA = "quanke_reader_test"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home.create(tmp_path / "home")
    load_into(made, base(tmp_path / "given"))
    return made


@pytest.fixture
def postgres() -> Iterator[Any]:
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")
    reasons = []
    for user in ("root", "postgres"):
        try:
            connection = psycopg.connect(
                host="127.0.0.1", port=5432, user=user, dbname="test", connect_timeout=3, autocommit=True
            )
            break
        except psycopg.OperationalError as error:
            reasons.append(type(error).__name__)
    else:
        pytest.skip(f"no PostgreSQL answers on 127.0.0.1:5432 ({', '.join(reasons)})")
    with connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        connection.execute(f"CREATE SCHEMA {SCHEMA}")
        yield lambda: psycopg.connect(host="127.0.0.1", port=5432, user=user, dbname="test"), connection
        connection.execute(f"DROP SCHEMA {SCHEMA} CASCADE")


@pytest.mark.service
def test_postgresql(home: Home, postgres: Any) -> None:
    connect, database = postgres
    database.execute(
        f"""
        CREATE TABLE {SCHEMA}.transactions (
            transaction_id text, account_id text, date date, at timestamptz, direction text,
            amount numeric(18,2), kind text, initiated boolean, memo varchar(100), extra jsonb)
        """
    )
    database.execute(
        f"""
        INSERT INTO {SCHEMA}.transactions
        SELECT 'T' || lpad(i::text, 6, '0'), 'A' || (1 + i % 3), date '2024-01-01' + i % 31,
               timestamptz '2024-01-01 02:00:00+00' + i * interval '1 minute', 'in', i + 0.25, 'salary',
               i % 2 = 0, '工资', '{{}}' FROM generate_series(1, 50000) AS i
        """
    )
    database.execute(f"INSERT INTO {SCHEMA}.transactions (transaction_id, account_id) VALUES ('U', 'A1')")
    database.execute(f"CREATE TABLE {SCHEMA}.nothing_of_ours (a int)")
    source = DatabaseSource(connect, schema=SCHEMA, business_date=date(2024, 1, 31), name="core")
    report = load_into(home, source)
    assert list(report.tables) == ["transactions"]
    assert (report.tables["transactions"].taken, report.tables["transactions"].quarantined) == (50_000, 1)
    columns = 'account, date, "at", amount, initiated, memo'
    assert rows(home, "transactions", columns, "transaction_id = 'T000001'") == [
        (1, date(2024, 1, 2), datetime(2024, 1, 1, 10, 1), 125, False, "工资")
    ]
    assert [row[:4] for row in refused(home, "transactions")] == [
        ("core:transactions", 50_001, "date", "required")
    ]
    assert load_into(home, source).tables["transactions"].skipped_units == ["transactions@2024-01-31"]
    database.execute(f"UPDATE {SCHEMA}.transactions SET amount = 9 WHERE transaction_id = 'T000001'")
    assert load_into(home, source).tables["transactions"].replaced_units == ["transactions@2024-01-31"]
    assert rows(home, "transactions", "amount", "transaction_id = 'T000001'") == [(900,)]


@pytest.mark.service
def test_postgresql_memory_stays_bounded(postgres: Any, tmp_path: Path) -> None:
    """A server-side cursor: the client never holds the whole table."""
    connect, database = postgres
    database.execute(
        f"CREATE VIEW {SCHEMA}.branches AS SELECT i::text AS branch_id, repeat('x', 1000) AS name, "
        "'outlet'::text AS kind FROM generate_series(1, 60000) AS i"
    )
    import tracemalloc

    source = DatabaseSource(connect, schema=SCHEMA)
    unit = source.discover().units["branches"][0]
    tracemalloc.start()
    assert unit.stage(tmp_path).rows == 60_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60_000_000, "about 20,000 rows of a kilobyte are held at a time, twice"


def sqlite(tmp_path: Path, *statements: str) -> Path:
    path = tmp_path / "bank.db"
    with sqlite3.connect(path) as connection:
        for statement in statements:
            connection.execute(statement)
    return path


def test_any_other_database(home: Home, tmp_path: Path) -> None:
    path = sqlite(
        tmp_path,
        "CREATE TABLE b (account_id, date, balance)",
        "INSERT INTO b VALUES ('A1', '2024-01-01', '10.50'), ('A2', '2024-01-01', 7)",
        "INSERT INTO b VALUES ('A9', '2024-01-01', 7)",
        "CREATE TABLE f (account_id, date, balance)",
        "INSERT INTO f VALUES ('A1', '2024-01-01', 10.5)",
    )
    source = DatabaseSource(
        lambda: sqlite3.connect(path), {"balances": "SELECT * FROM b ORDER BY 1, 2"}, name="db"
    )
    report = load_into(home, source)
    assert (report.tables["balances"].taken, report.tables["balances"].quarantined) == (2, 1)
    assert rows(home, "balances", "account, delta") == [(0, 1050), (1, 700)]
    floats = DatabaseSource(lambda: sqlite3.connect(path), {"balances": "SELECT * FROM f"}, name="db")
    assert load_into(home, floats).errors == [
        "db:balances, field balance: is a floating-point column; money is handed over as NUMERIC, or as "
        "whole minor units in balance_fen"
    ]


def test_a_database_that_fails_is_told_without_its_words(home: Home, tmp_path: Path) -> None:
    path = sqlite(tmp_path, "CREATE TABLE b (secret)")
    query = "SELECT nothing AS account_id FROM b WHERE secret = '13800138000'"
    source = DatabaseSource(
        lambda: sqlite3.connect(path), {"balances": query, "wrong": "SELECT 1"}, name="db"
    )
    report = load_into(home, source)
    assert report.tables["balances"].errors == [
        "db:balances: cannot be read from the database (OperationalError)"
    ]
    assert "no table of this name" in report.tables["wrong"].errors[0]

    def refuse() -> Any:
        raise ConnectionError("password 123 is wrong")

    silent = DatabaseSource(refuse, {"balances": "SELECT 1"}, name="db")
    assert load_into(home, silent).errors == ["db:balances: the database does not answer (ConnectionError)"]
