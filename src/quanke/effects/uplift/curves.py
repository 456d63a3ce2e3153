"""Qini and uplift curves of a score on customers who were treated or not, with intervals.

Customers are ordered by score, the highest first. Customers with one score are one step: no order among them
is known, so none counts. After each step stand n treated and m untreated customers with outcomes Y and Z:

- Qini curve: Y - Z x n / m, what the treatment added to the treated ones (Radcliffe 2007);
- uplift curve: (Y / n - Z / m) x (n + m), the difference of means over all of them.

A term without customers to divide by is 0. The area is taken by trapezoids over the number of customers, less
that of the straight line to the last point. Where the outcome is 0 or 1 it is divided by the area of the
best curve that any score could have (treated who acted first, untreated who acted last; Devriendt et al.
2020), so 1 is perfect and 0 is chance: the definition of scikit-uplift's `qini_auc_score`
(`negative_effect=True`) and `uplift_auc_score`, to which both are equal. Other outcomes have no best curve;
there the area stands per customer, in units of y: for `auuc` the mean over all shares of how much more a
customer brings in if the best so many are treated by the score than by lot; for `qini` the same counted on
the treated share.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quanke.effects.uplift.arms import Bools, Floats, experiment_of, is_binary, level_of
from quanke.effects.uplift.folds import by_group, groups_of


@dataclass(frozen=True, slots=True)
class RankedGain:
    """Area under a curve of ranked customers, with its standard error and interval. `normalised`: whether 1
    is the best any score could reach. `customers`, `gains`: the points of the curve, from (0, 0)."""

    value: float
    low: float
    high: float
    se: float
    level: float
    normalised: bool
    customers: NDArray[np.int64]
    gains: Floats

    def __float__(self) -> float:
        return self.value


class Qini(RankedGain):
    """Area between the Qini curve and chance."""

    __slots__ = ()


class Auuc(RankedGain):
    """Area between the uplift curve and chance."""

    __slots__ = ()


def qini(y: Any, treated: Any, score: Any, *, level: float = 0.95, groups: Any = None) -> Qini:
    """Qini coefficient of a score (n,) for outcomes y (n,) and arms treated (n,): see the module for the
    definition. The score counts as given: what chose it must not have seen these customers.

    The interval is normal, its standard error the infinitesimal jackknife within each arm (Jaeckel 1972;
    Efron 1982): what the bootstrap of customers within arms comes to, without its draws. `groups`: (n,) whose
    row each is, where customers have several: rows of a customer move together. Raises EffectError for arrays
    that do not fit."""
    return Qini(*_ranked(y, treated, score, _QINI, level, groups))


def auuc(y: Any, treated: Any, score: Any, *, level: float = 0.95, groups: Any = None) -> Auuc:
    """Area under the uplift curve, less chance; arguments and interval as for `qini`."""
    return Auuc(*_ranked(y, treated, score, _UPLIFT, level, groups))


@dataclass(frozen=True, slots=True)
class _Steps:
    """Running totals after each step: treated, untreated, and the sums of their outcomes."""

    n: Floats
    m: Floats
    y: Floats
    z: Floats


@dataclass(frozen=True, slots=True)
class _Curve:
    """Height of a curve after each step, and how it moves with n, m, y and z. `best`: blocks of (treated,
    outcome) in the order no score can better; from the counts of those four."""

    height: Callable[[_Steps], Floats]
    slopes: Callable[[_Steps], tuple[Floats, Floats, Floats, Floats]]
    best: Callable[[Floats], tuple[tuple[tuple[int, int], ...], ...]]


def _ranked(
    y: Any, treated: Any, score: Any, curve: _Curve, level: float, groups: Any
) -> tuple[float, float, float, float, float, bool, NDArray[np.int64], Floats]:
    outcome, arm, ranked = experiment_of(y, treated, score)
    level = level_of(level)
    own = groups_of(groups, len(outcome))
    _, step = np.unique(-ranked, return_inverse=True)
    steps = _steps(outcome, arm, step)
    area, moved = _area(steps, outcome, arm, step, curve)
    binary = is_binary(outcome)
    if binary:
        placed = _best_places(outcome, arm, curve)
        best, best_moved = _area(_steps(outcome, arm, placed), outcome, arm, placed, curve)
        value = area / best if best > 0 else 0.0
        moved = (moved - value * best_moved) / best if best > 0 else np.zeros_like(moved)
    else:
        value, moved = area / len(outcome) ** 2, moved / len(outcome) ** 2
    within = moved - np.where(arm, moved[arm].mean(), moved[~arm].mean())
    se = float(np.sqrt((by_group(within, own) ** 2).sum()))
    reach = NormalDist().inv_cdf((1 + level) / 2) * se
    customers = np.r_[0, steps.n + steps.m].astype(np.int64)
    return value, value - reach, value + reach, se, level, binary, customers, np.r_[0.0, curve.height(steps)]


def _steps(outcome: Floats, arm: Bools, step: NDArray[np.intp]) -> _Steps:
    """Running totals over customers by the step they stand on (0 first)."""
    count = int(step.max()) + 1

    def running(weights: Floats) -> Floats:
        return np.asarray(np.cumsum(np.bincount(step, weights, minlength=count)), np.float64)

    on = arm.astype(np.float64)
    return _Steps(running(on), running(1 - on), running(on * outcome), running((1 - on) * outcome))


def _area(
    steps: _Steps, outcome: Floats, arm: Bools, step: NDArray[np.intp], curve: _Curve
) -> tuple[float, Floats]:
    """Area between a curve and the straight line to its end, and how it moves with the weight of each
    customer (n,)."""
    x, h = np.r_[0.0, steps.n + steps.m], np.r_[0.0, curve.height(steps)]
    area = float((np.diff(x) * (h[1:] + h[:-1])).sum() / 2 - x[-1] * h[-1] / 2)
    # how the area moves with the reach and the height of each step
    by_x = np.r_[(h[:-2] - h[2:]) / 2, h[-2] / 2]
    by_h = np.r_[(x[2:] - x[:-2]) / 2, -x[-2] / 2]
    by_n, by_m, by_y, by_z = curve.slopes(steps)

    def from_here_on(moves: Floats) -> Floats:
        return np.asarray(np.cumsum(moves[::-1])[::-1][step], np.float64)

    on = from_here_on(by_x + by_h * by_n) + outcome * from_here_on(by_h * by_y)
    off = from_here_on(by_x + by_h * by_m) + outcome * from_here_on(by_h * by_z)
    return area, np.where(arm, on, off)


def _best_places(outcome: Floats, arm: Bools, curve: _Curve) -> NDArray[np.intp]:
    """Steps of the customers in the order that no score can better (n,)."""
    kind = arm * 2 + (outcome == 1)
    blocks = curve.best(np.bincount(kind, minlength=4).astype(np.float64))
    place = np.zeros(4, np.intp)
    for at, block in enumerate(blocks):
        for treated, acted in block:
            place[treated * 2 + acted] = at
    return np.asarray(np.unique(place[kind], return_inverse=True)[1], np.intp)


def _divided(top: Floats, bottom: Floats) -> Floats:
    return np.asarray(np.divide(top, bottom, out=np.zeros_like(top), where=bottom != 0), np.float64)


def _qini_height(s: _Steps) -> Floats:
    return s.y - s.z * _divided(s.n, s.m)


def _qini_slopes(s: _Steps) -> tuple[Floats, Floats, Floats, Floats]:
    rate, share = _divided(s.z, s.m), _divided(s.n, s.m)
    return -rate, rate * share, np.ones_like(rate), -share


def _qini_best(counts: Floats) -> tuple[tuple[tuple[int, int], ...], ...]:
    """Treated who acted, then all who did not, then untreated who acted."""
    return ((1, 1),), ((0, 0), (1, 0)), ((0, 1),)


def _uplift_height(s: _Steps) -> Floats:
    return (_divided(s.y, s.n) - _divided(s.z, s.m)) * (s.n + s.m)


def _uplift_slopes(s: _Steps) -> tuple[Floats, Floats, Floats, Floats]:
    reach, on, off = s.n + s.m, _divided(s.y, s.n), _divided(s.z, s.m)
    by_y, by_z = _divided(reach, s.n), -_divided(reach, s.m)
    return on - off - on * by_y, on - off - off * by_z, by_y, by_z


def _uplift_best(counts: Floats) -> tuple[tuple[tuple[int, int], ...], ...]:
    """Treated who acted, untreated who did not, and of the other two the more numerous first where they are
    the untreated who acted."""
    came, idle = ((0, 1),), ((1, 0),)
    late = (came, idle) if counts[1] > counts[2] else (idle, came)
    return ((1, 1),), ((0, 0),), *late


_QINI = _Curve(_qini_height, _qini_slopes, _qini_best)
_UPLIFT = _Curve(_uplift_height, _uplift_slopes, _uplift_best)
