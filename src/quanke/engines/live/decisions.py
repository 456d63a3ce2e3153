"""Decisions: what a trigger said of a customer, and why.

One row per decision. Its identity is (`trigger`, `customer`, `event_id`): the same rows give the same
identities in whatever batches they come and however often the engine is started anew, so whoever writes
decisions down can drop the ones that are there.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from quanke.engines.live.columns import Array
from quanke.language.definitions import Trigger

DECISIONS = pa.schema(
    [
        pa.field("trigger", pa.string(), nullable=False),
        pa.field("customer", pa.int32(), nullable=False),
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("at", pa.timestamp("us"), nullable=False),
        pa.field("decided_for", pa.date32(), nullable=False),
        pa.field("reason_zh", pa.string(), nullable=False),
        pa.field("reason_en", pa.string(), nullable=False),
        pa.field("values", pa.string(), nullable=False),
    ]
)
"""`event_id`: of the row that made the decision (for an absence, of the row that armed it), or the day of a
trigger on a day. `at`: the moment of that row by its own clock, of the end of the wait, or the beginning
of the day; Asia/Shanghai. `decided_for`: the business date being lived. `values`: JSON, the name of each
field and tag the condition reads with the value seen; money in minor units, rates as decimal text."""


_NONE = DECISIONS.empty_table()


class Titles:
    """Names and reasons of triggers, prepared once."""

    def __init__(self, triggers: Sequence[Trigger]) -> None:
        self.names = pa.array([t.name for t in triggers], pa.string())
        self.zh = pa.array([t.title_zh for t in triggers], pa.string())
        self.en = pa.array([t.title_en for t in triggers], pa.string())


def decisions(
    titles: Titles,
    which: Array,
    customer: Array,
    event_ids: pa.Array,
    at: Array,
    day: dt.date,
    values: Sequence[str],
) -> pa.Table:
    """Decisions of the `which[i]`-th trigger of `titles` for each i, in the order given."""
    codes = pa.array(which, pa.int32())
    names, zh, en = (texts.take(codes) for texts in (titles.names, titles.zh, titles.en))
    count = len(which)
    return pa.table(
        [
            names,
            pa.array(customer, pa.int32()),
            event_ids,
            pa.array(at.astype("datetime64[us]")),
            pa.array(np.full(count, np.datetime64(day, "D"))),
            zh,
            en,
            pa.array(values, pa.string()),
        ],
        schema=DECISIONS,
    )


def no_decisions() -> pa.Table:
    """A table without decisions."""
    return _NONE
