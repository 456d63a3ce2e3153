"""A bank to be assigned: customers and posts on a map, each customer with the ten posts nearest to him."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from scipy.spatial import cKDTree

CHOICE = 10
CHUNK = 500_000
TIERS = ((1.0, 0.7), (2.0, 0.2), (5.0, 0.08), (12.0, 0.02))
"""What customers of a tier weigh, and their share."""


def made(path: Path, customers: int, posts: int, loads: bool) -> None:
    """Write `edges.arrow` and `capacity.npy` into a folder.

    A cost is the distance, in mean distances between posts, and a part by chance (language, skills, a
    relation that lives). Capacities are what a planted assignment uses, by which one customer in three is not
    at the post that suits him best, and a hundredth more.
    """
    draw = np.random.default_rng(11)
    place = draw.random((posts, 2))
    tree = cKDTree(place)
    used = np.zeros(posts)
    schema = pa.schema([("customer", pa.int32()), ("post", pa.int32()), ("cost", pa.float64())])
    if loads:
        schema = schema.append(pa.field("load", pa.float64()))
    path.mkdir(parents=True, exist_ok=True)
    with pa.OSFile(str(path / "edges.arrow"), "wb") as file, pa.ipc.new_file(file, schema) as out:
        for first in range(0, customers, CHUNK):
            count = min(CHUNK, customers - first)
            home = draw.random((count, 2))
            distance, near = tree.query(home, k=CHOICE, workers=-1)
            cost = distance * np.sqrt(posts) + draw.random((count, CHOICE))
            weight = (
                draw.choice([w for w, _ in TIERS], count, p=[s for _, s in TIERS])
                if loads
                else np.ones(count)
            )
            rank = np.minimum(draw.geometric(0.65, count) - 1, CHOICE - 1)
            rows = np.arange(count)
            planted = near[rows, np.argsort(cost, axis=1)[rows, rank]]
            used += np.bincount(planted, weight, minlength=posts)
            order = np.argsort(near, axis=1)
            columns = [
                np.repeat(np.arange(first, first + count, dtype=np.int32), CHOICE),
                np.take_along_axis(near, order, 1).ravel().astype(np.int32),
                np.take_along_axis(cost, order, 1).ravel(),
                np.repeat(weight, CHOICE),
            ]
            out.write_batch(pa.record_batch(columns[: len(schema)], schema=schema))
    np.save(path / "capacity.npy", np.ceil(used * 1.01))


def read(path: Path) -> tuple[pa.Table, np.ndarray]:
    """Edges, in memory, and capacities."""
    with pa.OSFile(str(path / "edges.arrow"), "rb") as file:
        table = pa.ipc.open_file(file).read_all()
    return table.combine_chunks(), np.load(path / "capacity.npy")
