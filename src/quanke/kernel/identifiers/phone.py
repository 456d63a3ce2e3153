"""Mobile numbers of mainland China (ID-7). python-stdnum 2.2 has none.

The carrier is never inferred (numbers are portable), and a number is never an identity (numbers are used
again).
"""

from __future__ import annotations

import re
from enum import StrEnum

from quanke.kernel.identifiers.texts import without_blanks
from quanke.kernel.reasons import Reason, reason

PREFIX_PATTERN = r"(?:\+86|0086)?"
PERSONAL_PATTERN = r"1(?:3[0-9]|4[5-9]|5[0-35-9]|6[2567]|7[0-35-8]|8[0-9]|9[0-35-9])[0-9]{8}"
"""Numbers a person may have, without anchors; the column check uses the same pattern."""

FORM = reason("ID-7.form", "不是有效的11位手机号", "is not a valid mobile number of 11 digits")
MACHINE = reason("ID-7.machine", "物联网专用号码，不能联系到人", "belongs to a machine, nobody answers it")


class MobileKind(StrEnum):
    """What a number is for. `RESALE` (virtual operators) is a risk hint; `MACHINE` has 13 digits (IoT)."""

    ORDINARY = "ordinary"
    RESALE = "resale"
    SATELLITE = "satellite"
    MACHINE = "machine"


_PREFIX = re.compile(PREFIX_PATTERN)
_PERSONAL = re.compile(PERSONAL_PATTERN)
_MACHINE = re.compile(r"14[0-4][0-9]{10}")
_SATELLITE = re.compile(r"1(?:74[0-9]|349|619)[0-9]{7}")
_RESALE = ("162", "165", "167", "170", "171")


def bare_mobile(text: str) -> str:
    """`text` without blanks and the country's prefix: `"+86 138 0013 8000"` -> `"13800138000"`."""
    number = without_blanks(text)
    match = _PREFIX.match(number)
    return number[match.end() :] if match else number


def mobile_kind(text: str) -> MobileKind | None:
    """What a number is for, None where it is no mobile number.

    Satellite numbers 174 and 1619 are named here but are no personal numbers to `check_mobile`.
    """
    number = bare_mobile(text)
    if _MACHINE.fullmatch(number):
        return MobileKind.MACHINE
    if _SATELLITE.fullmatch(number):
        return MobileKind.SATELLITE
    if not _PERSONAL.fullmatch(number):
        return None
    return MobileKind.RESALE if number.startswith(_RESALE) else MobileKind.ORDINARY


def check_mobile(text: str) -> Reason | None:
    """What is wrong with a person's mobile number."""
    number = bare_mobile(text)
    if _MACHINE.fullmatch(number):
        return MACHINE
    return None if _PERSONAL.fullmatch(number) else FORM
