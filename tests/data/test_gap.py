"""The generalised-assignment instances of Cattrysse (1994): every listed optimum nearly, most exactly."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from quanke.books import assign

SOURCE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "gap"

pytestmark = pytest.mark.skipif(not SOURCE.is_dir(), reason=f"no GAP data: {SOURCE} is absent")


def read(path: Path) -> tuple[pa.Table, np.ndarray]:
    """Edges and capacities of an instance: m n, costs and weights by post, capacities."""
    numbers = np.array(path.read_text("ascii").split(), np.int64)
    posts, jobs = numbers[:2]
    cost = numbers[2 : 2 + posts * jobs].reshape(posts, jobs)
    load = numbers[2 + posts * jobs : 2 + 2 * posts * jobs].reshape(posts, jobs)
    table = pa.table(
        {
            "customer": np.tile(np.arange(jobs), posts),
            "post": np.repeat(np.arange(posts), jobs),
            "cost": cost.ravel().astype(float),
            "load": load.ravel().astype(float),
        }
    )
    return table, numbers[2 + 2 * posts * jobs :]


def test_the_listed_optima() -> None:
    with (SOURCE / "data.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if (SOURCE / row["Path"]).exists()]
    assert len(rows) == 60
    above = []
    for row in rows:
        table, capacity = read(SOURCE / row["Path"])
        assert len(capacity) == int(row["Agent number"])
        found = assign(table, capacity)
        optimum = int(row["Optimum"])
        used = np.zeros(len(capacity))
        loads = table["load"].to_numpy().reshape(len(capacity), -1)
        np.add.at(used, found.post, loads[found.post, np.arange(len(found.post))])
        assert (used <= capacity).all()
        assert found.bound <= optimum <= found.cost
        above.append(found.cost / optimum - 1)
    assert max(above) <= 0.01 and float(np.mean(above)) <= 0.002
