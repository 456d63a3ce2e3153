"""The optimisers behind a model portfolio: skfolio's where it has one, cvxpy where it does not or fails.

Everything is brought to the scale of the ceiling first: deviations of a day are so small that solvers take
them for rounding. Sources: Markowitz 1952; Rockafellar and Uryasev 2000 (CVaR).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import StrEnum
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quanke.kernel.errors import PortfolioError
from quanke.wealth.portfolios.assets import Asset
from quanke.wealth.portfolios.estimating import Estimate
from quanke.wealth.portfolios.limits import Limits

Floats = NDArray[np.float64]
PPM = 1_000_000
NORMAL_CVAR = 2.0627
"""CVaR at 95 % of a normal variable, in deviations."""
HOLDING_YEARS = 3
"""Costs of buying and selling are spread over so many years."""


class PortfolioMethod(StrEnum):
    """What a class's portfolio is: the highest mean under a ceiling on the deviation, the same with one on
    CVaR beside it, or equal parts of risk up to the ceiling."""

    MEAN_RISK = "mean_risk"
    CVAR = "cvar"
    RISK_BUDGET = "risk_budget"


Way = tuple[str, Callable[[], Floats]]


def ways(
    method: PortfolioMethod, estimate: Estimate, limits: Limits, assets: Sequence[Asset], periods: int
) -> list[Way]:
    """The ways to a class's portfolio, in the order they are tried."""
    cost = np.array([a.buy_cost + a.sell_cost for a in assets]) / PPM / (HOLDING_YEARS * periods)
    made: dict[PortfolioMethod, Callable[[], Floats]] = {
        PortfolioMethod.CVAR: lambda: mean_risk(estimate, limits, cost, cvar=True),
        PortfolioMethod.RISK_BUDGET: lambda: risk_budget(estimate, limits),
        PortfolioMethod.MEAN_RISK: lambda: mean_risk(estimate, limits, cost),
    }
    asked = dict.fromkeys((method, PortfolioMethod.MEAN_RISK))
    found: list[Way] = [(str(way), _checked(made[way], limits)) for way in asked]
    return [
        *found,
        ("mean_risk by cvxpy", _checked(lambda: by_cvxpy(estimate, limits, cost), limits)),
        ("least_risk", _checked(lambda: least_risk(estimate, limits), limits)),
    ]


def safest_ways(estimate: Estimate, limits: Limits) -> list[Way]:
    """The ways to the least risk a class can have."""
    still = replace(estimate, mean=np.zeros_like(estimate.mean))
    return [
        ("least_risk", lambda: least_risk(estimate, limits)),
        # under a ceiling no portfolio passes, anything that keeps it is safe enough
        ("least_risk by cvxpy", lambda: by_cvxpy(still, limits, np.zeros(len(estimate.mean)))),
    ]


def _checked(way: Callable[[], Floats], limits: Limits) -> Callable[[], Floats]:
    def tried() -> Floats:
        weights = np.asarray(way(), np.float64)
        if not np.isfinite(weights).all() or not limits.kept(weights, 1e-5):
            raise PortfolioError("the solver's weights do not keep the limits")
        clean = np.where(limits.suitable, np.maximum(weights, 0.0), 0.0)
        found: Floats = clean / clean.sum()
        return found

    return tried


def _scale(estimate: Estimate, limits: Limits) -> float:
    usual = float(np.sqrt(np.diag(estimate.cov)).mean())
    return 1 / (limits.ceiling or usual)


def _frame(estimate: Estimate, limits: Limits, scale: float) -> dict[str, Any]:
    """What skfolio's optimisers are told about moments and limits."""
    from quanke.wealth.portfolios.fixed_prior import FixedPrior

    some = limits.suitable.astype(np.float64)
    told: dict[str, Any] = {
        "prior_estimator": FixedPrior(estimate.mean * scale, estimate.cov * scale**2),
        "min_weights": 0.0,
        "max_weights": some,
        "raise_on_failure": True,
    }
    if len(limits.right):
        told |= {"left_inequality": limits.left, "right_inequality": limits.right}
    return told


def _fitted(model: Any, returns: Floats) -> Floats:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = model.fit(returns)
    return np.asarray(found.weights_, np.float64).reshape(-1)


def mean_risk(estimate: Estimate, limits: Limits, cost: Floats, cvar: bool = False) -> Floats:
    """The highest mean after costs (a share a period, n) under all limits; with `cvar` also under the CVaR
    that a normal portfolio at the ceiling would have."""
    from skfolio import RiskMeasure
    from skfolio.optimization import MeanRisk, ObjectiveFunction

    scale = _scale(estimate, limits)
    told = _frame(estimate, limits, scale)
    if limits.ceiling is not None:
        told["max_variance"] = (limits.ceiling * scale) ** 2
        if cvar:
            told["max_cvar"] = NORMAL_CVAR * limits.ceiling * scale
    if cost.any():
        told["transaction_costs"] = cost * scale
    if limits.previous is not None:
        told["previous_weights"] = limits.previous
        if limits.turnover is not None:
            # skfolio caps each asset's move; the whole is one row more, written for cvxpy
            told["add_constraints"] = _turnover(limits)
    model = MeanRisk(
        objective_function=ObjectiveFunction.MAXIMIZE_RETURN,
        risk_measure=RiskMeasure.CVAR if cvar else RiskMeasure.VARIANCE,
        **told,
    )
    return _fitted(model, estimate.returns * scale)


def _turnover(limits: Limits) -> Callable[[Any], list[Any]]:
    cp: Any = import_module("cvxpy")

    def kept(weights: Any) -> list[Any]:
        return [cp.norm1(weights - limits.previous) / 2 <= limits.turnover]

    return kept


