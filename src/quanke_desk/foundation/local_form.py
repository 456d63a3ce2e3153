"""Days, times and money as people of the page's language write them: the one place that knows.

Chinese pages follow Ant Design as Chinese banks use it: 2026-11-30 in tables and facts, 2026年11月30日 in a
sentence. English ones say 30 Nov 2026 in both. The clock has 24 hours, money is ¥1,234.56, and where there is
no room ¥12.34万 or ¥123.4K. What a machine reads (exports, `datetime=`, values of fields) is ISO and raw.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from functools import cache

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_compact_decimal, format_currency, format_decimal
from django.utils import timezone
from django.utils.translation import get_language

from quanke.kernel.identifiers.masks import mask_amount
from quanke.kernel.money import minor_unit_exponent

NONE = "-"
_YUAN_WRITTEN = re.compile(r"(-?)([\d,]+\.\d\d)元")
_ISO = re.compile(r"\d{4}-\d\d-\d\d")
_ZH, _EN = Locale.parse("zh_Hans_CN"), Locale.parse("en_GB")
_SHORTLY = {_ZH: _ZH, _EN: Locale.parse("en_US")}
"""By whose signs amounts are said shortly: K, M, B in English."""
_When = dt.date | dt.datetime | str | None
_DAY = {_ZH: "yyyy-MM-dd", _EN: "d MMM yyyy"}
_SAID = {_ZH: "y年M月d日", _EN: "d MMM yyyy"}
_SHORT = {_ZH: "MM-dd", _EN: "d MMM"}
_WEEK = {_ZH: "MM-dd EEEE", _EN: "EEEE d MMM"}
_WITHIN_YEAR = {_ZH: "M月d日", _EN: "d MMM yyyy"}
_MONTH = {_ZH: "yyyy-MM", _EN: "MMM yyyy"}
_YUAN = "¥#,##0.00"
_COMPACT = {_ZH: (10_000, 2), _EN: (1_000, 1)}
"""From how many yuan on an amount is said shortly, and with how many decimals at most."""


def day(of: _When) -> str:
    """A day, as tables and facts have it; - for null."""
    return _dated(of, _DAY)


def said_day(of: _When) -> str:
    """A day within a sentence; - for null."""
    return _dated(of, _SAID)


def short_day(of: _When) -> str:
    """A day without its year, where the year is plain; - for null."""
    return _dated(of, _SHORT)


def message_day(of: _When) -> str:
    """A day in a message to a customer: 6月30日; 30 Jun 2026."""
    return _dated(of, _WITHIN_YEAR)


def week_day(of: _When) -> str:
    """A day with its name, without its year; - for null."""
    return _dated(of, _WEEK)


def month(of: _When) -> str:
    """A month; - for null."""
    return _dated(of, _MONTH)


def moment(of: dt.datetime | None, seconds: bool = False) -> str:
    """A day and its time in the desk's zone; - for null."""
    return NONE if of is None else f"{day(of)} {clock(of, seconds)}"


def short_moment(of: dt.datetime | None) -> str:
    """A day without its year, and the time; - for null."""
    return NONE if of is None else f"{short_day(of)} {clock(of)}"


def clock(of: dt.datetime | None, seconds: bool = False) -> str:
    """The time of a day, of 24 hours, in the desk's zone; - for null."""
    if of is None:
        return NONE
    at = timezone.localtime(of) if timezone.is_aware(of) else of
    return f"{at:%H:%M:%S}" if seconds else f"{at:%H:%M}"


def yuan(fen: int | Decimal | None, sign: bool = False) -> str:
    """An amount in fen to the fen: ¥1,234.56; with `sign`, + before what is more; - for null."""
    if fen is None:
        return NONE
    shown = format_decimal(_in_yuan(fen), format=_YUAN, locale=_locale())
    return f"+{shown}" if sign and fen > 0 else shown


def short_yuan(fen: int | Decimal | None) -> str:
    """An amount in fen where there is no room: ¥12.34万, ¥1.2亿; ¥123.4K, ¥1.2M; small ones to the fen."""
    if fen is None:
        return NONE
    held, (least, decimals) = _in_yuan(fen), _COMPACT[_locale()]
    if abs(held) < least:
        return yuan(fen)
    shown = format_compact_decimal(abs(held), fraction_digits=decimals, locale=_SHORTLY[_locale()])
    return f"{'-' if held < 0 else ''}¥{shown}"


def whole_yuan(fen: float | None, sign: bool = False) -> str:
    """An amount in fen to the yuan: ¥1,235; with `sign`, + before what is not less; - for null."""
    if fen is None:
        return NONE
    shown = format_decimal(round(fen / 100), format="¥#,##0", locale=_locale())
    return f"+{shown}" if sign and not shown.startswith("-") else shown


def written_yuan(fen: int | None) -> str:
    """An amount in a message to a customer: 1,234.56元; CNY 1,234.56; empty for null."""
    if fen is None:
        return ""
    shown = format_decimal(_in_yuan(fen), format="#,##0.00", locale=_locale())
    return f"CNY {shown}" if _locale() is _EN else f"{shown}元"


def amount(of: int | None, currency: str) -> str:
    """An amount in the smallest unit of its own currency: ¥1,234.56, US$1,234.56; - for null."""
    if of is None or currency == "CNY":
        return yuan(of)
    held = Decimal(of).scaleb(-minor_unit_exponent(currency))
    return format_currency(held, currency, locale=_locale())


def band(fen: int) -> str:
    """An amount as a band, for those who do not look after the customer: 20-50万, ≥1000万; ¥200K-500K."""
    shown = mask_amount(fen)
    if _locale() is _ZH or "万" not in shown:
        return shown
    bounds = shown.removesuffix("万").lstrip("≥").split("-")
    return ("≥" if "≥" in shown else "") + "-".join(short_yuan(int(b) * 1_000_000) for b in bounds)


def as_said(given: object) -> object:
    """What a notice was told, as its reader reads it: an ISO day in his own form, all else as it is."""
    return said_day(given) if isinstance(given, str) and _ISO.fullmatch(given) else given


def as_written(shown: str) -> str:
    """A value within a text of the plan, as the library writes it, in the form of the page: a day as a
    sentence has it, and in English no 元."""
    if _ISO.fullmatch(shown):
        return said_day(shown)
    if _locale() is _EN and (held := _YUAN_WRITTEN.fullmatch(shown)):
        return f"{held[1]}¥{held[2]}"
    return shown


def _in_yuan(fen: int | Decimal) -> Decimal:
    return Decimal(fen) / 100


def _dated(of: _When, patterns: dict[Locale, str]) -> str:
    if not of:
        return NONE
    if isinstance(of, str):  # of a published table or a standing, where days are ISO
        if not _ISO.match(of):
            return of
        of = dt.date.fromisoformat(of[:10])
    held = timezone.localtime(of).date() if isinstance(of, dt.datetime) and timezone.is_aware(of) else of
    return format_date(held, patterns[_locale()], locale=_locale())


def _locale() -> Locale:
    return _of_language(get_language() or "")


@cache
def _of_language(language: str) -> Locale:
    return _EN if language.startswith("en") else _ZH
