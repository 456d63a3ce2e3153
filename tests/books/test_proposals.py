from __future__ import annotations

import datetime as dt
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quanke.bank.home import Home
from quanke.books import Edit, Proposal, ProposalStore, edited, propose
from quanke.books.costs import Costs
from quanke.books.lifecycle import STATES, STEPS, standing_of
from quanke.kernel.errors import BookError
from tests.books.small_books import RULES, SmallBank, client, clients

AT = dt.datetime(2026, 7, 1, 9, 30)
WAYS: dict[str, list[str]] = {
    "draft": ["proposed"],
    "approved": ["proposed", "approved"],
    "applying": ["proposed", "approved", "applying"],
    "applied": ["proposed", "approved", "applying", "applied"],
    "undoing": ["proposed", "approved", "applying", "applied", "undoing"],
    "undone": ["proposed", "approved", "applying", "applied", "undoing", "undone"],
    "refused": ["proposed", "refused"],
}
ALLOWED = {
    ("draft", "edited"): "draft",
    ("draft", "approved"): "approved",
    ("draft", "refused"): "refused",
    ("approved", "edited"): "draft",
    ("approved", "refused"): "refused",
    ("applying", "refused"): "refused",
    ("approved", "applying"): "applying",
    ("applying", "applying"): "applying",
    ("applying", "applied"): "applied",
    ("applied", "undoing"): "undoing",
    ("undoing", "undoing"): "undoing",
    ("undoing", "undone"): "undone",
}
"""Every move there is; whatever is not here is refused."""


def event(kind: str, version: int = 1, by: str = "") -> dict[str, Any]:
    who = by or ("S2" if kind == "approved" else "S1")
    more = {"effective": "2026-07-01"} if kind == "applying" else {}
    return {"kind": kind, "by": who, "version": version, **more}


@pytest.mark.parametrize(("state", "kind"), list(itertools.product(WAYS, STEPS)))
def test_every_step_from_every_state(state: str, kind: str) -> None:
    events = [event(k) for k in WAYS[state]]
    assert standing_of(events).state == state
    more = event(kind, 2 if kind == "edited" else 1)
    if (state, kind) in ALLOWED:
        assert standing_of([*events, more]).state == ALLOWED[state, kind]
    else:
        with pytest.raises(BookError, match="cannot be"):
            standing_of([*events, more])


@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=12))
def test_no_walk_leads_elsewhere(kinds: list[str]) -> None:
    events: list[dict[str, Any]] = []
    version = 0
    for kind in kinds:
        version_now = version + 1 if kind in ("proposed", "edited") else version
        try:
            now = standing_of([*events, event(kind, version_now)])
        except BookError:
            continue
        events.append(event(kind, version_now))
        version = version_now
        assert now.state in STATES
        if now.state in ("applying", "applied", "undoing", "undone"):
            last_change = max(i for i, e in enumerate(events) if e["kind"] in ("proposed", "edited"))
            assert any(e["kind"] == "approved" for e in events[last_change:]), (
                "what holds was approved as it is"
            )


def test_four_eyes_and_the_last_version() -> None:
    made = [event("proposed", 1, "S1")]
    with pytest.raises(BookError, match="four eyes"):
        standing_of([*made, event("approved", 1, "S1")])
    changed = [*made, event("edited", 2, "S2")]
    for author in ("S1", "S2"):
        with pytest.raises(BookError, match="four eyes"):
            standing_of([*changed, event("approved", 2, author)])
    with pytest.raises(BookError, match="version 1 is not the last one"):
        standing_of([*changed, event("approved", 1, "S3")])
    assert standing_of([*changed, event("approved", 2, "S3")]).approved_by == "S3"
    with pytest.raises(BookError, match="meanwhile"):
        standing_of([*changed, event("edited", 2, "S1")])
    with pytest.raises(BookError, match="who does it"):
        standing_of([event("proposed", 1, " ")])
    with pytest.raises(BookError, match="no event"):
        standing_of([event("burnt")])


