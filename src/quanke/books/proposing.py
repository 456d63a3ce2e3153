"""Proposing books: everybody to a post at once, with everything a post may or a relation costs."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quanke.bank.contracts import ROLES
from quanke.books.candidates import candidates
from quanke.books.clients import Clients, day_number
from quanke.books.costs import Costs
from quanke.books.posts import NOBODY, TEAM, VACANT, Ints, Posts
from quanke.books.proposal import Placed, Proposal, checked, proposal_of
from quanke.books.reasons import CODES
from quanke.books.rules import BookRules
from quanke.kernel.errors import BookError
from quanke.kernel.progress import Progress, SilentProgress

SCOPES = ("all", "changes")
"""Everybody anew, or only those for whom something changed."""
JITTER = 500
"""Fen below which two posts are told apart by chance."""
Bools = NDArray[np.bool_]


def propose(
    clients: Clients,
    posts: Posts,
    rules: BookRules | None = None,
    *,
    scope: str = "all",
    conflicts: Ints | None = None,
    progress: Progress | None = None,
) -> Proposal:
    """A proposal for the customers of `clients` (`clients_of`) and the posts of a day (`posts_on`).

    `scope` "changes" moves only who has no post, whose post is vacant, gone, of a role that may not stand for
    the one he needs, held by a relative, not the one he chose, and who has several owners after a merge;
    everybody else stays where he is. `conflicts`: pairs (customer, place in `posts.staff`), shape (n, 2).

    Everybody is at one post or at none; no post is filled above its capacity (one that is above it already
    gets nobody); the same input gives the same answer. Raises BookError for an unknown
    scope and where there is no post.
    """
    if scope not in SCOPES:
        raise BookError(f"a scope is one of {', '.join(SCOPES)}")
    if not len(posts):
        raise BookError("the bank has no post that can look after anybody: load branches, staff and posts")
    begin = time.perf_counter()
    rules = rules or BookRules()
    none = np.empty((0, 2), np.int64)
    costs = Costs(clients, posts, rules, none if conflicts is None else conflicts)
    pinned = _pinned(costs, scope)
    open_ = np.flatnonzero((clients.wanted != NOBODY) & ~pinned)
    with (progress or SilentProgress()).step("books", 3) as step:
        held = _held(clients, posts, np.where(pinned, clients.present, NOBODY))
        work = _Work(costs, open_, held)
        found = work.placed(costs, None)
        step.advance()
        # who stands for each household, and how full books are, is known only now
        whole = _whole(clients, pinned, open_, found.post)
        costs = replace(costs, anchor=anchors(clients, whole))
        fair = _fair(costs, whole)
        found = work.placed(costs, fair)
        step.advance()
        whole = _whole(clients, pinned, open_, found.post)
        upper = np.zeros(len(clients), np.bool_)
        upper[open_] = found.upper
        whole = dealt(costs, whole, open_, upper)
        step.advance()
    reason = _reasons(costs, whole, work.offered)
    placed = Placed(whole, reason, upper, fair, found.price, found.cost, found.bound, found.gap)
    made = proposal_of(costs, placed, scope, time.perf_counter() - begin)
    checked(made, costs)
    return made


def _edges(post: Ints) -> tuple[Ints, Ints]:
    row = np.flatnonzero(post != NOBODY)
    return row, post[row]


def _held(clients: Clients, posts: Posts, post: Ints) -> Ints:
    """Units at each post."""
    row, at = _edges(post)
    return np.bincount(at, clients.load[row], minlength=len(posts)).astype(np.int64)


def _whole(clients: Clients, pinned: Bools, open_: Ints, post: Ints) -> Ints:
    found = np.where(pinned, clients.present, NOBODY)
    found[open_] = post
    return found


def _stays_possible(costs: Costs) -> Bools:
    """Whether a client can stay where he is at all: somebody sits there, and he may be there."""
    clients, posts = costs.clients, costs.posts
    row, post = _edges(clients.present)
    found = np.zeros(len(clients), np.bool_)
    found[row] = costs.allowed(row, post) & (posts.seat[post] != VACANT)
    return found


def _pinned(costs: Costs, scope: str) -> Bools:
    """Who stays whatever it costs: in the cooling period, and by the scope everybody nothing happened to."""
    clients, rules, day = costs.clients, costs.rules, costs.posts.day
    can: Bools = _stays_possible(costs) & (clients.wanted != NOBODY) & (clients.owners == 1)
    can &= (clients.chosen == NOBODY) | (clients.chosen == clients.present)
    if scope == "changes":
        return can
    cool: Bools = can & (day_number(day) - clients.since < rules.cooling_days.on(day))
    return cool


@dataclass(frozen=True)
class _Found:
    """What one assignment gave the open customers: post (NOBODY for none), and whether he is above its fair
    share; price by post, and how good it is."""

    post: Ints
    upper: Bools
    price: Ints
    cost: int
    bound: int
    gap: float


class _Work:
    """The customers to be placed (`rows`) and what posts hold of the others (`held`, units)."""

    def __init__(self, costs: Costs, rows: Ints, held: Ints) -> None:
        self.rows, self.held = rows, held
        self.room = np.maximum(costs.posts.capacity - held, 0)
        self.load = costs.clients.load[rows]
        self.offered = np.zeros(len(costs.clients), np.bool_)

    def placed(self, costs: Costs, fair: Ints | None) -> _Found:
        """The assignment over everybody's candidates; those left over look further, once. `fair`: units by
        post above which a place costs more; None: it does not."""
        posts = len(costs.posts)
        if not len(self.rows):
            none = np.empty(0, np.int64)
            return _Found(none, np.empty(0, np.bool_), np.zeros(posts, np.int64), 0, 0, 0.0)
        row, post = candidates(costs, self.rows)
        found = self._assigned(costs, row, post, fair)
        left = found.post == NOBODY
        spare = self.room - np.bincount(
            found.post[~left], self.load[~left].astype(np.float64), minlength=posts
        )
        if left.any() and (spare > 0).any():
            more = candidates(costs, self.rows[left], spare)
            key = np.unique(np.concatenate([row * posts + post, more[0] * posts + more[1]]))
            if len(key) > len(row):
                row, post = key // posts, key % posts
                found = self._assigned(costs, row, post, fair)
        self.offered[row] = True
        return found

    def _assigned(self, costs: Costs, row: Ints, post: Ints, fair: Ints | None) -> _Found:
        # numba and OR-Tools: seconds, where nobody proposes
        from quanke.books.assignment import assign
        from quanke.books.edges import edges_of
        from quanke.books.prices import chosen_at

        clients, posts = costs.clients, len(costs.posts)
        place = np.full(len(clients), NOBODY, np.int64)
        place[self.rows] = np.arange(len(self.rows))
        every = np.arange(len(self.rows))
        total = costs.total(row, post)
        parts = [(place[row], post, total)]
        room = self.room
        if fair is not None:
            # a book is two shelves: up to its fair share, and above it at a price
            lower = np.minimum(room, np.maximum(fair - self.held, 0))
            twice = ~costs.posts.is_team[post]
            dear = total[twice] + (costs.upper_price()[post] * clients.load[row])[twice]
            parts.append((place[row][twice], posts + post[twice], dear))
            room = np.concatenate([np.where(costs.posts.is_team, room, lower), room - lower])
        nobody = len(room)
        parts.append((every, np.full(len(every), nobody), costs.nobody_price()[self.rows]))
        who, where, cost = (np.concatenate([part[at] for part in parts]) for at in range(3))
        room = np.append(room, self.load.sum() + 1).astype(np.float64)
        shaken = cost + _jitter(clients.customer[self.rows][who], where)
        load = self.load[who].astype(np.float64)

        def table(costs: Ints) -> pa.Table:
            return pa.table({"customer": who, "post": where, "cost": costs.astype(np.float64), "load": load})

        found = assign(table(shaken), room)
        chosen = found.post.astype(np.int64)
        gone = chosen == nobody
        # what the answer costs, and what none costs less than, is told of the costs themselves
        true = edges_of(table(cost), room)
        bound = int(np.floor(chosen_at(true, found.price).bound))
        key = who * (nobody + 1) + where
        order = np.argsort(key)
        at = order[np.searchsorted(key[order], every * (nobody + 1) + chosen)]
        spent = int(cost[at].sum())
        bound = min(bound, spent)
        return _Found(
            np.where(gone, NOBODY, chosen % posts),
            ~gone & (chosen >= posts),
            np.rint(found.price[:posts]).astype(np.int64),
            spent,
            bound,
            (spent - bound) / max(abs(bound), 1),
        )


def _jitter(customer: Ints, post: Ints) -> Ints:
    """A few fen by customer and post, always the same. Many customers are alike, and posts are to them; where
    everybody is indifferent, nearly everybody has to be placed by the exact flow, and that takes long (52,000
    customers, 16 s; with it 4 s, at the same cost)."""
    mixed = customer.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= post.astype(np.uint64) * np.uint64(0xC2B2AE3D27D4EB4F)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(32)
    found: Ints = (mixed % np.uint64(JITTER)).astype(np.int64)
    return found


def anchors(clients: Clients, post: Ints) -> Ints:
    """By client the post of the weightiest other of his household who is at one; NOBODY for none."""
    anchor = np.full(len(clients), NOBODY, np.int64)
    there = np.flatnonzero((post != NOBODY) & (clients.household != NOBODY))
    order = there[np.lexsort((clients.customer[there], -clients.aum[there], -clients.load[there]))]
    order = order[np.argsort(clients.household[order], kind="stable")]
    homes, first, size = np.unique(clients.household[order], return_index=True, return_counts=True)
    head = order[first[size > 1]]
    homes = homes[size > 1]
    if not len(homes):
        return anchor
    at = np.searchsorted(homes, clients.household)
    at = np.minimum(at, len(homes) - 1)
    member = (homes[at] == clients.household) & (clients.household != NOBODY)
    member &= clients.customer != clients.customer[head[at]]
    anchor[member] = post[head[at[member]]]
    return anchor


def _fair(costs: Costs, post: Ints) -> Ints:
    """Units by post: its share of what all posts of its role that somebody sits on hold, by capacity."""
    posts = costs.posts
    held = _held(costs.clients, posts, post)
    peers = ~np.isin(posts.seat, (VACANT, TEAM)) & ~posts.is_team
    roles = int(posts.role.max()) + 1
    load = np.bincount(posts.role[peers], held[peers].astype(np.float64), minlength=roles)
    all_capacity = np.bincount(posts.role[peers], posts.capacity[peers].astype(np.float64), minlength=roles)
    share = load / np.maximum(all_capacity, 1)
    fair = np.ceil(np.minimum(share[posts.role], 1) * posts.capacity).astype(np.int64)
    # whole customers of the role's own tier: a share of one would only be waste
    unit = np.array([max(1, costs.rules.role_unit(name, posts.day)) for name in ROLES], np.int64)[posts.role]
    return -(-fair // unit) * unit


def dealt(costs: Costs, post: Ints, rows: Ints, upper: Bools) -> Ints:
    """The same books with their potential evened out: customers of one tier for whom any post of their role
    in a branch is as good change places, so that no load and no cost changes.

    They are dealt like cards, the greatest potential first, each post getting as many as it had.
    """
    clients, posts = costs.clients, costs.posts
    free = rows[post[rows] != NOBODY]
    indifferent = (clients.present[free] == NOBODY) & (clients.chosen[free] == NOBODY) & ~upper[free]
    indifferent &= ~clients.needs[free].any(axis=1) & (clients.language[free] != NOBODY)
    if costs.anchor is not None:
        indifferent &= costs.anchor[free] == NOBODY
    free = free[indifferent]
    if not len(free):
        return post
    at = post[free]
    key = np.stack(
        [posts.branch[at], posts.role[at], posts.seat[at], clients.tier[free], clients.wanted[free]]
    )
    group = np.unique(key, axis=1, return_inverse=True)[1].ravel()
    # as dear as anywhere in the group: who would pay another price elsewhere stays
    cheap = _equal_in_group(costs, free, at, group)
    free, at, group = free[cheap], at[cheap], group[cheap]
    found = post.copy()
    by_group = np.lexsort((clients.customer[free], -clients.potential[free], group))
    count = np.bincount(group * len(posts) + at, minlength=1)
    slot_key = group * len(posts) + at
    order = np.lexsort((np.arange(len(at)), slot_key))
    first = np.searchsorted(slot_key[order], slot_key[order])
    turn = (np.arange(len(order)) - first + 0.5) / count[slot_key[order]]
    slots = order[np.lexsort((at[order], turn, group[order]))]
    found[free[by_group]] = at[slots]
    fine = costs.allowed(free, found[free])
    if not fine.all():  # a relative's post: everybody of that group stays
        bad = np.isin(group, np.unique(group[~fine]))
        found[free[bad]] = at[bad]
    return found


def _equal_in_group(costs: Costs, row: Ints, at: Ints, group: Ints) -> Bools:
    """Whether a customer pays the same at every post of his group: these differ in the grade of who sits
    there and in languages alone."""
    posts, clients = costs.posts, costs.clients
    grade = np.append(posts.grade, NOBODY)[posts.sitter[at]]
    lacking = (grade != NOBODY) & (grade < clients.grade[row])
    spoken = costs.speaks(at, clients.language[row])
    mixed = np.zeros(int(group.max()) + 1, np.bool_)
    for differs in (lacking, ~spoken):
        some = np.bincount(group, differs, minlength=len(mixed)) > 0
        mixed |= some
    equal: Bools = ~mixed[group]
    return equal


def _reasons(costs: Costs, post: Ints, offered: Bools) -> Ints:
    """Place in CODES of why each client is where he is."""
    c, p = costs.clients, costs.posts
    present = c.present
    known = present != NOBODY
    stays = known & (post == present)
    conflict = np.zeros(len(c), np.bool_)
    conflict[known] = costs.in_conflict(np.flatnonzero(known), present[known])
    full = np.zeros(len(p), np.bool_)
    full |= _held(c, p, present) > p.capacity
    cases = [
        (stays & (c.owners > 1), "merged"),
        (stays, "kept"),
        (~c.in_scope, "out"),
        (c.wanted == NOBODY, "digital"),
        ((post == NOBODY) & ~offered, "no_post"),
        (post == NOBODY, "no_room"),
        ((c.chosen != NOBODY) & (post == c.chosen), "choice"),
        (conflict, "conflict"),
        (~known & (c.owners > 0), "closed"),
        (~known, "new"),
        (p.seat[present] == VACANT, "vacant"),
        (p.role[present] != c.wanted, "tier"),
        (full[present], "capacity"),
    ]
    return np.select([k for k, _ in cases], [CODES.index(name) for _, name in cases], CODES.index("better"))
