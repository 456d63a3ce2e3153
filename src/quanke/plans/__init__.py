"""Plans: what each customer is offered, everybody at once under all limits."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from quanke.plans.limits import Limit

__all__ = [
    "Frame",
    "Limit",
    "Offer",
    "Plan",
    "PortionPlan",
    "Portions",
    "Reason",
    "allocate",
    "partial_choice",
    "partial_pass",
    "partial_plan",
    "partial_sample",
    "planned_over",
    "portion_of",
]

if TYPE_CHECKING:
    from quanke.plans.allocation import Plan, allocate
    from quanke.plans.portions import (
        Frame,
        PortionPlan,
        Portions,
        partial_choice,
        partial_pass,
        partial_plan,
        partial_sample,
        planned_over,
        portion_of,
    )
    from quanke.plans.reasons import Offer, Reason

_PLACES = {"Plan": "allocation", "allocate": "allocation", "Offer": "reasons", "Reason": "reasons"}


def __getattr__(name: str) -> object:
    """Load the kernel only when it is asked for: compiled code and SciPy take seconds to import."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES.get(name, 'portions')}"), name)
