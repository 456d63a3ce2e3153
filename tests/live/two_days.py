"""A bank on two days: the home as the night of the first day found it, and what came afterwards."""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from quanke.bank.arranged import key
from quanke.bank.home import Home
from quanke.engines.live.reading import is_live
from quanke.engines.store import Night, NightStore
from quanke.language.facts import facts, table_of
from quanke.night import night as run_night
from tests.homes import LAST

SECOND = LAST
FIRST = SECOND - dt.timedelta(days=1)
LATE = 0.02
"""Share of older rows that come a day late or more."""


@dataclass(frozen=True)
class TwoDays:
    """`home`: as the night of the first day found it, with that night. `coming`: by table, the rows of the
    second day and late ones, with `event_id`. `second`: the night of the second day over all rows."""

    home: Home
    first: Night
    second: Night
    coming: dict[str, pa.Table]


def two_days(loaded: Path, folder: Path, seed: int = 11) -> TwoDays:
    """Make such a bank below `folder` out of a loaded home."""
    whole = Home.open(shutil.copytree(loaded, folder / "whole"))
    run_night(whole, FIRST, bucket=2_000)
    shutil.copytree(folder / "whole", folder / "home")
    run_night(whole, SECOND, bucket=2_000)
    home = Home.open(folder / "home")
    first = NightStore(home.path / "nights").open(FIRST)
    coming = {t: _hold_back(home, t, seed) for t in facts.tables if is_live(t) and home.facts(t)}
    coming = {t: _of_today(rows, first) for t, rows in coming.items()}
    return TwoDays(home, first, NightStore(whole.path / "nights").open(SECOND), coming)


def _hold_back(home: Home, table: str, seed: int) -> pa.Table:
    """Take the rows that come afterwards out of the home's files. Foreign balances stay."""
    draw, held = np.random.default_rng(seed), []
    for file in home.facts(table):
        rows = pq.read_table(file)
        late = pa.array(draw.random(rows.num_rows) < LATE)
        chosen = pc.or_(pc.greater_equal(rows[table_of(table).date], pa.scalar(SECOND)), late)
        if table == "balances":
            chosen = pc.and_(chosen, pc.equal(rows["currency"], home.currency))
        held.append(rows.filter(chosen))
        pq.write_table(rows.filter(pc.invert(chosen)), file)
    rows = pa.concat_tables(held)
    parts = [pc.cast(rows[name], pa.string()) for name in key(table)]
    ids = parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, "/")
    return rows.append_column("event_id", ids) if "event_id" not in rows.column_names else rows


def _of_today(rows: pa.Table, night: Night) -> pa.Table:
    """The rows under the customers of today, as a source of live rows numbers them."""
    now = [night.absorbed.get(c, c) for c in rows["customer"].to_pylist()]
    place = rows.column_names.index("customer")
    return rows.set_column(place, "customer", pa.array(now, pa.int32()))
