"""What triggers and tags read: which tags are worked out here, and what comes from the night."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from quanke.bank.contracts import CONTRACTS, TableKind
from quanke.kernel.errors import QuankeError
from quanke.language.catalogue import Catalogue
from quanke.language.definitions import Trigger, leaves
from quanke.language.facts import table_of
from quanke.language.nodes import PER_CUSTOMER, Aggregate, Column, Node, Rank, Reference, references, walk
from quanke.language.types import Type

FROM_THE_NIGHT = frozenset({"models", "graph", "scores"})


def is_live(table: str) -> bool:
    """Whether rows of the table come one by one: events, and changes of balances."""
    contract = CONTRACTS.get(table)
    return contract is not None and contract.kind is not TableKind.SNAPSHOT


@dataclass(frozen=True)
class Reading:
    """What a set of triggers and tags stands on.

    `live`: expressions of the tags worked out here, by name. `profile`: columns of the night's profile with
    their types (tags that stand on a rank, a model or the graph, and earlier values). `aggregates` and
    `customers`: what else is read of each customer. `tables`: fact tables whose rows matter.
    """

    live: Mapping[str, Node]
    profile: Mapping[str, Type]
    aggregates: tuple[Aggregate, ...]
    customers: tuple[Column, ...]
    tables: frozenset[str]


def reading_of(catalogue: Catalogue, triggers: Sequence[Trigger], keep: Iterable[str] = ()) -> Reading:
    """What they stand on. Raises QuankeError for a trigger that reads a rank, a model or the graph itself: it
    reads a tag that holds it."""
    wanted = [*keep]
    for trigger in triggers:
        for leaf in leaves(trigger.expression):
            if isinstance(leaf, Rank) or (isinstance(leaf, Column) and leaf.table in FROM_THE_NIGHT):
                reason = "a trigger reads a place, a model or the graph by a tag that holds it"
                raise QuankeError(f"{trigger.name}: {reason}")
        wanted += [r.name for r in references(trigger.expression) if not r.earlier]
    live, frozen = _split(catalogue, wanted)
    profile: dict[str, Type] = {name: catalogue[name].result for name in frozen}
    aggregates: dict[Aggregate, None] = {}
    customers: dict[Column, None] = {}
    for node in _read_nodes([*live.values(), *(t.expression for t in triggers)]):
        if isinstance(node, Aggregate):
            aggregates[node] = None
        elif isinstance(node, Column) and node.table == "customers":
            customers[node] = None
        elif isinstance(node, Reference) and node.earlier:
            profile[node.name] = node.type
    tables = {node.table for node in aggregates if is_live(node.table)}
    tables |= {table for t in triggers for table in (t.table, t.unless_table) if table}
    return Reading(live, profile, tuple(aggregates), tuple(customers), frozenset(tables))


def _read_nodes(expressions: Iterable[Node]) -> Iterator[Node]:
    for expression in expressions:
        for leaf in leaves(expression):
            if isinstance(leaf, Rank):
                raise QuankeError("a place of everybody is not worked out live")
            yield leaf


def _split(catalogue: Catalogue, wanted: Iterable[str]) -> tuple[dict[str, Node], list[str]]:
    """The wanted tags and what they stand on: those worked out here, and the first ones met that stand on
    what only a night knows."""
    needed = catalogue.needed(wanted)
    nightly: set[str] = set()
    for definition in needed:
        by_itself = any(
            isinstance(n, Rank) or (isinstance(n, Column) and n.table in FROM_THE_NIGHT)
            for n in walk(definition.expression)
        )
        below = (r.name for r in references(definition.expression) if not r.earlier)
        if by_itself or any(name in nightly for name in below):
            nightly.add(definition.name)
    live: dict[str, Node] = {}
    frozen: dict[str, None] = {}
    stack = list(wanted)
    while stack:
        name = stack.pop()
        if name in nightly:
            frozen[name] = None
        elif name not in live:
            live[name] = catalogue[name].expression
            stack.extend(r.name for r in references(live[name]) if not r.earlier)
    return live, list(frozen)


def row_fields(table: str, nodes: Iterable[Node]) -> frozenset[str]:
    """Fields of a table's rows that expressions read, inside aggregates over the table as well."""
    found: set[str] = set()
    for node in nodes:
        for below in walk(node):
            if isinstance(below, Column) and below.table == table and table not in PER_CUSTOMER:
                found.add(below.name)
            elif isinstance(below, Aggregate) and below.table == table:
                found.add(below.window.field or table_of(table).date)
    return frozenset(found)
