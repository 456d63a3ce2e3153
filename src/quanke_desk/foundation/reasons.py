"""What people write as a reason: read by everybody who reads the audit, and never taken out again."""

from __future__ import annotations

import datetime as dt
import re

LONGEST = 200
"""Signs; what a database would cut or refuse, as the case may be."""
_LONG_DIGITS = re.compile(r"\d{7,}")
_BETWEEN = re.compile(r"[\s-]")
_DATE = r"((?:19|20)[0-9]{2}(?:-[0-9]{1,2}-|/[0-9]{1,2}/|年[0-9]{1,2}月)[0-9]{1,2}日?)"
_DATES = re.compile(rf"{_DATE}(?:\s*[-/~～–—至到]?\s*{_DATE})?")
"""A date as people write it, or from one to another."""


class NotAllowed(ValueError):
    """What a rule forbids; the text names the rule."""


def checked_reason(text: str) -> str:
    """A reason without blanks around it; empty where none was given. Raises NotAllowed: longer than
    `LONGEST`, or with a number that may be a phone's, a document's, a card's or an account's."""
    text = text.strip()
    if len(text) > LONGEST:
        raise NotAllowed("a reason has at most 200 signs")
    if _LONG_DIGITS.search(_BETWEEN.sub("", _DATES.sub(_without, text))):
        raise NotAllowed("no phone, document, card or account numbers in this text")
    return text


def _without(found: re.Match[str]) -> str:
    """Nothing in place of a real date that stands by itself. One that other digits adjoin stays, since it may
    be the middle or the end of a number; and what stands before and after a date is read as one."""
    if not all(_is_day(each) for each in found.groups() if each):
        return found[0]
    before = re.search(r"[\d\s/-]*\Z", found.string[: found.start()])
    after = re.match(r"[\d\s/-]*", found.string[found.end() :])
    for run, edge in ((before, -1), (after, 0)):
        near = run[0] if run else ""
        digits = sum(c.isdigit() for c in near)
        if digits > 2 or (digits and not near[edge].isspace()):
            return found[0]
    return ""


def _is_day(text: str) -> bool:
    try:
        dt.date(*(int(n) for n in re.findall("[0-9]+", text)))
    except ValueError:
        return False
    return True


def required_reason(text: str) -> str:
    """A reason that has to be given. Raises NotAllowed: none, or what `checked_reason` refuses."""
    text = checked_reason(text)
    if not text:
        raise NotAllowed("a reason is required")
    return text
