"""The retained record: what was suggested, whether it was tried, and what came of it.

One row per customer and action that was suggested in a night and is still watched. A row is `open` until the
customer was reached by the action's means (`tried`), nothing is left to do (`done`), or its deadline is over
and it is suggested no more (`lapsed`). What was tried is watched for `WATCHED` days: if nothing is left to do
by then, it is `done`. `arm` says whether the customer got the action (`treated`) or was kept from it to
measure what it brings (`control`, see `quanke.plans.arms`); what is followed is the same for both, and a
control rests for as long as if he had been tried. It is null where nobody is kept. A row that is over stays
for `KEPT` days, and longer while it keeps the action from being suggested again; older ones stand in the
nights of then.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from quanke.plans.actions.action import Action
from quanke.plans.actions.definitions import NO_OUTCOME
from quanke.plans.arms import Arm
from quanke.segments.dated import Dated

WATCHED = Dated.of(30)
KEPT = Dated.of(90)


CONTROL = str(Arm.CONTROL)


class State(IntEnum):
    """How far a suggestion has come."""

    OPEN = 0
    TRIED = 1
    DONE = 2
    LAPSED = 3


Days = NDArray[np.int32]
"""Days as whole numbers since 1970-01-01; `NO_DAY` where there is none."""
NO_DAY = np.iinfo(np.int32).min
SCHEMA = pa.schema(
    [
        ("customer", pa.int32()),
        ("action", pa.string()),
        ("suggested_on", pa.date32()),
        ("last_on", pa.date32()),
        ("due_on", pa.date32()),
        ("post", pa.string()),
        ("value", pa.int64()),
        ("state", pa.string()),
        ("tried_on", pa.date32()),
        ("outcome", pa.string()),
        ("over_on", pa.date32()),
        ("arm", pa.string()),
    ]
)


@dataclass(frozen=True)
class Seen:
    """What the night knows of everybody, by action: whether nothing is left to do; and by means: day of the
    last contact (`NO_DAY`: none) and its outcome."""

    done: Mapping[str, NDArray[np.bool_]]
    tried: Mapping[str, Days]
    outcome: Mapping[str, pa.Array]


def cooling(record: pa.Table, actions: Sequence[Action], day: dt.date, customers: int) -> NDArray[np.bool_]:
    """Customers x actions: what was tried so lately that it is not suggested again."""
    found = np.zeros((customers, len(actions)), np.bool_)
    rested = _rested_since(record, _number(day))
    places = pa.array([action.name for action in actions], pa.string())
    at = pc.fill_null(pc.index_in(record["action"], places), -1).to_numpy()
    customer = record["customer"].to_numpy()
    rest = np.array([action.cool_down.on(day) for action in actions], np.int64)
    cools = (at >= 0) & (rested != NO_DAY)
    cools[cools] &= _number(day) - rested[cools].astype(np.int64) < rest[at[cools]]
    found[customer[cools], at[cools]] = True
    return found


def _rested_since(record: pa.Table, today: int) -> Days:
    """From when an action rests: from when it was tried; of a control of earlier nights, from when it would
    have been."""
    tried, suggested = _days(record["tried_on"]), _days(record["suggested_on"])
    control = pc.fill_null(pc.equal(record["arm"], CONTROL), False).to_numpy(zero_copy_only=False)
    return np.where(control & (suggested < today), np.maximum(tried, suggested), tried)


def followed(record: pa.Table, seen: Seen, actions: Sequence[Action], day: dt.date) -> pa.Table:
    """The record of the night before with what has come of it since. Rows of actions the bank knows no more
    stay as they are; rows over for longer than `KEPT` days, and no longer cooling, are left out."""
    today = _number(day)
    known = {action.name: action for action in actions}
    tables = [SCHEMA.empty_table()]
    for name in sorted(pc.unique(record["action"]).to_pylist()):
        mine = record.filter(pc.equal(record["action"], name))
        rest = 0
        if name in known:
            mine = _followed(mine, known[name], seen, today, WATCHED.on(day))
            rest = known[name].cool_down.on(day)
        over, rested = _days(mine["over_on"]).astype(np.int64), _rested_since(mine, today).astype(np.int64)
        cools = (rested != NO_DAY) & (today - rested < rest)
        tables.append(mine.filter(pa.array((over == NO_DAY) | (today - over < KEPT.on(day)) | cools)))
    return pa.concat_tables(tables)


def _followed(mine: pa.Table, action: Action, seen: Seen, today: int, watched: int) -> pa.Table:
    customer = mine["customer"].to_numpy()
    state, over = _states(mine["state"]), _days(mine["over_on"]).copy()
    tried, suggested = _days(mine["tried_on"]).copy(), _days(mine["suggested_on"])
    last = seen.tried.get(str(action.means))
    outcome = mine["outcome"].combine_chunks()
    if last is not None:
        # a night is computed when its day is over: a contact on that day came before the suggestion
        now = (state == State.OPEN) & (last[customer] > suggested)
        tried[now] = last[customer[now]]
        state[now] = State.TRIED
        found = seen.outcome[str(action.means)].take(pa.array(customer))
        told = pc.if_else(pc.equal(found, NO_OUTCOME), None, found)
        outcome = pc.if_else(pa.array(now), told, outcome)
    done = seen.done.get(action.name)
    live = (state == State.OPEN) | ((state == State.TRIED) & (over == NO_DAY))
    if done is not None:
        ended = live & done[customer]
        # of several suggestions that were tried, the last one brought it about
        last_one = ended & _last_of(customer, suggested, ended)
        state[last_one], over[ended] = State.DONE, today
        live &= ~ended
    waited = np.where(tried == NO_DAY, 0, today - tried.astype(np.int64))
    over[live & (state == State.TRIED) & (waited >= watched)] = today
    return _with(mine, state, tried, outcome, over)


def _last_of(customer: NDArray[np.int32], since: Days, among: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether a row is the last suggested of its customer among some rows."""
    found = np.zeros(len(customer), np.bool_)
    rows = np.flatnonzero(among)
    rows = rows[np.lexsort((since[rows], customer[rows]))]
    ends = np.append(customer[rows][1:] != customer[rows][:-1], True)[: len(rows)]
    found[rows[ends]] = True
    return found


