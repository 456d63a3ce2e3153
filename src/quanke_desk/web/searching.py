"""Search from everywhere (Ctrl K), over what every room lets be found (`foundation.finders`). What is asked
travels in the body of the request: a customer's name has no place in an address, a log or the audit."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from quanke_desk.foundation.finders import LONGEST, Group, found
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.pages import page, person_of
from quanke_desk.foundation.roles import May
from quanke_desk.web.finding import pages


@page(May.OWN)
@require_http_methods(["GET", "POST"])
def find(request: HttpRequest) -> HttpResponse:
    """What is found for what was asked; a part of the dialog for htmx, else a page of its own."""
    asked = request.POST.get("q", "").replace("\x00", "").strip()[:LONGEST]
    part = request.headers.get("HX-Request") == "true"
    shown = {"q": asked, "part": part, "id": "found" if part else "answer"}
    return render(
        request,
        "desk/found.html" if part else "desk/find.html",
        {**shown, **answered(person_of(request), asked)},
    )


def answered(person: Person, asked: str) -> dict[str, Any]:
    """`groups` of what was found (of nothing asked: the pages), `told`: how much, in words, and `customers`:
    the address of the page where customers are searched, outside one's scope, too; empty for who may not."""
    if not asked:
        hits = tuple(pages(person, ""))
        return {"groups": [Group("pages", _("Menu"), hits)] if hits else [], "told": "", "customers": ""}
    groups = found(person, asked)
    count = sum(len(group.hits) for group in groups)
    told = _("%(count)s found") % {"count": count}
    return {
        "groups": groups,
        "told": told,
        "customers": reverse("customers") if person.may(May.FIND) else "",
    }
