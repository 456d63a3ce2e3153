"""Every standard tag and check: DuckDB equals the plain-Python judge on random banks, night after night."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from quanke.engines.duckdb import evaluate, evaluate_metrics
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


def test_metrics_of_the_whole_and_of_groups() -> None:
    catalogue = standard_catalogue()
    tags = without_models([d for d in catalogue.values() if d.kind in ("tag", "check")])
    made = tables(99, people=120, count=900)
    given = as_arrow(made)
    earlier = judge.evaluate(tags, made, NIGHTS[1])
    before = evaluate(tags, given, NIGHTS[1])
    now = evaluate(tags, given, AS_OF, before)
    got = evaluate_metrics(
        catalogue.metrics, now, AS_OF, customers=given["customers"], earlier=before, by=("sex",)
    )
    everything = [*tags, *catalogue.metrics]
    whole = judge.evaluate_metrics(everything, made, AS_OF, earlier)
    groups = judge.evaluate_metrics(everything, made, AS_OF, earlier, by=catalogue["sex"])
    for row in got.to_pylist():
        for metric in catalogue.metrics:
            want = groups[metric.name][row["member"]] if row["dimension"] else whole[metric.name]
            assert row[metric.name] == want, (metric.name, row["dimension"], row["member"])


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
