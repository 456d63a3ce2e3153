"""Customers that leave the home in a file: written down in its journal first, and whole or not at all."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from quanke.bank.home import Home
from quanke.kernel.calendars import SHANGHAI


def write_export(
    home: Home,
    table: pa.Table,
    target: Path,
    told: Mapping[str, Any],
    write_csv: Callable[[pa.Table, Path], Any],
) -> None:
    """Write a table of customers to a .csv or .parquet file. `told`: what the journal says of it, beside
    when, by whom, how many and where to."""
    record = {
        "at": dt.datetime.now(SHANGHAI).isoformat(timespec="seconds"),
        "by": os.environ.get("USER", ""),
        **told,
        "customers": table.num_rows,
        "file": target.name,
    }
    journal = home.path / "journal"
    journal.mkdir(exist_ok=True)
    with (journal / "exports.jsonl").open("a", encoding="utf-8") as out:
        out.write(json.dumps(record, ensure_ascii=False) + "\n")
    beside = target.with_name(target.name + ".part")
    if target.suffix == ".parquet":
        pq.write_table(table, beside, compression="zstd")
    else:
        write_csv(table, beside)
    beside.replace(target)
