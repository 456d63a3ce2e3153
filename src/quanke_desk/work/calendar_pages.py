"""The calendar of a manager: a week or a month, and appointments made and called off in it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from quanke.kernel.errors import NightError
from quanke_desk.foundation.asked_outside import note_asked
from quanke_desk.foundation.pages import page, person_of
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May
from quanke_desk.foundation.scope import OutOfScope
from quanke_desk.work import appointments
from quanke_desk.work.calendar import calendar as rows_of

SHOWN = 4
"""Of a day of the month so many are shown; its week has them all."""


@page(May.WORK)
@require_http_methods(["GET", "POST"])
def calendar(request: HttpRequest) -> HttpResponse:
    """Appointments, follow-ups, deadlines, occasions and visits of a week or a month."""
    today = timezone.localdate()
    day, month = _asked(request, today), request.GET.get("view") == "month"
    if request.method == "POST":
        return _changed(request, day, month)
    first = day.replace(day=1) if month else day - dt.timedelta(days=day.weekday())
    after = (first + dt.timedelta(days=32)).replace(day=1) if month else first + dt.timedelta(days=7)
    before = (first - dt.timedelta(days=1)).replace(day=1) if month else first - dt.timedelta(days=7)
    begin = first - dt.timedelta(days=first.weekday())
    end = after + dt.timedelta(days=-after.weekday() % 7)
    try:
        rows = rows_of(person_of(request), begin, end - dt.timedelta(days=1))
    except NightError:
        rows = []
    by_day: dict[dt.date, list[dict[str, Any]]] = {}
    for row in rows:
        by_day.setdefault(row["day"], []).append(row)
    days = [begin + dt.timedelta(days=n) for n in range((end - begin).days)]
    cells = [(d, by_day.get(d, []), d.month == first.month) for d in days]
    shown = {
        "days": [(d, held) for d, held, _of in cells],
        "weeks": [cells[n : n + 7] for n in range(0, len(cells), 7)] if month else [],
        "weekdays": WEEKDAYS_ABBR.values(), "most": SHOWN, "count": len(rows), "month": month,
        "first": first, "last": after - dt.timedelta(days=1), "before": before, "after": after,
        "today": today, "on": max(day, today), "means": [(m.value, m.label) for m in appointments.MEANS],
        "customer": request.GET.get("customer", "") if request.GET.get("customer", "").isdecimal() else "",
    }  # fmt: skip
    return render(request, "work/calendar.html", shown)


def _asked(request: HttpRequest, today: dt.date) -> dt.date:
    try:
        day = dt.date.fromisoformat(request.GET.get("on", "").strip() or today.isoformat())
    except ValueError:
        return today
    return day if dt.date(1990, 1, 1) <= day <= dt.date(2200, 1, 1) else today


def _changed(request: HttpRequest, day: dt.date, month: bool) -> HttpResponse:
    """Makes an appointment or calls one off; then the calendar of its day."""
    person, asked = person_of(request), request.POST
    try:
        if asked.get("do") == "off":
            day = appointments.call_off(_number(asked.get("appointment")), by=person).due_on
        else:
            on, at = _when(asked.get("on_day", ""), asked.get("at", ""))
            means = asked.get("means", "")
            appointments.make_appointment(_number(asked.get("customer")), on, at, means, by=person)
            day = on
        messages.success(request, _("Done, and on record."))
    except (NotAllowed, OutOfScope) as error:
        rule = str(error) if isinstance(error, NotAllowed) else "no such customer"
        if isinstance(error, OutOfScope):
            note_asked(person, _number(asked.get("customer")))
        messages.error(request, _("Not done: %(rule)s.") % {"rule": _(rule)})
    view = "&view=month" if month else ""
    return redirect(f"{reverse('work_calendar')}?on={day.isoformat()}{view}")


def _when(day: str, at: str) -> tuple[dt.date, dt.time]:
    try:
        return dt.date.fromisoformat(day.strip()), dt.time.fromisoformat(at.strip()).replace(tzinfo=None)
    except ValueError:
        raise NotAllowed("an appointment has a day and a time") from None


def _number(given: str | None) -> int:
    text = (given or "").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else -1
