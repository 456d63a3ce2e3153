"""What models find in a night: the clusters."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from quanke.engines.store import Night, write_json
from quanke.engines.store.files import write_parquet
from quanke.kernel.errors import NightError
from quanke.night.steps import Run

if TYPE_CHECKING:
    from quanke.segments.clusters import ClusterModel

FEATURES = (
    "aum_90d",
    "demand_balance",
    "term_balance",
    "investments",
    "loan_balance",
    "inflow_90d",
    "transactions_90d",
    "logins_90d",
    "product_count",
    "salary_amount",
    "age",
    "tenure_months",
)
"""Tags customers are clustered by."""
SMALLEST = 500
"""Fewer customers than this are not clustered: every k would be noise."""


def cluster_parts(run: Run, done: dict[str, list[str]]) -> None:
    """Fit (or refit with stable labels) and label everybody; `clusters.json` keeps the model."""
    from quanke.segments.clusters import find_clusters  # scikit-learn: seconds, where nobody clusters

    target = run.working.file("clusters.json")
    if target.exists() and not run.working.missing("models", run.inputs.parts):
        return
    titles = titles_of(run)
    columns = {n: _numbers(run, n, done) for n in FEATURES}
    with run.progress.step("clusters", 1) as step:
        there = np.setdiff1d(np.arange(run.inputs.customers), run.absorbed.numbers, assume_unique=True)
        columns = {name: values[there] for name, values in columns.items()}
        model, found = find_clusters(columns, titles, previous_model(run.earlier), random_state=run.seed)
        labels = np.zeros(run.inputs.customers, dtype=np.int32)
        labels[there] = found
        step.advance(1)
    write_json(target, json.loads(model.to_json()))
    names = pa.array([f"k{i}" for i in range(int(labels.max()) + 1)])
    for part in range(run.inputs.parts):
        low, high = run.inputs.reach(part)
        numbers = pa.array(np.arange(low, high, dtype=np.int32))
        cluster = names.take(pa.array(labels[low:high].astype(np.int64)))
        write_parquet(run.working.part("models", part), pa.table({"customer": numbers, "cluster": cluster}))


def previous_model(night: Night | None) -> ClusterModel | None:
    """The model of an earlier night."""
    path = night.path / "clusters.json" if night else None
    if path is None or not path.exists():
        return None
    from quanke.segments.clusters import ClusterModel  # scikit-learn: only where there is a model

    return ClusterModel.from_json(path.read_text(encoding="utf-8"))


def titles_of(run: Run) -> dict[str, tuple[str, str]]:
    """(zh, en) of each feature."""
    return {n: (run.catalogue[n].title_zh, run.catalogue[n].title_en) for n in FEATURES}


def group_of(name: str, done: dict[str, list[str]]) -> str:
    """The group a feature stands in. Raises NightError where the night has not computed it."""
    group = next((g for g, names in done.items() if name in names), None)
    if group is None:
        raise NightError(f"clusters need the tag {name}, which the night has not computed")
    return group


def _numbers(run: Run, name: str, done: dict[str, list[str]]) -> np.ndarray:
    """A column as float64 with nan for unknown, in customer order."""
    group = group_of(name, done)
    pieces = []
    for part in range(run.inputs.parts):
        column = pq.read_table(run.working.part(group, part), columns=[name])[name]
        pieces.append(pc.cast(column, pa.float64()).to_numpy())
    return np.concatenate(pieces)
