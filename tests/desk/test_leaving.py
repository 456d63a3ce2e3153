"""Nobody comes to a book that has lost its manager since it was asked for."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from django.utils import timezone

from quanke.kernel.errors import BookError
from quanke_desk.books import actions, leaving, proposed, proposing, queries
from quanke_desk.books.models import DepartedCustomer
from quanke_desk.foundation import approvals
from quanke_desk.foundation.models import Approval, ApprovalState, Branch, Person, Post, Relation, Seat
from quanke_desk.foundation.people import NotAllowed, leave
from quanke_desk.foundation.roles import Role
from tests.desk.test_books_changes import heads as heads
from tests.desk.test_books_changes import other_post, owned
from tests.desk.test_books_changes import own_home as own_home


def leaves(post: Post, by: Person) -> None:
    """Whoever holds a post leaves the bank."""
    for seat in Seat.objects.select_related("person").filter(Seat.on(queries.today()), post=post):
        if not seat.stands_in:
            leave(seat.person, by=by, reason="resigned")


def test_a_transfer_to_a_book_that_was_left_meanwhile(heads: dict[str, Person]) -> None:
    customer, post = owned()
    to, today = other_post(post), timezone.localdate()
    asked = actions.ask_transfer([customer], to, today, by=heads["head-one"], reason="moved house")
    leaves(to, heads[Role.ADMINISTRATOR])
    decided = approvals.decide(asked.pk, True, by=heads["head-two"])
    assert decided.state == ApprovalState.FAILED and queries.owner_on(customer, today) == post
    assert not Relation.objects.filter(customer=customer).exists()
    assert not DepartedCustomer.objects.filter(customer=customer).exists()
    with pytest.raises(NotAllowed, match="has left"):
        actions.ask_transfer([customer], to, today, by=heads["head-one"], reason="once more")
    new = Person.objects.create(username="new", name="new", role=Role.WEALTH_MANAGER)
    Seat.objects.create(person=new, post=to, since=today)
    assert not leaving.is_left(to, today)
    actions.ask_transfer([customer], to, today, by=heads["head-one"], reason="somebody sits there again")


def test_a_proposal_for_a_book_that_was_left_meanwhile(heads: dict[str, Person], own_home: Path) -> None:
    sub = Branch.objects.filter(kind="sub_branch").order_by("left").first()
    assert sub is not None
    day = dt.date(2026, 7, 1)
    name = proposing.make_proposal(sub.branch_id, "all", by=heads["head-one"])
    asked = proposing.ask_apply(name, 1, day, by=heads["head-one"], reason="new year")
    approvals.decide(asked.pk, True, by=heads["head-two"])
    _stored, draft = proposed.open_proposal(heads["head-two"], name) or pytest.fail("not seen")
    gaining = Post.objects.filter(post_id__in={m.to_post for m in proposed.moves_of(draft, day) if m.to_post})
    seats = Seat.objects.filter(Seat.on(queries.today()), post__in=gaining, stands_in=False)
    seat = seats.select_related("post").order_by("post_id").first()
    assert seat is not None
    leaves(seat.post, heads[Role.ADMINISTRATOR])
    with pytest.raises(BookError, match="has left since"):
        proposing.apply_now(Approval.objects.get(pk=asked.pk))
    assert not Relation.objects.filter(proposal=name).exists()
