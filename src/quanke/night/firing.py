"""For whom a trigger fired on past days of a bank: told by its live engine where that lived them, else found
by letting the engine live the last weeks of the home's own tables again.

    found = told_firings(home.path / "live" / "decisions", "salary_arrived", night.day)
    found = found or lived_again(home, night, catalogue, trigger)
    found.customer, found.at          # one row per firing
    found.every                       # 1: everybody was looked at; k: every k-th customer

A journey that is entered by a trigger is tried with it: so many enter, on such days.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from quanke.bank.arranged import key
from quanke.bank.contracts import CONTRACTS
from quanke.bank.home import Home
from quanke.customers.survivorship import SOURCE_PRIORITY, SURVIVORSHIP
from quanke.engines.duckdb import connect
from quanke.engines.duckdb.golden import customers_sql
from quanke.engines.duckdb.relations import empty_sql, foreign_balances_sql
from quanke.engines.live.engine import LiveEngine
from quanke.engines.live.reading import is_live, reading_of
from quanke.engines.live.tables import TableOpenings
from quanke.engines.store import Night
from quanke.kernel.money import minor_unit_exponent
from quanke.language import Catalogue, Trigger
from quanke.language.facts import table_of
from quanke.night.inputs import Inputs, inputs_of

Ints = NDArray[np.int64]
Moments = NDArray[np.datetime64]
DAYS = 28
"""Whole weeks: a month has paydays, and each day of the week four times."""
MOST = 20_000
"""Customers the engine lives again at most; of more every k-th is looked at."""
_LEAST = 7


@dataclass(frozen=True)
class Firings:
    """Firings of a trigger from the day `first` to `last` (both counted): `customer` and `at` (by the clock
    of Shanghai) of each. `every`: of whom only every k-th customer was looked at, k; `told`: the live engine
    decided them at the time."""

    first: dt.date
    last: dt.date
    customer: Ints
    at: Moments
    every: int = 1
    told: bool = False

    @property
    def days(self) -> int:
        """How many days were looked at."""
        return (self.last - self.first).days + 1


def told_firings(folder: Path, trigger: str, last: dt.date, days: int = DAYS) -> Firings | None:
    """What the live engine wrote down of a trigger in whole weeks up to a day; null where it lived less than
    one. A day without any decision at its beginning or end counts as not lived."""
    customers: list[int] = []
    moments: list[str] = []
    lived: set[str] = set()
    seen: set[str] = set()
    begin, end = (last - dt.timedelta(days=days - 1)).isoformat(), last.isoformat()
    for row in _told(folder):
        day = str(row.get("at", ""))[:10]
        if not begin <= day <= end:
            continue
        lived.add(day)
        if row.get("trigger") == trigger and str(row["id"]) not in seen:
            seen.add(str(row["id"]))
            customers.append(int(str(row["customer"])))
            moments.append(str(row["at"]))
    if not lived:
        return None
    whole = (dt.date.fromisoformat(max(lived)) - dt.date.fromisoformat(min(lived))).days + 1
    weeks = whole // 7 * 7
    if weeks < _LEAST:
        return None
    until = dt.date.fromisoformat(max(lived))
    first = until - dt.timedelta(days=weeks - 1)
    at = np.array(moments, "datetime64[us]")
    kept = at >= np.datetime64(first)
    return Firings(first, until, np.array(customers, np.int64)[kept], at[kept], told=True)


def _told(folder: Path) -> Iterator[dict[str, object]]:
    for path in sorted(folder.glob("*/*.jsonl")):
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                try:
                    yield json.loads(line)
                except ValueError:  # the last line of a machine that lost its power
                    continue


def lived_again(
    home: Home, night: Night, catalogue: Catalogue, trigger: Trigger, days: int = DAYS, most: int = MOST
) -> Firings:
    """Lets the live engine live the days up to a night again, by the home's rows in the order of their dates.
    Fields of customers, tables that are handed over whole and what only a night works out stand as of that
    night. Nothing is written, in the home or elsewhere."""
    first = night.day - dt.timedelta(days=days - 1)
    inputs = inputs_of(home)
    every = max(1, -(-inputs.customers // most))
    count = -(-inputs.customers // every)
    reading = reading_of(catalogue, [trigger])
    fields = sorted({column.name for column in reading.customers})
    wanted = {*reading.tables, *(node.table for node in reading.aggregates)}
    with connect() as connection:
        tables = {t: _rows(inputs, t, every, night.day, connection) for t in sorted(wanted)}
        tables["customers"] = _golden(inputs, fields, every, connection)
    before = {name: _dated(rows, name, until=first) for name, rows in tables.items()}
    columns = [n for n in LiveEngine.reads(catalogue, [trigger]) if n in set(night.columns)] or ["customer"]
    profile = night.read(columns).take(pa.array(np.arange(count) * every))
    engine = LiveEngine(
        catalogue, [trigger], profile, TableOpenings(before, count), first, currency=home.currency
    )
    found = [engine.open_day()]
    for number in range(days):
        day = first + dt.timedelta(days=number)
        if number:
            found.append(engine.turn_day(day))
        # balances come when the day is over: what a row brings is beside what there was before it
        for name in sorted(engine.tables, key=lambda t: (t == "balances", t)):
            rows = _dated(tables[name], name, since=day, until=day + dt.timedelta(days=1))
            found.append(engine.take(name, rows))
    found.append(engine.due(dt.datetime.combine(night.day, dt.time.max)))
    made = pa.concat_tables(found)
    customers = made["customer"].to_numpy().astype(np.int64) * every
    there = ~np.isin(customers, list(night.absorbed))
    at = made["at"].to_numpy().astype("datetime64[us]")
    kept = there & (at >= np.datetime64(first)) & (at < np.datetime64(night.day) + 1)
    return Firings(first, night.day, customers[kept], at[kept], every)


def _rows(
    inputs: Inputs, table: str, every: int, last: dt.date, connection: duckdb.DuckDBPyConnection
) -> pa.Table:
    """Rows of every k-th customer up to a day, by moment; their customers are counted anew from 0."""
    source = _balances(inputs, last, connection) if table == "balances" else inputs.relation(table)
    own, names = table_of(table).date, key(table)
    if not source:
        source = empty_sql(table)
    until = f" AND \"{own}\" <= DATE '{last}'" if is_live(table) else ""
    sql = f"""SELECT * REPLACE (CAST(customer // {every} AS INTEGER) AS customer)
        FROM {source} WHERE customer % {every} = 0{until}"""
    rows = connection.sql(sql).to_arrow_table()
    if "event_id" not in rows.column_names and set(names) <= set(rows.column_names):
        texts = [rows[name].cast(pa.string()) for name in names]
        rows = rows.append_column("event_id", pc.binary_join_element_wise(*texts, "/"))
    order = [(name, "ascending") for name in (own, "at", "event_id") if name in rows.column_names]
    return rows.sort_by(order)


def _balances(inputs: Inputs, last: dt.date, connection: duckdb.DuckDBPyConnection) -> str:
    """Changes of balances, those of foreign accounts valued; "" where there are none."""
    relation, own = inputs.relation("balances"), inputs.home.currency
    if not relation:
        return ""
    names = ", ".join(["customer", "date", "delta", "category", "currency"])
    found = f"SELECT {names} FROM {relation} WHERE currency = '{own}'"
    asked = f"SELECT DISTINCT currency FROM {relation} WHERE currency <> '{own}' ORDER BY 1"
    if exponents := {c: minor_unit_exponent(c) for (c,) in connection.execute(asked).fetchall()}:
        rates = inputs.files("fx_rates")
        valued = foreign_balances_sql(relation, rates, own, last.isoformat(), exponents)
        found += f" UNION ALL SELECT {names} FROM ({valued})"
    return f"(SELECT *, 'b' || row_number() OVER () AS event_id FROM ({found}))"


def _golden(inputs: Inputs, fields: list[str], every: int, connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Fields of the golden record of every k-th customer."""
    if not fields:
        return pa.table({"customer": pa.array(range(-(-inputs.customers // every)), pa.int32())})
    parties, organisations = inputs.relation("parties"), inputs.relation("organisations")
    parts = []
    for part in range(inputs.parts):
        golden = customers_sql(
            parties, organisations, SURVIVORSHIP, SOURCE_PRIORITY, *inputs.reach(part), fields
        )
        sql = f"""SELECT * REPLACE (CAST(customer // {every} AS INTEGER) AS customer)
            FROM ({golden}) WHERE customer % {every} = 0"""
        parts.append(connection.sql(sql).to_arrow_table())
    return pa.concat_tables(parts)


def _dated(
    rows: pa.Table, table: str, since: dt.date | None = None, until: dt.date | None = None
) -> pa.Table:
    """Rows from a day on, up to another (not counted). Tables handed over whole are there before as they are
    now, but for those who come on the day they are dated."""
    if table not in CONTRACTS or (since is None and not is_live(table)):
        return rows
    date = rows[table_of(table).date]
    kept = pc.is_valid(date)
    if since is not None:
        kept = pc.and_(kept, pc.greater_equal(date, pa.scalar(since)))
    if until is not None:
        kept = pc.and_(kept, pc.less(date, pa.scalar(until)))
    return rows.filter(pc.fill_null(kept, False))
