"""Random expressions over random tables: every engine gives what the judge gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given

from quanke.engines.memory import MEANINGS, value_of
from quanke.language import say
from quanke.language.expressions import Expression
from quanke.language.nodes import Call, Column, Node
from tests.generative.expressions import expressions, tables
from tests.generative.values import AS_OF, examples
from tests.spec.engines import DuckDB, Engine, Memory, NumPy, same, spark, why_no_spark
from tests.spec.tables import Table

JUDGE = Memory()


@pytest.fixture(scope="module")
def duckdb_engine() -> Iterator[DuckDB]:
    yield DuckDB()


def rows_of(table: Table, chosen: Sequence[int]) -> Table:
    """Some rows of a table."""
    return Table(table.types, {n: [v[i] for i in chosen] for n, v in table.columns.items()})


def refused(node: Node, table: Table, row: int) -> bool:
    """Whether the judge refuses the row."""
    try:
        JUDGE.run([node], rows_of(table, [row]), AS_OF)
    except OverflowError:
        return True
    return False


def refused_at_top(node: Node, table: Table, row: int) -> bool:
    """Whether it is the outermost operation that refuses the row, its arguments being sound."""
    if not isinstance(node, Call) or any(refused(a, table, row) for a in node.arguments):
        return False
    values = table.rows[row]

    def read(inner: Node) -> object:
        assert isinstance(inner, Column)
        return values[inner.name]

    try:
        MEANINGS[node.operation](node, *(value_of(a, AS_OF, read) for a in node.arguments))  # type: ignore[arg-type]
    except OverflowError:
        return True
    return False


def agree(engine: Engine, nodes: list[Node], table: Table, *, one_by_one: bool = True) -> None:
    """The engine gives the judge's values for all rows the judge gives values for, and refuses what the
    judge refuses."""
    bad = {row for node in nodes for row in range(len(table)) if refused(node, table, row)}
    sound = [row for row in range(len(table)) if row not in bad]
    if sound:
        kept = rows_of(table, sound)
        expected, found = JUDGE.run(nodes, kept, AS_OF), engine.run(nodes, kept, AS_OF)
        for node, wanted, got in zip(nodes, expected, found, strict=True):
            for row, (value, right) in enumerate(zip(got, wanted, strict=True)):
                assert same(value, right, node), (
                    f"{engine.name}: {say(node)} is {value!r}, not {right!r}, for {kept.rows[row]}"
                )
    if one_by_one:
        for node in nodes:
            for row in bad:
                if refused_at_top(node, table, row):
                    with pytest.raises(OverflowError):
                        engine.run([node], rows_of(table, [row]), AS_OF)


@examples(400)
@given(expressions(3), tables())
def test_numpy(nodes: list[Node], table: Table) -> None:
    agree(NumPy(), nodes, table)


@pytest.mark.usefixtures("duckdb_engine")
@examples(400)
@given(nodes=expressions(3), table=tables())
def test_duckdb(duckdb_engine: DuckDB, nodes: list[Node], table: Table) -> None:
    agree(duckdb_engine, nodes, table)


@pytest.mark.skipif(bool(why_no_spark()), reason=why_no_spark())
@examples(40)
@given(nodes=expressions(12), table=tables(12))
def test_spark(nodes: list[Node], table: Table) -> None:
    agree(spark(), nodes, table, one_by_one=False)


@examples(200)
@given(nodes=expressions(3))
def test_expressions_can_be_said(nodes: list[Node]) -> None:
    for node in nodes:
        assert repr(Expression(node)) == say(node)
