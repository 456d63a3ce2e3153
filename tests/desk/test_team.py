"""The view of a head has everything that was not done in time below him, each thing once."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone

from quanke_desk.foundation.models import Branch, Person, Post, Relation, Seat
from quanke_desk.foundation.roles import BOOK_ROLES, Role
from quanke_desk.work import overdue, team_queries
from quanke_desk.work.held import held
from quanke_desk.work.models import Arrival, FollowUp, FollowUpKind

Make = Callable[..., FollowUp]


@pytest.fixture
def make(desk: dict[str, Person]) -> Make:
    """Makes a follow-up that is overdue since yesterday, of a customer of its own."""
    taken = iter(range(held().base.night.rows))

    def made(**more: object) -> FollowUp:
        given = {
            "kind": FollowUpKind.FOLLOW_UP, "customer": next(taken), "made_by": desk[Role.BRANCH_HEAD],
            "due_on": timezone.localdate() - dt.timedelta(days=1),
        }  # fmt: skip
        return FollowUp.objects.create(**{**given, **more})

    return made


def below(head: Person) -> list[Branch]:
    """Branches of a head's subtree."""
    assert head.branch is not None
    return list(Branch.objects.filter(left__gte=head.branch.left, right__lte=head.branch.right))


def of_branch(branch: Branch) -> int:
    """A customer whose home branch this is."""
    codes, names = held().base.codes("branch")
    return int(np.flatnonzero((codes == names[branch.branch_id]) & held().base.there)[0])


def each_kind(head: Person, desk: dict[str, Person], make: Make) -> list[FollowUp]:
    """One of every kind that can be overdue in the subtree of a head."""
    branches, today = below(head), timezone.localdate()
    own = Post.objects.filter(branch__in=branches, role__in=BOOK_ROLES).first()
    assert own is not None
    stranger = desk[Role.FLEXIBLE]
    Seat.objects.create(person=stranger, post=own, since=today, stands_in=True)
    emptied = Post.objects.create(post_id="LEFT-1", branch=branches[-1], role=Role.WEALTH_MANAGER)
    counter = Post.objects.create(post_id="COUNTER-1", branch=branches[0], role=Role.TELLER)
    people = [
        Person.objects.create_user(name, name=name, role=Role.CUSTOMER_MANAGER, branch=branches[0])
        for name in ("late-1", "late-2")
    ]
    Person.objects.filter(pk=people[1].pk).update(is_active=False, left_on=today)
    remote = desk[Role.REMOTE]
    Person.objects.filter(pk=remote.pk).update(branch=branches[0])
    homes = {held().base.value(c, "branch") for c in np.flatnonzero(held().base.there)[:2000].tolist()}
    home = next(b for b in branches if b.branch_id in homes)
    visit = Arrival.objects.create(
        outlet=branches[-1], day=today, ticket="A1", kind="ticket", called_at=timezone.now()
    )
    again = Arrival.objects.create(
        outlet=branches[-1], day=today, ticket="A2", kind="ticket", called_at=timezone.now()
    )
    return [
        make(post=own),
        make(post=own, kind=FollowUpKind.JOURNEY, journey="j"),
        make(post=own, kind=FollowUpKind.HAND_OVER, arrival=visit),
        make(post=own, person=people[0]),
        make(post=emptied),
        make(post=counter),
        make(person=people[0]),
        make(person=people[1]),
        make(person=remote, kind=FollowUpKind.CALL_BACK, arrival=again),
        make(kind=FollowUpKind.CALL_BACK, arrival=visit),
        make(kind=FollowUpKind.JOURNEY, journey="j"),
        make(kind=FollowUpKind.LOBBY, customer=of_branch(home)),
    ]  # fmt: skip


def told(person: Person) -> Counter[int]:
    """The customers of every row of a head's view, as its pages show them."""
    seen: Counter[int] = Counter()
    for row in team_queries.team(person):
        if row["pk"]:
            behind = team_queries.rows_behind(person, Post.objects.get(pk=row["pk"]), "follow_ups")
        else:
            place = overdue.place_of(row["place"])
            assert place is not None
            behind = team_queries.late_rows(person, place)
        assert behind is not None and len(behind) == row["follow_ups"], row
        seen.update(each["customer"] for each in behind)
    return seen


