"""Limits of the plan as data: what is scarce, for whom, how much of it there is, how much must be used.

limits:
  post_minutes:
    zh: 岗位时间
    en: Minutes of each post
    of: minutes                   # minutes, contacts, cost; or rhythm
    by: owner                     # which actions: by, means, offer, actions; none of them: all
    per: post                     # a row for each post, or each value of a tag; nothing: one row
    capacity: 240                 # of each row; also `3% of customers`, `300 per seat of remote_seat`
  sms_shares:
    of: contacts
    means: sms
    per: branch
    at_least: 50% of sms_budget   # of that limit's capacity, by how many can be reached in each row
  rhythm:
    of: rhythm                    # who is due by the contact standard has to be contacted,
    capacity: 60% of post_minutes # as far as they take no more than this of it
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from quanke.bank.contracts import CATEGORIES, ROLES
from quanke.kernel.errors import QuankeError
from quanke.language import Catalogue, Expression, Tag
from quanke.language.audience import parse_value
from quanke.language.audience_scope import near
from quanke.language.nodes import Literal
from quanke.language.types import Kind
from quanke.plans.actions.action import Action, By, Means
from quanke.plans.declared import Body
from quanke.segments.dated import Dated

POST = "post"
_KEYS = ("zh", "en", "of", "by", "means", "offer", "actions", "per", "capacity", "at_least")
_PLAIN = re.compile(r"\d[\d_]*\Z")
_SHARE = re.compile(r"(\d+(?:\.\d+)?)% of ([a-z][a-z0-9_]*)\Z")
_SEATS = re.compile(r"(\d[\d_]*) per seat of ([a-z][a-z0-9_]*)\Z")
_MILLION = 1_000_000


class Of(StrEnum):
    """What a limit counts. `rhythm`: the contacts that the contact standard asks for."""

    MINUTES = "minutes"
    CONTACTS = "contacts"
    COST = "cost"
    RHYTHM = "rhythm"


class Unit(StrEnum):
    """What a quantity is measured by: itself, customers in scope, filled posts of a role, another limit."""

    PLAIN = "plain"
    CUSTOMERS = "customers"
    SEATS = "seats"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True)
class Quantity:
    """So much: `number` (of shares: millionths) of `unit`, of the role or limit `name`."""

    number: Dated
    unit: Unit = Unit.PLAIN
    name: str = ""

    def sheet(self) -> list[Any]:
        """Plain data."""
        return [str(self.unit), self.name, [[str(day), value] for day, value in self.number.values]]


@dataclass(frozen=True, kw_only=True)
class Budget:
    """One limit as it is declared. `by`, `means`, `offers`, `actions`: which actions use it (empty: any);
    `per` empty: one row; `post`: one a post; else the tag whose values are its rows."""

    name: str
    title_zh: str
    title_en: str
    of: Of
    by: frozenset[By] = frozenset()
    means: frozenset[Means] = frozenset()
    offers: frozenset[str] = frozenset()
    actions: frozenset[str] = frozenset()
    per: str = ""
    capacity: Quantity | None = None
    at_least: Quantity | None = None

    @property
    def share_of(self) -> str:
        """The other limit it is a share of; empty for none."""
        found = next((q for q in (self.capacity, self.at_least) if q and q.unit is Unit.LIMIT), None)
        return found.name if found else ""

    def wrong_share(self, before: Mapping[str, Budget]) -> str:
        """What is wrong with the limit it is a share of, among those that stand before it; empty: nothing."""
        name = self.share_of
        if not name:
            return ""
        if name not in before:
            return (
                f"it is a share of {name!r}, and no limit of that name stands before it{near(name, before)}"
            )
        other = before[name]
        if self.of is Of.RHYTHM:
            fits = other.of is Of.MINUTES and other.per == POST and other.capacity is not None
            return "" if fits else "rhythm is a share of the minutes of posts"
        fits = not other.per and other.capacity is not None and other.of is self.of
        return "" if fits else f"{name!r} must have one capacity for everybody, and count {self.of} as well"

    def concerns(self, action: Action) -> bool:
        """Whether an action uses it."""
        if self.of is Of.RHYTHM:
            return action.keeps_rhythm
        return (
            (not self.by or action.by in self.by)
            and (not self.means or action.means in self.means)
            and (not self.offers or action.offer in self.offers)
            and (not self.actions or action.name in self.actions)
        )

    def uses(self, action: Action, day: dt.date) -> int:
        """How much of it an action uses: minutes, contacts, or fen."""
        if not self.concerns(action):
            return 0
        if self.of is Of.MINUTES:
            return action.minutes.on(day)
        return action.cost.on(day) if self.of is Of.COST else 1

    def sheet(self) -> dict[str, Any]:
        """Everything that decides what it allows, as plain data."""
        return {
            "name": self.name,
            "title_zh": self.title_zh,
            "title_en": self.title_en,
            "of": str(self.of),
            "by": sorted(self.by),
            "means": sorted(self.means),
            "offers": sorted(self.offers),
            "actions": sorted(self.actions),
            "per": self.per,
            "capacity": self.capacity and self.capacity.sheet(),
            "at_least": self.at_least and self.at_least.sheet(),
        }


def read_budget(body: Body, catalogue: Catalogue) -> Budget:
    """A limit of a plan file. Raises DefinitionError."""
    body.keys(_KEYS, ("zh", "en", "of"))
    of = body.choice("of", Of)
    per = body.text("per")
    tag = catalogue.get(per)
    if per not in ("", POST) and not (isinstance(tag, Tag) and tag.result.kind is Kind.TEXT):
        body.refuse("per", f"`per` is post, or a tag whose values are texts{near(per, [POST, *catalogue])}")
    capacity, at_least = _quantity(body, "capacity", of), _quantity(body, "at_least", of)
    if capacity is None and at_least is None:
        body.refuse("", "a limit has a `capacity`, an `at_least`, or both")
    if capacity and capacity.unit is Unit.LIMIT and of is not Of.RHYTHM:
        body.refuse("capacity", "only `rhythm` is a share of another limit")
    if of is Of.RHYTHM and (per or at_least or not capacity or capacity.unit is not Unit.LIMIT):
        body.refuse("of", "rhythm has a `capacity` as `60% of post_minutes`, and nothing else")
    return Budget(
        name=body.named(),
        title_zh=body.text("zh"),
        title_en=body.text("en"),
        of=of,
        by=body.choices("by", By),
        means=body.choices("means", Means),
        offers=_offers(body),
        actions=frozenset(body.texts("actions")),
        per=per,
        capacity=capacity,
        at_least=at_least,
    )


def _offers(body: Body) -> frozenset[str]:
    known = (*CATEGORIES, "service")
    for word in body.texts("offer"):
        if word not in known:
            body.refuse("offer", f"`offer` is a category of product, or service{near(word, known)}")
    return frozenset(body.texts("offer"))


def _quantity(body: Body, key: str, of: Of) -> Quantity | None:
    if not body.has(key):
        return None
    units: set[tuple[Unit, str]] = set()

    def read(text: str) -> int:
        number, unit, name = _measured(text, of)
        units.add((unit, name))
        return number

    number = body.dated(key, read)
    if len(units) > 1:
        body.refuse(key, f"`{key}` is measured the same way on every day")
    unit, name = units.pop()
    return Quantity(number, unit, name)


def _measured(text: str, of: Of) -> tuple[int, Unit, str]:
    if _PLAIN.match(text) and of is not Of.COST:
        return int(text), Unit.PLAIN, ""
    if share := _SHARE.match(text):
        millionths = Decimal(share[1]) * _MILLION / 100
        if millionths != millionths.to_integral_value() or millionths > _MILLION:
            raise ValueError("a share is at most 100 %, with at most four decimals")
        unit = Unit.CUSTOMERS if share[2] == "customers" else Unit.LIMIT
        return int(millionths), unit, "" if unit is Unit.CUSTOMERS else share[2]
    if seats := _SEATS.match(text):
        if seats[2] not in ROLES:
            raise ValueError(f"a seat is a post of a role{near(seats[2], ROLES)}")
        return int(seats[1]), Unit.SEATS, seats[2]
    if of is Of.COST:
        return _fen(text), Unit.PLAIN, ""
    raise ValueError("a number, `3% of customers` or `300 per seat of remote_seat` is expected")


def _fen(text: str) -> int:
    try:
        value = parse_value(text)
    except QuankeError:
        raise ValueError("an amount with its unit is expected, as 5_000元") from None
    node = value.node if isinstance(value, Expression) else None
    if not isinstance(node, Literal) or node.type.kind is not Kind.MONEY or not isinstance(node.value, int):
        raise ValueError("an amount with its unit is expected, as 5_000元")
    if node.value < 0:
        raise ValueError("an amount of a limit is not below zero")
    return node.value
