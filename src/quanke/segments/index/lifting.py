"""A condition over columns made one over numbers: what reads one column of few values is computed for each of
those values, once, and looked up for a customer by his code.

`part(city, 6, 2) == part(branch, 8, 2)` cuts 300 texts and 1,500 texts, gives all that come out their places
in one order, and compares two numbers of each customer. So no text is touched customer by customer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from quanke.language.nodes import AsOf, Call, Column, Literal, Node, Reference, type_of
from quanke.language.types import INTEGER, Kind
from quanke.segments.index.columns import IndexColumn, Values
from quanke.segments.index.conditions import COMPARISONS, Evaluate, columns_of, name_of

TEXTS = 64
"""So many customers there must be for each text that is given its place in a common order."""
FEW_TEXTS = 4_096
"""Texts that are ordered however few the customers are."""
CHOICES = frozenset({"least", "greatest", "coalesce", "case"})
"""Operations that give one of their arguments as it is."""


class NotLifted(Exception):
    """A condition reads what the index lacks, or text of columns with many values."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a customer's value comes from: his code of a column, and a value for each code there is, where
    it is not the column's own."""

    column: IndexColumn
    table: Values | None = None

    def read(self, first: int, last: int, chosen: npt.NDArray[np.int64] | None) -> Values:
        """Values of customers `first` (the beginning of a block) to `last - 1`, or of some of those."""
        codes = self.column.part(first, last)
        if chosen is not None:
            codes = codes[chosen]
        if self.table is None:
            return self.column.values(codes)
        return Values(self.table.values.take(codes), self.table.valid.take(codes))


class Lifting:
    """Conditions over the columns of an index."""

    def __init__(self, columns: Mapping[str, IndexColumn], evaluate: Evaluate, rows: int) -> None:
        self.columns = columns
        self.evaluate = evaluate
        self.rows = rows
        self.sources: dict[Node, Source] = {}
        """For each node that a lifted condition reads."""
        self._made: dict[Node, Node] = {}

    def lifted(self, node: Node) -> Node:
        """The condition over numbers. Raises NotLifted."""
        if isinstance(node, (Literal, AsOf)):
            return node
        if node not in self._made:
            self._made[node] = self._lift(node)
        return self._made[node]

    def _lift(self, node: Node) -> Node:
        if isinstance(node, (Reference, Column)):
            column = self.columns.get(name_of(node) or "")
            if column is None or column.kind is Kind.TEXT:
                raise NotLifted
            self.sources[node] = Source(column)
            return node
        if not isinstance(node, Call):
            raise NotLifted
        column = self._only(node)
        if column is not None and node.type.kind is not Kind.TEXT:
            table = self._table(node, column)
            if table is not None:
                return self._source(column, table, node)
        if node.operation in {*COMPARISONS, "one_of"} and type_of(node.arguments[0]).kind is Kind.TEXT:
            return self._ranked(node)
        return replace(node, arguments=tuple(self.lifted(a) for a in node.arguments))

    def _only(self, node: Node) -> IndexColumn | None:
        """The one column a node reads, if it has few values."""
        reads = columns_of(node)
        column = self.columns.get(name_of(reads[0]) or "") if len(reads) == 1 else None
        return column if column is not None and column.small else None

    def _table(self, node: Node, column: IndexColumn) -> Values | None:
        """A value for each code of a column; None where one would not fit its type: it may be nobody's."""
        domain = column.domain()
        try:
            found, valid = self.evaluate([node])(lambda _: domain, len(domain.valid))[0]
        except OverflowError:
            return None
        return Values(found, valid)

    def _source(self, column: IndexColumn, table: Values, like: Node) -> Node:
        node = Column("", f"{len(self.sources)}", type_of(like))
        self.sources[node] = Source(column, table)
        return node

    def _ranked(self, call: Call) -> Node:
        """A comparison of texts as one of their places among all texts that are compared."""
        tables: dict[Node, tuple[IndexColumn | None, Values]] = {}
        for argument in call.arguments:
            self._texts(argument, tables)
        texts = np.concatenate([table.values for _, table in tables.values()])
        if len(texts) > max(FEW_TEXTS, self.rows // TEXTS):
            raise NotLifted
        places: dict[Any, int] = {text: n for n, text in enumerate(sorted(set(texts.tolist())))}
        made: dict[Node, Node] = {}
        for node, (column, table) in tables.items():
            ranks = np.array([places[text] for text in table.values.tolist()], np.int64)
            if column is None:
                made[node] = Literal(int(ranks[0]) if table.valid[0] else None, INTEGER)
            else:
                made[node] = self._source(column, Values(ranks, table.valid), Literal(0, INTEGER))
        return replace(call, arguments=tuple(self._placed(a, made) for a in call.arguments))

    def _texts(self, node: Node, tables: dict[Node, tuple[IndexColumn | None, Values]]) -> None:
        """Add the texts a text can be: constants, texts of one column each, and choices among them."""
        if isinstance(node, Literal):
            text, known = np.array([node.value or ""], object), np.array([node.value is not None])
            tables[node] = None, Values(text, known)
            return
        column = self._only(node)
        if column is not None:
            plain = isinstance(node, (Reference, Column))
            table = column.domain() if plain else self._table(node, column)
            if table is not None:
                tables[node] = column, table
                return
        if not isinstance(node, Call) or node.operation not in CHOICES:
            raise NotLifted
        for argument in node.arguments:
            if type_of(argument).kind is Kind.TEXT:
                self._texts(argument, tables)

    def _placed(self, node: Node, made: Mapping[Node, Node]) -> Node:
        """A text as its place; the conditions of a choice are lifted."""
        if node in made:
            return made[node]
        if type_of(node).kind is not Kind.TEXT or not isinstance(node, Call):
            return self.lifted(node)
        return replace(node, arguments=tuple(self._placed(a, made) for a in node.arguments), type=INTEGER)
