from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quanke.books import Proposal, propose
from quanke.books.clients import TIERS
from quanke.books.costs import TERMS, Costs
from quanke.books.posts import NOBODY
from quanke.kernel.errors import BookError
from quanke.segments import Dated
from tests.books.small_books import DAY, RULES, SmallBank, client, clients


def made(bank: SmallBank, rows: list[dict[str, Any]], **more: Any) -> Proposal:
    posts = bank.posts()
    return propose(clients(rows, posts), posts, RULES, **more)


def where(proposal: Proposal) -> dict[int, tuple[str | None, str]]:
    rows = proposal.assigned.to_pylist()
    return {row["customer"]: (row["to_post"], row["reason"]) for row in rows}


def two_branches() -> SmallBank:
    bank = SmallBank().branch("B1", 114.0).branch("B2", 114.2)
    return bank.post("P1", "wealth_manager", "B1").post("P2", "wealth_manager", "B2")


def test_the_nearest_post_that_fits() -> None:
    found = made(two_branches(), [client(1), client(2, branch="B2")])
    assert where(found) == {1: ("P1", "new"), 2: ("P2", "new")}
    assert found.summary["uncovered"] == 0 and found.summary["gap"] == pytest.approx(0, abs=1e-9)


def test_a_live_relation_is_kept_and_a_vacant_post_is_left() -> None:
    bank = two_branches().post("P3", "wealth_manager", "B1", held_by=None)
    rows = [client(1, present="P2"), client(2, present="P3"), client(3, present="P9", owners=1)]
    found = where(made(bank, rows))
    assert found == {1: ("P2", "kept"), 2: ("P1", "vacant"), 3: ("P1", "closed")}


def test_what_a_relation_is_worth_is_told() -> None:
    live = client(1, present="P2", contact=DAY - dt.timedelta(days=10))
    row = made(two_branches(), [live]).row(1)
    posts = two_branches().posts()
    costs = Costs(clients([live], posts), posts, RULES)
    # P1 is nearer by 20 km, yet six and a half years and a contact weigh more
    assert row is not None and row["to_post"] == "P2"
    assert dict(costs.terms(np.array([0]), np.array([0])))["continuity"][0] == (150 + 500 + 5 * 80) * 100


def test_own_choice_overrides_and_so_does_a_relative() -> None:
    bank = two_branches()
    posts = bank.posts()
    rows = [client(1, chosen="P2"), client(2, chosen="P1"), client(3, present="P1", contact=DAY)]
    conflicts = np.array([[2, posts.staff.index("S-P1")], [3, posts.staff.index("S-P1")]])
    found = where(propose(clients(rows, posts), posts, RULES, conflicts=conflicts))
    assert found[1] == ("P2", "choice")
    assert found[2] == (None, "no_post"), "nobody is put at a relative's post, not even by his own choice"
    assert found[3] == ("P2", "conflict")


def test_who_needs_nobody_is_let_go_with_a_reason() -> None:
    rows = [client(1, None, present="P1"), client(2, present="P1", in_scope=False)]
    rows.append(client(3, None, present="P1", chosen="P1"))
    assert where(made(two_branches(), rows)) == {1: (None, "digital"), 2: (None, "out"), 3: ("P1", "kept")}


def test_a_post_that_is_no_more_is_left_in_any_case() -> None:
    rows = [client(1, present="P9"), client(2, None, present="P9"), client(3, present="P9", in_scope=False)]
    found = made(two_branches(), rows)
    assert where(found) == {1: ("P1", "closed"), 2: (None, "digital"), 3: (None, "out")}
    assert found.moves["from_post"].to_pylist() == ["P9"] * 3


def test_the_cooling_period_holds_whatever_it_costs() -> None:
    lately = client(1, present="P2", since=DAY - dt.timedelta(days=RULES.cooling_days.on(DAY) - 1))
    past = client(2, present="P2", since=DAY - dt.timedelta(days=RULES.cooling_days.on(DAY)))
    dear = {"break_relation": Dated.of(0), "break_year": Dated.of(0)}
    rules = type(RULES)(**dear)
    posts = two_branches().posts()
    assert where(propose(clients([lately, past], posts), posts, rules)) == {
        1: ("P2", "kept"),
        2: ("P1", "better"),
    }


def test_no_post_is_filled_above_its_capacity() -> None:
    bank = SmallBank().branch("B1").post("P1", "wealth_manager", capacity=3)
    found = made(bank, [client(n) for n in range(5)])
    assert found.summary["uncovered"] == 2 and found.summary["at_posts"] == 3
    assert found.uncovered["reason"].to_pylist() == ["no_room", "no_room"]
    assert made(bank, [client(1, "private_banker")]).uncovered["reason"].to_pylist() == ["no_post"]


