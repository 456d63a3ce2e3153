"""`UpliftModel`: it finds effects that are there, says nothing where there are none, and keeps scikit-learn's
contract."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import Ridge
from sklearn.utils.estimator_checks import check_estimator

from quanke.effects import UpliftModel, qini
from quanke.effects.uplift.blend import simplest, weigh
from quanke.effects.uplift.model import LEARNERS
from quanke.kernel.errors import EffectError


def drawn(n: int, seed: int, binary: bool = True, effect: float = 0.2) -> dict[str, np.ndarray]:
    """Customers of whom those with a large first feature gain, and the others nothing."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(n, 3))
    treated = random.random(n) < 0.5
    gain = effect * (rows[:, 0] > 0)
    level = 0.2 + 0.1 * (rows[:, 1] > 0)
    y = (random.random(n) < level + treated * gain).astype(float)
    if not binary:
        y = 100 * (level + treated * gain) + 10 * random.normal(size=n)
    return {"X": rows, "treated": treated, "y": y, "gain": gain}


def fitted(made: dict[str, np.ndarray], **settings: Any) -> UpliftModel:
    return UpliftModel(**settings).fit(made["X"], made["treated"], made["y"])


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("binary", [True, False])
def test_every_learner_finds_an_effect_that_is_there(learner: str, binary: bool) -> None:
    made, held = drawn(4_000 if learner == "line" else 2_000, 1, binary), drawn(4_000, 2, binary)
    said = fitted(made, learner=learner, folds=3).predict(held["X"])
    unit = 1 if binary else 100
    high, low = said[held["gain"] > 0].mean(), said[held["gain"] == 0].mean()
    # what noise hides of 20 points is shrunk away, never made larger
    assert 0.07 * unit < high - low < 0.23 * unit
    assert said.mean() == pytest.approx(0.1 * unit, abs=0.06 * unit)
    assert qini(held["y"], held["treated"], said).low > 0


def test_where_no_effect_differs_nearly_the_same_is_said_of_all() -> None:
    made = drawn(3_000, 3, effect=0.0)
    said = fitted(made).predict(made["X"])
    rough = fitted(made, learner="t", base=HistGradientBoostingClassifier(random_state=0))
    # unshrunken trees see differences of ten points in noise
    apart = rough.parts_[0][0].effects(made["X"]) if rough.parts_ else None
    assert said.std() < 0.02
    assert apart is None or apart.std() > 3 * said.std()


def test_the_average_effect_is_that_of_the_arms_with_less_noise() -> None:
    made = drawn(3_000, 5)
    found = fitted(made, learner="line")
    assert found.effect_ == pytest.approx(0.1, abs=4 * found.effect_se_)
    arms = [made["y"][made["treated"] == arm] for arm in (True, False)]
    plain = np.sqrt(sum(a.var(ddof=1) / len(a) for a in arms))
    assert found.effect_se_ < plain
    assert found.predict(made["X"]).mean() == pytest.approx(found.effect_, abs=1e-9)


def test_an_estimated_propensity_takes_choice_away() -> None:
    random = np.random.default_rng(6)
    rows = random.normal(size=(4_000, 2))
    treated = random.random(4_000) < 1 / (1 + np.exp(-1.5 * rows[:, 0]))
    y = 10 * rows[:, 0] + 2 * treated + random.normal(size=4_000)
    line = {"base": Ridge(), "learner": "dr"}
    found = UpliftModel(propensity="estimated", **line).fit(rows, treated, y)
    assert found.effect_ == pytest.approx(2, abs=0.15)
    assert y[treated].mean() - y[~treated].mean() > 8


def test_the_share_by_design_is_used() -> None:
    made = drawn(1_000, 7)
    one, other = (fitted(made, learner="line", propensity=p) for p in (made["treated"].mean(), None))
    assert np.array_equal(one.predict(made["X"]), other.predict(made["X"]))
    assert fitted(made, learner="line", propensity=0.4).effect_ != one.effect_


@pytest.mark.parametrize("learner", LEARNERS)
def test_equal_data_and_seed_give_equal_effects_also_after_a_journey(learner: str) -> None:
    made = drawn(400, 8)
    one, other = (fitted(made, learner=learner, folds=2, random_state=3) for _ in range(2))
    back = pickle.loads(pickle.dumps(one))
    assert np.array_equal(one.predict(made["X"]), other.predict(made["X"]))
    assert np.array_equal(one.predict(made["X"]), back.predict(made["X"]))


def test_adding_to_every_outcome_moves_no_effect() -> None:
    made = drawn(1_500, 9, binary=False)
    one = fitted(made, folds=3).predict(made["X"])
    other = fitted({**made, "y": made["y"] + 1_000}, folds=3).predict(made["X"])
    assert np.allclose(one, other, atol=1e-6)


def test_swapped_arms_turn_the_average_round() -> None:
    made = drawn(1_500, 10)
    one, other = fitted(made, folds=3), fitted({**made, "treated": ~made["treated"]}, folds=3)
    assert other.effect_ == pytest.approx(-one.effect_, abs=0.01)
    assert np.corrcoef(one.predict(made["X"]), other.predict(made["X"]))[0, 1] < -0.8


