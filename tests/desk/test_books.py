"""Who looks after whom as of any day, in the scope of who asks."""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import Any

import duckdb
import numpy as np
import pytest
from django.test import Client
from django.utils import timezone

from quanke.bank.arranged import facts_sql
from quanke_desk.books import queries
from quanke_desk.books.intervals import intervals
from quanke_desk.books.sources import BookSource, PlainSource
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Person, Post, Relation
from quanke_desk.foundation.roles import Role
from quanke_desk.foundation.scope import OutOfScope, covers, rows, scope_of

DAY = dt.date(2026, 6, 30)


def taken(count: int = 1) -> list[int]:
    """Customers somebody looks after."""
    owner = intervals().owners(DAY, base().night.rows)
    return [int(n) for n in np.flatnonzero((owner >= 0) & base().there)[:count]]


def test_the_table_as_of_any_day(desk: dict[str, Person]) -> None:
    home = base().bank.home
    for day in (dt.date(2015, 3, 1), DAY):
        with duckdb.connect() as connection:
            told = connection.execute(
                "SELECT customer, arg_max(post_id, (from_date, ownership_id)) "
                f"FROM ({facts_sql(home, 'ownership')}) "
                f"WHERE from_date <= DATE '{day}' AND (to_date IS NULL OR to_date > DATE '{day}') GROUP BY 1"
            ).fetchall()
        assert told
        owner = intervals().owners(day, base().night.rows)
        held = intervals().posts
        assert {n: held[owner[n]] for n in np.flatnonzero(owner >= 0)} == dict(told)
        for customer, post in told[:20]:
            assert queries.owner_on(customer, day) == post


def test_what_the_desk_said_is_laid_over(desk: dict[str, Person]) -> None:
    customer, other = taken(2)
    before = queries.owner_on(customer, DAY)
    to = Post.objects.exclude(post_id=before).filter(role=Role.WEALTH_MANAGER).first()
    assert to is not None
    moved = DAY + dt.timedelta(days=5)
    Relation.objects.create(customer=customer, post=to, since=moved, reason="test")
    Relation.objects.create(customer=other, post=None, since=moved, reason="test")
    assert queries.owner_on(customer, moved - dt.timedelta(days=1)) == before
    assert queries.owner_on(customer, moved) == to.post_id and queries.owner_on(other, moved) is None
    told = queries.history(desk[Role.ANALYST], customer)
    assert [(r["post"], r["since"], r["until"]) for r in told[:2]] == [
        (to.post_id, moved, None), (before, told[1]["since"], moved),
    ]  # fmt: skip
    assert customer in queries.customers_of(to, moved)
    since = intervals().since(np.array([customer, other]), moved)
    assert since.tolist() == [(moved - dt.date(1970, 1, 1)).days, -1]


