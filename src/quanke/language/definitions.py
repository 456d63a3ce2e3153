"""Tag, Metric, Trigger and Check: frozen definitions, refused when declared if they cannot stand.

A definition has a name, titles in two languages, a unit, a class of personal data, a purpose, an
owner, and an expression. It can be used in other expressions like any value. Its class is the
highest of what it reads, never lower; its purpose must be allowed by every field it reads.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import ClassVar

from quanke.bank.contracts import Purpose, Sensitivity
from quanke.language.expressions import Expression, Operators
from quanke.language.facts import field_of
from quanke.language.nodes import (
    ALWAYS,
    PER_CUSTOMER,
    Aggregate,
    Column,
    Grain,
    Node,
    Reduce,
    Reference,
    depth,
    grain_of,
    references,
    type_of,
    walk,
)
from quanke.language.places import declared_at, refuse
from quanke.language.types import Kind, Type
from quanke.language.words import say

DEEPEST = 200
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")

WALLED: dict[Purpose, frozenset[Purpose]] = {
    # What a value made for one purpose may go on to serve. A figure made for risk or compliance
    # stays there (anti-money-laundering law Art. 7: never visible to marketing or managers).
    Purpose.SERVICE: frozenset(Purpose),
    Purpose.STATISTICS: frozenset({Purpose.STATISTICS, Purpose.RISK, Purpose.COMPLIANCE, Purpose.SERVICE}),
    Purpose.MARKETING: frozenset({Purpose.MARKETING, Purpose.SERVICE, Purpose.STATISTICS}),
    Purpose.RISK: frozenset({Purpose.RISK, Purpose.COMPLIANCE}),
    Purpose.COMPLIANCE: frozenset({Purpose.COMPLIANCE}),
}


@dataclass(frozen=True, eq=False, kw_only=True)
class Definition(Operators):
    """What every definition has. Use Tag, Metric, Trigger or Check."""

    kind: ClassVar[str] = "definition"
    grains: ClassVar[frozenset[Grain]] = frozenset()

    name: str
    title_zh: str
    title_en: str
    value: Expression | Operators
    purpose: Purpose = Purpose.SERVICE
    sensitivity: Sensitivity = Sensitivity.C1
    owner: str = "personal banking"
    unit: str = ""
    note_zh: str = ""
    note_en: str = ""
    where: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if not self.where:
            object.__setattr__(self, "where", declared_at())
        if not _NAME.match(self.name):
            raise refuse("a name is lower_snake_case, at most 63 characters", repr(self.name), self.where)
        if not self.title_zh or not self.title_en:
            raise refuse("a definition has a title in Chinese and in English", self.name, self.where)
        if not isinstance(self.value, Operators):
            raise refuse("its value is not an expression", self.name, self.where)
        self._check_shape()
        self._check_data()
        if not self.unit:
            object.__setattr__(self, "unit", _unit(self.expression))

    def _check_shape(self) -> None:
        grain = grain_of(self.expression)
        if grain not in self.grains:
            wanted = " or ".join(sorted(self.grains))
            raise refuse(f"a {self.kind} is a {wanted} value, this is a {grain} one", self.name, self.where)
        if depth(self.expression) > DEEPEST:
            raise refuse(f"its expression is more than {DEEPEST} levels deep", self.name, self.where)
        for reference in references(self.expression):
            if reference.name == self.name and not reference.earlier:
                raise refuse("it refers to itself", self.name, self.where)
            if reference.grain is Grain.POPULATION and Grain.POPULATION not in self.grains:
                reason = f"a {self.kind} cannot read the metric {reference.name}: metrics follow the tags"
                raise refuse(reason, self.name, self.where)
        for node in walk(self.expression):
            if isinstance(node, Aggregate) and node.reduce is Reduce.DAILY_MEAN and node.window == ALWAYS:
                raise refuse("`daily_mean` takes a window, as in .within(days(30))", self.name, self.where)

    def _check_data(self) -> None:
        highest = self.sensitivity
        for node in walk(self.expression):
            if isinstance(node, Column):
                source = field_of(node)
                if source is None:
                    continue
                if self.purpose not in source.purposes:
                    allowed = ", ".join(sorted(source.purposes))
                    reason = (
                        f"{node.table}.{node.name} may be read for {allowed} only, not for {self.purpose}"
                    )
                    raise refuse(reason, self.name, self.where)
                highest = max(highest, source.sensitivity)
        object.__setattr__(self, "sensitivity", highest)

    @property
    def expression(self) -> Node:
        """The expression's tree."""
        return self.value.node

    @property
    def result(self) -> Type:
        """Type of its value."""
        return type_of(self.expression)

    @property
    def grain(self) -> Grain:
        """What one value belongs to."""
        return grain_of(self.expression)

    @property
    def node(self) -> Node:
        """How others refer to it."""
        return Reference(self.name, self.result, self.grain)

    @property
    def fingerprint(self) -> str:
        """Digest of what it computes: equal when and only when the expression is equal."""
        return hashlib.sha256(f"{self.kind}|{self.name}|{self.expression!r}".encode()).hexdigest()[:16]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name} = {say(self.expression)})"


