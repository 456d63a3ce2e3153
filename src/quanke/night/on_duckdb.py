"""The night on one machine: DuckDB for the statements, NumPy and Arrow for the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from quanke.language import Definition, Metric
from quanke.language.nodes import Rank
from quanke.night.engine import Done
from quanke.night.findings import metrics_by_duckdb, write_findings, write_moves
from quanke.night.models import cluster_parts
from quanke.night.scores import score_parts
from quanke.night.steps import Run, prepare, profile_parts, rank_parts


class OnDuckDB:
    """The NightEngine every night has unless another is asked for."""

    name = "duckdb"
    full = False

    @contextmanager
    def working(self, spill: Path) -> Iterator[None]:
        """Nothing is held: each step has databases of its own."""
        yield

    def customers(self, run: Run) -> None:
        """Golden customers part by part, foreign balances, moved rows."""
        prepare(run)

    def profile(self, run: Run, group: str, definitions: Sequence[Definition], done: Done) -> None:
        """One statement per part, two parts at a time."""
        profile_parts(run, group, definitions, done)

    def keep(self, run: Run) -> None:
        """No tiles; the manifest says so."""
        run.tiles.update({"way": "from all rows", "because": "without tiles"})

    def ranks(self, run: Run, nodes: Mapping[Rank, str], done: Done) -> None:
        """What is ranked by statement, the places by a kernel."""
        rank_parts(run, nodes, done)

    def clusters(self, run: Run, done: Done) -> None:
        """Fitted on a sample, applied to everybody."""
        cluster_parts(run, done)

    def scores(self, run: Run, done: Done) -> bool:
        """Two parts at a time."""
        return score_parts(run, done)

    def metrics(self, run: Run, metrics: Sequence[Metric], by: Sequence[str], done: Done) -> pa.Table:
        """One statement."""
        return metrics_by_duckdb(run, metrics, by, done)

    def moves(self, run: Run, done: Done) -> None:
        """Two columns at a time."""
        write_moves(run, done)

    def findings(self, run: Run, done: Done) -> None:
        """A check at a time."""
        write_findings(run, done)
