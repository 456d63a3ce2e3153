"""Moments that are known already, in the manner skfolio's optimisers ask for them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from skfolio.prior import BasePrior, ReturnDistribution


class FixedPrior(BasePrior):  # type: ignore[misc]
    """Gives `mean` (n,) and `cov` (n, n), whatever the returns; the returns serve CVaR as scenarios."""

    def __init__(
        self, mean: NDArray[np.float64] | None = None, cov: NDArray[np.float64] | None = None
    ) -> None:
        self.mean = mean
        self.cov = cov

    def fit(self, X: Any, y: None = None, **fit_params: Any) -> FixedPrior:
        """Keep the returns beside the moments."""
        self.return_distribution_ = ReturnDistribution(
            mu=np.asarray(self.mean), covariance=np.asarray(self.cov), returns=np.asarray(X, np.float64)
        )
        return self
