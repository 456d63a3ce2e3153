"""A small loaded home, made once."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from quanke.bank.home import Home
from quanke.bank.load import load
from quanke.bank.sample import write_sample
from quanke.kernel.progress import SilentProgress
from quanke.night import Bank
from quanke.night import night as run_night

LAST = dt.date(2026, 6, 30)
MAY = dt.date(2026, 5, 31)


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of 3,000 sample customers, loaded, without a night. Copy it before changing it."""
    folder = tmp_path_factory.mktemp("bank")
    write_sample(folder / "files", customers=3_000, seed=7, last_day=LAST, progress=SilentProgress())
    load(Home.create(folder / "home"), folder / "files", progress=SilentProgress())
    return folder / "home"


@pytest.fixture
def home(loaded: Path, tmp_path: Path) -> Iterator[Home]:
    """A copy of it."""
    shutil.copytree(loaded, tmp_path / "home")
    yield Home.open(tmp_path / "home")


@pytest.fixture(scope="session")
def bank(loaded: Path, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    """A copy with the nights of May and June published. Read only."""
    path = tmp_path_factory.mktemp("nights") / "home"
    shutil.copytree(loaded, path)
    opened = Home.open(path)
    for day in (MAY, LAST):
        run_night(opened, day, bucket=1_000)
    return Bank(opened)
