"""Laws of the parts: trees are scikit-learn's, contributions are Shapley values, tables add up, what is
written comes back, and what leads astray is refused."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import numpy as np
import pytest
import threadpoolctl
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from quanke.kernel.errors import ScoreError
from quanke.plans.scores.calibration import Calibration, calibrate, calibration_error, reliability
from quanke.plans.scores.drift import Steps, judged
from quanke.plans.scores.fitting import Sheet, learn
from quanke.plans.scores.measures import area, lift
from quanke.plans.scores.trees import Trees
from quanke.plans.scores.worth import BANDS, Worth, usual_amounts


def data(seed: int, rows: int = 600, columns: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Rows with holes, and an outcome that two columns and a hole make likelier."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(rows, columns))
    x[:, 1] = np.round(x[:, 1] * 3)
    x[draw.random(x.shape) < 0.15] = np.nan
    log_odds = 1.5 * np.nan_to_num(x[:, 0]) - np.nan_to_num(x[:, 1]) + 1.2 * np.isnan(x[:, 2]) - 0.5
    return x, draw.random(rows) < 1 / (1 + np.exp(-log_odds))


def grown(seed: int, trees: int = 6, leaves: int = 7) -> tuple[Any, Trees, np.ndarray]:
    x, y = data(seed)
    fitted = HistGradientBoostingClassifier(
        max_iter=trees, max_leaf_nodes=leaves, early_stopping=False, random_state=0
    ).fit(x, y)
    return fitted, Trees.of(fitted), x


@pytest.mark.parametrize("seed", range(3))
def test_trees_say_what_scikit_learn_says(seed: int) -> None:
    fitted, trees, x = grown(seed, trees=30)
    assert np.allclose(trees.raw(x), fitted.decision_function(x), rtol=0, atol=1e-12)
    again = Trees.from_json(json.loads(json.dumps(trees.to_json())))
    assert np.array_equal(again.raw(x), trees.raw(x))


def expected_with(trees: Trees, row: np.ndarray, known: set[int]) -> float:
    """What trees say when only some features are known: the rows of training go both ways in proportion."""

    def below(node: int) -> float:
        if trees.left[node] < 0:
            return float(trees.value[node])
        left, right, feature = int(trees.left[node]), int(trees.right[node]), int(trees.feature[node])
        if feature in known:
            x = row[feature]
            goes_left = bool(trees.missing_left[node]) if np.isnan(x) else x <= trees.threshold[node]
            return below(left if goes_left else right)
        share = trees.cover[left] / trees.cover[node]
        return float(share * below(left) + (1 - share) * below(right))

    return trees.base + sum(below(int(root)) for root in trees.start[:-1])


@pytest.mark.parametrize("seed", range(3))
def test_contributions_are_shapley_values(seed: int) -> None:
    """By their definition: the mean over all orders of what a feature adds when it becomes known."""
    _, trees, x = grown(seed)
    count = x.shape[1]
    for row in x[:4]:
        parts, before = trees.contributions(row)
        assert before == pytest.approx(expected_with(trees, row, set()), abs=1e-12)
        assert before + parts.sum() == pytest.approx(float(trees.raw(row[None, :])[0]), abs=1e-10)
        worth = {
            known: expected_with(trees, row, set(known))
            for size in range(count + 1)
            for known in itertools.combinations(range(count), size)
        }
        for feature in range(count):
            others = [f for f in range(count) if f != feature]
            total = 0.0
            for size in range(count):
                weight = math.factorial(size) * math.factorial(count - 1 - size) / math.factorial(count)
                for known in itertools.combinations(others, size):
                    total += weight * (worth[tuple(sorted((*known, feature)))] - worth[known])
            assert parts[feature] == pytest.approx(total, abs=1e-10)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda t: t["left"].__setitem__(0, 0),
        lambda t: t["right"].__setitem__(0, 10**9),
        lambda t: t["feature"].__setitem__(0, -3),
        lambda t: t["value"].append(0.0),
        lambda t: t["start"].__setitem__(-1, 10**6),
    ],
)
def test_trees_that_lead_astray_are_refused(spoil: Any) -> None:
    """What walks through them is machine code: it must never be led out of the arrays."""
    _, trees, _ = grown(0)
    told = trees.to_json()
    spoil(told)
    with pytest.raises(ValueError):
        Trees.from_json(told)


SCORES = st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=2, max_size=200)


@given(SCORES)
def test_a_reliability_table_adds_up(rows: list[tuple[int, bool]]) -> None:
    said = np.array([s / 20 for s, _ in rows])
    happened = np.array([h for _, h in rows])
    table = reliability(said, happened)
    assert sum(step.count for step in table) == len(rows)
    assert sum(step.happened for step in table) == happened.sum()
    assert sum(step.said * step.count for step in table) == pytest.approx(said.sum())
    assert all(a.said < b.said for a, b in itertools.pairwise(table))
    assert 0 <= calibration_error(table) <= 1


@given(SCORES)
def test_the_area_is_scikit_learns(rows: list[tuple[int, bool]]) -> None:
    said = np.array([float(s) for s, _ in rows])
    happened = np.array([h for _, h in rows])
    if happened.all() or not happened.any():
        assert area(said, happened) is None
    else:
        assert area(said, happened) == pytest.approx(roc_auc_score(happened, said))


@given(SCORES, st.randoms(use_true_random=False))
def test_lift_does_not_depend_on_the_order_of_rows(rows: list[tuple[int, bool]], shuffle: Any) -> None:
    mixed = rows[:]
    shuffle.shuffle(mixed)
    found = [lift(np.array([s for s, _ in r]), np.array([h for _, h in r])) for r in (rows, mixed)]
    assert found[0] == found[1] or found[0] == pytest.approx(found[1])


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.booleans())
def test_a_calibration_never_falls_and_keeps_the_level(seed: int, staircase: bool) -> None:
    draw = np.random.default_rng(seed)
    raw = draw.normal(-2, 1, 800)
    happened = draw.random(800) < 1 / (1 + np.exp(-(0.5 * raw + draw.normal())))
    if happened.all() or not happened.any():
        return
    made = calibrate(raw, happened, 1 if staircase else 10_000)
    assert made.kind == ("staircase" if staircase else "line")
    said = made(np.sort(raw))
    assert (np.diff(said) >= 0).all() and (said > 0).all() and (said < 1).all()
    assert said.mean() == pytest.approx(happened.mean(), abs=0.01)
    assert np.array_equal(Calibration.from_json(made.to_json())(raw), made(raw))


def test_a_useless_score_is_brought_to_the_level_and_no_further() -> None:
    draw = np.random.default_rng(3)
    raw = draw.normal(0, 1, 4_000)
    happened = draw.random(4_000) < 0.05
    said = calibrate(-np.abs(raw), happened, 10_000)(-np.abs(raw))
    assert said.mean() == pytest.approx(0.05, abs=0.01)


@given(st.lists(st.one_of(st.none(), st.integers(-5, 5)), min_size=1, max_size=300))
def test_nothing_has_drifted_from_itself(values: list[int | None]) -> None:
    given_values = np.array([np.nan if v is None else float(v) for v in values])
    steps = Steps.of(given_values)
    counts = steps.counts(given_values)
    assert counts.sum() == len(values)
    assert steps.index(counts) == pytest.approx(0, abs=1e-12)
    assert Steps.from_json(steps.to_json()) == steps


def test_drift_is_the_textbooks() -> None:
    steps = Steps((0.0,), (0.5, 0.5, 0.0))
    found = steps.index(np.array([20, 80, 0]))
    wanted = (0.2 - 0.5) * math.log(0.2 / 0.5) + (0.8 - 0.5) * math.log(0.8 / 0.5)
    assert found == pytest.approx(wanted, abs=1e-3)
    assert [judged(x, 100, 250) for x in (0.099, 0.1, 0.25, None)] == ["steady", "warn", "alarm", "unknown"]


def sheets(seed: int) -> tuple[Sheet, Sheet, Sheet]:
    made = [Sheet(*data(seed + i, rows)) for i, rows in enumerate((3_000, 1_500, 1_500))]
    return made[0], made[1], made[2]


def test_learning_is_the_same_on_any_number_of_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = threadpoolctl.threadpool_limits

    told = []
    for threads in (1, 2):
        monkeypatch.setattr(threadpoolctl, "threadpool_limits", lambda _, n=threads: usual(n))
        with usual(threads):
            learned = learn(*sheets(1), negatives=2, seed=5)
            told.append(json.dumps([learned.trees.to_json(), learned.calibration.to_json(), learned.ours]))
    assert told[0] == told[1]


def test_what_is_learned_is_worth_something_and_bears_out() -> None:
    learned = learn(*sheets(2), seed=0)
    assert learned.ours["auc"] > 0.75
    assert learned.ours["calibration_error"] < 0.06
    assert learned.ours["said_mean"] == pytest.approx(learned.ours["seen_mean"], abs=0.05)
    assert sum(step["count"] for step in learned.table) == 1_500


def test_drawing_fewer_who_did_not_act_keeps_the_level() -> None:
    """Log-odds are brought back to the share among all, before any calibration."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(60_000, 2))
    y = draw.random(60_000) < 0.02 * np.exp(x[:, 0] * 0.5)
    cuts = ((0, 40_000), (40_000, 50_000), (50_000, 60_000))
    train, later, report = (Sheet(x[a:b], y[a:b]) for a, b in cuts)
    learned = learn(train, later, report, negatives=1, seed=0)
    said = 1 / (1 + np.exp(-learned.trees.raw(report.rows[:, list(learned.kept)])))
    assert said.mean() == pytest.approx(y.mean(), rel=0.2)


