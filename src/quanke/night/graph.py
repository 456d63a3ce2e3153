"""The graph of a night: links, households, attribution, and what they give each customer."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from quanke.customers.graph.attribution import NEVER, attribute, sharing_consents
from quanke.customers.graph.derive import derive_links
from quanke.customers.graph.groups import Groups, find_groups
from quanke.customers.graph.households import find_households
from quanke.customers.graph.kinds import PARTY_KINDS
from quanke.customers.graph.profile import graph_columns
from quanke.customers.graph.rules import rules_on
from quanke.customers.graph.store import (
    BODIES_SCHEMA,
    MARKETABLE,
    PERSON_CODE,
    PIECES,
    SHARING,
    UNDER_14,
    People,
    no_bodies,
    write_store,
)
from quanke.customers.survivorship import SOURCE_PRIORITY
from quanke.engines.duckdb import connect
from quanke.engines.store.files import write_parquet
from quanke.language import Definition
from quanke.language.facts import graph as graph_table
from quanke.language.nodes import Column, Rank, references, walk
from quanke.night.steps import WORKERS, Run, working_column

COLUMNS = tuple(graph_table.fields)
"""Columns of the group `graph`."""
KEPT = ("graph", "attribution.parquet", "households.parquet")
"""What the step adds to a published night."""
_TABLES = ("relations", "transactions", "accounts", "organisations", "channel_events", "parties", "consents")
_READ = {
    # bit of the flags -> tags of which one has to hold, or be above zero
    PIECES["account"]: ("accounts_open",),
    PIECES["card"]: ("cards_open",),
    PIECES["wages"]: ("has_salary",),
    PIECES["mobile"]: ("logins_90d",),
    PIECES["wealth"]: ("has_wealth", "has_fund"),
    UNDER_14: ("is_under_14",),
    MARKETABLE: ("may_be_marketed",),
}
FEATURES = frozenset({"aum", "branch", "first_account_on", *(n for names in _READ.values() for n in names)})
"""Tags the graph stands on."""


def linked(derived: Sequence[Definition]) -> tuple[list[Definition], list[Definition]]:
    """Of definitions that wait for something, those that wait for the graph alone, and the others."""
    now: list[Definition] = []
    later: list[Definition] = []
    late: set[str] = set()
    for definition in derived:
        waits = any(
            isinstance(n, Rank) or (isinstance(n, Column) and n.table in ("models", "scores"))
            for n in walk(definition.expression)
        )
        if waits or any(r.name in late and not r.earlier for r in references(definition.expression)):
            late.add(definition.name)
            later.append(definition)
        else:
            now.append(definition)
    return now, later


def graph_parts(run: Run) -> None:
    """Write `graph/`, attribution, households and the group `graph`; nothing where all of it is there."""
    working, folder = run.working, run.working.file("graph")
    there = all(working.file(name).exists() for name in KEPT)
    if there and not working.missing("graph", run.inputs.parts):
        return
    for old in (folder, folder.with_name("graph.making")):
        shutil.rmtree(old, ignore_errors=True)
    with run.progress.step("graph", 4) as step:
        relations = {table: run.inputs.relation(table) for table in _TABLES}
        rules, day = rules_on(run.day), (run.day - dt.date(1970, 1, 1)).days
        known = _known(run)
        with connect(threads=WORKERS, memory=run.memory, spill=working.path / "spill") as connection:
            links = derive_links(connection, relations, run.day, rules)
            step.advance(1)
            groups = find_groups(connection, relations, run.day, rules, run.inputs.customers)
            consents = sharing_consents(connection, relations["consents"], run.day)
            bodies = _bodies(connection, relations["organisations"])
            step.advance(1)
        agreed = consents.held(np.full(run.inputs.customers, day, np.int32))
        known.flags[agreed] |= SHARING
        homes = find_households(links, known.person, known.aum, day, rules.household_cap)
        brought = attribute(links, known.person, known.opened, consents.held(known.opened), rules.split)
        columns = graph_columns(
            links, known.person, known.flags, known.opened, homes, brought, groups.sizes, day
        )
        step.advance(1)
        for part in range(run.inputs.parts):
            low, high = run.inputs.reach(part)
            numbers = {"customer": pa.array(np.arange(low, high, dtype=np.int32))}
            table = pa.table({**numbers, **{name: columns[name].cut(low, high) for name in COLUMNS}})
            write_parquet(working.part("graph", part), table)
        write_parquet(working.file("households.parquet"), homes.table())
        write_parquet(working.file("attribution.parquet"), brought)
        write_store(
            folder,
            run.day,
            links,
            _people(known, homes.household, brought),
            members=homes.members(),
            bodies=bodies,
            branches=known.branches,
            groups=_of_persons(groups, known.person),
            split=homes.split,
        )
        step.advance(1)


@dataclass
class _Known:
    """What the base tags say of everybody, by customer number."""

    kind: NDArray[np.uint8]
    person: NDArray[np.bool_]
    flags: NDArray[np.uint16]
    aum: NDArray[np.int64]
    opened: NDArray[np.int32]
    branch: NDArray[np.int32]
    branches: tuple[str, ...]


def _known(run: Run) -> _Known:
    kinds = [pq.read_table(run.golden(p), columns=["kind"])["kind"] for p in range(run.inputs.parts)]
    names = pa.chunked_array([c for each in kinds for c in each.chunks], pa.string())
    kind = _codes(names, list(PARTY_KINDS)).astype(np.uint8)
    flags = np.zeros(run.inputs.customers, np.uint16)
    for bit, tags in _READ.items():
        for tag in tags:
            flags[_holds(working_column(run, "base", tag))] |= bit
    opened = working_column(run, "base", "first_account_on").cast(pa.int32())
    branch = working_column(run, "base", "branch")
    branches = sorted(b for b in pc.unique(branch).to_pylist() if b is not None)
    return _Known(
        kind=kind,
        person=kind == PERSON_CODE,
        flags=flags,
        aum=working_column(run, "base", "aum").fill_null(0).to_numpy().astype(np.int64),
        opened=opened.fill_null(NEVER).to_numpy(),
        branch=_codes(branch, branches, absent=-1).astype(np.int32),
        branches=tuple(branches),
    )


def _holds(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Where a condition is true, or a count above zero."""
    if not pa.types.is_boolean(column.type):
        column = pc.greater(column, 0)
    held: NDArray[np.bool_] = column.fill_null(False).to_numpy()
    return held


