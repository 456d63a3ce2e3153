"""Model portfolios of the five risk classes, in scikit-learn's manner: fit on returns; weights and card."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from quanke.kernel.errors import PortfolioError
from quanke.wealth.portfolios.assets import (
    RISK_CLASSES,
    STANDARD_ASSETS,
    STANDARD_LIMITS,
    Asset,
    ShareLimit,
)
from quanke.wealth.portfolios.card import card_of
from quanke.wealth.portfolios.estimating import CovarianceMethod, Estimate, MeanMethod, estimated
from quanke.wealth.portfolios.fallbacks import Fallback, first_that_works
from quanke.wealth.portfolios.house_view import HouseView
from quanke.wealth.portfolios.limits import Limits, limits_of, refuse_contradiction
from quanke.wealth.portfolios.ordering import RiskMeasures, ordered
from quanke.wealth.portfolios.rounding import POINTS, rounded
from quanke.wealth.portfolios.settings import STANDARD_STEP, STANDARD_VOLATILITY
from quanke.wealth.portfolios.solving import PortfolioMethod, least_share, safest_ways, ways

Floats = NDArray[np.float64]
FORMAT = 1


class ModelPortfolios(BaseEstimator):  # type: ignore[misc]
    """One portfolio for each risk class C1..C5 over the same assets, riskier from class to class.

    Parameters
    ----------
    assets : what shares are held of, in the order of the weights.
    limits : caps and minima beside the assets' own caps (`caps_by` makes them per product, issuer, class).
    method : `mean_risk`, `cvar` or `risk_budget`.
    covariance : `ledoit_wolf`, `gerber`, `denoised` or `sample`.
    mean : `equilibrium`, `shrunk` or `historical`.
    views : the house view (Black-Litterman), or None.
    volatility : five ceilings on the volatility of a year, each above the one before.
    step : by so much the share free of risk falls at least from class to class, below C1.
    previous, turnover : weights (5, n) before, and the largest share of a portfolio that may be moved.
    periods : of the returns, in a year. risk_aversion : of the market, for equilibrium means.

    Attributes after `fit`
    ----------------------
    weights_ : (5, n), row k - 1 of class Ck: whole basis points that sum to 1, 0 of what is not suitable.
    fallbacks_ : what failed, why, what was used. methods_ : what each class's portfolio was made by.
    card_ : past figures of each class. feature_names_in_, n_features_in_ : the assets.

    A contradiction of limits raises PortfolioError with the limits that contradict each other and the least
    relaxation. The same input gives the same weights: nothing is drawn at random.
    """

    def __init__(
        self,
        assets: Sequence[Asset] = STANDARD_ASSETS,
        limits: Sequence[ShareLimit] = STANDARD_LIMITS,
        *,
        method: str = "mean_risk",
        covariance: str = "ledoit_wolf",
        mean: str = "equilibrium",
        views: HouseView | None = None,
        volatility: Sequence[float] = STANDARD_VOLATILITY,
        step: float = STANDARD_STEP,
        previous: ArrayLike | None = None,
        turnover: float | None = None,
        periods: int = 252,
        risk_aversion: float = 3.0,
    ) -> None:
        self.assets = assets
        self.limits = limits
        self.method = method
        self.covariance = covariance
        self.mean = mean
        self.views = views
        self.volatility = volatility
        self.step = step
        self.previous = previous
        self.turnover = turnover
        self.periods = periods
        self.risk_aversion = risk_aversion

    def fit(self, X: Any, y: None = None) -> ModelPortfolios:
        """Find the portfolios. `X`: simple returns (t, n), an Arrow table or data frame with the assets'
        names (further columns are left out), or an array in the assets' order."""
        assets = tuple(self.assets)
        self._refuse(assets)
        returns = returns_of(X, [a.name for a in assets])
        told: list[Fallback] = []
        estimate = estimated(
            returns, assets, self.periods, self.covariance, self.mean, self.views, self.risk_aversion, told
        )
        before = None if self.previous is None else np.asarray(self.previous, np.float64)
        found, least, every, methods = self._solved(estimate, assets, before, told)
        free = np.array([a.risk_free for a in assets])
        measures = RiskMeasures(estimate.cov, returns, max(self.periods // 12, 1), free)
        self.weights_ = np.array(ordered(found, least, every, measures, told))
        self.fallbacks_ = told
        self.methods_ = methods
        self.mean_, self.covariance_ = estimate.mean, estimate.cov
        self.n_features_in_ = len(assets)
        self.feature_names_in_ = np.array([a.name for a in assets], dtype=object)
        self.card_ = card_of(self.weights_, estimate, assets, self.periods, before)
        return self

    def predict(self, risk_class: ArrayLike) -> Floats:
        """The weights (m, n) of customers by their class 1..5."""
        classes = np.asarray(risk_class, np.int64)
        if ((classes < 1) | (classes > 5)).any():
            raise PortfolioError("risk_class: 1 to 5; who has no valid class has no model portfolio")
        found: Floats = self.weights_[classes - 1]
        return found

    def to_text(self) -> str:
        """Everything as JSON; `from_text` gives the same back."""
        sheet = {
            "format": FORMAT,
            "assets": [asdict(a) for a in self.assets],
            "limits": [asdict(x) for x in self.limits],
            "parameters": self._parameters(),
            "views": None if self.views is None else self.views.sheet(),
            "basis_points": [[float(w) for w in row * POINTS] for row in self.weights_],
            "methods": self.methods_,
            "fallbacks": [f.sheet() for f in self.fallbacks_],
            "mean": self.mean_.tolist(),
            "covariance": self.covariance_.tolist(),
            "card": self.card_,
        }
        return json.dumps(sheet, ensure_ascii=False, indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_text(cls, text: str) -> ModelPortfolios:
        """Back from `to_text`. PortfolioError where it is of another format."""
        try:
            sheet: dict[str, Any] = json.loads(text)
        except ValueError:
            raise PortfolioError("model portfolios: this is not JSON") from None
        if not isinstance(sheet, dict) or sheet.get("format") != FORMAT:
            raise PortfolioError(f"model portfolios: format {FORMAT} is expected")
        assets = tuple(Asset(**a) for a in sheet["assets"])
        limits = tuple(
            ShareLimit(**{**x, "assets": tuple(x["assets"]), "only": tuple(x["only"])})
            for x in sheet["limits"]
        )
        views = None if sheet["views"] is None else HouseView.from_sheet(sheet["views"])
        made = cls(assets, limits, views=views, **_taken(sheet["parameters"]))
        made.weights_ = np.round(np.array(sheet["basis_points"]), 9) / POINTS
        made.fallbacks_ = [Fallback(**f) for f in sheet["fallbacks"]]
        made.methods_, made.card_ = sheet["methods"], sheet["card"]
        made.mean_, made.covariance_ = np.array(sheet["mean"]), np.array(sheet["covariance"])
        made.n_features_in_ = len(assets)
        made.feature_names_in_ = np.array([a.name for a in assets], dtype=object)
        return made

    def _parameters(self) -> dict[str, Any]:
        names = ("method", "covariance", "mean", "step", "turnover", "periods", "risk_aversion")
        told = {name: getattr(self, name) for name in names}
        before = None if self.previous is None else np.asarray(self.previous, np.float64).tolist()
        return {**told, "volatility": list(self.volatility), "previous": before}

    def _refuse(self, assets: tuple[Asset, ...]) -> None:
        """Raise for parameters that cannot be."""
        if len({a.name for a in assets}) != len(assets) or not assets:
            raise PortfolioError("assets: at least one, each name once")
        if len(self.volatility) != 5 or not all(a < b for a, b in pairwise([0.0, *self.volatility])):
            raise PortfolioError("volatility: five ceilings above 0, each above the one before")
        for given, known in (
            (self.method, PortfolioMethod), (self.covariance, CovarianceMethod), (self.mean, MeanMethod),
        ):  # fmt: skip
            if given not in list(known):
                raise PortfolioError(f"{given!r} is none of {', '.join(known)}")
        if not 0 <= self.step <= 0.25 or self.periods < 1 or self.risk_aversion < 0:
            raise PortfolioError("step is a share up to 0.25, periods at least 1, risk_aversion not below 0")
        if self.previous is not None and np.shape(self.previous) != (5, len(assets)):
            raise PortfolioError("previous: five rows, one share an asset")
        if self.turnover is not None and (self.previous is None or not 0 <= self.turnover <= 1):
            raise PortfolioError("turnover: a share of the portfolio, beside `previous`")

    def _solved(
        self, estimate: Estimate, assets: tuple[Asset, ...], before: Floats | None, told: list[Fallback]
    ) -> tuple[list[Floats], list[Floats], list[Limits], dict[str, str]]:
        """Portfolios of C1..C5, the least risk of each, its limits, and what each was made by."""
        found: list[Floats] = []
        least: list[Floats] = []
        methods: dict[str, str] = {}
        free = np.array([float(a.risk_free) for a in assets])
        every = [self._limits(k, estimate, assets, before) for k in RISK_CLASSES]
        for k, limits in zip(RISK_CLASSES, every, strict=True):
            refuse_contradiction(k, limits)
        floors, steps = self._floors(every, free, told)
        for k in RISK_CLASSES:
            limits = every[k - 1]
            if free.any():
                limits = limits.plus(f"room for the classes above C{k}", -free, -floors[k - 1])
                if found:
                    most = float(free @ found[-1]) - steps[k - 2]
                    limits = limits.plus(f"C{k} holds less free of risk than C{k - 1}", free, most)
                refuse_contradiction(k, limits)
            every[k - 1] = limits
            tried = ways(PortfolioMethod(self.method), estimate, limits, assets, self.periods)
            methods[f"C{k}"], weights = first_that_works(f"C{k}", tried, told)
            safest = first_that_works(f"C{k}", safest_ways(estimate, limits), told)[1]
            found.append(self._whole_points(weights, safest, limits, k, told))
            least.append(safest)
        return found, least, every, methods

    def _floors(
        self, every: Sequence[Limits], free: Floats, told: list[Fallback]
    ) -> tuple[list[float], list[float]]:
        """The least share free of risk each class keeps so that those above it can have less, and by how much
        it falls from each class to the next: by `step`, or what the limits leave room for, which is told."""
        floors = [least_share(limits, free) for limits in every]
        steps = [self.step] * (len(floors) - 1)
        for k in range(len(floors) - 2, -1, -1):
            wanted = max(floors[k], floors[k + 1] + self.step)
            room = -least_share(every[k], -free)
            if wanted > room + 1e-7:
                steps[k] = max(room - floors[k + 1], 0.0)
                told.append(
                    Fallback(
                        f"C{k + 2}",
                        f"free of risk falls by {self.step:.2%}",
                        f"what suits C{k + 1} and its limits leave no room for it",
                        f"falls by {steps[k]:.2%} or more",
                    )
                )
            floors[k] = min(wanted, room)
        # solvers leave a little
        return [max(floor - 1e-6, 0.0) for floor in floors], [max(step - 1e-6, 0.0) for step in steps]

    def _limits(self, k: int, estimate: Estimate, assets: tuple[Asset, ...], before: Floats | None) -> Limits:
        limits = limits_of(k, assets, self.limits, estimate.cov)
        return replace(
            limits,
            ceiling=float(self.volatility[k - 1]) / float(np.sqrt(self.periods)),
            ceiling_name=f"volatility of C{k}",
            periods=self.periods,
            previous=None if before is None else before[k - 1],
            turnover=self.turnover,
        )

    def _whole_points(
        self, weights: Floats, safest: Floats, limits: Limits, k: int, told: list[Fallback]
    ) -> Floats:
        """Whole basis points; a little nearer to the least risk where rounding would pass the ceiling."""
        for share in (0.0, 0.001, 0.002, 0.005, 0.01, 0.02):
            made = rounded((1 - share) * weights + share * safest, limits)
            if limits.kept(made):
                return made
        told.append(Fallback(f"C{k}", "whole basis points", "they break a limit", "as optimised"))
        return weights


def _taken(parameters: Mapping[str, Any]) -> dict[str, Any]:
    before = parameters["previous"]
    return {
        **parameters,
        "volatility": tuple(parameters["volatility"]),
        "previous": None if before is None else np.array(before),
    }


def returns_of(table: Any, names: Sequence[str]) -> Floats:
    """Returns (t, n) of the assets named, from an Arrow table, a data frame or an array in their order."""
    columns = getattr(table, "column_names", None) or getattr(table, "columns", None)
    if columns is None:
        found = np.asarray(table, np.float64)
    else:
        missing = [name for name in names if name not in list(columns)]
        if missing:
            raise PortfolioError(f"returns: there is no column {missing[0]!r}")
        found = np.column_stack([np.asarray(table[name], np.float64) for name in names])
    if found.ndim != 2 or found.shape[1] != len(names):
        raise PortfolioError("returns: periods x assets, one column an asset")
    if not np.isfinite(found).all() or (found <= -1).any():
        raise PortfolioError("returns: every value is a number above -1")
    return found
