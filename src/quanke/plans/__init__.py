"""Plans: what each customer is offered, everybody at once under all limits; scores of what is worth it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quanke.plans.allocation import Plan, allocate
    from quanke.plans.limits import Limit
    from quanke.plans.reasons import Offer, Reason

__all__ = ["Limit", "Offer", "Plan", "Reason", "allocate"]
_PLACES = {
    "Limit": "limits",
    "Offer": "reasons",
    "Plan": "allocation",
    "Reason": "reasons",
    "allocate": "allocation",
}


def __getattr__(name: str) -> Any:
    """What is asked for, imported then: numba and SciPy take seconds, and most commands plan nothing."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
