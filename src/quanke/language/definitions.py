"""Tag, Metric, Trigger and Check: frozen definitions, refused when declared if they cannot stand.

A definition has a name, titles in two languages, a unit, a class of personal data, a purpose, an
owner, and an expression. It can be used in other expressions like any value. Its class is the
highest of what it reads, never lower; its purpose must be allowed by every field it reads.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from quanke.bank.contracts import Purpose, Sensitivity
from quanke.language.expressions import Expression, Operators
from quanke.language.facts import field_of, table_of
from quanke.language.nodes import (
    ALWAYS,
    PER_CUSTOMER,
    Aggregate,
    AsOf,
    Call,
    Column,
    Grain,
    Literal,
    Node,
    Reduce,
    Reference,
    Span,
    Window,
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
MOST_HOURS = 24 * 366
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
        for node in (n for tree in self.trees for n in walk(tree)):
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
    def trees(self) -> tuple[Node, ...]:
        """Every tree it is made of; only a trigger that waits for something has two."""
        return (self.expression,)

    @property
    def words(self) -> str:
        """What it computes, as one line."""
        return say(self.expression)

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


class Occasion(StrEnum):
    """What makes a trigger fire."""

    ROW = "row"
    ABSENCE = "absence"
    DAY = "day"


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Trigger(Definition):
    """A condition that makes a decision for one customer at the moment it comes true.

    * On a row (`Occasion.ROW`): `value` reads an arriving row of one fact table, and may read the
      customer's tags as they stand with that row counted.
    * On an absence (`Occasion.ABSENCE`): `value` is such a condition on a row, which arms the trigger;
      it fires unless a row comes for which `unless` is true, within the time after the arming row:
      `within=days(7)` (whole natural days; the day of the arming row is not counted, but a row on it
      counts) or `hours=48` (by the moment `at` of both rows).
    * On a day (`Occasion.DAY`): `value` reads the customer alone and is looked at once a day.
    """

    kind: ClassVar[str] = "trigger"
    grains: ClassVar[frozenset[Grain]] = frozenset({Grain.ROW, Grain.CUSTOMER})
    unless: Expression | Operators | None = None
    within: Window | None = None
    hours: int = 0

    @property
    def occasion(self) -> Occasion:
        """What makes it fire."""
        if self.unless is not None:
            return Occasion.ABSENCE
        return Occasion.ROW if self.grain is Grain.ROW else Occasion.DAY

    @property
    def table(self) -> str:
        """The fact table whose rows it looks at; empty for a trigger on a day."""
        return "".join(sorted(row_tables(self.expression)))

    @property
    def unless_table(self) -> str:
        """The fact table whose rows call it off; empty where there is none."""
        return "" if self.unless is None else "".join(sorted(row_tables(self.unless.node)))

    @property
    def trees(self) -> tuple[Node, ...]:
        """The condition, and what calls it off."""
        return (self.expression,) if self.unless is None else (self.expression, self.unless.node)

    @property
    def words(self) -> str:
        """The condition in words, with what calls it off."""
        if self.unless is None:
            return say(self.expression)
        time = f"{self.hours} hours" if self.hours else str(self.within)
        return f"{say(self.expression)}, unless {say(self.unless.node)} within {time}"

    @property
    def fingerprint(self) -> str:
        """Digest of what it computes."""
        if self.unless is None:
            return super().fingerprint
        told = f"{self.kind}|{self.name}|{self.trees!r}|{self.within!r}|{self.hours}"
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    def _check_shape(self) -> None:
        super()._check_shape()
        _condition(self)
        tables = row_tables(self.expression)
        if self.grain is Grain.ROW and len(tables) != 1:
            raise refuse(
                f"a trigger reads rows of one table, not {', '.join(sorted(tables))}", self.name, self.where
            )
        if any(
            isinstance(leaf, Column) and (leaf.table, leaf.name) == ("balances", "balance")
            for tree in self.trees
            for leaf in leaves(tree)
        ):
            reason = "a row of balances holds a change: the balance with it is `level`, as a tag or here"
            raise refuse(reason, self.name, self.where)
        if self.unless is not None:
            self._check_absence(self.unless)
        elif self.within is not None or self.hours:
            raise refuse("a time goes with `unless`: what must come within it", self.name, self.where)

    def _check_absence(self, unless: Expression | Operators) -> None:
        tables = row_tables(unless.node)
        reason = ""
        if self.grain is not Grain.ROW:
            reason = "what is missed is armed by a row, and `value` reads none"
        elif unless.type.kind is not Kind.BOOLEAN or grain_of(unless.node) is not Grain.ROW:
            reason = "`unless` is a condition on a row"
        elif len(tables) != 1 or any(not isinstance(n, Column) for n in leaves(unless.node)):
            reason = "`unless` reads rows of one table and nothing else"
        elif (self.within is None) == (not self.hours):
            reason = "`unless` takes one time: within=days(7), or hours=48"
        elif self.within is not None and self.within != Window(Span.DAYS, self.within.length):
            reason = "the time of `unless` is so many natural days, as in within=days(7)"
        elif not 0 <= self.hours <= MOST_HOURS:
            reason = f"`hours` is at most {MOST_HOURS}"
        elif self.hours and any("at" not in table_of(t).fields for t in (*tables, self.table)):
            reason = "hours are counted between moments, and one of the tables has no field `at`"
        elif not all(table_of(t).date for t in (*tables, self.table)):
            reason = "a time is counted between rows with a date"
        if reason:
            raise refuse(reason, self.name, self.where)


def leaves(node: Node) -> Iterator[Node]:
    """What an expression reads: fields, references, aggregates and places; constants left out."""
    stack = [node]
    while stack:
        top = stack.pop()
        if isinstance(top, Call):
            stack.extend(reversed(top.arguments))
        elif not isinstance(top, (Literal, AsOf)):
            yield top


def row_tables(node: Node) -> frozenset[str]:
    """Fact tables whose rows an expression reads (not by way of an aggregate)."""
    return frozenset(n.table for n in leaves(node) if isinstance(n, Column) and n.table not in PER_CUSTOMER)


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
