"""Twenty stocks walked forward with costs: what is meant to be calmer than equal weight is."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.wealth.backtest import CAP, COST, PRICES, ours, prices

from quanke.wealth.portfolios import walk_forward

pytestmark = pytest.mark.skipif(not PRICES.is_file(), reason=f"no prices: {PRICES} is absent")


def test_least_risk_is_calmer_than_equal_weight_and_pays_its_costs() -> None:
    days, names, levels = prices()
    assert (len(days), len(names)) == (8_313, 20)
    levels = levels[-2_300:]
    returns = levels[1:] / levels[:-1] - 1
    model = ours(len(names))["least risk, Ledoit-Wolf"]
    weights = np.asarray(model(returns[:756]))
    assert weights.max() <= CAP + 1e-6 and weights.sum() == pytest.approx(1, abs=1e-6)
    models = {"ours": model, "equal": lambda past: np.full(len(names), 1 / len(names))}
    found = walk_forward(returns, models, buy_cost=COST, sell_cost=COST)
    assert not found["ours"].fallbacks
    calm, equal = found["ours"].figures(), found["equal"].figures()
    assert calm["volatility"] < equal["volatility"] and calm["cvar"] < equal["cvar"]
    # a thousandth of what is bought and sold, at first and later
    for name in models:
        rebalances = found[name].rebalances
        traded = sum(r.bought + r.sold for r in rebalances)
        assert sum(r.fees for r in rebalances) == pytest.approx(traded / 1_000, rel=1e-6)
