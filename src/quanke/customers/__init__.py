"""Who the customers are: one view of each, the tags the bank lives on, life-cycle stages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quanke.customers.golden import GoldenField, golden_record, masked
from quanke.customers.stages import REASONS, STAGE_TAGS, STAGES, StageRules, stage_definitions
from quanke.customers.survivorship import SOURCE_PRIORITY, SURVIVORSHIP
from quanke.customers.tags import STANDARD_TAGS as _TAGS
from quanke.customers.tags import THEMES
from quanke.language import Tag

STANDARD_TAGS: tuple[Tag, ...] = (*_TAGS, *STAGE_TAGS)
"""Every standard tag of a customer, stages included; tiers are added by `quanke.segments`."""

__all__ = [
    "REASONS",
    "SOURCE_PRIORITY",
    "STAGES",
    "STAGE_TAGS",
    "STANDARD_TAGS",
    "SURVIVORSHIP",
    "THEMES",
    "GoldenField",
    "StageRules",
    "golden_record",
    "masked",
    "resolve",
    "stage_definitions",
]

if TYPE_CHECKING:
    from quanke.customers.identity import resolve


def __getattr__(name: str) -> object:
    """Load what tells who is who only when it is asked for: the other names stay cheap to import."""
    if name == "resolve":
        from quanke.customers.identity import resolve

        return resolve
    raise AttributeError(name)
