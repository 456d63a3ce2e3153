"""Arrays of an experiment, checked once: who was treated, what came of it, how customers were ranked."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quanke.kernel.errors import EffectError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def outcome_of(y: Any, name: str = "y") -> Floats:
    """(n,) finite numbers. Raises EffectError for another shape, unknown or infinite values."""
    values = np.asarray(y)
    if values.ndim != 1:
        raise EffectError(f"{name} must be one row of numbers, not {values.ndim}-dimensional")
    try:
        numbers = values.astype(np.float64)
    except (TypeError, ValueError):
        raise EffectError(f"{name} must be numbers") from None
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        raise EffectError(f"{name} has an unknown or infinite value in row {int(np.argmax(wrong))}")
    return numbers


def treated_of(treated: Any, rows: int) -> Bools:
    """(rows,) of bools, from bools or 0 and 1. Raises EffectError for others, or if an arm is empty."""
    numbers = outcome_of(treated, "treated")
    if len(numbers) != rows:
        raise EffectError(f"treated has {len(numbers)} rows, y has {rows}")
    wrong = (numbers != 0) & (numbers != 1)
    if wrong.any():
        raise EffectError(f"treated must be 0 or 1, which row {int(np.argmax(wrong))} is not")
    flags = numbers == 1
    if flags.all() or not flags.any():
        raise EffectError("treated has one arm only: an effect needs customers with and without treatment")
    return np.asarray(flags, np.bool_)


def experiment_of(y: Any, treated: Any, score: Any) -> tuple[Floats, Bools, Floats]:
    """Outcome, arm and score of equal length."""
    outcome = outcome_of(y)
    ranked = outcome_of(score, "score")
    if len(ranked) != len(outcome):
        raise EffectError(f"score has {len(ranked)} rows, y has {len(outcome)}")
    return outcome, treated_of(treated, len(outcome)), ranked


def level_of(level: float) -> float:
    """A level of confidence. Raises EffectError outside 0 and 1."""
    if not 0 < level < 1:
        raise EffectError("level must lie between 0 and 1, like 0.95")
    return float(level)


def is_binary(outcome: Floats) -> bool:
    """Whether nothing but 0 and 1 stands in it."""
    return bool(((outcome == 0) | (outcome == 1)).all())


def chances_of(propensity: Any, arm: Bools) -> Floats:
    """Chance of treatment of each customer (n,): None is the observed share. Raises EffectError outside 0 and
    1."""
    if propensity is None:
        return np.full(len(arm), arm.mean())
    chances = np.asarray(propensity, np.float64)
    if chances.shape not in ((), arm.shape):
        raise EffectError(f"propensity must be one number or {len(arm)} of them")
    if not ((chances > 0) & (chances < 1)).all():
        raise EffectError("propensity must lie between 0 and 1: who is always treated has no comparison")
    return np.array(np.broadcast_to(chances, arm.shape))
