"""How DuckDB writes golden customers."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from quanke.bank.contracts import FieldType
from quanke.bank.survivorship import Rules
from quanke.engines.duckdb.relations import SQL_TYPES
from quanke.engines.golden_statement import BEGINNING, Records, golden_statement


def customers_sql(
    parties: str,
    organisations: str,
    rules: Rules,
    priority: Sequence[str],
    low: int,
    high: int,
    fields: Collection[str],
) -> str:
    """One golden row per customer number `low <= customer < high`, in order, with the `fields` that are
    asked for. `parties` and `organisations` are relations of arranged records, empty for none."""
    records = Records(parties, organisations, rules, priority)
    return golden_statement(records, low, high, fields, DuckDBRecords())


class DuckDBRecords:
    """The RecordDialect for DuckDB 2."""

    integer = "INTEGER"
    wide = "HUGEINT"
    kept_once = "MATERIALIZED "
    semi = "SEMI JOIN"
    anti = "ANTI JOIN"

    def quote(self, name: str) -> str:
        """An identifier that may be a key word."""
        return f'"{name}"'

    def text(self, value: str) -> str:
        """A text constant."""
        return "'" + value.replace("'", "''") + "'"

    def type_of(self, field: FieldType) -> str:
        """SQL type of a field."""
        return SQL_TYPES[field]

    def numbers(self, low: int, high: int) -> str:
        """A SELECT of `customer` from `low` to `high - 1`."""
        return f"SELECT CAST(range AS INTEGER) AS customer FROM range({low}, {high})"

    def first_known(self, value: str, place: str) -> str:
        """`arg_min` passes over rows whose value is null."""
        return f"arg_min({value}, {place})"

    def first(self, value: str, place: str) -> str:
        """`arg_min_null` does not."""
        return f"arg_min_null({value}, {place})"

    def all_of(self, value: str) -> str:
        """SQL aggregate: a list of all values."""
        return f"list({value})"

    def among(self, values: str, value: str) -> str:
        """Whether a list holds a value."""
        return f"list_contains({values}, {value})"

    def days(self, day: str) -> str:
        """A date as days since year 1."""
        return f"({day} - DATE '0001-01-01')"

    def seconds(self, moment: str) -> str:
        """A moment as seconds since year 1."""
        return f"(epoch_us({moment}) + {BEGINNING}000000) // 1000000"

    def day_of(self, digits: str) -> str:
        """The date of a text YYYYMMDD; null where that is none."""
        return f"CAST(try_strptime({digits}, '%Y%m%d') AS DATE)"
