"""A higher risk class is never less risky: deviation, CVaR and the part free of risk, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quanke.kernel.errors import PortfolioError
from quanke.wealth.portfolios.backtest import month_loss
from quanke.wealth.portfolios.fallbacks import Fallback
from quanke.wealth.portfolios.limits import Limits, deviation
from quanke.wealth.portfolios.rounding import rounded

Floats = NDArray[np.float64]
STEPS = 64
SLACK = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class RiskMeasures:
    """What is compared between classes, over one set of returns; `month`: periods in one."""

    cov: Floats
    returns: Floats
    month: int
    risk_free: NDArray[np.bool_]

    def of(self, weights: Floats) -> tuple[float, float, float]:
        """Deviation of a period, CVaR of a month, share that is not free of risk."""
        return (
            deviation(weights, self.cov),
            month_loss(self.returns @ weights, self.month),
            float(1 - weights[self.risk_free].sum()),
        )

    def in_order(self, lower: Floats, higher: Floats) -> bool:
        """Whether one portfolio is not riskier than another by any of them."""
        return all(a <= b + SLACK for a, b in zip(self.of(lower), self.of(higher), strict=True))


def ordered(
    weights: Sequence[Floats],
    least: Sequence[Floats],
    limits: Sequence[Limits],
    measures: RiskMeasures,
    told: list[Fallback],
) -> list[Floats]:
    """Portfolios of C1..C5 in order, from the top down: where a class is riskier than the one above, it is
    moved toward its own least risk, by the smallest of 64 steps that mends it, and that is told.

    PortfolioError where not even its least risk stands below the class above.
    """
    found = list(weights)
    for k in range(len(found) - 2, -1, -1):
        above = found[k + 1]
        if measures.in_order(found[k], above):
            continue
        where = f"C{k + 1}"
        for step in range(1, STEPS + 1):
            share = step / STEPS
            moved = rounded((1 - share) * found[k] + share * least[k], limits[k])
            if limits[k].kept(moved) and measures.in_order(moved, above):
                told.append(
                    Fallback(
                        where,
                        "as optimised",
                        f"its risk was above that of C{k + 2}",
                        f"moved {share:.0%} of the way toward its least risk",
                    )
                )
                found[k] = moved
                break
        else:
            raise PortfolioError(
                f"{where}: not even its least risk stands below that of C{k + 2}: the limits of the two "
                "classes turn their order round; give the higher class room for more risk, or the lower less",
                (f"risk of {where}", f"risk of C{k + 2}"),
            )
    return found
