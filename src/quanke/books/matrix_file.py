"""A bank's own service matrix: `service-matrix.yaml` in its home.

    occasions:
      outflow_workdays: 2
      newcomer_days: {1900-01-01: 7, 2027-01-01: 5}
    rows:
      - name: private
        title_zh: 私人银行
        title_en: Private banking
        tiers: [private]
        care: post
        role: private_banker
        grade: 高级
        contact_days: 31
        channels: [visit, call, wecom]

It replaces the default whole. `tiers`, `clusters` and `stages` are lists or left out; `since` and `until` are
days. A number that changes on a day is a mapping from days to numbers.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from quanke.books.matrix import OccasionRules, ServiceMatrix, ServiceStandard
from quanke.kernel.errors import DefinitionError
from quanke.language.declared_yaml import Entries, Part, Row, Words, read_yaml
from quanke.segments import Dated

FILE = "service-matrix.yaml"
_TEXTS = ("name", "title_zh", "title_en", "care", "role", "grade")
_LISTS = ("channels", "tiers", "clusters", "stages")
_DAYS = ("since", "until")
_REQUIRED = ("name", "title_zh", "title_en", "care", "channels")
_OCCASIONS = ("outflow_workdays", "maturity_workdays", "visit_workdays", "newcomer_days")


def read_matrix(path: Path) -> ServiceMatrix:
    """The matrix a file declares. Raises DefinitionError with the line for whatever is wrong in it."""
    return _Matrix(path).read()


class _Matrix:
    def __init__(self, path: Path) -> None:
        self.path = path

    def refuse(self, line: int, reason: str) -> NoReturn:
        raise DefinitionError(FILE, reason, f"{self.path}:{line}")

    def read(self) -> ServiceMatrix:
        whole = read_yaml(self.path)
        self.known(whole, ("rows", "occasions"))
        listed = whole.parts.get("rows")
        if not isinstance(listed, Row) or not listed.parts:
            self.refuse(whole.line, "rows is a list of at least one row")
        rows = tuple(self.row(part) for part in listed.parts)
        occasions = self.occasions(whole.parts.get("occasions"))
        try:
            return ServiceMatrix(rows=rows, occasions=occasions)
        except ValueError as error:
            self.refuse(listed.line, str(error))

    def known(self, entries: Entries, names: tuple[str, ...]) -> None:
        for name, line in entries.lines.items():
            if name not in names:
                self.refuse(line, f"{name[:64]!r} is none of {', '.join(names)}")

    def row(self, part: Part) -> ServiceStandard:
        if not isinstance(part, Entries):
            self.refuse(part.line, "a row is a mapping with name, care, channels")
        self.known(part, (*_TEXTS, *_LISTS, *_DAYS, "contact_days"))
        missing = [name for name in _REQUIRED if name not in part.parts]
        if missing:
            self.refuse(part.line, f"the row has no {missing[0]}")
        given: dict[str, Any] = {}
        for name, value in part.parts.items():
            if name in _LISTS:
                given[name] = self.words(name, value)
            elif name in _DAYS:
                given[name] = self.day(self.text(name, value), value.line)
            elif name == "contact_days":
                given[name] = self.number(name, value)
            else:
                given[name] = self.text(name, value)
        try:
            return ServiceStandard(**given)
        except ValueError as error:
            self.refuse(part.line, str(error))

    def occasions(self, part: Part | None) -> OccasionRules:
        if part is None:
            return OccasionRules()
        if not isinstance(part, Entries):
            self.refuse(part.line, "occasions is a mapping of names to numbers of days")
        self.known(part, _OCCASIONS)
        given = {name: self.dated(name, value) for name, value in part.parts.items()}
        try:
            return OccasionRules(**given)
        except ValueError as error:
            self.refuse(part.line, str(error))

    def dated(self, name: str, part: Part) -> Dated:
        if not isinstance(part, Entries):
            return Dated.of(self.number(name, part))
        values: Mapping[dt.date, int] = {
            self.day(day, part.lines[day]): self.number(name, value) for day, value in part.parts.items()
        }
        try:
            return Dated(tuple(values.items()))
        except ValueError as error:
            self.refuse(part.line, f"{name}: {error}")

    def text(self, name: str, part: Part) -> str:
        if not isinstance(part, Words):
            self.refuse(part.line, f"{name} is a word")
        return part.text.strip()

    def words(self, name: str, part: Part) -> tuple[str, ...]:
        if isinstance(part, Words):
            return (part.text.strip(),)
        if not isinstance(part, Row):
            self.refuse(part.line, f"{name} is a list of words")
        return tuple(self.text(name, each) for each in part.parts)

    def number(self, name: str, part: Part) -> int:
        text = self.text(name, part)
        if not text.isascii() or not text.isdecimal() or len(text) > 6:
            self.refuse(part.line, f"{name} is a whole number of days")
        return int(text)

    def day(self, text: str, line: int) -> dt.date:
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            self.refuse(line, "a day is written YYYY-MM-DD")
