"""The bank made by hand, loaded once, with its night."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.experiments.small_bank import END, write_bank


@pytest.fixture(scope="session")
def by_hand(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of the bank of `small_bank`, with the night of its last day. Read only, but for what measuring
    publishes."""
    from quanke.bank.home import Home
    from quanke.bank.load import load
    from quanke.kernel.progress import SilentProgress
    from quanke.night import night

    folder = tmp_path_factory.mktemp("by-hand")
    files = write_bank(folder / "files")
    home = Home.create(folder / "home")
    report = load(home, files, progress=SilentProgress())
    assert not [error for table in report.tables.values() for error in table.errors]
    night(home, END)
    return folder / "home"
