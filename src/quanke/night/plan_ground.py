"""What a plan stands on: the columns of a night, as arrays of everybody."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from quanke.bank.contracts import ROLES, Purpose
from quanke.books.posts import AWAY, VACANT, Posts
from quanke.effects.groups import CampaignRegister
from quanke.plans.actions import Action, By, PlanProgram, done_name, value_name
from quanke.plans.actions.definitions import tried_names
from quanke.plans.budgets import POST
from quanke.plans.grounds import NEVER_DUE, UNKNOWN, Grounds, Rows
from quanke.plans.record import NO_DAY, Seen, cooling
from quanke.plans.worklist import working_day_after
from quanke.segments.control import HoldOut

KEPT = pa.schema([("customer", pa.int32()), ("campaign", pa.string()), ("product", pa.string())])
"""One row per control of a campaign that runs on the morning of a plan; product "" where it offers none.
Campaign "" for who is left alone for another reason."""
Exact = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.int64]]


def posts_table(posts: Posts) -> pa.Table:
    """Posts as a plan remembers them: `post, role, seated` (whether somebody sits there)."""
    return pa.table(
        {
            "post": pa.array(posts.ids, pa.string()),
            "role": pa.array([ROLES[role] for role in posts.role.tolist()], pa.string()),
            "seated": pa.array(~np.isin(posts.seat, (VACANT, AWAY))),
        }
    )


def kept_of(register: CampaignRegister, morning: dt.date, alone: NDArray[np.int32]) -> pa.Table:
    """Controls of the campaigns that run on a day (`KEPT`), by campaign and customer; before them, of no
    campaign, those who are left `alone`."""
    none = pa.array([""] * len(alone), pa.string())
    tables = [pa.Table.from_arrays([pa.array(alone, pa.int32()), none, none], schema=KEPT)]
    for each in register.all():
        if each.design.first_contact <= morning <= each.design.closes:
            controls = pa.array(each.controls, pa.int32())
            names = [
                pa.array([text] * len(controls), pa.string())
                for text in (each.design.name, each.design.product)
            ]
            tables.append(pa.Table.from_arrays([controls, *names], schema=KEPT))
    return pa.concat_tables(tables)


def concerns(action: Action, product: str) -> bool:
    """Whether an action would spoil a campaign that offers a product: marketing of the same, or of anything
    where the campaign offers nothing in particular."""
    return action.purpose is Purpose.MARKETING and product in ("", action.offer)


@dataclass(frozen=True)
class Ground:
    """Columns of a night, being made or published. `column` gives a tag of everybody, `planned` a column of
    the group of actions; `posts` as `posts_table`; `hold_out`: who gets no marketing at all; `kept`: controls
    of campaigns that run (`KEPT`)."""

    day: dt.date
    program: PlanProgram
    actions: Sequence[Action]
    tags: Container[str]
    posts: pa.Table
    column: Callable[[str], pa.ChunkedArray]
    planned: Callable[[str], pa.ChunkedArray]
    hold_out: HoldOut
    kept: pa.Table

    @cached_property
    def post(self) -> Rows:
        """The post that looks after everybody; none where it is closed or looks after nobody."""
        found = pc.index_in(self.column("owner_post"), self.posts["post"].combine_chunks())
        codes = pc.fill_null(found, -1).to_numpy().astype(np.int32)
        return Rows(codes, tuple(self.posts["post"].to_pylist()))

    def eligible(self, values: NDArray[np.float32], record: pa.Table) -> NDArray[np.bool_]:
        """Who may be suggested what: it is meant for him, it does not rest, and whoever does it is there."""
        may = ~(np.isnan(values) | cooling(record, self.actions, self.day, len(values)))
        # the year of the morning counts: a night of 31 December plans for January
        held = self.hold_out.holds(np.arange(len(values), dtype=np.int64), working_day_after(self.day, 1))
        sells = np.array([action.purpose is Purpose.MARKETING for action in self.actions], np.bool_)
        may[np.ix_(held, sells)] = False
        for product in pc.unique(self.kept["product"]).to_pylist():
            mine = self.kept.filter(pc.equal(self.kept["product"], product))["customer"].to_numpy()
            same = np.array([concerns(action, product) for action in self.actions], np.bool_)
            may[np.ix_(mine, same)] = False
        role = np.append(np.array(self.posts["role"].to_pylist(), object), "")
        for at, action in enumerate(self.actions):
            if action.by is By.OWNER:
                able = np.isin(role, sorted(action.roles)) if action.roles else role != ""
                may[:, at] &= able[self.post.codes]
        return may

    def grounds(self, eligible: NDArray[np.bool_]) -> Grounds:
        """What limits are measured on."""
        filled = self.posts["seated"].combine_chunks().to_numpy(zero_copy_only=False)
        seats = pc.value_counts(self.posts["role"].filter(self.posts["seated"])).to_pylist()
        tags = {b.per for b in self.program.budgets if b.per not in ("", POST) and b.per in self.tags}
        return Grounds(
            day=self.day,
            actions=self.actions,
            eligible=eligible,
            customers=int(pc.sum(pc.fill_null(self.column("in_scope"), False)).as_py() or 0),
            rows={POST: self.post, **{tag: rows_by(self.column(tag)) for tag in sorted(tags)}},
            seats={pair["values"]: pair["counts"] for pair in seats},
            filled=filled,
            slack=self._slack(),
            rank=pc.fill_null(self.column("tier_rank"), -1).to_numpy().astype(np.int8),
        )

    def _slack(self) -> NDArray[np.int32]:
        """Days until the next contact is due by the service matrix; below zero: late by so many."""
        due = self.column("contact_due_on").cast(pa.int32())
        slack = pc.subtract(due, (self.day - dt.date(1970, 1, 1)).days)
        found: NDArray[np.int32] = pc.fill_null(slack, NEVER_DUE).to_numpy().astype(np.int32)
        return found

    def seen(self) -> Seen:
        """What has come of suggestions."""
        done = {
            action.name: pc.fill_null(self.planned(done_name(action.name)), False).to_numpy()
            for action in self.actions
            if action.done is not None
        }
        tried, outcome = {}, {}
        for means in dict.fromkeys(str(action.means) for action in self.actions):
            on, what = tried_names(means)
            tried[means] = pc.fill_null(self.planned(on).cast(pa.int32()), NO_DAY).to_numpy()
            outcome[means] = self.planned(what).combine_chunks()
        return Seen(done, tried, outcome)


def rows_by(column: pa.ChunkedArray) -> Rows:
    """Rows of a limit by the values of a tag, in their order; who has none is in the last row, `UNKNOWN`."""
    found = pc.dictionary_encode(column).unify_dictionaries().combine_chunks()
    members = found.dictionary.to_pylist()
    order = sorted(range(len(members)), key=lambda i: members[i])
    place = np.empty(len(members) + 1, np.int32)
    place[order] = np.arange(len(members))
    place[-1] = len(members)
    codes = place[pc.fill_null(found.indices, len(members)).to_numpy()]
    unknown = (UNKNOWN,) if column.null_count else ()
    return Rows(codes, (*(members[i] for i in order), *unknown))


def values_of(parts: Sequence[Path], actions: Sequence[Action], customers: int) -> NDArray[np.float32]:
    """What every action is worth to everybody, in fen: customers x actions, NaN for whom it is not.

    Four bytes each, for there are hundreds of millions of them; what is chosen is added up exactly later.
    """
    values = np.full((customers, len(actions)), np.nan, np.float32)
    low = 0
    for part in parts:
        table = pq.read_table(part, columns=[value_name(action.name) for action in actions])
        for at, column in enumerate(table.columns):
            there = column.cast(pa.float32(), safe=False).to_numpy(zero_copy_only=False)
            values[low : low + table.num_rows, at] = there
        low += pq.read_metadata(part).num_rows
    return values


def exact_values(parts: Sequence[Path], actions: Sequence[Action]) -> Exact:
    """What chosen actions are worth, to the fen, out of the parts: customers (rising) and actions to fen."""

    def look_up(customer: NDArray[np.int64], action: NDArray[np.int64]) -> NDArray[np.int64]:
        found = np.zeros(len(customer), np.int64)
        low = 0
        for part in parts:
            count = pq.read_metadata(part).num_rows
            first, last = np.searchsorted(customer, [low, low + count])
            table = pq.read_table(part, columns=[value_name(each.name) for each in actions])
            for at, column in enumerate(table.columns):
                rows = first + np.flatnonzero(action[first:last] == at)
                found[rows] = column.take(pa.array(customer[rows] - low)).to_numpy()
            low += count
        return found

    return look_up
