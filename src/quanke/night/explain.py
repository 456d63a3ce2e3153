"""Why a customer is what the night says: each tag with its value, what it was made of, and where
that comes from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from quanke.bank.home import Home
from quanke.customers.register import register_of
from quanke.customers.register.asking import party_of
from quanke.engines.memory import value_of
from quanke.engines.store import Night
from quanke.kernel.errors import NightError
from quanke.kernel.money import format_amount
from quanke.language import Catalogue, Definition, say
from quanke.language.nodes import Call, Node, Reference, references
from quanke.language.types import Kind


@dataclass(frozen=True)
class Explanation:
    """One tag of one customer. `reason` is the part of the expression that decided (of a case: the
    condition that was true); `because` are the values it was made of, as shown to people."""

    name: str
    title_zh: str
    title_en: str
    shown: str
    value: Any
    expression: str
    reason: str
    because: dict[str, str]
    fields: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        value = self.value
        if isinstance(value, (dt.date, dt.datetime)):
            value = value.isoformat()
        elif isinstance(value, Decimal):
            value = str(value)
        return {
            "name": self.name,
            "title_zh": self.title_zh,
            "title_en": self.title_en,
            "value": value,
            "shown": self.shown,
            "expression": self.expression,
            "reason": self.reason,
            "because": self.because,
            "fields": list(self.fields),
        }


def find_customer(home: Home, given: str, night: Night | None = None) -> int:
    """Customer number of "123" or of "source:party_id", today or as a night saw it.

    Raises NightError where there is none.
    """
    if given.isascii() and given.isdecimal():
        return int(given)
    source, colon, party = given.partition(":")
    if not colon or not party:
        raise NightError("a customer is named by number, or by source:party_id (as core:P0000001)")
    number = party_of(home, source, party)
    if number is None:
        raise NightError("no party of that number is known from that source")
    register = register_of(home)
    if night is None:
        return int(register.customer[number])
    return night.moved.get(number, int(register.loaded[number]))


def explain(
    night: Night, catalogue: Catalogue, customer: int, currency: str, names: Collection[str] = ()
) -> list[Explanation]:
    """Every tag of a customer (or those of `names`, of which only what they stand on is read), in computing
    order. Of a number that was taken into another customer, his."""
    customer = night.absorbed.get(customer, customer)
    tags = [d for d in catalogue.tags if not names or d.name in names]
    read = (
        {d.name for d in tags} | {r.name for d in tags for r in references(d.expression)} if names else None
    )
    row = night.row(customer, _held(night, read))
    earlier = _earlier(night, customer, read)
    return [
        _explain(catalogue, definition, row, earlier, currency, night.day)
        for definition in tags
        if definition.name in row
    ]


def _held(night: Night, names: Collection[str] | None) -> list[str] | None:
    return None if names is None else [name for name in night.columns if name in names]


def _earlier(night: Night, customer: int, names: Collection[str] | None) -> dict[str, Any]:
    day = night.manifest.get("earlier")
    path = night.path.parent / str(day)
    if day is None or not path.exists():
        return {}
    before = Night(path)
    return before.row(customer, _held(before, names)) if customer < before.rows else {}


def _explain(
    catalogue: Catalogue,
    definition: Definition,
    row: dict[str, Any],
    earlier: dict[str, Any],
    currency: str,
    day: dt.date,
) -> Explanation:
    reason, reads = _deciding(definition.expression, row, earlier, day, currency)
    because = {}
    for reference in dict.fromkeys(r for node in reads for r in references(node)):
        used = catalogue[reference.name]
        values = earlier if reference.earlier else row
        label = f"earlier {reference.name}" if reference.earlier else reference.name
        because[label] = show(values.get(reference.name), used, currency)
    lineage = catalogue.lineage(definition.name)
    return Explanation(
        definition.name,
        definition.title_zh,
        definition.title_en,
        show(row[definition.name], definition, currency),
        row[definition.name],
        say(definition.expression, currency),
        reason,
        because,
        lineage.all_fields,
    )


def _deciding(
    node: Node, row: dict[str, Any], earlier: dict[str, Any], day: dt.date, currency: str
) -> tuple[str, tuple[Node, ...]]:
    """What decided, in words, with the nodes that were read for it: of a case, the value that was
    taken and the condition that was true.

    A condition that reads more than tags cannot be decided from a profile; then the whole case stands.
    """
    if not isinstance(node, Call) or node.operation != "case":
        return say(node, currency), (node,)

    def read(inner: Node) -> Any:
        values = earlier if isinstance(inner, Reference) and inner.earlier else row
        if not isinstance(inner, Reference) or inner.name not in values:
            raise LookupError
        return values[inner.name]

    *pairs, otherwise = node.arguments
    for condition, value in zip(pairs[::2], pairs[1::2], strict=True):
        try:
            holds = value_of(condition, day, read)
        except LookupError:
            return say(node, currency), (node,)
        if holds:
            words, reads = _deciding(value, row, earlier, day, currency)
            return f"{words}, because {say(condition, currency)}", (*reads, condition)
    words, reads = _deciding(otherwise, row, earlier, day, currency)
    return f"{words}, because nothing before it holds", (*reads, node)


def show(value: Any, definition: Definition, currency: str) -> str:
    """A value as people read it."""
    if value is None:
        return "-"
    kind = definition.result.kind
    if kind is Kind.MONEY:
        amount = format_amount(value)
        return f"{amount}元" if currency == "CNY" else f"{amount} {currency}"
    if kind is Kind.BOOLEAN:
        return "yes" if value else "no"
    if kind is Kind.RATE:
        return f"{value.normalize():f}" if value else "0"
    return f"{value} {definition.unit}".strip() if kind is Kind.INTEGER and definition.unit else str(value)