def test_the_weightier_go_first_where_room_is_scarce() -> None:
    bank = SmallBank().branch("B1").post("P1", "wealth_manager", capacity=2)
    rows = [client(n, tier="core") for n in range(4)] + [client(9), client(10)]
    found = where(made(bank, rows))
    assert found[9][0] == found[10][0] == "P1"


def test_a_book_above_its_capacity_gets_nobody_and_loses_who_may_go() -> None:
    bank = two_branches()
    bank.rows["posts"][0]["capacity"] = 2
    rows = [client(n, present="P1", contact=DAY) for n in range(4)] + [client(9)]
    found = made(bank, rows)
    assert where(found)[9][0] == "P2"
    assert found.summary["over_capacity_before"] == 1 and found.summary["over_capacity_after"] == 0
    assert set(found.moves["reason"].to_pylist()) == {"capacity", "new"}
    kept = made(bank, rows, scope="changes")
    assert kept.moves["customer"].to_pylist() == [9], "in daily work nobody else is moved"


def test_a_household_is_together() -> None:
    bank = SmallBank().branch("B1", 114.0).post("P1", "wealth_manager").post("P2", "customer_manager")
    rows = [
        client(1, household=1, tier="affluent", aum=90_000_000, present="P1", contact=DAY),
        client(2, "customer_manager", household=1, tier="core"),
        client(3, "customer_manager", household=3, tier="core"),
    ]
    found = where(made(bank, rows))
    assert found[2][0] == "P1" and found[3][0] == "P2"


def test_grade_language_and_skill_are_looked_at() -> None:
    bank = SmallBank().branch("B1").staff("green", grade="见习", languages="zh").post(
        "P1", "wealth_manager", held_by="green"
    )  # fmt: skip
    bank.staff("old", grade="资深", languages="zh,en", skills="cross_border").post(
        "P2", "wealth_manager", held_by="old"
    )  # fmt: skip
    posts = bank.posts()
    rows = [client(1, grade="高级"), client(2, language="en"), client(3, needs_cross_border=True)]
    costs = Costs(clients(rows, posts), posts, RULES)
    for row, term, price in ((0, "grade", 3 * 300), (1, "language", 600), (2, "skill", 0)):
        at = {n: v[0] for n, v in costs.terms(np.array([row]), np.array([0]))}
        assert at[term] == price * 100, "nothing is known of the first one's skills, so nothing is charged"
    assert {customer: post for customer, (post, _) in where(made(bank, rows)).items()}[2] == "P2"
    bank.rows["staff"][0]["skills"] = "funds"
    posts = bank.posts()
    costs = Costs(clients(rows, posts), posts, RULES)
    assert dict(costs.terms(np.array([2]), np.array([0])))["skill"][0] == 150 * 100


def test_books_of_one_branch_become_comparable() -> None:
    bank = SmallBank().branch("B1").post("P1", "wealth_manager").post("P2", "wealth_manager")
    rows = [client(n, potential=(n + 1) * 10_000_000) for n in range(40)]
    found = made(bank, rows)
    books = found.books
    assert books["customers_after"].to_pylist() == [20, 20]
    assert found.summary["potential_spread_after"] <= 0.03
    assert sum(books["potential_after"].to_pylist()) == sum(row["potential"] for row in rows)


RULES_WITHOUT_THIRDS = type(RULES)(balance=Dated.of(0), household=Dated.of(0), cooling_days=Dated.of(0))


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_no_assignment_is_better_than_the_bound_says(data: st.DataObject) -> None:
    import itertools

    from quanke.books.proposing import JITTER

    bank = SmallBank().branch("B1", 114.0).branch("B2", 114.05)
    for n in range(3):
        branch = data.draw(st.sampled_from(("B1", "B2")))
        bank.post(f"P{n}", "wealth_manager", branch, capacity=data.draw(st.integers(1, 3)))
    size = data.draw(st.integers(1, 5))
    rows = [
        client(
            n,
            branch=data.draw(st.sampled_from(("B1", "B2"))),
            present=data.draw(st.sampled_from((None, "P0", "P1"))),
            tier=data.draw(st.sampled_from(("affluent", "core"))),
        )
        for n in range(size)
    ]
    posts, rules = bank.posts(), RULES_WITHOUT_THIRDS
    people = clients(rows, posts, rules)
    found = propose(people, posts, rules)
    costs = Costs(people, posts, rules)
    every = np.arange(size)
    prices = np.stack([costs.total(every, np.full(size, p)) for p in range(3)], axis=1)
    prices = np.column_stack([prices, costs.nobody_price()])
    best = None
    for chosen in itertools.product(range(4), repeat=size):
        load = np.bincount(chosen, people.load, minlength=4)[:3]
        if (load <= posts.capacity).all():
            cost = int(prices[every, chosen].sum())
            best = cost if best is None else min(best, cost)
    assert best is not None
    assert found.summary["bound_fen"] <= best <= found.summary["cost_fen"] <= best + size * JITTER


