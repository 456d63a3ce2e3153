"""Documents people travel with: permits of Hong Kong, Macau and Taiwan residents, passports, HKID (ID-3).

python-stdnum 2.2 has none of these.
"""

from __future__ import annotations

import re

from quanke.kernel.identifiers.texts import upper_trimmed
from quanke.kernel.reasons import Reason, reason

PERMIT_HK_MACAU_PATTERN = r"[HM][0-9]{8}(?:[0-9]{2})?"
PERMIT_TAIWAN_PATTERN = r"[0-9]{8}(?:[0-9]{2})?(?:\([A-Z]\)|（[A-Z]）|[A-Z])?"
PASSPORT_PATTERN = r"[A-Z0-9]{5,20}"
"""Patterns without anchors, over upper-case trimmed text; the column checks use the same ones."""

HK_MACAU_FORM = reason(
    "ID-3.hk_macau",
    "港澳居民来往内地通行证应为H或M加8位数字（旧证另有2位换证次数）",
    "a Hong Kong or Macau permit is H or M and 8 digits (2 more for renewals on older cards)",
)
TAIWAN_FORM = reason(
    "ID-3.taiwan",
    "台湾居民来往大陆通行证应为8位数字（旧证另有换证次数或后缀）",
    "a Taiwan permit has 8 digits (older ones renewal digits or a letter behind)",
)
PASSPORT_FORM = reason(
    "ID-3.passport", "护照号码应为5至20位字母或数字", "a passport number has 5 to 20 letters or digits"
)
HKID_FORM = reason(
    "ID-3.hkid",
    "香港身份证应为1至2位字母、6位数字和校验码",
    "an HKID has 1 or 2 letters, 6 digits and a check character",
)
HKID_CHECK = reason("ID-3.hkid_check", "香港身份证校验码不符", "check character of the HKID does not fit")

_HK_MACAU = re.compile(PERMIT_HK_MACAU_PATTERN)
_TAIWAN = re.compile(PERMIT_TAIWAN_PATTERN)
_PASSPORT = re.compile(PASSPORT_PATTERN)
_HKID = re.compile(r"([A-Z]{1,2})([0-9]{6})(?:\(([0-9A])\)|([0-9A]))")


def check_permit_hk_macau(text: str) -> Reason | None:
    """What is wrong with the number of a Mainland travel permit of a Hong Kong or Macau resident (回乡证)."""
    return None if _HK_MACAU.fullmatch(upper_trimmed(text)) else HK_MACAU_FORM


def permit_hk_macau_key(text: str) -> str:
    """What stays for life: the letter and 8 digits, no renewals (`"H1234567801"` -> `"H12345678"`)."""
    return upper_trimmed(text)[:9]


def check_permit_taiwan(text: str) -> Reason | None:
    """What is wrong with the number of a Mainland travel permit of a Taiwan resident (台胞证)."""
    return None if _TAIWAN.fullmatch(upper_trimmed(text)) else TAIWAN_FORM


def permit_taiwan_key(text: str) -> str:
    """The 8 digits that stay, without what older cards carry behind them."""
    return upper_trimmed(text)[:8]


def check_passport(text: str) -> Reason | None:
    """What is wrong with a passport number.

    It changes on renewal: the key of a passport is (country, number), with its history.
    """
    return None if _PASSPORT.fullmatch(upper_trimmed(text)) else PASSPORT_FORM


def hkid_check_character(prefix: str, digits: str) -> str:
    """Check character of a Hong Kong identity card: `("A", "123456")` -> `"3"`.

    A one-letter prefix counts as a blank (36) and its letter; weights 9 to 2; 11 minus the sum mod 11, 10
    as A.
    """
    letters = [36] * (2 - len(prefix)) + [ord(letter) - ord("A") + 10 for letter in prefix]
    values = letters + [int(digit) for digit in digits]
    total = sum(value * weight for value, weight in zip(values, range(9, 1, -1), strict=True))
    return "0A987654321"[total % 11]


def check_hkid(text: str) -> Reason | None:
    """What is wrong with a Hong Kong identity card number, with its check character in brackets or not."""
    match = _HKID.fullmatch(upper_trimmed(text))
    if match is None:
        return HKID_FORM
    return None if hkid_check_character(match[1], match[2]) == (match[3] or match[4]) else HKID_CHECK
