"""The plan of a night: an action for everybody at once, its prices, the morning's lists, and the record.

`plan/` of a night holds `chosen.parquet` (one row per customer and action), `prices.parquet` (one row per
limit and row of it), `worklist.parquet` (one row per customer of a post's morning), `record.parquet` (what
was suggested and what came of it) and `plan.json`. What every action is worth to everybody stands in the
parts `planned-*` beside the profile, so that a changed limit can be tried out later.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from quanke.bank.contracts import ROLES
from quanke.bank.home import Home
from quanke.books.posts import AWAY, VACANT, Posts
from quanke.engines.store import write_json
from quanke.engines.store.files import write_parquet
from quanke.kernel.errors import AllocationError
from quanke.language import Catalogue
from quanke.language.nodes import references
from quanke.night.books import posts_of
from quanke.night.steps import Run, working_column
from quanke.plans.actions import (
    Action,
    By,
    PlanProgram,
    action_definitions,
    done_name,
    read_program,
    standard_program,
    value_name,
)
from quanke.plans.actions.definitions import tried_names
from quanke.plans.actions.gates import gates_of
from quanke.plans.budgets import POST, Of
from quanke.plans.grounds import NEVER_DUE, Grounds, Laid, Rows, lay, relaxed
from quanke.plans.record import SCHEMA, Seen, cooling, followed, suggested
from quanke.plans.worklist import TEAM, due_days, worklist

if TYPE_CHECKING:
    from quanke.plans import Limit, Plan

FOLDER = "plan"
GROUP = "planned"
FILE = "plan.yaml"
NEEDED = ("in_scope", "owner_post", "contact_due_on", "tier_rank")
PRICES = pa.schema(
    [
        ("limit", pa.string()),
        ("member", pa.string()),
        ("capacity", pa.float64()),
        ("at_least", pa.float64()),
        ("use", pa.float64()),
        ("price", pa.float64()),
    ]
)
Exact = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.int64]]


def program_of(home: Home, catalogue: Catalogue) -> PlanProgram:
    """The plan of a home: the standard one with what its `plan.yaml` changes. Raises DefinitionError."""
    path = home.path / FILE
    return read_program(path, catalogue, home.currency) if path.exists() else standard_program(catalogue)


def plan_parts(run: Run, done: dict[str, list[str]]) -> None:
    """Plan for everybody, on the columns of the groups that are `done`."""
    folder = run.working.path / FOLDER
    if (folder / "plan.json").exists():
        return
    held = {name: group for group, names in done.items() for name in names}
    if not set(NEEDED) <= set(held):
        run.notes.append("no plan: a tag it stands on was not computed")
        return
    program = program_of(run.inputs.home, run.catalogue)
    actions = [a for a in program.actions if a.offered(run.day) and _reads(a) <= set(held)]
    run.engine.profile(run, GROUP, action_definitions(actions, run.day), done)
    folder.mkdir(exist_ok=True)
    parts = [run.working.part(GROUP, part) for part in range(run.inputs.parts)]
    ground = Ground(
        day=run.day,
        home=run.inputs.home,
        program=program,
        actions=actions,
        tags=held,
        column=lambda name: working_column(run, held[name], name),
        planned=lambda name: working_column(run, GROUP, name),
    )
    values = values_of(parts, actions, run.inputs.customers)
    record = followed(_earlier_record(run), ground.seen(), program.actions, run.day)
    cools = cooling(record, actions, run.day, run.inputs.customers)
    eligible = ~(np.isnan(values) | cools)
    np.nan_to_num(values, copy=False, nan=0.0)
    laid = lay(program.budgets, ground.grounds(eligible))
    with run.progress.step("a plan for everybody", 1) as step:
        made = decide(values, laid, eligible, program.per_customer.on(run.day))
        step.advance(1)
    chosen = _chosen(made, actions, ground, exact_values(parts, actions))
    write_parquet(folder / "chosen.parquet", chosen)
    write_parquet(folder / "prices.parquet", prices_table(made))
    write_parquet(folder / "worklist.parquet", worklist(chosen, actions, run.day))
    write_parquet(folder / "record.parquet", suggested(record, chosen, run.day))
    write_json(folder / "plan.json", _sheet(program, made, chosen, actions, eligible))


def _reads(action: Action) -> set[str]:
    """Tags an action stands on, its gates included."""
    nodes = [action.eligible.node, action.chance.node, action.gain.node]
    nodes += [gate.condition.node for gate in gates_of(action)]
    if action.done is not None:
        nodes.append(action.done.node)
    return {reference.name for node in nodes for reference in references(node) if not reference.earlier}


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
        low += table.num_rows
    return values


@dataclass(frozen=True)
class Ground:
    """Columns of a night, being made or published, as limits and the record need them. `column` gives a tag
    of everybody, `planned` a column of the group `planned`."""

    day: dt.date
    home: Home
    program: PlanProgram
    actions: Sequence[Action]
    tags: Container[str]
    column: Callable[[str], pa.ChunkedArray]
    planned: Callable[[str], pa.ChunkedArray]

    @cached_property
    def posts(self) -> Posts:
        """The posts of the day."""
        return posts_of(self.home, self.day)

    @cached_property
    def post(self) -> Rows:
        """The post that looks after everybody."""
        return Rows(self.posts.places(self.column("owner_post")).astype(np.int32), self.posts.ids)

    def grounds(self, eligible: NDArray[np.bool_]) -> Grounds:
        """What limits are measured on."""
        filled = ~np.isin(self.posts.seat, (VACANT, AWAY))
        roles = np.bincount(self.posts.role[filled], minlength=len(ROLES)).tolist()
        tags = {b.per for b in self.program.budgets if b.per not in ("", POST) and b.per in self.tags}
        return Grounds(
            day=self.day,
            actions=self.actions,
            eligible=eligible,
            customers=int(pc.sum(pc.fill_null(self.column("in_scope"), False)).as_py() or 0),
            rows={POST: self.post, **{tag: rows_by(self.column(tag)) for tag in sorted(tags)}},
            seats=dict(zip(ROLES, roles, strict=True)),
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
            number = pc.fill_null(self.planned(on).cast(pa.int32()), np.iinfo(np.int32).min)
            tried[means] = number.to_numpy()
            outcome[means] = self.planned(what).combine_chunks()
        return Seen(done, tried, outcome)


def rows_by(column: pa.ChunkedArray) -> Rows:
    """Rows of a limit by the values of a tag, in their order; -1 where it is not known."""
    found = pc.dictionary_encode(column).unify_dictionaries().combine_chunks()
    members = found.dictionary.to_pylist()
    order = sorted(range(len(members)), key=lambda i: members[i])
    place = np.empty(len(members) + 1, np.int32)
    place[order] = np.arange(len(members))
    place[-1] = -1
    codes = place[pc.fill_null(found.indices, len(members)).to_numpy()]
    return Rows(codes, tuple(members[i] for i in order))


def _earlier_record(run: Run) -> pa.Table:
    """The record of the night before, under today's customer numbers."""
    path = run.earlier.path / FOLDER / "record.parquet" if run.earlier else None
    if path is None or not path.exists():
        return SCHEMA.empty_table()
    record = pq.read_table(path)
    absorbed = run.inputs.register.absorbed
    into = np.arange(run.inputs.customers, dtype=np.int32)
    gone = absorbed.filter(absorbed["into"].is_valid())
    into[gone["customer"].to_numpy()] = gone["into"].to_numpy()
    numbers = pa.array(into[record["customer"].to_numpy()])
    return record.set_column(0, "customer", numbers)


