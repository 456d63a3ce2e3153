"""What a night planned, read back: for one customer with reasons, for one post, by limit, and otherwise."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from string import Formatter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from quanke.bank.home import Home
from quanke.engines.memory import value_of
from quanke.engines.store import Night, NightStore
from quanke.kernel.errors import NightError
from quanke.language import Catalogue
from quanke.language.nodes import Node, Reference
from quanke.night.explain import show
from quanke.night.plan import FOLDER, GROUP, Ground, decide, exact_values, program_of, values_of
from quanke.plans.actions import Action, PlanProgram, gates_of, value_name
from quanke.plans.budgets import POST, Of
from quanke.plans.grounds import Laid, lay
from quanke.plans.record import cooling

COOLING = ("cooling", "此前已尝试，冷静期内", "tried lately: not suggested again yet")
CONDITION = ("eligible", "不符合该行动的条件", "the action is not meant for this customer")
_TEXTS = ("title_zh", "title_en", "because_zh", "because_en", "script_zh", "script_en")


@dataclass(frozen=True)
class Considered:
    """One action for one customer. `why_not`: code, zh, en of the first thing that speaks against it, or
    None; `value` in fen; `pays` what it would use, at the prices of the limits: (limit, member, fen)."""

    action: Action
    value: int | None
    chance: Decimal | None
    gain: int | None
    why_not: tuple[str, str, str] | None
    pays: tuple[tuple[str, str, float], ...]
    chosen: Mapping[str, Any] | None

    @property
    def net(self) -> float | None:
        """Value less what it pays for what is scarce; None where it cannot be done."""
        return None if self.value is None else self.value - sum(fen for _, _, fen in self.pays)


@dataclass(frozen=True)
class CustomerPlan:
    """What a night planned for one customer: every action, the chosen ones first, then by net value."""

    customer: int
    day: dt.date
    considered: tuple[Considered, ...]
    words: Mapping[str, str]
    record: tuple[Mapping[str, Any], ...]

    @property
    def chosen(self) -> tuple[Considered, ...]:
        """The actions chosen, in their order."""
        return tuple(c for c in self.considered if c.chosen)

    @property
    def runner_up(self) -> Considered | None:
        """The action that came next, or None where nothing else could be done."""
        return next((c for c in self.considered if not c.chosen and c.why_not is None), None)


class Planned:
    """The plan of a published night. Raises NightError where the night has none."""

    def __init__(self, night: Night, home: Home, catalogue: Catalogue) -> None:
        if not (night.path / FOLDER / "plan.json").exists():
            raise NightError(f"the night of {night.day} holds no plan")
        self.night, self.home, self.catalogue = night, home, catalogue

    def path(self, name: str) -> Path:
        """A file of the plan."""
        return self.night.path / FOLDER / name

    @cached_property
    def sheet(self) -> dict[str, Any]:
        """`plan.json`."""
        found: dict[str, Any] = json.loads(self.path("plan.json").read_text(encoding="utf-8"))
        return found

    @cached_property
    def program(self) -> PlanProgram:
        """The actions and limits it was made by. Raises NightError where `plan.yaml` has changed since."""
        program = program_of(self.home, self.catalogue)
        if program.fingerprint != self.sheet["program"]:
            raise NightError(
                f"plan.yaml has changed since the night of {self.night.day}: its plan can be read, but not "
                "explained or tried out otherwise"
            )
        return program

    @cached_property
    def actions(self) -> list[Action]:
        """The actions that were offered, in the order of the kernel's columns."""
        return [self.program.action(each["name"]) for each in self.sheet["actions"]]

    @cached_property
    def prices(self) -> pa.Table:
        """`limit, member, capacity, at_least, use, price`."""
        return pq.read_table(self.path("prices.parquet"))

    def rows_of(self, name: str, customer: int) -> list[dict[str, Any]]:
        """A customer's rows of a file that stands in the order of customers."""
        table = pq.read_table(self.path(name), filters=[("customer", "==", customer)])
        found: list[dict[str, Any]] = table.to_pylist()
        return found

    def book(self, post: str) -> list[dict[str, Any]]:
        """The morning of a post: customers in order. Raises NightError for a post nobody knows."""
        table = pq.read_table(self.path("worklist.parquet"), filters=[("post", "==", post)])
        known = self.prices.filter(pc.equal(self.prices["member"], post)).num_rows
        if not table.num_rows and not known and post != "remote_team":
            raise NightError(f"the plan of {self.night.day} knows no post {post!r}")
        found: list[dict[str, Any]] = table.to_pylist()
        return found

    def words(self, row: Mapping[str, Any]) -> dict[str, str]:
        """Title, reason and script of a row of the morning in both languages, with the customer's figures."""
        action = next(each for each in self.sheet["actions"] if each["name"] == row["action"])
        texts = {name: action[name] for name in _TEXTS}
        named = {n for text in texts.values() for _, n, _, _ in Formatter().parse(text) if n}
        held = self.night.row(row["customer"], [n for n in self.night.columns if n in named])
        shown = {n: show(v, self.catalogue[n], self.home.currency) for n, v in held.items() if n in named}
        return {name: filled_in(text, shown) for name, text in texts.items()}

    def explain(self, customer: int) -> CustomerPlan:
        """Everything considered for a customer, and why what was chosen was."""
        row = self.night.row(customer)
        part, offset = divmod(customer, self.night.bucket)
        values = _row(self.night.path / "profile" / f"{GROUP}-{part:05d}.parquet", offset)
        chosen = {each["action"]: each for each in self.rows_of("chosen.parquet", customer)}
        record = self.rows_of("record.parquet", customer)
        considered = [
            self._considered(action, row, values, chosen.get(action.name)) for action in self.actions
        ]
        considered.sort(key=_order)
        names = sorted({name for action in self.actions for name in action.told if name in row})
        words = {name: show(row[name], self.catalogue[name], self.home.currency) for name in names}
        return CustomerPlan(customer, self.night.day, tuple(considered), words, tuple(record))

    def _considered(
        self,
        action: Action,
        row: Mapping[str, Any],
        values: Mapping[str, Any],
        chosen: Mapping[str, Any] | None,
    ) -> Considered:
        def read(node: Node) -> Any:
            if not isinstance(node, Reference) or node.earlier or node.name not in row:
                raise LookupError
            return row[node.name]

        def ask(node: Node) -> Any:
            try:
                return value_of(node, self.night.day, read)
            except LookupError:
                return None

        value = values[value_name(action.name)]
        why_not = None
        if value is None:
            closed = next((g for g in gates_of(action) if not ask(g.condition.node)), None)
            why_not = (closed.code, closed.zh, closed.en) if closed else CONDITION
        elif not chosen and self._cools(action, int(row["customer"])):
            why_not = COOLING
        chance = ask(action.chance.node)
        return Considered(
            action=action,
            value=value,
            chance=None if chance is None else Decimal(str(chance)),
            gain=ask(action.gain.node),
            why_not=why_not,
            pays=tuple(self._pays(action, row)) if value is not None else (),
            chosen=chosen,
        )

    def _cools(self, action: Action, customer: int) -> bool:
        rest = action.cool_down.on(self.night.day)
        return any(
            each["action"] == action.name
            and each["tried_on"] is not None
            and (self.night.day - each["tried_on"]).days < rest
            for each in self.rows_of("record.parquet", customer)
        )

    def _pays(self, action: Action, row: Mapping[str, Any]) -> list[tuple[str, str, float]]:
        """What an action uses of each limit, at its price; limits that are not scarce are left out."""
        found = []
        for budget in self.program.budgets:
            use = budget.uses(action, self.night.day)
            if not use or budget.of is Of.RHYTHM:
                continue
            member = row["owner_post"] if budget.per == POST else row.get(budget.per) if budget.per else ""
            price = self._price.get((budget.name, member), 0.0)
            if price:
                found.append((budget.name, str(member), price * use))
        return found

    @cached_property
    def _price(self) -> dict[tuple[str, Any], float]:
        columns = (self.prices[name].to_pylist() for name in ("limit", "member", "price"))
        return {(limit, member): price for limit, member, price in zip(*columns, strict=True)}