@pytest.mark.parametrize("role", [Role.BRANCH_HEAD, Role.COMMITTEE])
def test_everything_overdue_is_told_once(desk: dict[str, Person], make: Make, role: str) -> None:
    made = each_kind(desk[Role.BRANCH_HEAD], desk, make)
    now, today = timezone.now(), timezone.localdate()
    post = made[0].post
    make(post=post, done_at=now)
    make(post=post, done_at=now, dropped=True)
    make(post=post, due_on=today)
    assert told(desk[role]) == Counter(f.customer for f in made)


def test_a_head_is_told_of_nothing_beside_his_own(desk: dict[str, Person], make: Make) -> None:
    each_kind(desk[Role.BRANCH_HEAD], desk, make)
    head = desk[Role.BRANCH_HEAD]
    outside = Branch.objects.exclude(pk__in=[b.pk for b in below(head)]).exclude(left__lte=head.branch.left)  # type: ignore[union-attr]
    other = outside.exclude(posts=None).last()
    assert other is not None
    stranger = Person.objects.create_user("head-else", name="x", role=Role.TEAM_HEAD, branch=other)
    own = make(post=other.posts.first())
    assert told(stranger) == Counter([own.customer])
    assert own.customer not in told(head)
    for row in team_queries.team(head):
        place = overdue.place_of(row["place"])
        assert place is not None and team_queries.late_rows(stranger, place) is None, row


def test_the_pages_of_what_is_no_posts(
    desk: dict[str, Person], entered: dict[str, Client], make: Make
) -> None:
    made = each_kind(desk[Role.BRANCH_HEAD], desk, make)
    client = entered[Role.BRANCH_HEAD]
    page = client.get("/work/team/").content.decode()
    links = re.findall(r'href="(/work/team/late/[a-z]+-\d+/)"', page)
    assert {link.split("/")[4].partition("-")[0] for link in links} == {"person", "lobby", "outlet", "remote"}
    rows = "".join(client.get(link).content.decode() for link in links)
    for each in (f for f in made if f.post is None):
        assert f">{each.customer}<" in rows or f"{each.customer:,}" in rows
    for wrong in ("post-1", "person-999999", "person-x", "cloud-1", "lobby-0"):
        assert client.get(f"/work/team/late/{wrong}/").status_code == 404, wrong
    assert entered[Role.CUSTOMER_MANAGER].get(links[0]).status_code == 403


def test_contacts_that_are_due_are_told_once(desk: dict[str, Person]) -> None:
    of, committee = held(), desk[Role.COMMITTEE]
    planned = set(of.planned_for().tolist())
    every = {p.post_id: p for p in Post.objects.all()}
    due = [d for d in of.due(list(every), ["contact"]) if d["day"] < timezone.localdate()]
    wanted = {d["customer"]: d["post"] for d in due if d["customer"] not in planned}
    assert wanted
    rows = {row["post"]: row for row in team_queries.team(committee)}
    assert {p: r["contacts"] for p, r in rows.items() if r["contacts"]} == Counter(wanted.values())
    customer, post = next(iter(wanted.items()))
    other = next(p for p in every if p != post)
    Relation.objects.create(customer=customer, post=every[other], since=timezone.localdate(), reason="test")
    after = {row["post"]: row for row in team_queries.team(committee)}
    assert after.get(post, {"contacts": 0})["contacts"] == rows[post]["contacts"] - 1
    behind = team_queries.rows_behind(committee, every[other], "contacts")
    assert behind is not None and len(behind) == after[other]["contacts"]
    assert customer in {row["customer"] for row in behind}


def test_a_line_is_told_under_who_looks_after_the_customer_now(desk: dict[str, Person]) -> None:
    of, committee = held(), desk[Role.COMMITTEE]
    before = {row["post"]: row["planned"] for row in team_queries.team(committee)}
    post = next(p for p, n in before.items() if n)
    line = of.lines(post)[0]
    mine = [r for r in of.lines(post) if r["customer"] == line["customer"]]
    other = Post.objects.filter(role__in=BOOK_ROLES).exclude(post_id=post).first()
    assert other is not None
    Relation.objects.create(customer=line["customer"], post=other, since=timezone.localdate(), reason="test")
    after = {row["post"]: row["planned"] for row in team_queries.team(committee)}
    assert sum(after.values()) == sum(before.values())
    assert after.get(post, 0) == before[post] - len(mine)
    assert after[other.post_id] == before.get(other.post_id, 0) + len(mine)
    behind = team_queries.rows_behind(committee, other, "planned")
    assert behind is not None and line["customer"] in {row["customer"] for row in behind}
