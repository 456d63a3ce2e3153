"""Tasks nobody is to do any more: of campaigns whose journey was ended, which the customer left, or of which
he is to be left alone since; and all of who is deleted. They are dropped, not done: no contact stands behind
them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from quanke_desk.foundation import audit, left_alone
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.working import each
from quanke_desk.work import rules
from quanke_desk.work.models import FollowUp, FollowUpKind, Means

PART = 5_000
TASKS = (FollowUpKind.JOURNEY, FollowUpKind.LOBBY)


def drop_tasks(journey: str, customers: Sequence[int] | None = None) -> int:
    """Drops what a journey asked for and is not done yet, of some customers or (null) of all; inside the
    transaction of who ends it, or has them leave. Answers how many."""
    open_ = _open().filter(journey=journey)
    if customers is None:
        return _drop(open_)
    parts = (customers[begin : begin + PART] for begin in range(0, len(customers), PART))
    return sum(_drop(open_.filter(customer__in=part)) for part in parts)


def with_open_tasks(journey: str) -> list[int]:
    """Customers of whom something a journey asked for is not done yet."""
    return list(_open().filter(journey=journey).order_by().values_list("customer", flat=True).distinct())


def drop_left_alone() -> int:
    """Drops tasks about customers who are to be left alone since: offers to who became the control of a
    campaign that came later, or is blocked; anything about who is blocked by all means. Answers how many."""
    dropped = 0
    for part in _parts(_open().order_by("id")):
        known = rules.Since(alone=left_alone.asked([task.customer for task in part], timezone.now()))
        kept = [task.pk for task in part if is_kept(task, known)]
        dropped += _drop(FollowUp.objects.filter(pk__in=kept, done_at=None)) if kept else 0
    return dropped


@each("work.escalation_minutes", "tasks about who is to be left alone")
def leave_alone() -> None:
    """Drops what may not be done any more."""
    drop_left_alone()


def forget_tasks(sender: Any, customer: int, kind: str, **_: Any) -> None:
    """A customer's deletion was decided: whatever was to be done with him is done no more, in the transaction
    of that."""
    gone = FollowUp.objects.filter(customer__in=base().numbers(customer), done_at=None)
    if count := _drop(gone):
        audit.record(None, "work.drop", f"customer:{customer}", detail={"follow_ups": count})


def is_kept(task: FollowUp, known: rules.Since) -> bool:
    """Whether a task of a campaign is about somebody who is to be left alone in that way."""
    if task.kind not in TASKS:
        return False
    means = Means.TICKET if task.kind == FollowUpKind.LOBBY else task.means
    return bool(rules.kept_from(task.customer, known, means, task.purpose == "marketing"))


def _open() -> QuerySet[FollowUp]:
    return FollowUp.objects.filter(kind__in=TASKS, done_at=None)


def _parts(found: QuerySet[FollowUp]) -> Iterator[list[FollowUp]]:
    last = 0
    while part := list(found.filter(pk__gt=last)[:PART]):
        yield part
        last = part[-1].pk


def _drop(found: QuerySet[FollowUp]) -> int:
    return found.update(done_at=timezone.now(), dropped=True)
