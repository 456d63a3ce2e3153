"""Homes to measure on: made once under benchmarks/data, copied by hard links for each run."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

from benchmarks.process import quanke

DATA = Path(__file__).parents[1] / "data"
LEFT_OUT = ("nights", "tiles", "journal", "spill", "work", "lock", "quarantine")


def prepared(size: int) -> tuple[Path, dict[str, float]]:
    """A loaded home of a sample bank of `size` customers in which it is known who is who, and how long making
    it took."""
    folder = DATA / f"night-{size}"
    note = folder / "prepared.json"
    if not note.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        begin = time.perf_counter()
        quanke("sample", str(folder / "files"), "--customers", str(size), "--json")
        written = time.perf_counter()
        quanke("load", str(folder / "files"), "--home", str(folder / "home"), "--json")
        loaded = time.perf_counter()
        quanke("identity", "update", "--on", "2026-06-30", "--home", str(folder / "home"), "--json")
        known = time.perf_counter()
        shutil.rmtree(folder / "files")
        seconds = {
            "sample_seconds": round(written - begin, 1),
            "load_seconds": round(loaded - written, 1),
            "who_is_who_seconds": round(known - loaded, 1),
        }
        note.write_text(json.dumps(seconds), encoding="utf-8")
    return folder / "home", json.loads(note.read_text(encoding="utf-8"))


def linked(home: Path, target: Path) -> Path:
    """A throw-away copy of a home without its nights: tables are linked, never written to by a night."""

    def link(source: str, copy: str) -> None:
        try:
            os.link(source, copy)
        except OSError:  # another file system
            os.symlink(Path(source).resolve(), copy)

    shutil.copytree(home, target, copy_function=link, ignore=shutil.ignore_patterns(*LEFT_OUT))
    return target


def warm(home: Path) -> None:
    """Bring the tables into the page cache, for both sides alike."""
    for path in sorted((home / "tables").rglob("*.parquet")):
        with path.open("rb") as file:
            while file.read(1 << 24):
                pass
