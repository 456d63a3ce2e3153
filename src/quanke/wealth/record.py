"""The retained record of proposals: shown, answered, followed, and what they came to after 90 days.

One row per customer and proposal. A proposal that stands again the next night unchanged (the same products on
the same sides) goes on in its row; another one replaces it. States, each reached once and in this order of
weight: `proposed`, `seen`, one answer (`accepted`, `changed`, `declined`), `executed` where a sale named it
(but what was declined stays so); `replaced` and `lapsed` where nothing of these came of it. What an answer or
a sale names is a night on which the proposal stood, and it is not from before that night.
The effect is two plain figures of the day it is looked at, 90 days after the first
proposal: how far the customer then is from his model, and what he then has. They are no comparison with
anybody.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Days = NDArray[np.int32]
NO_DAY = np.iinfo(np.int32).min


class ProposalState(IntEnum):
    """How far a proposal has come."""

    PROPOSED = 0
    SEEN = 1
    DECLINED = 2
    ACCEPTED = 3
    CHANGED = 4
    EXECUTED = 5
    REPLACED = 6
    LAPSED = 7


ANSWERS = ("accepted", "changed", "declined")
SCHEMA = pa.schema(
    [
        ("customer", pa.int32()),
        ("arm", pa.string()),
        ("proposed_on", pa.date32()),
        ("last_on", pa.date32()),
        ("trades", pa.int64()),
        ("amount", pa.int64()),
        ("fees", pa.int64()),
        ("model", pa.string()),
        ("state", pa.string()),
        ("seen_on", pa.date32()),
        ("answered_on", pa.date32()),
        ("answer", pa.string()),
        ("executed_on", pa.date32()),
        ("executed", pa.int64()),
        ("over_on", pa.date32()),
        ("outside_then", pa.int64()),
        ("worst_then", pa.int32()),
        ("aum_then", pa.int64()),
        ("effect_on", pa.date32()),
        ("outside_after", pa.int64()),
        ("worst_after", pa.int32()),
        ("aum_after", pa.int64()),
        ("model_after", pa.string()),
    ]
)
"""`trades`: digest of what was proposed; `amount` fen to be moved, `executed` fen of the sales that named
it;
`model_after`: the model that `outside_after` and `worst_after` are measured by."""
KEPT_DAYS = 400
"""Days for which a row that is over stays [assume]; older ones stand in the nights of then."""


@dataclass(frozen=True, slots=True, eq=False)
class Tonight:
    """Everybody who was looked at tonight, by rising number: `trades` is the digest of what is proposed (0:
    nothing), `amount` and `fees` fen of it; `outside` fen and `worst` millionths from his model, before any
    trade (`worst` below 0: no model is his, both unknown); `aum` fen he has; `withheld`: it is not shown to
    anybody."""

    customer: NDArray[np.int64]
    trades: NDArray[np.int64]
    amount: NDArray[np.int64]
    fees: NDArray[np.int64]
    outside: NDArray[np.int64]
    worst: NDArray[np.int32]
    aum: NDArray[np.int64]
    withheld: NDArray[np.bool_]
    model: str


def proposals_followed(record: pa.Table, answers: pa.Table, sales: pa.Table, day: dt.date) -> pa.Table:
    """The record of the nights before with what has come of it by a day.

    `answers`: `customer, proposed_on, date, kind` in the order they were given; `sales`: `customer,
    proposed_on, date, amount` (fen). All of them, of whatever day: late ones are taken in, later ones are not
    looked at. What names no proposal on record, or is older than the night it names, is left
    aside. The record is by customer and day.
    """
    today, count = _number(day), record.num_rows
    seen, answered, executed_on = (np.full(count, NO_DAY, np.int32) for _ in range(3))
    answer, executed = np.full(count, -1, np.int8), np.zeros(count, np.int64)
    given = _told_by(answers, day)
    at = _named(record, given)
    on, some = _days(given["date"]), at >= 0
    _earliest(seen, at[some], on[some])
    kind = pc.fill_null(pc.index_in(given["kind"], pa.array(ANSWERS)), -1).to_numpy()
    some &= kind >= 0
    # of several answers to one proposal the last one counts
    answered[at[some]], answer[at[some]] = on[some], kind[some]
    sold = _told_by(sales, day)
    at = _named(record, sold)
    some = at >= 0
    _earliest(executed_on, at[some], _days(sold["date"])[some])
    np.add.at(executed, at[some], sold["amount"].to_numpy()[some])
    state, over = _states(record["state"]), _days(record["over_on"])
    alive = over == NO_DAY
    state[alive] = np.where(seen[alive] == NO_DAY, ProposalState.PROPOSED, ProposalState.SEEN)
    said = np.array([ProposalState[each.upper()] for each in ANSWERS], np.int8)
    state[answer >= 0] = said[answer[answer >= 0]]
    state[(executed_on != NO_DAY) & (state != ProposalState.DECLINED)] = ProposalState.EXECUTED
    kept = alive | (today - over.astype(np.int64) < KEPT_DAYS)
    found = _with(
        record,
        state=_words(state),
        seen_on=_dates(seen),
        answered_on=_dates(answered),
        answer=pa.array(ANSWERS, pa.string()).take(pa.array(answer, mask=answer < 0)),
        executed_on=_dates(executed_on),
        executed=pa.array(executed),
    )
    return found.filter(pa.array(kept))


def declined_lately(record: pa.Table, day: dt.date, rest: int, customers: int) -> NDArray[np.bool_]:
    """Who declined a proposal fewer than `rest` days ago: one flag a customer."""
    found = np.zeros(customers, np.bool_)
    no = pc.fill_null(pc.equal(record["answer"], "declined"), False).to_numpy().astype(np.bool_)
    fresh = no & (_number(day) - _days(record["answered_on"]).astype(np.int64) < rest)
    found[record["customer"].to_numpy()[fresh]] = True
    return found


def proposals_recorded(record: pa.Table, tonight: Tonight, day: dt.date, effect_days: int) -> pa.Table:
    """The record with tonight's proposals: what stands again goes on, what does not is over, the rest is new;
    and the effect of those that were first made `effect_days` ago, where their customer was looked at."""
    customer = record["customer"].to_numpy().astype(np.int64)
    state, over, last = _states(record["state"]), _days(record["over_on"]), _days(record["last_on"])
    at = _place(tonight.customer, customer)
    now = np.where(at >= 0, np.append(tonight.trades, 0)[at], 0)
    alive = over == NO_DAY
    newest = np.append(customer[1:] != customer[:-1], True)[: len(customer)]
    same = now == record["trades"].to_numpy()
    again = alive & newest & same & (state != ProposalState.DECLINED) & (now != 0)
    last[again] = _number(day)
    gone = alive & ~again
    over[gone] = _number(day)
    silent = gone & (state <= ProposalState.SEEN)
    state[silent] = np.where(now[silent] != 0, ProposalState.REPLACED, ProposalState.LAPSED)
    kept = _with(record, state=_words(state), over_on=_dates(over), last_on=_dates(last))
    kept = _with_effect(kept, tonight, at, day, effect_days)
    fresh = np.flatnonzero((tonight.trades != 0) & ~np.isin(tonight.customer, customer[again]))
    table = pa.concat_tables([kept, _new(tonight, fresh, day)])
    return table.sort_by([("customer", "ascending"), ("proposed_on", "ascending")])


def with_measured(tonight: Tonight, others: Tonight) -> Tonight:
    """Tonight with others who are only measured, by rising number; nobody is in both."""
    order = np.argsort(np.concatenate([tonight.customer, others.customer]), kind="stable")
    columns = [each.name for each in fields(Tonight) if each.name != "model"]
    both = {name: np.concatenate([getattr(tonight, name), getattr(others, name)])[order] for name in columns}
    return Tonight(**both, model=tonight.model)


def effect_due(record: pa.Table, day: dt.date, effect_days: int) -> NDArray[np.int64]:
    """Customers, rising, with a proposal that is old enough for its effect and has none yet."""
    first, written = _days(record["proposed_on"]), _days(record["effect_on"])
    due = (written == NO_DAY) & (_number(day) - first.astype(np.int64) >= effect_days)
    return np.unique(record["customer"].to_numpy()[due].astype(np.int64))


def as_recorded(table: pa.Table) -> pa.Table:
    """A record as nights before wrote it, with every column of today; null what they did not know."""
    names = set(table.column_names)
    return pa.table(
        {f.name: table[f.name] if f.name in names else pa.nulls(table.num_rows, f.type) for f in SCHEMA}
    ).cast(SCHEMA)


def renumbered(record: pa.Table, into: NDArray[np.int32]) -> pa.Table:
    """The record under today's customer numbers: `into` gives the customer each number is now."""
    before = record["customer"].to_numpy()
    if np.array_equal(into[before], before):
        return record
    table = _with(record, customer=pa.array(into[before]))
    return table.sort_by([("customer", "ascending"), ("proposed_on", "ascending")])


