"""A small bank and the days after its night, made once; and how tests live them."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quanke.bank.home import Home
from quanke.engines.live.running.live import Settings
from quanke.night.live import Plan, open_live
from tests.live.busy_days import LAST, decisions, lines, make

Bank = tuple[Path, list[dict[str, Any]]]


@pytest.fixture(scope="session")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    """The home (copy it: see `fresh`) and the events after its night. Its openings are made already."""
    folder = tmp_path_factory.mktemp("busy")
    home, events = make(folder)
    (folder / "events.jsonl").write_bytes(lines(events))
    live_once(home, [str(folder / "events.jsonl")])
    for part in ("1-of-1", "decisions", "quarantine"):
        shutil.rmtree(home / "live" / part, ignore_errors=True)
    return home, events


@pytest.fixture
def fresh(busy: Bank, tmp_path: Path) -> Callable[[str], Path]:
    """Makes a copy of the home under a name."""

    def copy(name: str = "home") -> Path:
        shutil.copytree(busy[0], tmp_path / name)
        return tmp_path / name

    return copy


@pytest.fixture(scope="session")
def stream(busy: Bank, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The events as a file of lines."""
    path = tmp_path_factory.mktemp("stream") / "events.jsonl"
    path.write_bytes(lines(busy[1]))
    return path


@pytest.fixture(scope="session")
def wanted(busy: Bank, stream: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """The decisions of an undisturbed run."""
    home = tmp_path_factory.mktemp("wanted") / "home"
    shutil.copytree(busy[0], home)
    live_once(home, [str(stream)])
    return decisions(home)


def live_once(home: Path, sources: list[str], **more: Any) -> dict[str, Any]:
    """Live what there is, to its end; the figures."""
    settings: dict[str, Any] = {"follow_clock": False, "once": True, "until": LAST}
    plan: dict[str, Any] = {}
    for name, value in more.items():
        (plan if name in ("sinks", "share", "replay", "night") else settings)[name] = value
    with open_live(Home.open(home), Plan(sources, settings=Settings(**settings), **plan)) as live:
        live.run()
        return live.status.sheet()


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)
