from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import pyarrow.parquet as pq

from quanke.bank.home import Home
from quanke.bank.upgrading import bring_up
from quanke.engines.store import NightStore
from quanke.night import night
from tests.homes import BUCKET, LAST


def test_a_home_of_an_earlier_version_goes_on(after_may: Path, after_june: Path, tmp_path: Path) -> None:
    path = tmp_path / "home"
    shutil.copytree(after_may, path)
    file = path / "tables" / "ownership" / "current.parquet"
    new = pq.read_table(file)
    pq.write_table(new.drop_columns(["care", "reason", "proposal"]), file)
    home = Home.open(path)
    now = pq.read_table(file)
    assert now.column_names == new.column_names and now.num_rows == new.num_rows
    assert now.drop_columns(["care", "reason"]).equals(new.drop_columns(["care", "reason"]))
    assert now["care"].null_count == now.num_rows
    assert bring_up(home) == []
    night(home, LAST, bucket=BUCKET)
    told, usual = (
        NightStore(p / "nights").open(dt.date(2026, 6, 30)).read(["owner_post", "covered_by"])
        for p in (path, after_june)
    )
    assert told.equals(usual)
