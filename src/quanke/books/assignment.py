"""Everybody to a post: the assignment of least cost that keeps the capacities, and how good it is at least.

Prices are found for the posts (`prices`); whoever clearly prefers a post at the prices goes there. The rest,
the nearly indifferent, are placed exactly by a flow where everybody weighs the same, by moves and exchanges
where customers weigh differently. Small problems with loads are integer programs. The dual value of the
prices is the proof.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from quanke.books import passes
from quanke.books.edges import Amounts, Edges, Numbers, edges_of
from quanke.books.exact import edges_of_customers, flowed, programmed, refused
from quanke.books.prices import Chosen, chosen_at, priced
from quanke.kernel.errors import AssignmentError

FEW = 20_000
"""Up to so many edges an assignment with loads is an integer program."""
ENOUGH, PLENTY = 1e-6, 1e-5
"""A gap at which the flow looks no further; and where it is over more than MANY customers."""
MANY = 20_000
ROUNDS = 60
SETTLED = 1e-5
"""Where a round saved less than this share of the cost, no further one is made."""
CLASSES = 16
"""Up to so many different weights, customers of one weight are placed together by a flow."""
CORE = 10
"""Who is placed by a flow: whose margin is below so many times the delta of the prices."""
PATIENCE = 20
"""Moves for each customer after which a search for room is given up."""
LOOKED = 64
"""Customers of a post that are looked at for an exchange."""


@dataclass(frozen=True)
class Assignment:
    """A feasible assignment. `post` by customer; `cost` the sum of its edges' costs; `bound` what no
    assignment is below; `gap` (cost - bound) / |bound|, 0 where they are equal; `price` by post, of a unit of
    its capacity (0 where it is not scarce); `load` by post."""

    post: NDArray[np.int32]
    cost: float
    bound: float
    gap: float
    price: Amounts
    load: Amounts


def assign(edges: pa.Table, capacity: ArrayLike) -> Assignment:
    """Everybody to one of the posts he may go to, so that costs sum to the least and no post is overfull.

    `edges`: `customer` (0 to n - 1, each at least once), `post` (a place in `capacity`), `cost`, and `load`
    (1 where the column is missing; it may differ by post). Costs and loads are numbers of any unit. The
    result does not depend on the order of rows or on the machine's cores.

    Raises AssignmentError for a wrong row, and where there is no assignment, or (with loads) none was found.
    Sources: `quanke.books.prices`; Cattrysse, Salomon, Van Wassenhove 1994 for the problem with loads.
    """
    given = edges_of(edges, capacity)
    if not given.customers:
        nothing = np.empty(0, np.int64)
        return _told(given, nothing, 0.0, np.zeros(given.posts))
    if given.load is not None and len(given.post) <= FEW:
        return _small(given)
    price, delta = priced(given)
    chosen = chosen_at(given, price)
    equals = given.load is None
    edge = _by_flow(given, chosen, price, delta) if equals else _by_moves(given, chosen, price, delta)
    return _told(given, edge, chosen.bound, price)


def _told(edges: Edges, edge: Numbers, bound: float, price: Amounts) -> Assignment:
    load = np.bincount(edges.post[edge], edges.load_of(edge), minlength=edges.posts).astype(np.float64)
    if (load > edges.capacity * (1 + 1e-12) + 1e-9).any():
        raise AssertionError("a post is overfull")
    cost = float(edges.cost[edge].sum())
    # the sum of a million costs and the dual differ in their last digits
    bound = min(bound, cost)
    gap = 0.0 if cost == bound else (cost - bound) / max(abs(bound), 1e-300)
    return Assignment(edges.post[edge], cost, bound, gap, price, load)


def _small(edges: Edges) -> Assignment:
    found = programmed(edges)
    if found is None:
        raise AssignmentError("there is no assignment that keeps the capacities")
    edge, bound = found
    return _told(edges, edge, bound, priced(edges)[0])


def _by_flow(edges: Edges, chosen: Chosen, price: Amounts, delta: float) -> Numbers:
    """Whoever is nearly indifferent is placed by a flow; ever more are, until the gap is next to nothing."""
    n = edges.customers
    width = 4 * delta
    best: Numbers | None = None
    while True:
        core = np.flatnonzero(chosen.margin <= width)
        edge = chosen.edge.copy()
        fixed = np.bincount(edges.post[edge], minlength=edges.posts) - np.bincount(
            edges.post[edge[core]], minlength=edges.posts
        )
        room = edges.capacity - fixed
        if (room >= 0).all():
            some, owner = edges_of_customers(edges, core)
            kept = _near(edges, some, owner, price, 8 * width) if len(core) < n else slice(None)
            placed = flowed(edges, core, some[kept], owner[kept], room) if len(core) else core
            if placed is not None:
                edge[core] = placed
                best = edge
                cost = float(edges.cost[edge].sum())
                enough = PLENTY if len(core) > MANY else ENOUGH
                if cost - chosen.bound <= enough * abs(chosen.bound) or len(core) > n // 8:
                    return edge
        if len(core) == n:
            if best is None:
                raise refused(edges)
            return best
        width *= 4
        if (chosen.margin <= width).all() or width > 1e6 * delta:
            width = np.inf


def _near(edges: Edges, some: Numbers, owner: Numbers, price: Amounts, width: float) -> NDArray[np.bool_]:
    """Edges that are not much worse than their customer's best at the prices."""
    reduced = edges.cost[some] + price[edges.post[some]]
    least = np.full(int(owner[-1]) + 1 if len(owner) else 0, np.inf)
    np.minimum.at(least, owner, reduced)
    near: NDArray[np.bool_] = reduced <= least[owner] + width
    return near


