"""Progress bars with an estimate, on stderr, only where somebody watches."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars

from quanke.kernel.progress import Progress, SilentProgress, Step


class _BarStep:
    def __init__(self, bars: Bars, task: TaskID) -> None:
        self._bars, self._task = bars, task

    def advance(self, amount: int = 1) -> None:
        """`amount` more is done."""
        self._bars.advance(self._task, amount)


class BarProgress:
    """A listener that draws bars. Steps inside steps get a line each; finished ones go."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bars: Bars | None = None
        self._depth = 0

    @contextmanager
    def step(self, title: str, total: int | None = None) -> Iterator[Step]:
        """A step with a bar; the estimate appears once its pace is known."""
        if self._bars is None:
            self._bars = Bars(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                console=self._console,
                transient=True,
            )
            self._bars.start()
        task = self._bars.add_task(title, total=total)
        self._depth += 1
        try:
            yield _BarStep(self._bars, task)
        finally:
            self._depth -= 1
            self._bars.remove_task(task)
            if self._depth == 0:
                self._bars.stop()
                self._bars = None


def listener() -> Progress:
    """Bars on a terminal, silence elsewhere."""
    return BarProgress() if sys.stderr.isatty() else SilentProgress()
