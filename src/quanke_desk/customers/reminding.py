"""Data requests, and orders to source systems, whose deadline is near or past: who decides them is told,
once a day (PI-5)."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from quanke.kernel.errors import NightError
from quanke.plans.worklist import working_day_after
from quanke_desk.customers.consenting import restricted_by_merging
from quanke_desk.customers.models import DataRequest, RequestState, SourceOrder
from quanke_desk.customers.ordering import who_decides
from quanke_desk.foundation import audit
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import AuditEntry, Notice, Person
from quanke_desk.foundation.notices import tell
from quanke_desk.foundation.parameters import value
from quanke_desk.foundation.working import each

TEXT = _("%(count)s data requests are due by %(day)s, %(late)s of them are late")
SOURCES = _(
    "%(count)s orders to source systems are not answered and due by %(day)s, %(late)s of them are late"
)
MERGED = _(
    "A night found a customer to be one whose data may no longer be used: delete him, or undo the merge"
)
MERGED_ACTION = "customer.restrict_merged"


def remind(today: dt.date | None = None) -> int:
    """Tells whoever decides data requests how many are due within the days of a parameter; how many people
    were told, who heard it today already not once more."""
    open_ = DataRequest.objects.filter(state__in=(RequestState.OPEN, RequestState.ASKED))
    return _remind(TEXT, open_, today or timezone.localdate())


def remind_of_sources(today: dt.date | None = None) -> int:
    """Tells them as well how many orders no source has answered that are due by then."""
    return _remind(SOURCES, SourceOrder.objects.filter(answered_at=None), today or timezone.localdate())


def _remind(text: str, found: QuerySet[Any], day: dt.date) -> int:
    last = working_day_after(day, value("request.remind"))
    open_ = found.filter(due_on__lte=last)
    count, late = open_.count(), open_.filter(due_on__lt=day).count()
    if not count:
        return 0
    with transaction.atomic():
        # locked: of two workers at once the second finds the first one's notices
        numbers = [person.pk for person in who_decides()]
        people = list(Person.objects.select_for_update().filter(pk__in=numbers).order_by("pk"))
        begun = timezone.make_aware(dt.datetime.combine(timezone.localdate(), dt.time()))
        heard = set(Notice.objects.filter(text=text, at__gte=begun).values_list("person", flat=True))
        told = [person for person in people if person.pk not in heard]
        return tell(told, text, reverse("data_requests"), count=count, late=late, day=last.isoformat())


def tell_of_merged() -> int:
    """Tells whoever decides data requests, once, of each customer who counts as restricted because a night
    found that he is somebody whose deletion was decided. Answers how many customers."""
    held, told = base(), 0
    for one in restricted_by_merging():
        customer = held.goes_by(one.customer)
        subject = f"customer:{customer}"
        with transaction.atomic():
            # locked: of two workers at once the second finds what the first put on record
            people = list(Person.objects.select_for_update().filter(pk__in=[p.pk for p in who_decides()]))
            before = AuditEntry.objects.filter(action=MERGED_ACTION, subject=subject)
            if not people or before.exists():
                continue
            audit.record(None, MERGED_ACTION, subject, detail={"restricted": one.customer})
            tell(people, MERGED, reverse("customer", args=[customer]))
            told += 1
    return told


@each("work.escalation_minutes", "reminders of data requests")
def remind_today() -> None:
    """Reminds of what is due, and of what a night found out."""
    remind()
    remind_of_sources()
    with suppress(NightError):
        tell_of_merged()
