"""Twenty stocks, 1990-2022, walked forward with costs: our portfolios beside equal weight and PyPortfolioOpt.

Every portfolio sees the same three years before each quarter, pays the same costs, and holds the same stocks:
all of them still stood in 2022, so that every figure here flatters, equal weight most. Nothing was tuned on
them, but the formula of equal risk was replaced after its first one had come out as equal weight.
`measure(quick)` gives a dict; called as a module it prints it.
"""

from __future__ import annotations

import csv
import gzip
import json
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quanke.wealth.portfolios import Asset, walk_forward
from quanke.wealth.portfolios.estimating import Estimate, robust_covariance
from quanke.wealth.portfolios.limits import limits_of
from quanke.wealth.portfolios.solving import least_risk, mean_risk, risk_budget

PRICES = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "prices" / "sp500_dataset.csv.gz"
WINDOW, EVERY, PERIODS = 756, 63, 252
COST = 1_000
"""Ten basis points of what is bought or sold."""
CAP = 0.15
"""The most of one stock, in ours; the peer has none by default."""
CAVEAT = "survivors only: the stocks were chosen in 2022, knowing that they had lasted"

Floats = NDArray[np.float64]
Model = Callable[[Floats], Floats]


def prices() -> tuple[list[str], list[str], Floats]:
    """Days, names, and prices (t, n)."""
    with gzip.open(PRICES, "rt", encoding="utf-8") as file:
        head, *rows = list(csv.reader(file))
    return [row[0] for row in rows], head[1:], np.array([row[1:] for row in rows], np.float64)


def ours(n: int) -> dict[str, Model]:
    """Portfolios of ours: least risk under three covariances, equal risk, CVaR under a ceiling; capped."""
    assets = [Asset(name=f"s{i}", risk=1, at_most=CAP, buy_cost=COST, sell_cost=COST) for i in range(n)]

    def made(covariance: str, kind: str) -> Model:
        def model(past: Floats) -> Floats:
            cov = robust_covariance(past, covariance)
            estimate = Estimate(past.mean(axis=0), cov, past, "historical", covariance, "none")
            limits = limits_of(1, assets, (), cov)
            if kind == "least":
                return least_risk(estimate, limits)
            if kind == "budget":
                return risk_budget(estimate, limits)
            # the highest mean at no more risk than equal weight has
            equal = np.full(n, 1 / n)
            ceiling = float(np.sqrt(equal @ cov @ equal))
            return mean_risk(estimate, replace(limits, ceiling=ceiling), np.zeros(n), cvar=True)

        return model

    return {
        "least risk, Ledoit-Wolf": made("ledoit_wolf", "least"),
        "least risk, denoised": made("denoised", "least"),
        "least risk, Gerber": made("gerber", "least"),
        "equal risk, Ledoit-Wolf": made("ledoit_wolf", "budget"),
        "mean under CVaR of equal weight": made("ledoit_wolf", "cvar"),
    }


def peers() -> dict[str, Model]:
    """Equal weight, and PyPortfolioOpt as its guide has it: mean historical return, sample covariance."""
    import pandas as pd
    from pypfopt import EfficientFrontier, expected_returns, risk_models

    def made(kind: str) -> Model:
        def model(past: Floats) -> Floats:
            levels = pd.DataFrame(np.vstack([np.ones(past.shape[1]), np.cumprod(1 + past, axis=0)]))
            frontier = EfficientFrontier(
                expected_returns.mean_historical_return(levels), risk_models.sample_cov(levels)
            )
            getattr(frontier, kind)()
            return np.array(list(frontier.clean_weights().values()), np.float64)

        return model

    return {
        "equal weight": lambda past: np.full(past.shape[1], 1 / past.shape[1]),
        "PyPortfolioOpt max_sharpe": made("max_sharpe"),
        "PyPortfolioOpt min_volatility": made("min_volatility"),
    }


def measure(quick: bool) -> dict[str, Any]:
    """Figures of every portfolio, net of costs; {"skipped": why} without the prices."""
    if not PRICES.exists():
        return {"skipped": f"no prices: {PRICES} is absent"}
    days, names, levels = prices()
    if quick:
        days, levels = days[-2_300:], levels[-2_300:]
    returns = levels[1:] / levels[:-1] - 1
    found: dict[str, Any] = {}
    for whose, models in (("ours", ours(len(names))), ("peers", peers())):
        found[whose] = {name: walked(name, model, returns) for name, model in models.items()}
    return {
        "stocks": len(names),
        "from": days[WINDOW],
        "until": days[-1],
        "window": WINDOW,
        "every": EVERY,
        "cost_ppm": COST,
        "cap_of_ours": CAP,
        "caveat": CAVEAT,
        **found,
    }


def walked(name: str, model: Model, returns: Floats) -> dict[str, Any]:
    """One portfolio over the whole past."""
    begin = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        test = walk_forward(
            returns,
            {name: model},
            buy_cost=COST,
            sell_cost=COST,
            window=WINDOW,
            every=EVERY,
            periods=PERIODS,
        )[name]
    figures: Mapping[str, float] = test.figures()
    return {
        **{key: round(value, 5) for key, value in figures.items()},
        "rebalances": len(test.rebalances),
        "failed": [f.sheet() for f in test.fallbacks][:3],
        "failures": len(test.fallbacks),
        "seconds": round(time.perf_counter() - begin, 2),
    }


def lines(result: dict[str, Any]) -> list[str]:
    """The result for a terminal."""
    if "skipped" in result:
        return [f"backtest skipped: {result['skipped']}"]
    keys = ("net_return", "volatility", "sharpe", "cvar", "max_drawdown", "turnover", "fees")
    shown = [
        f"backtest, {result['stocks']} stocks, {result['from']} to {result['until']}, net of costs "
        f"({result['cost_ppm'] / 10_000:g} %); {result['caveat']}",
        f"  {'':<34}" + "".join(f"{key:>13}" for key in keys) + f"{'failures':>10}",
    ]
    for whose in ("ours", "peers"):
        for name, f in result[whose].items():
            cells = "".join(f"{f[k]:>13.3f}" if k == "sharpe" else f"{f[k]:>13.2%}" for k in keys)
            shown.append(f"  {name:<34}{cells}{f['failures']:>10}")
    return shown


if __name__ == "__main__":
    import sys

    told = measure("--quick" in sys.argv)
    print(json.dumps(told, indent=2) if "--json" in sys.argv else "\n".join(lines(told)))
