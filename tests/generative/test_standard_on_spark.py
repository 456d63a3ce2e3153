"""Every standard tag and check: Spark equals the plain-Python judge on a random bank."""

from __future__ import annotations

import pytest

from quanke.engines.memory import judge
from quanke.engines.spark.session import why_no_spark
from quanke.night.catalogue import standard_catalogue
from tests.generative.random_facts import AS_OF, as_arrow, tables
from tests.generative.test_standard_catalogue import without_models
from tests.spec.engines import spark


@pytest.mark.skipif(bool(why_no_spark()), reason=why_no_spark() or "Spark is there")
def test_spark_equals_the_judge() -> None:
    from quanke.engines.spark.engine import evaluate

    definitions = without_models([d for d in standard_catalogue().values() if d.kind in ("tag", "check")])
    made = tables(11)
    want = judge.evaluate(definitions, made, AS_OF)
    got = evaluate(spark().session, definitions, as_arrow(made), AS_OF)
    numbers = got["customer"].to_pylist()
    for definition in definitions:
        values = dict(zip(numbers, got[definition.name].to_pylist(), strict=True))
        assert values == want[definition.name], definition.name
