"""Pages of what campaigns changed: the list, one from the answer down to what speaks against it, and its
one-page report for the committee."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from quanke.kernel.errors import EffectError, NightError
from quanke_desk.campaigns import effect_queries
from quanke_desk.campaigns.effect_figures import figures
from quanke_desk.campaigns.effect_queries import Campaign
from quanke_desk.campaigns.effect_words import refusal
from quanke_desk.campaigns.models import Journey
from quanke_desk.foundation.exports import name_of
from quanke_desk.foundation.jobs import begin
from quanke_desk.foundation.pages import page, person_of
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May


@page(May.AUDIENCE)
@require_GET
def effects(request: HttpRequest) -> HttpResponse:
    """Every campaign with its answer, or that none was measured yet."""
    found: list[Campaign] = []
    try:
        found = effect_queries.campaigns()
    except NightError:
        pass
    except EffectError as error:  # a design of the register that cannot be read
        messages.error(request, refusal(error))
    return render(request, "campaigns/effects.html", {"campaigns": found})


@page(May.AUDIENCE)
@require_http_methods(["GET", "POST"])
def effect(request: HttpRequest, name: str) -> HttpResponse:
    """One campaign: the increment first, then what is advised, what it cost and earned, the way to it,
    groups, what the plan learns, and what speaks against it."""
    found, person = _found(name), person_of(request)
    if request.method == "POST":
        learns = request.POST.get("do") == "learn"
        try:
            begun = begin("journeys.learn", by=person) if learns else begin(
                "journeys.measure", {"campaign": name}, by=person
            )  # fmt: skip
        except NotAllowed as refused:
            messages.error(request, _("Not done: %(rule)s.") % {"rule": _(str(refused))})
            return redirect("effect", name)
        return redirect("job", begun.pk)
    held = figures(found, person)
    shown: dict[str, Any] = {"campaign": found, "held": held, "told": found.told}
    shown["journey"] = held.version.journey if held and held.version else _journey(name)
    shown |= {"may_export": person.may(May.REPORT), "may_learn": person.may(May.CAMPAIGN)}
    return render(request, "campaigns/effect.html", shown)


@page(May.REPORT)
@require_POST
def effect_report(request: HttpRequest, name: str) -> HttpResponse:
    """The page's answer on one sheet of paper (PDF), in the language of who asks: counted, on record, and
    marked like every file that leaves."""
    from quanke_desk.campaigns.effect_report import report  # what draws pages is heavy to import

    person = person_of(request)
    if not person.may(May.AUDIENCE):
        raise Http404
    held = figures(_found(name), person)
    if held is None:
        raise Http404
    with tempfile.TemporaryDirectory() as folder:
        try:
            made = report(held, person, request.POST.get("reason", ""), Path(folder))
        except NotAllowed as error:
            messages.error(request, _("Not done: %(rule)s.") % {"rule": _(str(error))})
            return redirect("effect", name)
        answer = HttpResponse(made.path.read_bytes(), content_type="application/pdf")
    answer["Content-Disposition"] = f'attachment; filename="{name_of(made.export)}"'
    return answer


def _found(name: str) -> Campaign:
    try:
        found = effect_queries.campaign(name)
    except (EffectError, NightError):
        found = None
    if found is None:
        raise Http404
    return found


def _journey(name: str) -> Journey | None:
    return Journey.objects.filter(name=name).first()
