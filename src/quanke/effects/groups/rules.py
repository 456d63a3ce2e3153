"""Rules of control groups and of measuring: dated parameters a bank sets in `effects.yaml` in its home.

    hold_out: {1900-01-01: 2%, 2027-01-01: 1%}
    salt: city branch
    window_days: 30
    least_arm: 50
    least_shown: 30

What is not named stays as `EffectRules` has it. A number that changes on a day is a mapping from days to
numbers.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from quanke.kernel.errors import DefinitionError
from quanke.language.declared_yaml import Entries, Part, Words, read_yaml
from quanke.segments.control import HoldOut, share_of
from quanke.segments.dated import Dated

RULES_FILE = "effects.yaml"
_MOST = 3_650


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectRules:
    """`hold_out`: who is never contacted by a campaign. `window_days`: days after the first contact in which
    an effect is looked for. `least_arm`: fewest units of an arm. `least_shown`: a group whose smaller arm is
    below it is not broken out."""

    hold_out: HoldOut = field(default=HoldOut())
    window_days: Dated = field(default=Dated.of(30))
    least_arm: Dated = field(default=Dated.of(50))
    least_shown: Dated = field(default=Dated.of(30))


DEFAULT_RULES = EffectRules()


def effect_rules(home: Path) -> EffectRules:
    """The rules of the home at a path: the bank's own on top of the default. Raises DefinitionError, naming
    the line, for a file that is none."""
    path = home / RULES_FILE
    return _Rules(path).read() if path.exists() else DEFAULT_RULES


class _Rules:
    def __init__(self, path: Path) -> None:
        self.path = path

    def refuse(self, line: int, reason: str) -> NoReturn:
        raise DefinitionError(RULES_FILE, reason, f"{self.path}:{line}")

    def read(self) -> EffectRules:
        whole = read_yaml(self.path)
        readers: dict[str, Callable[[str, Part], Any]] = {
            "hold_out": self.dated_share,
            "salt": self.salt,
            "window_days": self.dated_number,
            "least_arm": self.dated_number,
            "least_shown": self.dated_number,
        }
        given: dict[str, Any] = {}
        for name, part in whole.parts.items():
            if name not in readers:
                self.refuse(whole.lines[name], f"{name[:64]!r} is none of {', '.join(readers)}")
            given[name] = readers[name](name, part)
        usual = DEFAULT_RULES.hold_out
        held = HoldOut(share_ppm=given.pop("hold_out", usual.share_ppm), salt=given.pop("salt", usual.salt))
        return EffectRules(hold_out=held, **given)

    def salt(self, name: str, part: Part) -> str:
        text = part.text.strip() if isinstance(part, Words) else ""
        if not 0 < len(text) <= 64:
            self.refuse(part.line, f"{name} is a text of 1 to 64 characters")
        return text

    def dated_share(self, name: str, part: Part) -> Dated:
        return self.dated(name, part, self.share)

    def dated_number(self, name: str, part: Part) -> Dated:
        return self.dated(name, part, self.number)

    def dated(self, name: str, part: Part, one: Callable[[str, Part], int]) -> Dated:
        if not isinstance(part, Entries):
            return Dated.of(one(name, part))
        days = [(self.day(day, part.lines[day]), one(name, value)) for day, value in part.parts.items()]
        try:
            return Dated(tuple(days))
        except ValueError as error:
            self.refuse(part.line, f"{name}: {error}")

    def share(self, name: str, part: Part) -> int:
        text = part.text.strip() if isinstance(part, Words) else ""
        try:
            return share_of(text)
        except ValueError:
            self.refuse(part.line, f"{name} is a share such as 2% or 0.02")

    def number(self, name: str, part: Part) -> int:
        text = part.text.strip() if isinstance(part, Words) else ""
        if not text.isascii() or not text.isdecimal() or len(text) > 5 or not 1 <= int(text) <= _MOST:
            self.refuse(part.line, f"{name} is a whole number from 1 to {_MOST:,}")
        return int(text)

    def day(self, text: str, line: int) -> dt.date:
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            self.refuse(line, "a day is written YYYY-MM-DD")
