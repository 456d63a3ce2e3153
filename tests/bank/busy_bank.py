"""A hand-over of some thousand rows of every kind, dirty ones among them; hashes make it repeatable."""

from __future__ import annotations

from pathlib import Path

import duckdb

MONTHS = ("2024-01", "2024-02", "2024-03")


def write_busy_bank(folder: Path, customers: int = 2_000, seed: int = 0) -> Path:
    """Write the files. Another `seed` gives other movements of the same customers and accounts."""
    folder.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute("CREATE MACRO r(i, salt, n) AS (hash(i, salt) % n)::BIGINT")
        connection.execute(f"CREATE MACRO s(i, salt, n) AS (hash(i, salt, {seed}) % n)::BIGINT")
        for name, query in _tables(customers).items():
            target = folder / name
            target.parent.mkdir(exist_ok=True)
            form = "csv, header" if name.endswith(".csv") else "parquet"
            connection.execute(f"COPY ({query}) TO '{target}' (FORMAT {form})")
    return folder


def _tables(customers: int) -> dict[str, str]:
    """File -> query."""
    accounts, movements = customers * 2, customers * 3
    tables = {
        "branches.csv": "SELECT 'B' || i AS branch_id, '支行' || i AS name, 'outlet' AS kind "
        "FROM range(30) t(i)",
        "products.csv": "SELECT 'D' || i AS product_id, '产品' AS name, "
        "['demand', 'fund'][1 + i % 2] AS category "
        "FROM range(10) t(i)",
        "fx_rates.parquet": "SELECT ['USD', 'JPY'][1 + i % 2] AS currency, "
        "DATE '2024-01-01' + (i // 2)::INT AS date, "
        "(['7.1', '0.05'][1 + i % 2])::DECIMAL(9,3) + (i / 1000)::DECIMAL(9,3) AS rate FROM range(60) t(i)",
        "organisations.csv": "SELECT 'core' AS source, 'G' || i AS party_id, '公司' || i AS name, "
        "CASE WHEN i % 3 = 0 THEN '91440300192181490G' END AS uscc, 'business' AS kind FROM range(50) t(i)",
        "accounts.parquet": f"""
            SELECT 'A' || lpad(i::VARCHAR, 8, '0') AS account_id, ['core', 'card'][1 + i % 2] AS source,
                   'P' || r(i, 1, {customers}) AS party_id,
                   ['demand', 'term', 'fund', 'credit_card'][1 + r(i, 2, 4)] AS category,
                   ['CNY', 'CNY', 'CNY', 'USD', 'JPY'][1 + r(i, 3, 5)] AS currency,
                   'B' || r(i, 4, 31) AS branch_id, DATE '2020-01-01' + r(i, 5, 900)::INT AS opened_on
            FROM range({accounts}) t(i)""",
        "channel_events.parquet": f"""
            SELECT 'E' || i AS event_id, ['core', 'card'][1 + i % 2] AS source,
                   'P' || s(i, 1, {customers}) AS party_id,
                   DATE '2024-01-01' + s(i, 2, 90)::INT AS date, 'mobile' AS channel,
                   ['login', 'search', 'nothing'][1 + s(i, 3, 3)] AS kind FROM range({customers}) t(i)""",
    }
    for number, source in enumerate(("core", "card")):
        # Every third customer of the card system shows the document the core system knows.
        tables[f"parties/2024-0{number + 1}-01.parquet"] = f"""
            SELECT '{source}' AS source, 'P' || i AS party_id, ['张', '王'][1 + r(i, 6, 2)] || i % 97 AS name,
                   CASE WHEN {number} = 0 OR i % 3 = 0 THEN 'passport' END AS id_type,
                   'E' || lpad((CASE WHEN i % 50 = 0 THEN 7 ELSE i END)::VARCHAR, 8, '0') AS id_number,
                   '138' || lpad(r(i, 7, 100000000)::VARCHAR, 8 - r(i, 8, 50)::INT // 49, '0') AS phone,
                   CASE WHEN r(i, 9, 40) = 0 THEN 'B99' ELSE 'B1' END AS branch_id
            FROM range({customers}) t(i)"""
    for month in MONTHS:
        tables[f"transactions/{month}.parquet"] = f"""
            SELECT 'T{month}' || (CASE WHEN i % 500 = 0 THEN i // 2 ELSE i END) AS transaction_id,
                   'A' || lpad(s(i, 10, {accounts + 20})::VARCHAR, 8, '0') AS account_id,
                   DATE '{month}-01' + s(i, 11, 28)::INT AS date,
                   TIMESTAMP '{month}-01' + to_seconds(s(i, 12, 2000000)) AS "at",
                   ['in', 'out'][1 + s(i, 13, 2)] AS direction, s(i, 14, 1000000) - 50 AS amount_fen,
                   ['salary', 'transfer', 'card_payment', 'unknown'][
                       1 + s(i, 15, 40) % 3 + (i % 300 = 0)::INT] AS kind,
                   CASE WHEN i % 3 = 0 THEN '备注' || s(i, 16, 1000) END AS memo
            FROM range({movements}) t(i)"""
        tables[f"balances/{month}.csv"] = f"""
            SELECT 'A' || lpad(s(i, 17, {accounts})::VARCHAR, 8, '0') AS account_id,
                   DATE '{month}-01' + s(i, 18, 28)::INT AS date, s(i, 19, 5) * 100 AS balance
            FROM range({movements}) t(i)
            """
    return tables
