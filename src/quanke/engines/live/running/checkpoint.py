"""Checkpoints: everything the live engine holds, published by one rename.

    checkpoints/<step>/meta.json     step, night, day, share, positions of sources and sinks, counts
                      /seen.npz      events that came (`intake.seen`)
                      /levels.json   balances told since the night (`intake.levels`)
                      /engine/       state that differs from the opening (`LiveEngine.save`)

The last two are kept; the newest that is whole is taken up. A checkpoint written by a killed process has a
name beginning with a dot, and is thrown away.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from quanke.engines.live.running.steps import sync_folder
from quanke.kernel.errors import HomeError

FORMAT = 1
KEPT = 2


@dataclass(slots=True)
class Meta:
    """The sheet of a checkpoint. `night` is the day of the night the engine was opened on."""

    step: int
    night: str
    day: str
    share: str
    positions: dict[str, Any] = field(default_factory=dict)
    sinks: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    format: int = FORMAT


class Checkpoints:
    """The checkpoints of one share of the customers, in its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "checkpoints"
        self.folder.mkdir(parents=True, exist_ok=True)

    def sweep(self) -> None:
        """Throw away what a killed process left half written. Only for the process that holds the lock: what
        another one is writing looks the same."""
        for left in self.folder.glob(".*"):
            shutil.rmtree(left, ignore_errors=True)

    def latest(self) -> tuple[Path, Meta] | None:
        """The newest checkpoint. Raises HomeError if a later Quanke wrote it."""
        there = sorted(path for path in self.folder.iterdir() if not path.name.startswith("."))
        if not there:
            return None
        sheet = json.loads((there[-1] / "meta.json").read_text(encoding="utf-8"))
        if sheet.get("format") != FORMAT:
            raise HomeError(f"{there[-1]} was written by another Quanke: go on with that one")
        return there[-1], Meta(**sheet)

    def oldest(self) -> int:
        """The step of the oldest checkpoint that is kept."""
        return min(
            (int(path.name) for path in self.folder.iterdir() if not path.name.startswith(".")), default=0
        )

    def publish(self, meta: Meta, write: Callable[[Path, Path | None], None]) -> Path:
        """Publish a checkpoint. `write` fills its folder; it is also given the one before, if any."""
        before = self.latest()
        beside = self.folder / f".{meta.step:012d}"
        beside.mkdir()
        write(beside, before[0] if before else None)
        (beside / "meta.json").write_text(json.dumps(asdict(meta), indent=1) + "\n", encoding="utf-8")
        _sync(beside)
        published = self.folder / f"{meta.step:012d}"
        os.replace(beside, published)
        sync_folder(self.folder)
        for old in sorted(self.folder.iterdir())[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)
        return published


def _sync(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with open(path, "rb") as file:
                os.fsync(file.fileno())
        else:
            sync_folder(path)
    sync_folder(folder)
