"""Pages of the settings: what holds, what will hold from when, who changed it and why, and changing it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from quanke_desk.foundation import parameters
from quanke_desk.foundation.models import Approval, ApprovalState, ParameterValue
from quanke_desk.foundation.pages import page, person_of
from quanke_desk.foundation.parameters import CHOICES, NUMBER, PARAMETERS, Parameter, ParameterError
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May
from quanke_desk.foundation.sessions import sure
from quanke_desk.foundation.setting import KIND, set_parameter, shown


@page(May.SETTINGS)
@require_GET
def settings(request: HttpRequest) -> HttpResponse:
    """All parameters: what holds today, and what is decided for a later day."""
    today = timezone.localdate()
    now: dict[str, ParameterValue] = {}
    later: dict[str, ParameterValue] = {}
    for row in ParameterValue.objects.select_related("by").order_by("since", "id"):
        if row.since <= today:
            now[row.name] = row
        elif row.name not in later or later[row.name].since == row.since:
            later[row.name] = row
    waiting = {a.subject for a in _waiting()}
    lines = [
        {
            "parameter": p,
            "title": title(p),
            "held": shown(p, now[p.name].value if p.name in now else p.default),
            "since": now[p.name].since if p.name in now else None,
            "later": shown(p, later[p.name].value) if p.name in later else "",
            "later_since": later[p.name].since if p.name in later else None,
            "waits": f"parameter:{p.name}" in waiting,
        }
        for p in PARAMETERS.values()
    ]
    return render(request, "desk/settings.html", {"lines": lines})


@page(May.SETTINGS)
@require_http_methods(["GET", "POST"])
@sure
def parameter(request: HttpRequest, name: str) -> HttpResponse:
    """One parameter: its history, and a change from a day on with a reason."""
    if name not in PARAMETERS:
        raise Http404
    declared = PARAMETERS[name]
    today = timezone.localdate()
    error = ""
    if request.method == "POST":
        try:
            done = set_parameter(
                name,
                _read(declared, request),
                _day(request.POST.get("since", "")),
                by=person_of(request),
                reason=request.POST.get("reason", ""),
            )
            asked = isinstance(done, Approval)
            messages.success(
                request, _("Asked for; a second person decides.") if asked else _("Done, and on record.")
            )
            return redirect(reverse("parameter", args=[name]))
        except ParameterError as refused:
            error = _("Not done: %(rule)s.") % {"rule": _(refused.rule) % refused.values}
        except NotAllowed as refused:
            error = _("Not done: %(rule)s.") % {"rule": _(str(refused))}
    rows = ParameterValue.objects.filter(name=name).select_related("by")
    held = parameters.held(name)
    found = {
        "parameter": declared,
        "title": title(declared),
        "held": held,
        "now": shown(declared, held),
        "default": shown(declared, declared.default),
        "unit": parameters.UNITS.get(declared.unit, declared.unit),
        "history": [{"row": row, "value": shown(declared, row.value)} for row in rows],
        "waits": [a for a in _waiting() if a.subject == f"parameter:{name}"],
        "today": today,
        "error": error,
    }
    return render(request, "desk/parameter.html", found)


def title(declared: Parameter) -> str:
    """What a parameter is called in the language of who reads."""
    return declared.en if (get_language() or "").startswith("en") else declared.zh


def _waiting() -> list[Approval]:
    return list(Approval.objects.filter(kind=KIND.name, state=ApprovalState.ASKED))


def _read(declared: Parameter, request: HttpRequest) -> Any:
    if declared.kind == CHOICES:
        return [one for one in request.POST.getlist("to") if one]
    given = request.POST.get("to", "").strip()
    if declared.kind != NUMBER:
        return given
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 16 else None


def _day(given: str) -> dt.date:
    try:
        return dt.date.fromisoformat(given)
    except ValueError:
        raise NotAllowed("a day as year-month-day") from None
