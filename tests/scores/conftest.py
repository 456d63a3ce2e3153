"""Homes with trained scores, made once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from quanke.bank.home import Home
from quanke.night import night
from quanke.night.training import Trained, train
from quanke.plans.scores import ScoreRules
from quanke.segments import Dated
from tests.homes import BUCKET, LAST, MAY

SMALL = ScoreRules(
    least_trained=Dated.of(25),
    least_calibrated=Dated.of(5),
    least_reported=Dated.of(3),
    least_payers=Dated.of(200),
)
"""Rules under which a bank of three thousand has two models."""
FEATURES = (
    "age", "tenure_months", "aum", "aum_30d", "aum_90d", "aum_30d_ago", "deposits", "demand_balance",
    "term_balance", "idle_share", "product_count", "accounts_open", "has_term", "inflow_90d", "outflow_30d",
    "out_to_banks_30d", "transactions_90d", "logins_90d", "has_salary", "first_account_on", "contacts_90d",
)  # fmt: skip
"""Some of every kind: a fifth of what could be, and learned from in a fifth of the time."""
SCORES = ("propensity_term", "churn_risk", "expected_value")


def trained_on(home: Path, **more: object) -> Trained:
    """Scores of a home as of the end of May."""
    given = {"rules": SMALL, "only": SCORES, "features": FEATURES, **more}
    return train(Home.open(home), MAY, **given)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def trained(after_may: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Trained]:
    """A home with the night of May and scores trained on what was known then."""
    home = tmp_path_factory.mktemp("trained") / "home"
    shutil.copytree(after_may, home)
    return home, trained_on(home)


@pytest.fixture(scope="session")
def scored(trained: tuple[Path, Trained], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of that with the night of June, which applies them."""
    home = tmp_path_factory.mktemp("scored") / "home"
    shutil.copytree(trained[0], home)
    night(Home.open(home), LAST, bucket=BUCKET)
    return home
