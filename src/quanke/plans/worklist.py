"""The managed plan: for each post the customers of the morning, in the order its hours allow."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from quanke.kernel.calendars import add_working_days
from quanke.kernel.errors import CalendarError
from quanke.plans.actions.action import Action, By
from quanke.segments.dated import Dated

TEAM = "remote_team"
"""What stands for a post where the remote team does it: whoever of the team is free."""
URGENT_DAYS = Dated.of(2)
"""What is due within so many working days, and who is due by the contact standard, comes first."""


def working_day_after(day: dt.date, count: int) -> dt.date:
    """The `count`th working day after a day. Where the holidays of the year are not published yet, week days
    count: a deadline a day too early is better than no plan."""
    try:
        return add_working_days(day, count)
    except CalendarError:
        found = day
        while count:
            found += dt.timedelta(days=1)
            count -= found.isoweekday() <= 5
        return found


def due_days(actions: Sequence[Action], day: dt.date) -> list[dt.date]:
    """Until when each action is to be done, if it is first suggested on a day."""
    return [working_day_after(day, action.due.on(day)) for action in actions]


def worklist(chosen: pa.Table, actions: Sequence[Action], day: dt.date) -> pa.Table:
    """What posts and the remote team have to do, by post and in order: first what cannot wait (the earliest
    deadline first), then what is worth most for each minute.

    `chosen`: `customer, action, value, by, post, due_on, rhythm`. The result has `post, place` (from 1),
    `customer, action, begins` (minutes after the day's begin; null for a team: its seats work side by side),
    `minutes, due_on, value, rhythm`.
    """
    mine = chosen.filter(pc.not_equal(chosen["by"], str(By.DIGITAL)))
    names = pa.array([action.name for action in actions], pa.string())
    at = pc.index_in(mine["action"], names).to_numpy()
    minutes = np.array([action.minutes.on(day) for action in actions], np.int64)[at]
    due = mine["due_on"].cast(pa.int32()).to_numpy()
    limit = (working_day_after(day, URGENT_DAYS.on(day)) - dt.date(1970, 1, 1)).days
    value = mine["value"].to_numpy()
    first = (due <= limit) | mine["rhythm"].to_numpy(zero_copy_only=False)
    post = pc.dictionary_encode(mine["post"]).combine_chunks()
    order_of = np.argsort(np.argsort(np.array(post.dictionary.to_pylist(), dtype=object), kind="stable"))
    code = order_of[post.indices.to_numpy()] if len(post) else np.empty(0, np.int64)
    sooner = np.where(first, due, 0)
    customer = mine["customer"].to_numpy()
    order = np.lexsort((customer, -value / np.maximum(minutes, 1), sooner, ~first, code))
    code, minutes = code[order], minutes[order]
    start = np.searchsorted(code, code)
    found = mine.take(pa.array(order))
    team = pc.equal(found["post"], TEAM)
    return pa.table(
        {
            "post": found["post"],
            "place": pa.array((np.arange(len(code)) - start + 1).astype(np.int32)),
            "customer": found["customer"],
            "action": found["action"],
            "begins": pc.if_else(team, None, pa.array(_before(minutes, start).astype(np.int32))),
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
