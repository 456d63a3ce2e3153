"""Uplift learners of scikit-uplift and causalml, each with the base that is best for it in the training half.

A base is chosen as a careful user would: three folds of the training half, the highest mean Qini there. The
bases are those of the libraries' own examples (XGBoost as it comes), two calmer settings of it, and a line.
The share treated by design is told to those who ask for it.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FOLDS = 3
TREES: dict[str, dict[str, Any]] = {
    "xgboost": {},
    "xgboost calm": {"n_estimators": 60, "max_depth": 3, "learning_rate": 0.06, "min_child_weight": 20},
    "xgboost calmer": {"n_estimators": 40, "max_depth": 2, "learning_rate": 0.05, "min_child_weight": 50},
}
BASES = (*TREES, "line")
Peer = Callable[[str, bool, Floats, NDArray[Any], Floats, Floats], Floats]
"""From the base's name, whether the outcome is binary, rows, arms and outcomes to learn from, and rows to
tell."""


def _log(X: Floats) -> Floats:
    """log1p by size: a dependent model is given another's estimate as a column, and that may be negative."""
    return np.sign(X) * np.log1p(np.abs(X))


def base(name: str, classifier: bool) -> Any:
    """A fresh estimator."""
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler
    from xgboost import XGBClassifier, XGBRegressor

    if name != "line":
        kind = XGBClassifier if classifier else XGBRegressor
        return kind(**TREES[name], n_jobs=1, random_state=0)
    line = LogisticRegression(C=1.0, max_iter=300) if classifier else Ridge(1.0)
    return make_pipeline(FunctionTransformer(_log), StandardScaler(), line)


def _solo(name: str, binary: bool, X: Floats, t: Any, y: Floats, told: Floats) -> Floats:
    from sklift.models import SoloModel

    return np.asarray(SoloModel(base(name, binary)).fit(X, y, t).predict(told))


def _two(name: str, binary: bool, X: Floats, t: Any, y: Floats, told: Floats) -> Floats:
    from sklift.models import TwoModels

    return np.asarray(TwoModels(base(name, binary), base(name, binary)).fit(X, y, t).predict(told))


def _two_linked(name: str, binary: bool, X: Floats, t: Any, y: Floats, told: Floats) -> Floats:
    from sklift.models import TwoModels

    model = TwoModels(base(name, binary), base(name, binary), method="ddr_control")
    return np.asarray(model.fit(X, y, t).predict(told))


def _class(name: str, binary: bool, X: Floats, t: Any, y: Floats, told: Floats) -> Floats:
    from sklift.models import ClassTransformation

    return np.asarray(ClassTransformation(base(name, True)).fit(X, y, t).predict(told))


def _causal(kind: str) -> Peer:
    def fitted(name: str, binary: bool, X: Floats, t: Any, y: Floats, told: Floats) -> Floats:
        from causalml.inference import meta

        p, q = np.full(len(X), t.mean()), np.full(len(told), t.mean())
        if kind in ("s", "t"):
            way = "Classifier" if binary else "Regressor"
            model = getattr(meta, f"Base{kind.upper()}{way}")(learner=base(name, binary))
            model.fit(X, t, y)
            return np.asarray(model.predict(told)).ravel()
        if kind in ("x", "r") and binary:
            way = getattr(meta, f"Base{kind.upper()}Classifier")
            model = way(outcome_learner=base(name, True), effect_learner=base(name, False))
        else:
            way = {"x": "BaseXRegressor", "r": "BaseRRegressor", "dr": "BaseDRRegressor"}[kind]
            model = getattr(meta, way)(learner=base(name, False))
        model.fit(X, t, y, p=p)
        return np.asarray(model.predict(told, p=q)).ravel()

    return fitted


PEERS: dict[str, Peer] = {
    "scikit_uplift_solo_model": _solo,
    "scikit_uplift_two_models": _two,
    "scikit_uplift_two_models_dependent": _two_linked,
    "scikit_uplift_class_transformation": _class,
    **{f"causalml_{kind}": _causal(kind) for kind in ("s", "t", "x", "dr", "r")},
}
BINARY_ONLY = ("scikit_uplift_class_transformation",)
NO_LINE = ("causalml_r",)
"""Its effect model takes weights, which a pipeline does not pass on."""


def tuned(
    peer: str, binary: bool, X: Floats, t: Any, y: Floats, told: Floats, judge: Callable[..., float]
) -> tuple[Floats, str]:
    """What a peer says of `told`, with the base that was best within what it learns from."""
    from sklearn.model_selection import StratifiedKFold

    logging.getLogger("causalml").setLevel(logging.ERROR)
    names = [n for n in BASES if n != "line" or peer not in NO_LINE]
    folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(X, t * 2 + (y > 0)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        said = {n: np.zeros(len(y)) for n in names}
        found = {}
        for name in names:
            for rest, held in folds:
                said[name][held] = PEERS[peer](name, binary, X[rest], t[rest], y[rest], X[held])
            found[name] = float(np.mean([judge(y[h], t[h], said[name][h]) for _, h in folds]))
        best = max(found, key=lambda n: found[n])
        return PEERS[peer](best, binary, X, t, y, told), best
