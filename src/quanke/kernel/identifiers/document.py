"""Identity documents by their `id_type`: which check applies, and what records of one person share.

The type is always carried along and never inferred: a permanent residence card and a unified social
credit code both have 18 characters and often start with 9 (ID-2).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from quanke.kernel.identifiers import resident, travel
from quanke.kernel.identifiers.texts import BLANKS, upper_trimmed
from quanke.kernel.reasons import Reason, reason

LONGEST_FREE_NUMBER = 40
FREE_FORM = reason(
    "ID.form",
    "证件号码为空、过长或含控制字符",
    "the document's number is empty, too long or holds control characters",
)

_DATED_CHECKS: dict[str, Callable[[str, date | None], Reason | None]] = {
    "resident_id": resident.check_resident_id,
    # a household register (户口簿) shows the resident number of each person in it; a child has no card yet
    "household_register": resident.check_resident_id,
    "residence_permit_hmt": resident.check_residence_permit,
    "permanent_resident_id": resident.check_permanent_resident_id,
}
_PLAIN_CHECKS: dict[str, Callable[[str], Reason | None]] = {
    "permit_hk_macau": travel.check_permit_hk_macau,
    "permit_taiwan": travel.check_permit_taiwan,
    "passport": travel.check_passport,
}
_KEYS: dict[str, Callable[[str], str]] = {
    "resident_id": resident.resident_id_18,
    "household_register": resident.resident_id_18,
    "permit_hk_macau": travel.permit_hk_macau_key,
    "permit_taiwan": travel.permit_taiwan_key,
}


def check_id_number(id_type: str | None, text: str, on: date | None = None) -> Reason | None:
    """What is wrong with a document's number, by its type; None where nothing is.

    `military_id`, `other`, a type that is not known here and None have no rule of their own: their number
    must only be printable and at most 40 characters long. `on` is the business date for birth dates
    (today where not given).
    """
    if id_type in _DATED_CHECKS:
        return _DATED_CHECKS[id_type](text, on)
    if id_type in _PLAIN_CHECKS:
        return _PLAIN_CHECKS[id_type](text)
    return check_free_number(text)


def check_free_number(text: str) -> Reason | None:
    """What is wrong with a number that follows no public rule."""
    number = text.strip(BLANKS)
    printable = all(char >= " " and char != "\x7f" for char in number)
    return None if number and printable and len(number) <= LONGEST_FREE_NUMBER else FREE_FORM


def match_id_number(id_type: str | None, text: str) -> str | None:
    """The normalised number that two records of one person share: the middle part of the EXACT rule (NAM-4).

    Blanks trimmed, ASCII letters upper-case, 15-digit resident numbers in their 18 characters, travel
    permits without what changes on renewal. None where the type is not known: such a number links nobody.
    It does not say that the number is valid. A passport's number alone is not unique over countries and
    not stable over renewals.
    """
    if id_type is None:
        return None
    return _KEYS.get(id_type, upper_trimmed)(text)
