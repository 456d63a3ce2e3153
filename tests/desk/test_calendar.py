"""The calendar: a week and a month with everything a manager has, and appointments made in it."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from quanke_desk.foundation.models import AuditEntry, Person, Post, Seat
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import Role
from quanke_desk.foundation.scope import OutOfScope
from quanke_desk.work.actions import Said, record_contact
from quanke_desk.work.appointments import call_off, make_appointment
from quanke_desk.work.calendar import calendar
from quanke_desk.work.held import MATURITY, held
from quanke_desk.work.lobby_actions import arrive
from quanke_desk.work.models import Arrival, FollowUp, FollowUpKind
from tests.desk.test_customers import first_of

AT = "/work/calendar/"
NINE = dt.time(9, 30)


def tomorrow() -> dt.date:
    return timezone.localdate() + dt.timedelta(days=1)


def test_an_appointment_is_made_shown_done_and_called_off(
    desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    manager, client, on = desk[Role.WEALTH_MANAGER], entered[Role.WEALTH_MANAGER], tomorrow()
    customer, golden = first_of(manager)
    given = {"do": "make", "customer": customer, "on_day": on.isoformat(), "at": "09:30", "means": "visit"}
    answer = client.post(AT, given)
    assert answer["Location"] == f"{AT}?on={on.isoformat()}"
    made = FollowUp.objects.get()
    assert (made.kind, made.at_time, made.due_on, made.means) == ("appointment", NINE, on, "visit")
    assert made.post is not None and made.post.seats.filter(person=manager).exists()
    page = client.get(answer["Location"]).content.decode()
    assert "09:30" in page and golden["name"] in page and "预约" in page
    month = client.get(f"{AT}?on={on.isoformat()}&view=month").content.decode()
    assert "09:30" in month and "星期一" in month
    assert f"<strong>{on:%Y-%m}</strong>" in month
    monday = on - dt.timedelta(days=on.weekday())
    assert f"<strong>{monday} – {monday + dt.timedelta(days=6)}</strong>" in page
    assert "09:30" in client.get(f"/work/customers/{customer}/").content.decode()
    client.post(AT, given)
    assert FollowUp.objects.count() == 1, "the time is taken"
    entry = AuditEntry.objects.get(action="work.appointment")
    assert entry.subject == f"customer:{customer}" and entry.detail["at"] == "09:30"
    said = Said("visit", True, "served")
    record_contact(customer, said, by=manager, follow_up=made.pk)
    made.refresh_from_db()
    assert made.done_at is not None and not made.dropped
    second = make_appointment(customer, on, NINE, "call", by=manager)
    client.post(AT, {"do": "off", "appointment": second.pk})
    second.refresh_from_db()
    assert second.dropped and AuditEntry.objects.filter(action="work.appointment_off").count() == 1
    assert "09:30" not in client.get(f"{AT}?on={on.isoformat()}").content.decode()


def test_what_is_no_appointment(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    manager, other = desk[Role.WEALTH_MANAGER], desk[Role.CUSTOMER_MANAGER]
    customer, _ = first_of(manager)
    outside, _ = first_of(manager, inside=False)
    yesterday = timezone.localdate() - dt.timedelta(days=1)
    for on, means in (
        (yesterday, "visit"),
        (tomorrow() + dt.timedelta(days=400), "visit"),
        (tomorrow(), "sms"),
    ):
        with pytest.raises(NotAllowed):
            make_appointment(customer, on, NINE, means, by=manager)
    with pytest.raises(OutOfScope):
        make_appointment(outside, tomorrow(), NINE, "visit", by=manager)
    client = entered[Role.WEALTH_MANAGER]
    for wrong in ({"customer": outside}, {"customer": "x"}, {"at": "25:00"}, {"on_day": ""}, {"at": ""}):
        given = {
            "customer": customer,
            "on_day": tomorrow().isoformat(),
            "at": "10:00",
            "means": "visit",
            **wrong,
        }
        assert client.post(AT, given).status_code == 302
    assert not FollowUp.objects.exists()
    made = make_appointment(customer, tomorrow(), NINE, "visit", by=manager)
    with pytest.raises(NotAllowed, match="no such appointment"):
        call_off(made.pk, by=other)
    task = FollowUp.objects.create(
        kind=FollowUpKind.FOLLOW_UP, customer=customer, post=made.post, due_on=tomorrow(), made_by=manager
    )
    with pytest.raises(NotAllowed, match="no such appointment"):
        call_off(task.pk, by=manager)


def test_visits_and_maturities_of_ones_own_customers(desk: dict[str, Person]) -> None:
    manager, lobby, today = desk[Role.WEALTH_MANAGER], desk[Role.LOBBY], timezone.localdate()
    mine, _ = first_of(manager)
    others, _ = first_of(manager, inside=False)
    assert lobby.branch is not None
    for ticket, customer in (("A1", mine), ("A2", others)):
        visit, _new = arrive(lobby.branch, ticket, "ticket", "", machine=None, by=lobby)
        Arrival.objects.filter(pk=visit.pk).update(customer=customer)
    rows = [r for r in calendar(manager, today, today) if "A1" in str(r["text"]) or "A2" in str(r["text"])]
    assert [(r["customer"], r["day"]) for r in rows] == [(mine, today)]
    posts = {p.post_id: p for p in Post.objects.all()}
    post = next(d["post"] for d in held().due(list(posts), [MATURITY]))
    Seat.objects.create(person=manager, post=posts[post], since=today, stands_in=True)
    due = held().due([post], [MATURITY])
    first, last = min(d["day"] for d in due), max(d["day"] for d in due)
    shown = {(r["customer"], r["day"]) for r in calendar(manager, first, last) if r["amount"] is not None}
    assert shown <= {(d["customer"], d["day"]) for d in due} and shown


@pytest.mark.parametrize("on", ["x", "0001-01-01", "9999-12-31", "2026-02-30", ""])
@pytest.mark.parametrize("view", ["", "month"])
def test_any_day_may_be_asked(entered: dict[str, Client], on: str, view: str) -> None:
    page = entered[Role.WEALTH_MANAGER].get(AT, {"on": on, "view": view})
    assert page.status_code == 200
    weeks = page.context["weeks"]
    assert all(len(week) == 7 and week[0][0].weekday() == 0 for week in weeks) and bool(weeks) == bool(view)
