"""Money is an integer count of minor units (fen for CNY); rates are `Decimal`; nothing here is a float.

Rules: domain.md MNY-1 (round once, half up), MNY-2 (display, ISO 4217 exponents), INT-1 (interest by both
methods).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from importlib import resources

from quanke.kernel.errors import InputError

LARGEST = 2**63 - 1
"""Largest amount in minor units that a table can hold (64-bit)."""

DAYS_IN_RATE_YEAR = 360
"""Daily rate = annual rate / 360 (银发〔2005〕129号, as recalled in INT-1)."""

CURRENCY_SIGNS: dict[str, str] = {
    "CNY": "¥",
    "USD": "US$",
    "HKD": "HK$",
    "EUR": "€",
    "GBP": "£",
    "JPY": "JP¥",
    "MOP": "MOP$",
    "TWD": "NT$",
    "KRW": "₩",
    "SGD": "S$",
    "AUD": "A$",
    "CAD": "C$",
    "CHF": "CHF",
    "THB": "฿",
    "CZK": "Kč",
}
"""Signs to put before an amount; a currency without one shows its code."""

_PLAIN = re.compile(r"([+-]?)(\d+)(?:\.(\d+))?\Z", re.ASCII)
_GROUPED = re.compile(r"([+-]?)(\d{1,3}(?:,\d{3})+)(?:\.(\d+))?\Z", re.ASCII)


@lru_cache(maxsize=1)
def currency_exponents() -> dict[str, int]:
    """ISO 4217 code -> number of decimals of its minor unit, for currencies in use and some retired ones."""
    text = resources.files("quanke.kernel").joinpath("data/currencies.json").read_text("utf-8")
    table = json.loads(text)
    return {
        code: int(exponent)
        for group in ("active", "retired")
        for exponent, codes in table[group].items()
        for code in codes
    }


def minor_unit_exponent(currency: str) -> int:
    """Decimals of a currency's minor unit (CNY 2, JPY 0, KWD 3); InputError for an unknown currency."""
    try:
        return currency_exponents()[currency]
    except KeyError:
        raise InputError("currency is not an ISO 4217 code") from None


def parse_amount(text: str, exponent: int = 2) -> int:
    """Minor units of a decimal text in major units: `"1,234.50"` -> 123450.

    Accepted: an optional sign, digits, thousands commas in their right places, a point and decimals;
    blanks around. More decimals than the currency has are refused unless they are zeros (money is never
    rounded on entry), and so are exponents, currency signs, and what does not fit 64 bits. Negative zero
    is zero. Raises InputError.
    """
    stripped = text.strip(" \t")
    match = _PLAIN.match(stripped) or _GROUPED.match(stripped)
    if match is None:
        raise InputError("amount is not a decimal number")
    sign, whole, decimals = match[1], match[2].replace(",", ""), match[3] or ""
    if decimals[exponent:].strip("0"):
        raise InputError(f"amount has more than {exponent} decimals")
    digits = (whole + decimals[:exponent].ljust(exponent, "0")).lstrip("0")
    if len(digits) > 19 or int(digits or "0") > LARGEST:
        raise InputError("amount is too large")
    value = int(digits or "0")
    return -value if sign == "-" else value


def format_amount(fen: int, exponent: int = 2, thousands: bool = True) -> str:
    """Minor units as decimal text in major units: 123450 -> `"1,234.50"`."""
    unit = 10**exponent
    whole, rest = divmod(abs(fen), unit)
    sign = "-" if fen < 0 else ""
    text = f"{whole:,}" if thousands else str(whole)
    return f"{sign}{text}.{rest:0{exponent}d}" if exponent else f"{sign}{text}"


def format_wan(fen: int, decimals: int = 2) -> str:
    """Fen in units of 10,000 yuan for reports (万元), computed from fen: 12_345_678_90 -> `"1,234.57"`."""
    return format_amount(half_up(fen * 10**decimals, 1_000_000), decimals)


def half_up(numerator: int, denominator: int) -> int:
    """`numerator / denominator` to the nearest integer, ties away from zero (四舍五入)."""
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    magnitude = (2 * abs(numerator) + denominator) // (2 * denominator)
    return -magnitude if numerator < 0 else magnitude


def split(total: int, weights: Sequence[int]) -> list[int]:
    """`total` in parts proportional to `weights`, by largest remainder: the parts always add up to the total.

    Weights are integers >= 0 with a positive sum (ValueError otherwise); equal remainders go to the
    earlier part. A negative total is split as its magnitude, so that a reversal mirrors what it reverses.
    """
    whole = sum(weights)
    if whole <= 0 or min(weights) < 0:
        raise ValueError("weights must be integers >= 0 with a positive sum")
    magnitude = abs(total)
    parts = [magnitude * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(magnitude * weights[i] % whole), i))
    for i in by_remainder[: magnitude - sum(parts)]:
        parts[i] += 1
    return [-part for part in parts] if total < 0 else parts


def interest_on_daily_balances(periods: Iterable[tuple[int, int]], annual_rate: Decimal) -> int:
    """Interest by accumulated day-balances (积数计息法), in fen.

    `periods` are (balance in fen, days it stood); the day money comes in counts, the day it leaves does
    not (算头不算尾). Interest runs on whole yuan only (角分不计息): sum(yuan x days) x rate / 360,
    rounded once. Vector INT-1: 10,000.88 for 40 days and 5,000.00 for 51 days at 0.05 % -> 655,000
    yuan-days -> 0.91.
    """
    yuan_days = 0
    for balance, days in periods:
        if days < 0:
            raise ValueError("days must be >= 0")
        yuan_days += _whole_yuan(balance) * days
    return _fen(yuan_days * Fraction(annual_rate) / DAYS_IN_RATE_YEAR)


def interest_per_deposit(principal: int, annual_rate: Decimal, years: int, months: int, days: int) -> int:
    """Interest deposit by deposit (逐笔计息法), in fen: full years and months, then odd days at rate / 360.

    `principal` in fen, of which whole yuan bear interest. The parts of the term come from
    `calendars.elapsed`.
    """
    if min(years, months, days) < 0:
        raise ValueError("years, months and days must be >= 0")
    term = years + Fraction(months, 12) + Fraction(days, DAYS_IN_RATE_YEAR)
    return _fen(_whole_yuan(principal) * Fraction(annual_rate) * term)


def _whole_yuan(fen: int) -> int:
    return fen // 100 if fen >= 0 else -(-fen // 100)


def _fen(yuan: Fraction) -> int:
    return half_up(yuan.numerator * 100, yuan.denominator)
