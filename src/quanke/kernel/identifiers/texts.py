"""What is trimmed and folded before an identifier rule looks at a text, alike on scalars and columns."""

from __future__ import annotations

BLANKS = " \t\r\n\u00a0\u3000"
"""Blanks around a value, as fixed-width and spreadsheet exports leave them, full-width among them."""

_ASCII_UPPER = {lower: lower - 32 for lower in range(ord("a"), ord("z") + 1)}
_INNER_BLANKS = {ord(char): None for char in " \u00a0\u3000"}


def upper_trimmed(text: str) -> str:
    """`text` without blanks around it, ASCII letters upper-case; others are left for the rule to refuse."""
    return text.strip(BLANKS).translate(_ASCII_UPPER)


def without_blanks(text: str) -> str:
    """`text` without blanks around it and without spaces between its groups ("6222 0240 ...")."""
    return text.strip(BLANKS).translate(_INNER_BLANKS)


def is_ascii_digits(text: str) -> bool:
    """Whether `text` is one or more of 0-9; `str.isdigit` would also take full-width and other digits."""
    return text.isascii() and text.isdigit()
