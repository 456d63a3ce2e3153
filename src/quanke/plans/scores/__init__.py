"""Scores: how likely a customer is to open a product or to leave, and what he is expected to bring in.

Learned from features as of past month-ends and outcomes of the days after, checked on later months,
calibrated, published as immutable versions, applied in the night.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from quanke.plans.scores.rules import DEFAULT_RULES, ScoreRules, Split, split_of

__all__ = [
    "DEFAULT_RULES",
    "BetaGeometricNBD",
    "Model",
    "ModelStore",
    "PaymentModel",
    "ScoreRules",
    "Split",
    "learn",
    "split_of",
]

if TYPE_CHECKING:
    from quanke.plans.scores.fitting import learn
    from quanke.plans.scores.model import Model
    from quanke.plans.scores.payments import PaymentModel
    from quanke.plans.scores.purchases import BetaGeometricNBD
    from quanke.plans.scores.store import ModelStore

_PLACES = {
    "BetaGeometricNBD": "purchases",
    "Model": "model",
    "ModelStore": "store",
    "PaymentModel": "payments",
    "learn": "fitting",
}


def __getattr__(name: str) -> object:
    """Load what reads models only when it is asked for."""
    if name in _PLACES:
        from importlib import import_module

        return getattr(import_module(f"quanke.plans.scores.{_PLACES[name]}"), name)
    raise AttributeError(name)
