"""A proposal: who goes to which post, why, what it costs, and what every book looks like before and after."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from quanke.bank.contracts import ROLES
from quanke.books.clients import TIERS, Clients
from quanke.books.costs import TERMS, Costs
from quanke.books.posts import NOBODY, SEATS, Ints, Posts
from quanke.books.reasons import CODES
from quanke.kernel.errors import BookError

ASSIGNED = pa.schema(
    [("customer", pa.int32()), ("from_post", pa.string()), ("to_post", pa.string()), ("reason", pa.string()),
     ("tier", pa.string()), ("load", pa.int32()), ("aum", pa.int64()), ("potential", pa.int64()),
     ("cost", pa.int64()), ("stay_cost", pa.int64()), *((f"cost_{name}", pa.int64()) for name in TERMS)]
)  # fmt: skip
"""One row per customer who is, or is to be, at a post. `to_post` null: looked after by nobody, or digital.
`stay_cost`: what staying would cost, null where he cannot stay. Amounts are fen."""


@dataclass(frozen=True)
class Placed:
    """A post for every client: `post` (NOBODY for none), `reason` (place in CODES) and `upper` (whether he is
    above the fair share of his book) by place of the client; `fair` (units) and `price` (fen a unit) by post;
    `cost`, `bound`, `gap` of the assignment that gave it: of those who could move, with the price of who is
    left over."""

    post: Ints
    reason: Ints
    upper: NDArray[np.bool_]
    fair: Ints
    price: Ints
    cost: int
    bound: int
    gap: float


@dataclass(frozen=True)
class Proposal:
    """What is proposed. `assigned` has the schema ASSIGNED, `books` a row per post; `summary` is plain data.

    It is a value: an edit makes another one.
    """

    day: dt.date
    scope: str
    assigned: pa.Table
    books: pa.Table
    summary: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def moves(self) -> pa.Table:
        """Customers whose post changes."""
        old, new = (pc.fill_null(self.assigned[name], "") for name in ("from_post", "to_post"))
        return self.assigned.filter(pc.not_equal(old, new))

    @cached_property
    def uncovered(self) -> pa.Table:
        """Customers for whom there is no post, and why."""
        none = pc.is_in(self.assigned["reason"], value_set=pa.array(["no_room", "no_post"]))
        return self.assigned.filter(none)

    def row(self, customer: int) -> dict[str, Any] | None:
        """What is proposed for one customer; None for one whom nobody is to look after."""
        found = self.assigned.filter(pc.equal(self.assigned["customer"], customer)).to_pylist()
        return found[0] if found else None

    def over(self) -> pa.Table:
        """Books that would hold more than they may."""
        return self.books.filter(pc.greater(self.books["load_after"], self.books["capacity"]))


def proposal_of(costs: Costs, placed: Placed, scope: str, seconds: float = 0.0) -> Proposal:
    """The proposal of an assignment, with everything a person looks at before he agrees."""
    clients, posts = costs.clients, costs.posts
    assigned = _assigned(costs, placed)
    books = books_of(clients, posts, placed.post, placed.price, placed.fair)
    made = Proposal(posts.day, scope, assigned, books)
    spread = spread_of(books, "before"), spread_of(books, "after")
    summary = {
        "on": posts.day.isoformat(),
        "scope": scope,
        "customers": len(clients),
        "at_posts": int((placed.post != NOBODY).sum()),
        "moves": made.moves.num_rows,
        "kept": int(((placed.post == clients.present) & (placed.post != NOBODY)).sum()),
        "uncovered": made.uncovered.num_rows,
        "by_reason": dict(sorted(_counted(made.moves["reason"]).items())),
        "cost_fen": placed.cost,
        "bound_fen": placed.bound,
        "gap": placed.gap,
        "potential_spread_before": spread[0],
        "potential_spread_after": spread[1],
        "over_capacity_before": int((books["load_before"].to_numpy() > books["capacity"].to_numpy()).sum()),
        "over_capacity_after": made.over().num_rows,
        "seconds": round(seconds, 2),
    }
    return replace(made, summary=summary)


def _counted(values: pa.ChunkedArray) -> dict[str, int]:
    return {row["values"]: row["counts"] for row in pc.value_counts(values.combine_chunks()).to_pylist()}


def _assigned(costs: Costs, placed: Placed) -> pa.Table:
    clients, posts = costs.clients, costs.posts
    every = np.arange(len(clients))
    there = placed.post != NOBODY
    parts = {name: np.zeros(len(clients), np.int64) for name in TERMS}
    total = np.zeros(len(clients), np.int64)
    for name, part in costs.terms(every[there], placed.post[there]):
        parts[name][there] = part
        total[there] += part
    lifted = there & placed.upper
    parts["balance"][lifted] = costs.upper_price()[placed.post[lifted]] * clients.load[lifted]
    total += parts["balance"]
    can_stay = clients.present != NOBODY
    can_stay[can_stay] = costs.allowed(every[can_stay], clients.present[can_stay])
    stay = np.zeros(len(clients), np.int64)
    stay[can_stay] = costs.total(every[can_stay], clients.present[can_stay])
    ids = pa.array([*posts.ids], pa.string())
    return pa.table(
        {
            "customer": pa.array(clients.customer, pa.int32()),
            "from_post": pa.array(clients.present_id, pa.string()),
            "to_post": ids.take(pa.array(placed.post, mask=~there)),
            "reason": pa.array(CODES).take(pa.array(placed.reason)),
            "tier": pa.array(TIERS).take(pa.array(clients.tier, mask=clients.tier == NOBODY)),
            "load": pa.array(clients.load, pa.int32()),
            "aum": pa.array(clients.aum),
            "potential": pa.array(clients.potential),
            "cost": pa.array(total, mask=~there),
            "stay_cost": pa.array(stay, mask=~can_stay),
            **{f"cost_{name}": pa.array(part, mask=~there) for name, part in parts.items()},
        },
        schema=ASSIGNED,
    )


def books_of(clients: Clients, posts: Posts, after: Ints, price: Ints, fair: Ints) -> pa.Table:
    """One row per post: what it holds before and after, its fair share. Loads are units, amounts fen."""
    columns: dict[str, Any] = {
        "post": pa.array(posts.ids, pa.string()),
        "role": pa.array(ROLES).take(pa.array(posts.role)),
        "branch": pa.array(posts.branches, pa.string()).take(pa.array(posts.branch)),
        "seat": pa.array(SEATS).take(pa.array(posts.seat)),
        "capacity": pa.array(posts.capacity),
    }
    for when, post in (("before", clients.present), ("after", after)):
        there = post != NOBODY

        def summed(values: Ints, post: Ints = post, there: Any = there) -> Ints:
            # whole numbers: the sums of a float bincount would lose fen above 2^53
            found = np.zeros(len(posts), np.int64)
            np.add.at(found, post[there], values[there])
            return found

        columns[f"customers_{when}"] = pa.array(summed(np.ones(len(clients), np.int64)))
        columns[f"load_{when}"] = pa.array(summed(clients.load))
        columns[f"aum_{when}"] = pa.array(summed(clients.aum))
        columns[f"potential_{when}"] = pa.array(summed(clients.potential))
        for place, tier in enumerate(TIERS):
            columns[f"{tier}_{when}"] = pa.array(summed((clients.tier == place).astype(np.int64)))
    columns["price"] = pa.array(price)
    columns["fair"] = pa.array(fair)
    return pa.table(columns)


def spread_of(books: pa.Table, when: str) -> float | None:
    """How far books of one role differ in potential: the mean deviation from the mean of their role, weighted
    by it, over posts somebody sits on; null where there is nothing to compare."""
    potential = books[f"potential_{when}"].to_numpy().astype(np.float64)
    role = (
        np.unique(books["role"].to_pylist(), return_inverse=True)[1] if books.num_rows else np.empty(0, int)
    )
    there = ~np.isin(books["seat"].to_pylist(), ["vacant", "team"])
    if not there.any():
        return None
    count = np.bincount(role[there])
    mean = np.bincount(role[there], potential[there]) / np.maximum(count, 1)
    off = np.abs(potential[there] - mean[role[there]]).sum()
    return None if not potential[there].sum() else round(float(off / potential[there].sum()), 4)


def checked(proposal: Proposal, costs: Costs) -> None:
    """Refuse a proposal that breaks what no proposal may: somebody at a post that may not have him, a post
    above its capacity that was not above it before or holds more than it did.

    Raises BookError, naming the post or the customer's number.
    """
    clients, posts = costs.clients, costs.posts
    post = posts.places(proposal.assigned["to_post"])
    moved = np.flatnonzero((post != NOBODY) & (post != clients.present))
    wrong = moved[~costs.allowed(moved, post[moved])]
    if len(wrong):
        why = costs.why_not(int(wrong[0]), int(post[wrong[0]]))
        raise BookError(f"customer {int(clients.customer[wrong[0]])} may not go there: {why}")
    books = proposal.books
    before, after, capacity = (books[n].to_numpy() for n in ("load_before", "load_after", "capacity"))
    over = np.flatnonzero((after > capacity) & (after > before))
    if len(over):
        name = posts.ids[over[0]]
        raise BookError(f"post {name} would hold {after[over[0]]} units of {capacity[over[0]]} (BK-2)")
