"""The form in which texts are searched: what a person types and what a source delivered become equal here.

Nothing of it is shown. Names are folded more than the EXACT rule does (traditional forms, signs between
parts), and readings are the usual ones: a search offers candidates, and never says that two people are one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

import pyarrow as pa
import pyarrow.compute as pc

from quanke.customers.identity.spellings import syllables_of
from quanke.kernel.identifiers.document import check_id_number, match_id_number
from quanke.kernel.identifiers.names import HAN, name_match, simplified
from quanke.kernel.identifiers.phone import PREFIX_PATTERN

_HALF = {full: full - 0xFEE0 for full in range(0xFF01, 0xFF5F)}
_PREFIX = re.compile(PREFIX_PATTERN)
_SIGNS = re.compile(r"[^\w]+|_")
_HAS_HAN = re.compile(f"[{HAN}]")
_SPELT = re.compile(r"[a-z]+")
_BESIDE_LETTERS = str.maketrans({"ü": "v", "Ü": "v", "'": None, "’": None, "·": None})
_WITH_TAIL = re.compile(rf"(.*[^\d\s]\s+|[{HAN}\u00b7\s]+)(\d{{4}})")
_PLAIN = r"\A[\x{4E00}-\x{9FFF}]+\z"
KEYED_TYPES = ("resident_id", "household_register", "permit_hk_macau", "permit_taiwan")
"""Documents of which a person may show another number than a record has: 15 digits, a renewed permit."""


def number_form(text: str) -> str:
    """A number without blanks and hyphens, half-width, upper-case: `"６２２２ 0240-x"` -> `"62220240X"`."""
    return "".join(text.translate(_HALF).split()).replace("-", "").upper()


def mobile_form(text: str) -> str:
    """`number_form` without the country's prefix."""
    number = number_form(text)
    match = _PREFIX.match(number)
    return number[match.end() :] if match else number


def tail_of(number: str) -> str | None:
    """The last four digits of a number (in its form) of eight signs or more."""
    tail = number[-4:]
    return tail if len(number) >= 8 and tail.isascii() and tail.isdecimal() else None


def document_forms(text: str) -> set[str]:
    """The numbers under which a document may stand in records: as typed, and the keys of the types that it
    is a valid number of."""
    number = number_form(text)
    keys = {match_id_number(t, number) for t in KEYED_TYPES if number and check_id_number(t, number) is None}
    return {number, *(key for key in keys if key)} - {""}


def name_form(text: str) -> str:
    """A name without signs and blanks, simplified, upper-case: `"阿里・巴巴"` -> `"阿里巴巴"`."""
    return _SIGNS.sub("", simplified(name_match(text)))


def name_forms(names: pa.Array) -> list[str]:
    """`name_form` of each row; most names are plain Han characters that stand as they are."""
    plain = pc.match_substring_regex(names, _PLAIN).to_numpy(zero_copy_only=False)
    rows = zip(plain, names.to_pylist(), strict=True)
    return [name if is_plain and name == simplified(name) else name_form(name) for is_plain, name in rows]


def readings_of(name: str) -> tuple[str, str] | None:
    """The reading of a name (in its form) and its initials: `"张建国"` -> `("zhangjianguo", "zjg")`; None for
    one without Han characters."""
    if not _HAS_HAN.search(name):
        return None
    read = syllables_of(name)
    return "".join(read), "".join([each[0] for each in read])


def spelt_form(text: str) -> str | None:
    """What is typed as a reading or initials: `"Lü Bu"` -> `"lubu"`; None where other signs are in it.

    ü may be typed ü, v, and yu after l; nyu is left alone, for a syllable may end there (tian yu)."""
    letters = "".join(text.translate(_HALF).translate(_BESIDE_LETTERS).split()).lower()
    return letters.replace("lyu", "lu").replace("v", "u") if _SPELT.fullmatch(letters) else None


def party_of_source(text: str, sources: Collection[str]) -> tuple[str, str] | None:
    """Source and number (in its form) of `source:party_id`; None where it names none of the sources."""
    source, colon, number = text.translate(_HALF).strip().partition(":")
    return (source, number_form(number)) if colon and source in sources and number_form(number) else None


def name_and_tail(text: str) -> tuple[str, str] | None:
    """A name, or its beginning, and four digits behind it: `"张 8000"` -> `("张", "8000")`. After letters a
    blank has to stand, for `E1234` is a number."""
    match = _WITH_TAIL.fullmatch(text.translate(_HALF).strip())
    return (match[1].strip(), match[2]) if match else None


def suffixes_of(name: str) -> Iterable[str]:
    """The end of a name from each character but the last, and the whole of it behind WHOLE."""
    yield WHOLE + name
    for place in range(len(name) - 1):
        yield name[place:]


WHOLE = "\x02"
"""Stands before a whole name, so that its beginning can be told from any place in it."""
