"""Pages of the shell: home, audit, health."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _lazy
from django.views.decorators.http import require_GET, require_POST
from django.views.i18n import set_language

from quanke.kernel.errors import NightError
from quanke_desk.foundation import audit
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.filters import Filter, asked_of
from quanke_desk.foundation.lists import Column, QuerysetSource, listing
from quanke_desk.foundation.models import AuditEntry, Notice, Purpose
from quanke_desk.foundation.notices import said
from quanke_desk.foundation.pages import page, person_of, public
from quanke_desk.foundation.roles import May
from quanke_desk.foundation.scope import scope_of
from quanke_desk.web.figures import home_figures
from quanke_desk.web.shell import menu_of

AUDIT = (
    Column("number", _lazy("Number"), "number"),
    Column("at", _lazy("When"), "moment"),
    Column("person", _lazy("Who"), sorts=False),
    Column("role", _lazy("Role"), shown=False, sorts=False),
    Column("action", _lazy("Action"), sorts=False),
    Column("subject", _lazy("Of"), sorts=False),
    Column("purpose", _lazy("Purpose"), sorts=False),
    Column("reason", _lazy("Reason"), sorts=False),
    Column("detail", _lazy("Detail"), sorts=False),
)
DETAILS = (
    "field", "from", "to", "role", "kind", "means", "state", "play", "name", "code", "table", "post", "list",
    "number", "version", "machine", "calls", "count", "unknown", "done", "digest", "rows", "since", "until",
    "approval",
)  # fmt: skip
"""What of an entry's detail is shown and exported, in this order: which field was opened, from and to of a
change; whatever else a room notes stays in the record, so that no value of a customer comes out here."""
AUDIT_FILTERS = (
    Filter("person", _lazy("User name")),
    Filter("action", _lazy("Action begins with")),
    Filter("subject", _lazy("Of")),
    Filter("purpose", _lazy("Purpose"), "choice", Purpose.choices),
    Filter("reason", _lazy("Reason has")),
    Filter("at", _lazy("Day"), "days"),
)


@public
@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Switches the language of this browser; stays on the page."""
    return set_language(request)


@public
@require_GET
def health(request: HttpRequest) -> HttpResponse:
    """For whoever watches the desk: the day of the last night, 503 before the first."""
    try:
        return JsonResponse({"night": base().day.isoformat()})
    except NightError:
        return JsonResponse({"night": None}, status=503)


@page(May.OWN)
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The day at a glance, by role: figures of one's scope, unread notices, where to go."""
    person = person_of(request)
    scope = scope_of(person)
    shown: dict[str, Any] = {"scope": scope, "dashboard": person.may(May.DASHBOARD), "count": None}
    if shown["dashboard"]:
        with suppress(NightError):  # the page says that no night is published
            shown.update(home_figures(scope))
    entries = [e for e in menu_of(person) if e["name"] != "home"]
    unread = Notice.objects.filter(person=person, read_at=None)[:5]
    news = [{"text": said(n), "at": n.at, "url": reverse("notice", args=[n.pk])} for n in unread]
    return render(
        request, "desk/home.html", {**shown, "first": entries[0] if entries else None, "news": news}
    )


@page(May.AUDIT)
@require_GET
def audit_log(request: HttpRequest) -> HttpResponse:
    """The audit, newest first, by who, what, of whom, purpose, reason, day; reading it is on record, too."""
    asked = asked_of(request, "audit", AUDIT_FILTERS)
    found = asked.narrow(
        AuditEntry.objects.select_related("person"),
        {
            "person": "person__username",
            "action": "action__startswith",
            "subject": "subject",
            "purpose": "purpose",
            "reason": "reason__icontains",
            "at": "at__date",
        },
    )
    source = QuerysetSource(found, {"number": "pk", "at": "at"}, _audit_row)
    listed = listing(request, "audit", AUDIT, source, asked)
    audit.record(person_of(request), "audit.read", "audit", detail={"by": sorted(asked.values)})
    return render(request, "desk/audit.html", {"listed": listed})


def _audit_row(held: AuditEntry) -> dict[str, Any]:
    return {
        "number": held.pk,
        "at": held.at,
        "person": held.person.username if held.person else str(held.detail.get("machine", "")),
        **{n: getattr(held, n) for n in ("role", "action", "subject", "reason")},
        "purpose": dict(Purpose.choices).get(held.purpose, held.purpose),
        "detail": ", ".join(
            f"{name}: {said}"
            for name in DETAILS
            if isinstance(said := held.detail.get(name), str | int) and said != ""
        ),
    }
