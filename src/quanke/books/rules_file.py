"""A bank's own parameters of books: `book-rules.yaml` in its home.

    cooling_days: 60
    per_km: {1900-01-01: 15, 2027-01-01: 20}
    capacity: {remote_seat: 2500}
    stands_for:
      customer_manager: {customer_manager: 0, service_manager: 60}

What is not named stays as `BookRules` has it; a role under `stands_for` is replaced whole. Prices are whole
yuan. A number that changes on a day is a mapping from days to numbers.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn

from quanke.books.rules import YUAN, BookRules
from quanke.kernel.errors import DefinitionError
from quanke.language.declared_yaml import Entries, Part, Row, Words, read_yaml
from quanke.segments import Dated

RULES_FILE = "book-rules.yaml"
_PRICES = frozenset(
    ["grade_step", "per_km", "language", "skill", "break_relation", "break_live", "break_year", "household",
     "vacant", "away", "balance", "uncovered"]
)  # fmt: skip
_BY_NAME = ("tier_load", "capacity")
_LARGEST = 10_000_000
"""Numbers stay below this, so that no sum of prices leaves 64 bits."""


def read_rules(path: Path) -> BookRules:
    """The parameters a file declares. Raises DefinitionError with the line for whatever is wrong in it."""
    return _Rules(path).read()


class _Rules:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.usual = BookRules()

    def refuse(self, line: int, reason: str) -> NoReturn:
        raise DefinitionError(RULES_FILE, reason, f"{self.path}:{line}")

    def read(self) -> BookRules:
        whole = read_yaml(self.path)
        known = {field.name for field in fields(BookRules)}
        given: dict[str, Any] = {}
        for name, part in whole.parts.items():
            line = whole.lines[name]
            if name not in known:
                self.refuse(line, f"{name[:64]!r} is none of {', '.join(sorted(known))}")
            given[name] = self.value(name, part, line)
        try:
            return BookRules(**given)
        except ValueError as error:
            self.refuse(whole.line, str(error))

    def value(self, name: str, part: Part, line: int) -> Any:
        if name in _BY_NAME:
            return {**getattr(self.usual, name), **self.named(name, part, 1, getattr(self.usual, name))}
        if name == "stands_for":
            roles = self.usual.role_tier
            if not isinstance(part, Entries) or not set(part.parts) <= set(self.usual.stands_for):
                self.refuse(line, f"stands_for is a mapping of {', '.join(self.usual.stands_for)}")
            more = {role: self.named(role, each, YUAN, roles) for role, each in part.parts.items()}
            return {**self.usual.stands_for, **more}
        if name == "grades":
            if not isinstance(part, Row) or not all(isinstance(each, Words) for each in part.parts):
                self.refuse(line, "grades is a list of words, the lowest first")
            return tuple(each.text for each in part.parts if isinstance(each, Words))
        if name == "role_tier":
            if not isinstance(part, Entries):
                self.refuse(line, "role_tier is a mapping from roles to tiers")
            told = {r: each.text for r, each in part.parts.items() if isinstance(each, Words)}
            return {**self.usual.role_tier, **told}
        return self.dated(name, part, YUAN if name in _PRICES else 1)

    def named(self, name: str, part: Part, unit: int, known: Mapping[str, Any]) -> dict[str, Dated]:
        if not isinstance(part, Entries):
            self.refuse(part.line, f"{name} is a mapping of names to numbers")
        for each, line in part.lines.items():
            if each not in known:
                self.refuse(line, f"{each[:64]!r} is none of {', '.join(known)}")
        return {each: self.dated(each, value, unit) for each, value in part.parts.items()}

    def dated(self, name: str, part: Part, unit: int) -> Dated:
        if not isinstance(part, Entries):
            return Dated.of(self.number(name, part) * unit)
        days = [(self.day(day, part.lines[day]), value) for day, value in part.parts.items()]
        try:
            return Dated(tuple((day, self.number(name, value) * unit) for day, value in days))
        except ValueError as error:
            self.refuse(part.line, f"{name}: {error}")

    def number(self, name: str, part: Part) -> int:
        text = part.text.strip() if isinstance(part, Words) else ""
        if not text.isascii() or not text.isdecimal() or int(text[:9]) > _LARGEST or len(text) > 8:
            self.refuse(part.line, f"{name} is a whole number, not above {_LARGEST:,}")
        return int(text)

    def day(self, text: str, line: int) -> dt.date:
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            self.refuse(line, "a day is written YYYY-MM-DD")
