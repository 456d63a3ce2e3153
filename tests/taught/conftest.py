"""Homes with campaigns and what they taught, made once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from quanke.bank.home import Home
from quanke.night import night
from quanke.night.uplift_training import Taught, learn_uplift
from tests.homes import BUCKET, LAST
from tests.taught.campaigns import FUND, HARM, with_campaigns

FEATURES = ("age", "tenure_months", "aum", "demand_balance", "logins_90d")


@pytest.fixture(scope="session")
def pushed(loaded: Path, after_may: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the night of May, in which the campaigns of April are loaded."""
    folder = tmp_path_factory.mktemp("pushed")
    shutil.copytree(after_may, folder / "home")
    with_campaigns(folder / "home", loaded.parent / "files", folder / "more")
    return folder / "home"


@pytest.fixture(scope="session")
def taught(pushed: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Taught]]:
    """A copy of that in which two campaigns were learned from, and what they taught."""
    home = tmp_path_factory.mktemp("taught") / "home"
    shutil.copytree(pushed, home)
    found = {
        name: learn_uplift(Home.open(home), [name], offer=offer, features=FEATURES)
        for name, offer in ((FUND, "fund"), (HARM, "win_back"))
    }
    return home, found


@pytest.fixture(scope="session")
def after(taught: tuple[Path, dict[str, Taught]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of that with the night of June, which applies it."""
    home = tmp_path_factory.mktemp("applied") / "home"
    shutil.copytree(taught[0], home)
    night(Home.open(home), LAST, bucket=BUCKET)
    return home
