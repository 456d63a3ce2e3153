"""What people write as a reason: read by everybody who reads the audit, and never taken out again."""

from __future__ import annotations

import re

LONGEST = 200
"""Signs; what a database would cut or refuse, as the case may be."""
_LONG_DIGITS = re.compile(r"\d{7,}")
_BETWEEN = re.compile(r"[\s-]")


class NotAllowed(ValueError):
    """What a rule forbids; the text names the rule."""


def checked_reason(text: str) -> str:
    """A reason without blanks around it; empty where none was given. Raises NotAllowed: longer than
    `LONGEST`, or with a number that may be a phone's, a document's, a card's or an account's."""
    text = text.strip()
    if len(text) > LONGEST:
        raise NotAllowed("a reason has at most 200 signs")
    if _LONG_DIGITS.search(_BETWEEN.sub("", text)):
        raise NotAllowed("no phone, document, card or account numbers in this text")
    return text


def required_reason(text: str) -> str:
    """A reason that has to be given. Raises NotAllowed: none, or what `checked_reason` refuses."""
    text = checked_reason(text)
    if not text:
        raise NotAllowed("a reason is required")
    return text
