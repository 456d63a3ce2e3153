"""What everybody holds on a day: terms, wealth products, funds, insurance, bonds, metal, by product.

Values are the balances of the day, out of the ledger of changes; a position whose account names no product
comes from the holdings as last delivered. Accounts in foreign currency are left out, and counted.
"""

from __future__ import annotations

import datetime as dt
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from quanke.engines.duckdb.relations import fact_sql, files_sql
from quanke.engines.store import write_json
from quanke.engines.store.files import write_parquet, write_parquet_of
from quanke.night.moved import rows_files
from quanke.night.steps import Run, over_parts
from quanke.night.wealth_shelf import HELD

POSITIONS = pa.schema(
    [
        ("customer", pa.int32()),
        ("product", pa.string()),
        ("due", pa.bool_()),
        ("value", pa.int64()),
        ("days_held", pa.int32()),
        ("locked", pa.int32()),
        ("matures", pa.int32()),
    ]
)
"""One row per customer, product and whether it falls due within the horizon: fen, days from the day. Of
several lots the shortest time held, the longest lock and the last maturity. A sale of the product, and a rise
of the balance beyond what its value may have gained, are new money: time held begins again. A lock ends
with lock days and maturity, whichever is later; a term without maturity is locked, and insurance while
leaving it costs a fee."""
UNKNOWN = 36_500
"""Days a deposit of unknown maturity is locked: it may be sold when the bank says when it ends."""
CASH = pa.schema([("customer", pa.int32()), ("foreign", pa.int64())])
"""Foreign demand money as the night values it, of who has some."""

_STATEMENT = """
WITH open AS (
    SELECT account, customer, product_id, category, opened_on, matures_on FROM {accounts}
    WHERE list_contains($held, category) AND currency = $currency
      AND opened_on <= $day AND (closed_on IS NULL OR closed_on > $day)
), level AS (
    SELECT account, sum(delta) AS value FROM {balances}
    WHERE list_contains($held, category) AND date <= $day GROUP BY account
), steps AS (
    SELECT account, date, delta, coalesce(sum(delta) OVER (PARTITION BY account ORDER BY date
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
    FROM {balances} WHERE list_contains($held, category) AND date <= $day
), raised AS (
    -- what the ledger begins with was there before; how long is known by the opening alone
    SELECT account, max(date) AS on_day FROM steps
    WHERE delta > 0 AND delta::DOUBLE * 1000000 >= before::DOUBLE * $new_money AND date > $begun
    GROUP BY account
), sold AS (
    SELECT customer, product_id AS product, max(date) AS on_day FROM {sales} WHERE date <= $day
    GROUP BY customer, product_id
), delivered AS (
    SELECT account, count(*) AS products, min(product_id) AS product_id, max(matures_on) AS matures_on
    FROM {holdings} WHERE date <= $day GROUP BY account
), lots AS (
    SELECT o.customer, coalesce(o.product_id, h.product_id) AS product, l.value, o.category, o.account,
        o.opened_on,
        coalesce(o.matures_on, h.matures_on) AS matures_on
    FROM open AS o JOIN level AS l USING (account) LEFT JOIN delivered AS h USING (account)
    WHERE o.product_id IS NOT NULL OR h.products = 1
    UNION ALL
    SELECT o.customer, h.product_id, h.value, o.category, o.account, o.opened_on, h.matures_on
    FROM open AS o JOIN {holdings} AS h USING (account) JOIN delivered AS d USING (account)
    WHERE o.product_id IS NULL AND d.products > 1 AND h.date <= $day
), told AS (
    SELECT l.customer, l.product, l.value,
        date_diff('day', greatest(l.opened_on, r.on_day, s.on_day), $day) AS held,
        CASE WHEN l.matures_on >= $day THEN date_diff('day', $day, l.matures_on) ELSE -1 END AS matures,
        CASE WHEN l.category = 'term' THEN CASE WHEN l.matures_on IS NULL THEN $unknown ELSE 0 END
            WHEN l.category = 'insurance' AND p.exit_ppm > 0 THEN greatest(p.lock_days, p.exit_days) - held
            ELSE p.lock_days - held END AS bound
    FROM lots AS l JOIN products AS p USING (product) LEFT JOIN raised AS r USING (account)
        LEFT JOIN sold AS s ON s.customer = l.customer AND s.product = l.product
    WHERE l.value > 0
)
SELECT customer, product, matures BETWEEN 0 AND $horizon AS due, sum(value)::BIGINT AS value,
    min(held)::INTEGER AS days_held,
    max(greatest(bound, matures, 0))::INTEGER AS locked, max(matures)::INTEGER AS matures
FROM told GROUP BY customer, product, due ORDER BY customer, product, due
"""


