"""What somebody tries who should not: each of these once worked."""

from __future__ import annotations

import datetime as dt
import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from django.test import Client, RequestFactory
from django.utils import timezone

from quanke_desk.books import actions as books
from quanke_desk.books import changing_pages, leaving
from quanke_desk.books import queries as book_queries
from quanke_desk.books.models import Choice, DepartedCustomer, Departure
from quanke_desk.books.sources import BookSource
from quanke_desk.customers import actions as customers
from quanke_desk.customers import queries as customer_queries
from quanke_desk.customers.models import DataRequest, Restriction
from quanke_desk.foundation import jobs, working
from quanke_desk.foundation.models import AuditEntry, Branch, Job, JobState, Person, Post, Relation, Seat
from quanke_desk.foundation.opening import open_customer
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May, Role
from quanke_desk.foundation.scope import OutOfScope, post_of, rows, scope_of
from quanke_desk.work import queries, team_queries, who
from quanke_desk.work.actions import Said, add_follow_up, record_contact
from quanke_desk.work.calendar import calendar
from quanke_desk.work.held import held
from quanke_desk.work.machines import make_key

READERS = (Role.ANALYST, Role.COMMITTEE, Role.COMPLIANCE, Role.RISK)


def of_a_book() -> tuple[int, Post]:
    """A customer somebody looks after, and his post."""
    head = Person.objects.get(username__startswith="demo-", role=Role.BRANCH_HEAD)
    for customer in np.flatnonzero(rows(scope_of(head))):
        post = Post.objects.filter(post_id=post_of(int(customer)) or "").first()
        if post is not None:
            return int(customer), post
    raise AssertionError("nobody has a manager")


@pytest.mark.parametrize("role", READERS)
def test_who_only_reads_books_takes_no_choice_back(
    desk: dict[str, Person], entered: dict[str, Client], role: str
) -> None:
    customer, post = of_a_book()
    held = Choice.objects.create(
        customer=customer,
        post=post,
        chosen_on=timezone.localdate(),
        proof="form 1",
        by=desk[Role.BRANCH_HEAD],
    )
    entered[role].post(f"/books/customer/{customer}/", {"do": "withdraw"})
    assert Choice.objects.get(pk=held.pk).withdrawn_on is None
    with pytest.raises(NotAllowed):
        books.withdraw_choice(held.pk, by=desk[role])


@pytest.mark.parametrize("role", READERS)
def test_who_only_reads_books_records_no_call_back(desk: dict[str, Person], role: str) -> None:
    customer, post = of_a_book()
    today = timezone.localdate()
    gone = Departure.objects.create(
        person=desk[Role.STAFF], post=post, left_on=today, due_on=today, watch_until=today + dt.timedelta(90)
    )
    due = DepartedCustomer.objects.create(departure=gone, customer=customer, call_back=True)
    with pytest.raises(NotAllowed):
        leaving.record_call_back(due.pk, by=desk[role], outcome="content")


def hide(customer: int, by: Person) -> None:
    """His data may no longer be used."""
    today = timezone.localdate()
    asked = DataRequest.objects.create(
        customer=customer, kind="deletion", about="all", received_on=today, due_on=today, recorded_by=by
    )
    Restriction.objects.create(customer=customer, kind="deleted", since=today, request=asked)


