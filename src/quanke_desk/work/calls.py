"""What machines told of customers, on record: a call is written down with what it did, and calls alike become
one entry of the audit.

An entry a call would be one a customer where a system tells of each alone, and every one of them waits for
the chain of digests. So a call is a row beside what it did, in the same transaction, and a round folds the
rows of a machine, an action and a subject into one entry: how many calls and customers, when, and a digest by
which a list of customers can be shown to be the one that was named. Killed in between, the rows wait.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable

from django.db import connection, transaction
from django.utils import timezone

from quanke_desk.foundation import audit
from quanke_desk.foundation.working import each
from quanke_desk.work.models import MachineCall, MachineKey

PART = 20_000
"""Calls folded in one transaction at most."""


def note_call(
    machine: MachineKey,
    action: str,
    subject: str,
    customers: Iterable[int],
    *,
    purpose: str = "",
    unknown: int = 0,
    done: int = 0,
) -> None:
    """Writes a call down, inside the transaction of what it does: `action` and `subject` as the audit has
    them, the customers it named, how many names nobody has, and of how many something followed."""
    named = sorted(set(customers))
    MachineCall.objects.create(
        machine=machine, action=action, subject=subject, purpose=purpose, count=len(named), unknown=unknown,
        done=done, digest=digest_of(named), at=timezone.now(),
    )  # fmt: skip


def digest_of(customers: Iterable[int]) -> str:
    """SHA-256 over numbers of customers, ascending, each once, with commas between them."""
    return hashlib.sha256(",".join(map(str, sorted(set(customers)))).encode()).hexdigest()


def digest_of_calls(digests: Iterable[str]) -> str:
    """The digest an entry bears: of a single call its own, of several SHA-256 over theirs in their order."""
    found = list(digests)
    return found[0] if len(found) == 1 else hashlib.sha256("".join(found).encode()).hexdigest()


def fold() -> int:
    """Folds what machines told into the audit; how many entries were written."""
    written = 0
    while count := _fold_some():
        written += count
    return written


@each("audit.machine_minutes", "machine_calls")
def fold_calls() -> None:
    """Puts on record what machines told."""
    fold()


def _fold_some() -> int:
    if not MachineCall.objects.exists():  # on SQLite a transaction is a writer
        return 0
    skip = connection.features.has_select_for_update_skip_locked
    with transaction.atomic():
        calls = MachineCall.objects.select_for_update(skip_locked=skip, of=("self",) if skip else ())
        rows = list(calls.select_related("machine")[:PART])
        alike = sorted(rows, key=lambda row: (*_of(row), row.pk))
        groups = [list(found) for _of_all, found in itertools.groupby(alike, key=_of)]
        for found in groups:
            _record(found)
        MachineCall.objects.filter(pk__in=[row.pk for row in rows]).delete()
        return len(groups)


def _of(row: MachineCall) -> tuple[int, str, str, str]:
    return row.machine_id, row.action, row.subject, row.purpose


def _record(rows: list[MachineCall]) -> None:
    one = rows[0]
    detail = {
        "machine": one.machine.name,
        "key": one.machine_id,
        "calls": len(rows),
        "count": sum(row.count for row in rows),
        "unknown": sum(row.unknown for row in rows),
        "done": sum(row.done for row in rows),
        "digest": digest_of_calls(row.digest for row in rows),
        "from": timezone.localtime(rows[0].at).isoformat(timespec="seconds"),
        "to": timezone.localtime(rows[-1].at).isoformat(timespec="seconds"),
    }
    audit.record(None, one.action, one.subject, purpose=one.purpose, detail=detail)
