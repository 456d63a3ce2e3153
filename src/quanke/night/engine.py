"""What a night asks of its engine: the steps that read everybody's rows.

`quanke.night.on_duckdb` is one machine, `quanke.night.on_spark` a cluster. The order of the steps, what is
written where, the manifest and its publication are the night's own and the same on both; so are the bytes
of the profile's parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

from quanke.language import Definition, Metric
from quanke.language.nodes import Rank

if TYPE_CHECKING:
    from quanke.night.steps import Run

Done = dict[str, list[str]]
"""Groups of the profile that are made, with their columns."""


class NightEngine(Protocol):
    """Where a night is computed. Every step leaves alone what is there already, so a killed night resumes."""

    @property
    def name(self) -> str:
        """Stands in the manifest; parts of two engines are never mixed in one night."""

    @property
    def full(self) -> bool:
        """Whether it was asked to leave aside what the night before left."""

    def working(self, spill: Path) -> AbstractContextManager[None]:
        """Around all steps: what the engine holds while it works. `spill` is a folder in the home for what
        does not fit; it is gone when the night is published."""

    def customers(self, run: Run) -> None:
        """Golden customers (group `customers`), foreign balances valued, rows of merged records moved."""

    def profile(self, run: Run, group: str, definitions: Sequence[Definition], done: Done) -> None:
        """Tags and checks into a group of the profile, part by part."""

    def keep(self, run: Run) -> None:
        """What the next night may go on from, once the base group is made."""

    def ranks(self, run: Run, nodes: Mapping[Rank, str], done: Done) -> None:
        """Places of everybody into the group `ranks`, one column per node."""

    def clusters(self, run: Run, done: Done) -> None:
        """`clusters.json`, and the group `models`: everybody's cluster."""

    def scores(self, run: Run, done: Done) -> bool:
        """`scores.json`, and the group `scores`: what the models in use say. False where none is in use."""

    def metrics(self, run: Run, metrics: Sequence[Metric], by: Sequence[str], done: Done) -> pa.Table:
        """All metrics for everybody and each value of each `by`: `dimension`, `member`, a column each."""

    def moves(self, run: Run, done: Done) -> None:
        """`moves.parquet` and `migration.parquet`."""

    def findings(self, run: Run, done: Done) -> None:
        """`findings.parquet`."""
