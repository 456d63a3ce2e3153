"""MineThatData's e-mail test: the three arms two by two, beside the plain formulas of a textbook."""

from __future__ import annotations

import csv
import gzip
from itertools import combinations
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from numpy.typing import NDArray

from quanke.effects import balance, estimate, estimate_many, resembles_random

SOURCE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "hillstrom" / "hillstrom.csv.gz"
WOMEN, MEN, NONE = "Womens E-Mail", "Mens E-Mail", "No E-Mail"
OUTCOMES = ("visit", "conversion", "spend")

pytestmark = pytest.mark.skipif(not SOURCE.is_file(), reason=f"no Hillstrom data: {SOURCE} is absent")


@pytest.fixture(scope="module")
def customers() -> dict[str, NDArray[np.object_]]:
    with gzip.open(SOURCE, "rt", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    return {name: np.array([row[name] for row in rows], object) for name in rows[0]}


def column(customers: dict[str, NDArray[np.object_]], name: str) -> NDArray[np.float64]:
    return customers[name].astype(float)


def test_shares_of_visits(customers: dict[str, NDArray[np.object_]]) -> None:
    visit = column(customers, "visit")
    said = {arm: round(100 * visit[customers["segment"] == arm].mean(), 3) for arm in (WOMEN, MEN, NONE)}
    assert said == {WOMEN: 15.140, MEN: 18.276, NONE: 10.617}


@pytest.mark.parametrize(("arm", "other"), list(combinations((MEN, WOMEN, NONE), 2)))
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_intervals_are_those_of_the_textbook(
    customers: dict[str, NDArray[np.object_]], arm: str, other: str, outcome: str
) -> None:
    """Difference of means or shares, unpooled, normal: four digits."""
    some = np.isin(customers["segment"], [arm, other])
    treated = customers["segment"][some] == arm
    y = column(customers, outcome)[some]
    a, b = y[treated], y[~treated]
    if outcome == "spend":
        se = (a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b)) ** 0.5
    else:
        p, q = a.mean(), b.mean()
        se = (p * (1 - p) / len(a) + q * (1 - q) / len(b)) ** 0.5
    reach = NormalDist().inv_cdf(0.975) * se
    effect = a.mean() - b.mean()
    found = estimate(y, treated)
    assert found.effect == pytest.approx(effect, rel=1e-12)
    assert found.se == pytest.approx(se, rel=1e-4)
    assert found.low == pytest.approx(effect - reach, abs=1e-4 * reach)
    assert found.high == pytest.approx(effect + reach, abs=1e-4 * reach)


def test_what_the_mails_brought(customers: dict[str, NDArray[np.object_]]) -> None:
    some = customers["segment"] != WOMEN
    treated = customers["segment"][some] == MEN
    outcomes = {name: column(customers, name)[some] for name in OUTCOMES}
    found = estimate_many(
        outcomes, treated, column(customers, "history")[some], expected=0.5, unit={"visit": "people"}
    )
    assert all(one.significant and not one.warnings for one in found.values())
    assert found["visit"].effect == pytest.approx(0.0766, abs=3e-4)
    assert found["visit"].sentence.startswith("About 1,628 more people")
    assert found["spend"].effect == pytest.approx(0.77, abs=0.01)


def test_the_arms_were_split_as_meant_and_alike(customers: dict[str, NDArray[np.object_]]) -> None:
    assert resembles_random(customers["segment"].astype(str), [1 / 3, 1 / 3, 1 / 3])
    before = {name: column(customers, name) for name in ("recency", "history", "mens", "womens", "newbie")}
    assert not any(row.alarm for row in balance(before, customers["segment"] == MEN))
