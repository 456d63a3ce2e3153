"""How the base divides: tiers with their edges, key groups, figures over every group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quanke.segments.control import HoldOut, in_control, salted_hash, salted_text_hash
from quanke.segments.dated import Dated
from quanke.segments.metrics import METRICS, metric_definitions
from quanke.segments.moves import Moves
from quanke.segments.scheme import DEFAULT_SCHEME, Overlay, Tier, TierScheme
from quanke.segments.tiers import TIER_TAGS, tier_definitions
from quanke.segments.triggers import TriggerRules, trigger_definitions

__all__ = [
    "DEFAULT_SCHEME",
    "METRICS",
    "TIER_TAGS",
    "ClusterModel",
    "Dated",
    "HoldOut",
    "Moves",
    "Overlay",
    "Tier",
    "TierScheme",
    "TriggerRules",
    "find_clusters",
    "in_control",
    "metric_definitions",
    "salted_hash",
    "salted_text_hash",
    "tier_definitions",
    "trigger_definitions",
]

if TYPE_CHECKING:
    from quanke.segments.clusters import ClusterModel, find_clusters


def __getattr__(name: str) -> object:
    """Load the clusters only when they are asked for: scikit-learn takes seconds to import, and the other
    names are needed by every command."""
    if name in ("ClusterModel", "find_clusters"):
        from quanke.segments import clusters

        return getattr(clusters, name)
    raise AttributeError(name)
