"""An uplift as it is kept says what the fitted model says, row by row, and average effects are drawn to
none."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from quanke.effects import UpliftModel
from quanke.effects.uplift.learning import HARMFUL, Participants, lesson, shrunk
from quanke.effects.uplift.published import Part, parts_of
from quanke.kernel.errors import ScoreError
from tests.uplift.test_model import drawn


@pytest.mark.parametrize("learner", ["dr", "t", "s", "line"])
def test_what_is_kept_says_what_the_model_says(learner: str) -> None:
    made = drawn(600, 21)
    made["X"][::5, 1] = np.nan
    model = UpliftModel(learner, folds=2).fit(made["X"], made["treated"], made["y"])
    kept = [Part.from_json(json.loads(json.dumps(part.to_json())), 3) for part in parts_of(model.parts_)]
    assert kept
    told = model.effect_ + sum(part.weight * (part.effects(made["X"]) - part.middle) for part in kept)
    assert np.allclose(told, model.predict(made["X"]), rtol=0, atol=1e-9)
    whole = kept[0].effects(made["X"])
    assert np.array_equal(
        np.concatenate([kept[0].effects(made["X"][i : i + 7]) for i in range(0, 600, 7)]), whole
    )


def test_a_base_of_ones_own_is_not_kept() -> None:
    made = drawn(400, 22, effect=0.6)
    model = UpliftModel("t", base=LogisticRegression(), folds=2).fit(made["X"], made["treated"], made["y"])
    with pytest.raises(ScoreError, match="Quanke's own"):
        parts_of(model.parts_)


def test_an_effect_that_may_be_chance_is_drawn_to_none() -> None:
    assert shrunk(0.02, 0.02) == shrunk(-0.01, 0.02) == shrunk(0.0, 0.02) == 0.0
    assert shrunk(0.04, 0.02) == pytest.approx(0.03)
    assert shrunk(-0.04, 0.02) == pytest.approx(-0.03)
    assert shrunk(0.04, 0.0) == 0.04


def people(n: int, seed: int, lost: float) -> Participants:
    """Customers half of whom were contacted: conversions rise by 5 points, and money falls by `lost`."""
    random = np.random.default_rng(seed)
    treated = random.random(n) < 0.5
    before = np.exp(random.normal(11, 1.5, n)) * 100
    after = before * np.exp(random.normal(0, 0.1, n)) * np.where(treated, 1 - lost, 1)
    return Participants(
        rows=np.empty((n, 0)),
        treated=treated,
        converted=random.random(n) < 0.1 + 0.05 * treated,
        chance=np.full(n, 0.5),
        campaign=np.arange(n) % 2,
        before=before,
        after=after,
    )


def test_a_gain_that_costs_money_is_none() -> None:
    settings = {"folds": 3, "level": 0.95, "learned_from": 100, "seed": 0}
    harm = lesson(people(6_000, 1, 0.03), **settings)
    assert harm.kind == HARMFUL and harm.effect.effect > 0 and harm.average == 0
    fine = lesson(people(6_000, 1, 0.0), **settings)
    assert fine.kind == "average" and 0 < fine.average < fine.effect.effect


def test_without_a_control_group_nothing_is_learned() -> None:
    alone = people(100, 2, 0.0)
    everybody = replace(alone, treated=np.ones(100, np.bool_))
    with pytest.raises(ScoreError, match="control group"):
        lesson(everybody, folds=3, level=0.95, learned_from=10, seed=0)
