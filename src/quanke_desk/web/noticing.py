"""Notices of a person: the bell, the page, marking as read; and the colours of the desk."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from quanke_desk.foundation.lists import Column, QuerysetSource, listing
from quanke_desk.foundation.models import Notice
from quanke_desk.foundation.notices import read, said
from quanke_desk.foundation.pages import page, person_of, public
from quanke_desk.foundation.roles import May
from quanke_desk.web.shell import THEMES, unread_of

COLUMNS = (
    Column("text", _("Notice"), kind="link", sorts=False),
    Column("at", _("When"), kind="moment"),
    Column("unread", _("Unread"), kind="yes", sorts=False),
)


@page(May.OWN)
@require_http_methods(["GET", "POST"])
def notices(request: HttpRequest) -> HttpResponse:
    """One's notices, newest first; a POST marks them all as read."""
    person = person_of(request)
    if request.method == "POST":
        read(person)
        return redirect("notices")
    source = QuerysetSource(Notice.objects.filter(person=person), {"at": "at"}, _row)
    return render(request, "desk/notices.html", {"listed": listing(request, "notices", COLUMNS, source)})


@page(May.OWN)
@require_GET
def notice(request: HttpRequest, number: int) -> HttpResponse:
    """Marks one notice as read and goes to the page it is about."""
    found = get_object_or_404(Notice, pk=number, person=person_of(request))
    read(found.person, found.pk)
    return redirect(found.link if _ours(request, found.link) else reverse("notices"))


@page(May.OWN)
@require_GET
def bell(request: HttpRequest) -> HttpResponse:
    """The bell with the count of unread notices, as the top of every page shows it."""
    return render(request, "desk/bell.html", {"unread": unread_of(person_of(request))})


@public
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Light, dark, or as the system says, on this browser; stays on the page."""
    to, chosen = request.POST.get("next", ""), request.POST.get("theme", "")
    answer = redirect(to if _ours(request, to) else "/")
    if chosen in THEMES:
        held: Any = {"samesite": "Lax", "httponly": True, "secure": settings.SESSION_COOKIE_SECURE}
        answer.set_cookie("theme", chosen, max_age=365 * 86400, **held)
    return answer


def _row(found: Notice) -> dict[str, Any]:
    return {
        "text": (said(found), reverse("notice", args=[found.pk])),
        "at": found.at,
        "unread": found.read_at is None,
    }


def _ours(request: HttpRequest, to: str) -> bool:
    return url_has_allowed_host_and_scheme(to, {request.get_host()}, request.is_secure())
