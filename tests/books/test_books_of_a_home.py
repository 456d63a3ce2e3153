"""Books in a home, from the proposal to the night that shows it, and back."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from quanke.bank.arranged import facts_sql
from quanke.bank.home import Home
from quanke.books import Edit, ProposalStore, StoredProposal, apply_proposal, edited, undo_proposal
from quanke.books import applying as applying_module
from quanke.cli import main
from quanke.engines.store import Night, NightStore
from quanke.kernel.errors import BookError, HomeError
from quanke.night import night as run_night
from quanke.night.books import BookBasis, basis_of
from quanke.night.books_asking import approve_proposal, check_books, explain_books
from tests.homes import BUCKET, LAST

FIRST_DAY, SECOND = dt.date(2026, 7, 1), dt.date(2026, 7, 2)
MAKER = "S0100000"


def open_night(home: Home) -> Night:
    found = NightStore(home.path / "nights").latest()
    assert found is not None
    return found


def ask(home: Home, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        connection.execute(f"CREATE VIEW ownership AS {facts_sql(home, 'ownership')}")
        return connection.execute(query).fetchall()


def bystander(basis: BookBasis, proposal: Any) -> str:
    """A member of staff who loses and gains nobody."""
    touched = {*proposal.moves["from_post"].to_pylist(), *proposal.moves["to_post"].to_pylist()}
    busy = {int(basis.posts.sitter[basis.posts.number[p]]) for p in touched if p in basis.posts.number}
    busy |= {int(basis.posts.holder[basis.posts.number[p]]) for p in touched if p in basis.posts.number}
    return next(s for n, s in enumerate(basis.posts.staff) if n not in busy and s != MAKER)


@pytest.fixture(scope="module")
def drafted(after_june: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the June home with a draft of books for everybody."""
    path = tmp_path_factory.mktemp("books") / "home"
    shutil.copytree(after_june, path)
    home = Home.open(path)
    basis = basis_of(home, open_night(home))
    ProposalStore(home).keep(basis.propose("all"), MAKER, dt.datetime(2026, 6, 30, 20))
    return path


@pytest.fixture
def draft(drafted: Path, tmp_path: Path) -> tuple[Home, StoredProposal]:
    shutil.copytree(drafted, tmp_path / "home")
    home = Home.open(tmp_path / "home")
    return home, ProposalStore(home).open()


def approved(home: Home, stored: StoredProposal) -> None:
    night = open_night(home)
    who = bystander(basis_of(home, night), stored.version())
    approve_proposal(home, night, stored, by=who, version=stored.standing.version)


def test_everybody_is_covered_or_it_is_said_why(drafted: Path) -> None:
    home = Home.open(drafted)
    proposal = ProposalStore(home).open().version()
    care = open_night(home).read(["customer", "service_care", "in_scope"])
    person = care.filter(pc.is_in(care["service_care"], value_set=_text("post", "team")))
    rows = {row["customer"]: row for row in proposal.assigned.to_pylist()}
    for customer in person["customer"].to_pylist():
        assert rows[customer]["to_post"] is not None or rows[customer]["reason"] in ("no_room", "no_post")
    assert proposal.summary["at_posts"] > 300
    assert proposal.summary["cost_fen"] >= proposal.summary["bound_fen"]


def _text(*words: str) -> Any:
    return pa.array(words)