def test_a_blank_behind_a_name_makes_nobody_else() -> None:
    made = {**event("proposed"), "by": "S1 "}
    with pytest.raises(BookError, match="four eyes"):
        standing_of([made, {**event("approved"), "by": "S1"}])


def test_a_second_apply_keeps_the_day() -> None:
    events = [event(k) for k in WAYS["applying"]]
    with pytest.raises(BookError, match="being applied from 2026-07-01"):
        standing_of([*events, {**event("applying"), "effective": "2026-07-02"}])


class Case:
    """Four customers at two posts of one branch, one post of another role."""

    def __init__(self) -> None:
        self.bank = SmallBank().branch("B1", 114.0).branch("B2", 114.1)
        self.bank.post("P1", "wealth_manager", capacity=2).post("P2", "wealth_manager", "B2", capacity=3)
        self.bank.post("P3", "private_banker")
        self.posts = self.bank.posts()
        rows = [client(1, present="P1"), client(2), client(3, branch="B2"), client(4, branch="B2")]
        rows.append(client(5, None, present="P1"))
        self.costs = Costs(clients(rows, self.posts), self.posts, RULES)
        self.proposal: Proposal = propose(self.costs.clients, self.posts, RULES)


@pytest.fixture(scope="module")
def case() -> Case:
    return Case()


def where(proposal: Proposal) -> list[str | None]:
    found: list[str | None] = proposal.assigned["to_post"].to_pylist()
    return found


def test_a_choice_and_a_rest_are_not_for_sale() -> None:
    bank = SmallBank().branch("B1", 114.0)
    bank.post("P1", "wealth_manager", capacity=9).post("P2", "wealth_manager", capacity=9)
    posts = bank.posts()
    lately = posts.day - dt.timedelta(days=10)
    rows = [client(1, chosen="P1"), client(2, present="P1", since=lately), client(3, present="P1")]
    costs = Costs(clients(rows, posts), posts, RULES)
    proposal = propose(costs.clients, posts, RULES)
    with pytest.raises(BookError, match="chose post P1 himself"):
        edited(proposal, costs, [Edit("pin", 1, "P2")])
    with pytest.raises(BookError, match="came to his post less than 90 days ago"):
        edited(proposal, costs, [Edit("pin", 2, "P2")])
    assert where(edited(proposal, costs, [Edit("pin", 3, "P2")]))[2] == "P2"


def test_what_is_edited(case: Case) -> None:
    assert where(case.proposal) == ["P1", "P1", "P2", "P2", None]
    pinned = edited(case.proposal, case.costs, [Edit("pin", 2, "P2")])
    assert where(pinned) == ["P1", "P2", "P2", "P2", None]
    assert pinned.row(2)["reason"] == "edited"  # type: ignore[index]
    assert where(case.proposal) == ["P1", "P1", "P2", "P2", None], "the one before stays as it was"
    costs = pinned.summary["cost_fen"] - case.proposal.summary["cost_fen"]
    far = pinned.row(2)["cost_distance"]  # type: ignore[index]
    assert costs == pinned.summary["edits_cost_fen"] and far > 0
    assert pinned.summary["gap"] >= case.proposal.summary["gap"]
    swapped = edited(case.proposal, case.costs, [Edit("swap", 2, other=3)])
    assert where(swapped) == ["P1", "P2", "P1", "P2", None]
    away = edited(case.proposal, case.costs, [Edit("exclude", 2, "P1")])
    assert where(away)[1] == "P2"
    both = edited(case.proposal, case.costs, [Edit("swap", 2, other=3), Edit("swap", 2, other=3)])
    assert where(both) == where(case.proposal)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (Edit("pin", 3, "P1"), "post P1 would hold 36 units of 24"),
        (Edit("pin", 2, "P3"), r"a private_banker \(post P3\) may not stand for a wealth_manager"),
        (Edit("pin", 5, "P2"), "his service standard is digital care"),
        (Edit("pin", 2, "P9"), "there is no post of that number"),
        (Edit("pin", 9, "P1"), "customer 9 is not in the proposal"),
        (Edit("exclude", 2, "P2"), "customer 2 is not at post P2"),
        (Edit("exclude", 3, "P2"), "no other post he may go to has room"),
        (Edit("swap", 1, other=2), "two customers at two posts"),
        (Edit("swap", 1), "an edit is pin, exclude or swap"),
        (Edit("move", 1, "P1"), "an edit is pin, exclude or swap"),
    ],
)
def test_edits_that_are_refused(case: Case, edit: Edit, said: str) -> None:
    with pytest.raises(BookError, match=said):
        edited(case.proposal, case.costs, [edit])


