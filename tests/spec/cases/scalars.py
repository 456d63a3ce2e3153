"""What a case of an operation is."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from quanke.language.expressions import Expression, Operators
from quanke.language.nodes import Call, Column, Node
from tests.spec.tables import REFUSED, Table, read

RESULT = "result"


@dataclass(frozen=True)
class Case:
    """An operation over a small table. `write` takes the columns by name and gives the expression;
    the table's last column is the result."""

    operation: str
    title: str
    write: Callable[..., Operators]
    text: str

    @cached_property
    def whole(self) -> Table:
        """The table with its result."""
        return read(self.text)

    @property
    def given(self) -> Table:
        """The table without its result."""
        return _without(self.whole, RESULT)

    @property
    def expected(self) -> list[Any]:
        """The results, row by row."""
        return self.whole.columns[RESULT]

    @cached_property
    def node(self) -> Node:
        """The expression."""
        names = inspect.signature(self.write).parameters
        columns = {name: Expression(Column("models", name, self.whole.types[name])) for name in names}
        return self.write(**columns).node

    def part(self, *, refused: bool) -> tuple[Table, list[Any]]:
        """Rows that must be refused, or all others, with their results."""
        chosen = [place for place, value in enumerate(self.expected) if (value is REFUSED) is refused]
        columns = {name: [values[i] for i in chosen] for name, values in self.given.columns.items()}
        return Table(self.given.types, columns), [self.expected[i] for i in chosen]

    def __str__(self) -> str:
        return f"{self.operation}: {self.title}"


def _without(table: Table, name: str) -> Table:
    return Table(
        {k: v for k, v in table.types.items() if k != name},
        {k: v for k, v in table.columns.items() if k != name},
    )


def cases_of(operation: str) -> Callable[[str, Callable[..., Operators], str], Case]:
    """Writes cases of one operation. The expression's outermost operation must be it, so that each case
    proves what it says."""

    def case(title: str, write: Callable[..., Operators], text: str) -> Case:
        made = Case(operation, title, write, text)
        assert isinstance(made.node, Call), made
        assert made.node.operation == operation, made
        return made

    return case


def every_scalar_case() -> Sequence[Case]:
    """All of them, in the order of the manual."""
    from tests.spec.cases import arithmetic, comparison, dates, logic, numbers, text

    return (
        *arithmetic.CASES,
        *comparison.CASES,
        *logic.CASES,
        *dates.CASES,
        *text.CASES,
        *numbers.CASES,
    )
