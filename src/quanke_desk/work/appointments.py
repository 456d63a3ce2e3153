"""Appointments with customers: made and called off in the calendar of who has them."""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from quanke_desk.customers.consenting import hidden
from quanke_desk.foundation import audit
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.opening import require_sight
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.scope import OutOfScope
from quanke_desk.work.actions import own_post
from quanke_desk.work.models import FollowUp, FollowUpKind, Means
from quanke_desk.work.queries import posts_of

MEANS = (Means.VISIT, Means.CALL, Means.WECOM)
"""How one meets: by appointment nobody is sent a message."""
FURTHEST = dt.timedelta(days=366)


def make_appointment(customer: int, on: dt.date, at: dt.time, means: str, *, by: Person) -> FollowUp:
    """Puts an appointment with a customer into one's calendar; it is done by the contact recorded for it.
    Raises NotAllowed (a day that is past, a time that is taken), OutOfScope."""
    require_sight(by, customer)
    if customer in hidden():
        raise OutOfScope
    now = timezone.localtime()
    if means not in MEANS:
        raise NotAllowed("an appointment is a meeting, a call or WeCom")
    if (on, at) < (now.date(), now.time()) or on > now.date() + FURTHEST:
        raise NotAllowed("an appointment lies ahead, within a year")
    with transaction.atomic():
        Person.objects.select_for_update().get(pk=by.pk)  # two pages at once do not take one time twice
        if _own(by).filter(due_on=on, at_time=at, done_at=None).exists():
            raise NotAllowed("there is an appointment at this time already")
        post = own_post(customer, by)
        made = FollowUp.objects.create(
            kind=FollowUpKind.APPOINTMENT, customer=customer, post=post, person=None if post else by,
            due_on=on, at_time=at, means=means, made_by=by,
        )  # fmt: skip
        detail = {"follow_up": made.pk, "on": on.isoformat(), "at": at.isoformat("minutes"), "means": means}
        audit.record(by, "work.appointment", f"customer:{customer}", detail=detail)
        return made


def call_off(number: int, *, by: Person) -> FollowUp:
    """Takes an appointment out of the calendar. Raises NotAllowed for one that is not one's own, or over."""
    with transaction.atomic():
        held = _own(by).select_for_update(of=("self",)).filter(pk=number, done_at=None).first()
        if held is None:
            raise NotAllowed("no such appointment")
        held.done_at, held.dropped = timezone.now(), True
        held.save(update_fields=["done_at", "dropped"])
        detail = {"follow_up": held.pk, "on": held.due_on.isoformat()}
        audit.record(by, "work.appointment_off", f"customer:{held.customer}", detail=detail)
        return held


def _own(person: Person) -> QuerySet[FollowUp]:
    mine = Q(person=person) | Q(post__post_id__in=posts_of(person))
    return FollowUp.objects.filter(mine, kind=FollowUpKind.APPOINTMENT)
