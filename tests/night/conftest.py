"""A small loaded home with two nights."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from quanke.bank.home import Home
from quanke.night import Bank


@pytest.fixture
def home(loaded: Path, tmp_path: Path) -> Iterator[Home]:
    """A copy of the loaded home."""
    shutil.copytree(loaded, tmp_path / "home")
    yield Home.open(tmp_path / "home")


@pytest.fixture(scope="session")
def bank(after_june: Path) -> Bank:
    """The home with the nights of May and June published. Read only."""
    return Bank(Home.open(after_june))
