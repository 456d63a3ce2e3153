"""What a night planned, read back: for one customer with reasons, for one post, by limit, and otherwise."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from string import Formatter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from quanke.bank.contracts import Purpose
from quanke.bank.home import Home
from quanke.effects.groups import effect_rules
from quanke.engines.memory import value_of
from quanke.engines.store import Night, NightStore
from quanke.kernel.errors import DefinitionError, NightError
from quanke.language import Catalogue
from quanke.language.nodes import Node, Reference
from quanke.night.batches import night_rows
from quanke.night.explain import show
from quanke.night.plan import FILE, FOLDER, GROUP, RECORD
from quanke.night.plan_ground import KEPT, concerns
from quanke.plans.actions import (
    Action,
    By,
    PlanProgram,
    gates_of,
    read_program,
    standard_program,
    value_name,
)
from quanke.plans.actions.reading import STANDARD
from quanke.plans.arms import Arm
from quanke.plans.budgets import POST, Of
from quanke.plans.grounds import UNKNOWN
from quanke.plans.worklist import TEAM, working_day_after
from quanke.segments.control import HoldOut
from quanke.segments.dated import Dated

COOLING = ("cooling", "此前已尝试，冷静期内", "tried lately: not suggested again yet")
NO_POST = ("post", "管户岗位已撤销或不管户", "the post that looks after him is closed, or looks after nobody")
OTHER_ROLE = ("role", "由其他岗位角色负责", "the post that looks after him is of another role")
HELD_OUT = ("hold_out", "全行留空对照客户，本年度不做营销", "held out by the bank: no marketing this year")
KEPT_FROM = (
    "campaign",
    "运行中活动的对照客户",
    "in the control group of a campaign that runs",
)
CONTROL = (
    "control",
    "本行动的对照客户，本年度不推送",
    "in this action's control group: kept from it this year, so that its effect can be measured",
)
CONDITION = ("eligible", "不符合该行动的条件", "the action is not meant for this customer")
NOBODY = HoldOut(share_ppm=Dated.of(0))
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
        """The action that came next; None where nothing else is worth what it takes."""
        left = (c for c in self.considered if not c.chosen and c.why_not is None and (c.net or 0.0) > 0)
        return next(left, None)


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
        """The actions and limits it was made by, from the files the night keeps. Raises NightError where
        definitions they stand on have changed since."""
        try:
            program = standard_program(self.catalogue, self.path(STANDARD.name))
            if self.path(FILE).exists():
                program = read_program(self.path(FILE), self.catalogue, self.home.currency, program)
        except DefinitionError as error:
            raise NightError(
                f"the plan of {self.night.day} stands on tags that have changed: {error}"
            ) from None
        return program

    @cached_property
    def hold_out(self) -> HoldOut:
        """Who was held out of all marketing."""
        return effect_rules(self.path("")).hold_out if "withheld" in self.sheet else NOBODY

    @cached_property
    def withheld(self) -> pa.Table:
        """Who was chosen and is kept as a control, as `chosen.parquet`; empty where none were kept yet."""
        if not self.path("withheld.parquet").exists():
            return pq.read_table(self.path("chosen.parquet")).slice(0, 0)
        return pq.read_table(self.path("withheld.parquet"))

    @cached_property
    def kept(self) -> pa.Table:
        """Controls of campaigns that ran on its morning."""
        path = self.path("kept.parquet")
        return pq.read_table(path) if path.exists() else KEPT.empty_table()

    @property
    def withheld_value(self) -> int:
        """What was withheld is worth, in fen."""
        return int(self.sheet.get("withheld", {}).get("value", 0))

    @property
    def decided(self) -> pa.Table:
        """The plan as it was decided, before anybody was kept as a control."""
        return pa.concat_tables([pq.read_table(self.path("chosen.parquet")), self.withheld])

    @cached_property
    def posts(self) -> pa.Table:
        """`post, role, seated` on the night's day."""
        return pq.read_table(self.path("posts.parquet"))

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
        found: list[dict[str, Any]] = night_rows(
            self.night, f"{FOLDER}/{Path(name).stem}", customer
        ).to_pylist()
        return found

    def book(self, post: str) -> list[dict[str, Any]]:
        """The morning of a post: customers in order. Raises NightError for a post nobody knows."""
        table = pq.read_table(self.path("worklist.parquet"), filters=[("post", "==", post)])
        if post != TEAM and not pc.any(pc.equal(self.posts["post"], post)).as_py():
            raise NightError(f"the plan of {self.night.day} knows no post {post!r}")
        found: list[dict[str, Any]] = table.to_pylist()
        return found

    def words(
        self, row: Mapping[str, Any], called: Callable[[str, str], str] = lambda _, shown: shown
    ) -> dict[str, str]:
        """Title, reason and script of a row of the morning in both languages, with the customer's figures;
        `called` may say a tag's value otherwise, from the tag's name and the value as shown."""
        action = next(each for each in self.sheet["actions"] if each["name"] == row["action"])
        texts = {name: action[name] for name in _TEXTS}
        named = {n for text in texts.values() for _, n, _, _ in Formatter().parse(text) if n}
        held = self.night.row(row["customer"], [n for n in self.night.columns if n in named])
        shown = {
            n: called(n, show(v, self.catalogue[n], self.home.currency))
            for n, v in held.items()
            if n in named
        }
        return {name: filled_in(text, shown) for name, text in texts.items()}

    def explain(self, customer: int) -> CustomerPlan:
        """Everything considered for a customer, and why what was chosen was."""
        row = self.night.row(customer)
        values = self.night.part_row(GROUP, customer)
        chosen = {each["action"]: each for each in self.rows_of("chosen.parquet", customer)}
        record = self.rows_of("record.parquet", customer)
        considered = [
            self._considered(action, row, values, chosen.get(action.name)) for action in self.actions
        ]
        considered.sort(key=_order)
        names = sorted({name for action in self.actions for name in action.told if name in row})
        words = {name: show(row[name], self.catalogue[name], self.home.currency) for name in names}
        return CustomerPlan(customer, self.night.day, tuple(considered), words, tuple(record))

    def options(self, customer: int) -> tuple[Considered, ...]:
        """What a customer could be offered: actions whose conditions and gates he passed in that night, the
        chosen ones first, then by net value. `explain` says of the others why not, and reads his whole row
        for it; this reads the few columns that matter."""
        values = self.night.part_row(GROUP, customer)
        open_to = [action for action in self.actions if values[value_name(action.name)] is not None]
        if not open_to:
            return ()
        members = {b.per for b in self.program.budgets if b.per and b.per != POST}
        columns = {"customer", "owner_post", *members} & set(self.night.columns)
        row = self.night.row(customer, sorted(columns))
        chosen = {each["action"]: each for each in self.rows_of("chosen.parquet", customer)}
        found = [self._considered(action, row, values, chosen.get(action.name)) for action in open_to]
        return tuple(sorted(found, key=_order))

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
        elif not chosen and action.by is By.OWNER and row["owner_post"] not in self._roles:
            why_not = NO_POST
        elif not chosen and action.roles and self._roles[row["owner_post"]] not in action.roles:
            why_not = OTHER_ROLE
        elif not chosen and action.purpose is Purpose.MARKETING and self._held_out(int(row["customer"])):
            why_not = HELD_OUT
        elif not chosen and self._in_campaign(action, int(row["customer"])):
            why_not = KEPT_FROM
        elif not chosen and self._kept(action, int(row["customer"])):
            why_not = CONTROL
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

    @cached_property
    def _roles(self) -> dict[str, str]:
        """Roles by post."""
        return dict(zip(self.posts["post"].to_pylist(), self.posts["role"].to_pylist(), strict=True))

    def _held_out(self, customer: int) -> bool:
        return bool(self.hold_out.holds([customer], working_day_after(self.night.day, 1))[0])

    def _in_campaign(self, action: Action, customer: int) -> bool:
        mine = self.kept.filter(pc.equal(self.kept["customer"], customer))
        return any(concerns(action, product) for product in mine["product"].to_pylist())

    def _kept(self, action: Action, customer: int) -> bool:
        mine = self.withheld.filter(pc.equal(self.withheld["customer"], customer))
        return action.name in mine["action"].to_pylist()

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
            member = row.get("owner_post" if budget.per == POST else budget.per) if budget.per else ""
            member = UNKNOWN if member is None and budget.per != POST else member
            price = self._price.get((budget.name, member))
            if price:
                found.append((budget.name, str(member), price * use))
        return found

    @cached_property
    def _price(self) -> dict[tuple[str, Any], float | None]:
        columns = (self.prices[name].to_pylist() for name in ("limit", "member", "price"))
        return {(limit, member): price for limit, member, price in zip(*columns, strict=True)}


