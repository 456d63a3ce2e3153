"""Random definitions over random tables of a bank: SQL engines give what the judge gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given

from quanke.engines import duckdb as engine
from quanke.engines.memory import evaluate, evaluate_metrics, value_of
from quanke.engines.spark.session import why_no_spark
from quanke.language import Tag, say
from quanke.language.definitions import Definition
from quanke.language.nodes import Aggregate, Column, Rank, Reduce, Reference, Span, walk
from quanke.language.types import Kind
from tests.generative.definitions import DefinitionWriter, earlier_values, tables
from tests.generative.values import AS_OF, SEEDS, examples
from tests.spec.banks import arranged
from tests.spec.engines import ARROW, same, spark
from tests.spec.tables import Table

Values = Mapping[str, Mapping[Any, Any]]


def as_earlier(before: Values, tags: Sequence[Definition]) -> pa.Table:
    """The earlier night as Arrow."""
    customers = sorted({c for values in before.values() for c in values})
    columns = {
        t.name: pa.array([before[t.name].get(c) for c in customers], ARROW[t.result.kind]) for t in tags
    }
    return pa.table({"customer": pa.array(customers, pa.int32()), **columns})


def as_arrow(made: Mapping[str, Table], tags: Sequence[Definition]) -> dict[str, pa.Table]:
    """All tables as Arrow."""
    return {name: arranged(name, table, tags) for name, table in made.items()}


def refused_somewhere(tags: Sequence[Definition], made: Mapping[str, Table]) -> bool:
    """Whether the judge would refuse a row of a table if it looked at it: engines may look at rows that
    no window holds."""
    for node in {n for t in tags for n in walk(t.expression) if isinstance(n, Aggregate)}:
        for row in made[node.table].rows if node.table in made else []:
            for part in (node.value, node.where):
                try:
                    if part is not None:
                        value_of(part, AS_OF, lambda n, row=row: row.get(n.name))  # type: ignore[misc,union-attr]
                except OverflowError:
                    return True
    return False


def differences(tags: Sequence[Definition], found: Values, wanted: Values) -> str:
    """The first value that differs, in words; empty where none does."""
    for tag in tags:
        for key, right in wanted[tag.name].items():
            if not same(found[tag.name][key], right, tag.expression):
                value = found[tag.name][key]
                return f"{tag.name} of {key} is {value!r}, not {right!r}: {say(tag.expression)}"
    return ""


def by_key(found: pa.Table, key: str, names: Sequence[str]) -> dict[str, dict[Any, Any]]:
    """Columns by customer or group."""
    keys = found[key].to_pylist()
    return {name: dict(zip(keys, found[name].to_pylist(), strict=True)) for name in names}


def check(seed: int, run: Any, refusals: tuple[type[Exception], ...]) -> None:
    """Eight tags of one seed."""
    r = Random(seed)
    made, tags = tables(r), DefinitionWriter(r).write(8)
    before = earlier_values(r, tags)
    rows = {name: table.rows for name, table in made.items()}
    wanted, refused = judged(tags, rows, before)
    try:
        found = run(tags, as_arrow(made, tags), AS_OF, as_earlier(before, tags))
    except refusals:
        assert refused or refused_somewhere(tags, made)
        return
    told = differences(
        [t for t in tags if t.name in wanted], by_key(found, "customer", [t.name for t in tags]), wanted
    )
    assert not told, told


def judged(tags: Sequence[Definition], rows: Any, before: Values) -> tuple[Values, bool]:
    """Values of the tags that the judge does not refuse, and whether it refuses any. An engine need not
    refuse them, where the overflow is in a branch that is not taken."""
    try:
        return evaluate(tags, rows, AS_OF, before), False
    except OverflowError:
        found: dict[str, Mapping[Any, Any]] = {}
        for place, tag in enumerate(tags):
            try:
                found[tag.name] = evaluate(tags[: place + 1], rows, AS_OF, before, only=[tag.name])[tag.name]
            except OverflowError:
                continue
        return found, True


@examples(120)
@given(SEEDS)
def test_tags_on_duckdb(seed: int) -> None:
    check(seed, engine.evaluate, (duckdb.OutOfRangeException, duckdb.ConversionException))


@pytest.mark.skipif(bool(why_no_spark()), reason=why_no_spark() or "Spark is there")
@examples(4)
@given(SEEDS)
def test_tags_on_spark(seed: int) -> None:
    from pyspark.errors import ArithmeticException

    from quanke.engines.spark.engine import evaluate as on_spark

    check(seed, lambda *given_: on_spark(spark().session, *given_), (ArithmeticException,))


@examples(80)
@given(SEEDS)
def test_metrics_on_duckdb(seed: int) -> None:
    """Four metrics over four tags, for everybody and for each group."""
    r = Random(seed)
    made, writer = tables(r), DefinitionWriter(r)
    tags = writer.write(4)
    by = Tag(name="by", title_zh="组", title_en="Group", value=_group_of(tags))
    metrics = writer.metrics(4)
    before = earlier_values(r, tags)
    rows = {name: table.rows for name, table in made.items()}
    everything = [*tags, by, *metrics]
    try:
        whole = evaluate_metrics(everything, rows, AS_OF, before)
        groups = evaluate_metrics(everything, rows, AS_OF, before, by=by)
        evaluate([*tags, by], rows, AS_OF, before)
    except OverflowError:
        return
    given_ = as_arrow(made, tags)
    earlier = as_earlier(before, tags)
    try:
        profile = engine.evaluate([*tags, by], given_, AS_OF, earlier)
    except (duckdb.OutOfRangeException, duckdb.ConversionException):
        assert refused_somewhere(tags, made)
        return
    found = engine.evaluate_metrics(
        metrics, profile, AS_OF, customers=given_["customers"], earlier=earlier, by=["by"]
    )
    names = [m.name for m in metrics]
    for dimension, wanted in (("", {n: {None: v} for n, v in whole.items()}), ("by", groups)):
        part = found.filter(pc.equal(found["dimension"], dimension))
        told = differences(metrics, by_key(part, "member", names), wanted)
        assert not told, told


def _group_of(tags: Sequence[Tag]) -> Any:
    from quanke.language import customers

    texts = [t for t in tags if t.result.kind is Kind.TEXT]
    return texts[0] if texts else customers.city


def test_every_kind_of_aggregate_is_tried() -> None:
    """What the tests above try holds every reduction, span and kind of leaf."""
    seen: Counter[Any] = Counter()
    for seed in range(200):
        r = Random(seed)
        tables(r)
        for tag in DefinitionWriter(r).write(8):
            for node in walk(tag.expression):
                if isinstance(node, Aggregate):
                    seen.update([node.reduce, node.window.span, bool(node.window.field), node.where is None])
                elif isinstance(node, Reference):
                    seen["earlier" if node.earlier else "reference"] += 1
                elif isinstance(node, Rank):
                    seen["portion" if node.parts else "rank"] += 1
                elif isinstance(node, Column):
                    seen[node.table] += 1
    wanted = [*Reduce, *Span, True, False, "earlier", "reference", "rank", "portion", "customers"]
    assert [kind for kind in wanted if seen[kind] < 5] == []
