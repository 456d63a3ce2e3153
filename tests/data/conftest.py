"""The Berka files, adapted once and loaded once."""

from __future__ import annotations

from pathlib import Path

import pytest

from quanke.bank.adapters.berka import BerkaReport, adapt
from quanke.bank.home import Home
from quanke.bank.load import LoadReport, load
from quanke.kernel.progress import SilentProgress

BERKA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "berka"


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where they are adapted to."""
    return tmp_path_factory.mktemp("berka")


@pytest.fixture(scope="session")
def report(target: Path) -> BerkaReport:
    """What the adapter says of them."""
    return adapt(BERKA, target)


@pytest.fixture(scope="session")
def loaded(
    report: BerkaReport, target: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, LoadReport]:
    """A home of theirs, not to be changed, and what the load says."""
    home = Home.create(tmp_path_factory.mktemp("berka-home") / "home", currency="CZK")
    return home.path, load(home, target, progress=SilentProgress())
