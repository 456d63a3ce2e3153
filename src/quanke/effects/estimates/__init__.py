"""Estimates: the difference between arms, its interval, and what has to be said beside it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__all__ = [
    "BalanceRow",
    "Estimate",
    "SampleRatio",
    "balance",
    "detectable",
    "estimate",
    "estimate_many",
    "resembles_random",
    "sample_size",
]

if TYPE_CHECKING:
    from quanke.effects.estimates.answer import Estimate
    from quanke.effects.estimates.balancing import BalanceRow, balance
    from quanke.effects.estimates.measuring import estimate, estimate_many
    from quanke.effects.estimates.shares import SampleRatio, resembles_random
    from quanke.effects.estimates.sizing import detectable, sample_size

_PLACES = {
    "BalanceRow": "balancing",
    "Estimate": "answer",
    "SampleRatio": "shares",
    "balance": "balancing",
    "detectable": "sizing",
    "estimate": "measuring",
    "estimate_many": "measuring",
    "resembles_random": "shares",
    "sample_size": "sizing",
}


def __getattr__(name: str) -> object:
    """Load a part only when it is asked for: SciPy and compiled code take seconds to import."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
