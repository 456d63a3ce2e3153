"""The GB 11643 family: resident identity numbers and two documents built like them (ID-1, ID-2).

A number is 6 digits of region, 8 of birth, 3 of sequence (odd for men) and a check character (ISO 7064
MOD 11-2).

`stdnum.cn.ric` is right about the check character, which we take from it, and is not used for the rest
because (each is a test in tests/kernel/test_stdnum.py):

* it refuses residence permits of Hong Kong, Macau and Taiwan residents (regions 810000, 820000,
  830000) and the permanent residence card of 2023 (starts with 9, country in the place of the region);
* it compares the region with a list of counties and the years they existed in, by year of *birth*:
  numbers of people who got their first number later, and of regions its list does not know, are
  refused. A bank keeps retired regions;
* it knows neither numbers of 15 digits nor birth days in the future.
"""

from __future__ import annotations

import re
from datetime import date, datetime

from stdnum.cn import ric

from quanke.kernel.calendars import SHANGHAI
from quanke.kernel.identifiers.texts import is_ascii_digits, upper_trimmed
from quanke.kernel.reasons import Reason, reason

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECK_CHARACTERS = "10X98765432"
EARLIEST_BIRTH_YEAR = 1800
"""Born earlier is a slip of the keyboard; 440524188001010014 of the standard itself was born in 1880."""

PROVINCES = frozenset(
    {11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46}
    | {50, 51, 52, 53, 54, 61, 62, 63, 64, 65, 71, 81, 82}
)
"""First two digits of regions (GB/T 2260). Counties come and go, so they are not checked."""

PERMIT_REGIONS = ("810000", "820000", "830000")
"""Hong Kong, Macau and Taiwan on residence permits."""

FORM = reason(
    "ID-1.form",
    "应为18位（前17位数字、末位数字或X）或15位数字",
    "must be 18 characters (17 digits, then a digit or X) or 15 digits",
)
CHECK = reason("ID-1.check", "校验码不符", "check character does not fit the number")
BIRTH = reason(
    "ID-1.birth", "出生日期不存在或晚于业务日期", "birth date does not exist or lies after the business date"
)
REGION = reason("ID-1.region", "行政区划代码不存在", "region is not one of the country's provinces")
PERMIT_REGION = reason(
    "ID-2.region",
    "港澳台居民居住证应以810000、820000或830000开头",
    "a residence permit starts with 810000, 820000 or 830000",
)
PERMANENT_FORM = reason(
    "ID-2.form",
    "外国人永久居留证应为9开头的18位数字，或3位字母加12位数字",
    "a permanent residence card has 18 digits starting with 9, or 3 letters and 12 digits",
)

_EIGHTEEN = re.compile(r"[0-9]{17}[0-9X]\Z")
_PERMANENT_2023 = re.compile(r"9[0-9]{16}[0-9X]\Z")
_PERMANENT_2004 = re.compile(r"[A-Z]{3}[0-9]{12}\Z")


def today() -> date:
    """Today in Shanghai, where a check is not told its business date."""
    return datetime.now(SHANGHAI).date()


def resident_check_character(first_17: str) -> str:
    """The check character of 17 digits: `"11010519491231002"` -> `"X"`. ValueError unless 17 digits."""
    if len(first_17) != 17 or not is_ascii_digits(first_17):
        raise ValueError("17 digits are wanted")
    return ric.calc_check_digit(first_17 + "0")


def resident_id_18(text: str) -> str:
    """A resident number in 18 characters: upper-case X; 15 digits get "19" inserted and a check character.

    Other texts come back trimmed and in upper case. People born before 1900 had 15-digit numbers with
    sequence 996 to 999; no bank has them any more, so the century is always 19.
    """
    number = upper_trimmed(text)
    if len(number) != 15 or not is_ascii_digits(number):
        return number
    first_17 = f"{number[:6]}19{number[6:]}"
    return first_17 + resident_check_character(first_17)


def check_resident_id(text: str, on: date | None = None) -> Reason | None:
    """What is wrong with a resident identity number (居民身份证), of 18 characters or the older 15 digits.

    A birth date must exist and not lie after `on`, the business date (today where not given).
    """
    number = resident_id_18(text)
    fault = _check_built_like_resident_id(number, on)
    if fault is None and int(number[:2]) not in PROVINCES:
        return REGION
    return fault


def check_residence_permit(text: str, on: date | None = None) -> Reason | None:
    """What is wrong with the number of a Hong Kong, Macau or Taiwan residence permit (港澳台居民居住证)."""
    number = upper_trimmed(text)
    fault = _check_built_like_resident_id(number, on)
    if fault is None and not number.startswith(PERMIT_REGIONS):
        return PERMIT_REGION
    return fault


def check_permanent_resident_id(text: str, on: date | None = None) -> Reason | None:
    """What is wrong with the number of a foreigner's permanent residence card (外国人永久居留身份证).

    The card of 2023 has 18 digits that start with 9: region (2), country (3, ISO 3166-1 numeric), birth,
    sequence (2) and the check character of GB 11643. The older card has the country's 3 letters and 12
    digits, the last eight of them birth as YYMMDD and two more; its check digit is not tested, for want
    of a published rule.
    """
    number = upper_trimmed(text)
    if _PERMANENT_2004.match(number):
        return None if _month_and_day_exist(number[9:13]) else BIRTH
    if not _PERMANENT_2023.match(number):
        return PERMANENT_FORM
    return _check_built_like_resident_id(number, on)


def birth_date_of(text: str) -> date | None:
    """The birth date in a number of 18 characters (or 15 digits) of this family, None where it has none.

    ValueError where the digits are no date: check the number first.
    """
    number = resident_id_18(text)
    return _birth(number[6:14]) if _EIGHTEEN.match(number) else None


def sex_of(text: str) -> str | None:
    """`"male"` or `"female"` by the sequence of a resident number or permit, None for another text."""
    number = resident_id_18(text)
    if not _EIGHTEEN.match(number) or number.startswith("9"):
        return None
    return "male" if int(number[16]) % 2 else "female"


def _check_built_like_resident_id(number: str, on: date | None) -> Reason | None:
    if not _EIGHTEEN.match(number):
        return FORM
    if resident_check_character(number[:17]) != number[17]:
        return CHECK
    try:
        birth = _birth(number[6:14])
    except ValueError:
        return BIRTH
    return BIRTH if birth.year < EARLIEST_BIRTH_YEAR or birth > (on or today()) else None


def _birth(digits: str) -> date:
    return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))


def _month_and_day_exist(digits: str) -> bool:
    try:
        date(2000, int(digits[:2]), int(digits[2:]))  # a leap year: the century is not in the number
    except ValueError:
        return False
    return True
