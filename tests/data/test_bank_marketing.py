"""UCI bank marketing, cut by time: better ordered and better calibrated than what a bank would try first."""

from __future__ import annotations

import pytest
from benchmarks.scores.bank_marketing import SOURCE, read
from benchmarks.scores.peers import gradient_boosting, logistic_regression

from quanke.plans.scores.fitting import learn

pytestmark = pytest.mark.skipif(not SOURCE.is_dir(), reason=f"no bank marketing data: {SOURCE} is absent")


def test_ours_bears_out_better_on_the_last_fifth() -> None:
    train, later, report = read()
    assert len(train.rows) + len(later.rows) + len(report.rows) == 41_188
    ours = learn(train, later, report, seed=0)
    line, boosting = (peer(train, later, report) for peer in (logistic_regression, gradient_boosting))
    assert ours.ours["auc"] > 0.72 > max(line["auc"], boosting["auc"])
    assert ours.ours["lift_top_decile"] > 1.55
    assert ours.ours["lift_top_decile"] > boosting["lift_top_decile"]
    assert (
        ours.ours["calibration_error"] < 0.13 < min(line["calibration_error"], boosting["calibration_error"])
    )
    assert ours.moved, "interest rates and prices stand for the time, and are seen to"