def merged(record: pa.Table) -> pa.Table:
    """A record in which customers became one: of several open rows of one action the first stays."""
    order = record.sort_by(
        [("customer", "ascending"), ("action", "ascending"), ("suggested_on", "ascending")]
    )
    opened = _states(order["state"]) == State.OPEN
    (key,) = _keys(order)
    seen = np.zeros(len(key), np.bool_)
    rows = np.flatnonzero(opened)
    seen[rows[1:]] = key[rows[1:]] == key[rows[:-1]]
    return order.filter(pa.array(~seen))


def deadlines(record: pa.Table, chosen: pa.Table) -> pa.Array:
    """Until when each row of `chosen` is to be done: a suggestion that is still open keeps its deadline."""
    mine, row = _open_rows(record, chosen)
    due = _days(chosen["due_on"]).copy()
    due[row >= 0] = _days(mine["due_on"])[row[row >= 0]]
    return _dates(due)


def standing_arms(record: pa.Table, chosen: pa.Table, arm: pa.Array) -> pa.Array:
    """The arm of each row of `chosen`, `arm` tonight: a suggestion that is still open keeps the arm it has,
    for whoever was on a list already can be no control any more."""
    mine, row = _open_rows(record, chosen)
    held = mine["arm"].combine_chunks().take(pa.array(row, mask=row < 0))
    return pc.if_else(pa.array(row >= 0), held, arm)


