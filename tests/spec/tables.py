"""Small tables written as text: a heading, then one line a row, cells between bars.

Amounts stand in major units, as people write them; `null` is unknown; text may stand in quotes (JSON's),
and must where it has blanks at an end or bars in it. A cell `error` says that the row must be refused.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from quanke.kernel.money import format_amount
from quanke.language.types import (
    BOOLEAN,
    DATE,
    DAYS,
    INSTANT,
    INTEGER,
    MONEY,
    MONTHS,
    NUMBER,
    RATE,
    TEXT,
    TIMES,
    YEARS,
    Kind,
    Type,
)

TYPES: dict[str, Type] = {
    "boolean": BOOLEAN,
    "integer": INTEGER,
    "days": DAYS,
    "months": MONTHS,
    "years": YEARS,
    "times": TIMES,
    "money": MONEY,
    "rate": RATE,
    "number": NUMBER,
    "text": TEXT,
    "date": DATE,
    "instant": INSTANT,
}
NAMES = {of: name for name, of in TYPES.items()}
ERROR = "error"


class Refused:
    """Stands for a value in the cell of a row that must be an error."""

    def __repr__(self) -> str:
        return ERROR


REFUSED = Refused()


@dataclass(frozen=True)
class Table:
    """Typed columns by name, in order; each a list of plain Python values, None for unknown."""

    types: dict[str, Type]
    columns: dict[str, list[Any]]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The same, row by row."""
        names = list(self.columns)
        return [dict(zip(names, row, strict=True)) for row in zip(*self.columns.values(), strict=True)]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))


def cells(text: str) -> list[list[str]]:
    """The cells of each line that is not blank."""
    return [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines() if line.strip()]


def read(text: str, known: Mapping[str, Type] | None = None) -> Table:
    """A table whose heading says `name: type`, or only the name where `known` has its type."""
    heading, *lines = cells(text)
    types: dict[str, Type] = {}
    for head in heading:
        name, _, kind = (part.strip() for part in head.partition(":"))
        types[name] = TYPES[kind] if kind else (known or {})[name]
    for line in lines:
        assert len(line) == len(heading), f"{line} does not fit {heading}"
    columns = {
        name: [value_of(line[place], of) for line in lines] for place, (name, of) in enumerate(types.items())
    }
    return Table(types, columns)


def value_of(cell: str, of: Type) -> Any:
    """The value a cell shows."""
    if cell == "null":
        return None
    if cell == ERROR:
        return REFUSED
    match of.kind:
        case Kind.BOOLEAN:
            return {"true": True, "false": False}[cell]
        case Kind.INTEGER:
            return int(cell)
        case Kind.MONEY:
            return int(Decimal(cell.replace(",", "")).scaleb(2))
        case Kind.RATE:
            return Decimal(cell).quantize(Decimal("0.000001"))
        case Kind.NUMBER:
            return float(cell)
        case Kind.DATE:
            return dt.date.fromisoformat(cell)
        case Kind.INSTANT:
            return dt.datetime.fromisoformat(cell)
        case Kind.TEXT:
            return json.loads(cell) if cell.startswith('"') else cell


def shown(value: Any, of: Type) -> str:
    """A value as the manual shows it."""
    if value is None:
        return "*null*"
    if value is REFUSED:
        return "*error*"
    match of.kind:
        case Kind.BOOLEAN:
            return str(value).lower()
        case Kind.MONEY:
            return format_amount(value)
        case Kind.INTEGER:
            return f"{value:,}" if abs(value) >= 10_000 else str(value)
        case Kind.RATE:
            return f"{value:,f}"
        case Kind.NUMBER:
            return repr(value)
        case Kind.INSTANT:
            return value.isoformat(sep=" ")  # type: ignore[no-any-return]
        case Kind.TEXT:
            return json.dumps(value, ensure_ascii=False)
    return str(value)
