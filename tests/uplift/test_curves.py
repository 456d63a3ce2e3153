"""Qini and AUUC: the formulas, ties, what must not change them, and how far the interval reaches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from quanke.effects.uplift import auuc, qini
from quanke.kernel.errors import EffectError
from tests.uplift import oracle

ROWS = st.lists(
    st.tuples(st.integers(0, 8), st.integers(0, 1), st.integers(0, 1)), min_size=6, max_size=60
).filter(lambda rows: len({t for _, t, _ in rows}) == 2 and len({y for _, _, y in rows}) == 2)


def arrays(rows: list[tuple[int, int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    score, treated, outcome = (np.array(part, float) for part in zip(*rows, strict=True))
    return outcome, treated, score


def drawn(n: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcome, arm and score of customers of whom half gain 8 points, and the score knows a little of it."""
    treated, moved = random.random(n) < 0.4, random.random(n) < 0.5
    outcome = (random.random(n) < 0.1 + 0.08 * (treated & moved)).astype(float)
    return outcome, treated, np.round(moved + random.normal(size=n), 1)


def test_by_hand() -> None:
    # ranked: treated 1, untreated 0 | treated 0, untreated 1
    y, treated, score = np.array([1, 0, 0, 1]), np.array([1, 0, 1, 0]), np.array([2, 2, 1, 1])
    # Qini curve 0, 1, 0: area 2 above the line 0; the best curve 1 after one, 1 after three, 0 after four: 3
    assert float(qini(y, treated, score)) == pytest.approx(2 / 3)
    # uplift curve 0, 2, 0: area 4; the best 1, 2 (treated 1, untreated 0), 1.5 after three, 0: 5
    found = auuc(y, treated, score)
    assert list(found.customers) == [0, 2, 4] and list(found.gains) == [0, 2, 0]
    assert float(found) == pytest.approx(oracle.auuc(list(zip(score, treated, y, strict=True))))


@settings(max_examples=200, deadline=None)
@given(ROWS)
def test_equal_to_the_written_formulas(rows: list[tuple[int, int, int]]) -> None:
    assume(oracle.area([(y * (1 if t else -1), t, y) for _, t, y in rows], oracle.qini_height) > 1e-9)
    assert float(qini(*arrays(rows))) == pytest.approx(oracle.qini(rows), abs=1e-9)
    assume(oracle.area(oracle.best_uplift(rows), oracle.uplift_height) > 1e-9)
    assert float(auuc(*arrays(rows))) == pytest.approx(oracle.auuc(rows), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.randoms(use_true_random=False), st.floats(0.1, 20), st.floats(-50, 50))
def test_only_the_order_of_scores_counts(rows, random, scale, shift) -> None:  # type: ignore[no-untyped-def]
    mixed = list(rows)
    random.shuffle(mixed)
    y, treated, score = arrays(mixed)
    for measure in (qini, auuc):
        one, other = measure(*arrays(rows)), measure(y, treated, score * scale + shift)
        assert float(other) == pytest.approx(float(one), abs=1e-9)
        assert other.se == pytest.approx(one.se, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.floats(0.5, 100))
def test_amounts_are_in_their_own_unit(rows: list[tuple[int, int, int]], scale: float) -> None:
    y, treated, score = arrays(rows)
    y = y * 3 + np.arange(len(y)) % 4  # no chances any more
    for measure in (qini, auuc):
        one, other = measure(y, treated, score), measure(y * scale, treated, score)
        assert not one.normalised
        assert float(other) == pytest.approx(float(one) * scale, rel=1e-6, abs=1e-9)


def test_one_score_for_all_is_chance() -> None:
    y, treated, _ = drawn(500, np.random.default_rng(3))
    for measure in (qini, auuc):
        found = measure(y, treated, np.ones(500))
        assert (found.value, found.se) == (0.0, 0.0)


def test_the_best_order_is_one() -> None:
    y, treated, _ = drawn(500, np.random.default_rng(3))
    assert float(qini(y, treated, y * treated - y * ~treated)) == pytest.approx(1.0)


@pytest.mark.parametrize("measure", [qini, auuc])
@pytest.mark.parametrize("amounts", [False, True])
def test_the_standard_error_is_that_of_the_bootstrap(measure, amounts) -> None:  # type: ignore
    random = np.random.default_rng(5)
    y, treated, score = drawn(2_000, random)
    y = y * random.gamma(2, 30, len(y)) if amounts else y
    arms = np.flatnonzero(treated), np.flatnonzero(~treated)
    values = []
    for _ in range(300):
        chosen = np.concatenate([random.choice(arm, len(arm)) for arm in arms])
        values.append(float(measure(y[chosen], treated[chosen], score[chosen])))
    assert measure(y, treated, score).se == pytest.approx(np.std(values), rel=0.15)


@pytest.mark.parametrize("measure", [qini, auuc])
def test_the_interval_holds_the_truth(measure) -> None:  # type: ignore[no-untyped-def]
    random = np.random.default_rng(11)
    truth = float(measure(*drawn(1_500_000, random)))
    held = [f.low <= truth <= f.high for f in (measure(*drawn(3_000, random)) for _ in range(600))]
    assert 0.93 <= np.mean(held) <= 0.97  # three standard errors of 600 are 2.7 points


@pytest.mark.parametrize(
    ("y", "treated", "score", "word"),
    [
        ([0, 1, np.nan, 1], [0, 1, 0, 1], [1, 2, 3, 4], "row 2"),
        ([0, 1, 0, 1], [1, 1, 1, 1], [1, 2, 3, 4], "one arm"),
        ([0, 1, 0, 1], [0, 1, 2, 1], [1, 2, 3, 4], "row 2"),
        ([0, 1, 0, 1], [0, 1, 0, 1], [1, 2, 3], "3 rows"),
        ([0, 1, 0, 1], [0, 1, 0], [1, 2, 3, 4], "3 rows"),
        ([[0], [1]], [0, 1], [1, 2], "one row"),
        (["a", "b"], [0, 1], [1, 2], "numbers"),
    ],
)
def test_what_does_not_fit_is_said(y, treated, score, word) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(EffectError, match=word):
        qini(y, treated, score)


def test_a_level_is_a_level() -> None:
    with pytest.raises(EffectError, match="level"):
        qini([0, 1], [0, 1], [0, 1], level=95)
