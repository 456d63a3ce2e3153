"""Credit for growth, settled by days of ownership (KPI-1): who looked after a customer on a third of the days
gets a third of what he grew by, in whole fen, and the parts sum to the whole.

Days on which nobody looked after a customer are nobody's: that part stands beside, at no post, so that the
figures of all posts and of nobody sum to the growth of all customers.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quanke.books.clients import day_number
from quanke.books.posts import NOBODY, Ints
from quanke.kernel.errors import BookError

LONGEST_DAYS = 3_660
CREDIT = pa.schema(
    [("customer", pa.int64()), ("post", pa.int64()), ("days", pa.int64()), ("credit", pa.int64())]
)
"""One row per customer and post that had him for a day or more of the period, and one at post NOBODY for the
days nobody did. `credit` is fen; by customer it sums to his growth."""


def owned_days(
    customer: Ints, post: Ints, start: Ints, end: Ints, first: dt.date, last: dt.date
) -> tuple[Ints, Ints, Ints]:
    """Days of a period (both ends included) by customer and post: three arrays in their order.

    Intervals are by element: `start` and `end` (not included) are day numbers. On a day on which two hold,
    the one that began last counts, of two that began together the later element: as on every list of who
    looks after whom.
    """
    low, high = day_number(first), day_number(last) + 1
    begin, until = np.maximum(start, low), np.minimum(end, high)
    there = until > begin
    who, where, since = customer[there], post[there], start[there]
    begin, until = begin[there], until[there]
    order = np.lexsort((np.flatnonzero(there), since, who))
    who, where, begin, until = who[order], where[order], begin[order], until[order]
    alone = np.ones(len(who), bool)
    same = who[1:] == who[:-1]
    alone[1:] &= ~same
    alone[:-1] &= ~same
    # most customers have one interval in a period: only the others are laid out day by day
    several = _by_day(who[~alone], where[~alone], begin[~alone], until[~alone], low, high)
    rows = np.concatenate(
        [np.stack([who[alone], where[alone], (until - begin)[alone]]), several], axis=1
    ).astype(np.int64)
    rows = rows[:, np.lexsort((rows[1], rows[0]))]
    return rows[0], rows[1], rows[2]


def _by_day(who: Ints, where: Ints, begin: Ints, until: Ints, low: int, high: int) -> Ints:
    """Rows customer, post, days of intervals; a later one counts instead of an earlier."""
    if not len(who):
        return np.empty((3, 0), np.int64)
    names, place = np.unique(who, return_inverse=True)
    held = np.full((len(names), high - low), NOBODY, np.int64)
    length = until - begin
    row = np.repeat(place, length)
    day = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length) + np.repeat(begin, length)
    held[row, day - low] = np.repeat(where, length)  # of several the last one written stays
    at, on = np.nonzero(held != NOBODY)
    width = int(where.max()) + 1
    key, days = np.unique(at * width + held[at, on], return_counts=True)
    return np.stack([names[key // width], key % width, days]).astype(np.int64)


def growth_credit(
    growth_of: Ints,
    growth: Ints,
    intervals: tuple[Ints, Ints, Ints, Ints],
    first: dt.date,
    last: dt.date,
) -> pa.Table:
    """The growth of each customer of `growth_of` (each once) among posts by the days of a period: CREDIT.

    `growth`: fen, by customer; `intervals`: customer, post, start, end as in `owned_days`. Fen that do not
    divide go to the largest remainders, of equal ones to more days, then to the lower post; what shrank is
    divided alike. Raises BookError for a period that is none, or growth too large to divide exactly.
    """
    total = (last - first).days + 1
    if not 0 < total <= LONGEST_DAYS:
        raise BookError(f"a period has 1 to {LONGEST_DAYS:,} days")
    size = np.abs(growth.astype(np.int64))
    if len(size) and int(size.max()) > np.iinfo(np.int64).max // total:
        raise BookError("a growth is too large to be divided exactly")
    who, where, days = owned_days(*intervals, first, last)
    order = np.argsort(growth_of, kind="stable")
    names, size, sign = growth_of[order], size[order], np.sign(growth[order])
    at = np.searchsorted(names, who)
    ours = (at < len(names)) & (np.append(names, -1)[at] == who)
    at, where, days = at[ours], where[ours], days[ours]
    left = total - np.bincount(at, days, minlength=len(names)).astype(np.int64)
    rest = np.flatnonzero(left > 0)
    at = np.concatenate([at, rest])
    where = np.concatenate([where, np.full(len(rest), NOBODY, np.int64)])
    days = np.concatenate([days, left[rest]])
    part = _split(size, at, where, days, total)
    by_name = np.lexsort((where, at))
    columns = (names[at], where, days, part * sign[at])
    return pa.table(
        {name: pa.array(c[by_name].astype(np.int64)) for name, c in zip(CREDIT.names, columns, strict=True)},
        schema=CREDIT,
    )


def _split(size: Ints, at: Ints, where: Ints, days: Ints, total: int) -> Ints:
    """Parts of `size[at]` by days of `total`, each customer's summing to his size."""
    whole = size[at] * days
    part, remainder = whole // total, whole % total
    order = np.lexsort((where, -days, -remainder, at))
    placed = at[order]
    turn = np.arange(len(at)) - np.searchsorted(placed, placed)
    held = np.zeros(len(size), np.int64)
    np.add.at(held, at, part)
    extra: NDArray[np.int64] = (turn < (size - held)[placed]).astype(np.int64)
    part[order] += extra
    return part
