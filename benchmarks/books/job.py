"""One assignment in a process of its own: python -m benchmarks.books.job FOLDER ours|flow."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from ortools.graph.python import min_cost_flow

from benchmarks.books.instance import read

UNITS = 10_000
"""The flow wants whole costs: a cost is so many units."""


def ours(edges: pa.Table, capacity: np.ndarray) -> dict[str, Any]:
    """`quanke.books.assign`, its machine code ready."""
    from quanke.books import assign

    few = pa.table({"customer": [0, 0, 1, 1], "post": [0, 1, 0, 1], "cost": [1.0, 2.0, 1.0, 2.0]})
    assign(few, [1, 1])
    begin = time.perf_counter()
    found = assign(edges, capacity)
    seconds = time.perf_counter() - begin
    load = edges["load"].to_numpy() if "load" in edges.column_names else np.ones(len(edges))
    mine = edges["post"].to_numpy() == np.repeat(found.post, len(edges) // len(found.post))
    used = np.bincount(found.post, load[mine], minlength=len(capacity))
    if not (used <= capacity).all():
        sys.exit("a post is overfull")
    return {"seconds": seconds, "cost": found.cost, "bound": found.bound, "gap": found.gap}


def flow(edges: pa.Table, capacity: np.ndarray) -> dict[str, Any]:
    """OR-Tools' flow of least cost over everybody."""
    customer, post = edges["customer"].to_numpy().astype(np.int64), edges["post"].to_numpy().astype(np.int64)
    cost = np.rint(edges["cost"].to_numpy() * UNITS).astype(np.int64)
    n, posts = int(customer[-1]) + 1, len(capacity)
    begin = time.perf_counter()
    net = min_cost_flow.SimpleMinCostFlow()
    arcs = net.add_arcs_with_capacity_and_unit_cost(customer, n + post, np.ones(len(cost), np.int64), cost)
    net.add_arcs_with_capacity_and_unit_cost(
        n + np.arange(posts), np.full(posts, n + posts), capacity.astype(np.int64), np.zeros(posts, np.int64)
    )
    net.set_nodes_supplies(
        np.arange(n + posts + 1), np.concatenate([np.ones(n, np.int64), np.zeros(posts, np.int64), [-n]])
    )
    if net.solve() != net.OPTIMAL:
        sys.exit("the flow found nothing")
    seconds = time.perf_counter() - begin
    taken = np.asarray(net.flows(arcs)) > 0
    return {"seconds": seconds, "cost": float(edges["cost"].to_numpy()[taken].sum())}


def main() -> None:
    """Print one JSON object."""
    edges, capacity = read(Path(sys.argv[1]))
    print(json.dumps({"ours": ours, "flow": flow}[sys.argv[2]](edges, capacity)))


if __name__ == "__main__":
    main()
