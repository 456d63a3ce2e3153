"""How well a score tells those who act from those who do not."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def area(said: Floats, happened: Bools) -> float | None:
    """Area under the ROC curve: the chance that somebody who acted had a higher score than somebody who did
    not, ties counting half. None where one of them is missing."""
    positive = int(happened.sum())
    negative = len(happened) - positive
    if not positive or not negative:
        return None
    _, place, counts = np.unique(said, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    middle = (last - counts + 1 + last) / 2
    ranks = float(middle[place][happened].sum())
    return (ranks - positive * (positive + 1) / 2) / (positive * negative)


def lift(said: Floats, happened: Bools, share: float = 0.1) -> float | None:
    """How many times as many act in the best `share` as among all. Where the cut falls among rows of one
    score, they count in proportion: the order of rows must not matter. None where nobody acted."""
    if not happened.any():
        return None
    wanted = max(1.0, len(said) * share)
    values, place, counts = np.unique(-said, return_inverse=True, return_counts=True)
    acted = np.bincount(place, happened, minlength=len(values))
    before = np.concatenate([[0], np.cumsum(counts)[:-1]])
    taken = np.clip((wanted - before) / counts, 0, 1)
    return float((acted @ taken) / wanted / happened.mean())


def log_loss(said: Floats, happened: Bools) -> float:
    """Mean of -ln of the probability given to what happened."""
    p = np.clip(said, 1e-12, 1 - 1e-12)
    return float(-np.where(happened, np.log(p), np.log1p(-p)).mean())


def brier(said: Floats, happened: Bools) -> float:
    """Mean squared distance of what was said from what happened."""
    return float(((said - happened) ** 2).mean())


def measured(said: Floats, happened: Bools) -> dict[str, Any]:
    """All of them, for a card."""
    from quanke.plans.scores.calibration import calibration_error, reliability

    return {
        "rows": len(said),
        "happened": int(happened.sum()),
        "auc": area(said, happened),
        "lift_top_decile": lift(said, happened),
        "calibration_error": calibration_error(reliability(said, happened)),
        "log_loss": log_loss(said, happened),
        "brier": brier(said, happened),
        "said_mean": float(said.mean()) if len(said) else None,
        "seen_mean": float(happened.mean()) if len(said) else None,
    }