def least_risk(estimate: Estimate, limits: Limits) -> Floats:
    """The portfolio of least deviation that keeps the limits, whatever the ceiling."""
    from skfolio import RiskMeasure
    from skfolio.optimization import MeanRisk, ObjectiveFunction

    free = limits.without_ceiling()
    told = _frame(estimate, free, _scale(estimate, free))
    if limits.previous is not None and limits.turnover is not None:
        told["add_constraints"] = _turnover(limits)
    model = MeanRisk(
        objective_function=ObjectiveFunction.MINIMIZE_RISK, risk_measure=RiskMeasure.VARIANCE, **told
    )
    return _fitted(model, estimate.returns * _scale(estimate, free))


def risk_budget(estimate: Estimate, limits: Limits) -> Floats:
    """Equal parts of risk over what is suitable and moves, up to the ceiling, as near as the limits allow;
    what hardly moves takes the rest.

    skfolio finds the mix whose parts are equal; how much of it is held, beside what is certain and under all
    limits, is written for cvxpy: the deviation less a price on the mean logarithm of the weights is least. At
    the price taken every part bears the same, unless a limit binds. Sources: Maillard, Roncalli and Teiletche
    2010; Richard and Roncalli 2019, "Constrained Risk Budgeting Portfolios".
    """
    cp: Any = import_module("cvxpy")
    deviations = np.sqrt(np.diag(estimate.cov))
    # beside what hardly moves, equal parts of risk would be that alone
    moves = limits.suitable & (deviations > deviations[limits.suitable].max() / 100) & ~_shut(limits)
    some = np.flatnonzero(moves)
    if not len(some):
        raise PortfolioError("the limits leave nothing that moves")
    mix = _equal_parts(estimate, some)
    rest = least_share(limits.without_ceiling(), (~moves).astype(np.float64))
    whole = (1 - rest) * float(mix @ estimate.cov @ mix) ** 0.5
    taken = whole if limits.ceiling is None else min(limits.ceiling, whole)
    weights = cp.Variable(len(moves), nonneg=True)
    root = np.linalg.cholesky(estimate.cov).T / taken
    cost = cp.norm(root @ weights) - cp.sum(cp.log(weights[some])) / len(some)
    problem = cp.Problem(cp.Minimize(cost), _kept(cp, weights, limits, estimate.cov))
    problem.solve(solver=cp.CLARABEL)
    if weights.value is None:
        raise PortfolioError(f"the solver ended as {problem.status}")
    return np.asarray(weights.value, np.float64)


def _equal_parts(estimate: Estimate, some: NDArray[np.int64]) -> Floats:
    """The mix (n,) of some assets in which each bears the same part of the deviation."""
    from skfolio import RiskMeasure
    from skfolio.optimization import RiskBudgeting

    from quanke.wealth.portfolios.fixed_prior import FixedPrior

    mix = np.zeros(len(estimate.mean))
    scale = 1 / float(np.sqrt(np.diag(estimate.cov))[some].mean())
    prior = FixedPrior(estimate.mean[some] * scale, estimate.cov[np.ix_(some, some)] * scale**2)
    model = RiskBudgeting(risk_measure=RiskMeasure.VARIANCE, prior_estimator=prior)
    mix[some] = 1.0 if len(some) == 1 else _fitted(model, estimate.returns[:, some] * scale)
    return mix


def _shut(limits: Limits) -> NDArray[np.bool_]:
    """Assets that a limit keeps at nothing: there is no logarithm of their weight."""
    none = (limits.left >= 0).all(axis=1) & (limits.right <= 1e-9)
    return np.asarray((limits.left[none] > 0).any(axis=0), np.bool_)


def least_share(limits: Limits, row: Floats) -> float:
    """The least `row @ weights` of any portfolio that keeps the limits."""
    cp: Any = import_module("cvxpy")
    weights = cp.Variable(len(row), nonneg=True)
    problem = cp.Problem(cp.Minimize(row @ weights), _kept(cp, weights, limits, limits.cov))
    problem.solve(solver=cp.CLARABEL)
    if weights.value is None:
        raise PortfolioError(f"the solver ended as {problem.status}")
    return float(row @ np.asarray(weights.value, np.float64))


def _kept(cp: Any, weights: Any, limits: Limits, cov: Floats) -> list[Any]:
    """All limits, as cvxpy's constraints."""
    kept: list[Any] = [cp.sum(weights) == 1, weights <= limits.suitable.astype(np.float64)]
    if len(limits.right):
        kept.append(limits.left @ weights <= limits.right)
    if limits.ceiling is not None:
        root = np.linalg.cholesky(cov).T / limits.ceiling
        kept.append(cp.norm(root @ weights) <= 1)
    if limits.previous is not None and limits.turnover is not None:
        kept.append(cp.norm1(weights - limits.previous) / 2 <= limits.turnover)
    return kept


def by_cvxpy(estimate: Estimate, limits: Limits, cost: Floats) -> Floats:
    """The highest mean under all limits, written directly for cvxpy."""
    cp: Any = import_module("cvxpy")

    weights = cp.Variable(len(estimate.mean), nonneg=True)
    scale = _scale(estimate, limits)
    kept = _kept(cp, weights, limits, estimate.cov)
    before = np.zeros(len(cost)) if limits.previous is None else limits.previous
    gain = (estimate.mean * scale) @ weights - (cost * scale) @ cp.abs(weights - before)
    problem = cp.Problem(cp.Maximize(gain), kept)
    problem.solve(solver=cp.CLARABEL)
    if weights.value is None:
        raise PortfolioError(f"the solver ended as {problem.status}")
    return np.asarray(weights.value, np.float64)
