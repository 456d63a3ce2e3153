"""Audiences saved by name in a home: a text, who saved it and when. `@name` stands for it in other texts."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from quanke.bank.home import Home
from quanke.engines.store import write_json
from quanke.kernel.errors import AudienceError

_FOLDER = "audiences"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
_QUOTED_OR_NAMED = re.compile(
    r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|“(?:[^”\\]|\\.)*”|‘(?:[^’\\]|\\.)*’|「(?:[^」\\]|\\.)*」|`[^`]*`|@(\w*)',
    re.DOTALL,
)
_DEEPEST = 10


@dataclass(frozen=True)
class SavedAudience:
    """One saved audience."""

    name: str
    text: str
    by: str
    at: str


def save_audience(home: Home, name: str, text: str) -> SavedAudience:
    """Save a text under a name, over what was there. Raises AudienceError for a name that is none."""
    if not _NAME.match(name):
        raise AudienceError(text, 1, "a saved audience is named like a tag: a-z, 0-9 and _, a letter first")
    now = dt.datetime.now(dt.timezone(dt.timedelta(hours=8))).isoformat(timespec="seconds")
    saved = SavedAudience(name, text, os.environ.get("USER", ""), now)
    path = _path(home, name)
    path.parent.mkdir(exist_ok=True)
    write_json(path, {"text": saved.text, "by": saved.by, "at": saved.at})
    return saved


def saved_audiences(home: Home) -> list[SavedAudience]:
    """All of a home, by name."""
    folder = home.path / _FOLDER
    return [_read(path) for path in sorted(folder.glob("*.json"))] if folder.is_dir() else []


def expanded(home: Home, text: str) -> str:
    """The text with every `@name` replaced by the saved text in brackets. Raises AudienceError."""
    return _expanded(home, text, ())


def _expanded(home: Home, text: str, inside: tuple[str, ...]) -> str:
    def one(match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            return match[0]
        column = match.start() + 1
        if not _NAME.match(name) or not _path(home, name).exists():
            known = ", ".join(saved.name for saved in saved_audiences(home)) or "none yet"
            raise AudienceError(text, column, f"no audience of this name is saved (saved: {known})")
        if name in inside or len(inside) >= _DEEPEST:
            raise AudienceError(text, column, "this saved audience stands inside itself, or too deep")
        return f"({_expanded(home, _read(_path(home, name)).text, (*inside, name))})"

    return _QUOTED_OR_NAMED.sub(one, text)


def _path(home: Home, name: str) -> Path:
    return home.path / _FOLDER / f"{name}.json"


def _read(path: Path) -> SavedAudience:
    held = json.loads(path.read_text(encoding="utf-8"))
    return SavedAudience(path.stem, held["text"], held["by"], held["at"])
