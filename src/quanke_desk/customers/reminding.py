"""Data requests, and orders to source systems, whose deadline is near or past: who decides them is told,
once a day (PI-5)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from quanke.plans.worklist import working_day_after
from quanke_desk.customers.models import DataRequest, RequestState, SourceOrder
from quanke_desk.customers.ordering import who_decides
from quanke_desk.foundation.models import Notice, Person
from quanke_desk.foundation.notices import tell
from quanke_desk.foundation.parameters import value
from quanke_desk.foundation.working import each

TEXT = _("%(count)s data requests are due by %(day)s, %(late)s of them are late")
SOURCES = _(
    "%(count)s orders to source systems are not answered and due by %(day)s, %(late)s of them are late"
)


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


@each("work.escalation_minutes", "reminders of data requests")
def remind_today() -> None:
    """Reminds of what is due."""
    remind()
    remind_of_sources()
