"""Failed log-ins: how many a name, an address and the whole bank are granted, and who is told."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, Max
from django.urls import reverse
from django.utils import timezone

from quanke_desk.foundation import audit
from quanke_desk.foundation.models import Attempt, AuditEntry, Person
from quanke_desk.foundation.notices import tell
from quanke_desk.foundation.parameters import value
from quanke_desk.foundation.roles import May, roles_with

STRICTER = 3
"""While the whole bank sees too many failures, a name and an address are granted so many times fewer."""

_KEPT = dt.timedelta(days=2)  # longer than any window that counts

SPRAYED, FLOODED = "login.sprayed", "login.flooded"


class Locked(Exception):
    """Too many failures under a name or from an address: nobody comes in that way for a while."""


def digest_of(name: str) -> str:
    """What a name tried is kept as: people type passwords into the wrong field."""
    return hashlib.sha256(name.strip().lower().encode()).hexdigest()


def check(name: str, address: str) -> None:
    """Raises Locked where a name (by digest) or an address has failed too often."""
    recent = Attempt.objects.filter(at__gte=_since())
    strict = STRICTER if recent.count() >= value("login.bank.tries") else 1
    if recent.filter(name_digest=name).count() >= max(1, value("login.tries") // strict):
        raise Locked
    if not address:
        return
    here = recent.filter(address=address)
    if here.count() >= max(1, value("login.address.tries") // strict):
        raise Locked
    if here.values("name_digest").distinct().count() >= max(1, value("login.address.names") // strict):
        raise Locked


def failed(name: str, address: str, kind: str = "login.failed") -> None:
    """Counts a failure, puts it on record, and tells the administrators where it begins to look like an
    attack: one address trying many names, or the whole bank failing."""
    with transaction.atomic():
        Attempt.objects.filter(at__lt=timezone.now() - _KEPT).delete()
        Attempt.objects.create(name_digest=name, address=address, at=timezone.now())
        audit.record(None, kind, f"name:{name[:16]}")
        recent = Attempt.objects.filter(at__gte=_since())
        if address:
            names = recent.filter(address=address).values("name_digest").distinct().count()
            if names >= value("login.address.names"):
                _alarm(
                    SPRAYED, f"address:{address}", "One address tried many names; it is locked for a while"
                )
        if recent.count() >= value("login.bank.tries"):
            _alarm(FLOODED, "bank", "Many log-ins fail across the bank; limits are stricter for a while")


def forget(name: str) -> None:
    """Takes the failures of a name away: somebody came in under it, or an administrator unlocked it."""
    Attempt.objects.filter(name_digest=name).delete()


def forget_address(address: str) -> None:
    """Takes the failures from an address away."""
    Attempt.objects.filter(address=address).delete()


@dataclass(frozen=True)
class Lock:
    """A name or an address with failures now: whose it is, how many there were, whether it is locked."""

    person: Person | None
    address: str
    failures: int
    last: dt.datetime
    locked: bool


def locks() -> list[Lock]:
    """Names of people, and addresses, with failures in the window that counts, most failures first. Names
    that nobody has are in the counts of their addresses only."""
    recent = Attempt.objects.filter(at__gte=_since())
    strict = STRICTER if recent.count() >= value("login.bank.tries") else 1
    most = max(1, value("login.tries") // strict)
    by_name = {
        row["name_digest"]: row
        for row in recent.values("name_digest").annotate(n=Count("id"), last=Max("at"))
    }
    found = []
    if by_name:
        for person in Person.objects.iterator(2000):
            if row := by_name.get(digest_of(person.username)):
                found.append(Lock(person, "", row["n"], row["last"], row["n"] >= most))
    by_address = (
        recent.exclude(address="")
        .values("address")
        .annotate(n=Count("id"), names=Count("name_digest", distinct=True), last=Max("at"))
    )
    tries = max(1, value("login.address.tries") // strict)
    names = max(1, value("login.address.names") // strict)
    for at in by_address:
        locked = at["n"] >= tries or at["names"] >= names
        found.append(Lock(None, at["address"], at["n"], at["last"], locked))
    return sorted(found, key=lambda lock: -lock.failures)


def _since() -> dt.datetime:
    return timezone.now() - dt.timedelta(minutes=value("login.window"))


def _alarm(action: str, subject: str, text: str) -> None:
    """Once in a window that counts."""
    if AuditEntry.objects.filter(action=action, subject=subject, at__gte=_since()).exists():
        return
    audit.record(None, action, subject)
    keepers = Person.objects.filter(role__in=roles_with(May.PEOPLE), is_active=True)
    tell(keepers, text, link=reverse("locks"))
