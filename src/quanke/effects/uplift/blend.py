"""How much each learner counts: weights by what they foretell of customers they have not seen.

Each learner says the effect on the customers of a fold that it was not fitted on; the doubly robust scores of
those customers have the true effects as means, so a regression of the scores on what the learners say weighs
them (stacking: Wolpert 1992, Breiman 1996; of effects: Lan, Syrgkanis 2023). Weights are not negative and add
up to at most 1: the rest is the average effect, so what no learner can foretell is shrunk away. The scores
are noisy, so the weights are drawn a little towards equal ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from quanke.effects.uplift.arms import Floats

DRAWN = 0.1
"""How strongly weights are drawn together, in units of the learners' mean variance."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One learner on customers it had not seen. `gain`: how much of the variance of the scores it explains
    more than the average effect, in millionths; `slope`: of the scores on what it says (1: neither too bold
    nor too tame); `weight`: what it counts."""

    name: str
    gain: float
    slope: float
    weight: float


def weigh(said: Floats, score: Floats, drawn: float = DRAWN) -> Floats:
    """Weights (learners,) of effects `said` (n, learners) by the scores (n,)."""
    from scipy.optimize import nnls

    spread = said - said.mean(axis=0)
    rest = score - score.mean()
    scale = np.sqrt((spread**2).mean(axis=0))
    alive = np.flatnonzero(scale > 1e-9 * max(1e-300, float(np.abs(rest).max(initial=0))))
    weights = np.zeros(said.shape[1])
    if not len(alive):
        return weights
    cross = spread[:, alive].T @ spread[:, alive] / len(score)
    # (w - equal)' D (w - equal) beside the mean square: as rows of the same least squares
    pull = drawn * np.diag(cross).mean()
    whole = cross + pull * np.eye(len(alive))
    right = spread[:, alive].T @ rest / len(score) + pull / len(alive)
    weights[alive] = _at_most_one(whole, right, nnls)
    return weights


def _at_most_one(whole: Floats, right: Floats, nnls: Any) -> Floats:
    """argmin w'Aw/2 - b'w with w >= 0 and sum at most 1. The bound holds with a price found by halving: each
    price gives a least squares problem without it."""
    factor = np.linalg.cholesky(whole + 1e-12 * np.trace(whole) / len(whole) * np.eye(len(whole)))

    def at(price: float) -> Floats:
        return np.asarray(nnls(factor.T, np.linalg.solve(factor, right - price))[0], np.float64)

    found = at(0.0)
    if found.sum() <= 1:
        return found
    low, high = 0.0, float(right.max())
    for _ in range(60):
        middle = (low + high) / 2
        if at(middle).sum() > 1:
            low = middle
        else:
            high = middle
    return at(high)


def simplest(said: Floats, score: Floats) -> int:
    """Which of effects `said` (n, sizes; the simplest first) to take: the first that is not worse than the
    best by more than one standard error of the difference (the rule of Breiman, Friedman, Olshen, Stone
    1984)."""
    missed = ((score - score.mean())[:, None] - (said - said.mean(axis=0))) ** 2
    worse = missed - missed[:, [int(np.argmin(missed.mean(axis=0)))]]
    within = worse.mean(axis=0) <= worse.std(axis=0) / np.sqrt(len(score))
    return int(np.argmax(within))


def judged(names: list[str], said: Floats, score: Floats, weights: Floats) -> tuple[Judged, ...]:
    """How each learner did, in the order given."""
    rest = score - score.mean()
    found = []
    for name, one, weight in zip(names, said.T, weights, strict=True):
        spread = one - one.mean()
        square = float((spread**2).mean())
        with_score = float((spread * rest).mean())
        gain = (2 * with_score - square) / max(float((rest**2).mean()), 1e-300)
        found.append(
            Judged(name, round(gain * 1e6, 3), with_score / square if square > 0 else 0.0, float(weight))
        )
    return tuple(found)