def test_a_relative_is_refused_by_name_of_the_rule(case: Case) -> None:
    conflicts = np.array([[2, case.posts.staff.index("S-P2")]])
    costs = Costs(case.costs.clients, case.posts, RULES, conflicts)
    with pytest.raises(BookError, match=r"a relative of his sits at post P2 \(BK-6\)"):
        edited(case.proposal, costs, [Edit("pin", 2, "P2")])


def test_an_edit_needs_the_customers_it_was_made_for(case: Case) -> None:
    fewer = Costs(case.costs.clients.some(np.arange(4)), case.posts, RULES)
    with pytest.raises(BookError, match="propose again"):
        edited(case.proposal, fewer, [Edit("pin", 2, "P2")])


def test_versions_and_events_stay(case: Case, tmp_path: Path) -> None:
    home = Home.create(tmp_path / "home")
    store = ProposalStore(home)
    with pytest.raises(BookError, match="`quanke books propose` makes one"):
        store.open()
    stored = store.keep(case.proposal, "S1", AT)
    assert stored.id == "B20260630-01" and store.open().id == stored.id
    assert stored.version(1).assigned.equals(case.proposal.assigned)
    assert stored.version().books.equals(case.proposal.books)
    first = {p: p.read_bytes() for p in stored.path.rglob("*.*") if p.is_file()}
    after = edited(case.proposal, case.costs, [Edit("pin", 2, "P2")])
    assert stored.add_version(after, "edited", "S1", AT, reason="asked") == 2
    assert {p: p.read_bytes() for p in first} == first, "what was written never changes"
    assert stored.standing.version == 2 and where(stored.version()) == where(after)
    assert [e["kind"] for e in stored.events] == ["proposed", "edited"]
    assert stored.events[0]["at"] == "2026-07-01 09:30:00"
    assert store.keep(case.proposal, "S1", AT).id == "B20260630-02"
    with pytest.raises(BookError, match="the last one is B20260630-02"):
        store.open("B20260630-09")
    with pytest.raises(BookError, match="has no version 7"):
        stored.version(7)


def test_the_slower_of_two_is_refused(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = ProposalStore(Home.create(tmp_path / "home")).keep(case.proposal, "S1", AT)
    seen = stored.events
    stored.note("refused", "S2")
    monkeypatch.setattr(type(stored), "events", property(lambda _: seen))
    with pytest.raises(BookError, match="meanwhile"):
        stored.note("approved", "S3", version=1)
    monkeypatch.undo()
    assert stored.standing.state == "refused"


def test_a_version_left_behind_by_a_killed_edit_is_made_again(case: Case, tmp_path: Path) -> None:
    stored = ProposalStore(Home.create(tmp_path / "home")).keep(case.proposal, "S1", AT)
    (stored.path / "v0002").mkdir()
    (stored.path / "v0002" / "proposal.json").write_text(json.dumps({"half": True}))
    after = edited(case.proposal, case.costs, [Edit("pin", 2, "P2")])
    assert stored.add_version(after, "edited", "S1") == 2
    assert where(stored.version()) == where(after)
