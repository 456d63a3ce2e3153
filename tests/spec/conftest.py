"""Spark, started once for all cases, and asked many of them at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from quanke.engines.spark.session import why_no_spark
from quanke.language.nodes import Call, Column, Node
from tests.spec.cases.scalars import Case, every_scalar_case
from tests.spec.engines import Engine, spark
from tests.spec.tables import Table

AS_OF = dt.date(2026, 6, 30)
AT_ONCE = 30
"""Cases in one statement: many save time, too many make more code than Java compiles at once."""


@pytest.fixture(scope="session")
def spark_answers() -> dict[Case, tuple[list[Any], list[BaseException | None]]]:
    """For each case the values of the rows without error, and what each other row raised."""
    if reason := why_no_spark():
        pytest.skip(reason)
    engine, cases = spark(), every_scalar_case()
    found: dict[Case, tuple[list[Any], list[BaseException | None]]] = {}
    for start in range(0, len(cases), AT_ONCE):
        chunk = cases[start : start + AT_ONCE]
        for case, values in zip(chunk, _together(engine, chunk), strict=True):
            found[case] = (values, _errors(engine, case))
    return found


def _together(engine: Engine, cases: Sequence[Case]) -> list[list[Any]]:
    """Values of all cases from one statement over one wide table."""
    parts = [case.part(refused=False)[0] for case in cases]
    rows = max(len(part) for part in parts)
    types, columns = {}, {}
    for number, part in enumerate(parts):
        for name, values in part.columns.items():
            types[f"{name}_{number}"] = part.types[name]
            columns[f"{name}_{number}"] = values + [None] * (rows - len(values))
    nodes = [_renamed(case.node, f"_{number}") for number, case in enumerate(cases)]
    answers = engine.run(nodes, Table(types, columns), AS_OF)
    return [answer[: len(part)] for answer, part in zip(answers, parts, strict=True)]


def _renamed(node: Node, suffix: str) -> Node:
    if isinstance(node, Column):
        return replace(node, name=node.name + suffix)
    if isinstance(node, Call):
        return replace(node, arguments=tuple(_renamed(a, suffix) for a in node.arguments))
    return node


def _errors(engine: Engine, case: Case) -> list[BaseException | None]:
    table, _ = case.part(refused=True)
    errors: list[BaseException | None] = []
    for place in range(len(table)):
        try:
            engine.run(
                [case.node], Table(table.types, {n: [v[place]] for n, v in table.columns.items()}), AS_OF
            )
        except OverflowError as error:
            errors.append(error)
        else:
            errors.append(None)
    return errors
