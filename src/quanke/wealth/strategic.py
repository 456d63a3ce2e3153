"""The allocation that comes with Quanke: used until a bank builds and approves model portfolios of its own.

Shares rise and fall with the class as suitability asks: nothing riskier than the class in any row, less free
of risk from class to class, cash for daily needs in every one. They rest on no forecast [assume].
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

STRATEGIC_CLASSES = (
    "cash", "deposit", "fixed_income", "balanced", "equity", "overseas", "gold", "protection",
)  # fmt: skip
STRATEGIC_VERSION = "strategic-1"
PPM = 1_000_000
_PER_CENT = (
    (20, 65, 15, 0, 0, 0, 0, 0),
    (15, 45, 32, 0, 0, 0, 0, 8),
    (10, 25, 35, 15, 0, 0, 5, 10),
    (8, 12, 29, 18, 15, 5, 5, 8),
    (5, 5, 20, 20, 30, 10, 5, 5),
)


def strategic_weights(classes: Sequence[str] = STRATEGIC_CLASSES) -> NDArray[np.int32]:
    """Shares (5, K) in millionths, a row for each of C1..C5, each adding up to 1,000,000. `classes`: the
    order of the columns, all of `STRATEGIC_CLASSES`."""
    place = [STRATEGIC_CLASSES.index(name) for name in classes]
    shares: NDArray[np.int32] = np.array(_PER_CENT, np.int32)[:, place] * (PPM // 100)
    return shares
