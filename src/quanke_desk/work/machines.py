"""Keys of machines: made by a person, shown once, kept as digests; what they may say and for where."""

from __future__ import annotations

import hashlib
import secrets

from django.db import transaction
from django.utils import timezone

from quanke_desk.foundation import audit
from quanke_desk.foundation.models import Branch, Person
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May
from quanke_desk.work.models import MachineKey, MachineUse


def make_key(
    name: str, use: str, branch: Branch | None, *, by: Person, source: str = ""
) -> tuple[MachineKey, str]:
    """A new key; its text is answered once and not kept. Raises NotAllowed: only an administrator, or the
    head of the branch or of one above it."""
    if use not in MachineUse.values or not name.strip():
        raise NotAllowed("a machine has a name and a use")
    if use == MachineUse.ARRIVALS and branch is None:
        raise NotAllowed("a ticket machine stands in a branch")
    if (use == MachineUse.SOURCES) != bool(source) or len(source) > 32:
        raise NotAllowed("a source system names its code in the bank's tables, and no other machine does")
    _may(by, branch)
    key = f"qk_{secrets.token_urlsafe(32)}"
    with transaction.atomic():
        made = MachineKey.objects.create(
            name=name.strip(), use=use, branch=branch, source=source, digest=digest_of(key), made_by=by
        )
        audit.record(by, "machine.make", f"machine:{made.pk}", detail={"use": use})
        return made, key


def end_key(machine: MachineKey, *, by: Person) -> None:
    """Ends a key, at once. Raises NotAllowed."""
    _may(by, machine.branch)
    with transaction.atomic():
        machine.ended_at = timezone.now()
        machine.save(update_fields=["ended_at"])
        audit.record(by, "machine.end", f"machine:{machine.pk}")


def keys_of(by: Person) -> list[MachineKey]:
    """Keys that hold and this person may end, by number."""
    held = MachineKey.objects.filter(ended_at=None).select_related("branch").order_by("id")
    return [machine for machine in held if _allowed(by, machine.branch)]


def machine_of(key: str, use: str) -> MachineKey | None:
    """The machine a key belongs to, if it may be used so and has not ended."""
    if not key.startswith("qk_"):
        return None
    found = MachineKey.objects.filter(digest=digest_of(key), use=use, ended_at=None)
    return found.select_related("branch").first()


def digest_of(key: str) -> str:
    """SHA-256: a key is 256 random bits, so nothing slower is needed."""
    return hashlib.sha256(key.encode()).hexdigest()


def _allowed(by: Person, branch: Branch | None) -> bool:
    if by.may(May.PEOPLE):
        return True
    own = by.branch
    inside = own is not None and branch is not None and own.left <= branch.left and branch.right <= own.right
    return by.may(May.BOOKS_APPROVE) and inside


def _may(by: Person, branch: Branch | None) -> None:
    if not _allowed(by, branch):
        raise NotAllowed("keys are made by an administrator, or by the head of the branch")
