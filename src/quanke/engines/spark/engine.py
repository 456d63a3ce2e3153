"""Run definitions on Spark, over Arrow tables.

The whole night (`quanke.night.on_spark`) stands on the same statements; this is their engine at the size of a
specification test. The session has to be one of `quanke.engines.spark.session`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from quanke.engines.metric_statements import metric_statement
from quanke.engines.spark.dialect import SparkDialect
from quanke.engines.statements import Sources, plan, statement
from quanke.language.definitions import Definition

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DIALECT = SparkDialect()


def evaluate(
    spark: SparkSession,
    definitions: Sequence[Definition],
    tables: Mapping[str, pa.Table],
    as_of: dt.date,
    earlier: pa.Table | None = None,
) -> pa.Table:
    """Values of tags and checks for every customer of `tables["customers"]`, as on DuckDB."""
    planned = plan(definitions)
    for name, table in tables.items():
        spark.createDataFrame(table).createOrReplaceTempView(f"in_{name}")
    if earlier is not None:
        spark.createDataFrame(earlier).createOrReplaceTempView("in_earlier")
    sources = Sources(
        facts={name: f"in_{name}" for name in planned.tables},
        customers="in_customers",
        models="in_models" if "models" in tables else "",
        graph="in_graph" if "graph" in tables else "",
        scores="in_scores" if "scores" in tables else "",
        before="in_earlier" if earlier is not None else "",
    )
    return spark.sql(statement(planned, sources, DIALECT, as_of)).toArrow()


def evaluate_metrics(
    spark: SparkSession,
    definitions: Sequence[Definition],
    profile: pa.Table,
    as_of: dt.date,
    *,
    customers: pa.Table | None = None,
    earlier: pa.Table | None = None,
    by: Sequence[str] = (),
) -> pa.Table:
    """Values of metrics over a profile: `dimension`, `member` and a column each, as on DuckDB."""
    for name, table in (("profile", profile), ("customers", customers), ("earlier", earlier)):
        if table is not None:
            spark.createDataFrame(table).createOrReplaceTempView(f"in_{name}")
    before = "in_earlier" if earlier is not None else ""
    sql = metric_statement(definitions, "in_profile", before, "in_customers", DIALECT, as_of, by)
    return spark.sql(sql).toArrow()
