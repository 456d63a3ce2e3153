"""Every change of people: roles, seats, leaving. Each names who does it and leaves an audit entry."""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from quanke_desk.foundation import audit
from quanke_desk.foundation.entering import end_sessions
from quanke_desk.foundation.models import Person, Post, Seat
from quanke_desk.foundation.roles import May, Role


class NotAllowed(ValueError):
    """What a rule forbids; the text names the rule."""


def give_role(person: Person, role: str, *, by: Person, reason: str) -> None:
    """Gives a person another role and ends his sessions. Raises NotAllowed: nobody changes his own role,
    only who keeps people may, and a reason is needed."""
    _check(by, person, reason)
    if role not in Role.values:
        raise NotAllowed("no such role")
    with transaction.atomic():
        before = person.role
        person.role = role
        person.save(update_fields=["role"])
        end_sessions(person)
        detail = {"from": before, "to": role}
        audit.record(by, "people.role", f"person:{person.pk}", reason=reason, detail=detail)


def leave(person: Person, *, by: Person, reason: str) -> None:
    """A person leaves today: no log-in, no session, no seat from this moment on. Raises NotAllowed."""
    _check(by, person, reason)
    today = timezone.localdate()
    with transaction.atomic():
        person.is_active, person.left_on = False, today
        person.save(update_fields=["is_active", "left_on"])
        ended = Seat.objects.filter(Q(until=None) | Q(until__gt=today), person=person)
        ended.filter(since__lte=today).update(until=today)
        ended.filter(since__gt=today).update(until=F("since"))
        end_sessions(person)
        audit.record(by, "people.leave", f"person:{person.pk}", reason=reason)


def stand_in(person: Person, post: Post, since: dt.date, until: dt.date, *, by: Person, reason: str) -> Seat:
    """A person stands in on a post for a while, and sees its book for as long. Raises NotAllowed."""
    _check(by, person, reason)
    if not timezone.localdate() <= since < until:
        raise NotAllowed("from today on or later, and until a later day")
    if not person.is_active:
        raise NotAllowed("this person has left")
    with transaction.atomic():
        seat, made = Seat.objects.get_or_create(
            person=person, post=post, since=since, stands_in=True, defaults={"until": until, "reason": reason}
        )
        if not made:
            raise NotAllowed("already stands in on this post from that day")
        detail = {"since": since.isoformat(), "until": until.isoformat()}
        audit.record(by, "people.stand_in", f"post:{post.post_id}", reason=reason, detail=detail)
        return seat


def _check(by: Person, person: Person, reason: str) -> None:
    if not by.may(May.PEOPLE):
        raise NotAllowed("only who keeps people may")
    if by.pk == person.pk:
        raise NotAllowed("nobody changes himself")
    if not reason.strip():
        raise NotAllowed("a reason is required")
