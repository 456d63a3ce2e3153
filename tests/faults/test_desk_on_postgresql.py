"""Workers that are killed, and the order of events, on PostgreSQL: a database of their own."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.faults.desk_at import in_desk
from tests.faults.test_desk_jobs import ATOMIC, CHUNKS, COUNT, HANDLERS, KILLED

ADDRESS = os.environ.get("QUANKE_TEST_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432/postgres")

ORDER = """
import threading
from django.db import connection
from quanke_desk.foundation.events import publish
from quanke_desk.foundation.models import Outgoing
from quanke_desk.foundation.outbox import put

def one(key):
    put("contacts", key, {"date": "2026-07-01", "means": "call"}, customer=7)

began, may_end = threading.Event(), threading.Event()

def late():
    # takes its number first and commits last: a cursor on numbers alone would pass it by
    with transaction.atomic():
        one("late")
        began.set()
        may_end.wait()
    connection.close()

where = os.environ["QUANKE_HOME"] + "/events.jsonl"
thread = threading.Thread(target=late)
thread.start()
began.wait()
one("soon")
told = [publish(where)]
may_end.set()
thread.join()
told.append(publish(where))
one("after")
told.append(publish(where))
told.append(publish(where))
tell([told, [json.loads(line)["key"] for line in open(where)]])
"""

RACE = """
import threading, time
import numpy as np
from django.db import connection
from django.utils import timezone
from quanke_desk.books import actions, queries
from quanke_desk.books.intervals import intervals
from quanke_desk.books.models import Transfer
from quanke_desk.foundation import approvals
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.brought import bring_bank
from quanke_desk.foundation.models import Approval, Branch, Person, Post, Relation, Seat

bring_bank()
today, top = timezone.localdate(), Branch.objects.order_by("left").first()
one, two = (
    Person.objects.create(username=n, name=n, role="branch_head", branch=top) for n in ("one", "two")
)
owner = intervals().owners(today, base().night.rows)
there = np.flatnonzero((owner >= 0) & base().there)
old = there[intervals().since(there, today) < queries.day_number(today) - 400]
old = old[~queries.chosen(old, today)].tolist()
post_of = {c: intervals().posts[owner[c]] for c in old}
able = list(Post.objects.filter(role="wealth_manager").order_by("post_id"))

def both(*asked):
    # the first is decided and not committed when the second is: that one waits, or does not see the first
    done, may_end, named = threading.Event(), threading.Event(), {}

    def first():
        with transaction.atomic():
            approvals.decide(asked[0], True, by=two)
            done.set()
            may_end.wait()
        connection.close()

    def second():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            named["pid"] = cursor.fetchone()[0]
        try:
            approvals.decide(asked[1], True, by=two)
        except Exception as error:
            named["error"] = type(error).__name__
        connection.close()

    threads = [threading.Thread(target=work) for work in (first, second)]
    threads[0].start()
    assert done.wait(300)
    threads[1].start()
    while threads[1].is_alive():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT wait_event_type FROM pg_stat_activity WHERE pid = %s", [named.get("pid", 0)]
            )
            row = cursor.fetchone()
        if row and row[0] == "Lock":
            break
        time.sleep(0.05)
    may_end.set()
    for thread in threads:
        thread.join()
    held = [Approval.objects.get(pk=number) for number in asked]
    return [a.state for a in held], named.get("error", "")

# the last place of a book, for two customers of other books; what they weigh is told in units of the post
one_post, other, third = able[:3]
Post.objects.filter(pk=one_post.pk).update(capacity=1)
[book] = queries.books_on([Post.objects.get(pk=one_post.pk)], today)
heavy = [c for c in old if queries.load_of(np.array([c]), today) >= book.capacity]
heavy = [c for c in heavy if post_of[c] not in (one_post.post_id, other.post_id, third.post_id)]
weight = queries.load_of(np.array(heavy[:1]), today)
pair = [heavy[0], next(
    c for c in heavy
    if post_of[c] != post_of[heavy[0]] and queries.load_of(np.array([c]), today) == weight
)]
Post.objects.filter(pk=one_post.pk).update(capacity=-(-(book.load + weight) // book.capacity))
to = Post.objects.get(pk=one_post.pk)
place = both(*(actions.ask_transfer([c], to, today, by=one, reason="moved house").pk for c in pair))
[after] = queries.books_on([to], today)

# one customer nobody looks after, among those of two posts that nothing else has in common
free = next(
    int(c) for c in np.flatnonzero((owner < 0) & base().there) if queries.seen_among(one, [int(c)])[0]
)
rest = [c for c in old if c not in pair and post_of[c] not in (other.post_id, third.post_id)]
mine = [c for c in rest if post_of[c] == post_of[rest[0]]][:1]
theirs = [c for c in rest if post_of[c] != post_of[rest[0]]]
theirs = [c for c in theirs if post_of[c] == post_of[theirs[0]]][:2]
Post.objects.filter(pk__in=[other.pk, third.pk]).update(capacity=100_000)
other, third = Post.objects.get(pk=other.pk), Post.objects.get(pk=third.pk)
first = actions.ask_transfer([*mine, free], other, today, by=one, reason="new")
second = actions.ask_transfer(theirs, third, today, by=one, reason="new")
Transfer.objects.filter(approval=second, customer=theirs[1]).update(customer=free, from_post=None)
customer = both(first.pk, second.pk)
tell([place, after.state, customer, Relation.objects.filter(customer=free, until=None).count()])
"""


@pytest.fixture
def database() -> Iterator[str]:
    """The address of a new database."""
    try:
        connection = psycopg.connect(ADDRESS, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError:
        pytest.skip("no PostgreSQL answers at 127.0.0.1:5432 (QUANKE_TEST_POSTGRESQL names another)")
    name = f"quanke_test_{uuid.uuid4().hex[:8]}"
    with connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield urlsplit(ADDRESS)._replace(path=f"/{name}").geturl()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.service
def test_workers_killed_in_the_middle(database: str, tmp_path: Path) -> None:
    asked = {"chunks": CHUNKS, "atomic": ATOMIC, "count": COUNT, "kills": 3}
    (tmp_path / "desk").mkdir()
    jobs, notices = in_desk(tmp_path, HANDLERS + KILLED % asked, database)
    assert {state for state, _ in jobs} == {"done"}, jobs
    assert max(attempts for _, attempts in jobs) > 1, "nobody was killed in the middle"
    effects = [t for t in notices if ":" in t]
    assert sorted(effects) == sorted(f"{n}:{k}" for n in range(1, CHUNKS + ATOMIC + 1) for k in range(COUNT))


@pytest.mark.service
def test_a_row_committed_late_is_told_all_the_same(database: str, tmp_path: Path) -> None:
    told, keys = in_desk(tmp_path, ORDER, database)
    assert told == [0, 2, 1, 0] and sorted(keys[:2]) == ["late", "soon"] and keys[2] == "after"


@pytest.mark.service
def test_two_transfers_decided_at_once(database: str, after_june: Path, tmp_path: Path) -> None:
    """No book above what it may hold, no customer with two managers, and whoever decides is told so."""
    shutil.copytree(after_june, tmp_path / "home")
    place, book, customer, relations = in_desk(tmp_path / "home", RACE, database)
    assert place == [["done", "failed"], ""] and book != "block"
    assert customer == [["done", "failed"], ""] and relations == 1
