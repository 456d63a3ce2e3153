"""Tasks about who was deleted are nobody's any more; those of a number another took in are about him."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone

from quanke_desk.customers.actions import restricted
from quanke_desk.customers.models import DataRequest, RequestKind, Restriction, RestrictionKind
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import AuditEntry, Person
from quanke_desk.foundation.roles import Role
from quanke_desk.foundation.scope import rows, scope_of
from quanke_desk.work import escalating, lobby_queries, overdue, queries, team_queries
from quanke_desk.work.held import held
from quanke_desk.work.models import Contact, FollowUp, FollowUpKind


def task(customer: int, person: Person | None, kind: str = FollowUpKind.FOLLOW_UP) -> FollowUp:
    """Something that was to be done yesterday; of nobody: the remote team's."""
    late = timezone.localdate() - dt.timedelta(days=1)
    return FollowUp.objects.create(kind=kind, customer=customer, person=person, due_on=late, escalate_on=late)


def restrict(customer: int, by: Person) -> None:
    today = timezone.localdate()
    request = DataRequest.objects.create(
        customer=customer, kind=RequestKind.DELETION, proof="F-1", about="x", received_on=today, due_on=today,
        recorded_by=by,
    )  # fmt: skip
    Restriction.objects.create(customer=customer, kind=RestrictionKind.DELETED, since=today, request=request)


def shown(person: Person) -> list[int]:
    return [row["follow_up"].pk for row in queries.waiting(person, timezone.localdate())]


@pytest.fixture
def pair(db: None) -> tuple[int, int]:
    """A number nobody goes by any more, and who took it in."""
    return next((n, i) for n, i in base().night.absorbed.items() if i is not None)


def test_a_deletion_drops_what_was_to_be_done(desk: dict[str, Person], pair: tuple[int, int]) -> None:
    manager = desk[Role.CUSTOMER_MANAGER]
    old, customer = pair
    gone = [task(customer, manager), task(old, manager, FollowUpKind.APPOINTMENT), task(customer, None)]
    other = task(customer + 1, manager)
    restricted.send(DataRequest, customer=customer, kind=RestrictionKind.STORAGE_ONLY)
    for row in (*gone, other):
        row.refresh_from_db()
    assert all(row.dropped and row.done_at and row.done_by is None for row in gone)
    assert other.done_at is None and not other.dropped
    entry = AuditEntry.objects.get(action="work.drop", subject=f"customer:{customer}")
    assert entry.detail == {"follow_ups": 3}


def test_who_is_restricted_is_on_no_list_of_tasks(desk: dict[str, Person], pair: tuple[int, int]) -> None:
    manager, remote = desk[Role.CUSTOMER_MANAGER], desk[Role.REMOTE]
    customer = int(np.flatnonzero(rows(scope_of(manager)))[0])
    own, merged = task(customer, manager), task(pair[1], manager)
    called = task(customer, None, FollowUpKind.CALL_BACK)
    late = {each.pk for each in overdue.follow_ups()}
    assert {own.pk, merged.pk} <= set(shown(manager)) and {own.pk, merged.pk, called.pk} <= late
    assert called in queries.call_backs(remote)
    restrict(customer, manager)
    restrict(pair[0], manager)
    assert not {own.pk, merged.pk} & set(shown(manager))
    assert not {own.pk, merged.pk, called.pk} & {each.pk for each in overdue.follow_ups()}
    assert called not in queries.call_backs(remote) and queries.open_follow_ups(customer, manager) == []
    escalating.escalate()
    own.refresh_from_db()
    assert own.escalated_at is None, "no head is told of it"


def test_a_task_of_a_number_another_took_in_is_done_with_him(
    desk: dict[str, Person], entered: dict[str, Client], pair: tuple[int, int]
) -> None:
    remote, (old, customer) = desk[Role.REMOTE], pair
    left = task(old, None)
    assert left in queries.call_backs(remote)
    [row] = queries.shown_follow_ups([left], remote)
    assert (row["customer"], row["follow_up"].customer) == (customer, customer) and row["name"] != "-"
    client, at = entered[Role.REMOTE], f"/work/customers/{old}/?do={left.pk}"
    assert client.get(at).context["number"] == customer
    opened = client.post(at, {"do": "open", "follow_up": left.pk})
    assert opened["Location"] == f"/work/customers/{customer}/?do={left.pk}"
    assert client.get(opened["Location"]).context["task"] == left
    said = {"customer": customer, "follow_up": left.pk, "means": "call", "outcome": "interested"}
    client.post("/work/record/", said)
    left.refresh_from_db()
    assert left.done_by == Contact.objects.get(customer=customer)


def test_the_lobby_and_the_head_see_it_under_who_took_it_in(
    desk: dict[str, Person], pair: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, customer = pair
    monkeypatch.setattr(lobby_queries, "may_be_said", lambda *_: True)  # whatever the rules say of him
    task(old, None, FollowUpKind.LOBBY)
    branch = overdue._branches_of(held(), FollowUp.objects.all())
    place = overdue.Place(overdue.LOBBY, branch[old])
    found = team_queries.late_rows(desk[Role.ANALYST], place)
    assert found is not None and [row["customer"] for row in found] == [customer]
    [told] = lobby_queries._tasks(customer, held())
    assert told["task"].customer == customer
