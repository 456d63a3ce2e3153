"""The managed plan: for each post the customers of the morning, in the order its hours allow."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from quanke.kernel.calendars import add_working_days
from quanke.plans.actions.action import Action, By

TEAM = "remote_team"
"""What stands for a post where the remote team does it: whoever of the team is free."""
URGENT_DAYS = 2
"""What is due within so many working days, and who is due by the contact standard, comes first."""


def due_days(actions: Sequence[Action], day: dt.date) -> list[dt.date]:
    """Until when each action is to be done, if it is suggested on a day."""
    return [add_working_days(day, action.due.on(day)) for action in actions]


def worklist(chosen: pa.Table, actions: Sequence[Action], day: dt.date) -> pa.Table:
    """What posts and the remote team have to do, by post and in order: first what cannot wait, then what is
    worth most for each minute.

    `chosen`: `customer, action, value, by, post, due_on, rhythm`. The result has `post, place` (from 1),
    `customer, action, begins` (minutes after the day's begin), `minutes, due_on, value, rhythm`.
    """
    mine = chosen.filter(pc.not_equal(chosen["by"], str(By.DIGITAL)))
    names = pa.array([action.name for action in actions], pa.string())
    at = pc.index_in(mine["action"], names).to_numpy()
    minutes = np.array([action.minutes.on(day) for action in actions], np.int64)[at]
    soon = np.array([action.due.on(day) <= URGENT_DAYS for action in actions], np.bool_)[at]
    value = mine["value"].to_numpy()
    first = soon | mine["rhythm"].to_numpy(zero_copy_only=False)
    post = pc.dictionary_encode(mine["post"]).combine_chunks()
    order_of = np.argsort(np.argsort(np.array(post.dictionary.to_pylist(), dtype=object), kind="stable"))
    code = order_of[post.indices.to_numpy()] if len(post) else np.empty(0, np.int64)
    order = np.lexsort((mine["customer"].to_numpy(), -value / np.maximum(minutes, 1), ~first, code))
    code, minutes = code[order], minutes[order]
    start = np.searchsorted(code, code)
    spent = _before(minutes, start)
    found = mine.take(pa.array(order))
    return pa.table(
        {
            "post": found["post"],
            "place": pa.array((np.arange(len(code)) - start + 1).astype(np.int32)),
            "customer": found["customer"],
            "action": found["action"],
            "begins": pa.array(spent.astype(np.int32)),
            "minutes": pa.array(minutes.astype(np.int32)),
            "due_on": found["due_on"],
            "value": found["value"],
            "rhythm": found["rhythm"],
        }
    )


def _before(minutes: NDArray[np.int64], start: NDArray[np.int64]) -> NDArray[np.int64]:
    """Minutes of the rows before each, since the row `start`."""
    total = np.cumsum(minutes) - minutes
    return total - total[start] if len(total) else total
