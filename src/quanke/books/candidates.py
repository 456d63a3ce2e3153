"""Which posts a customer may go to: about ten edges each, found for all customers of a branch at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quanke.bank.contracts import ROLES, TEAM_ROLES
from quanke.books.costs import FORBIDDEN, Costs
from quanke.books.posts import AWAY, NOBODY, VACANT, Ints

TEAM_SEATS = 3
"""Seats of teams among a customer's candidates, beside those found by price."""


def candidates(costs: Costs, rows: Ints, room: NDArray[np.float64] | None = None) -> tuple[Ints, Ints]:
    """Edges (place of the client, place of the post) of the clients at `rows`, in their order.

    Of each (role wanted, branch): the cheapest posts by role, distance and seat, and seats of teams in
    turn; then of each client his present post and that of his household. `room`: only posts with room (units)
    are new candidates; None: all with a capacity. Who chose a post himself has that one alone.
    """
    clients, posts = costs.clients, costs.posts
    chosen = clients.chosen[rows]
    free = rows[chosen == NOBODY]
    cell = clients.wanted[free] * (len(posts.branches) + 1) + clients.branch[free]
    cells, which = np.unique(cell, return_inverse=True)
    branch = (cells + 1) % (len(posts.branches) + 1) - 1
    wanted = (cells - branch) // (len(posts.branches) + 1)
    pool = _pools(costs, wanted, branch, posts.capacity > 0 if room is None else room > 0)
    row = np.repeat(free, pool.shape[1])
    post = pool[which].ravel()
    extra_rows, extra = [rows[chosen != NOBODY]], [chosen[chosen != NOBODY]]
    for own in (clients.present, costs.anchor):
        if own is not None:
            extra_rows.append(free)
            extra.append(own[free])
    row, post = np.concatenate([row, *extra_rows]), np.concatenate([post, *extra])
    kept = post != NOBODY
    row, post = row[kept], post[kept]
    key = np.unique(row * len(posts) + post)
    row, post = key // len(posts), key % len(posts)
    fine = costs.allowed(row, post)
    return row[fine], post[fine]


def _pools(costs: Costs, wanted: Ints, branch: Ints, open_: NDArray[np.bool_]) -> Ints:
    """By cell its candidate posts, filled up with NOBODY; shape (cells, most + TEAM_SEATS)."""
    posts, rules, day = costs.posts, costs.rules, costs.posts.day
    most = rules.most.on(day)
    found = np.full((len(wanted), most + TEAM_SEATS), NOBODY, np.int64)
    seat = np.select(
        [posts.seat == VACANT, posts.seat == AWAY], [rules.vacant.on(day), rules.away.on(day)], 0
    )
    every = np.arange(len(posts))
    able: dict[int, tuple[Ints, Ints]] = {}
    for place, (role, home) in enumerate(zip(wanted.tolist(), branch.tolist(), strict=True)):
        if role not in able:
            fits = open_ & (costs.role_prices[role, posts.role] != FORBIDDEN)
            able[role] = every[fits & ~posts.is_team], every[fits & posts.is_team]
        persons, teams = able[role]
        far = posts.kilometres(np.full(len(persons), home), persons, float(rules.unknown_km.on(day)))
        price = costs.role_prices[role, posts.role[persons]] + seat[persons] + far * rules.per_km.on(day)
        near = persons[np.argsort(price, kind="stable")[:most]]
        team_first = ROLES[role] in TEAM_ROLES
        few = min(found.shape[1] if team_first else TEAM_SEATS, len(teams))
        # branches begin at different seats, so that none is everybody's first
        turn = teams[(max(home, 0) * few + np.arange(few)) % max(len(teams), 1)]
        listed = np.concatenate([turn, near] if team_first else [near, turn])[: found.shape[1]]
        found[place, : len(listed)] = listed
    return found
