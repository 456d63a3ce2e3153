"""Records of customers for the tests: random ones, and single ones with what a case needs."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterable, Mapping
from typing import Any

import duckdb
import pyarrow as pa

from quanke.bank.contracts import CONTRACTS, FieldType
from quanke.bank.survivorship import NOT_GOLDEN, Rules
from quanke.customers.survivorship import SOURCE_PRIORITY, SURVIVORSHIP
from quanke.engines.duckdb.golden import customers_sql
from quanke.kernel.identifiers.document import check_id_number
from quanke.kernel.identifiers.organisation import check_uscc
from quanke.kernel.identifiers.phone import check_mobile
from quanke.kernel.identifiers.resident import resident_check_character

SOURCES = ("core", "cards", "mobile", "partner", "loans")
ARROW = {
    FieldType.TEXT: pa.string(),
    FieldType.CODE: pa.string(),
    FieldType.INTEGER: pa.int64(),
    FieldType.BOOLEAN: pa.bool_(),
    FieldType.DATE: pa.date32(),
    FieldType.INSTANT: pa.timestamp("us"),
}
FLAGS = {"parties": ("id_valid", "phone_valid"), "organisations": ("uscc_valid",)}
GOLDEN_FIELDS = {
    table: tuple(f.name for f in CONTRACTS[table] if f.name not in NOT_GOLDEN)
    for table in ("parties", "organisations")
}
USCCS = ("91100000100003962T", "91440300192181490G", "914403001922038216", "91440300192181490H")
PHONES = ("13800138000", "18612345678", "13912345678", "99912345678", "1380013")
STREETS = ("深圳市南山区科技路1号", "北京市海淀区中关村大街2号", "上海市浦东新区世纪大道3号")


def resident_number(birth: dt.date, male: bool) -> str:
    """A valid resident number."""
    first = f"440305{birth:%Y%m%d}00{1 if male else 2}"
    return first + resident_check_character(first)


def schema(table: str) -> pa.Schema:
    """Arranged columns of a table of records, as far as golden customers read them."""
    fields = [("customer", pa.int32()), *((f.name, ARROW[f.type]) for f in CONTRACTS[table])]
    return pa.schema([*fields, *((flag, pa.bool_()) for flag in FLAGS[table])])


def record(table: str = "parties", **known: Any) -> dict[str, Any]:
    """One arranged record; what is not given is unknown, flags are what the checks say."""
    row: dict[str, Any] = dict.fromkeys(schema(table).names)
    row |= {"customer": 0, "source": "core", "party_id": "1", "name": "张三"} | known
    if table == "parties":
        if row["id_number"] is not None:
            row["id_valid"] = check_id_number(row["id_type"], row["id_number"]) is None
        if row["phone"] is not None:
            row["phone_valid"] = check_mobile(row["phone"]) is None
    elif row["uscc"] is not None:
        row["uscc_valid"] = check_uscc(row["uscc"]) is None
    return row


def table_of(rows: Iterable[Mapping[str, Any]], table: str = "parties") -> pa.Table:
    """The records as an arranged table."""
    return pa.Table.from_pylist([dict(row) for row in rows], schema(table))


def random_record(table: str, customer: int, party: int, draw: random.Random) -> dict[str, Any]:
    """A record out of few values, so that records agree, differ and tie."""

    def some(*values: Any, missing: float = 0.3) -> Any:
        return None if draw.random() < missing else draw.choice(values)

    known: dict[str, Any] = {"customer": customer, "source": draw.choice(SOURCES), "party_id": f"P{party}"}
    days = (dt.date(1969, 12, 31), dt.date(2020, 5, 1), dt.date(2024, 2, 29))
    births = (dt.date(1980, 1, 1), dt.date(1980, 1, 10), dt.date(1991, 12, 31))
    for field in CONTRACTS[table]:
        if field.name in known:
            continue
        if field.type is FieldType.CODE and field.values:
            known[field.name] = some(*field.values[:3], missing=0 if field.required else 0.3)
        elif field.type is FieldType.DATE:
            known[field.name] = some(*(births if field.name == "birth_date" else days))
        elif field.type is FieldType.INSTANT:
            moment = dt.datetime.combine(draw.choice(days), dt.time(9, 30))
            known[field.name] = some(moment, moment + dt.timedelta(microseconds=1), moment.replace(second=1))
        elif field.type is FieldType.BOOLEAN:
            known[field.name] = some(True, False)
        elif field.type is FieldType.INTEGER:
            known[field.name] = some(1, 2, 3)
        else:
            known[field.name] = some("甲", "乙", "丙", missing=0 if field.required else 0.3)
    if table == "parties":
        number = draw.choice(
            [
                resident_number(draw.choice(births), draw.random() < 0.5),
                "440305800101001",
                "440305199001010000",
                "E1",
            ]
        )
        known["id_number"] = some(number)
        known["id_type"] = some("resident_id", "household_register", "passport")
        known["phone"] = some(*PHONES)
    else:
        known["uscc"] = some(*USCCS)
    known["address"] = some(*STREETS, missing=0.5)
    return record(table, **known)


def random_records(table: str, seed: int, customers: int, largest: int = 4) -> list[dict[str, Any]]:
    """Records of customers 0 to `customers - 1`: none to `largest` each, in no order."""
    draw = random.Random(f"{table} {seed}")
    rows = []
    for customer in range(customers):
        for party in draw.sample(range(20), draw.randint(0, largest)):
            rows.append(random_record(table, customer, party, draw))
    draw.shuffle(rows)
    return rows


def golden_by_sql(
    parties: pa.Table | None,
    organisations: pa.Table | None,
    customers: int,
    fields: Iterable[str],
    rules: Rules = SURVIVORSHIP,
) -> list[dict[str, Any]]:
    """The night's golden customers."""
    with duckdb.connect() as connection:
        names = []
        for name, rows in (("persons", parties), ("bodies", organisations)):
            if rows is not None:
                connection.register(name, rows)
            names.append(name if rows is not None else "")
        sql = customers_sql(*names, rules, SOURCE_PRIORITY, 0, customers, frozenset(fields))
        found: list[dict[str, Any]] = connection.sql(sql).to_arrow_table().to_pylist()
        return found
