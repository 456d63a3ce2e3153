"""Small tables whose answer is worked out on paper."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from quanke.effects import estimate, estimate_many


def test_difference_of_means() -> None:
    # treated 3, 5, 7: mean 5, variance 4; control 1, 2: mean 1.5, variance 0.5
    found = estimate([3, 5, 7, 1, 2], [1, 1, 1, 0, 0])
    assert (found.effect, found.mean_treated, found.mean_control) == (3.5, 5.0, 1.5)
    assert found.se == pytest.approx(sqrt(4 / 3 + 0.5 / 2), rel=1e-12)
    freedom = (4 / 3 + 1 / 4) ** 2 / ((4 / 3) ** 2 / 2 + (1 / 4) ** 2 / 1)
    assert found.degrees_of_freedom == pytest.approx(freedom, rel=1e-12)
    assert (found.n_treated, found.n_control, found.total) == (3, 2, 10.5)
    assert found.relative == pytest.approx(3.5 / 1.5)
    assert found.variance_reduction == 0.0


def test_unknown_outcomes_are_left_out_and_told() -> None:
    found = estimate([3, 5, 7, np.nan, 1, 2, np.nan], [1, 1, 1, 1, 0, 0, 0])
    assert (found.effect, found.n_treated, found.n_control) == (3.5, 3, 2)
    assert found.warnings[0] == (
        "Left out, as their outcome is not known: 1 treated (25.0%) and 1 in control (33.3%)."
    )


def test_arms_that_lose_customers_differently_are_told() -> None:
    outcome = np.arange(2_000.0)
    treated = outcome % 2 == 0
    outcome[treated & (outcome < 400)] = np.nan
    assert any("different rates" in said for said in estimate(outcome, treated).warnings)
    outcome = np.arange(2_000.0)
    outcome[:400] = np.nan
    assert not any("different rates" in said for said in estimate(outcome, treated).warnings)


def test_strata_are_weighed_by_all_their_customers() -> None:
    # stratum a: 3 customers each arm would see 10 more, stratum b (2 treated, 4 control) 1 more
    outcome = [10, 12, 20, 22, 5, 7, 4, 4, 6, 6]
    treated = [0, 0, 1, 1, 1, 1, 0, 0, 0, 0]
    strata = list("aaaabbbbbb")
    found = estimate(outcome, treated, strata=strata)
    assert found.effect == pytest.approx(0.4 * 10 + 0.6 * 1)
    # variances of the means: a 2/2 and 2/2, b 2/2 and (4/3)/4
    assert found.se == pytest.approx(sqrt(0.16 * (1 + 1) + 0.36 * (1 + 1 / 3)))
    assert estimate(outcome, treated).effect == pytest.approx(13.5 - 42 / 6)


def test_strata_without_two_customers_in_an_arm_count_as_one() -> None:
    outcome = [10, 12, 20, 22, 5, 7, 4, 9, 6, 6]
    treated = [0, 0, 1, 1, 1, 0, 0, 1, 0, 0]
    found = estimate(outcome, treated, strata=list("aaaabccdde"))
    same = estimate(outcome, treated, strata=list("aaaazzzzzz"))
    assert (found.effect, found.se) == (pytest.approx(same.effect), pytest.approx(same.se))
    assert any("4 strata" in said for said in found.warnings)


def test_strata_that_even_together_lack_an_arm_are_left_out() -> None:
    found = estimate([10, 12, 20, 22, 5, 7], [0, 0, 1, 1, 1, 1], strata=[1, 1, 1, 1, 2, 3])
    assert (found.effect, found.n_treated) == (10.0, 2)
    assert any("2 customers of strata" in said for said in found.warnings)


def test_a_covariate_takes_its_own_difference_away() -> None:
    # outcome = 2 x + 5 for the treated, exactly
    x = np.array([1.0, 2, 3, 4, 5, 6, 7, 8] * 5)
    treated = np.arange(40) % 3 == 0
    found = estimate(2 * x + 5 * treated, treated, x)
    assert found.effect == pytest.approx(5, abs=1e-12)
    assert found.variance_reduction == pytest.approx(1)


def test_gaps_of_a_covariate_are_filled_and_marked() -> None:
    draws = np.random.default_rng(3)
    x = draws.normal(size=400)
    treated = np.arange(400) % 2 == 0
    y = x + treated
    holes = np.arange(400) % 10 == 0
    gappy = np.where(holes, np.nan, x)
    found = estimate(y, treated, gappy)
    by_hand = estimate(y, treated, np.column_stack([np.where(holes, x[~holes].mean(), x), holes]))
    assert (found.effect, found.se) == (by_hand.effect, by_hand.se)
    assert any("40 values of covariates" in said for said in found.warnings)


def test_ratio_of_sums() -> None:
    # treated: 30 over 6 = 5, control 12 over 4 = 3
    y, d, treated = np.array([10, 20, 4, 8.0]), np.array([2, 4, 2, 2.0]), np.array([1, 1, 0, 0])
    found = estimate(y, treated, denominator=d)
    assert (found.effect, found.mean_treated, found.mean_control) == (2.0, 5.0, 3.0)
    # residuals y - R d: treated 0, 0; control -2, 2 over the mean denominator 2: variance 2, of two
    assert found.se == pytest.approx(1)
    assert found.total == pytest.approx(2 * 6)


def test_the_effect_per_customer_reached() -> None:
    outcome = np.array([1, 1, 0, 0, 1, 0, 0, 0.0])
    treated = np.array([1, 1, 1, 1, 0, 0, 0, 0])
    found = estimate(outcome, treated, reached=[1, 1, 0, 0, 0, 0, 0, 0])
    assert (found.effect, found.reached, found.effect_reached) == (0.25, 2, 0.5)
    # variance of outcome - 0.5 reached: treated .5, .5, 0, 0, control 1, 0, 0, 0, over the share reached
    assert found.se_reached == pytest.approx(sqrt((1 / 12) / 4 + 0.25 / 4) / 0.5)
    assert estimate(outcome, treated).effect_reached is None


def test_nobody_reached_and_control_reached() -> None:
    outcome, treated = np.array([1, 0, 0, 1.0]), [1, 1, 0, 0]
    assert estimate(outcome, treated, reached=[0, 0, 0, 0]).effect_reached is None
    stray = estimate(outcome, treated, reached=[1, 1, 1, 0])
    assert any("1 customers in control were reached" in said for said in stray.warnings)


def test_clusters_by_hand() -> None:
    # branches of two customers: treated means 3 and 5, control 1 and 1
    outcome, treated = np.array([2, 4, 5, 5, 1, 1, 0, 2.0]), [1, 1, 1, 1, 0, 0, 0, 0]
    found = estimate(outcome, treated, cluster=["p", "p", "q", "q", "r", "r", "s", "s"])
    # scores by branch: (-1 - 1) / 4 ... sums of residuals -2, 2, 0, 0 over 4: 2 * 0.25, times 4/3 and 7/6
    assert (found.effect, found.se) == (3.0, pytest.approx(sqrt(0.5 * 4 / 3 * 7 / 6)))
    assert found.degrees_of_freedom == pytest.approx(1)  # all that varies are the two treated branches
    assert any("Only 4 clusters" in said for said in found.warnings)


def test_many_metrics_are_corrected_together() -> None:
    draws = np.random.default_rng(11)
    treated = np.arange(600) % 2 == 0
    outcomes = draws.normal(size=(600, 3))
    for j, beyond in enumerate((0.5, 2.1, 9.0)):  # standard errors that the effects shall lie from zero
        noise = estimate(outcomes[:, j], treated)
        outcomes[:, j] += treated * (beyond * noise.se - noise.effect)
    found = estimate_many(outcomes, treated, names=["a", "b", "c"])
    single = {name: estimate(outcomes[:, j], treated) for j, name in enumerate("abc")}
    p = sorted((one.p_value, name) for name, one in single.items())
    running = 0.0
    for rank, (value, name) in enumerate(p):  # Holm: the k-th smallest times what is left, never falling
        running = max(running, min(1.0, value * (3 - rank)))
        assert found[name].p_adjusted == pytest.approx(running)
        assert (found[name].effect, found[name].se) == (single[name].effect, single[name].se)
    assert found["c"].significant and found["c"].metrics == 3
    assert found["b"].low > 0 and not found["b"].significant, "its own interval leaves out zero by chance"
    assert "No measurable effect" in found["b"].sentence and "of 3 metrics" in found["b"].sentence
    loose = estimate_many(outcomes, treated, names=["a", "b", "c"], correction="fdr_bh")
    assert loose["b"].p_adjusted is not None and loose["b"].p_adjusted == pytest.approx(p[1][0] * 3 / 2)
    assert loose["b"].p_adjusted < found["b"].p_adjusted


def test_each_metric_has_its_own_covariate_denominator_and_unit() -> None:
    draws = np.random.default_rng(12)
    treated = draws.random(300) < 0.4
    y, x = draws.normal(size=(300, 2)), draws.normal(size=(300, 2))
    d = draws.integers(1, 5, 300)
    by_matrix = estimate_many(y, treated, x, correction=None)
    by_name = estimate_many(
        {"0": y[:, 0], "1": y[:, 1]}, treated, {"0": x[:, 0], "1": x[:, 1]}, correction=None,
        unit={"1": "fen"}, denominator={"1": d},
    )  # fmt: skip
    assert by_matrix["0"] == by_name["0"] == estimate(y[:, 0], treated, x[:, 0])
    assert by_name["1"] == estimate(y[:, 1], treated, x[:, 1], denominator=d, unit="fen")
