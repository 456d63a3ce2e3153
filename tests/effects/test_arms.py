"""Before any effect is read: have the arms their sizes, and were they alike?"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from quanke.effects import balance, estimate, resembles_random


def test_shares_by_hand() -> None:
    # 520 and 480 where 500 were meant: 20^2 / 500 twice = 1.6
    found = resembles_random(np.arange(1_000) < 480, 0.5)
    assert found.counts == (520, 480) and found.expected == (500.0, 500.0)
    assert found.p == pytest.approx(stats.chisquare([520, 480]).pvalue) == pytest.approx(0.2059, abs=1e-4)
    assert found and not found.alarm and "planned sizes" in found.sentence
    assert "control 520 (planned 500), treated 480 (planned 500)" in found.sentence


def test_alarm() -> None:
    treated = np.arange(10_000) < 7_800
    found = resembles_random(treated, 0.8)
    assert not found and found.alarm and found.p < 1e-5
    assert "do not have the planned sizes" in found.sentence and "不符" in found.sentence_zh
    assert resembles_random(treated, 0.8, alarm_below=1e-9)
    warned = estimate(np.arange(10_000.0), treated, expected=0.8)
    assert found.sentence in warned.warnings
    assert not estimate(np.arange(10_000.0), treated, expected=0.78).warnings


def test_several_arms() -> None:
    arms = ["a"] * 300 + ["b"] * 320 + ["c"] * 380
    even = resembles_random(arms, [1 / 3, 1 / 3, 1 / 3])
    assert even.arms == ("a", "b", "c") and even.p == pytest.approx(stats.chisquare([300, 320, 380]).pvalue)
    assert not even
    assert resembles_random(arms, {"c": 38, "a": 30, "b": 32}).p == pytest.approx(1)
    assert resembles_random(pa.array(arms), [0.3, 0.32, 0.38])
    missing = resembles_random(arms, {"a": 0.3, "b": 0.3, "c": 0.3, "d": 0.1})
    assert missing.counts[3] == 0 and not missing


def test_an_empty_arm_alarms() -> None:
    assert not resembles_random(np.zeros(100, bool), 0.5)
    assert not resembles_random(np.ones(100, int), [0.5, 0.5])


def test_false_alarms_are_as_rare_as_named() -> None:
    draws = np.random.default_rng(1)
    alarms = sum(resembles_random(draws.random(500) < 0.7, 0.7).alarm for _ in range(2_000))
    assert 4 <= alarms <= 38  # one in a hundred: 20 are expected


def test_balance_by_hand() -> None:
    # treated 1, 3, 5: mean 3, variance 4; control 2, 4: mean 3, variance 2; ages 10 apart
    rows = balance({"aum": [1, 3, 5, 2, 4], "age": [30, 30, 36, 20, 24.0]}, [1, 1, 1, 0, 0])
    assert [row.name for row in rows] == ["aum", "age"]
    aum, age = rows
    assert (aum.mean_treated, aum.mean_control, aum.smd, aum.variance_ratio, aum.p) == (3, 3, 0, 2, 1)
    assert not aum.alarm
    assert age.smd == pytest.approx(10 / np.sqrt((12 + 8) / 2))
    assert age.p == pytest.approx(stats.ttest_ind([30, 30, 36], [20, 24], equal_var=False).pvalue)
    # p = 0.04 alarms alone, and not as the smaller one of two
    assert age.p is not None and 0.025 < age.p < 0.05 and not age.alarm
    assert balance({"age": [30, 30, 36, 20, 24.0]}, [1, 1, 1, 0, 0])[0].alarm


def test_balance_with_gaps_and_without_variance() -> None:
    rows = balance(np.array([[1, 7, np.nan], [1, 8, np.nan], [1, np.nan, 1], [1, 9, 2]]), [1, 1, 0, 0], "abc")
    constant, gap, empty = rows
    assert (constant.smd, constant.variance_ratio, constant.p, constant.alarm) == (None, None, None, False)
    assert (gap.missing_treated, gap.missing_control, gap.mean_control) == (0, 1, 9.0)
    assert empty.missing_treated == 2 and empty.p is None
    apart = balance([1.0, 1.0, 2.0, 2.0], [1, 1, 0, 0])[0]
    assert apart.smd is None and apart.alarm, "no variance, and yet apart"


def test_balance_of_a_fair_draw_is_quiet() -> None:
    draws = np.random.default_rng(2)
    x = draws.lognormal(size=(4_000, 20))
    treated = draws.random(4_000) < 0.5
    assert not any(row.alarm for row in balance(x, treated))
    assert any(row.alarm for row in balance(x, treated | (x[:, 3] > 5)))


def test_small_arms_of_a_fair_draw_seldom_alarm() -> None:
    """535 and 94 customers with nine covariates: a tenth of a standard deviation is what chance makes."""
    draws = np.random.default_rng(4)
    alarms = apart = 0
    for _ in range(200):
        rows = balance(draws.normal(size=(629, 9)), draws.permutation(629) < 535)
        alarms += any(row.alarm for row in rows)
        apart += any(abs(row.smd or 0) > 0.1 for row in rows)
    assert apart > 150, "and yet far apart"
    assert alarms <= 22  # one in twenty: ten are expected


def test_chance_is_corrected_as_statsmodels_does() -> None:
    """Every row of tables in which no, some or all covariates are apart, by Holm's correction."""
    draws = np.random.default_rng(7)
    seen = []
    for table in range(30):
        rows = 1 + table // 3 % 10
        apart = draws.choice(([0.0], [0.0, 0.5, 0.6, 0.9], [2.0])[table % 3], rows)
        treated = np.arange(80) < 40
        found = balance(draws.normal(size=(80, rows)) + np.outer(treated, apart), treated, largest=0.0)
        wanted = multipletests([row.p for row in found], alpha=0.05, method="holm")[0].tolist()
        assert [row.alarm for row in found] == wanted
        by_itself = [row.p is not None and row.p < 0.05 for row in found]
        seen.append((any(wanted), all(wanted), by_itself == wanted))
    assert all(len(set(told)) == 2 for told in zip(*seen, strict=True)), "some alarm, some do not"


