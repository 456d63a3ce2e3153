"""How long what somebody holds is locked, and since when he holds it, on a few accounts written out."""

from __future__ import annotations

import datetime as dt
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from quanke.night.wealth_positions import _STATEMENT, UNKNOWN
from quanke.night.wealth_shelf import HELD

DAY, BEGUN = dt.date(2026, 6, 30), dt.date(2025, 7, 1)
DATES = ("opened_on", "matures_on", "closed_on", "date")


def ago(days: int | None) -> dt.date | None:
    return None if days is None else DAY - dt.timedelta(days)


def position(
    category: str,
    opened: int,
    matures: int | None = None,
    lock: int = 0,
    fee: tuple[int, int] = (0, 0),
    rises: tuple[tuple[int, int], ...] = (),
    sold: int | None = None,
) -> dict[str, Any]:
    """One account of one product with 1,000 fen on the first day of the ledger: `opened` days ago, `matures`
    in so many days, `rises` as (days ago, fen), `sold` days ago."""
    account = {"account": 1, "customer": 1, "category": category, "product_id": "P"}
    rows = {
        "accounts": [{**account, "currency": "CNY", "opened_on": ago(opened),
                      "matures_on": None if matures is None else ago(-matures), "closed_on": None}],
        "balances": [{**account, "date": BEGUN, "delta": 1_000},
                     *({**account, "date": ago(when), "delta": fen} for when, fen in rises)],
        "holdings": [{**account, "date": DAY, "value": 1_000, "matures_on": None}],
        "sales": [{"customer": 1 if sold is not None else 2, "product_id": "P", "date": ago(sold or 0)}],
        "products": [{"product": "P", "lock_days": lock, "exit_days": fee[0], "exit_ppm": fee[1]}],
    }  # fmt: skip
    with duckdb.connect() as connection:
        for name, made in rows.items():
            table = pa.Table.from_pylist(made)
            for at, column in enumerate(table.column_names):
                if column in DATES:
                    table = table.set_column(at, column, table[column].cast(pa.date32()))
            connection.register(name, table)
        sql = _STATEMENT.format(accounts="accounts", balances="balances", holdings="holdings", sales="sales")
        asked = {"held": list(HELD), "currency": "CNY", "day": DAY, "horizon": 30, "new_money": 100_000}
        found = connection.sql(sql, params={**asked, "unknown": UNKNOWN, "begun": BEGUN}).to_arrow_table()
    (row,) = found.to_pylist()
    return dict(row)


@pytest.mark.parametrize(
    ("category", "opened", "terms", "locked"),
    [
        ("wealth", 100, {"matures": 200, "lock": 110}, 200),
        ("wealth", 100, {"matures": 5, "lock": 110}, 10),
        ("wealth", 100, {"lock": 110}, 10),
        ("wealth", 100, {"lock": 90}, 0),
        ("term", 100, {"matures": 40}, 40),
        ("term", 100, {}, UNKNOWN),
        ("term", 400, {"matures": -3}, 0),
        ("insurance", 100, {"fee": (1_000, 80_000)}, 900),
        ("insurance", 1_000, {"fee": (1_000, 80_000)}, 0),
        ("insurance", 100, {"fee": (1_000, 0)}, 0),
        ("fund", 100, {"fee": (180, 5_000)}, 0),
    ],
)
def test_a_lock_ends_with_whatever_ends_last(
    category: str, opened: int, terms: dict[str, Any], locked: int
) -> None:
    assert position(category, opened, **terms)["locked"] == locked


def test_time_held_begins_again_with_new_money_and_not_with_gains() -> None:
    assert position("fund", 700)["days_held"] == 700
    assert position("fund", 700, rises=((50, 99), (20, -500)))["days_held"] == 700
    assert position("fund", 700, rises=((50, 100), (20, 3)))["days_held"] == 50
    assert position("fund", 700, sold=12)["days_held"] == 12
    assert position("fund", 700, rises=((50, 100),), sold=90)["days_held"] == 50
    assert position("wealth", 700, lock=60, rises=((50, 400),))["locked"] == 10