def _order(each: Considered) -> tuple[int, int, float, str]:
    place = int(each.chosen["place"]) if each.chosen else 0
    group = 0 if each.chosen else 1 if each.why_not is None else 2
    return group, place, -(each.net if each.net is not None else 0.0), each.action.name


def _row(path: Path, offset: int) -> dict[str, Any]:
    with pq.ParquetFile(path) as file:
        for group in range(file.metadata.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if offset < rows:
                found: dict[str, Any] = file.read_row_group(group).slice(offset, 1).to_pylist()[0]
                return found
            offset -= rows
    raise NightError(f"{path.name} is shorter than its night's manifest says")


def filled_in(text: str, words: Mapping[str, str]) -> str:
    """A text with the customer's own values for the tags it names."""
    return "".join(
        literal + ("" if name is None else words.get(name, "-"))
        for literal, name, _, _ in Formatter().parse(text)
    )


def history(home: Home, catalogue: Catalogue, customer: int) -> list[dict[str, Any]]:
    """Everything that was ever suggested to a customer and what came of it, oldest first, out of the records
    of all nights: the last that is known of each suggestion."""
    store = NightStore(home.path / "nights")
    found: dict[tuple[str, dt.date], dict[str, Any]] = {}
    for day in store.days():
        night = store.open(day)
        if not (night.path / FOLDER / "record.parquet").exists():
            continue
        then = {number for number, into in night.absorbed.items() if into == customer}
        numbers = [customer, *sorted(then)]
        table = pq.read_table(night.path / FOLDER / "record.parquet", filters=[("customer", "in", numbers)])
        for row in table.to_pylist():
            found[row["action"], row["suggested_on"]] = row
    return sorted(found.values(), key=lambda row: (row["suggested_on"], row["action"]))


def fulfilment(planned: Planned, since: dt.date) -> pa.Table:
    """By post and state: how many suggestions since a day are open, tried, done, lapsed, and their value.
    Digital ones stand under no post."""
    record = pq.read_table(planned.path("record.parquet"))
    record = record.filter(pc.greater_equal(record["suggested_on"], pa.scalar(since, pa.date32())))
    grouped = record.group_by(["post", "state"]).aggregate([("customer", "count"), ("value", "sum")])
    table = grouped.rename_columns(["post", "state", "suggestions", "value"])
    return table.sort_by([("post", "ascending"), ("state", "ascending")])


@dataclass(frozen=True)
class WhatIf:
    """A plan under a changed limit, beside the one that stands. Amounts in fen; `customers`: how many get
    other actions; `by_action`: name, how many before, how many after."""

    limit: str
    member: str
    bound_changed: str
    before: float | None
    after: float
    rows: int
    value_before: int
    value: int
    gap: float
    customers: int
    by_action: tuple[tuple[str, int, int], ...]


def what_if(
    planned: Planned,
    name: str,
    *,
    capacity: float | None = None,
    at_least: float | None = None,
    member: str | None = None,
) -> WhatIf:
    """The same plan with another capacity or minimum of one limit (of one row of it, or of all its rows).

    Raises NightError for a limit or a row the plan does not have.
    """
    night, actions = planned.night, planned.actions
    parts = [night.path / "profile" / f"{GROUP}-{part:05d}.parquet" for part in range(len(_parts(night)))]
    record = pq.read_table(planned.path("record.parquet"))
    values = values_of(parts, actions, night.rows)
    eligible = ~(np.isnan(values) | cooling(record, actions, night.day, night.rows))
    np.nan_to_num(values, copy=False, nan=0.0)
    laid = lay(planned.program.budgets, _ground(planned, parts).grounds(eligible))
    changed, before, rows = _changed(planned, laid, name, capacity, at_least, member)
    made = decide(values, changed, eligible, int(planned.sheet["per_customer"]))
    after = counts(made.chosen, len(actions))
    chosen = pq.read_table(planned.path("chosen.parquet"))
    held = _matrix(chosen, actions, made.chosen.shape)
    customer, place = np.nonzero(made.chosen >= 0)
    worth = exact_values(parts, actions)(customer, made.chosen[customer, place].astype(np.int64))
    return WhatIf(
        limit=name,
        member=member or "",
        bound_changed="capacity" if capacity is not None else "at_least",
        before=before,
        after=float(capacity if capacity is not None else at_least or 0.0),
        rows=rows,
        value_before=planned.sheet["value"],
        value=int(worth.sum()),
        gap=float(made.plan.gap),
        customers=int((np.sort(held, axis=1) != np.sort(made.chosen, axis=1)).any(axis=1).sum()),
        by_action=tuple(
            (action.name, int(was), int(now))
            for action, was, now in zip(actions, counts(held, len(actions)), after, strict=True)
            if was != now
        ),
    )


def _changed(
    planned: Planned,
    laid: Sequence[Laid],
    name: str,
    capacity: float | None,
    at_least: float | None,
    member: str | None,
) -> tuple[list[Laid], float | None, int]:
    """The limits with one changed; what it was (None where rows differ), and how many rows change."""
    if (capacity is None) == (at_least is None):
        raise NightError("say another capacity, or another minimum")
    at = next((i for i, each in enumerate(laid) if each.budget.name == name and each.members), None)
    if at is None:
        known = ", ".join(each.budget.name for each in laid if each.members)
        raise NightError(f"the plan has no limit {name!r} that could be changed; it has {known}")
    one = laid[at]
    if member is not None and member not in one.members:
        raise NightError(f"the limit {name} has no row {member!r}")
    which, new = ("capacity", capacity) if capacity is not None else ("at_least", at_least)
    held = getattr(one.limit, which)
    none = np.inf if which == "capacity" else 0.0
    bounds = np.broadcast_to(
        np.asarray(none if held is None else held, np.float64), (len(one.members),)
    ).copy()
    rows = np.arange(len(bounds)) if member is None else np.array([one.members.index(member)])
    was = bounds[rows]
    bounds[rows] = new
    # a post nobody holds stays without time
    if which == "capacity" and one.budget.per == POST and member is None:
        bounds[was == 0.0] = 0.0
        rows = rows[was != 0.0]
        was = was[was != 0.0]
    limit = (
        replace(one.limit, capacity=bounds) if which == "capacity" else replace(one.limit, at_least=bounds)
    )
    changed = [*laid[:at], replace(one, limit=limit), *laid[at + 1 :]]
    before = float(was[0]) if len(was) and (was == was[0]).all() and np.isfinite(was[0]) else None
    return changed, before, len(rows)


def _ground(planned: Planned, parts: Sequence[Path]) -> Ground:
    night = planned.night
    return Ground(
        day=night.day,
        home=planned.home,
        program=planned.program,
        actions=planned.actions,
        tags=night.columns,
        column=lambda name: night.read([name])[name],
        planned=lambda name: pa.concat_tables([pq.read_table(p, columns=[name]) for p in parts])[name],
    )


def _parts(night: Night) -> list[Path]:
    return night.parts(next(iter(night.groups)))


def _matrix(chosen: pa.Table, actions: Sequence[Action], shape: tuple[int, ...]) -> NDArray[np.int16]:
    """The plan that stands as the kernel gives one: customers x places, -1 for none."""
    found = np.full(shape, -1, np.int16)
    names = pa.array([action.name for action in actions], pa.string())
    at = pc.index_in(chosen["action"], names).to_numpy()
    found[chosen["customer"].to_numpy(), chosen["place"].to_numpy() - 1] = at
    return found


def counts(chosen: NDArray[Any], actions: int) -> NDArray[np.int64]:
    """How many customers each action was chosen for."""
    return np.bincount(chosen[chosen >= 0].astype(np.int64), minlength=actions)
