"""Returns of the standard asset classes, drawn: nothing here happened."""

from __future__ import annotations

import numpy as np

VOLATILITY = np.array([2e-4, 1e-9, 0.02, 0.08, 0.20, 0.18, 0.15, 0.005])
MEAN = np.array([0.015, 0.018, 0.028, 0.04, 0.07, 0.07, 0.05, 0.025])


def drawn(seed: int = 0, periods: int = 1200) -> np.ndarray:
    """Daily returns (t, 8) with fat tails; deposits hardly move."""
    draw = np.random.default_rng(seed)
    correlation = np.eye(8)
    for i, j, c in [(3, 4, 0.8), (3, 5, 0.5), (4, 5, 0.6), (2, 3, 0.2), (6, 5, 0.1)]:
        correlation[i, j] = correlation[j, i] = c
    shocks = draw.standard_t(5, (periods, 8)) / np.sqrt(5 / 3) @ np.linalg.cholesky(correlation).T
    return MEAN / 252 + shocks * VOLATILITY / np.sqrt(252)
