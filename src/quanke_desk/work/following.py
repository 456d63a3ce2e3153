"""Open follow-ups go with the customer (BK-5): who looks after him from a day on has them from that day."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from quanke.kernel.errors import NightError
from quanke_desk.books.laying import Moved
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Person, Post, Relation
from quanke_desk.foundation.working import each
from quanke_desk.work.models import FollowUp, FollowUpKind

PART = 500
LATE = dt.timedelta(days=7)
"""How long after its day a change that was laid ahead is still caught up with."""


def go_along(moves: Sequence[Moved], by: Person | None) -> None:
    """Gives what is open to the new post, for customers who move today; inside the transaction that moves
    them. What was laid for a later day is for `catch_up`."""
    today = timezone.localdate()
    _give({m.customer: (m.from_post, m.to_post) for m in moves if m.since <= today})


def catch_up(today: dt.date | None = None) -> int:
    """The same for changes whose day has come since; how many follow-ups went along."""
    day = today or timezone.localdate()
    come = Relation.objects.filter(duty="primary", since__lte=day, since__gt=day - LATE, post__isnull=False)
    new = {r.customer: r for r in come.exclude(until__lte=day).select_related("post").order_by("since", "id")}
    wanted = sorted(set(_open().values_list("customer", flat=True)) & set(new))
    before = {}
    for at in range(0, len(wanted), PART):
        some = Relation.objects.filter(
            duty="primary", customer__in=wanted[at : at + PART], post__isnull=False
        )
        for row in some.select_related("post"):
            before[row.customer, row.until] = row.post.post_id if row.post else None
    changes = {}
    for customer in wanted:
        laid = new[customer]
        came_from = before.get((customer, laid.since)) or _by_night(customer)
        changes[customer] = (came_from, laid.post.post_id if laid.post else None)
    return _give(changes)


@each("work.escalation_minutes", "follow-ups of customers who moved")
def with_the_customers() -> None:
    """Gives open follow-ups to who looks after the customer since today."""
    catch_up()


def _open() -> QuerySet[FollowUp]:
    held = FollowUp.objects.filter(done_at=None, dropped=False, post__isnull=False)
    return held.exclude(kind=FollowUpKind.LOBBY)


def _by_night(customer: int) -> str | None:
    try:
        return base().value(customer, "owner_post")
    except NightError:
        return None


@transaction.atomic
def _give(changes: Mapping[int, tuple[str | None, str | None]]) -> int:
    """From the first post to the second, by customer; what is given to somebody else stays his."""
    by_posts: dict[tuple[str, str], list[int]] = defaultdict(list)
    for customer, (before, after) in changes.items():
        if before and after and before != after:
            by_posts[before, after].append(customer)
    posts = {p.post_id: p for p in Post.objects.filter(post_id__in={to for _from, to in by_posts})}
    given = 0
    for (before, after), customers in by_posts.items():
        for at in range(0, len(customers), PART):
            held = _open().filter(post__post_id=before, customer__in=customers[at : at + PART])
            given += held.update(post=posts[after])
    return given
