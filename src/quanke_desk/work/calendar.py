"""What a person has in a week or a month: appointments, follow-ups, deadlines, occasions, and visits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import numpy as np
from django.utils.translation import gettext_lazy as _

from quanke_desk.customers.consenting import hidden
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.scope import rows as rows_seen
from quanke_desk.foundation.scope import scope_of
from quanke_desk.work import who
from quanke_desk.work.held import BIRTHDAY, DUE, MATURITY, Held, held
from quanke_desk.work.models import Arrival, FollowUpKind
from quanke_desk.work.queries import (
    named,
    plan_lines,
    plan_rows,
    posts_of,
    still_theirs,
    waiting,
    written_time,
)

KINDS = {DUE: _("Contact due"), BIRTHDAY: _("Birthday"), MATURITY: _("Maturity")}
MOST, PART = 300, 500


def calendar(person: Person, first: dt.date, last: dt.date) -> list[dict[str, Any]]:
    """What a person has from one day to another (both counted), by day: appointments, follow-ups, deadlines
    of the list, contacts that are due, birthdays and maturities, and visits of his customers. Each: `day, at`
    (HH:MM, empty: any time), `kind, customer, name, text, appointment` (its number, null: it is none), `task`
    (the number of the follow-up it is), `amount`."""
    of, posts = held(), posts_of(person)
    found = [_follow_up(row) for row in waiting(person, last, first)]
    found += [
        _row(line.due_on, _("Deadline"), line.customer, line.name, line.title)
        for line in plan_lines(of, plan_rows(of, posts), person)
        if line.done is None and first <= line.due_on <= last
    ]
    inside = still_theirs(of, [d for d in of.due(posts) if first <= d["day"] <= last], person)[:MOST]
    found += [
        _row(d["day"], KINDS[d["kind"]], d["customer"], d["name"], d["why"], amount=d["amount"])
        for d in named(of, inside)
    ]
    found += _visits(of, person, first, last)
    return sorted(found, key=lambda r: (r["day"], not r["at"], r["at"], str(r["kind"]), r["customer"]))


def _follow_up(row: dict[str, Any]) -> dict[str, Any]:
    task = row["follow_up"]
    is_one = task.kind == FollowUpKind.APPOINTMENT
    text = task.get_means_display() if is_one else row["title"]
    return _row(
        task.due_on, task.get_kind_display(), row["customer"], row["name"], text,
        at=written_time(task.at_time), appointment=task.pk if is_one else None, task=task.pk,
    )  # fmt: skip


def _row(day: dt.date, kind: Any, customer: int, name: str, text: Any, **more: Any) -> dict[str, Any]:
    usual = {"at": "", "appointment": None, "amount": None, "task": None}
    return {"day": day, "kind": kind, "customer": customer, "name": name, "text": text, **usual, **more}


def _visits(of: Held, person: Person, first: dt.date, last: dt.date) -> Iterator[dict[str, Any]]:
    """Visits of the customers a person looks after, at whatever outlet."""
    book = np.flatnonzero(rows_seen(scope_of(person), of.base))
    gone, found = hidden(), []
    for begin in range(0, len(book), PART):
        part = Arrival.objects.filter(
            customer__in=book[begin : begin + PART].tolist(), day__gte=first, day__lte=last
        )
        found += list(part.select_related("outlet").order_by("called_at")[:MOST])
    shown = [a for a in found if a.customer is not None and a.customer not in gone][:MOST]
    names = who.names([a.customer for a in shown if a.customer is not None], of.base)
    for each in shown:
        text = f"{each.outlet.name} {each.ticket} · {each.get_state_display()}"
        customer = each.customer or 0
        yield _row(each.day, _("Branch visit"), customer, names[customer], text)