def trades_digest(
    start: NDArray[np.int64], product: NDArray[np.int64], side: NDArray[np.int8], ids: list[str]
) -> NDArray[np.int64]:
    """One number for what is proposed to each customer: which products on which sides, in no order and
    whatever the amounts; 0 for nothing. `start` as in `Proposals`, `product` places in `ids`."""
    marks = np.array([[_mark(f"{name}{sign}") for sign in "-+"] for name in ids], np.int64).reshape(-1, 2)
    each = marks[product, (side > 0).astype(np.int8)]
    whole = np.concatenate([np.zeros(1, np.int64), np.cumsum(each)])  # wraps, as sums of digests may
    found: NDArray[np.int64] = whole[start[1:]] - whole[start[:-1]]
    return found


def _mark(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")


def _with_effect(
    record: pa.Table, tonight: Tonight, at: NDArray[np.int64], day: dt.date, effect_days: int
) -> pa.Table:
    """The plain figures of proposals that are old enough and have none yet."""
    first, written = _days(record["proposed_on"]), _days(record["effect_on"])
    due = (written == NO_DAY) & (_number(day) - first >= effect_days) & (at >= 0)
    if not due.any():
        return record
    written[due] = _number(day)
    mask = pa.array(due)
    unknown = np.append(tonight.worst < 0, False)[at]
    nobody = np.zeros(len(at), np.bool_)
    figures = {
        name: pc.if_else(mask, pa.array(np.append(values, 0)[at], mask=hidden), record[name])
        for name, values, hidden in (
            ("outside_after", tonight.outside, unknown), ("worst_after", tonight.worst, unknown),
            ("aum_after", tonight.aum, nobody),
        )
    }  # fmt: skip
    model = pc.if_else(pa.array(due & ~unknown), pa.scalar(tonight.model), record["model_after"])
    return _with(record, effect_on=_dates(written), model_after=model, **figures)


def _new(tonight: Tonight, rows: NDArray[np.int64], day: dt.date) -> pa.Table:
    count = len(rows)
    on = pa.array([day] * count, pa.date32())
    columns = {
        "customer": pa.array(tonight.customer[rows].astype(np.int32)),
        "arm": pa.array(["shown", "withheld"]).take(pa.array(tonight.withheld[rows].astype(np.int8))),
        "proposed_on": on,
        "last_on": on,
        "trades": pa.array(tonight.trades[rows]),
        "amount": pa.array(tonight.amount[rows]),
        "fees": pa.array(tonight.fees[rows]),
        "model": pa.array([tonight.model] * count, pa.string()),
        "state": pa.array([_WORDS[ProposalState.PROPOSED]] * count, pa.string()),
        "executed": pa.array(np.zeros(count, np.int64)),
        "outside_then": pa.array(tonight.outside[rows]),
        "worst_then": pa.array(tonight.worst[rows]),
        "aum_then": pa.array(tonight.aum[rows]),
    }
    return pa.table({f.name: columns.get(f.name, pa.nulls(count, f.type)) for f in SCHEMA}).cast(SCHEMA)


def _told_by(rows: pa.Table, day: dt.date) -> pa.Table:
    """Answers or sales until a day, without those from before the night they name."""
    until = pc.less_equal(rows["date"], pa.scalar(day))
    return rows.filter(pc.and_(until, pc.greater_equal(rows["date"], rows["proposed_on"])))


def _named(record: pa.Table, told: pa.Table) -> NDArray[np.int64]:
    """The row of the proposal that each of some answers or sales names; -1 for none."""
    key = record["customer"].to_numpy().astype(np.int64) << 32 | _days(record["proposed_on"])
    asked = told["customer"].to_numpy().astype(np.int64) << 32 | _days(told["proposed_on"]).clip(min=0)
    at: NDArray[np.int64] = np.searchsorted(key, asked, side="right") - 1
    if not record.num_rows:
        return np.full(len(asked), -1, np.int64)
    mine = (at >= 0) & (key[at] >> 32 == asked >> 32) & (_days(record["last_on"])[at] >= (asked & 0xFFFFFFFF))
    return np.where(mine, at, -1)


def _place(among: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """The place of each wanted number among rising ones; -1 where it is not there."""
    at = np.searchsorted(among, wanted)
    found: NDArray[np.int64] = np.where(np.append(among, -1)[at] == wanted, at, -1)
    return found


def _earliest(days: Days, at: NDArray[np.int64], on: Days) -> None:
    """Set the earliest of some days at some places."""
    order = np.argsort(-on.astype(np.int64), kind="stable")
    days[at[order]] = on[order]


_WORDS = [each.name.lower() for each in ProposalState]


def _words(state: NDArray[np.int8]) -> pa.Array:
    return pa.array(_WORDS, pa.string()).take(pa.array(state))


def _states(column: pa.ChunkedArray) -> NDArray[np.int8]:
    found: NDArray[np.int8] = pc.index_in(column, pa.array(_WORDS)).to_numpy().astype(np.int8)
    return found


def _with(table: pa.Table, **changed: Any) -> pa.Table:
    return pa.table({f.name: changed.get(f.name, table[f.name]) for f in SCHEMA}).cast(SCHEMA)


def _number(day: dt.date) -> int:
    return (day - dt.date(1970, 1, 1)).days


def _days(column: pa.ChunkedArray) -> Days:
    found: Days = pc.fill_null(column.cast(pa.int32()), NO_DAY).to_numpy().copy()
    return found


def _dates(days: Days) -> pa.Array:
    return pa.array(days, pa.int32(), mask=days == NO_DAY).cast(pa.date32())
