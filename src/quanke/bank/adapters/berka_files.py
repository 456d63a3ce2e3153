"""Reading the PKDD'99 (Berka) files: `;` between fields, quotes around some, CRLF, days as YYMMDD.

Everything that is not of this form is an `InputError` with file, row and field, and never the value.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeVar

from quanke.kernel.errors import InputError
from quanke.kernel.money import parse_amount
from quanke.kernel.progress import Progress

T = TypeVar("T")

FILES: dict[str, tuple[str, ...]] = {
    "account": ("account_id", "district_id", "frequency", "date"),
    "client": ("client_id", "birth_number", "district_id"),
    "disp": ("disp_id", "client_id", "account_id", "type"),
    "order": ("order_id", "account_id", "bank_to", "account_to", "amount", "k_symbol"),
    "loan": ("loan_id", "account_id", "date", "amount", "duration", "payments", "status"),
    "card": ("card_id", "disp_id", "type", "issued"),
    "district": tuple(f"A{number}" for number in range(1, 17)),
    "trans": (
        *("trans_id", "account_id", "date", "type", "operation"),
        *("amount", "balance", "k_symbol", "bank", "account"),
    ),
}
"""Files of the source and their columns, in the order in which reports name them."""

KEYS = {name: columns[0] for name, columns in FILES.items()}


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One row of a source file; `number` counts from 1 after the header."""

    file: str
    number: int
    values: Mapping[str, str]

    def text(self, field: str) -> str:
        """The text of a field without blanks around it; the source writes some empty ones as a blank."""
        return self.values[field].strip()

    def whole(self, field: str) -> int:
        """A whole number, as keys and durations are."""
        return self._read(field, "is not a whole number", int)

    def amount(self, field: str) -> int:
        """An amount in haler."""
        try:
            return parse_amount(self.values[field])
        except InputError as fault:
            raise fault.at(file=self.file, row=self.number, field=field) from None

    def day(self, field: str) -> date:
        """A day written YYMMDD, always of the twentieth century; the time behind some is always midnight."""
        return self._read(field, "is not a day as YYMMDD", lambda text: _yymmdd(text.split(" ")[0]))

    def birth(self, field: str) -> tuple[date, str]:
        """Birth date and sex from a birth number: women have 50 added to the month."""
        return self._read(field, "is not a birth number", _birth)

    def one_of(self, field: str, meanings: Mapping[str, T]) -> T:
        """What a code means; InputError for a code without a meaning."""
        return self._read(field, f"is none of {', '.join(meanings)}", lambda text: meanings[text])

    def fault(self, field: str, rule: str) -> InputError:
        """An error at this place."""
        return InputError(rule, file=self.file, row=self.number, field=field)

    def _read(self, field: str, rule: str, read: Callable[[str], T]) -> T:
        try:
            return read(self.text(field))
        except (ValueError, KeyError, IndexError):
            raise self.fault(field, rule) from None


@dataclass(frozen=True, slots=True)
class BerkaFiles:
    """All rows of the eight files, and each file's rows by their key."""

    rows: Mapping[str, list[SourceRow]]
    by_key: Mapping[str, Mapping[int, SourceRow]]

    @classmethod
    def read(cls, source: Path, progress: Progress) -> BerkaFiles:
        """Read them all; InputError where one is missing, broken, or a key stands twice."""
        rows: dict[str, list[SourceRow]] = {}
        by_key: dict[str, dict[int, SourceRow]] = {}
        with progress.step("berka", total=len(FILES)) as step:
            for name in FILES:
                rows[name] = list(_rows(_path(source, name), FILES[name]))
                by_key[name] = _by_key(rows[name], KEYS[name])
                step.advance()
        return cls(rows, by_key)

    def look_up(self, name: str, row: SourceRow, field: str) -> SourceRow:
        """The row of file `name` that `field` of `row` refers to."""
        try:
            return self.by_key[name][row.whole(field)]
        except KeyError:
            raise row.fault(field, f"refers to no {KEYS[name]} of file {name}") from None


def _path(source: Path, name: str) -> Path:
    for path in (source / f"{name}.asc", source / f"{name}.asc.gz"):
        if path.is_file():
            return path
    raise InputError("is missing", file=f"{name}.asc")


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[SourceRow]:
    lines = csv.reader(_text_lines(path), delimiter=";", quotechar='"', strict=True)
    try:
        if tuple(next(lines, ())) != columns:
            raise InputError(f"does not begin with the columns {', '.join(columns)}", file=path.name)
        for number, fields in enumerate(lines, start=1):
            if len(fields) != len(columns):
                raise InputError(f"has not {len(columns)} fields", file=path.name, row=number)
            yield SourceRow(path.name, number, dict(zip(columns, fields, strict=True)))
    except csv.Error:
        raise InputError("is not a table of fields between semicolons", file=path.name) from None


def _text_lines(path: Path) -> Iterator[str]:
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="ascii", newline="") as lines:
            yield from lines
    except (OSError, EOFError, zlib.error):
        raise InputError("cannot be read to its end", file=path.name) from None
    except UnicodeDecodeError:
        raise InputError("holds bytes that are not ASCII", file=path.name) from None


def _by_key(rows: Iterable[SourceRow], field: str) -> dict[int, SourceRow]:
    found: dict[int, SourceRow] = {}
    for row in rows:
        if found.setdefault(row.whole(field), row) is not row:
            raise row.fault(field, "stands twice")
    return found


def _yymmdd(text: str) -> date:
    if len(text) != 6 or not (text.isascii() and text.isdigit()):
        raise ValueError
    return date(1900 + int(text[:2]), int(text[2:4]), int(text[4:]))


def _birth(text: str) -> tuple[date, str]:
    if len(text) != 6 or not (text.isascii() and text.isdigit()):
        raise ValueError
    month = int(text[2:4])
    sex, month = ("female", month - 50) if month > 50 else ("male", month)
    return date(1900 + int(text[:2]), month, int(text[4:])), sex
