"""What an increment earned: by hand, to the fen, and null where nothing is divided by."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from quanke.effects import estimate
from quanke.effects.returns import divided, gain_of, return_on, weighted_margin

TREATED = np.arange(400) % 2 == 0
MONEY = estimate(np.random.default_rng(1).normal(0, 100, 400) + 5_000 * TREATED, TREATED, unit="fen")


def test_by_hand() -> None:
    """100,000 yuan more on the daily mean, 1.46 % a year, 30 of 365 days: 120 yuan."""
    found = replace(MONEY, total=10_000_000.0, total_low=5_000_000.0, total_high=15_000_000.0)
    gain = gain_of(found, 0.0146, 30)
    assert (gain.fen, gain.low, gain.high) == (12_000, 6_000, 18_000)
    left = return_on(gain, 4_000)
    assert (left.net, left.net_low, left.net_high) == (8_000, 2_000, 14_000)
    assert (left.per_yuan, left.per_yuan_low, left.per_yuan_high) == (
        Decimal("3.00"), Decimal("1.50"), Decimal("4.50"),
    )  # fmt: skip


def test_the_interval_of_the_gain_is_that_of_the_increment() -> None:
    gain = gain_of(MONEY, 0.02, 73)
    assert gain.fen == pytest.approx(MONEY.total * 0.02 * 0.2, abs=1)
    assert gain.low == pytest.approx(MONEY.total_low * 0.004, abs=1)
    turned = gain_of(MONEY, -0.02, 73)
    assert turned.low < turned.fen < turned.high, "a product that costs the bank turns the interval round"


def test_nothing_is_divided_by_zero() -> None:
    left = return_on(gain_of(MONEY, 0.02, 30), 0)
    assert left.per_yuan is left.per_yuan_low is left.per_yuan_high is None and left.net > 0
    assert divided(1, 0) is None and divided(1, 8) == Decimal("0.13"), "half up"


def test_only_money_earns() -> None:
    with pytest.raises(ValueError, match="money"):
        gain_of(estimate(TREATED.astype(float), TREATED, unit="people"), 0.01, 30)


def test_the_margin_is_weighted_with_what_is_held() -> None:
    margins = {"demand": 0.02, "fund": 0.01}
    assert weighted_margin({"demand": 100.0, "fund": 300.0, "metal": 900.0}, margins) == pytest.approx(0.0125)
    assert weighted_margin({"metal": 900.0}, margins) is None
    assert weighted_margin({"demand": 0.0}, margins) is None
