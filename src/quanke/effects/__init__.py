"""Effects: what a push really changed, against customers who got nothing."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__all__ = [
    "Auuc",
    "BalanceRow",
    "Estimate",
    "MeanInterval",
    "PolicyValue",
    "Qini",
    "RankedGain",
    "SampleRatio",
    "UpliftModel",
    "auuc",
    "balance",
    "detectable",
    "estimate",
    "estimate_many",
    "policy_value",
    "qini",
    "resembles_random",
    "sample_size",
]

if TYPE_CHECKING:
    from quanke.effects.estimates import (
        BalanceRow,
        Estimate,
        SampleRatio,
        balance,
        detectable,
        estimate,
        estimate_many,
        resembles_random,
        sample_size,
    )
    from quanke.effects.uplift import (
        Auuc,
        MeanInterval,
        PolicyValue,
        Qini,
        RankedGain,
        UpliftModel,
        auuc,
        policy_value,
        qini,
    )

_PLACES: dict[str, str] = dict.fromkeys(
    (
        "Auuc",
        "MeanInterval",
        "PolicyValue",
        "Qini",
        "RankedGain",
        "UpliftModel",
        "auuc",
        "policy_value",
        "qini",
    ),
    "uplift",
)
"""Names that do not live in `estimates`, and the package they do live in."""


def __getattr__(name: str) -> object:
    """Load a part only when it is asked for: SciPy, compiled code and models take seconds to import."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES.get(name, 'estimates')}"), name)
