"""`UpliftModel`: how much a treatment changes the outcome of each customer, by scikit-learn's contract."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from quanke.effects.uplift.arms import Bools, Floats, chances_of, is_binary, outcome_of, treated_of
from quanke.effects.uplift.blend import Judged, judged, simplest, weigh
from quanke.effects.uplift.curves import qini
from quanke.effects.uplift.folds import Folds, Places, folds_of, groups_of, standard_error
from quanke.effects.uplift.learners import (
    CrossedModels,
    EffectLearner,
    EffectModel,
    Maker,
    OneLine,
    OneModel,
    Spread,
    Training,
    TwoModels,
    expected,
)
from quanke.kernel.errors import EffectError

Group = list[tuple[str, EffectLearner]]
LEARNERS = ("blend", "dr", "x", "t", "s", "line")
BLENDED = {"blend": ("s", "line")}
"""What a blend weighs: more of them see the same, and are more to choose wrongly from."""
EFFECT_SIZES = ((20, 2), (60, 2), (50, 4), (150, 6))
OUTCOME_SIZES = ((60, 6), (200, 8))
ONE_MODEL_SIZES = ((40, 3), (60, 4), (120, 4), (200, 8))
"""Trees and leaves of each, the simplest first."""
LITTLE_APART, APART = (0.001,), (0.1, 1.0)
ESTIMATED = "estimated"
RATE, LIGHT = 0.05, 5.0
"""Step and ridge of the trees."""


class UpliftModel(BaseEstimator):  # type: ignore[misc]
    """Effect of a treatment on each customer, learned from treated and untreated ones.

    `fit(X, treated, y)` takes features (n, k; numbers, nan for unknown; a pandas or Arrow table keeps its
    names), arms (n,) and outcomes (n,; 0 and 1 are chances, others amounts). `predict(X)` gives (n,) effects
    in units of y: added chance, or added amount. Both raise EffectError for arms or outcomes that do not fit,
    ValueError (by scikit-learn's validation) for features that do not.

    Parameters
    ----------
    learner: "dr" doubly robust, "x" crossed, "t" two models, "s" one model, "line" lines with the arm (see
        `learners`), or "blend", which weighs "s" and "line" by doubly robust scores. Sizes of trees are
        chosen, and what is said is drawn towards the average effect, as far as it is not borne out.
    base: a scikit-learn estimator in place of the built-in gradient-boosted trees of scikit-learn: for
        outcomes (a classifier: of 0 and 1 only) and, unless it is a classifier, for effects.
    folds: parts for cross-fitting. Every size, every weight and the shrinkage towards the average effect is
        chosen by customers that the fitted thing had not seen, all of them among those given to `fit`.
    propensity: share treated by design; None: the observed share; "estimated": a cross-fitted logistic
        regression, for arms that were not drawn by lot (clipped to 0.02 to 0.98).
    random_state: seed of the folds and trees. Equal data and seed give equal effects.

    Attributes
    ----------
    effect_, effect_se_: average effect and its standard error (AIPW).
    effects_: (n,) effects said of the customers in `fit` by models that had not seen them, weighed: fit to
        look at, not to report (the weights have seen them).
    judged_: how each learner did on customers it had not seen, and what it counts.
    n_features_in_, feature_names_in_: as in scikit-learn.
    """

    judged_: tuple[Judged, ...]
    parts_: list[tuple[EffectLearner, float, float]]

    def __init__(
        self,
        learner: str = "blend",
        base: Any = None,
        folds: int = 5,
        propensity: float | str | None = None,
        random_state: Any = 0,
    ) -> None:
        self.learner = learner
        self.base = base
        self.folds = folds
        self.propensity = propensity
        self.random_state = random_state

    def fit(self, X: Any, treated: Any, y: Any, propensity: Any = None, groups: Any = None) -> Self:
        """Learn from features X (n, k), arms treated (n,) and outcomes y (n,); returns self. `propensity`:
        (n,) chances of treatment by design where they differ between customers, in place of the parameter.
        `groups`: (n,) whose row each is, where customers have several: no fold then parts a customer's rows.
        An outcome that is the same for all differs by nothing: its effect is 0 for everybody."""
        if self.learner not in LEARNERS:
            raise EffectError(f"learner must be one of {', '.join(LEARNERS)}")
        if self.folds < 2:
            raise EffectError("folds must be at least 2")
        rows, outcome, arm = self._given(X, treated, y)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self.binary_ = is_binary(outcome)
        own = groups_of(groups, len(rows))
        if (outcome == outcome[0]).all():
            self.effect_ = self.effect_se_ = 0.0
            self.effects_ = np.zeros(len(rows))
            self.judged_, self.parts_ = (), []
            return self
        with _one_thread():
            folds = folds_of(outcome, arm, self.folds, seed, own)
            chance = self._chances(rows, arm, folds) if propensity is None else chances_of(propensity, arm)
            blank = Training(rows, arm, outcome, chance, np.zeros(len(rows)), self.binary_)
            training = self._scored(blank, folds, seed)
            self._weigh(training, folds, seed, own)
        return self

    def predict(self, X: Any) -> Floats:
        """Effect on each row of X (n, k): (n,) in units of y."""
        check_is_fitted(self, "effect_")
        rows = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        with _one_thread():
            said = [w * (part.effects(rows) - m) for part, w, m in self.parts_]
        return np.asarray(self.effect_ + np.sum([np.zeros(len(rows)), *said], axis=0), np.float64)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.required = True
        return tags

    def _given(self, X: Any, treated: Any, y: Any) -> tuple[Floats, Floats, Bools]:
        rows = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", ensure_min_samples=2)
        outcome = outcome_of(y)
        if len(outcome) != len(rows):
            raise EffectError(f"X has {len(rows)} rows, y has {len(outcome)}")
        arm = treated_of(treated, len(rows))
        least = int(min(arm.sum(), (~arm).sum()))
        if least < self.folds:
            raise EffectError(f"an arm has {least} customers: for {self.folds} folds each needs as many")
        return rows, outcome, arm

    def _groups(self, rows: int, seed: int) -> list[Group]:
        """What is weighed, and of each the sizes from which one is chosen, the simplest first (see
        `_pick`)."""
        return [self._sizes(kind, rows, seed) for kind in BLENDED.get(self.learner, (self.learner,))]

    def _sizes(self, kind: str, rows: int, seed: int) -> Group:
        """The sizes of one kind of learner."""
        if kind == "line":
            return [(f"line, apart {a:g}", OneLine(a)) for a in (*self._faint(), *APART)]
        if kind == "t":
            return [(f"t, {n}", TwoModels(of)) for n, of in self._outcome_makers(rows, seed)]
        if kind == "dr":
            return [(f"dr, {n}", EffectModel(of)) for n, of in self._effect_makers(rows, seed)]
        if kind == "x":
            outcome = self._outcome_makers(rows, seed)[0][1]
            return [(f"x, {n}", CrossedModels(outcome, of)) for n, of in self._effect_makers(rows, seed)]
        trees = self._outcome_makers(rows, seed, ONE_MODEL_SIZES)
        return [
            *((f"s, line apart {a:g}", OneLine(a)) for a in self._faint()),
            *((f"s, {n}", OneModel(of)) for n, of in trees),
        ]

    def _faint(self) -> tuple[float, ...]:
        """Lines with one effect for all; on chances it still differs with the level."""
        return LITTLE_APART if self.binary_ else ()

    def _outcome_makers(
        self, rows: int, seed: int, sizes: tuple[tuple[int, int], ...] = OUTCOME_SIZES
    ) -> list[tuple[str, Maker]]:
        """Models of the outcome; the first is also that of the doubly robust scores."""
        if self.base is not None and (self.binary_ or not _is_classifier(self.base)):
            return [("own", partial(clone, self.base))]
        kind = HistGradientBoostingClassifier if self.binary_ else HistGradientBoostingRegressor
        least = int(np.clip(rows / 200, 5, 500))
        return [(_named(n, k), partial(_trees, kind, n, k, least, seed)) for n, k in sizes]

    def _effect_makers(self, rows: int, seed: int) -> list[tuple[str, Maker]]:
        if self.base is not None and not _is_classifier(self.base):
            return [("own", partial(clone, self.base))]
        least = int(np.clip(rows / 100, 5, 1000))
        kind = HistGradientBoostingRegressor
        return [(_named(n, k), partial(_trees, kind, n, k, least, seed)) for n, k in EFFECT_SIZES]

    def _chances(self, rows: Floats, arm: Bools, folds: Folds) -> Floats:
        """Chance of treatment of each customer."""
        if self.propensity is None:
            return np.full(len(arm), arm.mean())
        if self.propensity == ESTIMATED:
            chance = np.empty(len(arm))
            for rest, held in folds:
                spread = Spread(rows[rest])
                line = LogisticRegression(C=1.0, max_iter=300).fit(spread(rows[rest]), arm[rest])
                chance[held] = expected(line, spread(rows[held]))
            return np.clip(chance, 0.02, 0.98)
        if isinstance(self.propensity, str) or not 0 < float(self.propensity) < 1:
            raise EffectError(f"propensity must lie between 0 and 1, or be None or {ESTIMATED!r}")
        return np.full(len(arm), float(self.propensity))

    def _scored(self, of: Training, folds: Folds, seed: int) -> Training:
        """The same with doubly robust scores: each customer's by outcome models that had not seen him."""
        maker = self._outcome_makers(len(of.rows), seed)[0][1]
        on, off = np.empty(len(of.rows)), np.empty(len(of.rows))
        for rest, held in folds:
            models = TwoModels(maker).fit(of.part(rest))
            on[held], off[held] = expected(models.on, of.rows[held]), expected(models.off, of.rows[held])
        won = of.treated * (of.outcome - on) / of.chance
        kept = ~of.treated * (of.outcome - off) / (1 - of.chance)
        return replace(of, score=on - off + won - kept)

    def _weigh(self, of: Training, folds: Folds, seed: int, own: Places | None) -> None:
        """Judge every learner on folds it had not seen, weigh them, and fit those that count on all."""
        groups = self._groups(len(of.rows), seed)
        named = [one for group in groups for one in group]
        said = np.empty((len(of.rows), len(named)))
        for rest, held in folds:
            part = of.part(rest)
            for at, (_, learner) in enumerate(named):
                said[held, at] = learner.fit(part).effects(of.rows[held])
        first = np.cumsum([0, *map(len, groups)])
        chosen = [a + self._pick(groups[at], said[:, a:b], of) for at, (a, b) in enumerate(pairwise(first))]
        weights = np.zeros(len(named))
        weights[chosen] = weigh(said[:, chosen], of.score)
        self.effect_ = float(of.score.mean())
        self.effect_se_ = standard_error(of.score, own)
        self.judged_ = judged([name for name, _ in named], said, of.score, weights)
        self.effects_ = self.effect_ + (said - said.mean(axis=0)) @ weights
        self.parts_ = []
        for (_, learner), weight in zip(named, weights, strict=True):
            if weight > 0:
                fitted = learner.fit(of)
                self.parts_.append((fitted, float(weight), float(fitted.effects(of.rows).mean())))

    def _pick(self, group: Group, said: Floats, of: Training) -> int:
        """Which of a group counts: of one model with the arm as a feature, whose faint effects squares hardly
        tell apart, the one with the highest Qini; else the simplest that is not clearly worse than the
        best."""
        if not group[0][0].startswith("s, "):
            return simplest(said, of.score)
        return int(np.argmax([float(qini(of.outcome, of.treated, one)) for one in said.T]))


def _named(count: int, leaves: int) -> str:
    return f"{count} trees of {leaves} leaves"


def _trees(kind: Any, count: int, leaves: int, least: int, seed: int) -> Any:
    return kind(
        max_iter=count,
        learning_rate=RATE,
        max_leaf_nodes=leaves,
        min_samples_leaf=least,
        l2_regularization=LIGHT,
        early_stopping=False,
        random_state=seed,
    )


def _is_classifier(base: Any) -> bool:
    return hasattr(base, "predict_proba")


@contextmanager
def _one_thread() -> Iterator[None]:
    """Trees of this size wait for each other at every split, for long where others work too."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield
