"""The ledger of balances says on every day what was delivered last for it, in whatever order units came."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from quanke.bank.home import Home
from tests.bank.small_bank import account_numbers, balance, base, digest, load_into, put, refused, rows

FIRST = date(2024, 1, 1)
DAYS = 12
ACCOUNTS = ("A1", "A2", "A3")


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with accounts and no balances, to copy."""
    folder = tmp_path_factory.mktemp("levels")
    home = Home.create(folder / "home")
    load_into(home, base(folder / "given"))
    yield home.path


UNIT = st.dictionaries(
    st.tuples(st.sampled_from(ACCOUNTS), st.integers(0, DAYS - 1)),
    st.sampled_from([0, 1, 2, 3, -5]),
    min_size=1,
    max_size=12,
)


def whole_ledger(home: Home) -> dict[tuple[int, date], int]:
    """(account, day) -> balance, for every account and day, out of the ledger."""
    files = [str(path) for path in home.facts("balances")]
    if not files:
        return {}
    with duckdb.connect() as connection:
        found = connection.execute(
            "SELECT account, date, sum(delta)::BIGINT FROM read_parquet(?) GROUP BY ALL", [files]
        ).fetchall()
    changes = {(account, day): delta for account, day, delta in found}
    ledger = {}
    for account in {account for account, _ in changes}:
        level = 0
        for at in range(DAYS):
            level += changes.get((account, FIRST + timedelta(at)), 0)
            ledger[account, FIRST + timedelta(at)] = level
    return ledger


# Of up to five loads each: that is enough of them.
@settings(max_examples=15, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(units=st.lists(UNIT, min_size=1, max_size=5))
def test_any_order_of_delivery(empty: Path, units: list[dict[tuple[str, int], int]]) -> None:
    folder = Path(tempfile.mkdtemp(prefix="quanke-levels-"))
    try:
        shutil.copytree(empty, folder / "home")
        home = Home.open(folder / "home")
        numbers = account_numbers(home)
        known: dict[str, dict[int, int]] = {name: {} for name in ACCOUNTS}
        for number, unit in enumerate(units):
            # The delivery stands in the file too: a file with the same bytes is the same delivery.
            lines = [f"{name},{FIRST + timedelta(at)},{value},{number}" for (name, at), value in unit.items()]
            put(
                folder / f"given-{number}",
                f"balances/{number}.csv",
                "account_id,date,balance,delivery",
                *lines,
            )
            load_into(home, folder / f"given-{number}")
            for (name, at), value in unit.items():
                known[name][at] = value
        ledger = whole_ledger(home)
        for name, days in known.items():
            level = 0
            for at in range(DAYS):
                level = days.get(at, level)
                day = FIRST + timedelta(at)
                assert ledger.get((numbers[name], day), 0) == level * 100, (name, day)
    finally:
        shutil.rmtree(folder)


def deliver(home: Home, folder: Path, name: str, *lines: str) -> None:
    put(folder / name, f"balances/{name}.csv", "account_id,date,balance", *lines)
    assert load_into(home, folder / name).errors == []


@pytest.fixture
def home(empty: Path, tmp_path: Path) -> Home:
    shutil.copytree(empty, tmp_path / "home")
    return Home.open(tmp_path / "home")


def test_daily_snapshots_are_thinned(home: Home, tmp_path: Path) -> None:
    for at in range(5):
        day = FIRST + timedelta(at)
        deliver(home, tmp_path, str(day), f"A1,{day},100", f"A2,{day},{at // 2}")
    assert [row[1:3] for row in rows(home, "balances", "account, date, delta", order="account, date")] == [
        (FIRST, 10000),
        (FIRST + timedelta(2), 100),
        (FIRST + timedelta(4), 100),
    ]
    assert len(home.facts("balances")) == 3


def test_a_correction_does_not_shine_through_a_day_that_was_delivered(home: Home, tmp_path: Path) -> None:
    for at in range(3):
        day = FIRST + timedelta(at)
        deliver(home, tmp_path, str(day), f"A1,{day},100")
    deliver(home, tmp_path, "late", f"A1,{FIRST},40")
    account = account_numbers(home)["A1"]
    assert [balance(home, account, FIRST + timedelta(at)) for at in range(3)] == [4000, 10000, 10000]


def test_a_late_day_adds_compensating_rows_only(home: Home, tmp_path: Path) -> None:
    deliver(home, tmp_path, "a", f"A1,{FIRST},10", f"A1,{FIRST + timedelta(9)},30")
    before = digest(home.path / "tables/balances")
    deliver(home, tmp_path, "b", f"A1,{FIRST + timedelta(4)},25", f"A2,{FIRST},7")
    after = digest(home.path / "tables/balances")
    assert {name: after[name] for name in before} == before
    newest = pq.read_table(home.facts("balances")[-1])
    assert newest.select(["account", "date", "delta"]).to_pylist() == [
        {"account": 0, "date": FIRST + timedelta(4), "delta": 1500},
        {"account": 0, "date": FIRST + timedelta(9), "delta": -1500},
        {"account": 1, "date": FIRST, "delta": 700},
    ]


def test_minor_units_are_those_of_the_account(home: Home, tmp_path: Path) -> None:
    deliver(home, tmp_path, "a", f"A5,{FIRST},1500", f"A4,{FIRST},15.25", f"A5,{FIRST + timedelta(1)},0.5")
    found = rows(home, "balances", "account, delta, currency, category", order="account")
    assert found == [(3, 1525, "USD", "demand"), (4, 1500, "JPY", "demand")]
    assert refused(home, "balances") == [("balances/a.csv", 3, "balance", "decimals", "decimal number")]


def test_the_first_of_two_rows_for_a_day_counts(home: Home, tmp_path: Path) -> None:
    deliver(home, tmp_path, "a", f"A1,{FIRST},1", f"A1,{FIRST},2")
    assert balance(home, 0, FIRST) == 100
    assert refused(home, "balances") == [("balances/a.csv", 2, "account_id+date", "duplicate_key", "date")]


def test_unchanged_days_cost_next_to_nothing(home: Home, tmp_path: Path) -> None:
    """A snapshot of many accounts without a change: well under a byte for each."""
    count = 50_000
    folder = tmp_path / "many"
    put(
        folder,
        "accounts.csv",
        "account_id,source,party_id,category,currency,opened_on",
        *(f"M{at:06d},core,1,demand,CNY,2020-01-01" for at in range(count)),
    )
    for day in ("2024-01-01", "2024-01-02"):
        put(
            folder,
            f"balances/{day}.csv",
            "account_id,date,balance",
            *(f"M{at:06d},{day},5" for at in range(count)),
        )
    assert load_into(home, folder).errors == []
    unchanged = list((home.path / "levels/balances/unchanged").iterdir())
    assert len(unchanged) == 1
    assert unchanged[0].stat().st_size < count / 10
