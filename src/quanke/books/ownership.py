"""The laws of ownership as an interval table (BK-1), and what breaks them.

An interval holds from its `from_date` to the day before its `to_date` (null: until further notice); one that
ends on the day it begins never held. At any instant a customer has exactly one primary post: no two at once,
and no more than three working days without one where the service standard asks for a person. Everything here
is set-based: one sort over all intervals.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from quanke.books.clients import day_number
from quanke.books.posts import Ints
from quanke.kernel.calendars import china_calendar

FOREVER = day_number(dt.date(9999, 12, 31))
INTERVALS = ("customer", "ownership_id", "post_id", "from_date", "to_date")
KINDS: dict[str, tuple[str, str]] = {
    "overlap": ("同时有两个主管户", "two primary posts at once"),
    "reversed": ("结束早于开始", "ends before it begins"),
    "gap": ("管户中断超过规定工作日", "without a post for longer than allowed"),
    "open_gap": ("应有人管而无人管", "nobody, where the service standard asks for a person"),
    "no_post": ("管户岗位不存在或已撤销", "the post is unknown or no more"),
    "vacant": ("管户岗位无人在岗", "nobody sits on the post"),
}
"""Each kind of finding with what it is called."""
FINDINGS = pa.schema(
    [("customer", pa.int32()), ("kind", pa.string()), ("ownership_id", pa.string()), ("post", pa.string()),
     ("from_date", pa.date32()), ("to_date", pa.date32()), ("workdays", pa.int32())]
)  # fmt: skip
"""One row per finding: the days it is about (`to_date` null: it lasts), and of a gap its working days."""


def interval_findings(intervals: pa.Table, day: dt.date, needs_person: Ints, workdays: int) -> pa.Table:
    """What breaks the laws in a table of primary intervals (columns INTERVALS), as of a day; what begins
    later is not looked at.

    `needs_person`: numbers of customers whose standard asks for a person; a gap of anybody else is explained.
    `workdays`: the longest gap that needs no explaining. Findings are in the order of customers and days.
    """
    table = intervals.select(INTERVALS).sort_by(
        [("customer", "ascending"), ("from_date", "ascending"), ("ownership_id", "ascending")]
    )
    start, end = _days(table["from_date"], 0), _days(table["to_date"], FOREVER)
    wrong = table.filter(pa.array(end < start))
    found = [_told(wrong, "reversed", wrong["from_date"], wrong["to_date"], None)]
    held = (end > start) & (start <= day_number(day))
    table, start, end = table.filter(pa.array(held)), start[held], end[held]
    customer = table["customer"].to_numpy().astype(np.int64)
    reached = _reached(customer, end)
    again = np.append(customer[1:] == customer[:-1], False)
    follow = np.flatnonzero(again)
    next_start = start[follow + 1]
    overlap = follow[next_start < reached[follow]]
    later = table.take(pa.array(overlap + 1))
    until = np.minimum(reached[overlap], end[overlap + 1])
    found.append(_told(later, "overlap", later["from_date"], _dates(until), None))
    person = np.isin(customer, needs_person)
    gone = follow[(next_start > reached[follow]) & person[follow]]
    found.append(_gaps(table, gone, reached[gone], start[gone + 1], workdays, "gap"))
    last = np.flatnonzero(~again & person & (reached <= day_number(day)))
    today = np.full(len(last), day_number(day) + 1)
    found.append(_gaps(table, last, reached[last], today, workdays, "open_gap"))
    never = np.setdiff1d(needs_person, customer)
    rows = pa.table({"customer": pa.array(never, pa.int32())})
    found.append(_told(rows, "open_gap", None, None, None))
    whole = pa.concat_tables(found)
    return whole.sort_by([("customer", "ascending"), ("from_date", "ascending"), ("kind", "ascending")])


def seat_findings(intervals: pa.Table, seats: dict[str, str]) -> pa.Table:
    """Open intervals whose post is none, or one nobody sits on; `seats`: by post number one of `SEATS`."""
    known, seat = pa.array(list(seats), pa.string()), pa.array(list(seats.values()), pa.string())
    at = pc.index_in(intervals["post_id"], value_set=known)
    gone = intervals.filter(pc.is_null(at))
    empty = intervals.filter(pc.fill_null(pc.equal(seat.take(at.combine_chunks()), "vacant"), False))
    parts = [
        _told(rows, kind, rows["from_date"], rows["to_date"], None)
        for rows, kind in ((gone, "no_post"), (empty, "vacant"))
    ]
    return pa.concat_tables(parts)


def _reached(customer: Ints, end: Ints) -> Ints:
    """By interval the latest day any interval of the customer so far ends on."""
    # each customer's days are lifted above those of everybody before him, so that one running maximum will do
    order = np.cumsum(np.append(0, customer[1:] != customer[:-1])) if len(customer) else customer
    lift = order * (2 * FOREVER)
    found: Ints = np.maximum.accumulate(end + lift) - lift
    return found


def _gaps(table: pa.Table, at: Ints, since: Ints, until: Ints, workdays: int, kind: str) -> pa.Table:
    """Gaps that begin after intervals `at`, where they have more working days than allowed."""
    days = working_days(since, until)
    long = days > workdays
    rows = table.take(pa.array(at[long]))
    end = None if kind == "open_gap" else _dates(until[long])
    return _told(rows, kind, _dates(since[long]), end, pa.array(days[long], pa.int32()))


def working_days(first: Ints, after: Ints) -> Ints:
    """Working days from `first` to the day before `after` (day numbers). In years whose holidays are not
    loaded they are the days from Monday to Friday."""
    if not len(first):
        return np.empty(0, np.int64)
    days = _working(int(first.min()), int(after.max()))
    return np.searchsorted(days, after) - np.searchsorted(days, first)


def _working(low: int, high: int) -> Ints:
    calendar = china_calendar()
    every = np.arange(low, high + 1)
    # day 0, 1970-01-01, was a Thursday
    week = every[(every + 3) % 7 < 5]
    begin = day_number(dt.date(calendar.first_year, 1, 1))
    end = day_number(dt.date(calendar.last_year + 1, 1, 1))
    loaded = np.array([day_number(day) for day in calendar.days], np.int64)
    loaded = loaded[(loaded >= low) & (loaded <= high)]
    outside = week[(week < begin) | (week >= end)]
    found: Ints = np.sort(np.concatenate([outside, loaded]))
    return found


def _told(
    rows: pa.Table, kind: str, since: pa.ChunkedArray | None, until: pa.ChunkedArray | None, days: pa.Array
) -> pa.Table:
    count = rows.num_rows

    def column(name: str) -> pa.Array:
        return rows[name] if name in rows.column_names else pa.nulls(count, pa.string())

    return pa.table(
        {
            "customer": rows["customer"].cast(pa.int32()),
            "kind": pa.array([kind] * count, pa.string()),
            "ownership_id": column("ownership_id"),
            "post": column("post_id"),
            "from_date": pa.nulls(count, pa.date32()) if since is None else since,
            "to_date": pa.nulls(count, pa.date32()) if until is None else until,
            "workdays": pa.nulls(count, pa.int32()) if days is None else days,
        },
        schema=FINDINGS,
    )


def _days(values: pa.ChunkedArray, instead: int) -> Ints:
    numbers = pc.fill_null(values.cast(pa.date32()).cast(pa.int32()), instead)
    return np.asarray(numbers.to_numpy(), np.int64)


def _dates(numbers: NDArray[np.int64]) -> pa.Array:
    return pa.array(numbers.astype(np.int32), pa.int32(), mask=numbers >= FOREVER).cast(pa.date32())
