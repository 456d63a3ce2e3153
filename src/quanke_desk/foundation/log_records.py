"""What may stand in a log: no query, no form, no customer's value. The one filter of every handler.

An access log is not written (granian's is off; a proxy's should have the path only): which person looked at
which customer stands in the audit.
"""

from __future__ import annotations

import logging
import os
import re
import traceback

_QUERY = re.compile(r"\?[^\s'\"\])>]*")
_DIGITS = re.compile(r"\d{7,}[Xx]?|\d{3}[ -]\d{4}[ -]\d{4}|\d{4}(?:[ -]\d{4}){2,}(?:[ -]?\d+)?")
_MAIL = re.compile(r"[^\s@'\"<>]+@[^\s@'\"<>]+")
_QUOTED = re.compile(r"'[^']*[^\x00-\x7f][^']*'|\"[^\"]*[^\x00-\x7f][^\"]*\"")


class Cleaned(logging.Filter):
    """Takes queries, long runs of digits (phones, ID and card numbers), mail addresses and quoted Chinese
    text out of a message; of an exception only its kind and its places in the code stay, not what it says."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Cleans the record; it always passes."""
        record.msg, record.args = clean(record.getMessage()), ()
        if record.exc_info and record.exc_info[1] is not None:
            record.exc_text = places(record.exc_info[1])
            record.exc_info = None
        record.stack_info = None
        return True


def clean(text: str) -> str:
    """A text without what must not be in a log."""
    for pattern, instead in ((_QUERY, "?…"), (_MAIL, "…"), (_DIGITS, "…"), (_QUOTED, "'…'")):
        text = pattern.sub(instead, text)
    return text


def places(error: BaseException) -> str:
    """An exception as its kind and where it went through, with those it came from."""
    lines = []
    while True:
        lines.append(f"{type(error).__module__}.{type(error).__qualname__}")
        for frame in traceback.extract_tb(error.__traceback__)[-12:]:
            lines.append(f"  {os.path.basename(frame.filename)}:{frame.lineno} {frame.name}")
        before = error.__cause__ or error.__context__
        if before is None:
            return "\n".join(lines)
        error = before


LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"cleaned": {"()": "quanke_desk.foundation.log_records.Cleaned"}},
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "filters": ["cleaned"], "formatter": "line"},
    },
    "loggers": {"django": {"handlers": ["console"], "level": "WARNING", "propagate": False}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
"""Django's setting: warnings and errors go to standard error, cleaned."""