def test_propose_edit_approve_apply_night_undo_night(draft: tuple[Home, StoredProposal]) -> None:
    home, stored = draft
    before = ask(home, "SELECT * EXCLUDE (unit) FROM ownership ORDER BY ownership_id")
    basis = basis_of(home, open_night(home))
    some = stored.version().moves.filter(pc.equal(stored.version().moves["reason"], "new")).to_pylist()[0]
    changed = edited(stored.version(), basis.costs, [Edit("exclude", some["customer"], some["to_post"])])
    stored.add_version(changed, "edited", MAKER)
    approved(home, stored)
    apply_proposal(home, stored, by=MAKER, effective=FIRST_DAY)
    assert stored.standing.state == "applied"

    run_night(home, FIRST_DAY, bucket=BUCKET)
    told = open_night(home).read(["customer", "owner_post", "has_owner", "owners", "covered_by"])
    proposal = stored.version()
    after = {row["customer"]: row["to_post"] for row in proposal.assigned.to_pylist()}
    assert after[some["customer"]] not in (None, some["to_post"])
    by_customer = {row["customer"]: row for row in told.to_pylist()}
    for customer, post in after.items():
        row = by_customer[customer]
        assert row["owner_post"] == post and bool(row["has_owner"]) == (post is not None)
        assert row["owners"] in (None, int(post is not None)), "exactly one primary post"
        assert row["covered_by"] in ("post", "team", "digital", None)
    teams = {row["post"] for row in proposal.books.to_pylist() if row["role"] in ("remote_seat",)}
    assert {by_customer[c]["covered_by"] for c, post in after.items() if post in teams} <= {"team", None}
    drafted_moves = open_night(home).path / "book-moves.parquet"
    assert drafted_moves.exists(), "from now on each night drafts what has to move"
    moved = duckdb.sql(f"SELECT count(*) FROM '{drafted_moves}'").fetchall()[0][0]
    assert moved < proposal.moves.num_rows / 10
    findings, books = check_books(home, open_night(home))
    assert "overlap" not in findings["kind"].to_pylist()
    over = pc.greater(books["load"], books["capacity"])
    assert not pc.any(over).as_py()

    undo_proposal(home, stored, by=MAKER)
    assert stored.standing.state == "undone"
    now = ask(home, "SELECT * EXCLUDE (unit) FROM ownership WHERE to_date IS NULL OR to_date > from_date "
                    "ORDER BY ownership_id")  # fmt: skip
    assert [r for r in before if r in now] == before and len(now) == len(before)
    run_night(home, SECOND, bucket=BUCKET)
    june = NightStore(home.path / "nights").open(LAST).read(["owner_post"])["owner_post"].to_pylist()
    assert open_night(home).read(["owner_post"])["owner_post"].to_pylist() == june


