"""Telling how far a long job is, without knowing who listens.

    with progress.step("transactions", total=rows) as step:
        for batch in batches:
            ...
            step.advance(batch.num_rows)

The library always takes a `Progress`; the command line passes one that draws bars, tests pass
`SilentProgress`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Step(Protocol):
    """One running step of a job."""

    def advance(self, amount: int = 1) -> None:
        """`amount` more of the step's total is done."""
        ...


class Progress(Protocol):
    """A listener to a long job."""

    def step(self, title: str, total: int | None = None) -> AbstractContextManager[Step]:
        """Open a step; `total` is in whatever the step counts (rows, files), None where it is not known."""
        ...


class _SilentStep:
    def advance(self, amount: int = 1) -> None:
        return None


class SilentProgress:
    """A listener that says nothing."""

    @contextmanager
    def step(self, title: str, total: int | None = None) -> Iterator[Step]:
        """A step nobody sees."""
        yield _SilentStep()
