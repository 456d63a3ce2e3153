"""A sentence in two languages that goes as its English, so that whoever only wants text need not know."""

from __future__ import annotations

from typing import Any


class Said(str):
    """English text with its Chinese (`zh`)."""

    __slots__ = ("zh",)
    zh: str

    def __new__(cls, english: str, zh: str) -> Said:
        """The text in both."""
        made = super().__new__(cls, english)
        made.zh = zh
        return made

    def __reduce__(self) -> tuple[Any, ...]:  # copied and pickled with both
        return Said, (str(self), self.zh)


def chinese_of(text: str) -> str:
    """The Chinese of a text; a text of one language stays as it is."""
    return text.zh if isinstance(text, Said) else text


__all__ = ["Said", "chinese_of"]
