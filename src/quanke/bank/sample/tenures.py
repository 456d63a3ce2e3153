"""Who sits on which post of the sample branch, from when to when: holders, those before them, leave."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from quanke.bank.contracts import TENURES
from quanke.bank.sample.days import Span
from quanke.bank.sample.draws import Bools, Draws, Ints
from quanke.bank.sample.text import coded, dates, digits, strings, tagged

_KINDS = TENURES["kind"].values
_REASONS = ("appointed", "leave", "moved")
OPEN = np.iinfo(np.int64).max
"""The end of an interval that lasts."""


def held_since(draws: Draws, span: Span, posts: int, leavers: Bools, left: Ints) -> Ints:
    """Since when each post is held, as days: after the day its last holder left, where one did."""
    since = span.offset - draws.between(30, 2_500, posts)
    since[leavers] = np.minimum(span.offset + left + 1, span.offset + span.days - 1)
    return since


def tenures_table(
    seed: int,
    span: Span,
    posts: pa.StringArray,
    staff: pa.StringArray,
    branch: Ints,
    holder: Ints,
    since: Ints,
    before: tuple[Ints, Ints, Ints],
) -> pa.Table:
    """One row per interval. `holder` by post (-1: empty) and `since`; `before`: posts, staff and last day of
    those who left. One holder in twelve has been away in the last quarter, or is; mostly somebody of the
    branch stands in."""
    draws = Draws(seed, "tenures")
    held = np.flatnonzero(holder >= 0)
    rows = [(held, holder[held], since[held], np.full(len(held), OPEN), 0, 0)]
    old_posts, old_staff, old_left = before
    begun = span.offset + old_left - draws.between(200, 2_000, len(old_posts))
    rows.append((old_posts, old_staff, begun, span.offset + old_left, 0, 0))
    away = held[draws.chance(1 / 12, len(held))]
    last = span.offset + span.days - 1
    start = np.maximum(last - draws.below(90, len(away)), since[away] + 1)
    end = start + draws.between(3, 30, len(away))
    rows.append((away, holder[away], start, end, 2, 1))
    # the next holder of the same branch stands in: the posts of a branch follow each other
    beside = held[(np.searchsorted(held, away) + 1) % len(held)]
    stands_in = (branch[beside] == branch[away]) & (beside != away)
    covered = away[stands_in]
    rows.append((covered, holder[beside[stands_in]], start[stands_in], end[stands_in], 1, 1))
    return _table(posts, staff, rows)


def _table(
    posts: pa.StringArray, staff: pa.StringArray, rows: list[tuple[Ints, Ints, Ints, Ints, int, int]]
) -> pa.Table:
    post, who, start, end = (np.concatenate([row[at] for row in rows]) for at in range(4))
    kind, why = (np.concatenate([np.full(len(row[0]), row[at], np.int32) for row in rows]) for at in (4, 5))
    lasting = end == OPEN
    return pa.table(
        {
            "tenure_id": strings(tagged("T", digits(np.arange(len(post)), 7))),
            "post_id": posts.take(pa.array(post)),
            "staff_id": staff.take(pa.array(who)),
            "kind": coded(_KINDS, kind),
            "from_date": dates(start),
            "to_date": dates(np.where(lasting, 0, end), ~lasting),
            "reason": coded(_REASONS, why),
        }
    )
