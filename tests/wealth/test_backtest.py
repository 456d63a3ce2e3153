"""Walking forward: only the past is seen, every fen is accounted for, figures by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quanke.kernel.errors import PortfolioError
from quanke.wealth.portfolios import walk_forward
from quanke.wealth.portfolios.backtest import cvar, drawdown, rebalanced
from tests.wealth.returns import drawn

RETURNS = drawn(3, 400)
EQUAL = {"equal": lambda past: np.full(past.shape[1], 1 / past.shape[1])}


@settings(max_examples=200)
@given(
    st.lists(st.integers(0, 10**11), min_size=3, max_size=3),
    st.integers(0, 10**6),
    st.lists(st.floats(0, 1), min_size=3, max_size=3),
    st.lists(st.integers(0, 50_000), min_size=6, max_size=6),
)
def test_a_rebalance_loses_nothing_but_its_fees(
    held: list[int], aside: int, weights: list[float], ppm: list[int]
) -> None:
    shares = np.array(weights) + 1e-6
    shares /= shares.sum()
    before, buy, sell = np.array(held), np.array(ppm[:3]), np.array(ppm[3:])
    now, left, (bought, sold, fees) = rebalanced(before, aside, shares, buy, sell)
    whole = sum(held) + aside
    assert int(now.sum()) + left + fees == whole and left >= 0 and now.min() >= 0
    moved = now - before
    assert bought == moved[moved > 0].sum() and sold == -moved[moved < 0].sum()
    due = [m * b if m > 0 else -m * s for m, b, s in zip(moved.tolist(), ppm[:3], ppm[3:], strict=True)]
    assert fees == sum((d + 500_000) // 1_000_000 for d in due)
    # what is aside are crumbs, and weights are met to the fen
    assert left <= 8 and np.abs(now - shares * now.sum()).max() < 2


def test_every_rebalance_and_the_value_fit_together() -> None:
    walked = walk_forward(RETURNS, EQUAL, buy_cost=1_000, sell_cost=2_000, window=60, every=20)["equal"]
    assert len(walked.value) == len(RETURNS) - 60 + 1 and len(walked.rebalances) == 17
    for r in walked.rebalances:
        assert r.before == r.after + r.fees
        assert walked.value[r.period - 60] == r.before
    figures = walked.figures()
    assert figures["fees_fen"] == sum(r.fees for r in walked.rebalances) > 0
    free = walk_forward(RETURNS, EQUAL, window=60, every=20)["equal"].figures()
    assert figures["net_return"] < free["net_return"] and free["fees"] == 0


def test_a_model_sees_only_the_past() -> None:
    seen: list[np.ndarray] = []

    def looks(past: np.ndarray) -> np.ndarray:
        seen.append(past)
        return np.eye(8)[0]

    walk_forward(RETURNS, {"looks": looks}, window=50, every=100)
    assert len(seen) == 4
    for past, period in zip(seen, (50, 150, 250, 350), strict=True):
        assert np.array_equal(past, RETURNS[period - 50 : period])


def test_without_costs_a_single_asset_is_that_asset() -> None:
    walked = walk_forward(RETURNS, {"one": lambda past: np.eye(8)[4]}, window=100, every=50)["one"]
    assert walked.value[-1] / walked.value[0] == pytest.approx(np.prod(1 + RETURNS[100:, 4]), rel=1e-7)
    assert walked.figures()["turnover"] == pytest.approx(0, abs=1e-9)


def test_a_model_that_fails_keeps_what_it_holds_and_is_told() -> None:
    calls = iter([np.eye(8)[2], None, np.full(8, np.nan), np.full(8, 0.2)])

    def fails(past: np.ndarray) -> np.ndarray:
        found = next(calls)
        if found is None:
            raise ValueError("no solution")
        return found

    walked = walk_forward(RETURNS, {"fails": fails}, window=50, every=100)["fails"]
    assert [f.where for f in walked.fallbacks] == ["period 150", "period 250", "period 350"]
    assert "no solution" in walked.fallbacks[0].because
    assert walked.value[-1] / walked.value[0] == pytest.approx(np.prod(1 + RETURNS[50:, 2]), rel=1e-7)


def test_figures_by_hand() -> None:
    assert cvar(np.array([-0.1, -0.2, *[0.01] * 38])) == pytest.approx(0.15)
    assert cvar(np.array([-0.3, *[0.0] * 29])) == pytest.approx(0.3 * 1 / 1.5)
    assert drawdown(np.array([1.0, 2.0, 1.0, 3.0, 2.4])) == pytest.approx(0.5)


@pytest.mark.parametrize("wrong", [{"window": 400}, {"window": 1}, {"every": 0}])
def test_a_window_has_to_fit(wrong: dict[str, int]) -> None:
    with pytest.raises(PortfolioError, match="window"):
        walk_forward(RETURNS, EQUAL, **wrong)
