"""Sentences of the library, found again with what stands in them: it speaks English, pages two languages.

SAID = Sentences(SENTENCES)         # marked texts with %(a)s for what stands in them
SAID.find("post W-7 is full")       # ("post %(a)s is full", {"a": "W-7"})
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property


class Sentences:
    """Sentences with names for what stands in them, each a marked text."""

    def __init__(self, sentences: Sequence[str]) -> None:
        self.sentences = tuple(sentences)

    def find(self, said: str) -> tuple[str, dict[str, str]] | None:
        """Which sentence something is, and what stands in it; null where it is none."""
        for sentence, shape in self._shapes:
            if found := shape.fullmatch(said):
                return sentence, found.groupdict()
        return None

    @cached_property
    def _shapes(self) -> tuple[tuple[str, re.Pattern[str]], ...]:
        """Each sentence with a pattern that finds it; those with more of their own words come first."""
        found = []
        for sentence in sorted(self.sentences, key=lambda s: -len(re.sub(r"%\(.\)s", "", s))):
            parts = re.split(r"%\((.)\)s", sentence)
            shape = "".join(re.escape(p) if n % 2 == 0 else f"(?P<{p}>.+?)" for n, p in enumerate(parts))
            found.append((sentence, re.compile(shape, re.DOTALL)))
        return tuple(found)