def _order(each: Considered) -> tuple[int, int, float, str]:
    place = int(each.chosen["place"]) if each.chosen else 0
    group = 0 if each.chosen else 1 if each.why_not is None else 2
    return group, place, -(each.net if each.net is not None else 0.0), each.action.name


def filled_in(text: str, words: Mapping[str, str]) -> str:
    """A text with the customer's own values for the tags it names."""
    return "".join(
        literal + ("" if name is None else words.get(name, "-"))
        for literal, name, _, _ in Formatter().parse(text)
    )


def history(home: Home, customer: int) -> list[dict[str, Any]]:
    """Everything that was ever suggested to a customer and what came of it, oldest first, out of the records
    of all nights: the last that is known of each suggestion."""
    nights = [night for night in map(NightStore(home.path / "nights").open, _days(home)) if _recorded(night)]
    numbers = {customer}
    for night in reversed(nights):
        numbers |= {number for number, into in night.absorbed.items() if into in numbers}
    found: dict[tuple[str, dt.date], dict[str, Any]] = {}
    for night in nights:
        path = night.path / FOLDER / RECORD
        for row in pq.read_table(path, filters=[("customer", "in", sorted(numbers))]).to_pylist():
            before = found.get((row["action"], row["suggested_on"]))
            # of two who were one later, what came of it says more than what lapsed
            if before is None or before["customer"] == row["customer"] or row["state"] != "lapsed":
                found[row["action"], row["suggested_on"]] = row
    return sorted(found.values(), key=lambda row: (row["suggested_on"], row["action"]))


def _days(home: Home) -> list[dt.date]:
    return NightStore(home.path / "nights").days()


def _recorded(night: Night) -> bool:
    return (night.path / FOLDER / RECORD).exists()


def fulfilment(planned: Planned, since: dt.date) -> pa.Table:
    """By post and state: how many suggestions since a day are open, tried, done, lapsed, and their value.
    Digital ones stand under no post."""
    record = pq.read_table(planned.path("record.parquet"))
    if "arm" in record.column_names:
        record = record.filter(pc.invert(pc.fill_null(pc.equal(record["arm"], str(Arm.CONTROL)), False)))
    record = record.filter(pc.greater_equal(record["suggested_on"], pa.scalar(since, pa.date32())))
    grouped = record.group_by(["post", "state"]).aggregate([("customer", "count"), ("value", "sum")])
    table = grouped.rename_columns(["post", "state", "suggestions", "value"])
    return table.sort_by([("post", "ascending"), ("state", "ascending")])
