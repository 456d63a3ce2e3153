"""What the search from everywhere (Ctrl K) can find: each room declares its finders in its `finding.py`.

    @finds("audiences", _("Audiences"), May.AUDIENCE, place=50)
    def audiences(person: Person, asked: str) -> Iterable[Hit]: ...

A finder answers only what this person may open: who may find at all is declared, rows are the finder's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from django.utils.functional import Promise

from quanke.kernel.errors import QuankeError
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.roles import May

MOST = 6
"""Hits of one group: who looks for more writes more letters."""
LONGEST = 100


@dataclass(frozen=True)
class Hit:
    """One thing found: what it is called, the page it opens, and what tells it from others."""

    title: str
    address: str
    note: str = ""
    icon: str = ""


Find = Callable[[Person, str], Iterable[Hit]]


@dataclass(frozen=True)
class Finder:
    """One group of things: its heading, who may find in it, where it stands among the others."""

    name: str
    title: Promise | str
    may: May
    find: Find
    place: int
    icon: str


@dataclass(frozen=True)
class Group:
    """What was found of one group, the best in front."""

    name: str
    title: Promise | str
    hits: tuple[Hit, ...]


FINDERS: dict[str, Finder] = {}


def finds(name: str, title: Promise, may: May, *, place: int, icon: str = "page") -> Callable[[Find], Find]:
    """Declares a finder; lower places stand in front."""

    def declare(find: Find) -> Find:
        FINDERS[name] = Finder(name, title, may, find, place, icon)
        return find

    return declare


def found(person: Person, asked: str) -> list[Group]:
    """What a person may see of what was asked, by groups; none that is empty. A room that has nothing to
    search in (no night yet) is silent: the others are not."""
    groups = []
    for finder in sorted(FINDERS.values(), key=lambda each: (each.place, each.name)):
        if not person.may(finder.may):
            continue
        try:
            hits = tuple(islice(finder.find(person, asked), MOST))
        except QuankeError:
            continue
        if hits:
            shown = (Hit(h.title, h.address, h.note, h.icon or finder.icon) for h in hits)
            groups.append(Group(finder.name, finder.title, tuple(shown)))
    return groups


def matches(asked: str, *titles: str) -> bool:
    """Whether a title holds what was asked, in its own signs, in pinyin or in first letters of pinyin."""
    wanted = asked.casefold().replace(" ", "")
    return any(wanted in spelling for title in titles for spelling in _spellings(title))


@lru_cache(maxsize=16_384)
def _spellings(title: str) -> tuple[str, ...]:
    """Of titles, never of what is asked: that may be a customer's name, and is kept nowhere."""
    from pypinyin import Style, lazy_pinyin  # its readings take half a second to load: when first asked

    spelt = (title, "".join(lazy_pinyin(title)), "".join(lazy_pinyin(title, style=Style.FIRST_LETTER)))
    return tuple(dict.fromkeys(each.casefold().replace(" ", "") for each in spelt))
