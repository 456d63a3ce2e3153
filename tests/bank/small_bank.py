"""A hand-over of a handful of rows, and what tests look at afterwards."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from quanke.bank.home import Home
from quanke.bank.keys import FIND_KEY
from quanke.bank.load import LoadReport, Resources, load
from quanke.bank.readers import DatabaseSource
from quanke.kernel.progress import SilentProgress

SMALL = Resources(memory="400MB", threads=2)


def put(folder: Path, name: str, *lines: str, encoding: str = "utf-8") -> Path:
    """Write a CSV file of `lines`."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(("\n".join(lines) + "\n").encode(encoding))
    return path


def base(folder: Path) -> Path:
    """Branches, products, rates, four parties (two of them one person), a company, five accounts."""
    put(folder, "branches.csv", "branch_id,name,kind", "B1,深圳分行,branch", "B2,福田支行,sub_branch")
    put(folder, "products.csv", "product_id,name,category", "D1,活期,demand", "F1,基金,fund")
    put(
        folder,
        "fx_rates.csv",
        "currency,date,rate",
        "USD,2024-01-01,7.1",
        "USD,2024-01-10,7.25",
        "JPY,2024-01-01,0.05",
    )
    put(
        folder,
        "parties.csv",
        "source,party_id,name,id_type,id_number,phone,branch_id",
        "core,1,张三,resident_id,11010519491231002X,13800138000,B1",
        "card,9,张三,resident_id,11010519491231002x,+86 138 0013 8000,",
        "core,2,李四,resident_id,440524188001010014,,B2",
        "core,3,王五,,,,",
    )
    put(
        folder,
        "organisations.csv",
        "source,party_id,name,uscc,kind",
        "core,100,深圳某公司,91440300192181490G,business",
    )
    put(
        folder,
        "accounts.csv",
        "account_id,source,party_id,product_id,category,currency,opened_on,closed_on",
        "A1,core,1,D1,demand,CNY,2020-01-01,9999-12-31",
        "A2,card,9,,credit_card,CNY,2020-01-02,",
        "A3,core,2,F1,fund,CNY,2021-05-05,",
        "A4,core,100,D1,demand,USD,2022-02-02,",
        "A5,core,2,D1,demand,JPY,2022-02-02,",
    )
    return folder


def load_into(home: Home, source: Path | DatabaseSource, **options: Any) -> LoadReport:
    """Load with small resources and no listener."""
    return load(home, source, progress=SilentProgress(), resources=SMALL, **options)


def rows(
    home: Home, table: str, columns: str = "*", where: str = "true", order: str = "ALL"
) -> list[tuple[Any, ...]]:
    """Rows of an arranged table."""
    files = [str(path) for path in home.facts(table)]
    if not files:
        return []
    query = f"SELECT {columns} FROM read_parquet(?, union_by_name = true) WHERE {where} ORDER BY {order}"
    with duckdb.connect() as connection:
        return connection.execute(query, [files]).fetchall()


def refused(home: Home, table: str) -> list[tuple[Any, ...]]:
    """(file, row, field, rule, value_class) of everything in quarantine, in order."""
    files = [str(path) for path in home.quarantine(table)]
    if not files:
        return []
    query = (
        "SELECT file, row, field, rule, value_class FROM read_parquet(?, union_by_name = true) ORDER BY ALL"
    )
    with duckdb.connect() as connection:
        return connection.execute(query, [files]).fetchall()


def balance(home: Home, account: int, day: date) -> int:
    """The balance at the end of a day, out of the ledger."""
    found = rows(
        home, "balances", "coalesce(sum(delta), 0)::BIGINT", f"account = {account} AND date <= '{day}'"
    )
    return int(found[0][0]) if found else 0


def account_numbers(home: Home) -> dict[str, int]:
    """account_id -> account."""
    return {str(name): int(number) for name, number in rows(home, "accounts", "account_id, account")}


def digest(root: Path) -> dict[str, str]:
    """SHA-256 of every file under `root` but the key, which is drawn for each home."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != FIND_KEY
    }