def _open_rows(record: pa.Table, chosen: pa.Table) -> tuple[pa.Table, NDArray[np.int64]]:
    """The open rows, and which of them each row of `chosen` goes on with; -1: none."""
    mine = record.filter(pc.equal(record["state"], State.OPEN.name.lower()))
    key, tonight = _keys(mine, chosen)
    if not len(key):
        return mine, np.full(len(tonight), -1, np.int64)
    order = np.argsort(key, kind="stable")
    inside = np.minimum(np.searchsorted(key[order], tonight), len(key) - 1)
    return mine, np.where(key[order][inside] == tonight, order[inside], -1)


def suggested(record: pa.Table, chosen: pa.Table, day: dt.date) -> pa.Table:
    """The record with tonight's choice: open rows chosen again go on; those not chosen again lapse once their
    deadline is over; the others are new. `chosen`: `customer, action, due_on, post, value, arm`."""
    today = _number(day)
    key, tonight = _keys(record, chosen)
    state, over = _states(record["state"]), _days(record["over_on"]).copy()
    last = _days(record["last_on"]).copy()
    opened = state == State.OPEN
    again = opened & np.isin(key, tonight)
    last[again] = today
    gone = opened & ~again & (_days(record["due_on"]) < today)
    state[gone], over[gone] = State.LAPSED, today
    kept = _with(record, state, _days(record["tried_on"]), record["outcome"].combine_chunks(), over)
    kept = kept.set_column(SCHEMA.get_field_index("last_on"), "last_on", _dates(last))
    fresh = chosen.filter(pa.array(~np.isin(tonight, key[again])))
    count = fresh.num_rows
    on = pa.array([day] * count, pa.date32())
    new = {
        **{name: fresh[name] for name in ("customer", "action", "due_on", "post", "value", "arm")},
        "suggested_on": on,
        "last_on": on,
        "state": pa.array([State.OPEN.name.lower()] * count, pa.string()),
        "tried_on": pa.nulls(count, pa.date32()),
        "outcome": pa.nulls(count, pa.string()),
        "over_on": pa.nulls(count, pa.date32()),
    }
    table = pa.concat_tables([kept, pa.table({f.name: new[f.name] for f in SCHEMA}).cast(SCHEMA)])
    return table.sort_by([("customer", "ascending"), ("suggested_on", "ascending"), ("action", "ascending")])


def _keys(*tables: pa.Table) -> list[NDArray[np.int64]]:
    """One whole number for each customer and action, the same in all tables."""
    codes: dict[str, int] = {}
    found = []
    for table in tables:
        named = pc.dictionary_encode(table["action"]).combine_chunks()
        names = named.dictionary.to_pylist()
        places = np.array([codes.setdefault(name, len(codes)) for name in names], np.int64)
        at = places[named.indices.to_numpy()] if len(names) else np.empty(0, np.int64)
        found.append(table["customer"].to_numpy().astype(np.int64) << 12 | at)
    return found


def _with(table: pa.Table, state: NDArray[np.int8], tried: Days, outcome: pa.Array, over: Days) -> pa.Table:
    words = pa.array([each.name.lower() for each in State], pa.string())
    changed = {
        "state": words.take(pa.array(state)),
        "tried_on": _dates(tried),
        "outcome": outcome,
        "over_on": _dates(over),
    }
    return pa.table({f.name: changed.get(f.name, table[f.name]) for f in SCHEMA}).cast(SCHEMA)


def _states(column: pa.ChunkedArray) -> NDArray[np.int8]:
    words = pa.array([each.name.lower() for each in State], pa.string())
    found: NDArray[np.int8] = pc.index_in(column, words).to_numpy().astype(np.int8)
    return found


def _number(day: dt.date) -> int:
    return (day - dt.date(1970, 1, 1)).days


def _days(column: pa.ChunkedArray | pa.Array) -> Days:
    found: Days = pc.fill_null(column.cast(pa.int32()), NO_DAY).to_numpy(zero_copy_only=False)
    return found


def _dates(days: Days) -> pa.Array:
    return pa.array(days, pa.int32(), mask=days == NO_DAY).cast(pa.date32())
