"""What was not done in time is told to the heads, once."""

from __future__ import annotations

import datetime as dt
from collections import Counter

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext_noop as _noop

from quanke_desk.books.laying import heads_above
from quanke_desk.customers.consenting import without_hidden
from quanke_desk.foundation import notices
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Branch, Person
from quanke_desk.foundation.roles import Role
from quanke_desk.foundation.working import each
from quanke_desk.work.models import FollowUp, FollowUpKind

PART = 5_000
TEXT = _noop("%(count)s follow-ups of journeys were not done in time")


def escalate(today: dt.date | None = None) -> int:
    """Tells heads how many follow-ups below them are overdue beyond what was allowed; how many there were.
    Each is told of once; what is the remote team's, to the heads of that team, and what was to be done in a
    lobby, to those of the customer's branch."""
    day = today or timezone.localdate()
    told = 0
    while count := _escalate_some(day):
        told += count
    return told


@each("work.escalation_minutes", "escalations")
def tell_heads() -> None:
    """Tells heads what is overdue today."""
    escalate()


@transaction.atomic
def _escalate_some(day: dt.date) -> int:
    due = FollowUp.objects.filter(done_at=None, dropped=False, escalated_at=None, escalate_on__lte=day)
    due = without_hidden(due)
    skip = connection.features.has_select_for_update_skip_locked
    locked = due.select_for_update(skip_locked=skip, of=("self",) if skip else ())
    rows = list(locked.select_related("post__branch", "person__branch").order_by("id")[:PART])
    if not rows:
        return 0
    seats = Person.objects.filter(role=Role.REMOTE, is_active=True, branch__isnull=False)
    remote = tuple(Branch.objects.filter(pk__in=seats.values("branch")))
    own, named = base(), {branch.branch_id: branch for branch in Branch.objects.all()}
    places: Counter[tuple[Branch, ...]] = Counter()
    for row in rows:
        held = row.post or row.person
        branch = held.branch if held is not None else None
        if row.kind == FollowUpKind.LOBBY:
            branch = named.get(own.value(own.goes_by(row.customer), "branch") or "")
        places[remote if branch is None else (branch,)] += 1
    for head in heads_above(branch for where in places for branch in where):
        count = sum(number for where, number in places.items() if any(_below(head, b) for b in where))
        notices.tell([head], TEXT, "/work/team/", count=count)
    FollowUp.objects.filter(pk__in=[row.pk for row in rows]).update(escalated_at=timezone.now())
    return len(rows)


def _below(head: Person, branch: Branch) -> bool:
    own = head.branch
    return own is not None and own.left <= branch.left and branch.right <= own.right
