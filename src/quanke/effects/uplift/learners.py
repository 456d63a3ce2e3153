"""Ways to learn an effect from treated and untreated customers: each is fitted on one training and says (n,)
effects. `blend` weighs them.

- `OneModel` (S): one model of the outcome with the arm as a feature;
- `TwoModels` (T): one model of the outcome for each arm;
- `CrossedModels` (X; Künzel, Sekhon, Bickel, Yu 2019): what each customer gained over what the other arm's
  model expects of him, learned in each arm, the two weighted by the chance of treatment;
- `EffectModel` (DR; Kennedy 2023): a regression of the cross-fitted doubly robust score of each customer;
- `OneLine`: a logistic (or linear) regression with the arm and its products with the features, the products
  penalised more: between "one effect on the log-odds" and two lines apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from quanke.effects.uplift.arms import Bools, Floats

Maker = Callable[[], Any]
"""Gives a fresh scikit-learn estimator."""


@dataclass(frozen=True)
class Training:
    """What a learner is fitted on: rows (n, features; nan for unknown), arms, outcomes, the chance of
    treatment (n,), and the cross-fitted doubly robust score of each customer (n,)."""

    rows: Floats
    treated: Bools
    outcome: Floats
    chance: Floats
    score: Floats
    binary: bool

    def part(self, places: NDArray[np.intp]) -> Training:
        """Some of the customers."""
        return Training(
            self.rows[places],
            self.treated[places],
            self.outcome[places],
            self.chance[places],
            self.score[places],
            self.binary,
        )


class EffectLearner(Protocol):
    """Learns effects from a training and tells those of other rows."""

    def fit(self, of: Training) -> EffectLearner:
        """Learn; returns itself."""

    def effects(self, rows: Floats) -> Floats:
        """Effect on each row (n,)."""


def seen(rows: Floats) -> Floats:
    """The rows to fit on: a feature known of nobody among them is 0 for all, for trees cannot be grown on a
    column without values; no tree then asks for it."""
    unknown = np.isnan(rows).all(axis=0)
    return np.where(unknown, 0.0, rows) if unknown.any() else rows


def expected(model: Any, rows: Floats) -> Floats:
    """Outcome a fitted scikit-learn model expects of each row: the chance of 1 of a classifier."""
    if hasattr(model, "predict_proba"):
        known = list(model.classes_)
        if 1 not in known:
            return np.zeros(len(rows))
        return np.asarray(model.predict_proba(rows)[:, known.index(1)], np.float64)
    return np.asarray(model.predict(rows), np.float64)


class OneModel:
    """S: the arm is a feature, the last."""

    def __init__(self, outcome: Maker) -> None:
        self.outcome = outcome

    def fit(self, of: Training) -> OneModel:
        """Learn; returns itself."""
        self.model = self.outcome().fit(np.column_stack([seen(of.rows), of.treated]), of.outcome)
        return self

    def effects(self, rows: Floats) -> Floats:
        """Effect on each row (n,)."""
        on, off = (np.column_stack([rows, np.full(len(rows), arm)]) for arm in (1.0, 0.0))
        return expected(self.model, on) - expected(self.model, off)


class TwoModels:
    """T: a model for each arm."""

    def __init__(self, outcome: Maker) -> None:
        self.outcome = outcome

    def fit(self, of: Training) -> TwoModels:
        """Learn; returns itself."""
        self.on, self.off = (
            self.outcome().fit(seen(of.rows[arm]), of.outcome[arm]) for arm in (of.treated, ~of.treated)
        )
        return self

    def effects(self, rows: Floats) -> Floats:
        """Effect on each row (n,)."""
        return expected(self.on, rows) - expected(self.off, rows)


class CrossedModels:
    """X: effects imputed with the other arm's model, learned in each arm."""

    def __init__(self, outcome: Maker, effect: Maker) -> None:
        self.outcome, self.effect = outcome, effect

    def fit(self, of: Training) -> CrossedModels:
        """Learn; returns itself."""
        arm = of.treated
        apart = TwoModels(self.outcome).fit(of)
        gained = of.outcome[arm] - expected(apart.off, of.rows[arm])
        missed = expected(apart.on, of.rows[~arm]) - of.outcome[~arm]
        self.on = self.effect().fit(seen(of.rows[arm]), gained)
        self.off = self.effect().fit(seen(of.rows[~arm]), missed)
        self.share = float(of.chance.mean())
        return self

    def effects(self, rows: Floats) -> Floats:
        """Effect on each row (n,)."""
        return self.share * expected(self.off, rows) + (1 - self.share) * expected(self.on, rows)


class EffectModel:
    """DR: a regression of the doubly robust scores."""

    def __init__(self, effect: Maker) -> None:
        self.effect = effect

    def fit(self, of: Training) -> EffectModel:
        """Learn; returns itself."""
        self.model = self.effect().fit(seen(of.rows), of.score)
        return self

    def effects(self, rows: Floats) -> Floats:
        """Effect on each row (n,)."""
        return expected(self.model, rows)


class Spread:
    """Columns on one scale for lines: signed logarithm, mean 0 and deviation 1, unknown as the mean; columns
    that are unknown for some get one more that says so."""

    def __init__(self, rows: Floats) -> None:
        logs = np.sign(rows) * np.log1p(np.abs(rows))
        known = ~np.isnan(logs)
        count = np.maximum(known.sum(axis=0), 1)
        self.mean = np.where(known, logs, 0).sum(axis=0) / count
        self.deviation = np.sqrt((np.where(known, logs - self.mean, 0) ** 2).sum(axis=0) / count)
        self.deviation[self.deviation < 1e-9] = np.inf  # one value for all says nothing
        self.asked = np.flatnonzero(~known.all(axis=0))

    def __call__(self, rows: Floats) -> Floats:
        """Rows x (features + those that were unknown for some)."""
        logs = np.sign(rows) * np.log1p(np.abs(rows))
        scaled = np.clip(np.nan_to_num((logs - self.mean) / self.deviation, nan=0.0), -8, 8)
        return np.column_stack([scaled, np.isnan(rows[:, self.asked]).astype(np.float64)])


class OneLine:
    """A line with the arm and its products with the features. `apart`: the scale of the products; 1 penalises
    them like the features themselves, near 0 leaves one effect for all on the line's scale."""

    def __init__(self, apart: float, penalty: float = 1.0) -> None:
        self.apart, self.penalty = apart, penalty

    def fit(self, of: Training) -> OneLine:
        """Learn; returns itself."""
        from sklearn.linear_model import LogisticRegression, Ridge

        self.spread = Spread(of.rows)
        self.binary = of.binary
        self.line: Any = None
        if of.binary and (of.outcome == of.outcome[0]).all():
            return self  # of one outcome no line is drawn: nothing differs
        line = LogisticRegression(C=1 / self.penalty, max_iter=300) if of.binary else Ridge(self.penalty)
        self.line = line.fit(self._design(self.spread(of.rows), of.treated), of.outcome)
        return self

    def _design(self, rows: Floats, treated: Any) -> Floats:
        side = np.broadcast_to(np.where(treated, 1.0, -1.0), len(rows))
        return np.column_stack([rows, side, self.apart * rows * side[:, None]])

    def effects(self, rows: Floats) -> Floats:
        """Effect on each row (n,)."""
        if self.line is None:
            return np.zeros(len(rows))
        spread = self.spread(rows)
        on, off = self._design(spread, True), self._design(spread, False)
        return expected(self.line, on) - expected(self.line, off)
