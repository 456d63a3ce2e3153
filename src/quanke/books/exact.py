"""What the prices leave open, decided exactly: a flow of least cost where everybody weighs the same, an
integer program where there are few edges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from ortools.graph.python import max_flow, min_cost_flow
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from quanke.books.edges import Amounts, Edges, Numbers
from quanke.kernel.errors import AssignmentError

FINE = 2**40
"""Costs become whole numbers for the flow: the largest difference is this many units."""
NODES = 20_000
"""An integer program that is not solved within so many nodes gives the best it has found."""


def edges_of_customers(edges: Edges, customers: Numbers) -> tuple[Numbers, Numbers]:
    """The edges of some customers, and the place among them each belongs to."""
    degree = edges.start[customers + 1] - edges.start[customers]
    owner = np.repeat(np.arange(len(customers)), degree)
    first = np.cumsum(degree) - degree
    return edges.start[customers][owner] + np.arange(len(owner)) - first[owner], owner


def flowed(edges: Edges, customers: Numbers, some: Numbers, owner: Numbers, room: Amounts) -> Numbers | None:
    """The edge of each customer (who weighs 1), so that `some` edges cost least and `room` is kept; None
    where there is no such assignment. `owner`: the place of each edge's customer."""
    n, posts = len(customers), edges.posts
    cost = edges.cost[some]
    # what a customer pays on all his edges decides nothing
    least = np.full(n, np.inf)
    np.minimum.at(least, owner, cost)
    above = cost - least[owner]
    unit = above.max(initial=0.0) / FINE or 1.0
    used = np.unique(edges.post[some])
    sink = n + posts
    flow = min_cost_flow.SimpleMinCostFlow()
    arcs = flow.add_arcs_with_capacity_and_unit_cost(
        owner, n + edges.post[some].astype(np.int64), np.ones(len(some), np.int64),
        np.rint(above / unit).astype(np.int64),
    )  # fmt: skip
    seats = np.minimum(np.floor(room[used] + 1e-9), n).astype(np.int64)
    flow.add_arcs_with_capacity_and_unit_cost(
        n + used.astype(np.int64), np.full(len(used), sink), seats, np.zeros(len(used), np.int64)
    )
    supply = np.concatenate([np.ones(n, np.int64), np.zeros(posts, np.int64), [-n]])
    flow.set_nodes_supplies(np.arange(sink + 1), supply)
    if flow.solve() != flow.OPTIMAL:
        return None
    taken = np.asarray(flow.flows(arcs)) > 0
    edge = np.empty(n, np.int64)
    edge[owner[taken]] = some[taken]
    return edge


def programmed(edges: Edges) -> tuple[NDArray[np.int64], float] | None:
    """The edge of every customer by integer programming (HiGHS), and its proven bound; None where there is
    no assignment."""
    n, count = edges.customers, len(edges.post)
    every = np.arange(count)
    owner = np.repeat(np.arange(n), np.diff(edges.start))
    one = sparse.csr_matrix((np.ones(count), (owner, every)), shape=(n, count))
    loads = sparse.csr_matrix((edges.load_of(every), (edges.post, every)), shape=(edges.posts, count))
    found = milp(
        edges.cost,
        integrality=np.ones(count),
        bounds=Bounds(0, 1),
        constraints=[LinearConstraint(one, 1, 1), LinearConstraint(loads, -np.inf, edges.capacity)],
        options={"mip_rel_gap": 1e-9, "node_limit": NODES},
    )
    if found.x is None:
        return None
    taken = np.flatnonzero(found.x > 0.5)
    edge = np.empty(n, np.int64)
    edge[owner[taken]] = taken
    # the solver's bound holds to its tolerance
    bound = float(found.mip_dual_bound)
    return edge, bound - 1e-9 * abs(bound)


def refused(edges: Edges) -> AssignmentError:
    """Why everybody cannot be placed where everybody weighs 1: the posts that are full, and how many may
    only go there (the cut of a greatest flow)."""
    n, posts = edges.customers, edges.posts
    every, owner = edges_of_customers(edges, np.arange(n))
    flow = max_flow.SimpleMaxFlow()
    source, sink = n + posts, n + posts + 1
    flow.add_arcs_with_capacity(np.full(n, source), np.arange(n), np.ones(n, np.int64))
    flow.add_arcs_with_capacity(owner, n + edges.post.astype(np.int64), np.ones(len(every), np.int64))
    seats = np.minimum(np.floor(edges.capacity + 1e-9), n).astype(np.int64)
    flow.add_arcs_with_capacity(n + np.arange(posts), np.full(posts, sink), seats)
    flow.solve(source, sink)
    side = np.asarray(flow.get_source_side_min_cut())
    people = side[side < n]
    full = np.sort(side[(side >= n) & (side < n + posts)] - n)
    named = ", ".join(str(int(j)) for j in full[:10]) + (", ..." if len(full) > 10 else "")
    return AssignmentError(
        f"there is no assignment: {len(people)} customers may only go to posts {named}, "
        f"which together take {int(seats[full].sum())}"
    )
