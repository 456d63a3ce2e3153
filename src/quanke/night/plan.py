"""The plan of a night: an action for everybody at once, its prices, the morning's lists, and the record.

`plan/` of a night holds `chosen.parquet` (one row per customer and action), `withheld.parquet` (the same of
those who were chosen and are kept from it as a control group), `prices.parquet` (one row per
limit and row of it), `worklist.parquet` (one row per customer of a post's morning), `record.parquet` (what
was suggested and what came of it) and `plan.json`. What every action is worth to everybody stands in the
parts `planned-*` beside the profile, so that a changed limit can be tried out later.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from quanke.bank.home import Home
from quanke.effects.groups import RULES_FILE, CampaignRegister, effect_rules
from quanke.engines.store import NightStore, write_json
from quanke.engines.store.files import write_parquet
from quanke.kernel.errors import AllocationError
from quanke.language import Catalogue
from quanke.language.nodes import references
from quanke.night.books import posts_of
from quanke.night.left_alone import left_alone_on
from quanke.night.plan_ground import Exact, Ground, exact_values, kept_of, posts_table, values_of
from quanke.night.steps import Run, working_column
from quanke.plans.actions import Action, By, PlanProgram, action_definitions, read_program, standard_program
from quanke.plans.actions.gates import gates_of
from quanke.plans.actions.reading import STANDARD
from quanke.plans.arms import Arm, arms
from quanke.plans.budgets import Of
from quanke.plans.grounds import Laid, lay, once_each, relaxed, told
from quanke.plans.record import SCHEMA, deadlines, followed, merged, standing_arms, suggested
from quanke.plans.worklist import TEAM, due_days, working_day_after, worklist

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
        ("asked", pa.float64()),
        ("use", pa.float64()),
        ("price", pa.float64()),
    ]
)
RECORD = "record.parquet"


def program_of(home: Home, catalogue: Catalogue) -> PlanProgram:
    """The plan of a home: the standard one with what its `plan.yaml` changes. Raises DefinitionError."""
    path = home.path / FILE
    return read_program(path, catalogue, home.currency) if path.exists() else standard_program(catalogue)


def plan_parts(run: Run, done: dict[str, list[str]]) -> None:
    """Plan for everybody, on the columns of the groups that are `done`."""
    folder = run.working.path / FOLDER
    sheet = folder / "plan.json"
    if not sheet.exists() and not _made(run, folder, done):
        return
    # out of the file, so that a night that was killed says what an undisturbed one does
    run.notes.extend(json.loads(sheet.read_text(encoding="utf-8"))["notes"])


def _made(run: Run, folder: Path, done: dict[str, list[str]]) -> bool:
    """Make the plan; False where a tag it stands on was not computed."""
    held = {name: group for group, names in done.items() for name in names}
    if not set(NEEDED) <= set(held):
        run.notes.append("no plan: a tag it stands on was not computed")
        return False
    program = program_of(run.inputs.home, run.catalogue)
    offered = [action for action in program.actions if action.offered(run.day)]
    actions = [action for action in offered if _reads(action) <= set(held)]
    absent = ", ".join(action.name for action in offered if action not in actions)
    rules = effect_rules(run.inputs.home.path)
    notes = [f"not planned, a tag they stand on was not computed: {absent}"] if absent else []
    run.engine.profile(run, GROUP, action_definitions(actions, run.day), done)
    folder.mkdir(exist_ok=True)
    _keep_program(run.inputs.home, folder)
    posts = posts_table(posts_of(run.inputs.home, run.day))
    write_parquet(folder / "posts.parquet", posts)
    ground = Ground(
        day=run.day,
        program=program,
        actions=actions,
        tags=held,
        posts=posts,
        column=lambda name: working_column(run, held[name], name),
        planned=lambda name: working_column(run, GROUP, name),
        hold_out=rules.hold_out,
        kept=_kept(run, folder),
    )
    _decide_and_write(run, folder, ground, notes)
    return True


def _decide_and_write(run: Run, folder: Path, ground: Ground, notes: Sequence[str]) -> None:
    parts = [run.working.part(GROUP, part) for part in range(run.inputs.parts)]
    program, actions, day = ground.program, ground.actions, run.day
    values = values_of(parts, actions, run.inputs.customers)
    record = followed(_earlier_record(run), ground.seen(), program.actions, day)
    eligible = ground.eligible(values, record)
    np.nan_to_num(values, copy=False, nan=0.0)
    laid = lay(program.budgets, ground.grounds(eligible))
    with run.progress.step("a plan for everybody", 1) as step:
        made = decide(values, laid, eligible, actions, program.per_customer.on(day))
        step.advance(1)
    notes = [*notes, *(f"the plan's limits contradict each other: {note}" for note in made.relaxed)]
    chosen = _chosen(made, ground, exact_values(parts, actions))
    place = chosen.schema.get_field_index("due_on")
    chosen = chosen.set_column(place, "due_on", deadlines(record, chosen))
    arm = arms(chosen, actions, ground.hold_out, program.control.on(day), working_day_after(day, 1))
    arm = standing_arms(record, chosen, arm)
    everything = chosen.append_column("arm", arm)
    kept = pc.fill_null(pc.equal(arm, str(Arm.CONTROL)), False)
    withheld, chosen = chosen.filter(kept), chosen.filter(pc.invert(kept))
    write_parquet(folder / "chosen.parquet", chosen)
    write_parquet(folder / "withheld.parquet", withheld)
    write_parquet(folder / "prices.parquet", prices_table(made, laid))
    write_parquet(folder / "worklist.parquet", worklist(chosen, actions, day))
    write_parquet(folder / RECORD, suggested(record, everything, day))
    sheet = _sheet(ground, made, chosen, eligible) | {
        "withheld": _withheld_sheet(withheld, program.control.on(day))
    }
    write_json(folder / "plan.json", {**sheet, "notes": notes})


def _kept(run: Run, folder: Path) -> pa.Table:
    """Controls of campaigns that run tomorrow morning, and who is left alone; kept with the plan, for both go
    on."""
    home, morning = run.inputs.home.path, working_day_after(run.day, 1)
    alone = left_alone_on(home, morning)
    alone = alone[(alone >= 0) & (alone < len(run.inputs.register.goes_by))]
    found = kept_of(CampaignRegister(home), morning, alone)
    found = found.set_column(
        0, "customer", pa.array(run.inputs.register.goes_by[found["customer"].to_numpy()])
    )
    write_parquet(folder / "kept.parquet", found)
    return found


def _keep_program(home: Home, folder: Path) -> None:
    """The files the plan is made by, so that it can be explained when they have changed."""
    (folder / STANDARD.name).write_bytes(STANDARD.read_bytes())
    for name in (FILE, RULES_FILE):
        if (home.path / name).exists():
            (folder / name).write_bytes((home.path / name).read_bytes())


def _reads(action: Action) -> set[str]:
    """Tags an action stands on, its gates included."""
    nodes = [action.eligible.node, action.chance.node, action.gain.node]
    nodes += [gate.condition.node for gate in gates_of(action)]
    if action.done is not None:
        nodes.append(action.done.node)
    return {reference.name for node in nodes for reference in references(node) if not reference.earlier}


def _earlier_record(run: Run) -> pa.Table:
    """The record of the last night that kept one, under today's customer numbers."""
    store = NightStore(run.inputs.home.path / "nights")
    paths = [store.folder / str(day) / FOLDER / RECORD for day in store.days() if day < run.day]
    path = next((path for path in reversed(paths) if path.exists()), None)
    if path is None:
        return SCHEMA.empty_table()
    record = pq.read_table(path)
    if "arm" not in record.column_names:  # kept before plans had control groups
        record = record.append_column(SCHEMA.field("arm"), pa.nulls(record.num_rows, pa.string()))
    into = run.inputs.register.goes_by
    before = record["customer"].to_numpy()
    if np.array_equal(into[before], before):
        return record
    return merged(record.set_column(0, "customer", pa.array(into[before])))


