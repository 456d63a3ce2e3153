"""Reading decisions on as they are written: where one stopped, what has come since.

Files of a share are named by steps, which only rise; the last one grows (`sinks.files.JsonLinesSink`). So
a place is one file and how far it was read.
"""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MOST_BYTES = 4 << 20
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """How far the decisions of a share were read: name of the file ("": none yet) and bytes of it."""

    file: str = ""
    read: int = 0


def end_of(folder: Path) -> Place:
    """The place after all that a share has decided so far."""
    names = _names(folder, "")
    if not names:
        return Place()
    return Place(names[-1], _whole_lines((folder / names[-1]).read_bytes()))


def read_on(folder: Path, place: Place, most: int = MOST_BYTES) -> tuple[list[dict[str, Any]], Place]:
    """Decisions of a share after a place, about `most` bytes of them, and the place after those. A line that
    is being written is left for the next time; a file that was cut off behind the place (steps decided anew
    after a crash) is read from its beginning, so whoever reads drops decisions he has, by `id`."""
    found: list[dict[str, Any]] = []
    for name in _names(folder, place.file):
        begin = place.read if name == place.file else 0
        with open(folder / name, "rb") as file:
            if file.seek(0, 2) < begin:
                begin = 0
            file.seek(begin)
            told = file.read(most)
        whole = _whole_lines(told)
        found += _decisions(told[:whole], folder / name)
        place, most = Place(name, begin + whole), most - whole
        if most <= 0 or whole < len(told):
            break
    return found, place


def _decisions(told: bytes, path: Path) -> list[dict[str, Any]]:
    """What can be read: a line the disk lost when the power went holds nobody up who comes after it."""
    found = []
    for line in told.splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            _log.warning("a decision in %s/%s cannot be read", path.parent.name, path.name)
    return found


def _names(folder: Path, begin: str) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted(n for n in os.listdir(folder) if n.endswith(".jsonl") and n >= begin)


def _whole_lines(told: bytes) -> int:
    return told.rfind(b"\n") + 1
