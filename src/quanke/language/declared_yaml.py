"""YAML of analysts' files as plain text with line numbers: no types, no tags, no anchors, no doubles.

Built from parser events without recursion, so that neither depth nor aliases can exhaust a reader.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import yaml

from quanke.kernel.errors import DefinitionError

LARGEST_FILE = 256 * 1024
DEEPEST = 6


@dataclass(frozen=True)
class Words:
    """A scalar, as text."""

    text: str
    line: int


@dataclass(frozen=True)
class Row:
    """A sequence."""

    parts: list[Part]
    line: int


@dataclass(frozen=True)
class Entries:
    """A mapping, in order; `lines` holds the line of each key."""

    parts: dict[str, Part]
    line: int
    lines: dict[str, int] = field(default_factory=dict)


Part = Words | Row | Entries


def read_yaml(path: Path) -> Entries:
    """The one mapping a file holds. Raises DefinitionError with the line."""
    return _Reader(path).read()


class _Reader:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.open: list[Row | Entries] = []
        self.keys: list[Words | None] = []
        self.whole: Part | None = None

    def refuse(self, line: int, reason: str) -> NoReturn:
        raise DefinitionError(self.path.name, reason, f"{self.path}:{line}")

    def read(self) -> Entries:
        text = self.text()
        try:
            for event in self.events(text):
                self.take(event)
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, int(error.position)) + 1
            self.refuse(line, "a character cannot stand in a YAML file")
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self.refuse(mark.line + 1 if mark else 1, f"this is not YAML: {error.problem or error.context}")
        if not isinstance(self.whole, Entries):
            self.refuse(1, "a file of definitions holds sections: tags, metrics, checks, triggers")
        return self.whole

    def text(self) -> str:
        try:
            with self.path.open("rb") as file:
                raw = file.read(LARGEST_FILE + 1)
        except OSError as error:
            raise DefinitionError(self.path.name, f"the file cannot be read: {error.strerror}") from None
        if len(raw) > LARGEST_FILE:
            self.refuse(1, f"a file of definitions is at most {LARGEST_FILE // 1024} KiB: split it")
        try:
            return raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            self.refuse(raw.count(b"\n", 0, error.start) + 1, "the file is not UTF-8: save it as UTF-8")

    def events(self, text: str) -> Iterator[yaml.Event]:
        documents = 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            documents += isinstance(event, yaml.DocumentStartEvent)
            if documents > 1:
                self.refuse(_line(event), "a file of definitions is one document")
            yield event

    def take(self, event: yaml.Event) -> None:
        line = _line(event)
        if isinstance(event, yaml.AliasEvent):
            self.refuse(line, "anchors and aliases (& and *) are not understood here")
        if isinstance(event, yaml.NodeEvent):
            if event.anchor is not None:
                self.refuse(line, "anchors and aliases (& and *) are not understood here")
            if getattr(event, "tag", None) is not None:
                self.refuse(line, "YAML tags (!) are not understood here; quote what begins with !")
        if isinstance(event, yaml.ScalarEvent):
            self.put(Words(event.value, line))
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            if len(self.open) == DEEPEST:
                self.refuse(line, f"a file of definitions is at most {DEEPEST} levels deep")
            self.begin(Entries({}, line) if isinstance(event, yaml.MappingStartEvent) else Row([], line))
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self.open.pop()
            self.keys.pop()

    def begin(self, part: Row | Entries) -> None:
        self.put(part)
        self.open.append(part)
        self.keys.append(None)

    def put(self, part: Part) -> None:
        """Give a part to what is open: as a key first, then as its value."""
        if not self.open:
            self.whole = part
            return
        inside = self.open[-1]
        if isinstance(inside, Row):
            inside.parts.append(part)
            return
        key = self.keys[-1]
        if key is not None:
            inside.parts[key.text] = part
            self.keys[-1] = None
            return
        if not isinstance(part, Words):
            self.refuse(part.line, "a key is a plain word")
        if part.text in inside.parts:
            first = inside.lines[part.text]
            self.refuse(part.line, f"the key {part.text[:64]!r} stands twice, first in line {first}")
        inside.lines[part.text] = part.line
        self.keys[-1] = part


def _line(event: yaml.Event) -> int:
    mark = event.start_mark
    return 1 if mark is None else mark.line + 1