@dataclass(frozen=True)
class Decided:
    """A plan that was found (`chosen` customers x places, -1 none), and what had to give way where the limits
    contradict each other. `plan` is over the customers for whom something can be done at all."""

    plan: Plan
    laid: tuple[Laid, ...]
    chosen: NDArray[np.int16]
    relaxed: tuple[str, ...] = ()


def decide(
    values: NDArray[np.float32],
    laid: Sequence[Laid],
    eligible: NDArray[np.bool_],
    actions: Sequence[Action],
    per_customer: int,
) -> Decided:
    """The best plan under the limits; under the nearest ones that can be kept, where they contradict."""
    from quanke.plans import allocate  # numba and SciPy: seconds, where nobody plans

    # for most customers there is nothing to decide on most days
    some = np.flatnonzero(eligible.any(axis=1))
    worth, may = values[some], eligible[some]
    more = once_each(actions, len(some)) if per_customer > 1 else []

    def found(limits: Sequence[Limit]) -> Plan:
        return allocate(worth, [*(_of(each, some) for each in limits), *more], may, per_customer)

    gave_way: tuple[str, ...] = ()
    try:
        made = found([each.limit for each in laid])
    except AllocationError as error:
        if not error.relaxation:
            raise
        gave_way = (told(error, laid),)
        laid = [replace(each, limit=relaxed(each.limit, error)) for each in laid]
        made = found([each.limit for each in laid])
    chosen = np.full((len(values), made.chosen.shape[1]), -1, np.int16)
    chosen[some] = made.chosen
    return Decided(made, tuple(laid), chosen, gave_way)


