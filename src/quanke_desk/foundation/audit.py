"""The audit: append-only, chained by digests, written in the transaction of what it tells of."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from quanke_desk.foundation.models import AuditEntry, Person
from quanke_desk.foundation.reasons import LONGEST, checked_reason

FIRST = "0" * 64
_LOCK = 0x51554B45  # one writer of the chain at a time on PostgreSQL; SQLite has one writer anyway


def record(
    by: Person | None,
    action: str,
    subject: str,
    *,
    purpose: str = "",
    reason: str = "",
    detail: dict[str, Any] | None = None,
) -> AuditEntry:
    """Adds an entry: `action` as "room.verb", `subject` as "kind:number". If the work around it is rolled
    back, so is the entry; what must stay on record when refused is recorded in a transaction of its own.
    Raises NotAllowed for a reason no audit may hold (`reasons`)."""
    checked = checked_reason(reason)
    reason = reason if len(reason) <= LONGEST else checked
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        last = AuditEntry.objects.order_by("-id").values_list("digest", flat=True).first()
        entry = AuditEntry(
            at=timezone.now(),
            person=by,
            role=by.role if by else "",
            action=action,
            subject=subject,
            purpose=purpose,
            reason=reason,
            detail=detail or {},
            before=last or FIRST,
        )
        entry.digest = digest_of(entry)
        entry.save(force_insert=True)
        return entry


def digest_of(entry: AuditEntry) -> str:
    """SHA-256 over the entry and the digest before it, as 64 hex digits."""
    held = [
        entry.before,
        entry.at.astimezone(dt.UTC).isoformat(timespec="microseconds"),
        entry.person_id,
        *(getattr(entry, n) for n in ("role", "action", "subject", "purpose", "reason", "detail")),
    ]
    return hashlib.sha256(
        json.dumps(held, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    ).hexdigest()


def first_broken() -> int | None:
    """Number of the first entry whose digest or predecessor is not what it should be; null: the chain holds.

    What was cut off at the end cannot be seen from inside: keep the last digest elsewhere, too."""
    before = FIRST
    for entry in AuditEntry.objects.order_by("id").iterator(2000):
        if entry.before != before or entry.digest != digest_of(entry):
            return entry.pk
        before = entry.digest
    return None
