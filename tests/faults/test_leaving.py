"""A manager leaves while transfers from and to his book are being approved, both killed at any moment.

Whichever is first, each customer ends at one post; whoever is at the book that was left is written down, with
what he had, for whom it is to be reassigned; and the bank's table is told of each change once.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.faults.desk_at import in_desk
from tests.faults.test_desk_on_postgresql import database as database

LEFT = """
import datetime as dt
import numpy as np
from collections import Counter
from django.utils import timezone
from quanke_desk.books import actions, laying, leaving, queries
from quanke_desk.books.intervals import intervals
from quanke_desk.books.models import DepartedCustomer, Departure, Transfer
from quanke_desk.foundation import approvals, audit
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.brought import bring_bank
from quanke_desk.foundation.demo import demo_people
from quanke_desk.foundation.models import (
    Approval, AuditEntry, Branch, Outgoing, Person, Post, Relation, Seat)
from quanke_desk.foundation.people import gone, leave
bring_bank()
demo_people()
top = Branch.objects.order_by("left").first()
one, two = (Person.objects.create(username=n, name=n, role="branch_head", branch=top) for n in "ab")
admin = Person.objects.get(username="demo-administrator")
today = timezone.localdate()
moments = random.Random(20_260_709)
laid = laying.lay

def slowly(*words, **more):
    # decided and not laid, or laid and not committed
    time.sleep(0.03)
    done = laid(*words, **more)
    time.sleep(0.03)
    return done

laying.lay = slowly
down = leaving._write_down

def written(made):
    time.sleep(0.03)
    down(made)
    time.sleep(0.03)

leaving._write_down = written
from quanke.books.rules import BookRules
rules = [p.post_id for p in Post.objects.filter(role__in=list(BookRules().role_tier))]
held = [s.post for s in Seat.objects.filter(Seat.on(today), stands_in=False, until=None,
        post__post_id__in=rules, person__is_active=True).select_related("post", "person").order_by("post_id")]
alone = Counter(s.post_id for s in Seat.objects.filter(Seat.on(today), stands_in=False))
held = [p for p in dict.fromkeys(held) if alone[p.pk] == 1 and queries.books_on([p], today)[0].load > 0]
told = []

def free(post, count):
    # customers of a book whom nothing binds to it
    of = queries.customers_of(post, today)
    since = intervals().since(of, today)
    of = of[(since < queries.day_number(today) - 400) & ~queries.chosen(of, today)]
    return [int(c) for c in of[:count]]

def decides(asked):
    if Approval.objects.get(pk=asked.pk).state == "asked":
        approvals.decide(asked.pk, True, by=two)

def leaves(person):
    if Person.objects.get(pk=person.pk).is_active:
        leave(Person.objects.get(pk=person.pk), by=admin, reason="resigned")

killed = 0
books = [p for p in held if len(free(p, 2)) == 2]
assert len(books) > 11, len(books)
for at in range(4):
    book, here, there = books[at], books[-1 - 2 * at], books[-2 - 2 * at]
    person = Seat.objects.filter(Seat.on(today), post=book, stands_in=False).first().person
    out, come = free(book, 1), free(here, 1)
    asked = [actions.ask_transfer(out, there, today, by=one, reason="moved"),
             actions.ask_transfer(come, book, today, by=one, reason="moved")]
    before = set(queries.customers_of(book, today).tolist())
    work = [lambda: decides(asked[0]), lambda: decides(asked[1]), lambda: leaves(person)]
    moments.shuffle(work)
    if not at:
        leaves(person)
    some = [fork(do) for do in work]
    if at % 2:
        time.sleep(moments.uniform(0.05, 0.6))
        killed += sum([kill(child) for child in some])
    for child in [] if at % 2 else some:
        assert os.waitpid(child, 0)[1] == 0
    for do in work:
        do()
    now = set(queries.customers_of(book, today).tolist())
    noted = set(DepartedCustomer.objects.filter(departure__person=person).values_list("customer", flat=True))
    states = [Approval.objects.get(pk=a.pk).state for a in asked]
    owners = [queries.owner_on(c, today) for c in (*out, *come)]
    told.append([states, owners[0] == (there if states[0] == "done" else book).post_id,
                 owners[1] == (book if states[1] == "done" else here).post_id,
                 now <= noted, noted <= before | set(come), Departure.objects.filter(person=person).count(),
                 Seat.objects.filter(Seat.on(today), person=person).exists()])
keys = Counter(Outgoing.objects.filter(table="ownership").values_list("key", flat=True))
doubled = [key for key, n in keys.items() if n > 1]
open_ = Counter(Relation.objects.filter(until=None).values_list("customer", flat=True))
tell([killed, told, doubled, max(open_.values()), Departure.objects.count(),
      AuditEntry.objects.filter(action="people.leave").count()])
"""


def check(home: Path, tmp_path: Path, database: str) -> None:
    shutil.copytree(home, tmp_path / "home")
    killed, told, doubled, most, left, on_record = in_desk(tmp_path / "home", LEFT, database, seconds=1_000)
    for states, *right, departures, still in told:
        assert set(states) <= {"done", "failed"}, told
        assert all(right) and departures == 1 and not still, told
    assert told[0][0][1] == "failed", "nobody comes to a book that was left"
    assert "done" in {states[0] for states, *_right in told}, told
    assert killed > 0 and not doubled and most == 1 and left == on_record == 4


@pytest.mark.slow
@pytest.mark.timeout(1_000)
def test_a_manager_leaves_while_transfers_are_approved(after_june: Path, tmp_path: Path) -> None:
    check(after_june, tmp_path, "")


@pytest.mark.slow
@pytest.mark.timeout(1_000)
@pytest.mark.service
def test_a_manager_leaves_while_transfers_are_approved_on_postgresql(
    after_june: Path, tmp_path: Path, database: str
) -> None:
    check(after_june, tmp_path, database)
