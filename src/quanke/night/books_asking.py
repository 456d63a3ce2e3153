"""Asking about books: who looks after a customer and why, whether the laws hold, who may approve."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quanke.bank.arranged import facts_sql
from quanke.bank.contracts import ROLES
from quanke.bank.home import Home
from quanke.books.candidates import candidates
from quanke.books.costs import TERMS
from quanke.books.lifecycle import Standing
from quanke.books.ownership import FINDINGS, interval_findings, seat_findings
from quanke.books.posts import NOBODY, SEATS, Ints, Posts
from quanke.books.proposal import Proposal
from quanke.books.reasons import REASONS
from quanke.books.store import ProposalStore, StoredProposal
from quanke.customers.graph.store import GraphStore
from quanke.customers.register import register_of
from quanke.engines.store import Night
from quanke.kernel.errors import BookError
from quanke.night.books import BookBasis, basis_of, posts_of


def explain_books(home: Home, night: Night, customer: int, on: dt.date | None = None) -> dict[str, Any]:
    """Who looks after a customer on a day (default: the night's), why, and who else could: plain data.

    `standard` is what the service matrix says, `now` the post on the day and who sits there, `history` all
    primary intervals, `proposed` what the last proposal says, `candidates` the posts he may go to with the
    terms of their costs, the cheapest first; a full post's price comes on top.
    """
    day = on or night.day
    row = night.row(customer)
    basis = basis_of(home, night, only=customer)
    posts = basis.posts if day == night.day else posts_of(home, day)
    intervals = _intervals(home, customer)
    held = [i for i in intervals if i["from_date"] <= day and (i["to_date"] is None or i["to_date"] > day)]
    known = ("service_cell", "service_care", "service_role", "service_grade", "service_contact_days",
             "service_channels", "covered_by", "contact_due_on", "contact_due_for")  # fmt: skip
    stored = ProposalStore(home).all()
    last = stored[-1] if stored else None
    proposal = last.version() if last else None
    return {
        "customer": customer,
        "on": day,
        "standard": {name: row.get(name) for name in known},
        "now": [{**i, **_seat(posts, i["post"])} for i in held],
        "history": intervals,
        "proposed": _proposed(last, proposal, customer),
        "candidates": _candidates(basis, proposal, night) if len(basis.clients) else [],
    }


def _intervals(home: Home, customer: int) -> list[dict[str, Any]]:
    parties = pa.table({"party": pa.array(register_of(home).parties_of(customer), pa.int32())})
    with duckdb.connect() as connection:
        connection.register("wanted", parties)
        rows = connection.sql(
            "SELECT ownership_id, post_id AS post, from_date, to_date, care, reason, proposal "
            f"FROM ({facts_sql(home, 'ownership')}) SEMI JOIN wanted USING (party) "
            "WHERE duty = 'primary' ORDER BY from_date, ownership_id"
        ).to_arrow_table()
    found: list[dict[str, Any]] = rows.to_pylist()
    return found


def _seat(posts: Posts, post: str) -> dict[str, Any]:
    """Who sits on a post: the holder, or a stand-in while he is away. Of a post that is no more, nothing."""
    place = posts.number.get(post)
    if place is None:
        return {"role": None, "branch": None, "seat": None, "holder": None, "sits_there": None}
    holder, sitter = int(posts.holder[place]), int(posts.sitter[place])
    return {
        "role": ROLES[posts.role[place]],
        "branch": posts.branches[posts.branch[place]],
        "seat": SEATS[posts.seat[place]],
        "holder": None if holder == NOBODY else posts.staff[holder],
        "sits_there": None if sitter == NOBODY else posts.staff[sitter],
    }


def _proposed(
    stored: StoredProposal | None, proposal: Proposal | None, customer: int
) -> dict[str, Any] | None:
    row = proposal.row(customer) if proposal else None
    if stored is None or row is None:
        return None
    reason = REASONS[row["reason"]]
    terms = {name: row[f"cost_{name}"] for name in TERMS if row[f"cost_{name}"]}
    return {
        "proposal": stored.id,
        "state": stored.standing.state,
        "from_post": row["from_post"],
        "to_post": row["to_post"],
        "reason": row["reason"],
        "reason_zh": reason.zh,
        "reason_en": reason.en,
        "cost_fen": row["cost"],
        "stay_cost_fen": row["stay_cost"],
        "terms_fen": terms,
    }


def _candidates(basis: BookBasis, proposal: Proposal | None, night: Night) -> list[dict[str, Any]]:
    """The posts the one client of the basis may go to, the cheapest with its price first."""
    if basis.clients.wanted[0] == NOBODY:
        return []
    costs = basis.costs
    price = np.zeros(len(basis.posts), np.int64)
    if proposal is not None and tuple(proposal.books["post"].to_pylist()) == basis.posts.ids:
        price = proposal.books["price"].to_numpy()
        costs = replace(costs, anchor=_anchor(basis, proposal, night))
    row, post = candidates(costs, np.array([0]))
    terms = dict(costs.terms(row, post))
    load = int(basis.clients.load[0])
    found = []
    for place, number in enumerate(post.tolist()):
        parts = {name: int(values[place]) for name, values in terms.items() if values[place]}
        found.append(
            {
                "post": basis.posts.ids[number],
                "role": ROLES[basis.posts.role[number]],
                "branch": basis.posts.branches[basis.posts.branch[number]],
                "seat": SEATS[basis.posts.seat[number]],
                "terms_fen": parts,
                "cost_fen": sum(parts.values()),
                "scarcity_fen": int(price[number]) * load,
            }
        )
    return sorted(found, key=lambda each: (each["cost_fen"] + each["scarcity_fen"], each["post"]))


def _anchor(basis: BookBasis, proposal: Proposal, night: Night) -> Ints:
    """The post of who stands for the household of the one client of the basis, as the proposal has it."""
    own, household = int(basis.clients.customer[0]), int(basis.clients.household[0])
    if household == NOBODY:
        return np.array([NOBODY])
    homes = GraphStore.open(night.path / "graph").people.household
    family = pa.array(np.flatnonzero(homes == household), pa.int32())
    rows = proposal.assigned.filter(pc.is_in(proposal.assigned["customer"], value_set=family))
    rows = rows.filter(pc.is_valid(rows["to_post"])).sort_by(
        [("load", "descending"), ("aum", "descending"), ("customer", "ascending")]
    )
    stands = rows.num_rows > 1 and rows["customer"][0].as_py() != own
    return basis.posts.places(rows["to_post"].slice(0, 1)) if stands else np.array([NOBODY])


def check_books(home: Home, night: Night) -> tuple[pa.Table, pa.Table]:
    """Findings about the intervals (FINDINGS), and every book with its load beside its capacity, as of the
    night's day."""
    basis = basis_of(home, night)
    clients, posts = basis.clients, basis.posts
    register = register_of(home)
    with duckdb.connect() as connection:
        numbers = {"party": np.arange(len(register.customer), dtype=np.int32), "customer": register.customer}
        connection.register("numbers", pa.table(numbers))
        intervals = connection.sql(
            "SELECT n.customer, o.* EXCLUDE (customer) FROM "
            f"({facts_sql(home, 'ownership')}) AS o JOIN numbers AS n USING (party) "
            "WHERE o.duty = 'primary'"
        ).to_arrow_table()
    needs = clients.customer[clients.wanted != NOBODY]
    broken = interval_findings(intervals, night.day, needs, basis.rules.gap_workdays.on(night.day))
    now = pc.and_(
        pc.less_equal(intervals["from_date"], pa.scalar(night.day)),
        pc.fill_null(pc.greater(intervals["to_date"], pa.scalar(night.day)), True),
    )
    seats = {name: SEATS[seat] for name, seat in zip(posts.ids, posts.seat.tolist(), strict=True)}
    found = pa.concat_tables([broken, seat_findings(intervals.filter(now), seats)]).cast(FINDINGS)
    held = clients.present != NOBODY
    load = np.bincount(clients.present[held], clients.load[held].astype(np.float64), minlength=len(posts))
    books = pa.table(
        {
            "post": pa.array(posts.ids, pa.string()),
            "role": pa.array(ROLES).take(pa.array(posts.role)),
            "seat": pa.array(SEATS).take(pa.array(posts.seat)),
            "customers": pa.array(np.bincount(clients.present[held], minlength=len(posts))),
            "load": pa.array(load.astype(np.int64)),
            "capacity": pa.array(posts.capacity),
        }
    )
    return found, books


def approve_proposal(
    home: Home, night: Night, stored: StoredProposal, *, by: str, version: int, at: dt.datetime | None = None
) -> Standing:
    """Approve a version: by a member of staff who neither made it nor sits on a post that gains or loses
    customers by it (BK-5).

    Raises BookError where that does not hold, or where the version is not the last one.
    """
    _refuse_approver(stored.version(version), posts_of(home, night.day), by)
    return stored.note("approved", by, at, version=version)


def _refuse_approver(proposal: Proposal, posts: Posts, by: str) -> None:
    if by not in posts.staff:
        raise BookError("who approves is a member of staff who is with the bank on that day")
    who = posts.staff.index(by)
    mine = np.flatnonzero((posts.holder == who) | (posts.sitter == who))
    names = pa.array([posts.ids[place] for place in mine], pa.string())
    moves = proposal.moves
    for side in ("from_post", "to_post"):
        if pc.any(pc.is_in(moves[side], value_set=names)).as_py():
            raise BookError("four eyes: who loses or gains customers by it may not approve it (BK-5)")
