"""Row scope: one customer and everybody are answered alike, by the bank's own tables."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone

from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Branch, Person, Post, Relation, Seat
from quanke_desk.foundation.roles import BOOK_ROLES, Role
from quanke_desk.foundation.scope import (
    SCOPES,
    Extent,
    OutOfScope,
    Scope,
    covers,
    require,
    rows,
    scope_of,
)
from quanke_desk.web.figures import TIERS, WORDS


def truth(person: Person) -> set[int]:
    """Who should be seen, from the night's table and the tree, in plain Python."""
    night = base().night
    table = night.read(["customer", "owner_post", "branch"]).to_pylist()
    table = [r for r in table if r["customer"] not in night.absorbed]
    if person.role in BOOK_ROLES:
        ours = {s.post.post_id for s in person.seats.filter(until=None)}
        return {r["customer"] for r in table if r["owner_post"] in ours}
    if person.role in (Role.TEAM_HEAD, Role.BRANCH_HEAD):
        tree = {b.pk: b for b in Branch.objects.all()}

        def inside(branch: Branch | None) -> bool:
            return branch is not None and (
                branch.pk == person.branch_id or inside(tree.get(branch.parent_id or 0))
            )

        names = {b.branch_id for b in tree.values() if inside(b)}
        posts = {p.post_id: p.branch.branch_id for p in Post.objects.select_related("branch")}
        return {
            r["customer"]
            for r in table
            if (posts[r["owner_post"]] if r["owner_post"] else r["branch"]) in names
        }
    bank = person.role in (Role.ANALYST, Role.COMMITTEE, Role.COMPLIANCE, Role.RISK)
    return {r["customer"] for r in table} if bank else set()


@pytest.mark.parametrize("role", Role.values)
def test_each_role_sees_whom_it_should(desk: dict[str, Person], role: str) -> None:
    person = desk[role]
    scope, wanted = scope_of(person), truth(person)
    seen = set(np.flatnonzero(rows(scope)).tolist())
    assert seen == wanted
    some = [*sorted(wanted)[:15], *range(60), *base().night.absorbed]
    assert [covers(scope, n) for n in some] == [n in wanted for n in some]


def test_books_and_subtrees_are_not_empty(desk: dict[str, Person]) -> None:
    """What the comparison above is worth."""
    sizes = {
        role: int(rows(scope_of(desk[role])).sum()) for role in (Role.CUSTOMER_MANAGER, Role.BRANCH_HEAD)
    }
    assert 0 < sizes[Role.CUSTOMER_MANAGER] < sizes[Role.BRANCH_HEAD] < base().night.rows


def test_what_is_kept_of_a_scope_is_nobodys_to_write(desk: dict[str, Person]) -> None:
    scope = scope_of(desk[Role.BRANCH_HEAD])
    first = rows(scope)
    wanted, first[:] = first.copy(), False
    assert wanted.any() and (rows(scope) == wanted).all()
    for number in range(SCOPES + 3):
        rows(Scope(Extent.BOOK, frozenset({f"nobody's {number}"})))
    assert (rows(scope) == wanted).all()


def test_numbers_nobody_has(desk: dict[str, Person]) -> None:
    scope = scope_of(desk[Role.COMPLIANCE])
    assert not any(covers(scope, n) for n in (-1, base().night.rows, 2**62, *base().night.absorbed))


def test_a_change_of_the_desk_shows_at_once(desk: dict[str, Person]) -> None:
    ours, other = desk[Role.CUSTOMER_MANAGER], desk[Role.WEALTH_MANAGER]
    post = ours.seats.get(until=None).post
    theirs = other.seats.get(until=None).post
    customer = min(truth(ours))
    require(ours, customer)
    since = max(timezone.localdate(), base().day + dt.timedelta(days=1))
    assert since == timezone.localdate(), "the sample's night lies in the past"
    Relation.objects.create(customer=customer, post=theirs, since=since, reason="moved")
    with pytest.raises(OutOfScope) as refused:
        require(ours, customer)
    assert str(customer) not in str(refused.value)
    require(other, customer)
    for person, seen in ((ours, False), (other, True)):
        assert rows(scope_of(person))[customer] == seen == covers(scope_of(person), customer)
    head = Person(role=Role.BRANCH_HEAD, branch=post.branch)
    Relation.objects.update(post=None)
    branch = base().value(customer, "branch")
    assert covers(scope_of(head), customer) == (branch in scope_of(head).branches)


def test_a_change_of_tomorrow_does_not_show_yet(desk: dict[str, Person]) -> None:
    ours = desk[Role.CUSTOMER_MANAGER]
    customer = min(truth(ours))
    Relation.objects.create(
        customer=customer, post=None, since=timezone.localdate() + dt.timedelta(days=1), reason="moved"
    )
    require(ours, customer)
    assert rows(scope_of(ours))[customer]