def _of(limit: Limit, customers: NDArray[np.int64]) -> Limit:
    """A limit over some of the customers; its rows stay."""
    if limit.group is None:
        return limit
    return replace(limit, group=np.asarray(limit.group)[customers])


def _chosen(made: Decided, ground: Ground, exact: Exact) -> pa.Table:
    """One row per customer and action chosen: `customer, place, action, by, post, value, due_on, rhythm`; by
    customer, the most valuable first. `value` in fen; `rhythm`: the contact standard asks for it."""
    picked, actions = made.chosen, ground.actions
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
            group = np.asarray(laid.limit.group)
            asked = np.append(np.asarray(laid.limit.at_least) > 0, False)
            wanted |= asked[group]
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


def prices_table(made: Decided, asked: Sequence[Laid]) -> pa.Table:
    """One row per limit and row of it: `limit, member, capacity, at_least, asked, use, price` (fen for a unit
    of it; below zero where a minimum costs; null where a row has no price). `at_least` is what was kept,
    `asked` the minimum before limits that contradict gave way. The rhythm is kept at each customer: not here.
    """
    tables = [PRICES.empty_table()]
    for laid, before in zip(made.laid, asked, strict=True):
        if laid.budget.of is Of.RHYTHM:
            continue
        name, count = laid.budget.name, len(laid.members)
        price = np.asarray(made.plan.prices[name], np.float64)
        columns = {
            "limit": pa.array([name] * count, pa.string()),
            "member": pa.array(laid.members, pa.string()),
            "capacity": _bound(laid.limit.capacity, count),
            "at_least": _bound(laid.limit.at_least, count),
            "asked": _bound(before.limit.at_least, count),
            "use": pa.array(made.plan.use[name], pa.float64()),
            "price": pa.array(price, mask=np.isnan(price)),
        }
        tables.append(pa.table(columns).cast(PRICES))
    return pa.concat_tables(tables)


def _bound(bound: Any, count: int) -> pa.Array:
    """A bound by row; null where there is none."""
    if bound is None:
        return pa.nulls(count, pa.float64())
    found = np.broadcast_to(np.asarray(bound, np.float64), (count,))
    return pa.array(found, mask=~np.isfinite(found))


def _sheet(ground: Ground, made: Decided, chosen: pa.Table, eligible: NDArray[np.bool_]) -> dict[str, Any]:
    """What the plan is and how good, for people and for whoever reads it later. Amounts in fen."""
    told = chosen.group_by("action").aggregate([("value", "sum"), ("customer", "count")]).to_pylist()
    by_action = {row["action"]: row for row in told}
    nothing = {"value_sum": 0, "customer_count": 0}
    value, bound = float(made.plan.value), float(made.plan.bound)
    return {
        "program": ground.program.fingerprint,
        "morning": working_day_after(ground.day, 1).isoformat(),
        "per_customer": int(made.chosen.shape[1]),
        "value": int(pc.sum(chosen["value"]).as_py() or 0),
        "bound": bound,
        "gap": float(made.plan.gap),
        "at_most_better": (bound - value) / value if value > 0 else None,
        "customers": pc.count_distinct(chosen["customer"]).as_py(),
        "relaxed": list(made.relaxed),
        "actions": [
            {
                **action.sheet(),
                "eligible_customers": int(eligible[:, at].sum()),
                "chosen": by_action.get(action.name, nothing)["customer_count"],
                "value": by_action.get(action.name, nothing)["value_sum"],
            }
            for at, action in enumerate(ground.actions)
        ],
        "limits": [_limit_sheet(each) for each in made.laid],
    }


def _withheld_sheet(withheld: pa.Table, share_ppm: int) -> dict[str, Any]:
    """Who was chosen and is kept as a control: the share asked for, how many customers, what it was worth in
    fen, by action."""
    counted = withheld.group_by("action").aggregate([("customer", "count")]).sort_by("action").to_pylist()
    return {
        "share_ppm": share_ppm,
        "customers": pc.count_distinct(withheld["customer"]).as_py(),
        "value": int(pc.sum(withheld["value"]).as_py() or 0),
        "actions": {row["action"]: row["customer_count"] for row in counted},
    }


def _limit_sheet(laid: Laid) -> dict[str, Any]:
    sheet = {**laid.budget.sheet(), "rows": len(laid.members), "clipped": laid.clipped}
    if laid.budget.of is Of.RHYTHM:
        # who is due a contact and is not asked for, by reason
        gave_way = int((np.asarray(laid.limit.at_least) <= 0).sum())
        sheet |= {"due": laid.due, "not_asked": {**laid.told, "gave_way": gave_way}}
    return sheet
