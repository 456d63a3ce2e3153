"""Passwords: setting one, how long it holds, and links by which a person without one sets it."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets

from django.db import transaction
from django.utils import timezone

from quanke_desk.foundation import attempts, audit
from quanke_desk.foundation.models import PasswordLink, Person
from quanke_desk.foundation.parameters import value
from quanke_desk.foundation.sessions import end_sessions


def expired(person: Person) -> bool:
    """Whether a password has become too old (`password.days`)."""
    days = value("password.days")
    return days > 0 and timezone.now() - person.password_at >= dt.timedelta(days=days)


def set_password(person: Person, password: str, but: int | None = None) -> None:
    """Sets a password and ends the person's sessions but one."""
    with transaction.atomic():
        person.set_password(password)
        person.save(update_fields=["password", "password_at"])
        end_sessions(person, but)
        audit.record(person, "people.password", f"person:{person.pk}")


def make_link(person: Person, *, by: Person | None) -> str:
    """Token of a link by which a person sets a password; the ones before are void. Good once, for
    `password.link` hours, and known to nobody but who is given it."""
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        PasswordLink.objects.filter(person=person, used_at=None).delete()
        until = timezone.now() + dt.timedelta(hours=value("password.link"))
        PasswordLink.objects.create(person=person, digest=_digest(token), by=by, until=until)
    return token


def forget_secrets(person: Person) -> None:
    """Takes password, links and second factors of a person away: he sets them anew, by a new link."""
    with transaction.atomic():
        take_factors(person)
        PasswordLink.objects.filter(person=person, used_at=None).delete()
        person.set_unusable_password()
        person.save(update_fields=["password", "password_at"])


def take_factors(person: Person) -> int:
    """Takes second factors and recovery codes of a person away; how many factors."""
    count, _rows = person.factors.all().delete()
    person.recovery_codes.all().delete()
    return count


def person_of_link(token: str) -> Person | None:
    """Whom a link is for; null where it was used, is too old, or was never made."""
    found = PasswordLink.objects.filter(digest=_digest(token), used_at=None, until__gt=timezone.now())
    row = found.select_related("person").first()
    return row.person if row and row.person.is_active else None


def use_link(token: str, password: str) -> bool:
    """Sets a password by a link, once. The person logs in with it, with whatever else is asked of him."""
    with transaction.atomic():
        person = person_of_link(token)
        unused = PasswordLink.objects.filter(digest=_digest(token), used_at=None)
        if person is None or not unused.update(used_at=timezone.now()):
            return False
        set_password(person, password)
        attempts.forget(attempts.digest_of(person.username))
        return True


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
