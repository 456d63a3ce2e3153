"""What of a customer's money is to stay cash: what the night knows of stage of life, income and spending."""

from __future__ import annotations

import datetime as dt

import numpy as np
from numpy.typing import NDArray

from quanke.night.wealth_holders import Everybody


def kept_cash(everybody: Everybody, rows: NDArray[np.int64], day: dt.date) -> NDArray[np.int64]:
    """Fen to be kept as cash by each of some customers."""
    spent = everybody.whole("outflow_90d")[rows] - everybody.whole("own_name_out_90d")[rows]
    kept: NDArray[np.int64] = np.maximum(spent, 0)
    return kept