def test_one_customer_in_an_arm_is_no_alarm() -> None:
    assert not balance([1.0, 5.0, 2.0], [1, 0, 0])[0].alarm
    assert not balance([1.0, 5.0], [1, 0])[0].alarm


def test_clusters_that_were_drawn_are_what_is_counted() -> None:
    """Large and unequal clusters, half of them drawn: fair, though customers are not half and half."""
    draws = np.random.default_rng(6)
    alarms = 0
    for _ in range(100):
        cluster = np.repeat(np.arange(40), draws.integers(5, 200, 40))
        treated = (draws.random(40) < 0.5)[cluster]
        found = estimate(draws.normal(size=len(cluster)), treated, cluster=cluster, expected=0.5)
        alarms += any("planned sizes" in said for said in found.warnings)
    assert alarms <= 5
    cluster = np.repeat(np.arange(40), 10)
    found = estimate(draws.normal(size=400), cluster < 35, cluster=cluster, expected=0.5)
    assert any("control 5 (planned 20), treated 35 (planned 20)" in said for said in found.warnings)


def test_clusters_of_both_arms_are_not_checked_and_told() -> None:
    cluster = np.repeat(np.arange(40), 10)
    found = estimate(np.arange(400.0) % 7, np.arange(400) % 10 > 0, cluster=cluster, expected=0.5)
    assert any("are not checked against the plan" in said for said in found.warnings)


def test_arms_stand_by_their_value() -> None:
    codes = np.repeat([11, 2, 10, 1], [400, 200, 300, 100])
    found = resembles_random(codes, [0.1, 0.2, 0.3, 0.4])
    assert found.arms == ("1", "2", "10", "11") and found.counts == (100, 200, 300, 400)
    assert found.p == pytest.approx(1)


def test_an_arm_of_several_that_nobody_is_in() -> None:
    codes = np.repeat([0, 2], 100)
    for shares in ([1 / 3] * 3, {0: 1 / 3, 1: 1 / 3, 2: 1 / 3}):
        found = resembles_random(codes, shares)
        assert found.counts == (100, 0, 100) and found.alarm
    assert resembles_random(codes, [100, 1, 100])


def test_few_customers_are_tested_exactly() -> None:
    treated = np.arange(400) < 4
    found = resembles_random(treated, 0.002)
    # chi-square says 0.0003: four where 0.8 were meant are not that rare
    assert found.p == pytest.approx(stats.binomtest(4, 400, 0.002).pvalue) and found.p > 0.005
    draws = np.random.default_rng(3)
    alarms = sum(resembles_random(draws.random(100) < 0.01, 0.01).alarm for _ in range(500))
    assert alarms <= 12
