"""Credit for growth of a month: day-average assets less an earlier month's, by days of ownership."""

from __future__ import annotations

import datetime as dt
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from quanke.books.credit import growth_credit
from quanke.books.posts import NOBODY, Ints
from quanke.kernel.calendars import add_months, month_end
from quanke_desk.books import queries
from quanke_desk.books.intervals import Intervals, intervals
from quanke_desk.foundation.analytic import Base, base
from quanke_desk.foundation.models import Person, Post
from quanke_desk.foundation.scope import rows, scope_of

MONTHS = ("aum_mtd", "aum_last_month", "aum_m2", "aum_m3", "aum_m4", "aum_m5", "aum_m6")
"""Day-average assets by how many months ago; the first is a whole month's on its last day only."""


@dataclass(frozen=True)
class Settled:
    """Credit of a period: `table` as `quanke.books.credit.CREDIT`, without days of nobody of customers nobody
    had at all; `growth` by customer number; the days that count, both included."""

    table: pa.Table
    growth: Ints
    first: dt.date
    last: dt.date
    posts: tuple[str, ...]


def months(of: Base | None = None) -> list[dt.date]:
    """First days of the months whose growth over the month before can be told, the latest first."""
    held = of or base()
    whole = 0 if held.day == month_end(held.day) else 1
    this = held.day.replace(day=1)
    return [
        add_months(this, -ago)
        for ago in range(whole, len(MONTHS) - 1)
        if {MONTHS[ago], MONTHS[ago + 1]} <= held.known
    ]


_lock = threading.Lock()
_held: dict[tuple[int, Any, dt.date, int], tuple[Intervals, Settled]] = {}


def settled(month: dt.date, back: int = 1) -> Settled:
    """The growth of a month over the one `back` months earlier, divided by the days between their ends.
    Raises ValueError for months the night does not have."""
    held = base()
    told = intervals(held)
    if month not in months(held) or not 1 <= back < len(MONTHS):
        raise ValueError("no such month")
    ago = (held.day.year - month.year) * 12 + held.day.month - month.month
    if ago + back >= len(MONTHS):
        raise ValueError("no such month")
    key = (id(told), held.night.path, month, back)
    with _lock:
        kept = _held.get(key)
        if kept is None or kept[0] is not told:
            if len(_held) > 3:
                _held.clear()
            kept = _held[key] = (told, _settle(held, told, ago, back, month))
        return kept[1]


def _settle(held: Base, told: Intervals, ago: int, back: int, month: dt.date) -> Settled:
    end, start = (queries.numbers_of(MONTHS[n], held) for n in (ago, ago + back))
    # who had no account then had nothing: null counts as zero
    growth = np.where(end == queries.LEAST, 0, end) - np.where(start == queries.LEAST, 0, start)
    growth = np.where(held.there, growth, 0).astype(np.int64)
    first, last = add_months(month, 1 - back), month_end(month)
    low, high = queries.day_number(first), queries.day_number(last)
    inside = (told.start <= high) & (told.end > low) & (told.customer < held.night.rows)
    owned = np.unique(told.customer[inside])
    cut = (told.customer[inside], told.post[inside], told.start[inside], told.end[inside])
    return Settled(growth_credit(owned, growth[owned], cut, first, last), growth, first, last, told.posts)


def by_post(
    person: Person, month: dt.date, back: int = 1
) -> tuple[Settled, list[dict[str, Any]], dict[str, int]]:
    """The period; posts of one's scope with credit: `post`, `branch`, `customers`, `credit` (fen); and the
    sums: `posts` of these, and where one sees more than books `whole` growth of the scope's customers."""
    done = settled(month, back)
    at, credit = (done.table[name].to_numpy() for name in ("post", "credit"))
    there = at != NOBODY
    sums = np.zeros(len(done.posts), np.int64)
    np.add.at(sums, at[there], credit[there])
    counts = np.bincount(at[there], minlength=len(done.posts))
    place = {name: n for n, name in enumerate(done.posts)}
    lines: list[dict[str, Any]] = []
    for post in queries.posts_seen(scope_of(person)):
        n = place.get(post.post_id)
        if n is not None and counts[n]:
            lines.append(
                {"post": post, "branch": post.branch, "customers": int(counts[n]), "credit": int(sums[n])}
            )
    held = base()
    seen = rows(scope_of(person), held)
    whole = int(done.growth[seen].sum())
    lines.sort(key=lambda line: -line["credit"])
    return done, lines, {"posts": sum(line["credit"] for line in lines), "whole": whole}


def of_post(post: Post, month: dt.date, back: int = 1) -> tuple[Settled, list[dict[str, Any]]]:
    """The customers whose credit sums to that of a post: `customer`, `days`, `growth`, `credit`; the caller
    has seen that the post is in scope."""
    done = settled(month, back)
    if post.post_id not in done.posts:
        return done, []
    here = np.equal(done.table["post"].to_numpy(), done.posts.index(post.post_id))
    mine = done.table.filter(pa.array(here))
    growth = done.growth[mine["customer"].to_numpy()]
    told = [
        {**{n: row[n] for n in ("customer", "days", "credit")}, "growth": int(g)}
        for row, g in zip(mine.to_pylist(), growth, strict=True)
    ]
    return done, sorted(told, key=lambda r: -abs(r["credit"]))
