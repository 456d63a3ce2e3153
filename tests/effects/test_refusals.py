"""What cannot be measured is refused with the field and the rule, or said: never a made-up interval."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from quanke.effects import balance, detectable, estimate, estimate_many, resembles_random, sample_size
from quanke.kernel.errors import EffectError

Y, T = [1.0, 2.0, 3.0, 4.0], [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"treated": [1, 1, 1, 1]}, "nobody is in control"),
        ({"treated": [0, 0, 0, 0]}, "nobody is treated"),
        ({"treated": [0, 1, 2, 1]}, "neither in 1 rows"),
        ({"treated": [0, 1, np.nan, 1]}, "neither in 1 rows"),
        ({"treated": []}, "there are no customers"),
        ({"outcome": [1, 2, 3]}, "outcome: 3 rows, but 4 customers"),
        ({"outcome": [1, 2, 3, np.inf]}, "outcome: infinite in 1 rows"),
        ({"outcome": [1, 2, np.inf, -np.inf]}, "outcome: infinite in 2 rows"),
        ({"outcome": ["a", "b", "c", "d"]}, "outcome: has values that are not numbers"),
        ({"outcome": [np.nan, 2, 3, 4]}, "fewer than two customers"),
        ({"outcome": [[1, 2], [3, 4]]}, "not 2 dimensions"),
        ({"covariates": [1, 2, 3]}, "covariates: 3 rows"),
        ({"covariates": [1, 2, 3, np.inf]}, "covariates: infinite"),
        ({"strata": [1, 2, 3]}, "strata: 3 rows"),
        ({"strata": np.ones((4, 2))}, "strata: one code"),
        ({"strata": [[0, 1], [0, 1], [1, 0], [1, 1]]}, "strata: codes must be"),
        ({"strata": 1}, "strata: one code for each"),
        ({"strata": "abcd"}, "strata: one code for each"),
        ({"strata": np.int64(1)}, "strata: one code for each"),
        (
            {"outcome": np.array(["2026-01-01"] * 4, "datetime64[D]")},
            "outcome: has values that are not numbers",
        ),
        ({"outcome": pa.array([dt.date(2026, 1, 1)] * 4)}, "outcome: has values that are not numbers"),
        ({"outcome": [dt.datetime(2026, 1, 1)] * 4}, "outcome: has values that are not numbers"),
        ({"outcome": [1j, 2, 3, 4]}, "outcome: has values that are not numbers"),
        ({"outcome": ["1", "2", "3", "4"]}, "outcome: has values that are not numbers"),
        ({"outcome": 1.0}, "not 0 dimensions"),
        ({"level": "95 %"}, "level: must lie between 0 and 1"),
        ({"level": None}, "level: must lie between 0 and 1"),
        ({"sequential": "daily"}, "sequential"),
        ({"cluster": ["a", "b", None, "c"]}, "cluster: not known in 1 rows"),
        ({"cluster": ["a", "b", "c", "c"]}, "fewer than two clusters"),
        ({"denominator": [1, -1, 1, 1]}, "denominator: sums to zero"),
        ({"denominator": [1, 1, 1]}, "denominator: 3 rows"),
        ({"level": 95}, "level: must lie between 0 and 1"),
        ({"level": 0}, "level: must lie between 0 and 1"),
        ({"unit": "yuan"}, "unit: must be one of"),
        ({"sequential": 1}, "sequential"),
        ({"expected": 80}, "between 0 and 1"),
        ({"expected": "half"}, "expected: the planned share"),
        ({"reached": [1, 0, 1]}, "reached: 3 rows"),
        ({"reached": [1, 0, 1, 3]}, "reached: must be true or false"),
    ],
)
def test_refused(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(EffectError, match=said):
        estimate(**{"outcome": Y, "treated": T, **arguments})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"outcomes": {}}, "there are none"),
        ({"outcomes": [1.0, 2.0, 3.0, 4.0]}, "matrix is needed"),
        ({"correction": "bonferoni"}, "correction: must be one of"),
        ({"covariates": {"z": Y}}, "covariates: z is none of the outcomes"),
        ({"unit": {"z": "fen"}}, "unit: z is none of the outcomes"),
        ({"outcomes": np.ones((4, 2)), "names": ["a"]}, "names: 1 names for 2 outcomes"),
        ({"outcomes": {"a": Y, "b": [1, 2]}}, "outcome b: 2 rows"),
    ],
)
def test_many_refused(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(EffectError, match=said):
        estimate_many(**{"outcomes": {"a": Y}, "treated": T, **arguments})


def test_no_values_in_what_is_said() -> None:
    with pytest.raises(EffectError) as refused:
        estimate([123456.0, np.inf, 2, 3], T)
    assert "123456" not in str(refused.value)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: resembles_random([], 0.5), "no customers"),
        (lambda: resembles_random([0, 1], 1.0), "between 0 and 1"),
        (lambda: resembles_random(["a", "b", "c"], [0.5, 0.5]), "2 shares for 3 arms"),
        (lambda: resembles_random(["a", "b", "c"], 0.5), "one share only fits"),
        (lambda: resembles_random(["a", "b", "c"], {"a": 0.5, "b": 0.5}), "no share for 1"),
        (lambda: resembles_random([True, None], 0.5), "not known in 1 rows"),
        (lambda: resembles_random([0, 1], [1.0, 0.0]), "all above 0"),
        (lambda: resembles_random([[0, 1], [1, 0]], 0.5), "not 2 dimensions"),
        (lambda: resembles_random(1, 0.5), "not 0 dimensions"),
        (
            lambda: resembles_random(pd.array([True, None], dtype="boolean"), 0.5),
            "not known in 1 rows",
        ),
        (lambda: resembles_random([0.0, 1.0, np.nan], 0.5), "not known in 1 rows"),
        (lambda: resembles_random(np.array([0, "a"], object), 0.5), "all of one kind"),
        (lambda: resembles_random([0, 1], "half"), "shares that are not numbers"),
        (lambda: resembles_random([0, 1], ["half", "half"]), "shares that are not numbers"),
        (lambda: resembles_random([0, 1], {0: "half", 1: 0.5}), "shares that are not numbers"),
        (lambda: resembles_random([0, 1], None), "shares that are not numbers"),
        (lambda: resembles_random([0, 1], [np.nan, 0.5]), "all above 0"),
        (lambda: balance([1.0, 2.0], [1, 1]), "an arm is empty"),
        (lambda: balance([1.0, 2.0], [0, 1], ["a", "b"]), "2 names for 1"),
        (lambda: sample_size(0, 1), "effect of zero"),
        (lambda: sample_size(1, 0), "sd: must be above 0"),
        (lambda: sample_size(1, 1, share=1), "share: must lie"),
        (lambda: sample_size(1, 1, correlation=1), "correlation: must lie"),
        (lambda: sample_size(1, 1, cluster_correlation=2), "cluster: "),
        (lambda: detectable(3, 1), "fewer than two"),
    ],
)
def test_others_refuse(call: Any, said: str) -> None:
    with pytest.raises(EffectError, match=said):
        call()


def test_the_same_for_everybody() -> None:
    for amount in (0.0, 0.1, 12345.67):
        found = estimate(np.full(1_000, amount), np.arange(1_000) % 3 == 0)
        assert (found.effect, found.se, found.low, found.high, found.p_value) == (0, 0, 0, 0, 1)
        assert "the same for everybody" in found.sentence and "相同" in found.sentence_zh
        assert not found.significant and any("does not vary" in said for said in found.warnings)


def test_the_same_within_each_arm() -> None:
    found = estimate([1, 1, 1, 2, 2, 2], [0, 0, 0, 1, 1, 1])
    assert (found.effect, found.se, found.low, found.high) == (1, 0, 1, 1)
    assert found.sentence.startswith("Not measurable") and found.sentence_zh.startswith("无法测得")
    assert found.warnings
    assert not found.significant and found.p_value == 1


def test_no_lift_over_nothing() -> None:
    assert estimate([0, 0, 1, 3], T).relative is None
    assert estimate([-2, -4, 1, 3], T).relative == pytest.approx(5 / 3)


def test_covariates_that_say_nothing_are_told() -> None:
    y, t = np.arange(100.0), np.arange(100) % 2 == 0
    plain = estimate(y, t)
    for nothing in (np.full(100, 0.1), np.full(100, np.nan)):
        found = estimate(y, t, nothing)
        assert (found.effect, found.se) == (pytest.approx(plain.effect), pytest.approx(plain.se))
        assert any("Covariates are not used" in said for said in found.warnings)
    few = estimate(Y, T, [5, 1, 2, 3])
    assert few.effect == 2.0 and any("Covariates are not used" in said for said in few.warnings)


def test_a_covariate_twice_is_one() -> None:
    draws = np.random.default_rng(1)
    x, t = draws.normal(size=500), np.arange(500) % 2 == 0
    y = x + draws.normal(size=500)
    once, twice = estimate(y, t, x), estimate(y, t, np.column_stack([x, 1 - 3 * x]))
    assert (once.effect, once.se) == (pytest.approx(twice.effect), pytest.approx(twice.se))


def test_one_customer_who_decides_is_told() -> None:
    draws = np.random.default_rng(8)
    y, t = draws.normal(size=2_000), np.arange(2_000) % 5 > 0
    assert not any("uncertainty" in said for said in estimate(y, t).warnings)
    y[0] = 1_000
    assert any("One customer makes up 99" in said or "100%" in said for said in estimate(y, t).warnings)


def test_few_events_are_told() -> None:
    y, t = np.zeros(1_000), np.arange(1_000) % 2 == 0
    y[[0, 1, 2, 4, 6]] = 1
    assert any("Only 1 customers" in said for said in estimate(y, t, unit="people").warnings)


def test_arrays_of_arrow_with_gaps() -> None:
    y = pa.chunked_array([pa.array([100, None, 300], pa.int64()), pa.array([500, 700, 800], pa.int64())])
    t = pa.array([False, False, False, True, True, True])
    strata = pa.array(["a", "a", "a", "a", "a", "a"]).dictionary_encode()
    found = estimate(y, t, strata=strata)
    assert found.n_control == 2 and found.effect == pytest.approx(2_000 / 3 - 200)
    assert estimate(pa.array([None, True, False, True, False, True]), t).n_control == 2


def test_bools_and_whole_numbers_of_any_width() -> None:
    y = np.array([0, 1, 1, 1, 0, 1])
    t = np.array([0, 0, 0, 1, 1, 1])
    asked = estimate(y, t)
    for kind in (np.bool_, np.int8, np.uint32, np.float32):
        assert estimate(y.astype(kind), t.astype(bool)) == asked
    assert math.isfinite(asked.effect)


def test_a_stratum_that_is_not_known_is_one_of_its_own() -> None:
    y, t = [1.0, 2, 3, 4, 7, 8, 9, 9], [0, 0, 1, 1, 0, 0, 1, 1]
    assert estimate(y, t, strata=["a"] * 4 + [None] * 4) == estimate(y, t, strata=["a"] * 4 + ["b"] * 4)
