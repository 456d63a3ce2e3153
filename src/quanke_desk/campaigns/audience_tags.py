"""The catalogue as who forms audiences sees it: tags in groups, what they are called, how they are spread."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from quanke.bank.contracts import Purpose
from quanke.kernel.errors import NightError
from quanke.language.definitions import Check, Tag
from quanke.language.types import RATE_ONE, Kind
from quanke.night.audience import MOST_CELLS
from quanke.segments.index.hiding import shown_cells
from quanke_desk.campaigns.audiences import bound, index_of
from quanke_desk.customers.queries import english, word
from quanke_desk.customers.words import in_words
from quanke_desk.foundation.analytic import Base, base
from quanke_desk.foundation.local_form import day, yuan

if TYPE_CHECKING:
    from quanke.segments.index import Members

MOST_VALUES = 60
"""Most values of a tag that are listed, each with how many customers have it."""
QUANTILES = (5, 25, 50, 75, 95)
GROUPS: dict[str, Promise] = {
    "tiers": _("Tiers and key groups"), "stages": _("Life-cycle stages"), "person": _("Person"),
    "assets": _("Assets"), "products": _("Products held"), "flows": _("Money in and out"),
    "income": _("Wages and pension"), "cards": _("Cards"), "cross_border": _("Cross-border"),
    "channels": _("Channels"), "service": _("Service and contacts"), "activity": _("Activity"),
    "life": _("Phase of life"), "graph": _("Family, employers and bodies"),
    "scores": pgettext_lazy("tags", "Scores"), "advice": _("Investment advice"),
    "matrix_tags": _("Service matrix"), "checks": _("Checks"), "own": _("Defined by the bank"),
}  # fmt: skip
"""By the file that defines a tag, in the order in which they are listed; others are the bank's own."""


_tags: dict[tuple[Path, bool], dict[str, TagShown]] = {}


@dataclass(frozen=True)
class TagShown:
    """A tag as a person picks it."""

    name: str
    title: str
    note: str
    kind: Kind
    unit: str
    group: str


@dataclass(frozen=True)
class Band:
    """One line of how a tag is spread: a value (or bound) in words, how many customers (null: hidden), and of
    the most frequent value the share, for a bar."""

    value: str
    shown: str
    count: int | None
    share: int = 0


@dataclass(frozen=True)
class Spread:
    """How a tag is spread in a night: `values` of a code, or `points` of what is ordered: below each lie so
    many per cent of those known. `unknown`: of how many it is not known (null: hidden)."""

    tag: TagShown
    values: tuple[Band, ...] = ()
    points: tuple[tuple[int, str], ...] = ()
    unknown: int | None = 0
    more: int = 0


def tags(of: Base | None = None) -> dict[str, TagShown]:
    """Tags and checks that may be used for marketing and that the night holds, by name."""
    held = of or base()
    key = (held.night.path, english())
    found = _tags.get(key)
    if found is None:
        if len(_tags) > 3:  # two languages, and the night before
            _tags.clear()
        found = _tags[key] = _usable(held)
    return found


def _usable(held: Base) -> dict[str, TagShown]:
    catalogue, lang = held.bank.catalogue, english()
    found = {}
    for name, each in catalogue.items():
        if not isinstance(each, (Tag, Check)) or name not in held.known:
            continue
        if Purpose.MARKETING not in catalogue.purposes(name):
            continue
        stem = Path(each.where.rpartition(":")[0]).stem
        group = "checks" if isinstance(each, Check) else stem if stem in GROUPS else "own"
        title, note = (each.title_en, each.note_en) if lang else (each.title_zh, each.note_zh)
        found[name] = TagShown(name, title, note, each.result.kind, each.unit, group)
    return found


def grouped(wanted: str = "", of: Base | None = None) -> list[tuple[str, list[TagShown]]]:
    """Tags by group, of those whose name or title (in either language) has a text in it."""
    text = wanted.strip().casefold()
    held = of or base()
    by_group: dict[str, list[TagShown]] = {}
    for tag in tags(held).values():
        other = held.bank.catalogue[tag.name]
        said = f"{tag.name} {other.title_zh} {other.title_en}".casefold()
        if not text or text in said:
            by_group.setdefault(tag.group, []).append(tag)
    return [(str(title), by_group[group]) for group, title in GROUPS.items() if group in by_group]


def value_word(tag: str, value: Any, kind: Kind) -> str:
    """A value of a tag in words: money in yuan, rates as they are, codes by the bank's names."""
    if value is None:
        return "-"
    if kind is Kind.MONEY:
        return yuan(int(value)).removesuffix(".00")
    if kind is Kind.RATE:
        return f"{int(value) / RATE_ONE:.4f}".rstrip("0").rstrip(".")
    if kind is Kind.NUMBER:
        return f"{float(value):.4g}"
    if kind is Kind.BOOLEAN:
        return str(_("yes") if value else _("no"))
    if isinstance(value, (dt.date, dt.datetime, np.datetime64)):
        return day(str(value)[:10])
    if kind is Kind.INTEGER:
        return f"{int(value):,}"
    code = str(value)
    named = word(tag, code)
    return in_words(tag, code) if named == code else named


