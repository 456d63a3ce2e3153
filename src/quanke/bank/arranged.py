"""Which columns the arranged tables (facts) have, and in which order their rows stand.

An arranged table is what engines read. It differs from its contract so:

* Where a row names a party or an account, `source`, `party_id` and `account_id` give way to the dense
  numbers `customer`, `party` and `account`, which stand first. `parties`, `organisations` and `accounts`
  keep their own identifiers beside the number. A table that names two parties has the numbers of both:
  `relations` has `from_customer`, `from_party`, `to_customer` and `to_party`, `identity_decisions` the same
  with `one` and `other`.
* `party` is the number of the record (one per source and party_id, never changed); `customer` is the number
  its record was given when it came. Who is who may be seen otherwise later (`quanke.customers.register`):
  then rows are read under another customer, found by their `party`, or by that of their account.
* `balances` is a ledger of changes: `delta` is the change of the end-of-day balance on `date`, in minor
  units of the account's currency; the balance at day d is the sum of deltas up to d. A late or corrected
  day adds compensating rows, so one account and day may have several.
* `transactions.amount` is in the home's currency (rate of the booking date, the last known on or before it,
  rounded half up once); `amount_original` is in the account's currency.
* `category` and `currency` of the account stand beside movements and balances; `holdings.category` is the
  product's.
* `id_valid`, `phone_valid` and `uscc_valid` say whether the identifier beside them passes its check
  (null where there is none). The row is kept either way; identity must never link on an invalid one.
* SNAPSHOT tables end with `unit`, the ordinal in `loads/<table>.json` of the unit the row came from.

Codes are VARCHAR, money BIGINT minor units, rates DECIMAL(18,6). An optional column that was never handed
over is there and null. Rows are sorted by customer, account, the table's date, the moment, the key.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from quanke.bank.contracts import CONTRACTS, Contract, Field, FieldType, TableKind
from quanke.bank.home import Home
from quanke.bank.sql import parquet, quoted

SQL_TYPES: dict[FieldType, str] = {
    FieldType.TEXT: "VARCHAR",
    FieldType.CODE: "VARCHAR",
    FieldType.INTEGER: "BIGINT",
    FieldType.MONEY: "BIGINT",
    FieldType.RATE: "DECIMAL(18,6)",
    FieldType.BOOLEAN: "BOOLEAN",
    FieldType.DATE: "DATE",
    FieldType.INSTANT: "TIMESTAMP",
}

IDENTITY_TABLES = ("parties", "organisations")
"""The tables that make customers; every other table only refers to them."""

FLAGS: dict[str, str] = {
    "id_number": "id_valid",
    "phone": "phone_valid",
    "uscc": "uscc_valid",
}
"""Identifier field -> the extra column that says whether it passes its check."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an arranged table, with its DuckDB type."""

    name: str
    type: str


def names_party(contract: Contract) -> bool:
    """Whether rows refer to a party by (source, party_id)."""
    return "party_id" in contract.by_name and contract.name not in IDENTITY_TABLES


def sides(contract: Contract) -> tuple[str, ...]:
    """The two parties a row is about, as prefixes of its fields: `("from", "to")`; empty for other tables."""
    ends = "_party_id"
    return tuple(field.name.removesuffix(ends) for field in contract if field.name.endswith(ends))


def names_account(contract: Contract) -> bool:
    """Whether rows refer to an account."""
    return "account_id" in contract.by_name and contract.name != "accounts"


@cache
def arranged(table: str) -> tuple[Column, ...]:
    """The columns of the arranged table, in order."""
    contract = CONTRACTS[table]
    columns = [Column(name, "INTEGER") for name in (*_numbers(contract), *_parties(contract))]
    for field in contract:
        columns += _columns(contract, field)
    if table in ("transactions", "balances"):
        columns += [Column("category", "VARCHAR"), Column("currency", "VARCHAR")]
    if table == "transactions":
        columns.append(Column("amount_original", "BIGINT"))
    if table == "holdings":
        columns.append(Column("category", "VARCHAR"))
    if contract.kind is TableKind.SNAPSHOT:
        columns.append(Column("unit", "INTEGER"))
    return tuple(columns)


def _parties(contract: Contract) -> list[str]:
    """Columns with the numbers of the records a row names."""
    own = ["party"] if "party_id" in contract.by_name else []
    return [*own, *(f"{side}_party" for side in sides(contract))]


def _numbers(contract: Contract) -> list[str]:
    """Numbers of customers and accounts the table starts with and is sorted by."""
    if sides(contract):
        return [f"{side}_customer" for side in sides(contract)]
    by_party = "party_id" in contract.by_name
    by_account = "account_id" in contract.by_name
    return ["customer"] * (by_party or by_account) + ["account"] * by_account


def _columns(contract: Contract, field: Field) -> list[Column]:
    """What a field of the contract becomes: itself, itself and a flag, or nothing."""
    if field.name in dropped(contract):
        return []
    if contract.name == "balances" and field.name == "balance":
        return [Column("delta", "BIGINT")]
    columns = [Column(field.name, SQL_TYPES[field.type])]
    if field.name in FLAGS:
        columns.append(Column(FLAGS[field.name], "BOOLEAN"))
    return columns


def dropped(contract: Contract) -> frozenset[str]:
    """Fields that give way to numbers."""
    if sides(contract):
        return frozenset(f"{side}_{name}" for side in sides(contract) for name in ("source", "party_id"))
    gone = {"source", "party_id"} if names_party(contract) else set()
    return frozenset(gone | ({"account_id"} if names_account(contract) else set()))


def key(table: str) -> tuple[str, ...]:
    """The contract's key in arranged columns."""
    return tuple("account" if name in dropped(CONTRACTS[table]) else name for name in CONTRACTS[table].key)


def order(table: str) -> tuple[str, ...]:
    """The columns rows are sorted by; no two rows of a file are equal in all of them."""
    contract = CONTRACTS[table]
    sorts = [*_numbers(contract), *([contract.date] if contract.date else [])]
    if "at" in contract.by_name:
        sorts.append("at")
    return tuple(dict.fromkeys([*sorts, *key(table)]))


def facts_sql(home: Home, table: str) -> str:
    """A SELECT of all arranged rows of `table` with all its columns, typed, also when nothing was loaded."""
    files = home.facts(table)
    columns = arranged(table)
    if not files:
        nulls = ", ".join(f"NULL::{column.type} AS {quoted(column.name)}" for column in columns)
        return f"SELECT {nulls} WHERE false"
    names = ", ".join(quoted(column.name) for column in columns)
    return f"SELECT {names} FROM {parquet(files, 'union_by_name = true')}"
