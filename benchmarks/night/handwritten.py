"""Run the hand-written SQL over a home, in a process of its own, and print how long it took as JSON.

    python benchmarks/night/handwritten.py HOME OUT --on DATE [--bucket CUSTOMERS] [--yesterday NIGHT]

Without --bucket it is one statement over everybody with two threads, as most would run it. With --bucket,
two workers of one thread each take ranges of customers, as an engineer would who has seen the memory.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import duckdb

from quanke.bank.home import Home
from quanke.customers.register import register_of
from quanke.kernel.money import minor_unit_exponent
from quanke.night.moved import moved_relation, write_moved

HERE = Path(__file__).parent
THREADS = 2
MEMORY_GB = 6
"""What a night has: two workers of 3 GB."""

TABLES = [
    "parties",
    "organisations",
    "accounts",
    "balances",
    "transactions",
    "holdings",
    "cards",
    "channel_events",
    "contacts",
    "pushes",
    "consents",
    "ownership",
]
FOREIGN = [
    "USD",
    "HKD",
    "EUR",
    "GBP",
    "JPY",
    "AUD",
    "CAD",
    "SGD",
    "CHF",
    "MOP",
    "TWD",
    "KRW",
    "THB",
    "NZD",
    "SEK",
    "CZK",
]
HELD = {
    "as_of_day": "DATE",
    "tier_rank": "BIGINT",
    "tier_since": "DATE",
    "tier_hits": "BIGINT",
    "tier_misses": "BIGINT",
    "stage": "VARCHAR",
    "stage_since": "DATE",
    "stage_reason": "VARCHAR",
    "stage_before": "VARCHAR",
    "large_outflow": "BOOLEAN",
    "next_maturity_on": "DATE",
    "outflow_due_on": "DATE",
    "outflow_due_on_since": "DATE",
    "maturity_due_on": "DATE",
    "maturity_due_on_since": "DATE",
    "visit_due_on": "DATE",
    "visit_due_on_since": "DATE",
}
"""What the SQL reads of the night before, with types."""
FIRST_NIGHT = f"""
    SELECT NULL::INTEGER AS customer, {", ".join(f"NULL::{kind} AS {name}" for name, kind in HELD.items())}
    WHERE false
"""
"""`yesterday` where no night went before."""


def define(
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, str],
    on: str,
    currency: str,
    customers: int,
    yesterday: str = FIRST_NIGHT,
) -> None:
    """Make the view `profile`. `tables` are queries that give the arranged rows, `yesterday` one that gives
    what the night before held."""
    connection.execute(f"SET VARIABLE as_of = DATE '{on}'; SET VARIABLE currency = '{currency}'")
    connection.execute(f"SET VARIABLE low = 0; SET VARIABLE high = {customers}")
    for name, query in tables.items():
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {query}")
    values = ", ".join(f"('{c}', {minor_unit_exponent(c)})" for c in FOREIGN if c != currency)
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW currencies AS FROM (VALUES {values}) v(currency, exponent)"
    )
    connection.execute(f"CREATE OR REPLACE TEMP VIEW yesterday AS {yesterday}")
    for part in ("facts.sql", "profile.sql"):
        connection.execute((HERE / "handwritten" / part).read_text(encoding="utf-8"))


def opened(threads: int, spill: Path) -> duckdb.DuckDBPyConnection:
    """A database with its share of threads and memory."""
    connection = duckdb.connect(
        config={
            "threads": threads,
            "memory_limit": f"{MEMORY_GB * threads // THREADS}GB",
            "temp_directory": str(spill),
        }
    )
    connection.execute("SET enable_progress_bar = false")
    return connection


def copy_moved(home: Home, spill: Path) -> None:
    """Copy the rows of records that are another customer than they were loaded as, as a night does.

    Who is who is nothing to write by hand: both sides read the same rows under the same customers.
    """
    with opened(THREADS, spill) as connection:
        write_moved(home, register_of(home), spill / "moved", connection)


def held(night: Path, where: str) -> str:
    """A query that gives what a published night held."""
    parts = ", ".join(f"'{p}'" for p in sorted((night / "profile").glob("base-*.parquet")))
    return f"SELECT customer, {', '.join(HELD)} FROM read_parquet([{parts}]){where}"


def connect(
    home: Home, on: str, threads: int, spill: Path, ranged: bool, yesterday: Path | None = None
) -> duckdb.DuckDBPyConnection:
    """A database with the views made."""
    connection = opened(threads, spill)
    where = " WHERE customer >= getvariable('low') AND customer < getvariable('high')" if ranged else ""
    tables = {t: f"SELECT * FROM {rows_of(home, t, spill)}{where}" for t in TABLES}
    tables["fx_rates"] = f"SELECT * FROM {rows_of(home, 'fx_rates', spill)}"
    before = held(yesterday, where) if yesterday else FIRST_NIGHT
    define(connection, tables, on, home.currency, home.counts().customers, before)
    return connection


def rows_of(home: Home, table: str, spill: Path) -> str:
    """The accepted rows of a table under the customers of today."""
    files = home.facts(table)
    if not files:
        sys.exit(f"the hand-written SQL needs the table {table}, of which nothing is loaded")
    return moved_relation(table, files, spill / "moved")


def copy(connection: duckdb.DuckDBPyConnection, target: Path) -> None:
    """Write the profile."""
    connection.execute(f"COPY (FROM profile) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")


def whole(home: Home, on: str, out: Path, spill: Path, yesterday: Path | None = None) -> None:
    """One statement over everybody."""
    copy(connect(home, on, THREADS, spill, False, yesterday), out / "00000.parquet")


def by_range(home: Home, on: str, out: Path, spill: Path, bucket: int, yesterday: Path | None = None) -> None:
    """Workers over ranges of customers."""
    customers = home.counts().customers
    waiting = list(reversed(range(0, customers, bucket)))
    failed: list[BaseException] = []

    def work() -> None:
        try:
            connection = connect(home, on, 1, spill, True, yesterday)
            while waiting:
                low = waiting.pop()
                high = min(customers, low + bucket)
                connection.execute(f"SET VARIABLE low = {low}; SET VARIABLE high = {high}")
                copy(connection, out / f"{low // bucket:05d}.parquet")
        except IndexError:
            pass  # the other worker took the last one
        except BaseException as error:
            failed.append(error)

    workers = [threading.Thread(target=work) for _ in range(THREADS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if failed:
        raise failed[0]


def main() -> None:
    """Run and print seconds, from opening the database to the last file, and peak memory."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("home", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--on", default="2026-06-30")
    parser.add_argument("--bucket", type=int, default=0)
    parser.add_argument("--yesterday", type=Path, help="the published night of the day before")
    given = parser.parse_args()
    given.out.mkdir(parents=True)
    home, spill = Home.open(given.home), given.out.with_name(given.out.name + ".spill")
    spill.mkdir(exist_ok=True)
    begin = time.perf_counter()
    copy_moved(home, spill)
    if given.bucket:
        by_range(home, given.on, given.out, spill, given.bucket, given.yesterday)
    else:
        whole(home, given.on, given.out, spill, given.yesterday)
    seconds = round(time.perf_counter() - begin, 2)
    peak_gb = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2, 2)
    json.dump({"seconds": seconds, "peak_gb": peak_gb}, sys.stdout)


if __name__ == "__main__":
    main()
