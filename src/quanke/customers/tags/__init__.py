"""The tags a retail bank lives on, by theme. `STANDARD_TAGS` holds them all.

Definitions only: importing this package computes nothing. Rule numbers in the notes are those of the
domain rule book; every amount and length in them is a parameter that a bank's own desk confirms.
"""

from __future__ import annotations

from quanke.customers.tags import (
    activity,
    advice,
    assets,
    cards,
    cross_border,
    digital,
    flows,
    graph,
    income,
    life,
    person,
    products,
    scores,
    service,
)
from quanke.language import Tag

THEMES: dict[str, tuple[Tag, ...]] = {
    "person": person.TAGS,
    "assets": assets.TAGS,
    "products": products.TAGS,
    "flows": flows.TAGS,
    "income": income.TAGS,
    "cards": cards.TAGS,
    "cross_border": cross_border.TAGS,
    "digital": digital.TAGS,
    "service": service.TAGS,
    "activity": activity.TAGS,
    "life": life.TAGS,
    "graph": graph.TAGS,
    "scores": scores.TAGS,
    "advice": advice.TAGS,
}
"""Tags by theme, in reading order."""

STANDARD_TAGS: tuple[Tag, ...] = tuple(tag for theme in THEMES.values() for tag in theme)

__all__ = ["STANDARD_TAGS", "THEMES"]
