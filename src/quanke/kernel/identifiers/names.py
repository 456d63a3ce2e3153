"""Names of people: the derived `name_match`, and how two records of a name compare (NAM-1 to NAM-4).

The name as printed is kept elsewhere, untouched; what stands here is derived from it and is never shown.
Two tables are data: private-use code points of older Chinese encodings, and traditional forms of
characters common in names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from importlib import resources
from unicodedata import normalize

from quanke.kernel.identifiers.document import match_id_number

INTERPUNCT = "\u00b7"
"""The standard mark between the parts of a transcribed name. NFKC does not map the others to it (NAM-1)."""

_INTERPUNCT_LOOKALIKES = "\u2022\u30fb\u2027\u2219\u22c5\uff0e\uff65\u0387"
_INVISIBLE = (
    0x00AD,
    0x200B,
    0x200C,
    0x200D,
    0x2060,
    0xFEFF,
    *range(0xFE00, 0xFE10),
    *range(0xE0100, 0xE01F0),
)
HAN = "\u2e80-\u2fdf\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Ranges of Han characters for a class of a regular expression, supplementary planes included."""

_BLANK_INSIDE_HAN = re.compile(f"(?<=[{HAN}]) (?=[{HAN}])| ?{INTERPUNCT} ?")
_UNREADABLE = re.compile(r"[?\u25a1\u3013*\ufffd]+|[A-Z]+(?: [A-Z]+)*")


def _data(name: str) -> dict[str, object]:
    table: dict[str, object] = json.loads(
        resources.files("quanke.kernel").joinpath(f"data/{name}.json").read_text("utf-8")
    )
    return table


@lru_cache(maxsize=1)
def standard_private_use() -> Mapping[str, str]:
    """Private-use code points of GBK and GB18030-2000 -> the characters they stood for (U+E863 -> 䶮)."""
    points = _data("private_use")["points"]
    assert isinstance(points, dict)
    return {chr(int(point, 16)): chr(int(character, 16)) for point, character in points.items()}


@lru_cache(maxsize=8)
def _folding(own_private_use: tuple[tuple[str, str], ...]) -> dict[int, str | None]:
    table: dict[int, str | None] = {ord(char): to for char, to in standard_private_use().items()}
    table.update((full, chr(full - 0xFEE0)) for full in range(0xFF01, 0xFF5F))
    table[0x3000] = " "
    table.update((ord(char), INTERPUNCT) for char in _INTERPUNCT_LOOKALIKES)
    table.update((point, None) for point in _INVISIBLE)
    table.update((ord(char), to) for char, to in own_private_use)
    return table


def name_match(text: str, private_use: Mapping[str, str] | None = None) -> str:
    """The form of a name that is compared: `"ａｌｉ・巴巴"` -> `"ALI·巴巴"`, `"张　三"` -> `"张三"`.

    Canonical composition (never NFKC), full-width to half-width, every middle dot to U+00B7 without
    blanks around it, invisible characters dropped, letters upper-case, blanks collapsed (between two Han
    characters: dropped, they only fill columns), private-use code points mapped where a table knows them.
    `private_use` adds the bank's own user-defined characters, one code point to one character.
    Traditional and simplified forms stay apart (NAM-3).
    """
    folding = _folding(tuple(sorted(private_use.items())) if private_use else ())
    folded = normalize("NFC", normalize("NFC", text.translate(folding)).upper())
    return _BLANK_INSIDE_HAN.sub(_close_blank, " ".join(folded.split()))


def _close_blank(match: re.Match[str]) -> str:
    return INTERPUNCT if INTERPUNCT in match[0] else ""


class NameComparison(StrEnum):
    """How two names compare. `VARIANT` is a candidate for people to look at, never proof."""

    SAME = "same"
    VARIANT = "variant"
    DIFFERENT = "different"


def compare_names(first: str, second: str) -> NameComparison:
    """Compare two names by their `name_match`.

    A variant has the same characters but for traditional forms (陳/陈; not where both are surnames of
    their own, as 后/後 in the first place), or characters a system could not write: `?`, `□`, `〓`, `*`,
    or Latin letters in the place of a Han character (王龑, 王YAN, 王?). A whole name in Latin letters
    against Han characters is different: no table of readings is kept here.
    """
    one, other = name_match(first), name_match(second)
    if one == other:
        return NameComparison.SAME
    if _surnames_are_distinct(one, other):
        return NameComparison.DIFFERENT
    one, other = simplified(one), simplified(other)
    if one == other or _could_be_written(one, other) or _could_be_written(other, one):
        return NameComparison.VARIANT
    return NameComparison.DIFFERENT


@lru_cache(maxsize=1)
def _variants() -> tuple[dict[int, str], frozenset[frozenset[str]]]:
    table = _data("name_variants")
    simplified, distinct = table["simplified"], table["distinct_surnames"]
    assert isinstance(simplified, dict) and isinstance(distinct, list)
    return {ord(char): to for char, to in simplified.items()}, frozenset(frozenset(pair) for pair in distinct)


def simplified(name: str) -> str:
    """`name` with traditional forms of characters common in names in their simplified form (NAM-3).

    For candidates only: 後 is written 后 here, and 后 is a surname of its own.
    """
    return name.translate(_variants()[0])


def _surnames_are_distinct(one: str, other: str) -> bool:
    return frozenset((one[:1], other[:1])) in _variants()[1]


def _could_be_written(damaged: str, whole: str) -> bool:
    """Whether `whole` has a character or two where `damaged` has marks or letters, and the rest is equal."""
    parts, place, found = [], 0, False
    for match in _UNREADABLE.finditer(damaged):
        found = True
        marks = match[0]
        longest = 1 if marks[0].isalpha() else len(marks)  # one mark per byte or UTF-16 unit is common
        parts += [re.escape(damaged[place : match.start()]), f"[{HAN}]{{1,{longest}}}"]
        place = match.end()
    readable = re.sub(_UNREADABLE, "", damaged).strip()
    if not found or not readable:
        return False
    return re.fullmatch("".join([*parts, re.escape(damaged[place:])]), whole) is not None


@dataclass(frozen=True, slots=True)
class DocumentName:
    """What one record says of a person: type and number of the document, and the name."""

    id_type: str | None
    id_number: str
    name: str


class LinkOutcome(StrEnum):
    """What may follow from two records (NAM-4).

    `EXACT` links by itself; `VARIANT` waits for a person; `CONFLICT` (one document, two names) is
    reviewed and blocks automation; `DIFFERENT` documents are different people until somebody links them
    with evidence.
    """

    EXACT = "exact"
    VARIANT = "variant"
    CONFLICT = "conflict"
    DIFFERENT = "different"


_OUTCOMES = {
    NameComparison.SAME: LinkOutcome.EXACT,
    NameComparison.VARIANT: LinkOutcome.VARIANT,
    NameComparison.DIFFERENT: LinkOutcome.CONFLICT,
}


def link_outcome(one: DocumentName, other: DocumentName) -> LinkOutcome:
    """What may follow from two records; names are compared only where type and number agree."""
    keys = [match_id_number(record.id_type, record.id_number) for record in (one, other)]
    if one.id_type != other.id_type or keys[0] is None or keys[0] != keys[1]:
        return LinkOutcome.DIFFERENT
    return _OUTCOMES[compare_names(one.name, other.name)]
