"""Data requests whose deadline is near or past: who decides them is told, once a day (PI-5)."""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from quanke.plans.worklist import working_day_after
from quanke_desk.customers.models import DataRequest, RequestState
from quanke_desk.foundation.models import Notice, Person
from quanke_desk.foundation.notices import tell
from quanke_desk.foundation.parameters import value
from quanke_desk.foundation.roles import ALLOWED, May
from quanke_desk.foundation.working import each

TEXT = _("%(count)s data requests are due by %(day)s, %(late)s of them are late")


def remind(today: dt.date | None = None) -> int:
    """Tells whoever decides data requests how many are due within the days of a parameter; how many people
    were told, who heard it today already not once more."""
    day = today or timezone.localdate()
    last = working_day_after(day, value("request.remind"))
    open_ = DataRequest.objects.filter(state__in=(RequestState.OPEN, RequestState.ASKED), due_on__lte=last)
    count, late = open_.count(), open_.filter(due_on__lt=day).count()
    if not count:
        return 0
    roles = [role for role, may in ALLOWED.items() if May.DATA_DECIDE in may]
    with transaction.atomic():
        # locked: of two workers at once the second finds the first one's notices
        people = list(
            Person.objects.select_for_update().filter(role__in=roles, is_active=True).order_by("pk")
        )
        begun = timezone.make_aware(dt.datetime.combine(timezone.localdate(), dt.time()))
        heard = set(Notice.objects.filter(text=TEXT, at__gte=begun).values_list("person", flat=True))
        told = [person for person in people if person.pk not in heard]
        return tell(told, TEXT, reverse("data_requests"), count=count, late=late, day=last.isoformat())


@each("work.escalation_minutes", "reminders of data requests")
def remind_today() -> None:
    """Reminds of what is due."""
    remind()
