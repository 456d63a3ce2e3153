"""Relations of a home as Spark sees them: files as views, values of foreign balances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from quanke.bank.arranged import arranged
from quanke.bank.contracts import FieldType
from quanke.engines.spark.golden import SQL_TYPES
from quanke.engines.spark.lowering import half_up_division, text_literal
from quanke.language.facts import facts

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_FROM_DUCKDB = {
    "INTEGER": "INT",
    "BIGINT": "BIGINT",
    "VARCHAR": "STRING",
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "TIMESTAMP": "TIMESTAMP_NTZ",
    "DECIMAL(18,6)": "DECIMAL(18,6)",
}
_FROM_ARROW = {
    pa.int32(): "INT",
    pa.int64(): "BIGINT",
    pa.string(): "STRING",
    pa.bool_(): "BOOLEAN",
    pa.date32(): "DATE",
    pa.float64(): "DOUBLE",
    pa.timestamp("us"): "TIMESTAMP_NTZ",
    pa.decimal128(18, 6): "DECIMAL(18,6)",
}


def arranged_columns(table: str) -> dict[str, str]:
    """Columns of an arranged table with their Spark types, in order."""
    return {column.name: _FROM_DUCKDB[column.type] for column in arranged(table)}


def stored_columns(schema: pa.Schema) -> dict[str, str]:
    """Columns of a file the night wrote, with their Spark types."""
    return {field.name: _FROM_ARROW[field.type] for field in schema}


def make_view(session: SparkSession, name: str, files: Sequence[Path], columns: Mapping[str, str]) -> str:
    """A view over Parquet files (or folders of them), read only when it is asked; its name.

    The columns are given, so that no file is opened to look and one without a column has nulls.
    """
    schema = ", ".join(f"`{column}` {of}" for column, of in columns.items())
    session.read.schema(schema).parquet(*map(location, files)).createOrReplaceTempView(name)
    return name


def location(path: Path) -> str:
    """A file as Spark's reader names it; what would be a pattern there is meant as it stands."""
    return "file://" + "".join("\\" + c if c in "\\{}[]*?" else c for c in str(path.resolve()))


def empty_sql(table: str) -> str:
    """A fact table without rows, for what the bank did not hand over."""
    fields = [f"CAST(NULL AS {SQL_TYPES[f.type]}) AS `{f.name}`" for f in facts.tables[table].fields.values()]
    if table == "balances":
        fields.append("CAST(NULL AS BIGINT) AS delta")
    return f"(SELECT CAST(NULL AS INT) AS customer, {', '.join(fields)} WHERE false)"


def fact_sql(table: str, relation: str, low: int, high: int) -> str:
    """A fact table (SQL of a relation, empty for none) for customers `low <= customer < high`."""
    if not relation:
        return empty_sql(table)
    return f"(SELECT * FROM {relation} WHERE customer >= {low} AND customer < {high})"


def balances_sql(relation: str, foreign: str, currency: str, low: int, high: int) -> str:
    """The change ledger in the home currency: foreign accounts come valued from `foreign`."""
    if not relation:
        return empty_sql("balances")
    reach = f"customer >= {low} AND customer < {high}"
    columns = "customer, date, delta, category, currency"
    own = f"SELECT {columns} FROM {relation} WHERE {reach} AND currency = {text_literal(currency)}"
    if not foreign:
        return f"({own})"
    return f"({own} UNION ALL SELECT {columns} FROM {foreign} WHERE {reach})"


def foreign_balances_sql(
    relation: str, rates: str, currency: str, as_of: str, exponents: Mapping[str, int]
) -> str:
    """Changes of foreign accounts valued at the last rate known on the as-of day, as on DuckDB.

    A level, its currency's minor unit and its rate are multiplied as whole numbers and divided once: the
    product of three decimals would be cut to six places here, and be rounded twice.
    """
    own, rate = text_literal(currency), SQL_TYPES[FieldType.RATE]
    known = (
        f"SELECT currency, max_by(rate, date) AS rate FROM {rates} "
        f"WHERE date <= DATE'{as_of}' GROUP BY currency"
        if rates
        else f"SELECT CAST(NULL AS STRING) AS currency, CAST(NULL AS {rate}) AS rate WHERE false"
    )
    # Yen have no minor unit, dinars three places: what a unit is divided by to make hundredths, times 100.
    whens = " ".join(f"WHEN {text_literal(c)} THEN {10**e}" for c, e in sorted(exponents.items()))
    unit = (
        f"CAST(CASE b.currency {whens} ELSE 100 END AS DECIMAL(5,0))"
        if whens
        else "CAST(100 AS DECIMAL(5,0))"
    )
    millionths = "CAST(CAST(k.rate AS DECIMAL(18,6)) * 1000000 AS DECIMAL(18,0))"
    product = (
        f"CAST(CAST(b.level AS DECIMAL(16,0)) * {millionths} AS DECIMAL(36,0)) * CAST(100 AS DECIMAL(3,0))"
    )
    return f"""
        WITH known AS ({known}),
        levels AS (
          SELECT b.customer, b.account, b.date, b.category, b.currency,
                 sum(b.delta) OVER (PARTITION BY b.account ORDER BY b.date) AS level,
                 row_number() OVER (PARTITION BY b.account, b.date ORDER BY b.delta) AS nth
          FROM {relation} b WHERE b.currency <> {own} AND b.date <= DATE'{as_of}'
        ),
        valued AS (
          SELECT b.customer, b.account, b.date, b.category,
                 {half_up_division(product, f"({unit} * 1000000)")} AS value
          FROM levels b JOIN known k ON k.currency = b.currency WHERE b.nth = 1
        )
        SELECT customer, account, date,
               value - coalesce(lag(value) OVER (PARTITION BY account ORDER BY date), 0) AS delta,
               category, {own} AS currency
        FROM valued
    """


def write_rows(rows: DataFrame, target: Path) -> None:
    """Rows of any number into a folder of Parquet files, each of them in order of customers; the folder is
    there whole or not at all."""
    beside = target.with_name(target.name + ".part")
    ordered = rows.sortWithinPartitions("customer")
    ordered.write.mode("overwrite").option("compression", "zstd").parquet(f"file://{beside.resolve()}")
    beside.replace(target)
