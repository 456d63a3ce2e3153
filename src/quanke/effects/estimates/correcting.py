"""p values corrected for their number, by `statsmodels.stats.multitest`."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from typing import Any

import numpy.typing as npt


def multiply_tested(
    p_values: Sequence[float], alpha: float, method: str
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Which hypotheses fall at `alpha`, and the corrected p values, both (n,). `method` as in statsmodels:
    "holm" (Holm 1979), "fdr_bh" (Benjamini and Hochberg 1995)."""
    from statsmodels.stats.multitest import multipletests

    # statsmodels has all the memory of the process looked through for garbage each time: half a second at a
    # desk, and a night tells a hundred groups. What is set aside meanwhile is not looked through.
    gc.freeze()
    try:
        fallen, corrected = multipletests(p_values, alpha=alpha, method=method)[:2]
    finally:
        gc.unfreeze()
    return fallen, corrected


__all__ = ["multiply_tested"]
