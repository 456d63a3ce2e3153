"""Transfers by four eyes, own choices, leavers, proposals applied and undone by two people, credit."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from django.conf import settings as django_settings
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from quanke.bank.arranged import facts_sql
from quanke.books.editing import Edit
from quanke.kernel.errors import BookError
from quanke_desk.books import actions, credited, laying, leaving, proposed, proposing, queries
from quanke_desk.books.intervals import intervals
from quanke_desk.books.laying import Moved, lay
from quanke_desk.books.models import Choice, DepartedCustomer, Departure, Transfer
from quanke_desk.foundation import approvals
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import (
    Approval,
    ApprovalState,
    AuditEntry,
    Branch,
    Notice,
    Outgoing,
    ParameterValue,
    Person,
    Post,
    Relation,
    Seat,
)
from quanke_desk.foundation.people import NotAllowed, leave
from quanke_desk.foundation.roles import Role
from quanke_desk.foundation.scope import scope_of
from quanke_desk.work.following import catch_up
from quanke_desk.work.models import FollowUp
from tests.desk.test_books import DAY


@pytest.fixture
def heads(desk: dict[str, Person]) -> dict[str, Person]:
    """Two heads of the whole bank, and the people of the desk."""
    top = Branch.objects.order_by("left").first()
    for name in ("head-one", "head-two"):
        desk[name] = Person.objects.create(username=name, name=name, role=Role.BRANCH_HEAD, branch=top)
    return desk


def owned() -> tuple[int, str]:
    """A customer somebody has looked after for long, and his post, which has no own choice."""
    today = timezone.localdate()
    owner = intervals().owners(today, base().night.rows)
    customers = np.flatnonzero((owner >= 0) & base().there)
    since = intervals().since(customers, today)
    old = customers[since < queries.day_number(today) - 400]
    free = old[~queries.chosen(old, today)]
    return int(free[0]), intervals().posts[owner[free[0]]]


def other_post(post: str, role: str = Role.WEALTH_MANAGER) -> Post:
    found = Post.objects.select_related("branch").filter(role=role).exclude(post_id=post).order_by("post_id")
    for each in found:
        if Seat.objects.filter(post=each, stands_in=False, until=None).exists():
            return each
    raise AssertionError("no such post")


def test_a_transfer_by_four_eyes(heads: dict[str, Person], monkeypatch: pytest.MonkeyPatch) -> None:
    customer, post = owned()
    to, today = other_post(post), timezone.localdate()
    moved: list[laying.Moved] = []
    laying.on_transfer.append(lambda moves, by: moved.extend(moves))
    try:
        asked = actions.ask_transfer([customer], to, today, by=heads["head-one"], reason="moved house")
        assert approvals.why_not(asked, heads["head-one"]) == "who asked does not decide"
        with pytest.raises(NotAllowed, match="already"):
            actions.ask_transfer([customer], to, today, by=heads["head-two"], reason="again")
        for role in (Role.COMPLIANCE, Role.ANALYST, Role.CUSTOMER_MANAGER):
            assert approvals.why_not(asked, heads[role])
        assert queries.owner_on(customer, today) == post
        assert approvals.decide(asked.pk, True, by=heads["head-two"]).state == ApprovalState.DONE
    finally:
        laying.on_transfer.pop()
    assert queries.owner_on(customer, today) == to.post_id
    assert moved == [laying.Moved(customer, post, to.post_id, today)]
    transfer = Transfer.objects.get(customer=customer)
    assert transfer.relation is not None and transfer.relation.post == to
    rows = {o.key: o for o in Outgoing.objects.filter(table="ownership")}
    begun = rows.pop(f"desk-{transfer.relation.pk}")
    assert begun.customer == customer and begun.row["post_id"] == to.post_id and begun.row["care"] == "post"
    [(key, ended)] = rows.items()
    assert ended.row["to_date"] == today.isoformat() and ended.row["post_id"] == post
    assert ended.customer is None and ended.row["party_id"] and key.rpartition(":")[0].startswith("W")
    texts = set(Notice.objects.values_list("text", flat=True))
    assert "%(count)s customers come to book %(post)s from %(day)s" in texts
    with pytest.raises(NotAllowed, match="cooling"):
        actions.ask_transfer([customer], other_post(to.post_id), today, by=heads["head-one"], reason="back")
    third = other_post(to.post_id)
    for untrue in ("conflict", "leaver"):
        with pytest.raises(NotAllowed, match="cause"):
            actions.ask_transfer([customer], third, today, by=heads["head-one"], reason="kin", origin=untrue)
    monkeypatch.setattr(queries, "in_conflict", lambda _customers, post, _day: post == to)
    again = actions.ask_transfer(
        [customer], third, today, by=heads["head-one"], reason="kin", origin="conflict"
    )
    approvals.decide(again.pk, True, by=heads["head-two"])
    keys = [o.key for o in Outgoing.objects.filter(table="ownership", customer=customer).order_by("id")]
    assert keys[1].startswith(f"desk-{transfer.relation.pk}:"), "the desk's own interval is ended as well"


def test_neither_manager_approves_nor_a_head_elsewhere(heads: dict[str, Person]) -> None:
    customer, post = owned()
    to, today = other_post(post), timezone.localdate()
    asked = actions.ask_transfer([customer], to, today, by=heads["head-one"], reason="moved house")
    Seat.objects.create(person=heads["head-two"], post=to, since=today)
    assert approvals.why_not(asked, heads["head-two"]) == "a manager of either post does not approve"
    elsewhere = Branch.objects.filter(kind="outlet").exclude(posts__post_id__in=[post, to.post_id]).first()
    far = Person.objects.create(username="far", name="far", role=Role.BRANCH_HEAD, branch=elsewhere)
    assert approvals.why_not(asked, far) == "a post lies outside your branch"


def test_what_no_transfer_may(heads: dict[str, Person]) -> None:
    customer, post = owned()
    to, today, head = other_post(post), timezone.localdate(), heads["head-one"]

    def ask(to: Post | None = to, since: dt.date = today, by: Person = head, **more: Any) -> None:
        assert to is not None
        actions.ask_transfer([customer], to, since, **{"by": by, "reason": "why", **more})

    with pytest.raises(NotAllowed, match="with this post already"):
        ask(Post.objects.get(post_id=post))
    with pytest.raises(NotAllowed, match="from today on"):
        ask(since=today - dt.timedelta(days=1))
    with pytest.raises(NotAllowed, match="a reason is required"):
        ask(reason=" ")
    with pytest.raises(NotAllowed, match="looks after nobody"):
        ask(Post.objects.filter(role=Role.TELLER).first())
    with pytest.raises(NotAllowed, match="only managers and heads"):
        ask(by=heads[Role.COMPLIANCE])
    with pytest.raises(NotAllowed, match="outside your scope"):
        ask(by=Person.objects.create(username="m", name="m", role=Role.CUSTOMER_MANAGER))
    Post.objects.filter(pk=to.pk).update(capacity=0)
    with pytest.raises(NotAllowed, match="more than it may"):
        ask(Post.objects.get(pk=to.pk))
    Choice.objects.create(
        customer=customer, post=Post.objects.get(post_id=post), chosen_on=today, proof="p", by=head
    )
    with pytest.raises(NotAllowed, match="chose his manager himself"):
        ask()


def test_nobody_manages_himself(heads: dict[str, Person]) -> None:
    home = base().bank.home
    with duckdb.connect() as connection:
        pairs = connection.execute(
            f"SELECT p.customer, s.staff_id FROM ({facts_sql(home, 'staff')}) AS s "
            f"JOIN ({facts_sql(home, 'parties')}) AS p ON p.id_number = s.id_number ORDER BY ALL"
        ).fetchall()
    today = timezone.localdate()
    own = [(c, Seat.objects.filter(Seat.on(today), person__staff_id=s).first()) for c, s in pairs]
    customer, seat = next((c, s) for c, s in own if s and s.post.role == Role.WEALTH_MANAGER)
    assert queries.in_conflict(np.array([customer]), seat.post, today)
    with pytest.raises(NotAllowed, match="himself or a relative"):
        actions.ask_transfer([customer], seat.post, today, by=heads["head-one"], reason="why")


def test_a_customers_own_choice(heads: dict[str, Person]) -> None:
    customer, post = owned()
    to, today = other_post(post), timezone.localdate()
    with pytest.raises(NotAllowed, match="a proof is required"):
        actions.choose(customer, to, proof=" ", by=heads["head-one"])
    held, asked = actions.choose(customer, to, proof="form 17", by=heads["head-one"])
    assert asked is not None and asked.arguments["to"] == to.post_id
    with pytest.raises(NotAllowed, match="has chosen already"):
        actions.choose(customer, to, proof="form 18", by=heads["head-one"])
    approvals.decide(asked.pk, True, by=heads["head-two"])
    assert queries.owner_on(customer, today) == to.post_id
    assert queries.chosen(np.array([customer]), today, to).tolist() == [True]
    actions.withdraw_choice(held.pk, by=heads["head-two"])
    with pytest.raises(NotAllowed, match="withdrawn already"):
        actions.withdraw_choice(held.pk, by=heads["head-two"])
    rows = list(Outgoing.objects.filter(table="owner_choices").order_by("id"))
    assert [r.key for r in rows] == [f"desk-{held.pk}", f"desk-{held.pk}:1"]
    assert rows[1].row["withdrawn_on"] == today.isoformat()
    assert not queries.chosen(np.array([customer]), today).any()


def test_a_full_book_has_a_waiting_list(heads: dict[str, Person]) -> None:
    customer, post = owned()
    to = other_post(post)
    Post.objects.filter(pk=to.pk).update(capacity=0)
    held, asked = actions.choose(customer, Post.objects.get(pk=to.pk), proof="form", by=heads["head-one"])
    assert asked is None and not Transfer.objects.exists()
    actions.prefer(held.pk, 7, by=heads["head-one"], reason="complaint")
    with pytest.raises(NotAllowed, match="0 to 9"):
        actions.prefer(held.pk, 10, by=heads["head-one"], reason="complaint")
    with pytest.raises(NotAllowed, match="outside your branch"):
        actions.prefer(held.pk, 1, by=heads[Role.CUSTOMER_MANAGER], reason="mine")
    assert Choice.objects.get().priority == 7


def test_a_choice_taken_back_moves_nobody(heads: dict[str, Person]) -> None:
    customer, post = owned()
    to, today, head = other_post(post), timezone.localdate(), heads["head-one"]
    held, asked = actions.choose(customer, to, proof="form 17", by=head)
    assert asked is not None
    actions.withdraw_choice(held.pk, by=heads["head-two"])
    asked.refresh_from_db()
    assert asked.state == ApprovalState.WITHDRAWN, "closed with what it rested on"
    assert Notice.objects.filter(person=head, text__contains="was closed").exists()
    with pytest.raises(NotAllowed, match="decided"):
        approvals.decide(asked.pk, True, by=heads["head-two"])
    with pytest.raises(NotAllowed, match="cause"):
        actions.ask_transfer([customer], to, today, by=head, reason="form 17", origin="choice")
    _again, asked = actions.choose(customer, to, proof="form 18", by=head)
    assert asked is not None
    Choice.objects.update(withdrawn_on=today)  # taken back where nothing closes what was asked
    assert approvals.decide(asked.pk, True, by=heads["head-two"]).state == ApprovalState.FAILED
    assert queries.owner_on(customer, today) == post


def test_who_waited_is_given_the_place(heads: dict[str, Person]) -> None:
    customer, post = owned()
    to, today, head = other_post(post), timezone.localdate(), heads["head-one"]
    capacity = to.capacity
    Post.objects.filter(pk=to.pk).update(capacity=0)
    held, asked = actions.choose(customer, Post.objects.get(pk=to.pk), proof="form", by=head)
    assert asked is None
    client, path = Client(), reverse("book_customer", args=[customer])
    client.force_login(head)
    assert 'value="place"' not in client.get(path).content.decode()
    with pytest.raises(NotAllowed, match="more than it may"):
        actions.give_place(held.pk, by=head)
    Post.objects.filter(pk=to.pk).update(capacity=capacity)
    before = Choice.objects.create(
        customer=next(c for c in range(customer + 1, 10_000) if queries.owner_on(c, today) == post),
        post=to, chosen_on=today, proof="p", by=head, priority=3,
    )  # fmt: skip
    with pytest.raises(NotAllowed, match="before him"):
        actions.give_place(held.pk, by=head)
    actions.withdraw_choice(before.pk, by=head)
    assert 'value="place"' in client.get(path).content.decode()
    assert "已有名额" in client.get("/books/choices/").content.decode()
    client.post(path, {"do": "place"})
    [transfer] = Transfer.objects.all()
    assert (transfer.origin, transfer.reason) == ("choice", "form")
    assert 'value="place"' not in client.get(path).content.decode(), "asked once"
    assert approvals.decide(transfer.approval_id, True, by=heads["head-two"]).state == ApprovalState.DONE
    assert queries.owner_on(customer, today) == to.post_id


def test_open_follow_ups_go_along_on_the_day(heads: dict[str, Person]) -> None:
    """A change laid for a later day takes them on that day; what somebody else was given stays his."""
    customer, post = owned()
    to, today = other_post(post).post_id, timezone.localdate()
    due = {"kind": "follow_up", "customer": customer, "due_on": today, "made_by": heads["head-one"]}
    his = FollowUp.objects.create(post=Post.objects.get(post_id=post), **due)
    third = Post.objects.exclude(post_id__in=(post, to)).first()
    other = FollowUp.objects.create(post=third, **due)
    day = today + dt.timedelta(days=3)
    with transaction.atomic():
        lay([Moved(customer, post, to, day)], reason="transfer", by=heads["head-one"])
    his.refresh_from_db()
    assert his.post is not None and his.post.post_id == post and catch_up(today) == 0
    assert catch_up(day) == 1 and catch_up(day) == 0
    his.refresh_from_db()
    other.refresh_from_db()
    assert his.post is not None and his.post.post_id == to and other.post == third


def test_a_manager_leaves(heads: dict[str, Person]) -> None:
    _customer, post = owned()
    today = timezone.localdate()
    seat = Seat.objects.select_related("person", "post__branch").get(
        Seat.on(today), post__post_id=post, stands_in=False
    )
    manager = seat.person
    team = Post.objects.create(post_id="PTEAM", branch=seat.post.branch, role=Role.FLEXIBLE)
    member = Person.objects.create(username="member", name="member", role=Role.FLEXIBLE)
    Seat.objects.create(person=member, post=team, since=today)
    Seat.objects.filter(Seat.on(today), post=seat.post, stands_in=True).delete()
    book = set(queries.customers_of(seat.post, today).tolist())
    due = {"customer": min(book), "post": seat.post, "due_on": today, "made_by": manager}
    open_ = FollowUp.objects.create(kind="follow_up", **due)
    done = FollowUp.objects.create(kind="follow_up", done_at=timezone.now(), **due)
    leave(manager, by=heads[Role.ADMINISTRATOR], reason="resigned")
    left = Departure.objects.get(person=manager)
    assert left.post == seat.post and today < left.due_on <= today + dt.timedelta(days=14)
    assert left.watch_until == today + dt.timedelta(days=90)
    noted = DepartedCustomer.objects.filter(departure=left)
    assert set(noted.values_list("customer", flat=True)) == book
    called = {d.customer for d in leaving.call_backs_due(heads["head-one"])}
    tiers = {c: base().value(c, "tier") for c in book}
    assert called == {c for c, t in tiers.items() if t in ("affluent", "wealth", "private")}
    assert [s.person for s in Seat.objects.filter(post=seat.post, stands_in=True)] == [member]
    assert book <= set(np.flatnonzero(_rows(member)).tolist()), "sees the book the same day"
    [told] = [d for d in leaving.departures(heads["head-one"]) if d["departure"] == left]
    assert told["left"] == len(book) and not told["late"]
    to = other_post(post)
    whole = actions.ask_transfer(
        sorted(book), to, today, by=heads["head-one"], reason="left", origin="leaver"
    )
    assert approvals.decide(whole.pk, True, by=heads["head-two"]).state == ApprovalState.DONE
    [told] = [d for d in leaving.departures(heads["head-one"]) if d["departure"] == left]
    assert told["left"] == 0
    posts = {f.pk: f.post for f in FollowUp.objects.select_related("post")}
    assert posts[open_.pk] == to, "what is open goes along"
    assert posts[done.pk] == seat.post, "what was done stays where it was done"
    if called:
        row = noted.filter(call_back=True).first()
        assert row is not None
        done_by = leaving.record_call_back(row.pk, by=heads["head-two"], outcome="content")
        done_by.refresh_from_db()
        assert done_by.outcome.open() == "content" and str(done_by.outcome) == "•••"
        with pytest.raises(NotAllowed, match="no call-back is due"):
            leaving.record_call_back(row.pk, by=heads["head-two"], outcome="again")
    rich = max((n for n in noted if n.aum is not None), key=lambda n: int(n.aum.open()))
    rich.aum = str(int(rich.aum.open()) * 2 + 100_000_00)
    rich.save()
    assert [w["row"].customer for w in leaving.watched(heads["head-one"])] == [rich.customer]


def _rows(person: Person) -> Any:
    from quanke_desk.foundation.scope import rows

    return rows(scope_of(person))


def test_credit_of_posts_sums_to_growth(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    month = dt.date(2026, 6, 1)
    done, lines, sums = credited.by_post(desk[Role.COMMITTEE], month)
    assert (done.first, done.last) == (month, DAY) and lines
    held = base().night.read(["aum_mtd", "aum_last_month"]).to_pydict()
    growth = [(a or 0) - (b or 0) for a, b in zip(held["aum_mtd"], held["aum_last_month"], strict=True)]
    assert sums["whole"] == sum(growth)
    assert sums["posts"] == sum(line["credit"] for line in lines)
    for line in lines[:3]:
        _done, rows = credited.of_post(line["post"], month)
        assert sum(r["credit"] for r in rows) == line["credit"] and len(rows) == line["customers"]
        assert all(r["growth"] == growth[r["customer"]] and 0 < r["days"] <= 30 for r in rows)
    nobody = done.table.filter(np.asarray(done.table["post"]) == -1)
    credited_all = sums["posts"] + sum(nobody["credit"].to_pylist())
    assert credited_all == sum(growth[c] for c in set(done.table["customer"].to_pylist()))
    assert credited.settled(dt.date(2026, 4, 1), 2).first == dt.date(2026, 3, 1)
    with pytest.raises(ValueError, match="no such month"):
        credited.settled(dt.date(2025, 6, 1))
    page = entered[Role.COMMITTEE].get(f"/books/credit/{lines[0]['post'].pk}/?month=2026-06")
    assert page.status_code == 200 and page.context["whole"] == lines[0]["credit"]
    assert page.context["listed"].rows[0]["credit"] is None, "amounts of customers stay masked"


@pytest.fixture
def own_home(desk: dict[str, Person], after_june: Path, tmp_path: Path, settings: Any) -> Path:
    """A home that may be written."""
    shutil.copytree(after_june, tmp_path / "home")
    settings.QUANKE_HOME = str(tmp_path / "home")
    return tmp_path / "home"


def test_a_proposal_from_draft_to_undone(heads: dict[str, Person], own_home: Path) -> None:
    one, two = heads["head-one"], heads["head-two"]
    sub = Branch.objects.filter(kind="sub_branch").order_by("left").first()
    assert sub is not None
    first = dt.date(2026, 7, 1)
    name = proposing.make_proposal(sub.branch_id, "all", by=one)
    before = {c: queries.owner_on(c, first) for c in range(base().night.rows)}
    stored, draft = proposed.open_proposal(two, name) or pytest.fail("not seen")
    assert proposed.open_proposal(heads[Role.CUSTOMER_MANAGER], name) is None
    moves = proposed.moves_of(draft, first)
    inside = set(
        Post.objects.filter(branch__left__gte=sub.left, branch__right__lte=sub.right).values_list(
            "post_id", flat=True
        )
    )
    assert moves and {m.to_post for m in moves} | {m.from_post for m in moves} <= inside | {None}
    assert sum(f["customers"] for f in proposed.flows(draft)) == len(moves)
    some = next(m for m in moves if m.to_post and m.from_post is None)
    role = Post.objects.get(post_id=some.to_post).role
    place = next(
        (
            p
            for p in proposed.books_before_after(draft)
            if p["role"] == role and p["post"] != some.to_post and p["share_after"] < 0.5
        ),
        None,
    )
    version = 1
    if place:
        version = proposing.edit_proposal(
            name, 1, [Edit("pin", some.customer, place["post"])], by=one, reason="asked for it"
        )
        assert version == 2
        with pytest.raises(NotAllowed, match="meanwhile"):
            proposing.edit_proposal(name, 1, [], by=one, reason="late")
    with pytest.raises(NotAllowed, match="at most 92 days"):
        proposing.ask_apply(name, version, dt.date(2027, 6, 1), by=one, reason="new year")
    asked = proposing.ask_apply(name, version, first, by=one, reason="new year")
    assert approvals.why_not(asked, one) == "who asked does not decide"
    with pytest.raises(NotAllowed, match="waits for a decision"):
        proposing.edit_proposal(name, version, [], by=two, reason="late")
    approvals.decide(asked.pk, True, by=two)
    asked.refresh_from_db()
    moved = proposing.apply_now(asked)
    assert proposing.apply_now(asked) == moved, "once more is the same"
    assert Relation.objects.filter(proposal=name).count() == moved
    after = {
        m.customer: m.to_post
        for m in proposed.moves_of((proposed.open_proposal(two, name) or (0, draft))[1], first)
    }
    for customer, post in before.items():
        assert queries.owner_on(customer, first) == after.get(customer, post)
    told = proposed.notices_of(stored.version(), first)
    assert len(told) == sum(p is not None for p in after.values())
    agrees = base().night.read(["agrees_sms"])["agrees_sms"].to_pylist()
    assert all((r["means"] == "sms") == bool(agrees[r["customer"]]) for r in told)
    client = Client()
    client.force_login(two)
    listed = client.get(f"/books/proposals/{name}/notices/").context["listed"]
    assert listed.count == len(told) and listed.exports
    back = proposing.ask_undo(name, by=two, reason="complaints")
    with pytest.raises(NotAllowed, match="who asked"):
        approvals.decide(back.pk, True, by=two)
    approvals.decide(back.pk, True, by=one)
    back.refresh_from_db()
    assert proposing.undo_now(back) == moved
    assert {c: queries.owner_on(c, first) for c in before} == before
    seen = {c: _post_of(c) for c in after}
    assert seen == {c: before[c] for c in after}, "the scope goes back at once"
    undone = client.get(f"/books/proposals/{name}/notices/").context["listed"]
    goes_back = {c: before[c] for c in after if before[c]}
    assert undone.count == len(goes_back)
    told = proposed.notices_of_undo(name)
    assert {r["customer"]: r["to_post"] for r in told} == goes_back, "told of who has him again"
    actions_seen = set(AuditEntry.objects.filter(subject=f"proposal:{name}").values_list("action", flat=True))
    assert {"books.propose", "books.apply", "books.undo"} <= actions_seen


def _post_of(customer: int) -> str | None:
    from quanke_desk.foundation.scope import post_of

    return post_of(customer)


def test_a_change_of_the_desk_on_its_way_makes_a_proposal_wait(
    heads: dict[str, Person], own_home: Path
) -> None:
    one, two = heads["head-one"], heads["head-two"]
    sub = Branch.objects.filter(kind="sub_branch").order_by("left").first()
    assert sub is not None
    name = proposing.make_proposal(sub.branch_id, "all", by=one)
    _stored, draft = proposed.open_proposal(two, name) or pytest.fail("not seen")
    customer = draft.moves["customer"][0].as_py()
    Relation.objects.create(customer=customer, post=Post.objects.first(), since=DAY, reason="test")
    asked = proposing.ask_apply(name, 1, dt.date(2026, 7, 1), by=one, reason="new books")
    approvals.decide(asked.pk, True, by=two)
    asked.refresh_from_db()
    with pytest.raises(BookError, match="propose again"):
        proposing.apply_now(asked)
    stored, _draft = proposed.open_proposal(two, name) or pytest.fail("not seen")
    assert stored.standing.state == "draft" and not Relation.objects.filter(proposal=name).exists()


def test_the_pages(heads: dict[str, Person], entered: dict[str, Client]) -> None:
    customer, post = owned()
    at = Post.objects.get(post_id=post)
    head = Client()
    head.force_login(heads["head-one"])
    paths = [
        "/books/",
        "/books/?on=2020-01-01&branch=1",
        "/books/gaps/?kind=open_gap",
        f"/books/post/{at.pk}/?order=-aum",
        f"/books/customer/{customer}/",
        "/books/transfers/?state=asked",
        "/books/choices/",
        "/books/leavers/",
        "/books/proposals/",
        "/books/credit/",
        f"/books/credit/{at.pk}/",
    ]
    for path in paths:
        assert head.get(path).status_code == 200, path
    to = other_post(post)
    given = {"do": "transfer", "to": to.post_id, "since": timezone.localdate().isoformat(), "reason": "moved"}
    head.post(f"/books/customer/{customer}/", given)
    asked = Approval.objects.get(kind="books.transfer")
    other = Client()
    other.force_login(heads["head-two"])
    page = other.get(f"/books/transfers/{asked.pk}/")
    assert page.context["may_decide"] and post in page.content.decode()
    other.post(f"/books/transfers/{asked.pk}/", {"do": "approve"})
    assert queries.owner_on(customer, timezone.localdate()) == to.post_id
    manager = entered[Role.CUSTOMER_MANAGER]
    assert manager.get(f"/books/transfers/{asked.pk}/").status_code == 404
    assert manager.get(f"/books/customer/{customer}/").status_code in (404,)
    told = head.get(f"/api/books/relations/{customer}").json()
    assert told["post"] == to.post_id and told["history"][1]["post"] == post
    assert head.get(f"/api/books/relations/{customer}?on=2026-06-30").json()["post"] == post
    assert manager.get(f"/api/books/relations/{customer}").status_code == 404
    assert [t["number"] for t in head.get(f"/api/books/transfers?customer={customer}").json()] == [asked.pk]
    body = {"customers": [customer], "to": post, "since": given["since"], "reason": "back"}
    answer = head.post("/api/books/transfers", body, content_type="application/json")
    assert answer.status_code == 422 and "cooling" in answer.json()["detail"]


def test_the_cooling_time_is_a_parameter(heads: dict[str, Person]) -> None:
    customer, post = owned()
    today = timezone.localdate()
    to = other_post(post)
    Relation.objects.create(customer=customer, post=to, since=today, reason="test")
    head = heads["head-one"]
    ParameterValue.objects.create(name="books.cooling", value=0, since=today, by=head, reason="test")
    assert actions.ask_transfer([customer], other_post(to.post_id), today, by=head, reason="at once")
    assert django_settings.QUANKE_HOME
