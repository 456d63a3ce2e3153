"""The exact frontier: against a solver, at its ends, and where assets tie."""

from __future__ import annotations

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quanke.kernel.errors import PortfolioError
from quanke.wealth.portfolios import frontier


def drawn(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    root = draw.normal(size=(n, n + 3))
    return draw.normal(size=n), root @ root.T / n + 1e-3 * np.eye(n)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 12))
def test_no_solver_finds_less_variance(seed: int, n: int) -> None:
    mean, cov = drawn(seed, n)
    found = frontier(mean, cov, np.linspace(mean.min(), mean.max(), 5))
    for target, variance, weights in zip(
        np.linspace(mean.min(), mean.max(), 5), found.variance, found.weights, strict=True
    ):
        assert weights.min() >= 0 and weights.sum() == pytest.approx(1, abs=1e-12)
        assert weights @ mean >= target - 1e-10
        w = cp.Variable(n, nonneg=True)
        problem = cp.Problem(cp.Minimize(cp.quad_form(w, cov)), [cp.sum(w) == 1, mean @ w >= target])
        assert variance == pytest.approx(problem.solve(solver=cp.CLARABEL), rel=1e-5, abs=1e-9)


def test_two_assets_by_hand() -> None:
    found = frontier([0.1, 0.0], np.diag([4.0, 1.0]), [0.1, 0.05, 0.02, -1.0])
    # least variance: a fifth in the first; a target below its mean changes nothing
    assert found.weights == pytest.approx(np.array([[1, 0], [0.5, 0.5], [0.2, 0.8], [0.2, 0.8]]))
    assert found.variance == pytest.approx([4, 1.25, 0.8, 0.8])


def test_assets_that_share_the_highest_mean_are_mixed() -> None:
    found = frontier([1.0, 1.0, 0.0], np.diag([1.0, 3.0, 0.1]), [1.0])
    assert found.weights == pytest.approx(np.array([[0.75, 0.25, 0]]))


def test_one_asset_and_equal_means() -> None:
    assert frontier([0.2], [[0.5]], [0.1, 0.2]).weights.tolist() == [[1.0], [1.0]]
    found = frontier([1.0, 1.0], np.diag([1.0, 3.0]), [1.0, 0.5])
    assert found.weights == pytest.approx(np.array([[0.75, 0.25]] * 2))


@pytest.mark.parametrize(
    ("mean", "cov", "targets", "said"),
    [
        ([1.0, 2.0], np.eye(3), [1.0], "as many rows"),
        ([1.0, 2.0], np.ones((2, 2)), [1.0], "positive definite"),
        ([1.0, 2.0], [[1.0, 0.5], [0.2, 1.0]], [1.0], "symmetric"),
        ([1.0, 2.0], np.eye(2), [2.1], "above that of every asset"),
        ([1.0, np.nan], np.eye(2), [1.0], "must be a number"),
    ],
)
def test_what_cannot_be_is_refused(mean: object, cov: object, targets: object, said: str) -> None:
    with pytest.raises(PortfolioError, match=said):
        frontier(mean, cov, targets)  # type: ignore[arg-type]
