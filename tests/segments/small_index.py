"""An audience index over a small table, with the NumPy engine for what it does not hold as sets of codes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from quanke.engines.live import Column as LiveColumn
from quanke.engines.live import Program, column_of
from quanke.language.nodes import Column, Node, Reference
from quanke.night.index import evaluator
from quanke.segments.index import AudienceIndex, build_column, words_from, write_index
from tests.generative.values import AS_OF
from tests.spec.engines import arrow
from tests.spec.tables import Table


def write(
    table: Table, folder: Path, there: npt.NDArray[np.bool_] | None = None, earlier: Path | None = None
) -> None:
    """Index all columns of a table that can be."""
    exist = np.ones(len(table), np.bool_) if there is None else there
    words = words_from(exist)
    given = arrow(table)
    before = AudienceIndex(earlier, evaluator(AS_OF)).columns.entries if earlier else {}
    entries = {}
    for name, of in table.types.items():
        held = (earlier, before[name]) if earlier and name in before else None
        entry = build_column(name, given[name], of.kind, exist, words, folder, held)
        if entry is not None:
            entries[name] = entry
    write_index(folder, len(table), words, entries)


def opened(table: Table, folder: Path, there: npt.NDArray[np.bool_] | None = None) -> AudienceIndex:
    """The index over a table."""
    write(table, folder, there)

    return AudienceIndex(folder, evaluator(AS_OF), InMemory(table, there))


class InMemory:
    """Conditions computed by NumPy over the table itself."""

    def __init__(self, table: Table, there: npt.NDArray[np.bool_] | None) -> None:
        self.table = table
        self.there = np.ones(len(table), np.bool_) if there is None else there

    def flags(self, asked: Sequence[tuple[Node, bool]]) -> list[npt.NDArray[np.bool_]]:
        def read(node: Node) -> LiveColumn:
            assert isinstance(node, (Column, Reference))
            return column_of(self.table.columns[node.name], self.table.types[node.name])

        found = Program([node for node, _ in asked]).run(read, AS_OF, len(self.table))
        return [
            c.valid if known else c.values.astype(np.bool_) & c.valid
            for c, (_, known) in zip(found, asked, strict=True)
        ]

    def count(self, node: Node) -> int:
        return int((self.flags([(node, False)])[0] & self.there).sum())
