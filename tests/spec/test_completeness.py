"""Nothing of the language is without cases, and no engine knows less of it, or more."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict

import numpy as np
import pytest

from quanke.engines.duckdb import lowering as duckdb_lowering
from quanke.engines.live import LOWERINGS as NUMPY
from quanke.engines.live import Column, Program, column_of, values_of
from quanke.engines.memory import MEANINGS
from quanke.engines.spark import lowering as spark_lowering
from quanke.kernel.errors import DefinitionError
from quanke.language.expressions import Expression, call
from quanke.language.nodes import Aggregate, Node, Reduce, Span, walk
from quanke.language.nodes import Column as Field
from quanke.language.operations import OPERATIONS
from quanke.language.types import INTEGER, MONEY, RATE, TEXT
from tests.spec.cases.facts import every_fact_case
from tests.spec.cases.scalars import Case, every_scalar_case

ENGINES = {
    "memory": MEANINGS,
    "numpy": NUMPY,
    "duckdb": duckdb_lowering.LOWERINGS,
    "spark": spark_lowering.LOWERINGS,
}
FEWEST = 3


def by_operation() -> dict[str, list[Case]]:
    found: dict[str, list[Case]] = defaultdict(list)
    for case in every_scalar_case():
        found[case.operation].append(case)
    return found


@pytest.mark.parametrize("engine", ENGINES)
def test_engine_lowers_the_whole_language(engine: str) -> None:
    assert ENGINES[engine].keys() == OPERATIONS.keys()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_operation_has_cases(operation: str) -> None:
    cases = by_operation()[operation]
    assert len(cases) >= FEWEST
    assert any(None in values for case in cases for values in case.given.columns.values()), (
        "no unknown argument"
    )


def test_cases_have_names_of_their_own() -> None:
    names = [str(case) for case in (*every_scalar_case(), *every_fact_case())]
    assert len(set(names)) == len(names)


def test_every_reduction_and_span_has_cases() -> None:
    aggregates = [
        node
        for case in every_fact_case()
        for definition in case.definitions
        for node in walk(definition.expression)
        if isinstance(node, Aggregate)
    ]
    assert {a.reduce for a in aggregates} == set(Reduce)
    assert {a.window.span for a in aggregates} == set(Span)
    for reduce in set(Reduce) - {Reduce.DISTINCT_DAYS, Reduce.LEVEL, Reduce.DAILY_MEAN, Reduce.LAST}:
        assert any(a.reduce is reduce and a.table == "customers" for a in aggregates), (
            f"no metric of {reduce}"
        )


@pytest.mark.parametrize("operation", OPERATIONS)
def test_wrong_number_of_arguments_is_refused(operation: str) -> None:
    for count in (0, 6):
        if not OPERATIONS[operation].fits(count):
            with pytest.raises(DefinitionError, match="arguments"):
                call(operation, *[Expression(Field("models", "a", INTEGER))] * count)


def _program(*nodes: Node) -> Program:
    return Program(nodes)


def test_equal_parts_are_computed_once() -> None:
    a, b = (Expression(Field("models", name, MONEY)) for name in "ab")
    ratio = a / b
    program = _program((ratio > 1).node, (ratio + ratio).node)
    assert len(program.steps) == len({step.node for step in program.steps}) == 6  # a, b, ratio, 1, >, +
    assert program.inputs == (a.node, b.node)


def test_no_rows_and_constants_alone() -> None:
    a = Expression(Field("models", "a", TEXT))
    program = _program((a == "x").node, (Expression(call("length", "abc").node) + 1).node)
    empty, constant = program.run(lambda node: column_of([], TEXT), dt.date(2026, 6, 30), 0)
    assert (len(empty.values), len(constant.values)) == (0, 0)
    three = program.run(lambda node: column_of(["x", None, "y"], TEXT), dt.date(2026, 6, 30), 3)
    assert values_of(three[0], INTEGER) == [True, None, False]
    assert values_of(three[1], INTEGER) == [4, 4, 4]


def test_whatever_stands_where_a_value_is_unknown_does_no_harm() -> None:
    """Garbage under an unknown may neither wrap, nor be refused, nor come out."""
    smallest = np.array([-(2**63), 7], np.int64)
    column = Column(smallest, np.array([False, True]))
    for of in (INTEGER, MONEY, RATE):
        a = Expression(Field("models", "a", of))
        program = _program((-a).node, abs(a).node, (a + a).node, (a - 1).node, (a / a).node)
        for found in program.run(lambda node: column, dt.date(2026, 6, 30), 2):
            assert found.valid.tolist() == [False, True]