def write_positions(run: Run, folder: Path, products: pa.Table, horizon: int, new_money: int) -> Path:
    """`positions.parquet` and `foreign.parquet` in a folder, part by part; what is there stays. `horizon` in
    days; `new_money`: millionths of a balance from which on a rise of it is taken for a purchase."""
    target = folder / "positions.parquet"
    if target.exists():
        return target
    parts = [folder / f".positions-{part:05d}.parquet" for part in range(run.inputs.parts)]
    missing = [part for part, path in enumerate(parts) if not path.exists()]
    asked = {
        "held": list(HELD),
        "currency": run.inputs.home.currency,
        "day": run.day,
        "horizon": horizon,
        "new_money": new_money,
        "unknown": UNKNOWN,
        "begun": _begun(run),
    }
    terms = products.select(["product", "lock_days", "exit_days", "exit_ppm"])
    make = partial(_part, run, terms, asked, parts)
    over_parts(run, "what everybody holds", missing, make)
    _write_foreign(run, folder)
    write_parquet_of(target, POSITIONS, (pq.read_table(path) for path in parts))
    for path in parts:
        path.unlink()
    return target


def _part(
    run: Run,
    products: pa.Table,
    asked: dict[str, Any],
    parts: list[Path],
    connection: duckdb.DuckDBPyConnection,
    part: int,
) -> None:
    low, high = run.inputs.reach(part)
    names = ("accounts", "balances", "holdings", "sales")
    sources = {name: _fact(run, name, low, high) for name in names}
    connection.register("products", products)
    made = connection.sql(_STATEMENT.format(**sources), params=asked).to_arrow_table()
    connection.unregister("products")
    write_parquet(parts[part], made.cast(POSITIONS))


def _begun(run: Run) -> dt.date:
    """The day the ledger of balances begins with, for every part the same."""
    relation = run.inputs.relation("balances")
    if not relation:
        return run.day
    with duckdb.connect() as connection:
        found = connection.sql(f"SELECT min(date) FROM {relation}").fetchall()
    return run.day if found[0][0] is None else found[0][0]


def _fact(run: Run, table: str, low: int, high: int) -> str:
    """Rows of a table with the number of the account, for a range of customers; none where it is empty."""
    relation = run.inputs.relation(table)
    if relation:
        return fact_sql(table, relation, low, high)
    from quanke.bank.arranged import facts_sql

    return f"({facts_sql(run.inputs.home, table)})"


def _write_foreign(run: Run, folder: Path) -> None:
    """Foreign demand money by customer, and how many customers hold anything foreign."""
    valued = run.working.file("foreign.parquet")
    empty = CASH.empty_table()
    if not valued.exists():
        write_parquet(folder / "foreign.parquet", empty)
        write_json(folder / "left-out.json", {"foreign_customers": 0})
        return
    with duckdb.connect() as connection:
        rows = connection.sql(
            "SELECT customer, sum(delta) FILTER (category IN ('demand', 'wallet'))::BIGINT AS foreign, "
            f"sum(delta) AS whole FROM {files_sql(rows_files(valued))} WHERE date <= $day "
            "GROUP BY customer HAVING whole <> 0 ORDER BY customer",
            params={"day": run.day},
        ).to_arrow_table()
    write_json(folder / "left-out.json", {"foreign_customers": int(rows.num_rows)})
    money = rows.select(["customer", "foreign"]).cast(CASH)
    write_parquet(folder / "foreign.parquet", money.filter(np.array(money["foreign"].is_valid())))