def test_one_outcome_teaches_nothing() -> None:
    train, later, report = sheets(3)
    with pytest.raises(ScoreError, match="only one was seen"):
        learn(Sheet(train.rows, np.zeros(len(train.rows), bool)), later, report)


def test_expected_value_by_hand() -> None:
    amounts = tuple(float(1_000_000 * (i + 1)) for i in range(len(BANDS) + 1))
    worth = Worth("2026-05-31", 365, 0.01, 0.02, 0.5, {"fund": 0.03}, {"fund": amounts})
    aum = np.array([0.0, 10_000_000.0])
    found = worth.value(
        aum, np.array([0.0, -2_000_000.0]), np.array([0.0, 0.2]), {"fund": np.array([0.1, 0.1])}
    )
    # 100,000 yuan x 1 % x (1 - 0.2 x 0.5) + 20,000 x 2 % + 0.1 x 30,000 x 3 % = 1,390 yuan
    assert found.tolist() == [3_000, 139_000]
    assert Worth.from_text(worth.text) == worth
    assert worth.value(aum, np.zeros(2), None, {}).tolist() == [0, 100_000]


def test_means_of_few_are_drawn_to_the_mean_of_all() -> None:
    aum = np.array([0.0] * 100 + [200_000_000.0])
    brought = np.array([100.0] * 100 + [1_000_000.0])
    found = usual_amounts(aum, brought)
    mean = brought.mean()
    assert found[-1] == pytest.approx((1_000_000 + 30 * mean) / 31)
    assert found[2] == pytest.approx(mean)
    assert 100 < found[0] < mean
