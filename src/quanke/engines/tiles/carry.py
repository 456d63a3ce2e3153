"""Values of definitions carried from one night to the next: computed again only where an input changed.

Every definition of a part is looked at in computing order. Its rows to compute are those where an aggregate,
a golden field, an earlier value or another definition it reads has changed; all rows where it reads the
as-of day itself, or was defined otherwise in the night before. What comes out is compared with the old value,
and only a difference is handed on to the definitions that read it. NumPy computes (`engines/live`), whose
results are DuckDB's bit for bit, but for the last digit of logarithm and exponential: those few definitions
are computed by DuckDB here as well.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import duckdb
import numpy as np
import pyarrow as pa

from quanke.engines.duckdb import DIALECT
from quanke.engines.live.columns import Column
from quanke.engines.live.program import Program
from quanke.engines.statements import lower
from quanke.engines.tiles.advance import Advanced
from quanke.engines.tiles.columns import (
    Bools,
    differing,
    differing_texts,
    from_arrow,
    lengthened,
    replaced,
    to_arrow,
    unknown,
)
from quanke.language.definitions import Definition
from quanke.language.nodes import Aggregate, AsOf, Call, Node, Reference, children, type_of
from quanke.language.nodes import Column as Field
from quanke.language.types import Kind, Type

INEXACT = frozenset({"logarithm", "exponential"})
MOST = 0.4
"""Where more than this share of rows is to be computed, all are: gathering costs more than computing."""
Read = Callable[[str], pa.ChunkedArray]


@dataclass(frozen=True)
class Carried:
    """A definition prepared for all parts. `own` are the nodes it reads of a customer; `day` whether it
    reads the as-of day outside an aggregate; `again` whether the night before defined it otherwise."""

    definition: Definition
    own: tuple[Node, ...]
    day: bool
    inexact: bool
    program: Program
    again: bool

    @classmethod
    def of(cls, definition: Definition, again: bool) -> Carried:
        """Prepare a definition."""
        nodes = list(_of_customer(definition.expression))
        own = tuple(dict.fromkeys(n for n in nodes if isinstance(n, (Aggregate, Field, Reference))))
        return cls(
            definition,
            own,
            any(isinstance(n, AsOf) for n in nodes),
            any(isinstance(n, Call) and n.operation in INEXACT for n in nodes),
            Program([definition.expression]),
            again,
        )


def _of_customer(node: Node) -> Sequence[Node]:
    """Nodes outside aggregates."""
    found, stack = [], [node]
    while stack:
        top = stack.pop()
        found.append(top)
        if not isinstance(top, Aggregate):
            stack.extend(children(top))
    return found


@dataclass
class PartBefore:
    """What a part held in the night before. Each reads a column of it, shorter where numbers were given
    since; `values` those of definitions, `golden` fields of the golden customer then (None: they are what
    they are today), `golden_now` today's; `earlier` what the night before that one held, as it was read by
    the night before (None: there was none)."""

    values: Read
    golden: Read | None
    golden_now: Read
    earlier: Callable[[str], pa.ChunkedArray | None]


@dataclass
class CarriedPart:
    """One part being carried. `again`: rows that are computed whatever has changed; `gone`: numbers nobody
    goes by, whose rows are empty."""

    advanced: Advanced
    before: PartBefore
    again: Bools
    gone: Bools
    day: dt.date
    connection: duckdb.DuckDBPyConnection
    computed: int = 0
    _new: dict[str, Column] = field(default_factory=dict)
    _moved: dict[str, Bools | None] = field(default_factory=dict)
    _inputs: dict[Node, Bools | None] = field(default_factory=dict)
    _cache: dict[tuple[str, str], Column] = field(default_factory=dict)
    _types: dict[str, Type] = field(default_factory=dict)

    @cached_property
    def rows(self) -> int:
        """Customers in the part."""
        return self.advanced.range.rows

    def carry(self, definitions: Sequence[Carried]) -> pa.Table:
        """`customer` and a column per definition."""
        low = self.advanced.range.low
        columns: dict[str, pa.Array] = {"customer": pa.array(np.arange(low, low + self.rows, dtype=np.int32))}
        for each in definitions:
            self._types[each.definition.name] = each.definition.result
            self._one(each)
        for each in definitions:
            name = each.definition.name
            if name in self._new:
                columns[name] = to_arrow(self._new[name], each.definition.result)
            else:
                columns[name] = _as_long(self.before.values(name), self.rows)
        return pa.table(columns)

    def _one(self, each: Carried) -> None:
        name, of = each.definition.name, each.definition.result
        mask = self._mask_of(each)
        self._moved[name] = None
        count = self.rows if mask is None else int(mask.sum())
        if count == 0:
            return
        places = None if mask is None or count > MOST * self.rows else np.flatnonzero(mask)
        found = self._compute(each, places)
        self.computed += count
        gone = self.gone if places is None else self.gone[places]
        if gone.any():
            found = Column(found.values, found.valid & ~gone)
        if each.again:
            self._new[name] = found
            self._moved[name] = np.ones(self.rows, np.bool_)
            return
        old = self._old(name, of)
        held = old if places is None else Column(old.values[places], old.valid[places])
        apart = differing(held, found)
        if not apart.any():
            return
        changed = np.zeros(self.rows, np.bool_)
        if places is None:
            changed, self._new[name] = apart, found
        else:
            changed[places[apart]] = True
            self._new[name] = replaced(old, places, found)
        self._moved[name] = changed

    def _mask_of(self, each: Carried) -> Bools | None:
        """Rows to compute; None for all."""
        if each.day or each.again:
            return None
        mask = self.again.copy()
        for node in each.own:
            changed = self._changed(node)
            if changed is not None:
                mask |= changed
        return mask

    def _changed(self, node: Node) -> Bools | None:
        if isinstance(node, Aggregate):
            return self.advanced.changed(node)
        if isinstance(node, Reference) and not node.earlier:
            return self._moved[node.name]
        if node not in self._inputs:
            self._inputs[node] = self._input_changed(node)
        return self._inputs[node]

    def _input_changed(self, node: Node) -> Bools | None:
        """Where a golden field or an earlier value is another than the night before read."""
        assert isinstance(node, (Field, Reference))
        if isinstance(node, Field):
            if self.before.golden is None:
                return None
            one, other = self.before.golden(node.name), self.before.golden_now(node.name)
        else:
            then, now = self.before.earlier(node.name), self.before.values(node.name)
            if then is None:
                return np.ones(self.rows, np.bool_)
            one, other = then, now
        if node.type.kind is Kind.TEXT:
            apart = differing_texts(_as_long(one, self.rows), _as_long(other, self.rows))
        else:
            apart = differing(_column(one, node.type, self.rows), _column(other, node.type, self.rows))
        return apart if apart.any() else None

    def _old(self, name: str, of: Type) -> Column:
        key = ("old", name)
        if key not in self._cache:
            self._cache[key] = _column(self.before.values(name), of, self.rows)
        return self._cache[key]

    def _input(self, node: Node) -> Column:
        """A node's values for everybody."""
        if isinstance(node, Aggregate):
            return self.advanced.finished(node)
        if isinstance(node, Reference):
            if not node.earlier and node.name in self._new:
                return self._new[node.name]
            return self._old(node.name, node.type)
        assert isinstance(node, Field)
        key = ("golden", node.name)
        if key not in self._cache:
            self._cache[key] = _column(self.before.golden_now(node.name), node.type, self.rows)
        return self._cache[key]

    def _compute(self, each: Carried, places: np.ndarray | None) -> Column:
        def read(node: Node) -> Column:
            column = self._input(node)
            return column if places is None else Column(column.values[places], column.valid[places])

        count = self.rows if places is None else len(places)
        if each.inexact:
            return self._by_duckdb(each, read, count)
        return each.program.run(read, self.day, count)[0]

    def _by_duckdb(self, each: Carried, read: Callable[[Node], Column], count: int) -> Column:
        names: Mapping[Node, str] = {node: f"v_{i}" for i, node in enumerate(each.own)}
        columns = {name: to_arrow(read(node), type_of(node)) for node, name in names.items()}
        table = pa.table({"place": pa.array(np.arange(count)), **columns})
        self.connection.register("carried_inputs", table)
        value = lower(each.definition.expression, DIALECT, self.day, lambda node: names[node])
        cast = f"CAST({value} AS {DIALECT.sql_type(each.definition.result)})"
        query = f"SELECT {cast} AS value FROM carried_inputs ORDER BY place"
        found = self.connection.sql(query).to_arrow_table()["value"]
        self.connection.unregister("carried_inputs")
        return from_arrow(found, each.definition.result)


def _column(array: pa.ChunkedArray, of: Type, rows: int) -> Column:
    return lengthened(from_arrow(array, of), rows, unknown(rows, of))


def _as_long(array: pa.ChunkedArray, rows: int) -> pa.ChunkedArray:
    """With nulls for numbers given since."""
    if len(array) == rows:
        return array
    return pa.chunked_array([*array.chunks, pa.nulls(rows - len(array), array.type)])
