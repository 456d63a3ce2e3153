"""What is derived from a name for comparing: order-free key, simplified form, reading, phonetic codes.

Readings (pypinyin) and simplified forms make candidates and are never proof (NAM-3). A surname is read as
a surname is (单 shan, 区 ou); the rest of the name by each character's usual reading, which is not always
how the person says it but is the same on both records. ü is written V, YU and U by different systems and
is u here.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from quanke.kernel.identifiers.names import HAN, INTERPUNCT, name_match, simplified

_HAS_HAN = re.compile(f"[{HAN}]")
_SPLIT = re.compile(r"[^\w]+|_")
_UNREADABLE = re.compile(r"[?\u25a1\u3013*\ufffd]+|[A-Z]+(?: [A-Z]+)*")
_PLACEHOLDERS = frozenset({"NULL", "N/A", "NONE", "UNKNOWN", "未知", "不详", "无", "-", "--", "/", "."})
_ROUNDED = (("lyu", "lu"), ("nyu", "nu"), ("lv", "lu"), ("nv", "nu"))
_CODES = str.maketrans("BFPVCGJKQSXZDTLMNR", "111122222222334556")
_DISTINCT = "后後范範于於"
"""Characters of surnames that are two different ones, though one is the other's simplified form."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """Forms of one name. All are derived and none is ever shown.

    `match` the form of the EXACT rule; `key` the same without regard to the order of words; `simple`
    simplified, without marks between parts; `like` a SQL pattern where characters could not be written;
    `sound` the reading; `codes` phonetic codes for finding candidates; `first`, `last` two words of a name
    in letters (of Han: what follows the surname, none); `guard` the surname where it must not be folded.
    """

    match: str
    key: str
    simple: str
    like: str | None
    sound: str
    codes: tuple[str, ...]
    first: str | None
    last: str | None
    han: bool
    guard: str | None


@lru_cache(maxsize=1)
def _surnames() -> dict[str, Any]:
    path = resources.files("quanke.customers.identity").joinpath("data/surnames.json")
    table: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return table


@lru_cache(maxsize=65_536)
def _reading(character: str) -> str:
    """The usual reading of a character; a character without one reads as itself."""
    from pypinyin import Style, pinyin  # 40,000 readings are loaded when the first Han name comes

    found = pinyin(character, style=Style.NORMAL, errors="default")
    return _unrounded(found[0][0])


def _unrounded(syllables: str) -> str:
    for written, plain in _ROUNDED:
        syllables = syllables.replace(written, plain)
    return syllables


@lru_cache(maxsize=1)
def _syllables() -> frozenset[str]:
    """All syllables of Mandarin without tones, as `_reading` writes them."""
    return frozenset(_reading(chr(point)) for point in range(0x4E00, 0x9FA6))


def spelling(text: str) -> Spelling | None:
    """The forms of a person's name; None where there is none (empty, or a word such as 未知 for it)."""
    match = name_match(text)
    if not match or match in _PLACEHOLDERS:
        return None
    return _han(match) if _HAS_HAN.search(match) else _letters(match)


def organisation_spelling(match: str) -> Spelling | None:
    """The forms of an organisation's name by its `match_organisation_name`; it has no reading."""
    if not match or match in _PLACEHOLDERS:
        return None
    simple = _SPLIT.sub("", simplified(match))
    return Spelling(match, match, simple, None, simple, (simple,), None, None, True, None)


def _han(match: str) -> Spelling:
    simple = _SPLIT.sub("", simplified(match))
    surname, given = _parts(match.replace(INTERPUNCT, ""))
    table = _surnames()
    head = table["two_characters"].get(surname) or table["readings"].get(surname)
    head = _unrounded(head) if head else "".join(map(_reading, surname))
    sound = " ".join(sorted(part for part in (head, "".join(map(_reading, given)).lower()) if part))
    guard = match[0] if match[0] in _DISTINCT else None
    return Spelling(
        match, match, simple, _like(match), sound, (sound,), simplified(given) or None, None, True, guard
    )


def syllables_of(name: str) -> list[str]:
    """The reading of each character of a name without signs, in lower case: the surname as a surname is read
    (单 shan), a letter as itself."""
    surname, given = _parts(name)
    return [*_surname_read(surname), *map(_READ.__getitem__, given)]


class _Read(dict[str, str]):
    """Readings in lower case, looked up once: names are read by the million."""

    def __missing__(self, character: str) -> str:
        reading = self[character] = _reading(character).lower()
        return reading


_READ = _Read()


@lru_cache(maxsize=4_096)
def _surname_read(surname: str) -> tuple[str, ...]:
    table = _surnames()
    head = table["two_characters"].get(surname) or table["readings"].get(surname)
    usual = [_READ[character] for character in surname]
    if head is None or len(surname) == 1:
        return (_unrounded(head),) if head else tuple(usual)
    cuts: list[tuple[str, ...]] = [(head[:at], head[at:]) for at in range(1, len(head))]
    fitting = [cut for cut in cuts if _syllables().issuperset(map(_unrounded, cut))]
    alike = [sum(a == b for a, b in zip(cut, usual, strict=True)) for cut in fitting]
    return tuple(map(_unrounded, fitting[alike.index(max(alike))] if fitting else usual))


def _parts(name: str) -> tuple[str, str]:
    length = 2 if len(name) > 2 and name[:2] in _surnames()["two_characters"] else 1
    return name[:length], name[length:]


def _like(match: str) -> str | None:
    """`王?` and `王YAN` as the pattern `王_`; None where every character could be written."""
    if not _UNREADABLE.search(match) or not _UNREADABLE.sub("", match).strip():
        return None
    parts, place = [], 0
    for found in _UNREADABLE.finditer(match):
        parts.append(match[place : found.start()].replace("%", ""))
        parts.append("_")
        place = found.end()
    return "".join([*parts, match[place:]]).replace(" ", "")


def _letters(match: str) -> Spelling:
    words = sorted(word for word in _SPLIT.split(match) if word) or [match]
    ordered = [word for word in _SPLIT.split(match) if word]
    first, last = words[0], words[-1] if len(words) > 1 else None
    return Spelling(
        match=match,
        key=" ".join(words),
        simple="".join(words),
        like=None,
        sound=_read_aloud(ordered) if ordered else match,
        codes=tuple(sorted({code(word) for word in words[:4]})),
        first=first,
        last=last,
        han=False,
        guard=None,
    )


def _read_aloud(words: list[str]) -> str:
    """Words as a reading: WANG XIAO MING like 王小明, so that both records stand beside each other."""
    lower = [_unrounded(word.lower()) for word in words]
    if len(lower) > 2 and all(word in _syllables() for word in lower):
        lower = [lower[0], "".join(lower[1:])]
    return " ".join(sorted(lower))


def code(word: str) -> str:
    """A phonetic code in the manner of Soundex: the first letter and up to three classes of consonants."""
    letters = [sign for sign in word if sign.isascii() and sign.isalpha()]
    if not letters:
        return word
    classes = "".join(letters).translate(_CODES)
    kept, before = [], classes[0]
    for sign in classes[1:]:
        if sign.isdigit() and sign != before:
            kept.append(sign)
        before = sign
    return letters[0] + "".join(kept[:3])
