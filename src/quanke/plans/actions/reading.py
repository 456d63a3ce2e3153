"""The plan as a file: `actions:`, `limits:` and `per_customer:`, checked with file, line and reason.

    per_customer: 1
    control: 5%
    actions:
      maturity_call:
        zh: 到期资金承接
        en: Look after maturing money
        offer: term
        means: call
        by: owner
        minutes: 12
        eligible: maturing_amount_30d >= 1万元
        chance: 35%
        gain: maturing_amount_30d * 0.8%
    limits:
      post_minutes: ...        (see `quanke.plans.budgets`)

A number that changes on a day is written with the days from which each holds: `minutes: {2026-01-01: 12,
2027-01-01: 10}`. An action or limit of a bank's own file replaces the standard one of its name; `off`
instead of a body retires it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from quanke.bank.contracts import CATEGORIES, ROLES, Purpose
from quanke.kernel.errors import AudienceError, DefinitionError
from quanke.language import Catalogue, Expression
from quanke.language.audience import parse_expression, parse_value
from quanke.language.audience_scope import Scope, near
from quanke.language.declared_yaml import Entries, Words, read_yaml
from quanke.language.nodes import Literal
from quanke.language.types import Kind
from quanke.plans.actions.action import Action, By, Means
from quanke.plans.budgets import Budget, read_budget
from quanke.plans.declared import Body
from quanke.segments.control import share_of
from quanke.segments.dated import Dated

STANDARD = Path(__file__).with_name("standard.yaml")
MOST_PER_CUSTOMER = 5
CONTROL = Dated.of(50_000)
MOST_CONTROL = 500_000
"""Control groups of actions, in parts per million of those for whom an action is chosen."""
_TEXTS = ("zh", "en", "offer", "because_zh", "because_en", "script_zh", "script_en")
_CHOICES = ("means", "by", "purpose")
_EXPRESSIONS = ("eligible", "chance", "gain", "done")
_NUMBERS = ("minutes", "cost", "cool_down", "due")
_REST = ("suitability", "from", "until", "roles", "approval")
_KEYS = (*_TEXTS, *_CHOICES, *_EXPRESSIONS, *_NUMBERS, *_REST)
_NEEDED = ("zh", "en", "offer", "means", "by", "eligible", "chance", "gain")
_OFFERS = (*CATEGORIES, "service")
RISKY = frozenset({"wealth", "fund", "insurance", "bond", "metal"})
"""Offers for which suitability has to be said (SUI-1)."""
_Choice = TypeVar("_Choice", bound=StrEnum)


@dataclass(frozen=True)
class PlanProgram:
    """Everything a plan is made by: actions, limits, how many actions a customer gets at most, and how many
    in a million of those for whom an action is chosen are kept from it as its control group."""

    actions: tuple[Action, ...]
    budgets: tuple[Budget, ...]
    per_customer: Dated
    control: Dated

    @cached_property
    def fingerprint(self) -> str:
        """Digest of everything that decides what a plan is."""
        sheet = {
            "actions": [action.sheet() for action in self.actions],
            "limits": [budget.sheet() for budget in self.budgets],
            "per_customer": [[str(day), value] for day, value in self.per_customer.values],
            "control": [[str(day), value] for day, value in self.control.values],
        }
        text = json.dumps(sheet, ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def action(self, name: str) -> Action:
        """The action of a name; KeyError where there is none."""
        return next(action for action in self.actions if action.name == name)


def standard_program(catalogue: Catalogue, path: Path = STANDARD) -> PlanProgram:
    """The plan Quanke brings along, on a catalogue (`path`: as another version brought it)."""
    return _Reader(path, catalogue, "CNY", None).program()


def read_program(
    path: Path, catalogue: Catalogue, currency: str = "CNY", standing: PlanProgram | None = None
) -> PlanProgram:
    """The standard plan (or what else is `standing`) with what a bank's own file adds, replaces and retires.

    Raises DefinitionError with file, line and reason.
    """
    return _Reader(path, catalogue, currency, standing or standard_program(catalogue)).program()


class _Reader:
    """One file being read onto what stands already."""

    def __init__(self, path: Path, catalogue: Catalogue, currency: str, standing: PlanProgram | None) -> None:
        self.path, self.catalogue, self.currency, self.standing = path, catalogue, currency, standing

    def refuse(self, line: int, name: str, reason: str) -> NoReturn:
        raise DefinitionError(name[:64], reason, f"{self.path}:{line}")

    def whole(self) -> Entries:
        """What the file holds; a file with nothing but comments holds nothing."""
        lines = self.path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
        if all(not line.strip() or line.lstrip().startswith("#") for line in lines):
            return Entries({}, 1)
        return read_yaml(self.path)

    def program(self) -> PlanProgram:
        """What stands, with what the file says."""
        whole = self.whole()
        sections = ("actions", "limits", "per_customer", "control")
        for key in whole.parts:
            if key not in sections:
                hint = near(key, sections)
                self.refuse(whole.lines[key], self.path.name, f"there is no section {key[:64]!r}{hint}")
        actions: dict[str, Action] = {a.name: a for a in self.standing.actions} if self.standing else {}
        budgets: dict[str, Budget] = {b.name: b for b in self.standing.budgets} if self.standing else {}
        for name, body in self._section(whole, "actions", actions).items():
            actions[name] = _action(body, self.catalogue, self.currency)
        for name, body in self._section(whole, "limits", budgets).items():
            budgets[name] = read_budget(body, self.catalogue)
        self._stands(budgets, actions)
        per_customer = self.standing.per_customer if self.standing else Dated.of(1)
        if "per_customer" in whole.parts:
            line = whole.lines["per_customer"]
            per_customer = Body(self.path, "per_customer", whole, line).dated("per_customer", self._few)
        control = self.standing.control if self.standing else CONTROL
        if "control" in whole.parts:
            line = whole.lines["control"]
            control = Body(self.path, "control", whole, line).dated("control", _control_share)
        return PlanProgram(tuple(actions.values()), tuple(budgets.values()), per_customer, control)

    def _few(self, text: str) -> int:
        count = _whole(text)
        if not 1 <= count <= MOST_PER_CUSTOMER:
            raise ValueError(f"a customer gets 1 to {MOST_PER_CUSTOMER} actions")
        return count

    def _section(self, whole: Entries, key: str, standing: dict[str, Any]) -> dict[str, Body]:
        """Bodies of a section; what is `off` is taken out of what stands."""
        part = whole.parts.get(key)
        if part is None:
            return {}
        if not isinstance(part, Entries):
            self.refuse(whole.lines[key], key, "a section holds entries, each under its name")
        found = {}
        for name, body in part.parts.items():
            line = part.lines[name]
            if isinstance(body, Words) and body.text.strip() == "off":
                if name not in standing:
                    self.refuse(line, name, f"there is nothing of this name to retire{near(name, standing)}")
                del standing[name]
            elif not isinstance(body, Entries):
                self.refuse(line, name, "an entry has keys of its own, or is `off`")
            else:
                found[name] = Body(self.path, name, body, line)
        return found

    def _stands(self, budgets: Mapping[str, Budget], actions: Mapping[str, Action]) -> None:
        """What limits name must be there, and fit: it may have been retired or replaced."""
        before: dict[str, Budget] = {}
        for budget in budgets.values():
            for name in sorted(budget.actions):
                if name not in actions:
                    self.refuse(1, budget.name, f"it names the action {name!r}, which is not there")
            wrong = budget.wrong_share(before)
            if wrong:
                self.refuse(1, budget.name, wrong)
            before[budget.name] = budget


def _whole(text: str) -> int:
    if not text.isascii() or not text.replace("_", "").isdecimal():
        raise ValueError("a whole number is expected")
    return int(text)


def _control_share(text: str) -> int:
    share = share_of(text)
    if share > MOST_CONTROL:
        raise ValueError("a control group is at most half of an action")
    return share


def _action(body: Body, catalogue: Catalogue, currency: str) -> Action:
    body.keys(_KEYS, _NEEDED)
    purpose = body.choice("purpose", Purpose, Purpose.MARKETING)
    if purpose not in (Purpose.MARKETING, Purpose.SERVICE):
        body.refuse("purpose", "an action serves marketing or service")
    read = partial(_expression, body, Scope(catalogue, purpose=purpose), currency)
    action = Action(
        name=body.named(),
        title_zh=body.text("zh"),
        title_en=body.text("en"),
        offer=_offer(body),
        means=body.choice("means", Means),
        by=body.choice("by", By),
        purpose=purpose,
        eligible=read("eligible", (Kind.BOOLEAN,)),
        chance=read("chance", (Kind.RATE, Kind.NUMBER)),
        gain=read("gain", (Kind.MONEY,)),
        done=read("done", (Kind.BOOLEAN,)) if body.has("done") else None,
        cost=body.dated("cost", partial(_fen, currency), Dated.of(0)),
        minutes=body.dated("minutes", _whole, Dated.of(0)),
        cool_down=body.dated("cool_down", _days, Dated.of(30)),
        due=body.dated("due", _days, Dated.of(5)),
        risk_class=_risk_class(body),
        roles=_roles(body),
        approval=body.text("approval"),
        since=_day(body, "from"),
        until=_day(body, "until"),
        because_zh=body.text("because_zh"),
        because_en=body.text("because_en"),
        script_zh=body.text("script_zh"),
        script_en=body.text("script_en"),
        where=f"{body.path}:{body.line}",
    )
    _check(body, action, catalogue)
    return action


def _check(body: Body, action: Action, catalogue: Catalogue) -> None:
    node = action.chance.node
    if isinstance(node, Literal) and node.value is not None and not 0 <= float(node.value) <= 1:  # type: ignore[arg-type]
        body.refuse("chance", "a chance lies between 0 and 1")
    if action.by is By.DIGITAL and action.means in (Means.CALL, Means.VISIT):
        body.refuse("by", f"a {action.means} is made by somebody: owner or remote_team")
    if action.by is not By.DIGITAL and not all(value for _, value in action.minutes.values):
        body.refuse("by", "who does it needs `minutes` on every day")
    if action.roles and action.by is not By.OWNER:
        body.refuse("roles", "roles are those of the post that looks after the customer: `by: owner`")
    if action.offer in RISKY and action.risk_class is None:
        body.refuse("offer", f"an offer of {action.offer} has a `suitability`: R1 to R5 (SUI-1)")
    if action.purpose is Purpose.SERVICE and action.offer != "service":
        body.refuse("purpose", "what offers a product is marketing; a service message has `offer: service`")
    if action.since and action.until and action.until <= action.since:
        body.refuse("until", "it ends before it begins")
    try:
        told = action.told
    except ValueError:
        body.refuse("because_zh", "tags in its words stand in braces: {aum}")
    for name in sorted(told):
        if name not in catalogue or action.purpose not in catalogue.purposes(name):
            body.refuse("because_zh", f"its words name {name!r}, which is no tag it may read")


def _expression(body: Body, scope: Scope, currency: str, key: str, kinds: tuple[Kind, ...]) -> Expression:
    try:
        found = parse_expression(body.text(key), scope, currency=currency)
    except AudienceError as error:
        body.refuse(key, f"`{key}`, column {error.column}: {error.reason}")
    if found.type.kind not in kinds:
        body.refuse(key, f"`{key}` is {' or '.join(kinds)}, this is {found.type}")
    return found


def _offer(body: Body) -> str:
    offer = body.text("offer")
    if offer not in _OFFERS:
        body.refuse("offer", f"`offer` is a category of product, or service{near(offer, _OFFERS)}")
    return offer


def _fen(currency: str, text: str) -> int:
    value = parse_value(text, currency=currency)
    node = value.node if isinstance(value, Expression) else None
    if not isinstance(node, Literal) or node.type.kind is not Kind.MONEY or not isinstance(node.value, int):
        raise ValueError("an amount with its unit is expected, as 2元")
    if node.value < 0:
        raise ValueError("a cost is not below zero")
    return node.value


def _days(text: str) -> int:
    return _whole(text.removesuffix(" days").removesuffix(" working").strip())


def _risk_class(body: Body) -> int | None:
    text = body.text("suitability")
    if text in ("", "none"):
        return None
    if text not in ("R1", "R2", "R3", "R4", "R5"):
        body.refuse("suitability", "`suitability` is R1 to R5, or none")
    return int(text[1])


def _roles(body: Body) -> frozenset[str]:
    for word in body.texts("roles"):
        if word not in ROLES:
            body.refuse("roles", f"a role is one of {', '.join(ROLES)}{near(word, ROLES)}")
    return frozenset(body.texts("roles"))


def _day(body: Body, key: str) -> dt.date | None:
    text = body.text(key)
    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError:
        body.refuse(key, "a day is written YYYY-MM-DD")
