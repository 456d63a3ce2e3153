"""Tasks that are open, counted: what staff have to do already, by post and day."""

from __future__ import annotations

import datetime as dt
from collections import Counter

from django.db.models import Count
from django.utils import timezone

from quanke_desk.foundation.models import Seat
from quanke_desk.work.models import FollowUp, FollowUpKind

REMOTE = ""
"""Stands for the remote team, whose whoever takes it does a task that no post has."""


def open_tasks(today: dt.date | None = None) -> Counter[tuple[str, dt.date, str]]:
    """Tasks nobody has done, by post (`REMOTE`: the remote team's), day and action of the plan ("" for none).
    What is late is counted on the day itself; what a person has stands with the post he sits on; what waits
    for a visit takes nobody's day."""
    day = today or timezone.localdate()
    seats = dict(Seat.objects.filter(Seat.on(day), stands_in=False).values_list("person", "post__post_id"))
    waiting = FollowUp.objects.filter(done_at=None, dropped=False).exclude(kind=FollowUpKind.LOBBY)
    rows = (
        waiting.values_list("post__post_id", "person", "due_on", "action").annotate(n=Count("id")).order_by()
    )
    found: Counter[tuple[str, dt.date, str]] = Counter()
    for post, person, due_on, action, count in rows:
        of = post or (REMOTE if person is None else seats.get(person))
        if of is not None:
            found[of, max(due_on, day), action] += count
    return found
