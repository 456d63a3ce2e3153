"""What changes of books keep to: nobody is left with nobody; who decides sees what, and is told once."""

# ruff: noqa: F811  # fixtures are asked for by the names they are brought in by

from __future__ import annotations

import datetime as dt
from contextlib import nullcontext
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from quanke.kernel.errors import BookError
from quanke_desk.books import actions, proposed, proposing, queries
from quanke_desk.books.laying import Moved, moved_by_hand
from quanke_desk.foundation import approvals
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.delivery import _alone, deliver
from quanke_desk.foundation.models import Approval, Branch, Notice, Person, Post, Relation
from quanke_desk.foundation.roles import Role
from quanke_desk.foundation.scope import Extent, Scope, among, covers, post_of, rows
from tests.desk.test_books_changes import heads, other_post, own_home, owned  # noqa: F401

FIRST = dt.date(2026, 7, 1)


def proposal(by: Person) -> str:
    sub = Branch.objects.filter(kind="sub_branch").order_by("left").first()
    assert sub is not None
    return proposing.make_proposal(sub.branch_id, "all", by=by)


def test_an_undo_does_not_overrule_what_was_said_since(heads: dict[str, Person], own_home: Path) -> None:
    one, two = heads["head-one"], heads["head-two"]
    name = proposal(one)
    asked = approvals.decide(proposing.ask_apply(name, 1, FIRST, by=one, reason="new books").pk, True, by=two)
    proposing.apply_now(asked)
    _stored, held = proposed.open_proposal(two, name) or pytest.fail("not seen")
    moved = next(m for m in proposed.moves_of(held, FIRST) if m.to_post and m.from_post)
    to, today = other_post(str(moved.to_post)), timezone.localdate()
    moved_by_hand([Moved(moved.customer, moved.to_post, to.post_id, today)], reason="asked", by=one, link="/")
    back = approvals.decide(proposing.ask_undo(name, by=two, reason="complaints").pk, True, by=one)
    for alone, rule in ((False, "deliver that and ask again"), (True, "it stays applied")):
        # where another delivery runs, what the desk said is not in the bank's table when the undo asks it
        with nullcontext() if alone else _alone(base().bank.home), pytest.raises(BookError, match=rule):
            proposing.undo_now(back)
        assert queries.owner_on(moved.customer, today) == post_of(moved.customer) == to.post_id
    stored, _held = proposed.open_proposal(two, name) or pytest.fail("not seen")
    assert stored.standing.state == "applied" and not Relation.objects.filter(reason="undone").exists()


def test_a_change_replaced_before_its_day_takes_nobody_away(heads: dict[str, Person], own_home: Path) -> None:
    """Yesterday a change was laid for today; then the customer went elsewhere at once. Today he is there."""
    customer, post = owned()
    later, at_once = Post.objects.filter(role=Role.WEALTH_MANAGER).exclude(post_id=post)[:2]
    today = timezone.localdate()
    yesterday, by = today - dt.timedelta(days=1), heads["head-one"]
    moved_by_hand([Moved(customer, post, later.post_id, today)], reason="asked", by=by, link="/")
    moved_by_hand([Moved(customer, post, at_once.post_id, yesterday)], reason="choice", by=by, link="/")
    assert Relation.objects.get(post=later).until == today
    for _known in range(2):
        for day in (yesterday, today, today + dt.timedelta(days=9)):
            assert queries.owner_on(customer, day) == at_once.post_id
        assert post_of(customer) == at_once.post_id
        for place, there in ((at_once, True), (later, False), (Post.objects.get(post_id=post), False)):
            scope = Scope(Extent.BOOK, frozenset({place.post_id}))
            assert covers(scope, customer) == bool(rows(scope)[customer]) == there
            assert bool(among(scope, [customer])) == there
        assert deliver().refused == 0  # and once the bank's table has it


def test_who_decides_a_transfer_sees_it_and_is_told_once(heads: dict[str, Person]) -> None:
    customer, post = owned()
    to, today = other_post(post), timezone.localdate()
    other = heads["head-two"]
    far = Person.objects.create(
        username="far", name="far", role=Role.BRANCH_HEAD,
        branch=Branch.objects.filter(kind="outlet").exclude(posts__post_id__in=[post, to.post_id]).first(),
    )  # fmt: skip
    asked = actions.ask_transfer([customer], to, today, by=heads["head-one"], reason="moved house")
    told = [n.person for n in Notice.objects.filter(link=f"/approvals/{asked.pk}/")]
    assert told.count(other) == 1 and far not in told and heads["head-one"] not in told
    assert Notice.objects.filter(person=other).count() == 1
    client = Client()
    client.force_login(other)
    page = client.get(f"/approvals/{asked.pk}/").content.decode()
    assert post in page and to.post_id in page and today.isoformat() in page
    assert f'href="/books/transfers/{asked.pk}/"' in page
    assert client.get(f"/books/transfers/{asked.pk}/").status_code == 200


def test_who_decides_a_proposal_sees_it_and_is_told_once(heads: dict[str, Person], own_home: Path) -> None:
    one, two = heads["head-one"], heads["head-two"]
    name = proposal(one)
    client = Client()
    client.force_login(two)
    _stored, held = proposed.open_proposal(two, name) or pytest.fail("not seen")
    asked: Approval = proposing.ask_apply(name, 1, FIRST, by=one, reason="new books")
    for kind, day in (("books.apply", FIRST.isoformat()), ("books.undo", "视同从未执行")):
        assert asked.kind == kind
        assert Notice.objects.filter(person=two, values__number=asked.pk).count() == 1
        page = client.get(f"/approvals/{asked.pk}/").content.decode()
        assert name in page and day in page and str(held.summary["moves"]) in page
        assert f'href="/books/proposals/{name}/"' in page
        if kind == "books.apply":
            proposing.apply_now(approvals.decide(asked.pk, True, by=two))
            Notice.objects.all().delete()
            asked = proposing.ask_undo(name, by=one, reason="complaints")
    assert Notice.objects.filter(person=two).count() == 1