def choices_of(tag: TagShown, of: Base | None = None) -> list[tuple[str, str]]:
    """Values a text tag has in the night, each with what it is called; empty where they are too many."""
    held = of or base()
    if tag.kind is not Kind.TEXT:
        return []
    column = index_of(held).columns.get(tag.name)
    if column is None or len(column.texts) > MOST_VALUES:
        return []
    return [(text, value_word(tag.name, text, Kind.TEXT)) for text in column.texts]


def spread_of(name: str, of: Base | None = None, least: int | None = None) -> Spread | None:
    """How a tag is spread over all customers of the night; null for one nobody may use here. What is told of
    amounts and days are points between which many lie, never the least or the most of them. `least`: the
    bank's bound, where it is at hand."""
    smallest = bound() if least is None else least
    held = of or base()
    tag = tags(held).get(name)
    column = index_of(held).columns.get(name) if tag is not None else None
    if tag is None or column is None:
        return None
    return column.remembered(("spread", smallest, english()), lambda: _spread(held, tag, column, smallest))  # type: ignore[no-any-return]


def _spread(held: Base, tag: TagShown, column: Any, smallest: int) -> Spread:
    if tag.kind is Kind.TEXT and len(column.texts) > MOST_VALUES * 100:
        return Spread(tag, more=len(column.texts))
    if tag.kind in (Kind.TEXT, Kind.BOOLEAN) or (
        tag.kind is Kind.INTEGER and column.exact and column.size <= 12
    ):
        return _by_values(held, tag, smallest)
    counts = np.asarray(column.counts, np.int64)
    first = np.asarray(column.edges or np.arange(len(counts)), np.uint64)
    unknown = 0
    if column.null is not None:
        unknown = int(counts[first == np.uint64(column.null)].sum())
        counts, first = counts[first != np.uint64(column.null)], first[first != np.uint64(column.null)]
    whole = int(counts.sum())
    if whole < max(smallest, 1) * 4:
        return Spread(tag, unknown=unknown if unknown >= smallest else None)
    ends = np.cumsum(counts)
    places = [int(np.searchsorted(ends, whole * q / 100)) for q in QUANTILES]
    values = column.values(first[places]).values.tolist()
    points = tuple((q, value_word(tag.name, v, tag.kind)) for q, v in zip(QUANTILES, values, strict=True))
    return Spread(tag, points=points, unknown=unknown if unknown == 0 or unknown >= smallest else None)


def _by_values(held: Base, tag: TagShown, smallest: int) -> Spread:
    cells = index_of(held).breakdown(tag.name)
    counts = shown_cells([n for _value, n in cells], smallest)
    unknown = next((n for (value, _n), n in zip(cells, counts, strict=True) if value is None), 0)
    listed = [(value, n) for (value, _n), n in zip(cells, counts, strict=True) if value is not None]
    if len(listed) > MOST_VALUES:
        listed.sort(key=lambda pair: -(pair[1] or 0))
    most = max((n or 0 for _value, n in listed), default=0) or 1
    bands = tuple(
        Band(_code(value), value_word(tag.name, value, tag.kind), n, round(100 * (n or 0) / most))
        for value, n in listed[:MOST_VALUES]
    )
    return Spread(tag, bands, unknown=unknown, more=max(0, len(listed) - MOST_VALUES))


def _code(value: Any) -> str:
    return "1" if value is True else "0" if value is False else str(value)


@dataclass(frozen=True)
class Cell:
    """One line of a breakdown; `count` null: hidden."""

    value: Any
    title: str
    count: int | None
    width: int


def broken_down(found: Members, tag: str, of: Base | None = None) -> list[Cell] | None:
    """An audience by the values of a tag; null where it is too small to be told of, or the tag has too many.

    Raises NightError for a tag nobody may use here.
    """
    held = of or base()
    kind = tags(held)[tag].kind if tag in tags(held) else None
    if kind is None:
        raise NightError("there is no tag of this name")
    smallest = bound()
    cells = index_of(held).breakdown(tag, found)
    if len(cells) > MOST_CELLS or len(found) < smallest:
        return None
    counts = shown_cells([n for _value, n in cells], smallest)
    most = max((n or 0 for n in counts), default=0) or 1
    return [
        Cell(
            v,
            value_word(tag, v, kind) if v is not None else str(_("unknown")),
            n,
            round(100 * (n or 0) / most),
        )
        for (v, _n), n in zip(cells, counts, strict=True)
    ]
