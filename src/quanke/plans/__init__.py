"""Plans: what each customer is offered, everybody at once under all limits."""

from __future__ import annotations

from quanke.plans.allocation import Plan, allocate
from quanke.plans.limits import Limit
from quanke.plans.reasons import Offer, Reason

__all__ = ["Limit", "Offer", "Plan", "Reason", "allocate"]