def test_who_is_opened_only_keeps_his_mask_in_the_books(
    desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    manager, (customer, _) = desk[Role.CUSTOMER_MANAGER], of_a_book()
    Seat.objects.filter(person=manager).delete()
    name = who.names([customer])[customer]
    open_customer(manager, customer, "serve", "he is at my desk")
    page = entered[Role.CUSTOMER_MANAGER].get(f"/books/customer/{customer}/")
    assert page.status_code == 200
    assert page.context["name"] == who.masked_names([customer])[customer] != name
    assert name not in page.content.decode()


def test_a_deleted_customer_is_in_no_book_and_on_no_list(
    desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    customer, post = of_a_book()
    today, manager = timezone.localdate(), desk[Role.CUSTOMER_MANAGER]
    Seat.objects.create(person=manager, post=post, since=today, stands_in=True)
    name = who.names([customer])[customer]
    add_follow_up(customer, today, by=manager)
    assert name in {r["name"] for r in queries.waiting(manager, today)}
    hide(customer, manager)
    client = entered[Role.CUSTOMER_MANAGER]
    assert client.get(f"/work/customers/{customer}/").status_code == 404
    assert client.get(f"/books/customer/{customer}/").status_code == 404
    assert client.get(f"/api/books/relations/{customer}").status_code == 404
    book = BookSource(manager, book_queries.customers_of(post, today), today)
    shown = book.rows("", False, 0, book.count())
    assert shown and str(customer) not in {r["number"][0] for r in shown}
    assert name not in {r["name"] for r in queries.waiting(manager, today)}
    assert book_queries.seen_among(manager, [customer]) == [False]
    assert customer_queries.names_of(manager, [customer]) == {customer: "-"}
    said = Said(means="call", connected=True, outcome="served", seconds=60)
    with pytest.raises(OutOfScope):
        record_contact(customer, said, by=manager)


def test_a_record_leads_to_no_other_site(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    customer, post = of_a_book()
    manager = desk[Role.CUSTOMER_MANAGER]
    Seat.objects.create(person=manager, post=post, since=timezone.localdate(), stands_in=True)
    told = {"customer": customer, "means": "call", "outcome": "served", "minutes": "1"}
    for to in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        answer = entered[Role.CUSTOMER_MANAGER].post("/work/record/", {**told, "back": to})
        assert answer["Location"] == "/work/"
    answer = entered[Role.CUSTOMER_MANAGER].post("/work/record/", {**told, "back": "/work/calendar/"})
    assert answer["Location"] == "/work/calendar/"


def test_who_went_to_another_is_no_longer_due_to_the_one_before(desk: dict[str, Person]) -> None:
    manager, today = desk[Role.CUSTOMER_MANAGER], timezone.localdate()
    planned = [p for p in Post.objects.all() if held().due([p.post_id], ("maturity", "birthday"))]
    post, other = planned[0], planned[1]
    Seat.objects.filter(person=manager).delete()
    Seat.objects.create(person=manager, post=post, since=today, stands_in=True)
    due = held().due([post.post_id])
    gone = next(d for d in due if d["kind"] != "contact")["customer"]
    first, last = min(d["day"] for d in due), max(d["day"] for d in due)
    assert gone in {r["customer"] for r in calendar(manager, first, last)}
    Relation.objects.create(customer=gone, post=other, since=today, reason="test")
    assert gone not in {r["customer"] for r in calendar(manager, first, last)}
    morning = queries.morning(manager)
    assert gone not in {r["customer"] for r in [*morning.due, *morning.occasions]}


def test_the_committee_sees_no_worth_of_single_customers(desk: dict[str, Person]) -> None:
    post = next(p for p in team_queries.posts(desk[Role.COMMITTEE]) if held().lines(p.post_id))
    shown = team_queries.rows_behind(desk[Role.COMMITTEE], post, "planned")
    assert shown and {row["value"] for row in shown} == {None}


@pytest.mark.parametrize(("role", "told"), [(Role.ANALYST, None), (Role.BRANCH_HEAD, 1200)])
def test_amounts_of_a_proposals_customers_are_masked_for_who_sees_masks(
    desk: dict[str, Person], role: str, told: int | None
) -> None:
    customer, post = of_a_book()
    moves = {"customer": [customer], "from_post": [post.post_id], "to_post": [None]}
    held_ = SimpleNamespace(moves=pa.table({**moves, "reason": ["tier"], "cost": [1200]}))
    request: Any = RequestFactory().get("/")
    request.user = desk[role]
    listed = changing_pages._listed(request, desk[role], held_, "customers")
    assert [row["cost"] for row in listed.rows] == [told]


def test_a_machine_of_a_branch_proves_nothing_of_another(desk: dict[str, Person]) -> None:
    outlets = list(Branch.objects.filter(kind="outlet").order_by("left")[:2])
    _, key = make_key("T", "evidence", outlets[0], by=desk[Role.ADMINISTRATOR])
    customer, _ = of_a_book()
    party = held().base.bank.records(customer)[0]
    answers = []
    for at, outlet in enumerate(outlets):
        Person.objects.create(
            username=f"u{at}", name="u", role=Role.CUSTOMER_MANAGER, staff_id=f"U{at}", branch=outlet
        )
        told = {
            "kind": "recording",
            "reference": f"rec-{at}",
            "staff_id": f"U{at}",
            "party": f"{party.source}:{party.party_id}",
            "at": timezone.now().isoformat(),
        }
        ask: Any = {"content_type": "application/json", "headers": {"X-Quanke-Key": key}}
        answers.append(Client().post("/api/work/evidence", json.dumps(told), **ask).status_code)
    assert answers == [200, 422]


def test_a_hit_outside_ones_scope_is_on_record_by_the_api_too(
    desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    customer, _ = of_a_book()
    Seat.objects.filter(person=desk[Role.CUSTOMER_MANAGER]).delete()
    asked = json.dumps({"text": str(customer)})
    answer = entered[Role.CUSTOMER_MANAGER].post(
        "/api/customers/search", asked, content_type="application/json"
    )
    found = answer.json()["outside"]
    noted = AuditEntry.objects.filter(
        person=desk[Role.CUSTOMER_MANAGER], action="customer.search_outside"
    ).first()
    assert found and noted is not None and noted.detail == {"hits": found}


@pytest.mark.parametrize("kind", ["access", "kin", "explanation"])
def test_nobody_takes_a_copy_out_alone(desk: dict[str, Person], kind: str) -> None:
    customer, _ = of_a_book()
    one = desk[Role.COMPLIANCE]
    two = Person.objects.create(username="second", name="second", role=Role.COMPLIANCE)
    open_customer(one, customer, "data_request", "a letter")
    made = customers.record_request(customer, kind, "on paper", "F-1", by=one)
    with pytest.raises(NotAllowed, match="who asked does not decide"):
        customers.decide_request(made.pk, True, "seen", by=one)
    assert customers.decide_request(made.pk, True, "seen", by=two).state == "granted"


def test_a_job_of_who_may_no_longer_is_not_carried_out(
    desk: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[int] = []

    def handler(running: jobs.Running) -> dict[str, Any]:
        done.append(running.number)
        return {}

    monkeypatch.setitem(jobs.KINDS, "hostile", jobs.JobKind("hostile", "t", May.EXPORT, handler))
    person = desk[Role.CUSTOMER_MANAGER]
    begun = [jobs.begin("hostile", by=person) for _ in range(2)]
    Person.objects.filter(pk=person.pk).update(is_active=False)  # as the bank's own tables say it
    first = working.take()
    assert first is not None and working.run(first) == JobState.FAILED
    Person.objects.filter(pk=person.pk).update(is_active=True, role=Role.STAFF)
    second = working.take()
    assert second is not None and working.run(second) == JobState.FAILED
    assert not done and Job.objects.filter(pk__in=[j.pk for j in begun], state=JobState.FAILED).count() == 2
