"""The page of call-backs: visitors to be called, and what else is the remote team's, nobody's first."""

from __future__ import annotations

from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from quanke.kernel.errors import NightError
from quanke_desk.foundation import left_alone
from quanke_desk.foundation.filters import Filter, asked_of
from quanke_desk.foundation.lists import Column, Row, listing
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.pages import page, person_of
from quanke_desk.foundation.roles import May
from quanke_desk.work import queries, rules
from quanke_desk.work.dropping import TASKS, is_kept
from quanke_desk.work.models import FollowUp

OPEN, TAKEN = "open", "taken"
FILTERS = (
    Filter("state", gettext_lazy("State"), "choice", ((OPEN, gettext_lazy("Not taken yet")),
                                                      (TAKEN, gettext_lazy("Taken")))),
    Filter("outlet", gettext_lazy("Outlet")),
    Filter("until", gettext_lazy("Due"), "days"),
)  # fmt: skip
PATHS = {"outlet": "arrival__outlet__name", "visit": "arrival__day", "until": "due_on", "who": "person__name"}


def _columns(may_call: bool) -> tuple[Column, ...]:
    return (
        Column("name", gettext_lazy("Name"), "link" if may_call else "text", sorts=False),
        Column("tier", gettext_lazy("Tier"), sorts=False),
        Column("outlet", gettext_lazy("Outlet")),
        Column("visit", gettext_lazy("Visited on"), "day"),
        Column("ticket", gettext_lazy("Ticket number"), sorts=False),
        Column("about", gettext_lazy("What to do"), sorts=False),
        Column("until", gettext_lazy("Due"), "day"),
        Column("overdue", gettext_lazy("Overdue"), "yes", sorts=False),
        Column("who", gettext_lazy("Who")),
    )


class CallBackSource:
    """Call-backs as rows, names and words of a page read at once."""

    def __init__(self, found: QuerySet[FollowUp], person: Person) -> None:
        self.found, self.person, self.may_call = _not_kept(found), person, person.may(May.WORK)

    def count(self) -> int:
        """How many rows."""
        return self.found.count()

    def rows(self, order: str, descending: bool, start: int, count: int) -> list[Row]:
        """See Source."""
        found = self.found
        if order in PATHS:
            found = found.order_by(("-" if descending else "") + PATHS[order], "pk")
        try:
            shown = queries.shown_follow_ups(found[start : start + count], self.person)
            return [self._row(each) for each in shown]
        except NightError:
            return []

    def _row(self, shown: dict[str, Any]) -> Row:
        task: FollowUp = shown["follow_up"]
        visit, kind = task.arrival, str(task.get_kind_display())
        left = _("from %(name)s, who has left") % {"name": shown["of_left"]} if shown["of_left"] else ""
        about = (f"{kind} {shown['at']}".strip(), shown["title"], shown["journey"], shown["purpose"], left)
        address = f"{reverse('work_customer', args=[task.customer])}?do={task.pk}"
        return {
            "name": (shown["name"], address) if self.may_call else shown["name"],
            "tier": shown["tier"], "about": " · ".join(text for text in about if text),
            "outlet": visit.outlet.name if visit else "", "visit": visit.day if visit else None,
            "ticket": visit.ticket if visit else "", "until": task.due_on, "overdue": shown["overdue"],
            "who": task.person.name if task.person else task.post.post_id if task.post else "",
        }  # fmt: skip


def _not_kept(found: QuerySet[FollowUp]) -> QuerySet[FollowUp]:
    """Without tasks of campaigns about who is to be left alone since, until the round drops them: taken off
    before rows are counted, so that no page is shorter than its count."""
    tasks = list(found.filter(kind__in=TASKS))
    known = rules.Since(alone=left_alone.asked([f.customer for f in tasks], timezone.now()))
    kept = [f.pk for f in tasks if is_kept(f, known)]
    return found.exclude(pk__in=kept) if kept else found


@page(May.CALL_BACK)
@require_GET
def call_backs(request: HttpRequest) -> HttpResponse:
    """Visitors to be called back: whom nobody has taken first, of those the most urgent."""
    person = person_of(request)
    filters = asked_of(request, "call_backs", FILTERS)
    taken = Q(person__isnull=False) | Q(post__isnull=False)
    found = queries.call_backs(person).select_related("arrival__outlet", "person", "post", "of_left")
    found = filters.narrow(found, {"outlet": "arrival__outlet__name__icontains", "until": "due_on"})
    if filters.text("state"):
        found = found.filter(taken if filters.text("state") == TAKEN else ~taken)
    found = found.annotate(taken=ExpressionWrapper(taken, output_field=BooleanField()))
    source = CallBackSource(found.order_by("taken", "due_on", "id"), person)
    shown = {"listed": listing(request, "call_backs", _columns(source.may_call), source, filters)}
    return render(request, "work/callbacks.html", shown)
