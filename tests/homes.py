"""Homes that several folders of tests use, each made once: `tests/conftest.py` takes these fixtures in.

Read only: a test that changes one has a copy of its own.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MAY, LAST = dt.date(2026, 5, 31), dt.date(2026, 6, 30)
BUCKET = 2_000
"""Customers of a part: the sample home has two parts. A statement is planned anew for each, which is most of
what so small a night takes."""

FILES = "files"
TOLD = "told"

Bank = tuple[Path, list[dict[str, Any]]]


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of 3,000 sample customers, loaded, without a night; beside it the files it was loaded from."""
    from quanke.bank.home import Home
    from quanke.bank.load import load
    from quanke.bank.sample import write_sample
    from quanke.kernel.progress import SilentProgress

    def make(path: Path) -> None:
        files = path.parent / FILES
        shutil.rmtree(files, ignore_errors=True)
        files.mkdir()
        write_sample(files, customers=3_000, seed=7, last_day=LAST, progress=SilentProgress())
        load(Home.create(path), files, progress=SilentProgress())

    return _shared("loaded", tmp_path_factory, make)


@pytest.fixture(scope="session")
def after_may(loaded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy with the night of May, computed from all rows."""
    return _with_night(loaded, tmp_path_factory, MAY)


@pytest.fixture(scope="session")
def after_june(after_may: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of that with the night of June, carried from May's."""
    return _with_night(after_may, tmp_path_factory, LAST)


def _with_night(home: Path, factory: pytest.TempPathFactory, day: dt.date) -> Path:
    from quanke.bank.home import Home
    from quanke.night import night

    def make(path: Path) -> None:
        shutil.copytree(home, path)
        night(Home.open(path), day, bucket=BUCKET)

    return _shared(day.isoformat(), factory, make)


def _shared(name: str, factory: pytest.TempPathFactory, make: Callable[[Path], None]) -> Path:
    """A home all processes of a run read, made by the one that asks first; the others wait for it. Under
    QUANKE_TEST_HOMES, while one works on tests, it stays for the next run; CI makes all anew."""
    kept = os.environ.get("QUANKE_TEST_HOMES")
    own = factory.getbasetemp()
    folder = Path(kept) if kept else (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "homes"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder / f"{name}.done"
        if not done.exists():
            shutil.rmtree(folder / name, ignore_errors=True)
            make(folder / name)
            done.touch()
    return folder / name


@pytest.fixture(scope="session")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    """The home of `tests/live/busy_days.py` and the events after its night. Its openings are made already."""
    from tests.live.busy_days import lines, live_once, make

    folder = tmp_path_factory.mktemp("busy")
    home, events = make(folder)
    (folder / "events.jsonl").write_bytes(lines(events))
    live_once(home, [str(folder / "events.jsonl")])
    (folder / TOLD / "live").mkdir(parents=True)
    shutil.move(home / "live" / "decisions", folder / TOLD / "live")
    for part in ("1-of-1", "quarantine"):
        shutil.rmtree(home / "live" / part, ignore_errors=True)
    return home, events


@pytest.fixture
def fresh(busy: Bank, tmp_path: Path) -> Callable[[str], Path]:
    """Makes a copy of the busy home under a name."""

    def copy(name: str = "home") -> Path:
        shutil.copytree(busy[0], tmp_path / name)
        return tmp_path / name

    return copy


@pytest.fixture(scope="session")
def stream(busy: Bank) -> Path:
    """The events as a file of lines."""
    return busy[0].parent / "events.jsonl"


@pytest.fixture(scope="session")
def wanted(busy: Bank) -> list[Any]:
    """The decisions of an undisturbed run over the busy home: the run that made its openings."""
    from tests.live.busy_days import decisions

    return decisions(busy[0].parent / TOLD)
