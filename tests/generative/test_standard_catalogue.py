"""Every standard tag and check: DuckDB equals the plain-Python judge on random banks, night after night."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from quanke.engines.duckdb import evaluate
from quanke.engines.memory import judge
from quanke.language.definitions import Definition
from quanke.language.nodes import Column, walk
from quanke.night.catalogue import standard_catalogue
from tests.generative.random_facts import AS_OF, as_arrow, tables

NIGHTS = (AS_OF - dt.timedelta(days=61), AS_OF - dt.timedelta(days=30), AS_OF)


def without_models(definitions: list[Definition]) -> list[Definition]:
    """What can be computed from facts alone."""
    return [
        d
        for d in definitions
        if not any(isinstance(n, Column) and n.table == "models" for n in walk(d.expression))
    ]


@pytest.mark.parametrize("seed", range(4))
def test_duckdb_equals_the_judge(seed: int) -> None:
    catalogue = standard_catalogue()
    definitions = without_models([d for d in catalogue.values() if d.kind in ("tag", "check")])
    made = tables(seed)
    given = as_arrow(made)
    before_judge, before_duckdb = None, None
    for night in NIGHTS:
        want = judge.evaluate(definitions, made, night, before_judge)
        got = evaluate(definitions, given, night, before_duckdb)
        numbers = got["customer"].to_pylist()
        for definition in definitions:
            values = dict(zip(numbers, got[definition.name].to_pylist(), strict=True))
            assert values == want[definition.name], f"{definition.name} on {night}"
        before_judge, before_duckdb = want, got
    assert isinstance(before_duckdb, pa.Table)
