"""Limits of one risk class as rows of numbers, with their names; and why they cannot be kept together.

Shares are not below 0, sum to 1, and are 0 of what is not suitable: that never gives way. All else has a name
and can. A contradiction is told as a smallest set of names that contradicts itself (deletion filter, Chinneck
2008), and the least relaxation, by cvxpy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quanke.kernel.errors import PortfolioError
from quanke.wealth.portfolios.assets import Asset, ShareLimit

Floats = NDArray[np.float64]
TOLERANCE = 1e-7


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """Rows `left @ weights <= right` (m, n) with `names`; `suitable` (n,); a ceiling on the deviation of a
    period under `ceiling_name` (`periods` make a year), and a cap on what is moved from `previous`."""

    names: tuple[str, ...]
    left: Floats
    right: Floats
    suitable: NDArray[np.bool_]
    cov: Floats
    ceiling: float | None = None
    ceiling_name: str = ""
    periods: int = 1
    previous: Floats | None = None
    turnover: float | None = None
    turnover_name: str = "turnover"

    def plus(self, name: str, row: Floats, most: float) -> Limits:
        """The same with one more row."""
        return replace(
            self,
            names=(*self.names, name),
            left=np.vstack([self.left, row]),
            right=np.append(self.right, most),
        )

    def without_ceiling(self) -> Limits:
        """The same with any deviation."""
        return replace(self, ceiling=None)

    def kept(self, weights: Floats, tolerance: float = 1e-6) -> bool:
        """Whether weights keep every one of them."""
        if (weights < -tolerance).any() or abs(weights.sum() - 1) > tolerance:
            return False
        if (weights[~self.suitable] > tolerance).any() or (
            self.left @ weights > self.right + tolerance
        ).any():
            return False
        if self.turnover is not None and self.previous is not None:
            moved = float(np.abs(weights - self.previous).sum()) / 2
            if moved > self.turnover + tolerance:
                return False
        return self.ceiling is None or deviation(weights, self.cov) <= self.ceiling * (1 + 10 * tolerance)

    def every_name(self) -> list[str]:
        """Names of all that can give way."""
        more = [self.ceiling_name] if self.ceiling is not None else []
        more += [self.turnover_name] if self.turnover is not None and self.previous is not None else []
        return [*self.names, *more]


def deviation(weights: Floats, cov: Floats) -> float:
    """The deviation of a period."""
    return float(max(float(weights @ cov @ weights), 0.0) ** 0.5)


def limits_of(
    risk_class: int, assets: Sequence[Asset], share_limits: Iterable[ShareLimit], cov: Floats
) -> Limits:
    """The limits of a risk class, without ceiling and turnover. PortfolioError where nothing suits it, or a
    limit names an asset there is not."""
    names = [asset.name for asset in assets]
    suitable = np.array([asset.risk <= risk_class for asset in assets])
    if not suitable.any():
        raise PortfolioError(f"C{risk_class}: no asset suits this class, so it can have no model")
    found = Limits((), np.zeros((0, len(names))), np.zeros(0), suitable, cov)
    for column, asset in enumerate(assets):
        if asset.at_most < 1 and suitable[column]:
            found = found.plus(f"cap of {asset.name}", _unit([column], len(names)), asset.at_most)
    for limit in share_limits:
        unknown = [name for name in limit.assets if name not in names]
        if unknown:
            raise PortfolioError(f"limit {limit.name!r}: there is no asset {unknown[0]!r}")
        if risk_class not in limit.only:
            continue
        row = _unit([names.index(name) for name in limit.assets], len(names))
        if limit.at_most < 1:
            found = found.plus(f"{limit.name}, at most", row, limit.at_most)
        if limit.at_least > 0:
            found = found.plus(f"{limit.name}, at least", -row, -limit.at_least)
    return found


def _unit(columns: Sequence[int], size: int) -> Floats:
    row = np.zeros(size)
    row[list(columns)] = 1.0
    return row


def refuse_contradiction(risk_class: int, limits: Limits) -> None:
    """Raises PortfolioError, with the names that contradict each other and the least relaxation, where no
    portfolio keeps all limits."""
    every = limits.every_name()
    ways = _relaxation(limits, frozenset(every))
    if not ways:
        return
    conflict = list(every)
    for name in every:
        fewer = frozenset(n for n in conflict if n != name)
        if _relaxation(limits, fewer):
            conflict = [n for n in conflict if n in fewer]
    told = ", ".join(f"{name!r} by {_points(by)}" for name, by in ways)
    raise PortfolioError(
        f"C{risk_class}: the limits contradict each other: {', '.join(repr(n) for n in conflict)} cannot be "
        f"kept together by what suits the class; the nearest way out is to relax {told}",
        tuple(conflict),
        tuple(ways),
    )


def _points(share: float) -> str:
    return f"{share * 100:.4g} %"


def _relaxation(limits: Limits, asked: frozenset[str]) -> list[tuple[str, float]]:
    """By how much the limits asked have to give at least, in all; [] where they need not."""
    cp: Any = import_module("cvxpy")  # its stubs do not know its functions
    n, suitable = len(limits.suitable), limits.suitable
    weights = cp.Variable(n, nonneg=True)
    kept: list[Any] = [cp.sum(weights) == 1]
    if (~suitable).any():
        kept.append(weights[np.flatnonzero(~suitable)] == 0)
    rows = np.array([name in asked for name in limits.names], np.bool_)
    gives: list[tuple[str, Any]] = []
    if rows.any():
        slack = cp.Variable(int(rows.sum()), nonneg=True)
        kept.append(limits.left[rows] @ weights <= limits.right[rows] + slack)
        gives += [(name, slack[i]) for i, name in enumerate(n for n in limits.names if n in asked)]
    # deviations are far smaller numbers than shares: they are brought to the ceiling's own scale
    if limits.ceiling is not None and limits.ceiling_name in asked:
        over = cp.Variable(nonneg=True)
        root = np.linalg.cholesky(limits.cov).T / limits.ceiling
        kept.append(cp.norm(root @ weights) <= 1 + over)
        gives.append((limits.ceiling_name, over))
    if limits.turnover is not None and limits.previous is not None and limits.turnover_name in asked:
        moved = cp.Variable(nonneg=True)
        kept.append(cp.norm1(weights - limits.previous) / 2 <= limits.turnover + moved)
        gives.append((limits.turnover_name, moved))
    if not gives:
        return []
    problem = cp.Problem(cp.Minimize(sum(slack for _, slack in gives)), kept)
    problem.solve(solver=cp.CLARABEL)
    if problem.status not in ("optimal", "optimal_inaccurate"):
        raise PortfolioError(f"limits: the solver ended as {problem.status}")
    if problem.value <= 1e-6:
        return []
    found = [(name, float(slack.value)) for name, slack in gives if float(slack.value) > TOLERANCE]
    # the ceiling gives by a share of itself: told as volatility of a year
    year = (limits.ceiling or 0.0) * limits.periods**0.5
    return [(n, by * year if n == limits.ceiling_name else by) for n, by in found]