@dataclass(frozen=True)
class Decided:
    """A plan that was found (`chosen` customers x places, -1 none), and what had to give way where the limits
    contradict each other. `plan` is over the customers for whom something can be done at all."""

    plan: Plan
    laid: tuple[Laid, ...]
    chosen: NDArray[np.int16]
    relaxed: tuple[str, ...] = ()


def decide(
    values: NDArray[np.float32], laid: Sequence[Laid], eligible: NDArray[np.bool_], per_customer: int
) -> Decided:
    """The best plan under the limits; under the nearest ones that can be kept, where they contradict."""
    from quanke.plans import allocate  # numba and SciPy: seconds, where nobody plans

    # for most customers there is nothing to decide on most days
    some = np.flatnonzero(eligible.any(axis=1))
    worth, may = values[some], eligible[some]

    def found(limits: Sequence[Limit]) -> Plan:
        mine = [_of(each, some) for each in limits]
        return allocate(worth, mine, may, per_customer)

    told: tuple[str, ...] = ()
    try:
        made = found([each.limit for each in laid])
    except AllocationError as error:
        if not error.relaxation:
            raise
        laid = [replace(each, limit=relaxed(each.limit, error)) for each in laid]
        made = found([each.limit for each in laid])
        told = (str(error),)
    chosen = np.full((len(values), made.chosen.shape[1]), -1, np.int16)
    chosen[some] = made.chosen
    return Decided(made, tuple(laid), chosen, told)


def _of(limit: Limit, customers: NDArray[np.int64]) -> Limit:
    """A limit over some of the customers; its rows stay."""
    if limit.group is None:
        return limit
    return replace(limit, group=np.asarray(limit.group)[customers])


