"""The engines behind one face: expressions over a small table, plain Python values out.

A result that must be an error comes as OverflowError from every engine.
"""

from __future__ import annotations

import atexit
import datetime as dt
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Protocol

import duckdb
import pyarrow as pa

from quanke.engines.dialect import Dialect
from quanke.engines.duckdb import DIALECT as DUCKDB_DIALECT
from quanke.engines.live import Program, column_of, values_of
from quanke.engines.memory import value_of
from quanke.engines.spark.engine import DIALECT as SPARK_DIALECT
from quanke.engines.spark.session import open_session, without_values
from quanke.engines.statements import Sources, plan, statement
from quanke.kernel.errors import QuankeError
from quanke.language import Tag
from quanke.language.expressions import Expression
from quanke.language.nodes import Call, Column, Node, type_of, walk
from quanke.language.types import Kind
from tests.spec.tables import Table

ARROW = {
    Kind.BOOLEAN: pa.bool_(),
    Kind.INTEGER: pa.int64(),
    Kind.MONEY: pa.int64(),
    Kind.RATE: pa.decimal128(18, 6),
    Kind.NUMBER: pa.float64(),
    Kind.TEXT: pa.string(),
    Kind.DATE: pa.date32(),
    Kind.INSTANT: pa.timestamp("us"),
}
Answer = list[list[Any]]
"""For each expression, a value for each row."""


class Engine(Protocol):
    """An engine that can compute expressions over the columns `models.<name>` of a table."""

    name: str

    def run(self, nodes: Sequence[Node], table: Table, as_of: dt.date) -> Answer:
        """Values of the expressions; OverflowError where one does not fit 64 bits."""


class Memory:
    """The judge."""

    name = "memory"

    def run(self, nodes: Sequence[Node], table: Table, as_of: dt.date) -> Answer:
        def value(node: Node, row: Mapping[str, Any]) -> Any:
            def read(inner: Node) -> Any:
                assert isinstance(inner, Column)
                return row[inner.name]

            return value_of(node, as_of, read)

        return [[value(node, row) for row in table.rows] for node in nodes]


class NumPy:
    """The live engine."""

    name = "numpy"

    def run(self, nodes: Sequence[Node], table: Table, as_of: dt.date) -> Answer:
        def read(node: Node) -> Any:
            assert isinstance(node, Column)
            return column_of(table.columns[node.name], table.types[node.name])

        found = Program(nodes).run(read, as_of, len(table))
        return [values_of(column, type_of(node)) for column, node in zip(found, nodes, strict=True)]


def arrow(table: Table) -> pa.Table:
    """The table for engines that speak SQL: its columns, and `customer`, the number of the row."""
    columns = {
        name: pa.array(values, ARROW[table.types[name].kind]) for name, values in table.columns.items()
    }
    return pa.table({"customer": pa.array(range(len(table)), pa.int32()), **columns})


def select(nodes: Sequence[Node], dialect: Dialect, as_of: dt.date) -> str:
    """The planner's statement over a relation `given` for expressions made tags."""
    tags = [
        Tag(name=f"v{place}", title_zh="值", title_en="Value", value=Expression(node))
        for place, node in enumerate(nodes)
    ]
    return statement(plan(tags), Sources(facts={}, customers="given", models="given"), dialect, as_of)


def _answer(found: pa.Table, nodes: Sequence[Node]) -> Answer:
    return [found.column(f"v{place}").to_pylist() for place in range(len(nodes))]


class DuckDB:
    """The embedded engine."""

    name = "duckdb"

    def __init__(self) -> None:
        self.connection = duckdb.connect(":memory:", config={"threads": 1})

    def run(self, nodes: Sequence[Node], table: Table, as_of: dt.date) -> Answer:
        self.connection.register("given", arrow(table))
        try:
            found = self.connection.sql(select(nodes, DUCKDB_DIALECT, as_of)).to_arrow_table()
        except (duckdb.OutOfRangeException, duckdb.ConversionException) as error:
            raise OverflowError("duckdb") from error
        return _answer(found, nodes)


class Spark:
    """Spark in one local process."""

    name = "spark"

    def __init__(self) -> None:
        self.session = _spark_session()

    def run(self, nodes: Sequence[Node], table: Table, as_of: dt.date) -> Answer:
        self.session.createDataFrame(arrow(table)).createOrReplaceTempView("given")
        try:
            with without_values():
                found = self.session.sql(select(nodes, SPARK_DIALECT, as_of)).toArrow()
        except QuankeError as error:
            if "does not fit its type" not in str(error):
                raise
            raise OverflowError("spark") from error
        return _answer(found, nodes)


@cache
def spark() -> Spark:
    """The one Spark of a test run; its Java process ends with it."""
    engine = Spark()
    atexit.register(engine.session.stop)
    return engine


def _spark_session() -> Any:
    """Spark as a night runs it. Rows of a small table go through generated code, like those of a large one
    (the rule that computes them while planning is off). Its Java compiles once and collects alone: what is
    planned anew for every statement never runs long enough to earn more than that."""
    more = {
        "spark.sql.optimizer.excludedRules": "org.apache.spark.sql.catalyst.optimizer.ConvertToLocalRelation",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    }
    return open_session("local[2]", memory="1500m", more={**more, "spark.sql.shuffle.partitions": "2"})


INEXACT = frozenset({"logarithm", "exponential"})
"""Operations whose last digits an engine's mathematical library decides."""


def same(left: Any, right: Any, node: Node) -> bool:
    """Whether two engines gave the same value of an expression: exactly, unless INEXACT operations are
    in it."""
    if left is None or right is None:
        return left is right
    if type_of(node).kind is Kind.NUMBER and any(
        isinstance(below, Call) and below.operation in INEXACT for below in walk(node)
    ):
        return bool(abs(left - right) <= 1e-12 * max(abs(left), abs(right)))
    return type(left) is type(right) and bool(left == right)
