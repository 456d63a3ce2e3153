"""A change of several files happens wholly or not at all, wherever it is cut off."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quanke.bank import publication
from quanke.bank.home import Home
from quanke.bank.publication import Publication
from tests.bank.small_bank import base, digest, load_into


class Cut(BaseException):
    """The process dies here."""


def cut_after(steps: int, function: Callable[..., Any]) -> Callable[..., Any]:
    left = [steps]

    def counting(*arguments: Any, **options: Any) -> Any:
        if left[0] == 0:
            raise Cut
        left[0] -= 1
        return function(*arguments, **options)

    return counting


def change(root: Path) -> None:
    made = Publication(root)
    made.write("tables/a.txt", "new a")
    made.write("tables/deep/b.txt", "new b")
    made.remove("tables/c.txt")
    made.write("loads/book.json", "new book")
    made.commit()


def start(root: Path) -> None:
    for name in ("tables/a.txt", "tables/c.txt", "loads/book.json"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"old {name}")


@pytest.mark.parametrize("function", ["replace", "fsync"])
@pytest.mark.parametrize("steps", range(12))
def test_cut_off_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int, function: str) -> None:
    start(tmp_path / "undisturbed")
    before = digest(tmp_path / "undisturbed")
    change(tmp_path / "undisturbed")
    publication.clear(tmp_path / "undisturbed")
    after = digest(tmp_path / "undisturbed")
    assert set(after) == {"tables/a.txt", "tables/deep/b.txt", "loads/book.json"}
    root = tmp_path / "cut"
    start(root)
    with monkeypatch.context() as patched:
        patched.setattr(os, function, cut_after(steps, getattr(os, function)))
        try:
            change(root)
            died = False
        except Cut:
            died = True
    decided = publication.interrupted(root)
    publication.recover(root)
    assert digest(root) == (after if decided or not died else before)
    publication.recover(root)


def test_recovery_may_be_cut_off_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start(tmp_path)
    for steps in (2, 1):  # the journal and one file, then one more file
        with monkeypatch.context() as patched:
            patched.setattr(os, "replace", cut_after(steps, os.replace))
            with pytest.raises(Cut):
                change(tmp_path) if steps == 2 else publication.recover(tmp_path)
    publication.recover(tmp_path)
    assert {path.read_text() for path in tmp_path.rglob("*.*") if path.is_file()} == {
        "new a",
        "new b",
        "new book",
    }


def test_opening_a_home_finishes_what_was_decided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = base(tmp_path / "given")
    whole = Home.create(tmp_path / "whole")
    load_into(whole, given, only=["branches"])
    home = Home.create(tmp_path / "home")
    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", cut_after(1, os.replace))
        with pytest.raises(Cut):
            load_into(home, given, only=["branches"])
    assert home.facts("branches") == []
    assert len(Home.open(home.path).facts("branches")) == 1
    assert digest(home.path) == digest(whole.path)


def test_a_home_can_be_opened_while_another_process_publishes(tmp_path: Path) -> None:
    home = Home.create(tmp_path / "home")
    with home.writing():
        (home.work / "journal.json").write_text('{"renames": [], "removals": []}')
        assert Home.open(home.path).book("branches").units == ()
        (home.work / "journal.json").unlink()


def test_an_attempt_that_fails_is_forgotten(tmp_path: Path) -> None:
    made = Publication(tmp_path)
    made.write("kept.txt", "kept")
    with pytest.raises(ValueError), made.attempt():
        made.write("half.txt", "half")
        raise ValueError
    made.commit()
    assert [path.name for path in tmp_path.glob("*.txt")] == ["kept.txt"]
