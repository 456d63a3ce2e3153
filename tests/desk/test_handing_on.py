"""What somebody had to do himself goes on the day he leaves, with a note whose it was."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone

from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import AuditEntry, Notice, Person, Post, Relation, Seat
from quanke_desk.foundation.people import leave
from quanke_desk.foundation.roles import Role
from quanke_desk.foundation.scope import post_of
from quanke_desk.work import handing_on, queries
from quanke_desk.work.models import FollowUp, FollowUpKind


def owned_by(post: Post) -> int:
    """A customer a post looks after."""
    codes, names = base().codes("owner_post")
    return int(np.flatnonzero((codes == names[post.post_id]) & base().there)[0])


def task(customer: int, person: Person, kind: str = FollowUpKind.FOLLOW_UP) -> FollowUp:
    today = timezone.localdate()
    return FollowUp.objects.create(
        kind=kind, customer=customer, person=person, due_on=today, made_by=person, means="call"
    )


@pytest.fixture
def leaver(desk: dict[str, Person]) -> Person:
    return desk[Role.CUSTOMER_MANAGER]


def own_post(person: Person) -> Post:
    return person.seats.select_related("post__branch").get(until=None, stands_in=False).post


def test_tasks_go_the_same_day_to_who_has_the_customer(
    desk: dict[str, Person], entered: dict[str, Client], leaver: Person
) -> None:
    other, own = desk[Role.WEALTH_MANAGER], own_post(leaver)
    theirs, nobodys = owned_by(own_post(other)), owned_by(own)
    yesterday = timezone.localdate() - dt.timedelta(days=1)
    Relation.objects.create(customer=nobodys, post=None, since=yesterday, reason="moved")
    assert post_of(nobodys) is None
    rows = [task(theirs, leaver), task(nobodys, leaver), task(theirs, leaver, FollowUpKind.CALL_BACK)]
    done = task(theirs, leaver)
    FollowUp.objects.filter(pk=done.pk).update(done_at=timezone.now())
    leave(leaver, by=desk[Role.ADMINISTRATOR], reason="resigned")
    for row in (*rows, done):
        row.refresh_from_db()
    assert [row.post for row in rows] == [own_post(other), own, None]
    assert all(row.person is None and row.of_left == leaver for row in rows)
    assert done.person == leaver and done.of_left is None, "what is done stays his"
    told = Notice.objects.get(person=other, text=handing_on.YOURS)
    assert told.values == {"count": 1, "name": leaver.name}
    page = entered[Role.WEALTH_MANAGER].get("/work/").content.decode()
    assert f"原由{leaver.name}办理（已离职）" in page
    assert rows[2] in queries.call_backs(desk[Role.REMOTE])
    page = entered[Role.REMOTE].get(f"/work/customers/{theirs}/?do={rows[2].pk}").content.decode()
    assert f"原由{leaver.name}办理（已离职）" in page
    entry = AuditEntry.objects.get(action="work.handed_on")
    assert entry.detail == {
        "count": 3, "team": 1, "posts": {own.post_id: 1, own_post(other).post_id: 1}
    }  # fmt: skip
    heads = {n.person.role for n in Notice.objects.filter(text=handing_on.WENT)}
    assert heads and heads <= {Role.TEAM_HEAD, Role.BRANCH_HEAD}


def test_whoever_stands_in_is_told_and_else_the_heads(desk: dict[str, Person], leaver: Person) -> None:
    own, today = own_post(leaver), timezone.localdate()
    customer, second = owned_by(own), desk[Role.SERVICE_MANAGER]
    task(customer, leaver)
    team = Post.objects.filter(role=Role.FLEXIBLE)
    Seat.objects.filter(post__in=team).update(until=today)
    Seat.objects.filter(post=own).exclude(person=leaver).update(until=today)
    leave(leaver, by=desk[Role.ADMINISTRATOR], reason="resigned")
    assert Notice.objects.filter(text=handing_on.NOBODYS).exists()
    assert not Notice.objects.filter(text=handing_on.YOURS).exists()
    Notice.objects.all().delete()
    Seat.objects.create(person=second, post=own, since=today, stands_in=True)
    task(customer, leaver)  # given to him after he left, by a page that stood open
    handing_on.catch_up()
    assert Notice.objects.get(text=handing_on.YOURS).person == second
    assert [row["customer"] for row in queries.waiting(second, today)].count(customer) == 2
    handing_on.catch_up()
    assert AuditEntry.objects.filter(action="work.handed_on").count() == 2, "once each"


def test_a_task_of_no_book_is_the_remote_teams(
    desk: dict[str, Person], entered: dict[str, Client], leaver: Person
) -> None:
    """Of a person who sat on no post, about a customer nobody looks after."""
    customer = owned_by(own_post(leaver))
    Relation.objects.create(
        customer=customer, post=None, since=timezone.localdate() - dt.timedelta(days=1), reason="moved"
    )
    row = task(customer, desk[Role.LOBBY])
    leave(desk[Role.LOBBY], by=desk[Role.ADMINISTRATOR], reason="resigned")
    row.refresh_from_db()
    assert (row.post, row.person) == (None, None)
    assert row in queries.call_backs(desk[Role.REMOTE])
    assert entered[Role.REMOTE].get("/work/callbacks/").status_code == 200
