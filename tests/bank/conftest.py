"""What the tests of this folder share: a small sample bank, and SQL over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from quanke.bank.contracts import CONTRACTS
from quanke.bank.sample import write_sample

Query = Callable[[str], list[tuple[Any, ...]]]

MONTHLY = ("transactions", "balances", "channel_events")
TRUTH = (
    "churners", "dirty_records", "fx_splits", "life_events", "misconduct", "treatment_effects", "who_is_who",
)  # fmt: skip

_GOOD_ROWS = """
CREATE TABLE acc AS SELECT * FROM accounts
    WHERE account_id NOT IN (SELECT key FROM true_dirty_records WHERE "table" = 'accounts');
CREATE TABLE tx AS SELECT DISTINCT ON (transaction_id) *,
        CASE direction WHEN 'in' THEN amount_fen ELSE -amount_fen END AS signed
    FROM transactions WHERE transaction_id NOT IN (
        SELECT key FROM true_dirty_records WHERE "table" = 'transactions' AND kind <> 'duplicate_key');
CREATE TABLE bal AS SELECT DISTINCT * FROM balances WHERE account_id IN (SELECT account_id FROM acc);
CREATE TABLE own AS SELECT acc.*, w.person FROM acc JOIN true_who_is_who w USING (source, party_id);
CREATE VIEW moved AS SELECT account_id, date, sum(signed) AS moved FROM tx GROUP BY ALL;
CREATE TABLE ends AS SELECT account_id, first, last, first_balance - coalesce(moved, 0) AS opening
    FROM (SELECT account_id, min(date) AS date, min(date) AS first,
                 arg_min(balance_fen, date) AS first_balance, arg_max(balance_fen, date) AS last
          FROM bal GROUP BY 1)
    LEFT JOIN moved USING (account_id, date);
CREATE MACRO aum_on(day) AS TABLE
    SELECT person, coalesce(sum(value), 0) / 100 AS aum, CASE WHEN aum < 5e4 THEN 0 WHEN aum < 2e5 THEN 1
        WHEN aum < 1e6 THEN 2 WHEN aum < 8e6 THEN 3 ELSE 4 END AS tier
    FROM (SELECT DISTINCT person FROM true_who_is_who) LEFT JOIN (
        SELECT person, arg_max(balance_fen, date) * if(any_value(currency) = 'USD', 7, 1) AS value
        FROM bal JOIN own USING (account_id)
        WHERE date <= day AND category IN
            ('demand', 'term', 'wealth', 'fund', 'insurance', 'bond', 'metal', 'wallet')
        GROUP BY person, account_id) USING (person)
    GROUP BY person;
"""


@pytest.fixture(scope="session")
def sample_bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample bank of 4,000 customers and a year."""
    target = tmp_path_factory.mktemp("sample") / "bank"
    write_sample(target, customers=4_000, seed=7, workers=1)
    return target


SAMPLED = [name for name in CONTRACTS if name not in ("identity_decisions", "advice_answers")]
"""Tables of the sample bank: nobody has decided anything there yet."""


@pytest.fixture(scope="session")
def ask(sample_bank: Path) -> Iterator[Query]:
    """SQL over the sample bank: every table of the contracts, `true_*` for the known truth, and, without
    the rows listed as dirty: `acc`, `tx` (with `signed` fen), `bal`, `own` (accounts with their person)."""
    connection = duckdb.connect()
    for name in SAMPLED:
        files = f"{sample_bank}/{name}/*.parquet" if name in MONTHLY else f"{sample_bank}/{name}_*.parquet"
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{files}')")
    for name in TRUTH:
        file = f"{sample_bank}/truth/{name}.parquet"
        connection.execute(f"CREATE VIEW true_{name} AS SELECT * FROM read_parquet('{file}')")
    connection.execute(_GOOD_ROWS)
    yield lambda sql: connection.execute(sql).fetchall()
    connection.close()
