"""Reasons: why something was decided, refused or found, as a code with one sentence in both languages.

A `Reason` is declared once, where the rule stands, and is registered under its code. A sentence may name
facts in braces (`"日均资产 {aum} 达到 {threshold}"`); both languages must name the same ones. Facts are
filled in when the reason is shown; the code alone is what is stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from string import Formatter

_CODE = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_.][A-Za-z0-9]+)*\Z")


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason. `code` is stable and stored (`"ID-1.check"`); `zh` and `en` are the sentences."""

    code: str
    zh: str
    en: str

    def __post_init__(self) -> None:
        if not _CODE.match(self.code):
            raise ValueError(f"reason code {self.code!r} is not letters and digits joined by - _ or .")
        if not self.zh or not self.en:
            raise ValueError(f"reason {self.code}: a sentence is missing in zh or en")
        if facts_named(self.zh) != facts_named(self.en):
            raise ValueError(f"reason {self.code}: zh and en name different facts")

    @property
    def facts(self) -> frozenset[str]:
        """Names of the facts the sentences want."""
        return facts_named(self.zh)

    def say(self, language: str = "zh", facts: Mapping[str, object] | None = None) -> str:
        """The sentence in `zh` or `en` with its facts filled in; KeyError when one is missing."""
        sentence = {"zh": self.zh, "en": self.en}[language]
        return sentence.format_map(dict(facts or {})) if self.facts else sentence

    def __str__(self) -> str:
        return f"{self.code}: {self.en}"


def facts_named(sentence: str) -> frozenset[str]:
    """Names in braces in a sentence."""
    return frozenset(name for _, name, _, _ in Formatter().parse(sentence) if name is not None)


_REGISTRY: dict[str, Reason] = {}


def reason(code: str, zh: str, en: str) -> Reason:
    """Declare a reason and register it; the same code with another text is a ValueError."""
    new = Reason(code, zh, en)
    known = _REGISTRY.setdefault(code, new)
    if known != new:
        raise ValueError(f"reason {code} is declared twice with different sentences")
    return known


def find_reason(code: str) -> Reason:
    """The registered reason of a stored code; KeyError if none is."""
    return _REGISTRY[code]


def all_reasons() -> Iterator[Reason]:
    """All registered reasons in order of their codes."""
    return iter([_REGISTRY[code] for code in sorted(_REGISTRY)])
