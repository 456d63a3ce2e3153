"""kill -9 at random moments of a load: run it again, and the home's bytes are an undisturbed run's."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from quanke.bank.home import Home
from tests.bank.busy_bank import write_busy_bank
from tests.bank.small_bank import SMALL, digest, load_into

KILLS = 12
SEED = 20_260_630
CHILD = """
import sys
from pathlib import Path
from quanke.bank.home import Home
from quanke.bank.load import Resources, load
from quanke.kernel.progress import SilentProgress
home = Home.open(Path(sys.argv[1]))
print("begins", flush=True)
load(home, Path(sys.argv[2]), progress=SilentProgress(), resources=Resources(sys.argv[3], 2))
"""


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hand-over of every kind of table, several units each."""
    return write_busy_bank(tmp_path_factory.mktemp("kill") / "given")


@pytest.fixture(scope="module")
def calm(given: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A home into which it was loaded undisturbed, and the seconds that took."""
    home = Home.create(tmp_path_factory.mktemp("calm") / "home")
    begin = time.monotonic()
    assert load_into(home, given).errors == []
    return home.path, time.monotonic() - begin


def start(home: Path, given: Path) -> subprocess.Popen[str]:
    """A load in a process of its own, which has just begun."""
    source = str(Path(__file__).resolve().parents[2] / "src")
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(home), str(given), SMALL.memory],
        env={**os.environ, "PYTHONPATH": source},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begins\n"
    return process


def test_a_load_killed_at_twelve_moments(given: Path, calm: tuple[Path, float], tmp_path: Path) -> None:
    whole, span = Home.open(calm[0]), calm[1]
    expected = digest(whole.path)
    moments = random.Random(SEED)
    killed = finished = 0
    homes: list[Path] = []
    while killed < KILLS:
        home = Home.create(tmp_path / f"home-{len(homes)}").path
        homes.append(home)
        while killed < KILLS:
            process = start(home, given)
            try:
                process.wait(timeout=moments.uniform(0, span / 3))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                killed += 1
                continue
            assert process.returncode == 0
            finished += 1
            break
    for home in homes:
        report = load_into(Home.open(home), given)
        assert report.errors == []
        assert digest(home) == expected
    books = [Home.open(home).book("transactions") for home in homes]
    assert all(len(book.units) == len(whole.book("transactions").units) for book in books)


def test_a_redelivery_killed_midway(calm: tuple[Path, float], tmp_path: Path) -> None:
    """The same where rows are replaced and the ledger is corrected: both deliveries, killed in the second."""
    second = write_busy_bank(tmp_path / "second", seed=7)
    for name in ("whole", "home"):
        shutil.copytree(calm[0], tmp_path / name)
    whole, home = Home.open(tmp_path / "whole"), Home.open(tmp_path / "home")
    begin = time.monotonic()
    assert load_into(whole, second).tables["balances"].replaced_units == ["2024-01", "2024-02", "2024-03"]
    span = time.monotonic() - begin
    expected = digest(whole.path)
    moments = random.Random(SEED + 1)
    for _ in range(6):
        process = start(home.path, second)
        try:
            process.wait(timeout=moments.uniform(0, span / 2))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
    load_into(Home.open(home.path), second)
    assert digest(home.path) == expected