def test_undone_from_a_later_day_leaves_a_history_without_holes(draft: tuple[Home, StoredProposal]) -> None:
    home, stored = draft
    approved(home, stored)
    apply_proposal(home, stored, by=MAKER, effective=FIRST_DAY)
    undo_proposal(home, stored, by=MAKER, effective=SECOND)
    moved = {r["customer"]: r for r in stored.version().moves.to_pylist() if r["from_post"] and r["to_post"]}
    customer = min(moved)
    rows = explain_books(home, open_night(home), customer)["history"]
    last = [(r["post"], r["from_date"], r["to_date"]) for r in rows][-2:]
    assert last == [
        (moved[customer]["to_post"], FIRST_DAY, SECOND),
        (moved[customer]["from_post"], SECOND, None),
    ]
    assert rows[-3]["to_date"] == FIRST_DAY and rows[-1]["reason"] == "undone"
    days = ((LAST, "from_post"), (FIRST_DAY, "to_post"), (SECOND, "from_post"))
    for day, side in days:
        (now,) = explain_books(home, open_night(home), customer, day)["now"]
        assert now["post"] == moved[customer][side]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_killed_apply_goes_on_to_the_same(
    draft: tuple[Home, StoredProposal], monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    home, stored = draft
    approved(home, stored)
    whole = applying_module.load

    def killed(*given: Any, **more: Any) -> Any:
        if when == "after":
            whole(*given, **more)
        raise KeyboardInterrupt

    monkeypatch.setattr(applying_module, "load", killed)
    with pytest.raises(KeyboardInterrupt):
        apply_proposal(home, stored, by=MAKER, effective=FIRST_DAY)
    monkeypatch.undo()
    assert stored.standing.state == "applying"
    with pytest.raises(BookError, match="no other day"):
        apply_proposal(home, stored, by=MAKER, effective=SECOND)
    with pytest.raises(BookError, match="it is being applied"):
        undo_proposal(home, stored, by=MAKER)
    apply_proposal(home, stored, by=MAKER, effective=FIRST_DAY)
    assert stored.standing.state == "applied"
    opened = ask(home, f"SELECT count(*) FROM ownership WHERE proposal = '{stored.id}'")[0][0]
    moves = stored.version().moves
    assert opened == sum(post is not None for post in moves["to_post"].to_pylist())
    twice = "SELECT party FROM ownership WHERE to_date IS NULL GROUP BY party HAVING count(*) > 1"
    assert ask(home, twice) == []


def test_what_is_refused(draft: tuple[Home, StoredProposal]) -> None:
    home, stored = draft
    night = open_night(home)
    with pytest.raises(BookError, match="it has not been approved"):
        apply_proposal(home, stored, by=MAKER, effective=FIRST_DAY)
    with pytest.raises(BookError, match="a member of staff who is with the bank"):
        approve_proposal(home, night, stored, by="S9", version=1)
    basis = basis_of(home, night)
    gains = stored.version().moves["to_post"].drop_null()[0].as_py()
    manager = basis.posts.staff[basis.posts.sitter[basis.posts.number[gains]]]
    with pytest.raises(BookError, match="who loses or gains customers"):
        approve_proposal(home, night, stored, by=manager, version=1)
    approved(home, stored)
    with pytest.raises(BookError, match="cannot hold from an earlier day"):
        apply_proposal(home, stored, by=MAKER, effective=LAST - dt.timedelta(days=1))
    apply_proposal(home, stored, by=MAKER, effective=FIRST_DAY)
    with pytest.raises(BookError, match="it has been applied"):
        apply_proposal(home, stored, by=MAKER, effective=FIRST_DAY)
    with pytest.raises(BookError, match="cannot be undone from an earlier day"):
        undo_proposal(home, stored, by=MAKER, effective=LAST)


def test_days_that_cannot_be(draft: tuple[Home, StoredProposal]) -> None:
    """A slip of the pen is refused; what was decided for a later day is not undercut."""
    home, stored = draft
    approved(home, stored)
    with pytest.raises(BookError, match="more than 92 days later"):
        apply_proposal(home, stored, by=MAKER, effective=dt.date(2062, 7, 1))
    apply_proposal(home, stored, by=MAKER, effective=SECOND)
    basis = basis_of(home, open_night(home))
    other = ProposalStore(home).keep(basis.propose("all"), MAKER)
    approved(home, other)
    with pytest.raises(BookError, match="until 2026-07-02 it is decided"):
        apply_proposal(home, other, by=MAKER, effective=FIRST_DAY)
    undo_proposal(home, stored, by=MAKER)
    assert ProposalStore(home).decided_until(LAST) == LAST, "as if it had never been"


def test_two_proposals_do_not_fill_one_book_twice(draft: tuple[Home, StoredProposal]) -> None:
    home, stored = draft
    basis = basis_of(home, open_night(home))
    before = stored.version()
    rows = [r for r in before.assigned.to_pylist() if r["to_post"] and r["from_post"] is None]
    one = next(r for r in rows if r["reason"] == "new")
    other = next(r for r in rows if r["reason"] == "new" and r["to_post"] != one["to_post"])
    moved = edited(before, basis.costs, [Edit("swap", one["customer"], other=other["customer"])])
    again = ProposalStore(home).keep(moved, MAKER)
    for each in (stored, again):
        approved(home, each)
    apply_proposal(home, again, by=MAKER, effective=FIRST_DAY)
    with pytest.raises(BookError, match="propose again"):
        apply_proposal(home, stored, by=MAKER, effective=FIRST_DAY)


def test_a_proposal_half_way_comes_first(draft: tuple[Home, StoredProposal]) -> None:
    home, stored = draft
    again = ProposalStore(home).keep(stored.version(), MAKER)
    for each in (stored, again):
        approved(home, each)
    with home.writing(), pytest.raises(HomeError, match="being written"):
        apply_proposal(home, again, by=MAKER, effective=FIRST_DAY)
    rows, _ = applying_module._forward(home, stored.id, stored.version(), FIRST_DAY)
    applying_module._write(stored.path / "apply.parquet", rows)
    stored.note("applying", MAKER, effective=FIRST_DAY.isoformat())
    with pytest.raises(BookError, match="half-way"):
        apply_proposal(home, again, by=MAKER, effective=FIRST_DAY)
    assert again.standing.state == "approved"
    applying_module.refuse_proposal(home, stored, by=MAKER, reason="begun, and nothing was taken")
    apply_proposal(home, again, by=MAKER, effective=FIRST_DAY)
    again.path.joinpath("log", f"{len(again.events):04d}.json").unlink()
    assert again.standing.state == "applying"
    with pytest.raises(BookError, match="rows have been taken"):
        applying_module.refuse_proposal(home, again, by=MAKER, reason="too late")


def test_a_proposal_grows_stale(draft: tuple[Home, StoredProposal]) -> None:
    home, stored = draft
    again = ProposalStore(home).keep(stored.version(), MAKER)
    for each in (stored, again):
        approved(home, each)
    apply_proposal(home, stored, by=MAKER, effective=FIRST_DAY)
    with pytest.raises(BookError, match="have another manager than when it was proposed"):
        apply_proposal(home, again, by=MAKER, effective=SECOND)
    basis = basis_of(home, open_night(home))
    later = ProposalStore(home).keep(basis.propose("changes"), MAKER)
    assert later.version().moves.num_rows == 0, "what was applied is what is proposed"


@pytest.mark.parametrize("begun", [False, True])
def test_a_merge_since_it_was_proposed(draft: tuple[Home, StoredProposal], begun: bool) -> None:
    """Nobody goes by the number of who was merged: it is refused whole, before anything is loaded."""
    home, stored = draft
    approved(home, stored)
    moves = stored.version().moves
    new = moves.filter(pc.equal(moves["reason"], "new"))["customer"].to_pylist()
    before = ask(home, "SELECT * FROM ownership ORDER BY ownership_id")
    if begun:  # killed before the rows were loaded
        rows, kept = applying_module._forward(home, stored.id, stored.version(), FIRST_DAY)
        applying_module._write(stored.path / "apply.parquet", rows)
        applying_module._write(stored.path / "before.parquet", kept)
        stored.note("applying", MAKER, effective=FIRST_DAY.isoformat())
    path = home.path / "identity" / "customers.parquet"
    who = pq.read_table(path)
    customer = who["customer"].to_numpy().copy()
    customer[customer == new[0]] = new[1]
    pq.write_table(who.set_column(who.column_names.index("customer"), "customer", pa.array(customer)), path)
    with pytest.raises(BookError, match="1 customers were merged with others"):
        apply_proposal(home, stored, by=MAKER, effective=FIRST_DAY)
    assert ask(home, "SELECT * FROM ownership ORDER BY ownership_id") == before
    assert stored.standing.state == ("applying" if begun else "approved")
    assert applying_module.refuse_proposal(home, stored, by=MAKER, reason="merged").state == "refused"


def test_a_proposal_of_which_some_was_taken_is_not_refused(draft: tuple[Home, StoredProposal]) -> None:
    home, stored = draft
    approved(home, stored)
    apply_proposal(home, stored, by=MAKER, effective=FIRST_DAY)
    stored.path.joinpath("log", f"{len(stored.events):04d}.json").unlink()
    rows = pq.read_table(stored.path / "apply.parquet")
    more = rows.slice(0, 1).set_column(0, "ownership_id", pa.array(["never-loaded"]))
    pq.write_table(pa.concat_tables([rows, more]), stored.path / "apply.parquet")
    with pytest.raises(BookError, match="rows have been taken"):
        applying_module.refuse_proposal(home, stored, by=MAKER, reason="half of it holds")


def test_why_a_customer_is_where_he_is(drafted: Path) -> None:
    home = Home.open(drafted)
    proposal = ProposalStore(home).open().version()
    row = proposal.moves.filter(pc.equal(proposal.moves["reason"], "new")).to_pylist()[0]
    told = explain_books(home, open_night(home), row["customer"])
    assert told["now"] == [] and told["proposed"]["to_post"] == row["to_post"]
    assert told["proposed"]["reason_zh"] and told["standard"]["service_role"]
    posts = [c["post"] for c in told["candidates"]]
    assert row["to_post"] in posts and len(posts) == len(set(posts)) >= 2
    for each in told["candidates"]:
        assert each["cost_fen"] == sum(each["terms_fen"].values())
    dear = [c["cost_fen"] + c["scarcity_fen"] for c in told["candidates"]]
    assert dear == sorted(dear)


def test_who_sits_there_on_any_day(drafted: Path) -> None:
    home = Home.open(drafted)
    with duckdb.connect() as connection:
        connection.execute(f"CREATE VIEW tenures AS {facts_sql(home, 'tenures')}")
        connection.execute(f"CREATE VIEW ownership AS {facts_sql(home, 'ownership')}")
        rows = connection.execute(
            "SELECT o.customer, t.post_id, t.staff_id, t.from_date, s.staff_id FROM tenures AS t "
            "JOIN ownership AS o USING (post_id) LEFT JOIN tenures AS s ON s.post_id = t.post_id "
            "AND s.kind = 'stand_in' WHERE t.kind = 'leave' AND o.to_date IS NULL "
            f"AND o.from_date < t.from_date AND t.from_date <= DATE '{LAST}' ORDER BY ALL LIMIT 1"
        ).fetchall()
    assert rows, "somebody of the sample bank is on leave"
    customer, post, holder, since, stand_in = rows[0]
    night = open_night(home)
    (now,) = explain_books(home, night, customer, since)["now"]
    assert (now["post"], now["holder"], now["sits_there"]) == (post, holder, stand_in)
    (before,) = explain_books(home, night, customer, since - dt.timedelta(days=1))["now"]
    assert before["sits_there"] == holder


def test_nobody_is_given_to_himself_or_to_a_relative(drafted: Path) -> None:
    home = Home.open(drafted)
    basis = basis_of(home, open_night(home))
    assert len(basis.conflicts) > 50, "staff are customers of the sample bank too"
    proposal = ProposalStore(home).open().version()
    at = basis.posts.places(proposal.moves["to_post"])
    row = np.searchsorted(basis.clients.customer, proposal.moves["customer"].to_numpy())
    assert not basis.costs.in_conflict(row[at >= 0], at[at >= 0]).any()


def run(home: Path, *words: str, fails: bool = False) -> str:
    result = CliRunner().invoke(main, ["books", *words, "--home", str(home)])
    assert (result.exit_code != 0) == fails, result.output
    return result.output


def test_the_commands(drafted: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(drafted, home)
    tried = json.loads(run(home, "propose", "--dry-run", "--by", MAKER, "--json"))
    assert "proposal" not in tried and tried["uncovered"] == 0
    assert [row["state"] for row in json.loads(run(home, "list", "--json"))] == ["draft"]
    shown = json.loads(run(home, "show", "--moves", "3", "--posts", "--uncovered", "--json"))
    assert shown["summary"]["moves"] == tried["moves"] and len(shown["moves_shown"]) == 3
    row = next(r for r in shown["moves_shown"] if r["to_post"])
    for words in (["show", "--moves", "3"], ["show", "--posts"], ["check"], ["list"]):
        assert run(home, *words)
    assert row["to_post"] in run(home, "explain", str(row["customer"]))
    name = shown["proposal"]
    more = ["--reason", "asked", "--by", MAKER]
    assert "say what to change" in run(home, "edit", name, *more, fails=True)
    assert "CUSTOMER=POST" in run(home, "edit", name, "--pin", "P1", *more, fails=True)
    pin = f"{row['customer']}={row['to_post']}"
    assert json.loads(run(home, "edit", name, "--pin", pin, *more, "--json"))["version"] == 2
    assert "four eyes" in run(home, "approve", name, "--version", "2", "--by", MAKER, fails=True)
    opened = Home.open(home)
    who = bystander(basis_of(opened, open_night(opened)), ProposalStore(opened).open().version())
    run(home, "approve", name, "--version", "2", "--by", who)
    assert "customers moved" in run(home, "apply", name, "--on", "2026-07-01", "--by", MAKER)
    run(home, "undo", name, "--by", MAKER)
    assert json.loads(run(home, "list", "--json"))[0]["state"] == "undone"
    assert "it has been undone" in run(home, "refuse", name, "--reason", "late", "--by", who, fails=True)
    checked = json.loads(run(home, "check", "--json"))
    assert checked["by_kind"]["open_gap"] > 100
