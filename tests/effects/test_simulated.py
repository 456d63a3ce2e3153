"""A thousand campaigns of each kind of estimate, over what the sample bank's customers really held."""

from __future__ import annotations

from typing import Any

import pytest
from benchmarks.effects.customers import Customers, customers
from benchmarks.effects.simulated import METHODS, coverage, peeking

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Customers:
    """Customers of a sample bank."""
    return customers(30_000, tmp_path_factory.mktemp("effects") / "bank")


@pytest.fixture(scope="module")
def covered(found: Customers) -> dict[str, Any]:
    """How often intervals held the truth."""
    return coverage(found, 1_000)


@pytest.mark.parametrize("method", METHODS)
def test_intervals_hold_the_truth_as_often_as_they_say(covered: dict[str, Any], method: str) -> None:
    assert 0.93 <= covered["coverage"][method] <= 0.97


def test_what_customers_held_before_takes_most_of_the_variance_away(covered: dict[str, Any]) -> None:
    assert covered["variance_reduction"] > 0.9


def test_daily_looks_raise_no_false_alarms(found: Customers) -> None:
    rates = peeking(found, 100)
    assert rates["arriving.always"] <= 0.05 and rates["maturing.always"] <= 0.05
    assert rates["arriving.naive"] > 0.15, "without it, looking every day would mislead"