def _by_moves(edges: Edges, chosen: Chosen, price: Amounts, delta: float) -> Numbers:
    """From everybody's best edge: out of overfull posts where that costs least, then what gets cheaper."""
    moves = _Moves(edges, chosen.edge, price, delta)
    moves.relieve()
    moves.improve(chosen)
    return moves.edge


class _Moves:
    """Everybody's edge (`edge`) being moved, and what each post holds (`usage`)."""

    def __init__(self, edges: Edges, edge: Numbers, price: Amounts, rise: float) -> None:
        self.edges, self.edge, self.price, self.rise = edges, edge.copy(), price, rise
        self.usage = np.bincount(edges.post[edge], edges.load_of(edge), minlength=edges.posts)
        self._parts = edges.start, edges.post, edges.cost, edges.weights

    def relieve(self) -> None:
        """Until no post is overfull. Raises AssignmentError where no move helps."""
        edges, usage = self.edges, self.usage
        dear = np.empty(edges.customers)
        state = edges.capacity, self.edge, usage
        while (usage > edges.capacity).any():
            passes.escapes(*self._parts, self.price, *state, dear)
            order = np.flatnonzero(np.isfinite(dear))
            order = order[np.argsort(dear[order], kind="stable")]
            if passes.relieve(*self._parts, self.price, *state, order):
                continue
            limit = PATIENCE * edges.customers
            if passes.diffuse(*self._parts, self.price.copy(), *state, self.rise, limit) < 0:
                over = int((usage > edges.capacity).sum())
                raise AssignmentError(
                    f"no assignment was found that keeps the capacities: {over} posts stay overfull; "
                    f"all posts together take {edges.capacity.sum():.6g}"
                )

    def improve(self, chosen: Chosen) -> None:
        """Cheaper posts, exchanges, and customers of one weight by a flow, until little is saved."""
        for _ in range(ROUNDS):
            before = float(self.edges.cost[self.edge].sum())
            self._exchange()
            for customers, load in self._classes:
                self._flow(customers[self._open(chosen, customers)], load)
            now = float(self.edges.cost[self.edge].sum())
            if before - now <= SETTLED * abs(now):
                break

    def _exchange(self) -> None:
        edges, state = self.edges, (self.edges.capacity, self.edge, self.usage)
        loss = edges.cost[self.edge] - self._least
        order = np.flatnonzero(loss > 0)
        order = order[np.argsort(-loss[order], kind="stable")]
        passes.improve(*self._parts, *state, order)
        passes.exchange(*self._parts, *state, order, *self._members(), LOOKED)

    @cached_property
    def _least(self) -> Amounts:
        least: Amounts = np.minimum.reduceat(self.edges.cost, self.edges.start[:-1])
        return least

    @cached_property
    def _classes(self) -> list[tuple[Numbers, float]]:
        """Customers of one weight, the heaviest first; none where weights differ by post or are many."""
        load, start = self.edges.weights, self.edges.start[:-1]
        own = np.maximum.reduceat(load, start)
        values = np.unique(own)[::-1]
        if len(values) > CLASSES or (np.minimum.reduceat(load, start) != own).any():
            return []
        return [(np.flatnonzero(own == w), float(w)) for w in values if w > 0]

    def _open(self, chosen: Chosen, customers: Numbers) -> NDArray[np.bool_]:
        """Who is not where the prices want him, or hardly minds."""
        away = self.edge[customers] != chosen.edge[customers]
        found: NDArray[np.bool_] = away | (chosen.margin[customers] <= CORE * self.rise)
        return found

    def _flow(self, customers: Numbers, load: float) -> None:
        """Place customers of one weight anew, at the least cost that the others leave room for."""
        edges = self.edges
        if not len(customers):
            return
        post = edges.post[self.edge[customers]]
        others = self.usage - load * np.bincount(post, minlength=edges.posts)
        some, owner = edges_of_customers(edges, customers)
        found = flowed(edges, customers, some, owner, (edges.capacity - others) / load)
        if found is not None:
            self.edge[customers] = found
            self.usage = others + load * np.bincount(edges.post[found], minlength=edges.posts)

    def _members(self) -> tuple[Numbers, Numbers]:
        """Customers by post, and where each post's begin."""
        post = self.edges.post[self.edge]
        members = np.argsort(post, kind="stable")
        return members, np.searchsorted(post[members], np.arange(self.edges.posts + 1))
