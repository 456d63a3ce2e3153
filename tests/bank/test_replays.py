"""Rows mended in quarantine come back as if they had been right at first, once; the others stay."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from quanke.bank.home import Home
from quanke.bank.load import LoadReport, replay
from quanke.kernel.progress import SilentProgress
from tests.bank.small_bank import SMALL, account_numbers, balance, base, digest, load_into, put, refused, rows

TRANSACTIONS = "transaction_id,account_id,date,direction,amount,kind,memo"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.create(tmp_path / "home")


@pytest.fixture
def given(tmp_path: Path) -> Path:
    return base(tmp_path / "given")


def again(home: Home, files: Path) -> LoadReport:
    return replay(home, files=files, progress=SilentProgress(), resources=SMALL)


def mend(home: Home, table: str, folder: Path, change: Callable[[dict[str, str]], None]) -> Path:
    """The quarantine of a table as CSV files with `change` done to each row."""
    for path in home.quarantine(table):
        records = [
            {name: "" if value is None else str(value) for name, value in record.items()}
            for record in pq.read_table(path).to_pylist()
        ]
        for record in records:
            change(record)
        target = folder / table / f"{path.stem}.csv"
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(target, "w", encoding="utf-8-sig", newline="") as stream:
            writer = csv.DictWriter(stream, list(records[0]))
            writer.writeheader()
            writer.writerows(records)
    return folder


def test_mended_events_are_taken_and_leave_the_quarantine(home: Home, given: Path, tmp_path: Path) -> None:
    put(
        given,
        "transactions_2024-01.csv",
        TRANSACTIONS,
        "T1,A1,2024-01-02,in,1,salary,",
        "T2,A1,2024-01-02,in,一,salary,",
        "T3,A1,2024-01-02,in,3,salaries,",
        "T4,A1,2024-01-02,in,3,salary,a,cell too many",
    )
    load_into(home, given)
    assert [row[1:4] for row in refused(home, "transactions")] == [
        (2, "amount", "type"),
        (3, "kind", "values"),
        (4, "", "cells"),
    ]

    def change(record: dict[str, str]) -> None:
        if record["row"] == "2":
            record["amount"] = "22.00"
        if record["row"] == "4":
            fields = ("transaction_id", "account_id", "date", "direction", "amount", "kind", "memo")
            record.update(zip(fields, record["record"].split(","), strict=False))

    mended = mend(home, "transactions", tmp_path / "mended", change)
    report = again(home, mended).tables["transactions"]
    assert (report.taken, report.quarantined, report.errors) == (2, 1, [])
    assert rows(home, "transactions", "transaction_id, amount", order="ALL") == [
        ("T1", 100),
        ("T2", 2200),
        ("T4", 300),
    ]
    assert [row[1:4] for row in refused(home, "transactions")] == [(3, "kind", "values")]
    book = home.book("transactions")
    assert [(u.unit, u.taken, u.quarantined, u.replay_of) for u in book] == [
        ("transactions_2024-01", 1, 1, ""),
        ("transactions_2024-01+1", 2, 0, "transactions_2024-01"),
    ]
    before = digest(home.path / "tables")
    report = again(home, mended).tables["transactions"]
    assert (report.taken, report.quarantined) == (0, 1)
    assert digest(home.path / "tables") == before
    assert load_into(home, given).tables["transactions"].skipped_units == ["transactions_2024-01"]


def test_an_emptied_quarantine_file_goes_away(home: Home, given: Path, tmp_path: Path) -> None:
    put(given, "branches_2024-01.csv", "branch_id,name,kind", "B7,七,brunch")
    load_into(home, given)
    report = again(home, mend(home, "branches", tmp_path / "m", lambda record: record.update(kind="outlet")))
    assert report.tables["branches"].taken == 1
    assert home.quarantine("branches") == []
    assert ("B7", "七") in rows(home, "branches", "branch_id, name")


def test_the_quarantine_itself_replays_once_what_it_refers_to_has_come(home: Home, given: Path) -> None:
    put(given, "transactions_2024-01.csv", TRANSACTIONS, "T1,A9,2024-01-02,in,1,salary,")
    load_into(home, given)
    assert again(home, home.path / "quarantine").tables["transactions"].quarantined == 1
    put(
        given,
        "accounts_2024-02.csv",
        "account_id,source,party_id,category,currency,opened_on",
        "A9,core,3,demand,CNY,2024-01-01",
    )
    load_into(home, given)
    assert again(home, home.path / "quarantine").tables["transactions"].taken == 1
    assert rows(home, "transactions", "transaction_id, customer") == [("T1", 2)]


def test_a_duplicate_nobody_changed_stays_refused(home: Home, given: Path, tmp_path: Path) -> None:
    put(
        given,
        "branches_2024-01.csv",
        "branch_id,name,kind",
        "B5,first,outlet",
        "B5,second,outlet",
        "B6,x,outlets",
    )
    load_into(home, given)
    report = again(home, mend(home, "branches", tmp_path / "m", lambda record: record.update(kind="outlet")))
    assert report.tables["branches"].taken == 1
    assert ("B5", "first") in rows(home, "branches", "branch_id, name")
    assert [row[1:4] for row in refused(home, "branches")] == [(2, "branch_id", "duplicate_key")]


def test_mended_levels_correct_the_ledger(home: Home, given: Path, tmp_path: Path) -> None:
    put(
        given,
        "balances_2024-01.csv",
        "account_id,date,balance",
        "A1,2024-01-01,10",
        "A1,2024-01-03,1O",
        "A1,2024-01-05,50",
    )
    load_into(home, given)
    again(home, mend(home, "balances", tmp_path / "m", lambda record: record.update(balance="30")))
    account = account_numbers(home)["A1"]
    assert [balance(home, account, date(2024, 1, day)) for day in range(1, 6)] == [
        1000,
        1000,
        3000,
        3000,
        5000,
    ]


def test_a_redelivery_takes_replayed_rows_out_too(home: Home, given: Path, tmp_path: Path) -> None:
    name = "transactions_2024-01.csv"
    put(given, name, TRANSACTIONS, "T1,A1,2024-01-02,in,1,salary,", "T2,A1,2024-01-02,in,x,salary,")
    load_into(home, given)
    again(home, mend(home, "transactions", tmp_path / "m", lambda record: record.update(amount="2")))
    assert len(rows(home, "transactions")) == 2
    put(given, name, TRANSACTIONS, "T1,A1,2024-01-02,in,9,salary,")
    load_into(home, given)
    assert rows(home, "transactions", "transaction_id, amount") == [("T1", 900)]
    assert len(home.facts("transactions")) == 1


def test_a_mended_row_may_not_repeat_a_key_that_was_taken(home: Home, given: Path, tmp_path: Path) -> None:
    put(
        given,
        "transactions.csv",
        TRANSACTIONS,
        "T1,A1,2024-01-02,in,1,salary,",
        "T1,A1,2024-01-02,in,x,salary,",
    )
    load_into(home, given)
    report = again(home, mend(home, "transactions", tmp_path / "m", lambda record: record.update(amount="2")))
    assert (report.tables["transactions"].taken, report.tables["transactions"].quarantined) == (0, 1)
    assert [row[1:4] for row in refused(home, "transactions")] == [(2, "transaction_id", "duplicate_key")]


def test_parquet_that_was_mended(home: Home, given: Path, tmp_path: Path) -> None:
    put(given, "parties_2024.csv", "source,party_id,name,birth_date", "core,8,赵六,31.12.1990")
    load_into(home, given)
    target = tmp_path / "parties-mended.parquet"
    with duckdb.connect() as connection:
        waiting = home.quarantine("parties")[0]
        mended = f"SELECT * REPLACE ('1990-12-31' AS birth_date) FROM '{waiting}'"
        connection.execute(f"COPY ({mended}) TO '{target}'")
    assert again(home, target).tables["parties"].taken == 1
    assert rows(home, "parties", "customer, birth_date", "party_id = '8'") == [(4, date(1990, 12, 31))]


def test_what_is_no_mended_file_is_told(home: Home, given: Path, tmp_path: Path) -> None:
    load_into(home, given)
    put(tmp_path, "m/branches/x.csv", "branch_id,name,kind", "B1,a,outlet")
    put(tmp_path, "m/other.csv", "a,b", "1,2")
    report = again(home, tmp_path / "m")
    assert report.tables["branches"].errors == [
        "x.csv: is not a mended quarantine file: it has no column unit and row"
    ]
    assert "which table it mends" in report.errors[-1]
