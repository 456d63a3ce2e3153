"""Where messages to and from partners lie on the bank's side: masked points, readable by the desk only."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from quanke.joint.messages import SUFFIX, Round
from quanke_desk.foundation.analytic import home_path


def folder() -> Path:
    """The folder of messages; nobody else of the machine reads it."""
    found = home_path() / "desk" / "joint"
    found.mkdir(mode=0o700, parents=True, exist_ok=True)
    return found


def path_of(question: int, which: Round) -> Path:
    """Where a message of a question lies."""
    return folder() / f"{question}.{which.value}{SUFFIX}"


def forget(questions: Iterable[int], which: Iterable[Round] = tuple(Round)) -> None:
    """Removes messages of questions; those that are not there are passed over."""
    rounds = tuple(which)
    for question in questions:
        for each in rounds:
            path_of(question, each).unlink(missing_ok=True)
