"""Editing a proposal by hand: a customer to a post, away from a post, or two against each other.

An edit is checked like everything proposed (who may be where, what a post may hold) and costed anew; it gives
another proposal and leaves the one before as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quanke.books.candidates import candidates
from quanke.books.clients import day_number
from quanke.books.costs import Costs
from quanke.books.posts import NOBODY, VACANT, Ints
from quanke.books.proposal import Placed, Proposal, checked, proposal_of
from quanke.books.reasons import CODES
from quanke.kernel.errors import BookError


@dataclass(frozen=True)
class Edit:
    """One change: `pin` a customer to a post, `exclude` him from one (he goes to the cheapest other that has
    room), or `swap` the posts of two customers (`other` is a customer's number)."""

    kind: str
    customer: int
    post: str = ""
    other: int | None = None

    def told(self) -> dict[str, object]:
        """As it is written down."""
        given = {"kind": self.kind, "customer": self.customer, "post": self.post, "other": self.other}
        return {name: value for name, value in given.items() if value not in ("", None)}


def edited(proposal: Proposal, costs: Costs, edits: list[Edit]) -> Proposal:
    """The proposal after some edits, in their order; `costs` as `Costs` of the proposal's basis.

    Raises BookError for a customer that is not in the proposal, a post that is not there, or an edit that
    breaks what no proposal may.
    """
    work = _Editing(proposal, costs)
    for edit in edits:
        work.take(edit)
    return work.done()


def anchored(proposal: Proposal, costs: Costs) -> Costs:
    """The costs with everybody's household where the proposal has it."""
    from quanke.books.proposing import anchors

    return replace(costs, anchor=anchors(costs.clients, costs.posts.places(proposal.assigned["to_post"])))


class _Editing:
    def __init__(self, proposal: Proposal, costs: Costs) -> None:
        same = np.array_equal(proposal.assigned["customer"].to_numpy(), costs.clients.customer)
        if not same or tuple(proposal.books["post"].to_pylist()) != costs.posts.ids:
            raise BookError("customers or posts changed since it was proposed: propose again")
        self.proposal, self.costs = proposal, anchored(proposal, costs)
        self.post = costs.posts.places(proposal.assigned["to_post"]).copy()
        codes = pa.array(CODES)
        self.reason = pc.index_in(proposal.assigned["reason"], value_set=codes).to_numpy().astype(np.int64)
        self.reason = self.reason.copy()
        self.fair = proposal.books["fair"].to_numpy()
        self.upper = pc.greater(pc.fill_null(proposal.assigned["cost_balance"], 0), 0).to_numpy().copy()

    def take(self, edit: Edit) -> None:
        row = self.row(edit.customer)
        if edit.kind == "pin":
            self.put(row, self.place(edit.post))
        elif edit.kind == "exclude":
            self.exclude(row, self.place(edit.post))
        elif edit.kind == "swap" and edit.other is not None:
            other = self.row(edit.other)
            mine, his = int(self.post[row]), int(self.post[other])
            if NOBODY in (mine, his) or mine == his:
                raise BookError("a swap needs two customers at two posts")
            self.put(row, his)
            self.put(other, mine)
        else:
            raise BookError("an edit is pin, exclude or swap")

    def row(self, customer: int) -> int:
        """Place of a customer."""
        at = int(np.searchsorted(self.costs.clients.customer, customer))
        if at == len(self.costs.clients) or self.costs.clients.customer[at] != customer:
            raise BookError(f"customer {customer} is not in the proposal: nobody is to look after him")
        return at

    def place(self, post: str) -> int:
        """Place of a post."""
        if post not in self.costs.posts.number:
            raise BookError("there is no post of that number that can look after customers")
        return self.costs.posts.number[post]

    def put(self, row: int, post: int) -> None:
        why = self.costs.why_not(row, post)
        if why:
            raise BookError(f"customer {int(self.costs.clients.customer[row])} may not go there: {why}")
        self.refuse_promise(row, post)
        if self.post[row] != post:
            # above its fair share a place costs more, as it did where it was proposed
            self.upper[row] = not self.costs.posts.is_team[post] and self.held()[post] >= self.fair[post]
        self.post[row], self.reason[row] = post, CODES.index("edited")

    def refuse_promise(self, row: int, post: int) -> None:
        """What is not for sale: the customer's own choice, and rest after a move (BK-5)."""
        clients, costs = self.costs.clients, self.costs
        number, chosen, present = (
            int(clients.customer[row]),
            int(clients.chosen[row]),
            int(clients.present[row]),
        )
        if chosen not in (NOBODY, post) and not costs.why_not(row, chosen):
            raise BookError(f"customer {number} chose post {costs.posts.ids[chosen]} himself (BK-5)")
        rest = costs.rules.cooling_days.on(costs.posts.day)
        stays = present != NOBODY and not costs.why_not(row, present) and costs.posts.seat[present] != VACANT
        if (
            stays
            and post not in (present, chosen)
            and day_number(costs.posts.day) - clients.since[row] < rest
        ):
            raise BookError(f"customer {number} came to his post less than {rest} days ago (BK-5)")

    def exclude(self, row: int, post: int) -> None:
        if self.post[row] != post:
            number, name = int(self.costs.clients.customer[row]), self.costs.posts.ids[post]
            raise BookError(f"customer {number} is not at post {name} in the proposal")
        clients = self.costs.clients
        if clients.chosen[row] == post:
            raise BookError("the customer chose that post himself (BK-5)")
        load = int(clients.load[row])
        room = self.costs.posts.capacity - self.held()
        _, options = candidates(self.costs, np.array([row]), room.astype(np.float64))
        options = options[(options != post) & (room[options] >= load)]
        if not len(options):
            raise BookError("no other post he may go to has room")
        price = self.costs.total(np.full(len(options), row), options)
        self.put(row, int(options[np.argmin(price)]))

    def held(self) -> Ints:
        """Units at each post."""
        there = self.post != NOBODY
        load = self.costs.clients.load[there].astype(np.float64)
        return np.bincount(self.post[there], load, minlength=len(self.costs.posts)).astype(np.int64)

    def done(self) -> Proposal:
        old = self.proposal.summary
        books = self.proposal.books
        price, fair = (books[name].to_numpy() for name in ("price", "fair"))
        cost, bound = int(old["cost_fen"]), int(old["bound_fen"])
        placed = Placed(self.post, self.reason, self.upper, fair, price, cost, bound, float(old["gap"]))
        made = proposal_of(self.costs, placed, self.proposal.scope)
        checked(made, self.costs)
        before, now = (int(pc.sum(p.assigned["cost"]).as_py() or 0) for p in (self.proposal, made))
        # what the edits cost above what was proposed; the bound is the problem's, which they do not change
        edits = int(old.get("edits_cost_fen", 0)) + now - before
        cost = cost + now - before
        gap = (cost - bound) / max(abs(bound), 1)
        more = {"edits_cost_fen": edits, "cost_fen": cost, "gap": gap, "seconds": old["seconds"]}
        return replace(made, summary={**made.summary, **more})
