"""What is derived from an address for comparing: its words, and whether it leads to one door."""

from __future__ import annotations

import re
from dataclasses import dataclass

from quanke.kernel.identifiers.names import HAN, name_match, simplified

_UNITS = re.compile(r"(?<=[0-9A-Z])(?:号楼|号院|号|弄|栋|幢|座|单元|层|楼|室|房|户|#)")
_WORDS = re.compile(
    f"[0-9]+[A-Z]?|[A-Z]+|[{HAN}]+?(?:省|自治区|市|区|县|镇|乡|街道|大道|路|街|巷|村)(?=.)|[{HAN}]+"
)


@dataclass(frozen=True, slots=True)
class Address:
    """`text` without signs and blanks; its words; `street` the first two of them; `door` whether it has a
    number of a house and one of a flat, so that few people share it."""

    text: str
    words: tuple[str, ...]
    street: str
    door: bool


def address(text: str) -> Address | None:
    """The forms of an address; None where there is none. `"彩田路679号1604"` -> words 彩田路, 679, 1604."""
    folded = _UNITS.sub(" ", simplified(name_match(text)))
    words = tuple(_WORDS.findall(folded))
    if not words:
        return None
    numbers = sum(word[0].isdigit() for word in words)
    return Address("".join(words), tuple(sorted(set(words))), "".join(words[:2]), numbers >= 2)
