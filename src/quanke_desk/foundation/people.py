"""Every change of people: roles, seats, leaving. Each names who does it and leaves an audit entry."""

from __future__ import annotations

import datetime as dt
import re

from django.db import transaction
from django.db.models import F, Q
from django.dispatch import Signal
from django.utils import timezone

from quanke_desk.foundation import attempts, audit, passwords
from quanke_desk.foundation.models import Branch, Person, Post, Seat
from quanke_desk.foundation.reasons import NotAllowed as NotAllowed
from quanke_desk.foundation.reasons import required_reason
from quanke_desk.foundation.roles import GUARDED, May, Role
from quanke_desk.foundation.sessions import end_sessions

left = Signal()
"""Sent when somebody leaves, in the transaction of it: `person`, `posts` (those he held or stood in on until
now, as (post, stands_in)), `by`. Rooms above listen."""


def give_role(person: Person, role: str, *, by: Person, reason: str, agreed: Person | None = None) -> None:
    """Gives a person another role and ends his sessions. Raises NotAllowed: nobody changes his own role,
    only who keeps people may, a reason is needed, and for a guarded role (`roles.GUARDED`) a second person
    who agreed (`guarded.ask_for`). Who had none of those roles enters anew: his password, links and second
    factors were in one person's hand."""
    _check(by, person, reason)
    if role not in Role.values:
        raise NotAllowed("no such role")
    _second(by, role, agreed)
    with transaction.atomic():
        before = person.role
        person.role = role
        person.save(update_fields=["role"])
        if role in GUARDED and before not in GUARDED:
            passwords.forget_secrets(person)
        end_sessions(person)
        detail = {"from": before, "to": role, **_with(agreed)}
        audit.record(by, "people.role", f"person:{person.pk}", reason=reason, detail=detail)


def leave(person: Person, *, by: Person, reason: str) -> None:
    """A person leaves today: no log-in, no session, no seat from this moment on. Raises NotAllowed."""
    _check(by, person, reason)
    gone(person, timezone.localdate(), by=by, reason=reason)


def gone(person: Person, on: dt.date, *, by: Person | None, reason: str) -> None:
    """Ends what a person had who left on a day, today or before, and tells the rooms. `by` null: the bank's
    own tables say so."""
    today = timezone.localdate()
    with transaction.atomic():
        person.is_active, person.left_on = False, on
        person.save(update_fields=["is_active", "left_on"])
        ended = Seat.objects.filter(Q(until=None) | Q(until__gt=today), person=person)
        now = ended.filter(since__lte=today).select_related("post")
        posts = [(seat.post, seat.stands_in) for seat in now]
        ended.filter(since__lte=on).update(until=on)
        ended.filter(since__gt=on).update(until=F("since"))
        end_sessions(person)
        # rooms hold what they change before anything is put on record, as who approves a transfer does: the
        # record has one writer at a time, and two who wait for each other would be in each other's way
        left.send(Person, person=person, posts=posts, by=by)
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
            person=person, post=post, since=since, stands_in=True,
            defaults={"until": until, "reason": reason, "by_desk": True},
        )  # fmt: skip
        if not made:
            raise NotAllowed("already stands in on this post from that day")
        detail = {"since": since.isoformat(), "until": until.isoformat()}
        audit.record(by, "people.stand_in", f"post:{post.post_id}", reason=reason, detail=detail)
        return seat


def make_person(
    username: str,
    name: str,
    role: str,
    *,
    by: Person | None,
    branch: Branch | None = None,
    staff_id: str = "",
) -> Person:
    """Makes a person who has no password yet: he sets one by a link, or comes in by single sign-on. `by` null
    is the command of the machine. Raises NotAllowed, also for a guarded role: that is given afterwards."""
    username, name, staff_id = username.strip(), name.strip(), staff_id.strip()
    if by is not None and not by.may(May.PEOPLE):
        raise NotAllowed("only who keeps people may")
    if not re.fullmatch(r"[\w.@-]{1,64}", username) or not 0 < len(name) <= 80 or len(staff_id) > 32:
        raise NotAllowed("a user name of letters, digits and . _ - @, and a name")
    if role not in Role.values:
        raise NotAllowed("no such role")
    if by is not None:
        _second(by, role, None)
    if Person.objects.filter(username__iexact=username).exists():
        raise NotAllowed("a person of this user name is there already")
    if staff_id and Person.objects.filter(staff_id=staff_id).exists():
        raise NotAllowed("a person of this staff number is there already")
    person = Person(username=username, name=name, role=role, branch=branch, staff_id=staff_id or None)
    person.set_unusable_password()
    with transaction.atomic():
        person.save()
        audit.record(by, "people.made", f"person:{person.pk}", detail={"role": role})
    return person


