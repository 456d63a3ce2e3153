"""Words of the pages in the language of a walk, from the desk's own translations: a walk reads in English,
and finds on a Chinese page what the desk calls it there."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po

ROOMS = Path(__file__).parents[2] / "src" / "quanke_desk"
LANGUAGES = ("zh", "en")


@cache
def _chinese() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for path in sorted(ROOMS.glob("*/locale/zh_Hans/LC_MESSAGES/django.po")):
        with path.open("rb") as file:
            for word in read_po(file):
                if word.id and isinstance(word.id, str):
                    found.setdefault(word.id, set()).add(str(word.string))
    return found


class Said:
    """Words in one language: `say("Approve")`; `say(en="Affluent", zh="理财金")` for what is no text of the
    desk, or has two: names the library gives, what people type."""

    def __init__(self, language: str) -> None:
        self.language = language

    def __call__(self, text: str = "", *, en: str = "", zh: str = "") -> str:
        """The words. Raises KeyError for what no page says, ValueError for what rooms say differently."""
        if not text:
            return zh if self.language == "zh" else en
        chinese = _chinese()[text]
        if len(chinese) > 1:
            raise ValueError(f"{text}: {sorted(chinese)}")
        return next(iter(chinese)) if self.language == "zh" else text