def _codes(names: pa.ChunkedArray, values: list[str], absent: int = 0) -> NDArray[Any]:
    """The place of each name among values; `absent` for none of them."""
    places: NDArray[Any] = pc.index_in(names, pa.array(values, pa.string())).fill_null(absent).to_numpy()
    return places


def _people(known: _Known, household: NDArray[np.int32], brought: pa.Table) -> People:
    won = np.full((2, len(known.kind)), -1, np.int32)
    customer = brought["customer"].to_numpy()
    won[0, customer] = brought["body"].to_numpy()
    won[1, customer] = brought["government"].fill_null(-1).to_numpy()
    return People(known.kind, known.flags, known.branch, known.aum, household, won[0], won[1])


def _bodies(connection: duckdb.DuckDBPyConnection, organisations: str) -> pa.Table:
    """Organisations with kind, headcount and name from the first source that knows each."""
    if not organisations:
        return no_bodies()
    order = " ".join(f"WHEN '{source}' THEN {i}" for i, source in enumerate(SOURCE_PRIORITY))
    place = f"ROW(CASE source {order} ELSE {len(SOURCE_PRIORITY)} END, source, party_id)"
    firsts = ", ".join(f"arg_min({name}, {place}) AS {name}" for name in ("kind", "headcount", "name"))
    return connection.sql(
        f"SELECT customer, {firsts} FROM {organisations} GROUP BY customer ORDER BY customer"
    ).to_arrow_table().cast(BODIES_SCHEMA)  # fmt: skip


def _of_persons(groups: Groups, person: NDArray[np.bool_]) -> pa.Table:
    return groups.table.filter(pa.array(person[groups.table["customer"].to_numpy()]))
