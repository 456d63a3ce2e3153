"""How Spark writes golden customers (ANSI mode on).

Traps: `min_by` passes over rows without a place but not over rows whose value is null; no 128-bit whole
numbers, so long places are DECIMAL(38,0); `unix_micros` wants a TIMESTAMP, which would move through the
summer times that Shanghai had, so the seconds of a TIMESTAMP_NTZ are put together from its parts;
`array_contains` is null, not false, for a null.
"""

from __future__ import annotations

from quanke.bank.contracts import FieldType
from quanke.engines.golden_statement import BEGINNING
from quanke.engines.spark.lowering import text_literal

SQL_TYPES = {
    FieldType.TEXT: "STRING",
    FieldType.CODE: "STRING",
    FieldType.INTEGER: "BIGINT",
    FieldType.MONEY: "BIGINT",
    FieldType.RATE: "DECIMAL(18,6)",
    FieldType.BOOLEAN: "BOOLEAN",
    FieldType.DATE: "DATE",
    FieldType.INSTANT: "TIMESTAMP_NTZ",
}


class SparkRecords:
    """The RecordDialect for Spark 4."""

    integer = "INT"
    wide = "DECIMAL(38,0)"
    kept_once = ""
    semi = "LEFT SEMI JOIN"
    anti = "LEFT ANTI JOIN"

    def quote(self, name: str) -> str:
        """An identifier that may be a key word."""
        return f"`{name}`"

    def text(self, value: str) -> str:
        """A text constant."""
        return text_literal(value)

    def type_of(self, field: FieldType) -> str:
        """SQL type of a field."""
        return SQL_TYPES[field]

    def numbers(self, low: int, high: int) -> str:
        """A SELECT of `customer` from `low` to `high - 1`."""
        return f"SELECT CAST(id AS INT) AS customer FROM range({low}, {high})"

    def first_known(self, value: str, place: str) -> str:
        """A row whose value is null gets no place."""
        return f"min_by({value}, CASE WHEN {value} IS NOT NULL THEN {place} END)"

    def first(self, value: str, place: str) -> str:
        """SQL aggregate: the value with the smallest place, known or not."""
        return f"min_by({value}, {place})"

    def all_of(self, value: str) -> str:
        """SQL aggregate: a list of all known values."""
        return f"collect_list({value})"

    def among(self, values: str, value: str) -> str:
        """Whether a list holds a value."""
        return f"array_contains({values}, {value})"

    def days(self, day: str) -> str:
        """A date as days since year 1."""
        return f"CAST(datediff({day}, DATE'0001-01-01') AS BIGINT)"

    def seconds(self, moment: str) -> str:
        """A moment as seconds since year 1, by the clock on the wall."""
        hours = f"CAST(unix_date(CAST({moment} AS DATE)) AS BIGINT) * 24 + hour({moment})"
        return f"((({hours}) * 60 + minute({moment})) * 60 + second({moment}) + {BEGINNING})"

    def day_of(self, digits: str) -> str:
        """The date of a text YYYYMMDD; null where that is none."""
        pieces = (f"substr({digits}, 1, 4)", f"substr({digits}, 5, 2)", f"substr({digits}, 7, 2)")
        return f"try_cast(concat_ws('-', {', '.join(pieces)}) AS DATE)"