@pytest.mark.parametrize("table", [pd.DataFrame, pa.table])
def test_names_are_kept_and_unknown_values_are_taken(table: Callable[[Any], Any]) -> None:
    made = drawn(800, 11)
    made["X"][::7, 2] = np.nan
    columns = {f"tag_{i}": made["X"][:, i] for i in range(3)}
    found = UpliftModel(folds=3).fit(table(columns), made["treated"], made["y"])
    assert list(found.feature_names_in_) == list(columns)
    assert np.allclose(found.predict(table(columns)), fitted(made, folds=3).predict(made["X"]), atol=1e-9)
    with pytest.raises(ValueError, match="feature names"):
        found.predict(table(dict(reversed(columns.items()))))


def test_clone_is_unfitted_with_equal_settings() -> None:
    model = UpliftModel("x", folds=3, propensity=0.5, random_state=4)
    assert clone(model).get_params() == model.get_params()


@pytest.mark.parametrize(
    ("settings", "change", "word"),
    [
        ({"learner": "z"}, {}, "learner"),
        ({"folds": 1}, {}, "folds"),
        ({"propensity": 1.5}, {}, "propensity"),
        ({"propensity": "known"}, {}, "propensity"),
        ({}, {"treated": np.ones(40)}, "one arm"),
        ({}, {"treated": np.r_[np.ones(2), np.zeros(38)]}, "2 customers"),
        ({}, {"y": np.ones(3)}, "3"),
        ({}, {"y": np.r_[np.inf, np.ones(39)]}, "row 0"),
    ],
)
def test_what_does_not_fit_is_said(settings, change, word) -> None:  # type: ignore[no-untyped-def]
    made = {**drawn(40, 12), **change}
    with pytest.raises(EffectError, match=word):
        fitted(made, **settings)


class TwoArrays(UpliftModel):
    """The model with a fit of two arrays, as scikit-learn's checks call it: every second row is treated."""

    def fit(self, X: Any, y: Any) -> TwoArrays:  # type: ignore[override]
        return super().fit(X, np.arange(len(np.asarray(y).reshape(-1))) % 2, np.asarray(y).reshape(-1))


MEANT_OTHERWISE = {
    "check_supervised_y_no_nan": "an unknown outcome is an EffectError of this house, not a ValueError",
    "check_supervised_y_2d": "outcomes are one row of numbers; no warning for a column",
    "check_requires_y_none": "fit takes three arrays, and none may be left out",
    "check_fit2d_1sample": "one customer is one arm: an EffectError",
    "check_estimators_empty_data_messages": "no customers are no arms: an EffectError",
}


def test_scikit_learns_checks_hold() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(
            TwoArrays(learner="line", folds=2),
            expected_failed_checks=MEANT_OTHERWISE,
            on_fail=None,
            on_skip=None,
        )
    failed = {r["check_name"]: str(r["exception"])[:200] for r in results if r["status"] == "failed"}
    assert failed == {}
    assert sum(r["status"] == "passed" for r in results) > 30


def test_weights_are_those_of_the_best_mixture() -> None:
    random = np.random.default_rng(13)
    said = random.normal(size=(5_000, 3))
    score = 5 + 0.5 * said[:, 0] + 0.25 * said[:, 1] + random.normal(size=5_000)
    assert weigh(said, score, drawn=0) == pytest.approx([0.5, 0.25, 0.0], abs=0.03)
    # more than one altogether is none: the bound is met and the order kept
    bold = weigh(said, 3 * score, drawn=0)
    assert bold.sum() == pytest.approx(1, abs=1e-6) and bold[0] > bold[1]
    assert weigh(np.ones((5_000, 3)), score).tolist() == [0, 0, 0]
    assert (weigh(-said, score, drawn=0) == 0).sum() >= 2


def test_the_simplest_is_taken_unless_another_is_clearly_better() -> None:
    random = np.random.default_rng(14)
    truth = random.normal(size=4_000)
    score = truth + random.normal(size=4_000)
    assert simplest(np.column_stack([truth + 3, truth]), score) == 0  # a level is no difference
    assert simplest(np.column_stack([np.zeros(4_000), truth, truth]), score) == 1
    near = [truth + random.normal(size=4_000) * 0.03 for _ in range(40)]
    assert sum(simplest(np.column_stack([one, truth]), score) == 0 for one in near) > 10
    assert simplest(np.column_stack([truth + random.normal(size=4_000), truth]), score) == 1


@pytest.mark.parametrize("learner", ["s", "t", "x", "dr"])
def test_a_feature_known_of_one_arm_only_stops_nobody(learner: str) -> None:
    draw = np.random.default_rng(4)
    rows, treated = draw.normal(size=(600, 3)), draw.random(600) < 0.5
    rows[~treated, 2] = np.nan
    y = (draw.random(600) < 0.2 + 0.1 * treated).astype(float)
    found = UpliftModel(learner=learner, random_state=0).fit(rows, treated, y).predict(rows)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("value", [0.0, 1.0, 7.5])
def test_an_outcome_that_is_the_same_for_all_has_no_effect(value: float) -> None:
    made = drawn(60, 5)
    found = UpliftModel().fit(made["X"], made["treated"], np.full(60, value))
    assert found.effect_ == 0 and not found.parts_
    assert np.array_equal(found.predict(made["X"]), np.zeros(60))


@pytest.mark.parametrize("learner", ["s", "t", "line", "blend"])
def test_one_outcome_among_many_stops_nobody(learner: str) -> None:
    made = drawn(120, 6)
    found = UpliftModel(learner).fit(made["X"], made["treated"], np.arange(120) == 7)
    assert np.isfinite(found.predict(made["X"])).all()