def _chosen(made: Decided, actions: Sequence[Action], ground: Ground, exact: Exact) -> pa.Table:
    """One row per customer and action chosen: `customer, place, action, by, post, value, due_on, rhythm`; by
    customer, the most valuable first. `value` in fen; `rhythm`: the contact standard asks for it."""
    picked = made.chosen
    customer, place = np.nonzero(picked >= 0)
    at = picked[customer, place].astype(np.int64)
    by = [str(action.by) for action in actions]
    of_owner = np.array([word == By.OWNER for word in by], np.bool_)[at]
    code = np.where(of_owner, ground.post.codes[customer], -1)
    post = pa.array(ground.post.members, pa.string()).take(pa.array(code, mask=code < 0))
    in_team = pa.array(np.array([word == By.REMOTE_TEAM for word in by], np.bool_)[at])
    due = pa.array(due_days(actions, ground.day), pa.date32())
    wanted = np.zeros(len(picked), np.bool_)
    for laid in made.laid:
        if laid.budget.of is Of.RHYTHM:
            wanted |= np.asarray(laid.limit.group) >= 0
    keeps = np.array([action.keeps_rhythm for action in actions], np.bool_)[at]
    return pa.table(
        {
            "customer": pa.array(customer.astype(np.int32)),
            "place": pa.array((place + 1).astype(np.int8)),
            "action": pa.array([action.name for action in actions], pa.string()).take(pa.array(at)),
            "by": pa.array(by, pa.string()).take(pa.array(at)),
            "post": pc.if_else(in_team, TEAM, post),
            "value": pa.array(exact(customer, at)),
            "due_on": due.take(pa.array(at)),
            "rhythm": pa.array(wanted[customer] & keeps),
        }
    )


def exact_values(parts: Sequence[Path], actions: Sequence[Action]) -> Exact:
    """What chosen actions are worth, to the fen, out of the parts: customers (rising) and actions to fen."""

    def look_up(customer: NDArray[np.int64], action: NDArray[np.int64]) -> NDArray[np.int64]:
        found = np.zeros(len(customer), np.int64)
        low = 0
        for part in parts:
            table = pq.read_table(part, columns=[value_name(each.name) for each in actions])
            first, last = np.searchsorted(customer, [low, low + table.num_rows])
            for at, column in enumerate(table.columns):
                rows = first + np.flatnonzero(action[first:last] == at)
                found[rows] = column.take(pa.array(customer[rows] - low)).to_numpy()
            low += table.num_rows
        return found

    return look_up


def prices_table(made: Decided) -> pa.Table:
    """One row per limit and row of it: `limit, member, capacity, at_least, use, price` (fen for a unit of it;
    below zero where a minimum costs). Limits kept at each customer have no price and are not here."""
    tables = []
    for laid in made.laid:
        if laid.budget.of is Of.RHYTHM:
            continue
        name, count = laid.budget.name, len(laid.members)
        bounds = {
            "capacity": _bound(laid.limit.capacity, count),
            "at_least": _bound(laid.limit.at_least, count),
        }
        tables.append(
            pa.table(
                {
                    "limit": pa.array([name] * count, pa.string()),
                    "member": pa.array(laid.members, pa.string()),
                    **bounds,
                    "use": pa.array(made.plan.use[name], pa.float64()),
                    "price": pa.array(made.plan.prices[name], pa.float64()),
                }
            )
        )
    return pa.concat_tables(tables) if tables else PRICES.empty_table()


def _bound(bound: Any, count: int) -> pa.Array:
    """A bound by row; null where there is none."""
    if bound is None:
        return pa.nulls(count, pa.float64())
    found = np.broadcast_to(np.asarray(bound, np.float64), (count,))
    return pa.array(found, mask=~np.isfinite(found))


def _sheet(
    program: PlanProgram,
    made: Decided,
    chosen: pa.Table,
    actions: Sequence[Action],
    eligible: NDArray[np.bool_],
) -> dict[str, Any]:
    """What the plan is and how good, for people and for whoever reads it later. Amounts in fen."""
    told = chosen.group_by("action").aggregate([("value", "sum"), ("customer", "count")]).to_pylist()
    by_action = {row["action"]: row for row in told}
    nothing = {"value_sum": 0, "customer_count": 0}
    return {
        "program": program.fingerprint,
        "per_customer": int(made.chosen.shape[1]),
        "value": int(pc.sum(chosen["value"]).as_py() or 0),
        "bound": float(made.plan.bound),
        "gap": float(made.plan.gap),
        "customers": int((made.chosen[:, 0] >= 0).sum()),
        "relaxed": list(made.relaxed),
        "actions": [
            {
                **action.sheet(),
                "eligible_customers": int(eligible[:, at].sum()),
                "chosen": by_action.get(action.name, nothing)["customer_count"],
                "value": by_action.get(action.name, nothing)["value_sum"],
            }
            for at, action in enumerate(actions)
        ],
        "limits": [
            {**each.budget.sheet(), "rows": len(each.members), "waiting": each.waiting} for each in made.laid
        ],
    }
