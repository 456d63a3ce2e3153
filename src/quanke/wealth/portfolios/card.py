"""The card of a set of model portfolios: what is known of each from the past, and what is not promised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quanke.wealth.portfolios.assets import RISK_CLASSES, Asset
from quanke.wealth.portfolios.backtest import compounded, month_loss, walk_forward
from quanke.wealth.portfolios.estimating import Estimate
from quanke.wealth.portfolios.limits import deviation

Floats = NDArray[np.float64]
LOW, HIGH = 0.05, 0.95
NORMAL_HIGH = 1.6449
MONTHS, QUARTERS = 12, 4
NOTE_ZH = "以下为历史数据按固定比例重算的结果，不代表未来表现，不构成收益承诺；任何一年都可能亏损。"
NOTE_EN = (
    "Recomputed from the past at fixed shares. The past does not foretell the future, nothing here is a "
    "promise, and any year may end with a loss."
)


def card_of(
    weights: Floats, estimate: Estimate, assets: Sequence[Asset], periods: int, previous: Floats | None
) -> dict[str, Any]:
    """One entry a class: range of a year (5 % to 95 % of past years), volatility, CVaR of a month at 95 %,
    deepest fall in a backtest with costs, turnover of it a year and against the models before."""
    return {
        "note_zh": NOTE_ZH,
        "note_en": NOTE_EN,
        "periods": len(estimate.returns),
        "periods_per_year": periods,
        "estimates": {
            "means": estimate.mean_by,
            "covariance": estimate.cov_by,
            "views": estimate.views_by,
        },
        "classes": {
            f"C{k}": _class(row, estimate, assets, periods, None if previous is None else previous[k - 1])
            for k, row in zip(RISK_CLASSES, weights, strict=True)
        },
    }


def _class(
    weights: Floats, estimate: Estimate, assets: Sequence[Asset], periods: int, previous: Floats | None
) -> dict[str, Any]:
    moved = estimate.returns @ weights
    low, high, by = year_range(moved, periods)
    walked = _backtest(weights, estimate.returns, assets, periods)
    free = np.array([a.risk_free for a in assets])
    return {
        "range_of_a_year": [low, high],
        "range_by": by,
        "volatility": deviation(weights, estimate.cov) * float(np.sqrt(periods)),
        "volatility_past": float(moved.std(ddof=1)) * float(np.sqrt(periods)),
        "cvar_month": month_loss(moved, max(periods // MONTHS, 1)),
        "max_loss_backtest": walked["max_drawdown"],
        "turnover_backtest": walked["turnover"],
        "fees_backtest": walked["fees"],
        "turnover_from_before": None if previous is None else float(np.abs(weights - previous).sum() / 2),
        "risk_free_share": float(weights[free].sum()),
    }


def year_range(moved: Floats, periods: int) -> tuple[float, float, str]:
    """The range nine of ten past years lay in; from a normal year where less than two years are past."""
    if len(moved) >= 2 * periods:
        years = compounded(moved, periods)
        return float(np.quantile(years, LOW)), float(np.quantile(years, HIGH)), "past years"
    mean, spread = float(moved.mean()) * periods, float(moved.std(ddof=1)) * float(np.sqrt(periods))
    return mean - NORMAL_HIGH * spread, mean + NORMAL_HIGH * spread, "normal"


def _backtest(weights: Floats, returns: Floats, assets: Sequence[Asset], periods: int) -> dict[str, float]:
    """Fixed shares, restored every quarter, with the assets' costs."""
    walked = walk_forward(
        returns,
        {"fixed": lambda past: weights},
        buy_cost=np.array([a.buy_cost for a in assets]),
        sell_cost=np.array([a.sell_cost for a in assets]),
        window=2,
        every=max(periods // QUARTERS, 1),
        periods=periods,
    )
    return walked["fixed"].figures()
