"""Rows of customers who are somebody else now: read under the customer they are today.

Facts carry the customer number their record was loaded with. Where the register sees a record as another
customer, its rows are copied once a night, in order, under that customer; every relation is then the rows of
all other records and these. Without merges nothing is copied and nothing is joined.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa

from quanke.bank.arranged import names_account, order, sides
from quanke.bank.contracts import CONTRACTS
from quanke.bank.home import Home
from quanke.customers.register import Register
from quanke.engines.duckdb.relations import files_sql
from quanke.engines.store.files import write_parquet

LISTED = 5_000
"""Up to this many loaded customers are named in the query, so that Parquet skips row groups without them."""


def by_party(table: str) -> bool:
    """Whether rows name the record they belong to."""
    return "party_id" in CONTRACTS[table].by_name


def by_account(table: str) -> bool:
    """Whether rows belong to whoever holds their account."""
    return names_account(CONTRACTS[table]) and not by_party(table)


def moved_relation(table: str, files: list[Path], folder: Path) -> str:
    """SQL of a table's rows under the customers of today. `folder` holds what `write_moved` wrote."""
    parties = folder / "parties.parquet"
    if not parties.exists():
        return files_sql(files)
    contract = CONTRACTS[table]
    if sides(contract):
        one, other = sides(contract)
        return (
            f"(SELECT t.* REPLACE (coalesce(a.customer, t.{one}_customer) AS {one}_customer, "
            f"coalesce(b.customer, t.{other}_customer) AS {other}_customer) FROM {files_sql(files)} AS t "
            f"LEFT JOIN {files_sql([parties])} AS a ON a.party = t.{one}_party "
            f"LEFT JOIN {files_sql([parties])} AS b ON b.party = t.{other}_party)"
        )
    rows = moved_rows(table, files, folder)
    if not rows:
        return files_sql(files)
    key, known = ("party", parties) if by_party(table) else ("account", folder / "accounts.parquet")
    return (
        f"(SELECT t.* FROM {files_sql(files)} AS t ANTI JOIN {files_sql([known])} AS k ON k.{key} = t.{key} "
        f"UNION ALL SELECT * FROM {files_sql(rows)})"
    )


def moved_rows(table: str, files: list[Path], folder: Path) -> list[Path]:
    """Files of the moved rows of some files of a table: one each, or all together, as Spark writes."""
    rows = folder / f"rows-{table}"
    together = rows.with_name(rows.name + ".parquet")
    if together.exists():
        return rows_files(together)
    return [rows / file.name for file in files if (rows / file.name).exists()]


def rows_files(rows: Path) -> list[Path]:
    """The files of the moved rows of a whole table: one, or where Spark wrote them a folder of some."""
    return sorted(rows.glob("*.parquet")) if rows.is_dir() else [rows]


def write_moved(home: Home, register: Register, folder: Path, connection: duckdb.DuckDBPyConnection) -> None:
    """Copy the rows of moved records into `folder`, in a folder per table, a file for each of its files.

    A file that is there is not made again: a resumed night goes on.
    """
    moved = register.moved
    if len(moved) == 0:
        return
    folder.mkdir(exist_ok=True)
    if not (folder / "parties.parquet").exists():
        numbers = pa.table({"party": pa.array(moved), "customer": pa.array(register.customer[moved])})
        write_parquet(folder / "parties.parquet", numbers)
    loaded = sorted({int(number) for number in register.loaded[moved]})
    among = f"t.customer IN ({', '.join(map(str, loaded))})" if len(loaded) <= LISTED else "true"
    _write_accounts(home, folder, among, connection)
    for table in CONTRACTS:
        files = home.facts(table)
        if not files or sides(CONTRACTS[table]):
            continue
        if by_party(table):
            _copy_rows(table, files, "party", folder / "parties.parquet", among, connection)
        elif by_account(table) and (folder / "accounts.parquet").exists():
            # an account may have had another holder: its older rows stand under somebody else's number
            _copy_rows(table, files, "account", folder / "accounts.parquet", "true", connection)


def _write_accounts(home: Home, folder: Path, among: str, connection: duckdb.DuckDBPyConnection) -> None:
    """`accounts.parquet` (account, customer): accounts of moved records, where there are any."""
    target, files = folder / "accounts.parquet", home.facts("accounts")
    if target.exists() or not files:
        return
    accounts = connection.sql(
        f"SELECT t.account, m.customer FROM {files_sql(files)} AS t "
        f"JOIN {files_sql([folder / 'parties.parquet'])} AS m USING (party) WHERE {among} ORDER BY t.account"
    ).to_arrow_table()
    if accounts.num_rows:
        write_parquet(target, accounts)


def _copy_rows(
    table: str,
    files: list[Path],
    key: str,
    known: Path,
    among: str,
    connection: duckdb.DuckDBPyConnection,
) -> None:
    """A file of moved rows for each file of the table: the next night copies those of new files only."""
    folder = known.parent / f"rows-{table}"
    folder.mkdir(exist_ok=True)
    by = ", ".join(f'"{name}"' for name in order(table))
    for file in files:
        target = folder / file.name
        if target.exists():
            continue
        query = (
            f"SELECT t.* REPLACE (m.customer AS customer) FROM {files_sql([file])} AS t "
            f"JOIN {files_sql([known])} AS m USING ({key}) WHERE {among} ORDER BY {by}"
        )
        beside = target.with_name(target.name + ".part")
        settings = "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 32768"
        connection.execute(f"COPY ({query}) TO '{beside}' ({settings})")
        beside.replace(target)