def test_after_a_merge_one_owner_stays() -> None:
    found = where(made(two_branches(), [client(1, present="P1", owners=2, contact=DAY)]))
    assert found[1] == ("P1", "merged")


def test_a_bank_without_posts_is_told() -> None:
    bank = SmallBank().branch("B1").post("P1", "teller")
    with pytest.raises(BookError, match="no post that can look after anybody"):
        made(bank, [client(1)])
    with pytest.raises(BookError, match="a scope is one of"):
        made(two_branches(), [client(1)], scope="some")


ROLES = ("private_banker", "wealth_adviser", "wealth_manager", "customer_manager", "remote_seat")


@st.composite
def banks(draw: st.DrawFn) -> tuple[SmallBank, list[dict[str, Any]], list[tuple[int, str]]]:
    bank = SmallBank().branch("B1", 114.0).branch("B2", 114.05).branch("B3")
    count = draw(st.integers(1, 7))
    for n in range(count):
        role, branch = draw(st.sampled_from(ROLES)), draw(st.sampled_from(("B1", "B2", "B3")))
        vacant = draw(st.integers(0, 4)) == 0
        capacity = draw(st.sampled_from((0, 1, 2, 5, None)))
        bank.post(f"P{n}", role, branch, held_by=None if vacant else "", capacity=capacity)
    posts = st.sampled_from([None, *(f"P{n}" for n in range(count)), "P99"])
    rows = []
    for n in range(draw(st.integers(1, 14))):
        present = draw(posts)
        rows.append(
            client(
                n,
                draw(st.sampled_from([None, *ROLES])),
                tier=draw(st.sampled_from(TIERS)),
                branch=draw(st.sampled_from([None, "B1", "B2"])),
                present=present,
                owners=0 if present is None else draw(st.integers(1, 2)),
                since=DAY - dt.timedelta(days=draw(st.sampled_from((5, 400)))),
                chosen=draw(st.sampled_from([None, None, None, "P0"])),
                household=draw(st.sampled_from([None, 0, 1])),
                in_scope=draw(st.integers(0, 9)) > 0,
                potential=draw(st.integers(0, 10**9)),
            )
        )
    pairs = st.tuples(st.integers(0, len(rows) - 1), st.sampled_from([f"S-P{n}" for n in range(count)]))
    return bank, rows, draw(st.lists(pairs, max_size=3))


@settings(max_examples=35, deadline=None)
@given(banks(), st.sampled_from(["all", "changes"]))
def test_laws_of_every_proposal(
    given_: tuple[SmallBank, list[dict[str, Any]], list[tuple[int, str]]], scope: str
) -> None:
    bank, rows, related = given_
    posts = bank.posts()
    people = clients(rows, posts)
    known = [(c, posts.staff.index(s)) for c, s in related if s in posts.staff]
    conflicts = np.array(known, np.int64).reshape(-1, 2)
    found = propose(people, posts, RULES, scope=scope, conflicts=conflicts)
    again = propose(people, posts, RULES, scope=scope, conflicts=conflicts)
    assert found.assigned.equals(again.assigned), "the same input gives the same answer"
    assert found.assigned["customer"].to_pylist() == [row["customer"] for row in rows]
    costs = Costs(people, posts, RULES, conflicts)
    at = posts.places(found.assigned["to_post"])
    load = np.zeros(len(posts), np.int64)
    np.add.at(load, at[at != NOBODY], people.load[at != NOBODY])
    assert load.tolist() == found.books["load_after"].to_pylist()
    before = found.books["load_before"].to_numpy()
    assert ((load <= posts.capacity) | (load <= before)).all(), "no book is filled above its capacity"
    moved = np.flatnonzero((at != NOBODY) & (at != people.present))
    assert costs.allowed(moved, at[moved]).all()
    for place, row in enumerate(found.assigned.to_pylist()):
        if people.wanted[place] == NOBODY:
            assert row["to_post"] is None
        parts = [row[f"cost_{name}"] for name in TERMS]
        assert row["cost"] == (None if row["to_post"] is None else sum(parts))
        if row["from_post"] == row["to_post"] and row["to_post"] is not None:
            assert row["reason"] in ("kept", "merged")
        if row["to_post"] is None and people.wanted[place] != NOBODY:
            assert row["reason"] in ("no_room", "no_post")
        if people.chosen[place] != NOBODY and row["to_post"] is not None:
            assert row["to_post"] == posts.ids[people.chosen[place]]
    assert found.summary["bound_fen"] <= found.summary["cost_fen"] + 1
    assert pc.sum(found.books["aum_after"]).as_py() == people.aum[at != NOBODY].sum()
