"""Every case of every operation, on every engine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from quanke.language.nodes import type_of
from tests.spec.cases.scalars import Case, every_scalar_case
from tests.spec.engines import DuckDB, Engine, Memory, NumPy, same
from tests.spec.tables import shown

AS_OF = dt.date(2026, 6, 30)
CASES = every_scalar_case()


def check(engine: Engine, case: Case) -> None:
    """Rows without error must give their results; each row with error must be refused."""
    table, expected = case.part(refused=False)
    compare(case, engine.run([case.node], table, AS_OF)[0], expected)
    refused, _ = case.part(refused=True)
    for place in range(len(refused)):
        row = type(table)(table.types, {n: [v[place]] for n, v in refused.columns.items()})
        with pytest.raises(OverflowError):
            engine.run([case.node], row, AS_OF)


def compare(case: Case, found: list[object], expected: list[object]) -> None:
    """All values of a case, told in the manual's words where they differ."""
    of = case.whole.types["result"]
    for row, (value, wanted) in enumerate(zip(found, expected, strict=True)):
        told = f"{case}, row {row + 1}: {shown(value, of)} instead of {shown(wanted, of)}"
        assert same(value, wanted, case.node), told


@pytest.fixture(scope="module", params=[Memory, NumPy, DuckDB], ids=lambda engine: engine.name)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    yield request.param()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_operation(engine: Engine, case: Case) -> None:
    check(engine, case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_operation_on_spark(
    spark_answers: dict[Case, tuple[list[object], list[BaseException | None]]], case: Case
) -> None:
    """All cases run in a few statements, see conftest.py; here are the results."""
    found, errors = spark_answers[case]
    compare(case, found, case.part(refused=False)[1])
    assert all(isinstance(error, OverflowError) for error in errors), f"{case}: a row was not refused"
    assert len(errors) == len(case.part(refused=True)[1])


@pytest.mark.parametrize("case", CASES, ids=str)
def test_type(case: Case) -> None:
    assert type_of(case.node).kind is case.whole.types["result"].kind
    unit = case.whole.types["result"].unit
    assert not unit or type_of(case.node).unit == unit