def test_a_books_load_and_state(desk: dict[str, Person]) -> None:
    post = Post.objects.get(post_id=queries.owner_on(taken()[0], DAY))
    [book] = queries.books_on([post], DAY)
    assert book.customers == len(queries.customers_of(post, DAY)) > 0 and 0 < book.load <= book.capacity
    post.capacity = 0
    [full] = queries.books_on([post], DAY)
    assert full.state == "block" and full.share is None and full.load == book.load
    units = book.capacity // Post.objects.get(pk=post.pk).capacity  # type: ignore[operator]
    post.capacity = -(-book.load // units)
    [nearly] = queries.books_on([post], DAY)
    assert nearly.state in ("warn", "fine") and (nearly.load * 100 >= nearly.capacity * 90) == (
        nearly.state == "warn"
    )


def test_scope_of_posts(desk: dict[str, Person]) -> None:
    manager, head = desk[Role.CUSTOMER_MANAGER], desk[Role.BRANCH_HEAD]
    today = timezone.localdate()
    assert {p.post_id for p in queries.posts_seen(scope_of(manager))} == scope_of(manager, today).posts
    assert head.branch is not None
    for post in queries.posts_seen(scope_of(head)):
        assert head.branch.left <= post.branch.left and post.branch.right <= head.branch.right
    assert queries.posts_seen(scope_of(desk[Role.ANALYST])).count() > 50
    assert queries.posts_seen(scope_of(desk[Role.TELLER])).count() == 0
    outside = (
        queries.posts_seen(scope_of(desk[Role.ANALYST])).exclude(post_id__in=scope_of(head).posts).first()
    )
    assert outside is not None and queries.post_seen(head, outside.pk) is None
    hidden = int(np.flatnonzero(~rows(scope_of(manager)) & base().there)[0])
    with pytest.raises(OutOfScope):
        queries.history(manager, hidden)


def test_gaps_of_the_scope(desk: dict[str, Person]) -> None:
    found, counts = queries.findings(desk[Role.ANALYST], DAY)
    assert counts["open_gap"] > 100 and found.num_rows == sum(counts.values())
    gap = found.filter(pa_equal(found, "open_gap"))["customer"][0].as_py()
    post = Post.objects.filter(role=Role.REMOTE).first()
    Relation.objects.create(customer=gap, post=post, since=DAY - dt.timedelta(days=1), reason="test")
    less, now = queries.findings(desk[Role.ANALYST], DAY, "open_gap")
    assert now["open_gap"] == counts["open_gap"] - 1 and gap not in less["customer"].to_pylist()
    _, own = queries.findings(desk[Role.CUSTOMER_MANAGER], DAY)
    assert sum(own.values()) < sum(counts.values())


def pa_equal(table: object, kind: str) -> object:
    import pyarrow.compute as pc

    return pc.equal(table["kind"], kind)  # type: ignore[index]


def test_a_scope_of_many_changes_is_kept_until_one_more(desk: dict[str, Person]) -> None:
    """A proposal lays many relations at once: kept between questions, and never stale."""
    head = desk[Role.BRANCH_HEAD]
    assert head.branch is not None
    inside = Post.objects.filter(post_id__in=scope_of(head).posts, role=Role.CUSTOMER_MANAGER).first()
    outside = Post.objects.exclude(post_id__in=scope_of(head).posts).first()
    there = [int(n) for n in np.flatnonzero(base().there)[:600]]
    since = DAY + dt.timedelta(days=1)
    Relation.objects.bulk_create(
        Relation(customer=c, post=[inside, outside, None][c % 3], since=since, reason="test") for c in there
    )

    def agree() -> None:
        seen = rows(scope_of(head))
        assert [c for c in there if seen[c]] == [c for c in there if covers(scope_of(head), c)]

    agree()
    first = next(c for c in there if c % 3 == 1)
    assert not rows(scope_of(head))[first]
    Relation.objects.filter(customer=first).update(until=since)
    Relation.objects.create(customer=first, post=inside, since=since, reason="test")
    agree()
    assert rows(scope_of(head))[first]
    Relation.objects.filter(customer=first, until=None).update(until=since)
    agree()
    assert not rows(scope_of(head))[first]


def test_who_has_no_value_stands_last_and_is_not_lost(desk: dict[str, Person]) -> None:
    held = [{"customer": n, "gap": gap} for n, gap in enumerate((3, None, 1))]
    source = PlainSource(desk[Role.BRANCH_HEAD], held)
    assert [r["gap"] for r in source.rows("gap", False, 0, 9)] == [1, 3, None]
    assert source.count() == len(source.rows("gap", True, 0, 9)) == 3


def test_who_left_a_book_stands_on_its_earlier_days_by_number_alone(
    desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    head = desk[Role.BRANCH_HEAD]
    aum = base().night.read(["aum"])["aum"].to_pylist()
    customer, stays = [int(n) for n in np.flatnonzero(rows(scope_of(head))) if taken_by(int(n)) and aum[n]][
        :2
    ]
    post = Post.objects.get(post_id=queries.owner_on(customer, DAY))
    Relation.objects.create(customer=stays, post=post, since=DAY, reason="test")
    away = Post.objects.exclude(post_id__in=scope_of(head).posts).first()
    Relation.objects.create(customer=customer, post=away, since=DAY + dt.timedelta(days=1), reason="test")
    client, at = entered[Role.BRANCH_HEAD], f"/books/post/{post.pk}/"
    listed = client.get(f"{at}?on={DAY}&order=number").context["listed"]
    shown = {
        int(r["number"][0]): r
        for r in BookSource(head, queries.customers_of(post, DAY), DAY).rows("", False, 0, 10_000)
    }
    gone, there = shown[customer], shown[stays]
    assert listed.count == len(shown) and (gone["name"], gone["tier"], gone["aum"]) == (None, None, None)
    assert there["name"] and there["aum"] == aum[stays]
    asked = {
        "list": "book",
        "path": at,
        "query": f"on={DAY}&order=number",
        "kind": "csv",
        "reason": "季度检查",
    }
    answer: Any = client.post("/exports/", asked)
    file = b"".join(answer.streaming_content).decode("utf-8-sig")
    [line] = [r for r in csv.reader(io.StringIO(file)) if r and r[0] == str(customer)]
    assert line[1:4] == ["", "", ""]
    page = client.get(f"/books/credit/{post.pk}/?month=2026-06")
    assert page.context["whole"]
    for row in page.context["listed"].rows:
        assert int(row["number"][0]) != customer or (row["growth"], row["credit"]) == (None, None)


def taken_by(customer: int) -> str | None:
    return base().value(customer, "owner_post")
