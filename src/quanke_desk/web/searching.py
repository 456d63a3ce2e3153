"""Search from everywhere (Ctrl K): pages of the menu, people, customers. What is asked travels in the body of
the request: a customer's name has no place in an address."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_http_methods
from pypinyin import Style, lazy_pinyin

from quanke_desk.foundation.models import Person
from quanke_desk.foundation.pages import page, person_of
from quanke_desk.foundation.roles import May
from quanke_desk.web.shell import menu_of

MOST = 8


@page(May.OWN)
@require_http_methods(["GET", "POST"])
def find(request: HttpRequest) -> HttpResponse:
    """What is found for what was asked; a part of the dialog for htmx, else a page of its own."""
    asked = request.POST.get("q", "").strip()[:100]
    shown = {"q": asked, **found(person_of(request), asked)}
    part = request.headers.get("HX-Request") == "true"
    return render(request, "desk/found.html" if part else "desk/find.html", shown)


def found(person: Person, asked: str) -> dict[str, Any]:
    """`pages` and `people` that match, and `customers`: where customers are searched, or empty."""
    entries = [e for e in menu_of(person) if not asked or matches(asked, str(e["title"]))]
    people: list[Person] = []
    if asked and person.may(May.PEOPLE):
        named = Q(name__icontains=asked) | Q(username__icontains=asked) | Q(staff_id__iexact=asked)
        people = list(Person.objects.filter(named).select_related("branch")[:MOST])
    try:
        customers = reverse("customers") if asked and person.may(May.FIND) else ""
    except NoReverseMatch:
        customers = ""
    return {"pages": entries[:MOST], "people": people, "customers": customers}


def matches(asked: str, title: str) -> bool:
    """Whether a title holds what was asked, in its own signs, in pinyin or in first letters of pinyin."""
    wanted = asked.casefold().replace(" ", "")
    spellings = (title, "".join(lazy_pinyin(title)), "".join(lazy_pinyin(title, style=Style.FIRST_LETTER)))
    return any(wanted in spelling.casefold().replace(" ", "") for spelling in spellings)
