"""Logging in and out: lock-out after failures, a limit of sessions, every one on record."""

from __future__ import annotations

import datetime as dt
import hashlib

from django.contrib.auth import authenticate, login, update_session_auth_hash
from django.contrib.sessions.models import Session
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from quanke_desk.foundation import audit
from quanke_desk.foundation.models import Attempt, Person
from quanke_desk.foundation.parameters import value


class Locked(Exception):
    """Too many failures under a name: nobody can log in under it for a while, with whatever password."""


def enter(request: HttpRequest, username: str, password: str) -> Person | None:
    """Logs a person in under a new session key; null where name or password is wrong. Raises Locked.

    The answer is the same for names that are not there, and takes as long."""
    name = hashlib.sha256(username.strip().lower().encode()).hexdigest()
    since = timezone.now() - dt.timedelta(minutes=value("login.window"))
    if Attempt.objects.filter(name_digest=name, at__gte=since).count() >= value("login.tries"):
        raise Locked
    person = authenticate(request, username=username.strip(), password=password)
    if not isinstance(person, Person):
        with transaction.atomic():
            Attempt.objects.create(name_digest=name, at=timezone.now())
            audit.record(None, "login.failed", f"name:{name[:16]}")
        return None
    with transaction.atomic():
        Attempt.objects.filter(name_digest=name).delete()
        _end_oldest(person)
        login(request, person)
        audit.record(person, "login", f"person:{person.pk}")
    return person


def change_password(request: HttpRequest, password: str) -> None:
    """Sets the password of who is logged in; his other sessions end, this one goes on under a new key."""
    person = request.user
    if not isinstance(person, Person):
        raise PermissionDenied
    with transaction.atomic():
        person.set_password(password)
        person.save(update_fields=["password"])
        end_sessions(person)
        update_session_auth_hash(request, person)
        audit.record(person, "people.password", f"person:{person.pk}")


def end_sessions(person: Person) -> int:
    """Ends all sessions of a person: of a leaver, the same moment. Answers how many there were."""
    ours = sessions_of(person)
    for session in ours:
        session.delete()
    return len(ours)


def sessions_of(person: Person) -> list[Session]:
    """Sessions of a person that have not expired, the one that expires first in front."""
    living = Session.objects.filter(expire_date__gt=timezone.now()).order_by("expire_date")
    return [s for s in living if s.get_decoded().get("_auth_user_id") == str(person.pk)]


def _end_oldest(person: Person) -> None:
    ours = sessions_of(person)
    for session in ours[: max(0, len(ours) - value("session.most") + 1)]:
        session.delete()