def test_a_change_holds_until_a_night_knows_it(desk: dict[str, Person]) -> None:
    """A night that ran before the change was loaded would show him to whom he was taken from."""
    ours, other = desk[Role.CUSTOMER_MANAGER], desk[Role.WEALTH_MANAGER]
    customer, night = min(truth(ours)), base().day
    relation = Relation.objects.create(
        customer=customer,
        post=other.seats.get(until=None).post,
        since=night - dt.timedelta(days=9),
        reason="moved",
    )
    for delivered, moved in ((None, True), (night, True), (night - dt.timedelta(days=1), False)):
        Relation.objects.filter(pk=relation.pk).update(delivered_on=delivered)
        for person, seen in ((ours, not moved), (other, moved)):
            assert covers(scope_of(person), customer) == rows(scope_of(person))[customer] == seen


def test_who_is_looked_after_no_longer_is_in_no_book(desk: dict[str, Person]) -> None:
    ours, today = desk[Role.CUSTOMER_MANAGER], timezone.localdate()
    customer = min(truth(ours))
    since = today - dt.timedelta(days=1)
    relation = Relation.objects.create(
        customer=customer, post=ours.seats.get(until=None).post, since=since, reason="moved"
    )
    require(ours, customer)
    Relation.objects.filter(pk=relation.pk).update(until=today)
    assert not covers(scope_of(ours), customer) and not rows(scope_of(ours))[customer]


def test_the_last_of_several_changes_counts(desk: dict[str, Person]) -> None:
    ours, today = desk[Role.CUSTOMER_MANAGER], timezone.localdate()
    customer, post = min(truth(ours)), ours.seats.get(until=None).post
    for since, to, until in ((3, None, 2), (2, post, 1), (1, None, None)):
        Relation.objects.create(
            customer=customer,
            post=to,
            since=today - dt.timedelta(days=since),
            until=None if until is None else today - dt.timedelta(days=until),
            reason="moved",
        )
    assert not covers(scope_of(ours), customer) and not rows(scope_of(ours))[customer]


def test_the_first_page_counts_the_scope_and_nobody_else(
    desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    table = base().night.read(["customer", "tier", "stage"]).to_pylist()
    for role in (Role.CUSTOMER_MANAGER, Role.BRANCH_HEAD, Role.ANALYST):
        wanted, shown = truth(desk[role]), entered[role].get("/").context
        assert shown["count"] == len(wanted)
        by_title = {c["title"]: c for c in shown["charts"]}
        for title, column in (("客户层级", "tier"), ("生命周期阶段", "stage")):
            told = dict(zip(by_title[title]["names"], by_title[title]["values"], strict=True))
            counted = Counter(r[column] for r in table if r["customer"] in wanted and r[column] is not None)
            assert {n: c for n, c in told.items() if c} == {
                WORDS[column][n][0]: c for n, c in counted.items()
            }
        assert shown["risk"] == sum(1 for r in table if r["customer"] in wanted and r["stage"] == "at_risk")
    for role in (Role.TELLER, Role.ADMINISTRATOR, Role.PARTNER, Role.STAFF):
        shown = entered[role].get("/").context
        assert shown["count"] is None and "charts" not in shown


def test_moves_of_tiers_are_those_between_the_last_two_nights(
    desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    held = base()
    may, june = (
        {r["customer"]: r["tier"] for r in held.bank.night(day).read(["customer", "tier"]).to_pylist()}
        for day in held.bank.nights[-2:]
    )
    for role in (Role.BRANCH_HEAD, Role.ANALYST):
        wanted = truth(desk[role])
        pairs = [(may.get(n), june[n]) for n in wanted]
        moved = [(b, a) for b, a in pairs if b is not None and a is not None and b != a]
        up = sum(TIERS.index(a) > TIERS.index(b) for b, a in moved)
        shown = entered[role].get("/").context
        assert (shown["up"], shown["down"]) == (up, len(moved) - up) and up


def test_seats_of_other_days_and_leavers(desk: dict[str, Person]) -> None:
    ours = desk[Role.CUSTOMER_MANAGER]
    today = timezone.localdate()
    assert scope_of(ours, today - dt.timedelta(days=1)).posts == frozenset()
    Seat.objects.filter(person=ours).update(until=today)
    assert scope_of(ours).posts == frozenset() and not rows(scope_of(ours)).any()
    Person.objects.filter(pk=desk[Role.COMPLIANCE].pk).update(is_active=False)
    desk[Role.COMPLIANCE].refresh_from_db()
    assert scope_of(desk[Role.COMPLIANCE]).extent is Extent.NONE


def test_who_sees_everybody_sees_masked_rows(desk: dict[str, Person]) -> None:
    everybody = [r for r in Role.values if scope_of(desk[r]).extent is Extent.BANK]
    assert everybody and all(scope_of(desk[r]).masked for r in everybody)
