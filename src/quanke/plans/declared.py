"""One entry of a plan file: its keys, each read with file, line and reason."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import NoReturn, TypeVar

from quanke.kernel.errors import DefinitionError, QuankeError
from quanke.language.audience_scope import near
from quanke.language.declared_yaml import Entries, Row, Words
from quanke.segments.dated import Dated

_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}\Z")
_Choice = TypeVar("_Choice", bound=StrEnum)


@dataclass(frozen=True)
class Body:
    """The keys under a name of a plan file."""

    path: Path
    name: str
    body: Entries
    line: int

    def refuse(self, key: str, reason: str) -> NoReturn:
        """Raise DefinitionError at the line of a key (or of the entry)."""
        line = self.body.lines.get(key, self.line)
        raise DefinitionError(self.name[:64], reason, f"{self.path}:{line}")

    def named(self) -> str:
        """The entry's name."""
        if not _NAME.match(self.name):
            self.refuse("", "a name is lower_snake_case, at most 41 characters")
        return self.name

    def keys(self, known: Sequence[str], needed: Sequence[str]) -> None:
        """Refuse a key nobody knows, and one that is missing."""
        for key in self.body.parts:
            if key not in known:
                self.refuse(key, f"the key {key[:64]!r} is not understood{near(key, known)}")
        for key in needed:
            if not self.has(key):
                self.refuse(key, f"it has no `{key}`")

    def has(self, key: str) -> bool:
        """Whether something stands under a key."""
        return key in self.body.parts

    def text(self, key: str) -> str:
        """The one text under a key; empty where the key is missing."""
        part = self.body.parts.get(key)
        if part is None:
            return ""
        if not isinstance(part, Words):
            self.refuse(key, f"`{key}` takes one text")
        return " ".join(part.text.split())

    def texts(self, key: str) -> tuple[str, ...]:
        """One text or a list of them; none where the key is missing."""
        part = self.body.parts.get(key)
        if isinstance(part, Row):
            if not all(isinstance(each, Words) for each in part.parts):
                self.refuse(key, f"`{key}` takes a text or a list of texts")
            return tuple(each.text.strip() for each in part.parts if isinstance(each, Words))
        return (self.text(key),) if part is not None else ()

    def choice(self, key: str, kinds: type[_Choice], otherwise: _Choice | None = None) -> _Choice:
        """One of some words."""
        return self.one_of(key, self.text(key), kinds, otherwise)

    def choices(self, key: str, kinds: type[_Choice]) -> frozenset[_Choice]:
        """Some of some words; none where the key is missing."""
        return frozenset(self.one_of(key, word, kinds) for word in self.texts(key))

    def one_of(self, key: str, word: str, kinds: type[_Choice], otherwise: _Choice | None = None) -> _Choice:
        """The kind a word says; `otherwise` for no word."""
        if not word and otherwise is not None:
            return otherwise
        if word not in set(kinds):
            self.refuse(key, f"`{key}` is one of {', '.join(kinds)}{near(word, kinds)}")
        return kinds(word)

    def dated(self, key: str, read: Callable[[str], int], otherwise: Dated | None = None) -> Dated:
        """A number, or numbers by the day from which each holds. `read` turns a text into the number, or
        raises ValueError or a QuankeError with the reason."""
        part = self.body.parts.get(key)
        if part is None and otherwise is not None:
            return otherwise
        if not isinstance(part, Entries):
            return Dated.of(self._number(key, self.text(key), read))
        values = []
        for since, word in part.parts.items():
            if not isinstance(word, Words):
                self.refuse(key, f"`{key}` takes a number, or numbers by day")
            try:
                day = dt.date.fromisoformat(since)
            except ValueError:
                self.refuse(key, "the day from which a number holds is written YYYY-MM-DD")
            values.append((day, self._number(key, word.text.strip(), read)))
        if not values or any(not a[0] < b[0] for a, b in pairwise(values)):
            self.refuse(key, "days from which numbers hold stand in their order, each once")
        return Dated(tuple(values))

    def _number(self, key: str, text: str, read: Callable[[str], int]) -> int:
        try:
            return read(text)
        except QuankeError as error:
            self.refuse(key, f"`{key}`: {getattr(error, 'reason', error)}")
        except ValueError as error:
            self.refuse(key, f"`{key}`: {error}")
