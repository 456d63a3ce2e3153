"""A disk that fills up during a load: a clear end, nothing half done, and the rest once there is room."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from quanke.bank.home import Home
from quanke.kernel.errors import QuankeError
from tests.bank.busy_bank import write_busy_bank
from tests.bank.small_bank import digest, load_into


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 300 kilobytes."""
    path = tmp_path / "disk"
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "quanke-test", str(path)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here (needs root)")
    yield path
    subprocess.run(["umount", str(path)], check=True)


def test_a_full_disk(disk: Path, tmp_path: Path) -> None:
    given = write_busy_bank(tmp_path / "given")
    whole = Home.create(tmp_path / "whole")
    load_into(whole, given)
    home = Home.create(disk / "home")
    refusals = 0
    for size in range(300, 20_000, 150):
        try:
            load_into(Home.open(home.path), given)
            break
        except QuankeError as error:
            assert "disk" in str(error) and "\n" not in str(error)
            assert not (home.path / "work").exists()
            refusals += 1
            grown = f"remount,size={size + 150}k"
            subprocess.run(["mount", "-o", grown, str(disk)], check=True)
    assert refusals > 3
    assert digest(home.path) == digest(whole.path)
