"""Relations of a home as DuckDB sees them: facts by customer range, values of foreign balances."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path

import pyarrow as pa

from quanke.bank.contracts import FieldType
from quanke.language.facts import facts
from quanke.language.types import Kind, Type

SQL_TYPES = {
    FieldType.TEXT: "VARCHAR",
    FieldType.CODE: "VARCHAR",
    FieldType.INTEGER: "BIGINT",
    FieldType.MONEY: "BIGINT",
    FieldType.RATE: "DECIMAL(18,6)",
    FieldType.BOOLEAN: "BOOLEAN",
    FieldType.DATE: "DATE",
    FieldType.INSTANT: "TIMESTAMP",
}


_ARROW = {
    Kind.BOOLEAN: pa.bool_(),
    Kind.INTEGER: pa.int64(),
    Kind.MONEY: pa.int64(),
    Kind.RATE: pa.decimal128(18, 6),
    Kind.NUMBER: pa.float64(),
    Kind.TEXT: pa.string(),
    Kind.DATE: pa.date32(),
    Kind.INSTANT: pa.timestamp("us"),
}


def arrow_type(value: Type) -> pa.DataType:
    """Arrow type of a value of the language, as nights store it."""
    return _ARROW[value.kind]


def files_sql(files: Iterable[Path]) -> str:
    """`read_parquet` of files, in the order given."""
    names = ", ".join("'" + str(f).replace("'", "''") + "'" for f in files)
    return f"read_parquet([{names}])"


def empty_sql(table: str) -> str:
    """A fact table without rows, for what the bank did not hand over."""
    fields = [f'CAST(NULL AS {SQL_TYPES[f.type]}) AS "{f.name}"' for f in facts.tables[table].fields.values()]
    if table == "balances":
        fields.append("CAST(NULL AS BIGINT) AS delta")
    return f"(SELECT CAST(NULL AS INTEGER) AS customer, {', '.join(fields)} WHERE false)"


def fact_sql(table: str, relation: str, low: int, high: int) -> str:
    """A fact table (SQL of a relation, empty for none) for customers `low <= customer < high`; row groups
    outside are skipped."""
    if not relation:
        return empty_sql(table)
    return f"(SELECT * FROM {relation} WHERE customer >= {low} AND customer < {high})"


def balances_sql(relation: str, foreign: Path | None, currency: str, low: int, high: int) -> str:
    """The change ledger in the home currency: foreign accounts come valued from `foreign`."""
    if not relation:
        return empty_sql("balances")
    reach = f"customer >= {low} AND customer < {high}"
    columns = "customer, date, delta, category, currency"
    own = f"SELECT {columns} FROM {relation} WHERE {reach} AND currency = '{currency}'"
    if foreign is None:
        return f"({own})"
    return f"({own} UNION ALL SELECT {columns} FROM {files_sql([foreign])} WHERE {reach})"


def foreign_balances_sql(
    relation: str, rates: Sequence[Path], currency: str, as_of: str, exponents: dict[str, int]
) -> str:
    """Changes of foreign accounts valued at the last rate known on the as-of day.

    Each level is valued and rounded once (half away from zero), and the change is the difference of
    valued levels, so that levels and daily means stay exact sums. A currency without a rate counts
    as nothing and is reported by the night. A level is taken as DECIMAL(19,0): the product of decimals of
    up to 18 digits would stay at 18, too few for a billion yuan.
    """
    known = (
        f"SELECT currency, arg_max(rate, date) AS rate FROM {files_sql(rates)} "
        f"WHERE date <= DATE '{as_of}' GROUP BY currency"
        if rates
        else "SELECT NULL::VARCHAR AS currency, NULL::DECIMAL(18,6) AS rate WHERE false"
    )
    # minor units of another size (yen have none, dinars three) brought to hundredths
    whens = " ".join(f"WHEN '{c}' THEN {Decimal(10) ** (2 - e)}" for c, e in sorted(exponents.items()))
    scale = f"CAST(CASE b.currency {whens} ELSE 1 END AS DECIMAL(4,1))" if whens else "1"
    return f"""
        WITH known AS ({known}),
        levels AS (
          SELECT b.customer, b.account, b.date, b.category, b.currency,
                 sum(b.delta) OVER (PARTITION BY b.account ORDER BY b.date) AS level,
                 row_number() OVER (PARTITION BY b.account, b.date ORDER BY b.delta) AS nth
          FROM {relation} b WHERE b.currency <> '{currency}' AND b.date <= DATE '{as_of}'
        ),
        valued AS (
          SELECT b.customer, b.account, b.date, b.category, b.currency,
                 CAST(round(CAST(b.level AS DECIMAL(19,0)) * {scale} * k.rate, 0) AS BIGINT) AS value
          FROM levels b JOIN known k ON k.currency = b.currency WHERE b.nth = 1
        )
        SELECT customer, account, date,
               value - coalesce(lag(value) OVER (PARTITION BY account ORDER BY date), 0) AS delta,
               category, '{currency}' AS currency
        FROM valued ORDER BY customer, account, date
    """
