"""Windows of days in words: `30 days`, `last 3 months`, `next 30 days by matures_on`, `近30天`."""

from __future__ import annotations

import re
from collections.abc import Callable

from quanke.language.aggregates import days, ever, month_to_date, months, next_days, year_to_date
from quanke.language.nodes import Window
from quanke.language.places import refuse

_BY = re.compile(r"(.*?)\s+by\s+([a-z][a-z0-9_]*)\Z", re.DOTALL)
_FORMS: tuple[tuple[re.Pattern[str], Callable[[tuple[int, ...], str], Window]], ...] = (
    (re.compile(r"(?:last )?(\d+) days?"), lambda n, by: days(n[0], by=by)),
    (re.compile(r"(\d+) days?, (\d+) days? ago"), lambda n, by: days(n[0], ago=n[1], by=by)),
    (re.compile(r"近(\d+)[天日]"), lambda n, by: days(n[0], by=by)),
    (re.compile(r"last month|上月"), lambda n, by: months(1, by=by)),
    (re.compile(r"last (\d+)(?: whole)? months|近(\d+)个整月"), lambda n, by: months(n[0], by=by)),
    (
        re.compile(r"(\d+)(?: whole)? months?, (\d+) months? ago"),
        lambda n, by: months(n[0], ago=n[1], by=by),
    ),
    (re.compile(r"this month so far|本月至今|本月"), lambda n, by: month_to_date(by=by)),
    (re.compile(r"this year so far|本年至今|本年|今年"), lambda n, by: year_to_date(by=by)),
    (re.compile(r"(?:the )?next (\d+) days?|未来(\d+)[天日]"), lambda n, by: next_days(n[0], by=by)),
    (re.compile(r"all days so far|至今"), lambda n, by: ever(by=by)),
)


def window_of(words: str) -> Window:
    """The window the words say; `by FIELD` after them names another date than the table's own.

    Raises DefinitionError, with all ways of saying it.
    """
    text = re.sub(r"\s+", " ", words.strip())
    dated = _BY.match(text)
    said, by = (dated[1], dated[2]) if dated else (text, "")
    for form, window in _FORMS:
        match = form.fullmatch(said)
        if match:
            return window(tuple(int(n[:9]) for n in match.groups() if n is not None), by)
    raise refuse(
        "a window is written `30 days`, `30 days, 90 days ago`, `last month`, `last 3 months`, "
        "`3 months, 2 months ago`, `this month so far`, `this year so far`, `next 30 days`, "
        "`all days so far`, 近30天, 上月, 近3个整月, 本月至今, 本年至今 or 未来30天, "
        "each with `by FIELD` after it where another date counts"
    )
