from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from quanke.bank.home import Home, current_file
from quanke.bank.load import load
from quanke.kernel.progress import SilentProgress

GAINED = ("care", "reason", "proposal")


def older(loaded: Path, target: Path) -> Home:
    """A copy of the home as a version left it that knew fewer fields of ownership."""
    shutil.copytree(loaded, target)
    path = target / current_file("ownership")
    pq.write_table(pq.read_table(path).drop_columns(list(GAINED)), path)
    return Home.open(target)


def test_a_load_into_an_older_home_keeps_what_stood_there(loaded: Path, tmp_path: Path) -> None:
    home = older(loaded, tmp_path / "home")
    one = pq.read_table(home.path / current_file("ownership")).slice(0, 1).to_pylist()[0]
    parties = pq.read_table(
        loaded / current_file("parties"), columns=["party", "source", "party_id"]
    ).to_pylist()
    party = next(row for row in parties if row["party"] == one["party"])
    row = {
        "ownership_id": "NEW1",
        "source": party["source"],
        "party_id": party["party_id"],
        "post_id": one["post_id"],
        "duty": "adviser",
        "from_date": one["from_date"],
        "reason": "asked for",
    }
    files = tmp_path / "files" / "ownership"
    files.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([row]), files / "more.parquet")
    report = load(home, tmp_path / "files", progress=SilentProgress())
    assert report.tables["ownership"].taken == 1
    after = pq.read_table(home.path / current_file("ownership"))
    assert len(after) == len(pq.read_table(loaded / current_file("ownership"))) + 1
    assert after["reason"].null_count == len(after) - 1
