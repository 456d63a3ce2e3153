"""Changing several files of a home at once: all of them, or none, also after `kill -9`.

New files are written under `work/new`. `commit` makes them lasting, then renames one small journal into
place: from that moment the change will happen. It is carried out by renames (the books in `loads/` last) and
removals, each of which may be repeated, and the journal goes away. `recover`, called before anything else is
written, carries out a journal that was left behind, or throws unfinished work away if there is none.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_JOURNAL = "journal.json"


class Publication:
    """One change of the home at `root`. Use once: `stage`, `write` and `remove`, then `commit`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._work = root / "work"
        self._staged: dict[str, str] = {}
        self._removed: set[str] = set()
        self._count = 0

    def stage(self, destination: str) -> Path:
        """Where to write the file that shall stand at `destination` (a path inside the home)."""
        folder = self._work / "new"
        folder.mkdir(parents=True, exist_ok=True)
        if destination not in self._staged:
            self._count += 1
            self._staged[destination] = f"new/{self._count:06d}{Path(destination).suffix}"
        return self._work / self._staged[destination]

    def write(self, destination: str, text: str) -> None:
        """Let `destination` hold `text`."""
        self.stage(destination).write_text(text, encoding="utf-8")

    def drop(self, destination: str) -> None:
        """Forget a staged file, if it is one."""
        if destination in self._staged:
            (self._work / self._staged.pop(destination)).unlink(missing_ok=True)

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Forget what is staged inside if it ends in an exception."""
        before = set(self._staged)
        try:
            yield
        except BaseException:
            for destination in self._staged.keys() - before:
                self.drop(destination)
            raise

    def remove(self, destination: str) -> None:
        """Let `destination` be gone, unless it is also staged."""
        self._removed.add(destination)

    def commit(self) -> None:
        """Make the change. Files come in the order they were staged: stage the book last."""
        for source in self._staged.values():
            _flush(self._work / source)
        journal = {
            "renames": [[source, destination] for destination, source in self._staged.items()],
            "removals": sorted(self._removed - self._staged.keys()),
        }
        self._work.mkdir(parents=True, exist_ok=True)
        draft = self._work / (_JOURNAL + ".new")
        draft.write_text(json.dumps(journal), encoding="utf-8")
        _flush(draft)
        _flush(self._work / "new")
        os.replace(draft, self._work / _JOURNAL)
        _flush(self._work)
        _carry_out(self._root)


def interrupted(root: Path) -> bool:
    """Whether a change of the home was decided but not yet carried out."""
    return (root / "work" / _JOURNAL).exists()


def recover(root: Path) -> None:
    """Carry out a change that was decided, and throw away work that was not. Only under the home's lock."""
    if interrupted(root):
        _carry_out(root)
    clear(root)


def clear(root: Path) -> None:
    """Throw away everything under `work`."""
    shutil.rmtree(root / "work", ignore_errors=True)


def _carry_out(root: Path) -> None:
    work = root / "work"
    journal = json.loads((work / _JOURNAL).read_text(encoding="utf-8"))
    touched: set[Path] = set()
    for source, destination in journal["renames"]:
        target = root / destination
        target.parent.mkdir(parents=True, exist_ok=True)
        touched.add(target.parent)
        if (work / source).exists():
            os.replace(work / source, target)
    for destination in journal["removals"]:
        (root / destination).unlink(missing_ok=True)
        touched.add((root / destination).parent)
    for folder in sorted(touched):
        if folder.exists():
            _flush(folder)
    (work / _JOURNAL).unlink()


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
