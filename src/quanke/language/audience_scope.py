"""What a name means in a text: a tag, a field, or the Chinese title of one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from quanke.bank.contracts import Field, Purpose
from quanke.language.catalogue import Catalogue, purposes_of
from quanke.language.definitions import Check, Definition, Metric, Tag, Trigger
from quanke.language.expressions import Expression, Operators
from quanke.language.facts import FactTable, customers, field_of
from quanke.language.nodes import Call, Column, Literal, Node, Reference
from quanke.language.places import refuse
from quanke.language.types import Kind

_LONGEST_SUGGESTED = 64
_SHOWN = 12
_DEEPEST_TOLD = 40


def near(word: str, known: Iterable[str], shown: int = 2) -> str:
    """` ; did you mean ...?` for the known words closest to one nobody knows, or nothing."""
    if len(word) > _LONGEST_SUGGESTED:
        return ""
    by_lower = {name.lower(): name for name in known}
    found = difflib.get_close_matches(word.lower(), by_lower, n=shown, cutoff=0.6)
    return f"; did you mean {' or '.join(f'`{by_lower[f]}`' for f in found)}?" if found else ""


@dataclass(frozen=True)
class Scope:
    """Where names are looked up.

    `definitions` may be used by name or by title; fields of `table` stand bare, fields of `tables`
    with the table's name before (`customers.city`). `fields_first` lets a field win over a
    definition of the same name. With a `purpose`, what it may not read is refused. `earlier` says
    whether values of the comparison night may be asked for.
    """

    definitions: Mapping[str, Definition]
    table: FactTable = customers
    tables: Mapping[str, FactTable] = field(default_factory=lambda: {"customers": customers})
    fields_first: bool = False
    purpose: Purpose | None = None
    usable: tuple[type[Definition], ...] = (Tag, Check)
    earlier: bool = True

    @cached_property
    def titles(self) -> dict[str, list[str]]:
        """Chinese title -> the names that bear it, definitions before fields."""
        found: dict[str, list[str]] = {}
        for definition in self.definitions.values():
            found.setdefault(definition.title_zh, []).append(definition.name)
        for known in self.table.fields.values():
            if known.title_zh not in found:
                found[known.title_zh] = [known.name]
        return found

    def find(self, name: str) -> Operators:
        """The tag or field of that name or title. Raises DefinitionError."""
        known = self._known(name)
        if known is not None:
            return known
        bearers = self.titles.get(name, [])
        if len(bearers) > 1:
            raise refuse(f"several have this title: write the name, {' or '.join(sorted(bearers))}")
        if bearers:
            return self.find(bearers[0])
        every = [*self.definitions, *self.table.fields, *self.titles]
        advice = near(name, every) or "; `quanke tags` lists the tags"
        raise refuse(f"there is no tag or field of this name{advice}")

    def field(self, table: str, name: str) -> Operators:
        """The field `table.name`. Raises DefinitionError."""
        if table not in self.tables:
            raise refuse(f"there is no table of this name; there is {', '.join(self.tables)}")
        source = self.tables[table]
        if name not in source.fields:
            raise refuse(f"{table} has no field of this name{near(name, source.fields)}")
        return self._allowed_field(source, source.fields[name])

    def holds(self, category: str) -> Operators:
        """The tag that says whether a customer holds a category of product. Raises DefinitionError."""
        known = sorted(n[4:] for n, d in self.definitions.items() if _tells_holding(d))
        if category not in known:
            if not known:
                raise refuse("this catalogue has no tags that tell what a customer holds (has_...)")
            hint = near(category, known, shown=1)
            raise refuse(f"there is no such category of holding{hint} (known: {', '.join(known)})")
        return self._allowed(self.definitions[f"has_{category}"])

    def values_of(self, node: Node) -> frozenset[str]:
        """All texts a tag or field can hold, where they are known; empty where they are not."""
        if not isinstance(node, (Reference, Column)):
            return frozenset()
        return _texts(node, self.definitions, self._told, 0) or frozenset()

    @cached_property
    def _told(self) -> dict[str, frozenset[str] | None]:
        return {}

    def _known(self, name: str) -> Operators | None:
        definition, source = self.definitions.get(name), self.table.fields.get(name)
        if source is not None and (self.fields_first or definition is None):
            return self._allowed_field(self.table, source)
        return None if definition is None else self._allowed(definition)

    def _allowed(self, definition: Definition) -> Operators:
        if not isinstance(definition, self.usable):
            raise refuse(_unfit(definition))
        known = self.definitions
        purposes = (
            known.purposes(definition.name) if isinstance(known, Catalogue) else purposes_of([definition])
        )
        if self.purpose is not None and self.purpose not in purposes:
            allowed = ", ".join(sorted(purposes))
            raise refuse(f"`{definition.name}` may be used for {allowed} only, not for {self.purpose}")
        return definition

    def _allowed_field(self, table: FactTable, known: Field) -> Operators:
        if self.purpose is not None and self.purpose not in known.purposes:
            allowed = ", ".join(sorted(known.purposes))
            name = f"{table.name}.{known.name}"
            raise refuse(f"`{name}` may be read for {allowed} only, not for {self.purpose}")
        return Expression(table.column(known.name))


def _tells_holding(definition: Definition) -> bool:
    return definition.name.startswith("has_") and definition.result.kind is Kind.BOOLEAN


def _unfit(definition: Definition) -> str:
    if isinstance(definition, Metric):
        return f"`{definition.name}` is a metric, one figure for many customers; here each customer is asked"
    if isinstance(definition, Trigger):
        return f"`{definition.name}` is a trigger, about an arriving row; here each customer is asked"
    return f"`{definition.name}` is a {definition.kind}, which cannot be used here"


def _texts(
    node: Node, definitions: Mapping[str, Definition], told: dict[str, frozenset[str] | None], level: int
) -> frozenset[str] | None:
    """Texts a node can give, or None where they cannot be told. `told` remembers definitions."""
    if level > _DEEPEST_TOLD:
        return None
    if isinstance(node, Literal):
        if node.value is None:
            return frozenset()
        return frozenset([node.value]) if isinstance(node.value, str) else None
    if isinstance(node, Column):
        known = field_of(node)
        return frozenset(known.values) if known is not None and known.values else None
    if isinstance(node, Reference):
        if node.name not in told:
            used = definitions.get(node.name)
            told[node.name] = None if used is None else _texts(used.expression, definitions, told, level + 1)
        return told[node.name]
    if isinstance(node, Call) and node.operation in ("case", "coalesce"):
        values = node.arguments
        if node.operation == "case":
            values = (*values[1:-1:2], values[-1])
        found = [_texts(v, definitions, told, level + 1) for v in values]
        if all(f is not None for f in found):
            return frozenset().union(*(f for f in found if f is not None))
    return None


def list_values(values: Iterable[str]) -> str:
    """The values for a message, in order, at most a dozen."""
    every = sorted(values)
    more = f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return ", ".join(every[:_SHOWN]) + more
