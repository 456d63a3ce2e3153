"""CDNOW (Fader, Hardie and Lee, 2005): BG/NBD gives the paper's parameters, likelihood and expectation."""

from __future__ import annotations

import csv
import datetime as dt
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from quanke.plans.scores.purchases import BetaGeometricNBD

SOURCE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "cdnow"
END = dt.date(1997, 9, 30)
"""Last day of the paper's 39 weeks of calibration."""
WEEKS = 39

pytestmark = pytest.mark.skipif(not SOURCE.is_dir(), reason=f"no CDNOW data: {SOURCE} is absent")


def histories() -> NDArray[np.float64]:
    """Customers x (frequency, recency, T, days bought in the 39 weeks after), weeks, from the sample's
    purchases; those of one day are one."""
    bought: dict[str, set[dt.date]] = defaultdict(set)
    for line in (SOURCE / "CDNOW_sample.txt").read_text("ascii").splitlines():
        words = line.split()
        bought[words[1]].add(dt.datetime.strptime(words[2], "%Y%m%d").date())
    rows = []
    for days in bought.values():
        seen = sorted(day for day in days if day <= END)
        later = sum(1 for day in days if END < day <= END + dt.timedelta(weeks=WEEKS))
        rows.append((len(seen) - 1, (seen[-1] - seen[0]).days / 7, (END - seen[0]).days / 7, later))
    return np.array(rows, np.float64)


@pytest.fixture(scope="module")
def fitted() -> BetaGeometricNBD:
    return BetaGeometricNBD().fit(*histories().T[:3])


def test_the_papers_parameters(fitted: BetaGeometricNBD) -> None:
    assert len(histories()) == 2_357
    assert (fitted.r_, fitted.alpha_, fitted.a_, fitted.b_) == pytest.approx(
        (0.243, 4.414, 0.793, 2.426), abs=5e-4
    )
    assert fitted.log_likelihood_ == pytest.approx(-9582.4, abs=0.05)
    assert fitted.converged_ and fitted.bounds_ == ()


def test_the_summary_file_says_the_same(fitted: BetaGeometricNBD) -> None:
    with (SOURCE / "cdnow_customers_summary.csv").open(encoding="ascii") as file:
        rows = np.array([[float(r[n]) for n in ("frequency", "recency", "T")] for r in csv.DictReader(file)])
    again = BetaGeometricNBD().fit(*rows.T)
    for name in ("r_", "alpha_", "a_", "b_"):
        assert getattr(again, name) == pytest.approx(getattr(fitted, name), rel=1e-3)


def test_the_papers_expectations(fitted: BetaGeometricNBD) -> None:
    assert fitted.predict([2], [30.43], [38.86], 39)[0] == pytest.approx(1.226, abs=1e-3)
    x, t_x, t, later = histories().T
    said = fitted.predict(x, t_x, t, WEEKS)
    # the paper: individual expectations and what came correlate by 0.63
    assert np.corrcoef(said, later)[0, 1] == pytest.approx(0.63, abs=0.005)
    assert said.sum() == pytest.approx(later.sum(), rel=0.13), "low, as the paper's own curve"
    naive = x / np.maximum(t, 1 / 7) * WEEKS
    assert np.abs(said - later).mean() < np.abs(naive - later).mean()
