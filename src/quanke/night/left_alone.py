"""Customers the bank leaves alone whatever a campaign's register says: `left_alone.parquet` in a home.

Who keeps blocks and journeys (the desk) writes it whole, by one rename; a night plans no offer for whom it
names on its morning, and shows him no proposal. What the plan was made by stands with the plan.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from quanke.engines.store.files import write_parquet

FILE = "left_alone.parquet"
LEFT_ALONE = pa.schema([("customer", pa.int32()), ("since", pa.date32()), ("until", pa.date32())])
"""One row per customer and reason: left alone from a day until another, which is free (null: for good)."""


def keep_left_alone(home: Path, table: pa.Table) -> bool:
    """Writes who is left alone (`LEFT_ALONE`) into the home at a path; whether that is another table than
    stood there."""
    new = table.cast(LEFT_ALONE).sort_by([(name, "ascending") for name in LEFT_ALONE.names])
    path = home / FILE
    if not new.num_rows and not path.exists():
        return False
    if path.exists() and pq.read_table(path).cast(LEFT_ALONE).equals(new):
        return False
    write_parquet(path, new)
    return True


def left_alone_on(home: Path, day: dt.date) -> NDArray[np.int32]:
    """Numbers of who is left alone on a day, rising; none where nothing was written."""
    path = home / FILE
    if not path.exists():
        return np.zeros(0, np.int32)
    held = pq.read_table(path).cast(LEFT_ALONE)
    today = pa.scalar(day, pa.date32())
    lasts = pc.fill_null(pc.greater(held["until"], today), True)
    kept = held.filter(pc.and_(pc.less_equal(held["since"], today), lasts))
    found: NDArray[np.int32] = np.unique(kept["customer"].to_numpy())
    return found