def _unit(node: Node) -> str:
    own = type_of(node)
    if own.unit:
        return own.unit
    return {Kind.MONEY: "yuan", Kind.RATE: "ratio", Kind.BOOLEAN: "yes/no"}.get(own.kind, "")


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Tag(Definition):
    """One value per customer."""

    kind: ClassVar[str] = "tag"
    grains: ClassVar[frozenset[Grain]] = frozenset({Grain.CUSTOMER, Grain.CONSTANT})

    @property
    def node(self) -> Node:
        """How others refer to it; a tag is a customer's even where it is the same for all."""
        return Reference(self.name, self.result, Grain.CUSTOMER)


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Metric(Definition):
    """One value per group of customers (the whole bank, a branch, a tier)."""

    kind: ClassVar[str] = "metric"
    grains: ClassVar[frozenset[Grain]] = frozenset({Grain.POPULATION})


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Trigger(Definition):
    """A condition on an arriving row, which may also read the customer's tags."""

    kind: ClassVar[str] = "trigger"
    grains: ClassVar[frozenset[Grain]] = frozenset({Grain.ROW})

    def _check_shape(self) -> None:
        super()._check_shape()
        _condition(self)
        tables = {
            n.table for n in walk(self.expression) if isinstance(n, Column) and n.table not in PER_CUSTOMER
        }
        if len(tables) != 1:
            raise refuse(
                f"a trigger reads rows of one table, not {', '.join(sorted(tables))}", self.name, self.where
            )


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Check(Definition):
    """A condition on a customer that should not hold; where it holds there is a finding."""

    kind: ClassVar[str] = "check"
    grains: ClassVar[frozenset[Grain]] = frozenset({Grain.CUSTOMER})
    severity: str = "review"

    def _check_shape(self) -> None:
        super()._check_shape()
        _condition(self)
        if self.severity not in ("info", "review", "high"):
            raise refuse("a check's severity is info, review or high", self.name, self.where)


def _condition(definition: Definition) -> None:
    if definition.result.kind is not Kind.BOOLEAN:
        raise refuse(
            f"a {definition.kind} is a condition, not {definition.result}", definition.name, definition.where
        )


def earlier(definition: Definition | str, of: Type | None = None) -> Expression:
    """A definition's value in an earlier night; unknown where there was none.

    In a tag or check the earlier night is the one published before this one, whichever day that was;
    in a metric it is the comparison night (the end of the month before, unless the run says
    otherwise). A definition that carries its own state forward cannot name itself as a Python
    object yet: it gives its name and type, `earlier("tier_rank", INTEGER)`. Metrics have no earlier
    value: DefinitionError.
    """
    if isinstance(definition, str):
        if of is None:
            raise refuse("an earlier value asked for by name needs its type", definition)
        return Expression(Reference(definition, of, Grain.CUSTOMER, earlier=True))
    if definition.grain is Grain.POPULATION:
        raise refuse(f"make the metric of earlier values: {definition.name} itself has none")
    node = definition.node
    assert isinstance(node, Reference)
    return Expression(Reference(node.name, node.type, node.grain, earlier=True))