def link_for(person: Person, *, by: Person, reason: str, agreed: Person | None = None) -> str:
    """Token of a link by which a person sets a password, the first one or where it was forgotten. Raises
    NotAllowed; for who has a guarded role, without a second person who agreed."""
    _check(by, person, reason)
    _second(by, person.role, agreed)
    if not person.is_active:
        raise NotAllowed("this person has left")
    with transaction.atomic():
        detail = _with(agreed)
        audit.record(by, "people.password_link", f"person:{person.pk}", reason=reason, detail=detail)
        return passwords.make_link(person, by=by)


def take_factors(person: Person, *, by: Person, reason: str, agreed: Person | None = None) -> int:
    """Takes all second factors of a person away, who lost them, and ends his sessions. Answers how many.
    Raises NotAllowed; for who has a guarded role, without a second person who agreed."""
    _check(by, person, reason)
    _second(by, person.role, agreed)
    with transaction.atomic():
        count = passwords.take_factors(person)
        end_sessions(person)
        detail = {"count": count, **_with(agreed)}
        audit.record(by, "people.factors", f"person:{person.pk}", reason=reason, detail=detail)
    return count


def unlock(person: Person, *, by: Person, reason: str) -> None:
    """Forgets the failed log-ins of a person. Raises NotAllowed."""
    _check(by, person, reason)
    with transaction.atomic():
        attempts.forget(attempts.digest_of(person.username))
        audit.record(by, "people.unlock", f"person:{person.pk}", reason=reason)


def unlock_address(address: str, *, by: Person, reason: str) -> None:
    """Forgets the failed log-ins from an address: of a branch behind one proxy. Raises NotAllowed."""
    if not by.may(May.PEOPLE):
        raise NotAllowed("only who keeps people may")
    if not reason.strip():
        raise NotAllowed("a reason is required")
    with transaction.atomic():
        attempts.forget_address(address)
        audit.record(by, "people.unlock_address", f"address:{address}"[:80], reason=reason)


def put_out(person: Person, *, by: Person, reason: str) -> None:
    """Ends all sessions of a person. Raises NotAllowed."""
    _check(by, person, reason)
    with transaction.atomic():
        count = end_sessions(person)
        audit.record(by, "people.put_out", f"person:{person.pk}", reason=reason, detail={"count": count})


def end_seat(seat: Seat, *, by: Person, reason: str) -> None:
    """Ends a stand-in today, before its day: with the next page its book is not seen any more. What the
    bank's tables say about holders is changed there. Raises NotAllowed."""
    _check(by, seat.person, reason)
    today = timezone.localdate()
    if not seat.stands_in or (seat.until is not None and seat.until <= today):
        raise NotAllowed("only a stand-in that has not ended can be ended here")
    with transaction.atomic():
        seat.until, seat.by_desk = max(today, seat.since), True
        seat.save(update_fields=["until", "by_desk"])
        audit.record(by, "people.end_stand_in", f"post:{seat.post.post_id}", reason=reason)


def _check(by: Person, person: Person, reason: str) -> None:
    if not by.may(May.PEOPLE):
        raise NotAllowed("only who keeps people may")
    if by.pk == person.pk:
        raise NotAllowed("nobody changes himself")
    required_reason(reason)


def _second(by: Person, role: str, agreed: Person | None) -> None:
    if role in GUARDED and (agreed is None or agreed.pk == by.pk or not agreed.may(May.PEOPLE_DECIDE)):
        raise NotAllowed("for this role a second person has to agree")


def _with(agreed: Person | None) -> dict[str, str]:
    return {"agreed": agreed.username} if agreed else {}
