"""The page docs/tutorial/one-customer-by-hand.md, held to the program on the real files."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import shutil
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from quanke.bank.home import Home
from quanke.bank.load import LoadReport
from quanke.night import Bank
from quanke.night import night as run_night
from quanke.night.explain import find_customer
from tests.data.conftest import BERKA

DAY = dt.date(1994, 3, 30)

pytestmark = pytest.mark.skipif(not BERKA.is_dir(), reason=f"the PKDD'99 files are not at {BERKA}")


@pytest.fixture(scope="module")
def bank(loaded: tuple[Path, LoadReport], tmp_path_factory: pytest.TempPathFactory) -> Bank:
    """The Berka bank with its night of 30 March 1994."""
    assert not loaded[1].errors
    path = tmp_path_factory.mktemp("berka-night") / "home"
    shutil.copytree(loaded[0], path)
    home = Home.open(path)
    run_night(home, DAY)
    return Bank(home)


def test_the_page(bank: Bank) -> None:
    found = {e.name: e.value for e in bank.explain("berka:44")}
    assert found["aum"] == 39_455_30
    assert found["aum_30d"] == 49_680_90
    assert (found["inflow_30d"], found["outflow_30d"]) == (19_852_00, 17_769_00)
    assert found["transactions_30d"] == 3
    assert (found["tier"], found["edge"]) == ("online", "rising")
    assert found["tier_gap"] == 319_10


def test_counts(bank: Bank) -> None:
    assert bank.home.counts().customers == 5_369
    assert bank.home.counts().accounts == 4_500 + 682


def test_every_owners_daily_mean_against_the_source(bank: Bank) -> None:
    """Day by day over the source file, for everybody: sums of 90 end-of-day balances over 90."""
    first = DAY - dt.timedelta(days=89)
    sums: Counter[str] = Counter()
    with gzip.open(BERKA / "trans.asc.gz", "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter=";"):
            day = dt.datetime.strptime(row["date"], "%y%m%d").date()
            if day <= DAY:
                fen = int(Decimal(row["amount"]) * 100) * (1 if row["type"] == "PRIJEM" else -1)
                sums[row["account_id"]] += fen * ((DAY - max(day, first)).days + 1)
    owners = {}
    with open(BERKA / "disp.asc", encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter=";"):
            if row["type"] == "OWNER":
                owners[row["client_id"]] = row["account_id"]
    night = bank.night(DAY)
    means = night.read(["aum_90d"])["aum_90d"].to_pylist()
    checked = 0
    for client in list(owners)[::7]:
        if sums[owners[client]]:
            number = find_customer(bank.home, f"berka:{client}")
            want = (Decimal(sums[owners[client]]) / 90).quantize(Decimal(1), rounding="ROUND_HALF_UP")
            assert means[number] == want, client
            checked += 1
    assert checked > 100
