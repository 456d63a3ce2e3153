"""One month of movements in every form a bank may hand it over: the rows that are taken are the same."""

from __future__ import annotations

import gzip
import sqlite3
import zipfile
from datetime import date, datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from quanke.bank.home import Home
from quanke.bank.readers import DatabaseSource
from tests.bank.small_bank import base, load_into, put, rows

HEADER = "transaction_id,account_id,date,at,direction,amount,kind,initiated,memo"
LINES = (
    "T1,A1,2024-01-02,2024-01-02 10:00:00,in,100.50,salary,true,工资",
    'T2,A2,2024-01-03,,out,7,fee,,"带,逗号\n和换行"',
    "T3,A3,2024-01-03,,in,0.01,other,false,",
)
STEM = "transactions_2024-01"
TYPES = "types = {'date': 'DATE', 'at': 'TIMESTAMP', 'amount': 'DECIMAL(9,2)', 'initiated': 'BOOL'}"


def csv(folder: Path, encoding: str) -> None:
    put(folder, f"{STEM}.csv", HEADER, *LINES, encoding=encoding)


def gz(folder: Path) -> None:
    (folder / f"{STEM}.csv.gz").write_bytes(gzip.compress("\r\n".join([HEADER, *LINES]).encode()))


def zipped(folder: Path) -> None:
    with zipfile.ZipFile(folder / f"{STEM}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("whatever.csv", "\n".join([HEADER, *LINES]))


def parquet(folder: Path, types: str) -> Path:
    plain = put(folder / "_plain", "plain.csv", HEADER, *LINES)
    target = folder / f"{STEM}.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY (FROM read_csv('{plain}', {types})) TO '{target}'")
    return target


def database(folder: Path) -> DatabaseSource:
    table = pq.read_table(parquet(folder, TYPES))
    (folder / f"{STEM}.parquet").unlink()
    path = folder / "_bank.db"
    records = [
        [value if value is None or isinstance(value, bool) else str(value) for value in record.values()]
        for record in table.to_pylist()
    ]
    with sqlite3.connect(path) as connection:
        connection.execute(f"CREATE TABLE t ({HEADER})")
        connection.executemany(f"INSERT INTO t VALUES ({','.join('?' * table.num_columns)})", records)
    query = "SELECT * FROM t ORDER BY transaction_id"
    return DatabaseSource(lambda: sqlite3.connect(path), {"transactions": query}, name="sqlite")


FORMS = {
    "utf-8": lambda folder: csv(folder, "utf-8"),
    "utf-8 with a mark": lambda folder: csv(folder, "utf-8-sig"),
    "gb18030": lambda folder: csv(folder, "gb18030"),
    "gz": gz,
    "zip": zipped,
    "parquet of texts": lambda folder: parquet(folder, "all_varchar = true"),
    "parquet with types": lambda folder: parquet(folder, TYPES),
    "database": database,
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_rows(form: str, tmp_path: Path) -> None:
    home = Home.create(tmp_path / "home")
    given = base(tmp_path / "given")
    made = FORMS[form](given)
    load_into(home, given)
    if isinstance(made, DatabaseSource):
        load_into(home, made)
    found = rows(home, "transactions", 'transaction_id, account, date, "at", amount, initiated, memo')
    assert found == [
        ("T1", 0, date(2024, 1, 2), datetime(2024, 1, 2, 10), 10050, True, "工资"),
        ("T2", 1, date(2024, 1, 3), None, 700, None, "带,逗号\n和换行"),
        ("T3", 2, date(2024, 1, 3), None, 1, False, None),
    ]
