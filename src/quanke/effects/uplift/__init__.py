"""Uplift: whom a treatment changes, how much, and how well that is known."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__all__ = [
    "Auuc",
    "MeanInterval",
    "PolicyValue",
    "Qini",
    "RankedGain",
    "UpliftModel",
    "auuc",
    "policy_value",
    "qini",
]

if TYPE_CHECKING:
    from quanke.effects.uplift.curves import Auuc, Qini, RankedGain, auuc, qini
    from quanke.effects.uplift.model import UpliftModel
    from quanke.effects.uplift.policy import MeanInterval, PolicyValue, policy_value

_PLACES = {
    "UpliftModel": "model",
    "MeanInterval": "policy",
    "PolicyValue": "policy",
    "policy_value": "policy",
}


def __getattr__(name: str) -> object:
    """Load the kernel only when it is asked for: scikit-learn takes seconds to import."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES.get(name, 'curves')}"), name)
