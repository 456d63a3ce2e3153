"""How DuckDB writes what the planner asks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from quanke.engines.duckdb import lowering
from quanke.language.nodes import AsOf, Call, Literal
from quanke.language.types import Kind, Type

MASK_DAYS = 63
"""Days one bit mask holds (the sign bit stays free)."""
MOST_MASKS = 6


class DuckDBDialect:
    """The planner's Dialect for DuckDB 2."""

    def lower(self, call: Call, arguments: Sequence[str]) -> str:
        """SQL of an operation over lowered arguments."""
        return lowering.lower(call, list(arguments))

    def literal(self, node: Literal | AsOf, as_of: dt.date) -> str:
        """SQL of a constant."""
        return lowering.literal(node, as_of)

    def sql_type(self, kind: Type) -> str:
        """SQL type of a value."""
        return lowering.sql_type(kind)

    def quote(self, name: str) -> str:
        """An identifier that may be a key word."""
        return '"' + name.replace('"', '""') + '"'

    def day_number(self, day: str) -> str:
        """Days since 1970; a date less a date is a BIGINT here."""
        return f"({day} - DATE '1970-01-01')"

    def half_up_division(self, numerator: str, denominator: str) -> str:
        """SQL of a rounded whole quotient, null at zero."""
        return lowering.half_up_division(numerator, denominator)

    def rate_division(self, numerator: str, denominator: str) -> str:
        """SQL of a quotient with six places, null at zero."""
        return lowering.rate_division(numerator, denominator)

    def total(self, sum_: str, kind: Type) -> str:
        """Sums of BIGINT are HUGEINT, of DECIMAL(18,6) DECIMAL(38,6)."""
        return f"{'TRY_CAST' if kind.kind is Kind.RATE else 'CAST'}({sum_} AS {lowering.sql_type(kind)})"

    def last_by(self, condition: str, day: str, value: str) -> str:
        """Structs compare field by field, so the greatest (day, value) is the last row."""
        return f"max(CASE WHEN {condition} THEN {{'day': {day}, 'value': {value}}} END).value"

    def distinct_days(self, condition: str, day: str, first: dt.date, last: dt.date) -> str:
        """Different days by bit masks where the window is short (a third of a distinct count's cost)."""
        length = (last - first).days + 1
        if length > MASK_DAYS * MOST_MASKS:
            return f"count(DISTINCT CASE WHEN {condition or 'true'} THEN {day} END)"
        masks = []
        for start in range(0, length, MASK_DAYS):
            begin = first + dt.timedelta(days=start)
            end = min(last, begin + dt.timedelta(days=MASK_DAYS - 1))
            inside = f"{day} BETWEEN DATE '{begin}' AND DATE '{end}'"
            if condition:
                inside = f"{condition} AND {inside}"
            bit = f"CAST(1 AS BIGINT) << CAST({day} - DATE '{begin}' AS INTEGER)"
            # a bit count is a TINYINT, and two of them may be more than one holds
            count = f"CAST(bit_count(bit_or(CASE WHEN {inside} THEN {bit} END)) AS BIGINT)"
            masks.append(f"coalesce({count}, 0)")
        return f"({' + '.join(masks)})"
