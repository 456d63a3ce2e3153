"""Pages of audiences: the list, the builder with its live answer, one saved audience, bringing a list."""

from __future__ import annotations

import csv
import io
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from quanke.kernel.errors import NightError
from quanke_desk.campaigns import audience_actions as actions
from quanke_desk.campaigns import audiences, lists
from quanke_desk.campaigns.alike import is_condition, said_in_words
from quanke_desk.campaigns.audience_builder import Builder, builder_of, opened
from quanke_desk.campaigns.audience_history import history
from quanke_desk.campaigns.audience_tags import grouped
from quanke_desk.campaigns.joint_terms import PURPOSES, came_of
from quanke_desk.campaigns.looking import PANELS, looked
from quanke_desk.campaigns.models import Audience, AudienceKind, AudienceVersion, Origin
from quanke_desk.campaigns.reach import MEANS
from quanke_desk.foundation.filters import Filter, asked_of
from quanke_desk.foundation.jobs import jobs_of
from quanke_desk.foundation.lists import Column, QuerysetSource, listing
from quanke_desk.foundation.pages import page, person_of
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May

KINDS = [(k.value, k.label) for k in (AudienceKind.LIVE, AudienceKind.FROZEN)]
COLUMNS = (
    Column("title", gettext_lazy("Title"), "link"),
    Column("kind", gettext_lazy("What stays the same"), sorts=False),
    Column("size", gettext_lazy("Customers"), sorts=False),
    Column("night", gettext_lazy("On the night of"), "day", sorts=False),
    Column("version", gettext_lazy("Version"), "number", sorts=False),
    Column("by", gettext_lazy("Made by"), sorts=False),
    Column("made", gettext_lazy("Made on"), "moment"),
)
FILTERS = (
    Filter("title", COLUMNS[0].title),
    Filter("away", gettext_lazy("Put away"), "choice", (("1", gettext_lazy("put away")),)),
)


@page(May.AUDIENCE)
@require_GET
def everything(request: HttpRequest) -> HttpResponse:
    """Saved audiences."""
    asked = asked_of(request, "audiences", FILTERS)
    found = audiences.everything(asked.text("away") == "1")
    found = asked.narrow(found, {"title": "title__icontains"})
    source = _Saved(found, {"title": "title", "made": "made_at"}, lambda a: {"audience": a})
    listed = listing(request, "audiences", COLUMNS, source, asked)
    shown = {"listed": listed, "may_save": person_of(request).may(May.CAMPAIGN)}
    return render(request, "campaigns/audiences.html", shown)


class _Saved(QuerysetSource):
    """Audiences with their versions in force, which are read for a page at once."""

    def rows(self, order: str, descending: bool, start: int, count: int) -> list[dict[str, Any]]:
        held = [row["audience"] for row in super().rows(order, descending, start, count)]
        versions = audiences.current_of(held)
        return [_row(audience, versions[audience.pk]) for audience in held if audience.pk in versions]


def _row(audience: Audience, version: AudienceVersion) -> dict[str, Any]:
    return {
        "title": (audience.title, f"/audiences/{audience.pk}/"), "kind": version.get_kind_display(),
        "size": size_of(version), "night": version.night, "version": version.number,
        "by": audience.made_by.name, "made": audience.made_at,
    }  # fmt: skip


def size_of(version: AudienceVersion) -> str:
    """The size a version was saved with, as it may be told."""
    least = audiences.bound()
    return f"< {least}" if version.size < least else f"{version.size:,}"


@page(May.AUDIENCE)
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """The builder, empty or as its form was sent; saving leads to the audience."""
    try:
        built = builder_of(request) if request.method == "POST" else opened(request.GET.get("text", ""))
    except NightError:
        return render(request, "campaigns/no_night.html", {})
    title, kind = request.POST.get("title", ""), request.POST.get("kind", AudienceKind.LIVE)
    if request.method == "POST" and request.POST.get("do") == "save":
        try:
            made = actions.save(title, built.text, kind, by=person_of(request))
            messages.success(request, _("Done, and on record."))
            return redirect("audience", made.pk)
        except NotAllowed as error:
            messages.error(request, _("Not done: %(rule)s.") % {"rule": _(str(error))})
    shown = {**_around(request, built), "title": title, "kind": kind}
    return render(request, "campaigns/audience_new.html", shown)


@page(May.AUDIENCE)
@require_http_methods(["GET", "POST"])
def audience(request: HttpRequest, number: int) -> HttpResponse:
    """One saved audience: who is in it now, its builder, its versions."""
    found = get_object_or_404(Audience.objects.select_related("made_by"), pk=number)
    try:
        version = audiences.current(found)
    except NotAllowed:
        raise Http404 from None
    if request.method == "POST" and request.POST.get("do") in _DONE:
        try:
            answer = _DONE[request.POST["do"]](request, found, version)
            messages.success(request, _("Done, and on record."))
            return answer
        except NotAllowed as error:
            messages.error(request, _("Not done: %(rule)s.") % {"rule": _(str(error))})
    try:
        start = version.text if is_condition(version) else ""
        built = builder_of(request) if request.method == "POST" and "text" in request.POST else opened(start)
        now = audiences.counted_version(version)
    except NightError:
        return render(request, "campaigns/no_night.html", {})
    brought = jobs_of(person_of(request)).filter(kind=lists.JOB, pk=_whole(request.GET.get("list"))).first()
    shown = {
        **_around(request, built), "audience": found, "version": version, "now": now,
        "saved_size": size_of(version), "history": history(found), "kind": version.kind,
        "keeps": version.kind != AudienceKind.LIVE, "is_condition": is_condition(version),
        "said": said_in_words(version.text),
        "origins": _origins(version),
        "brought": brought, "left": lists.left_counts(brought) if brought else [],
    }  # fmt: skip
    return render(request, "campaigns/audience.html", shown)


def _origins(version: AudienceVersion) -> list[tuple[Origin, str]]:
    """The contracts a version came of, each with its purpose in words."""
    return [(each, str(PURPOSES[each.purpose])) for each in came_of(version)]


def _save(request: HttpRequest, found: Audience, version: AudienceVersion) -> HttpResponse:
    actions.change(found, builder_of(request).text, request.POST.get("kind", ""), by=person_of(request))
    return redirect("audience", found.pk)


def _back(request: HttpRequest, found: Audience, version: AudienceVersion) -> HttpResponse:
    actions.set_back(found, _whole(request.POST.get("number")), by=person_of(request))
    return redirect("audience", found.pk)


def _rename(request: HttpRequest, found: Audience, version: AudienceVersion) -> HttpResponse:
    actions.rename(found, request.POST.get("title", ""), by=person_of(request))
    return redirect("audience", found.pk)


def _away(request: HttpRequest, found: Audience, version: AudienceVersion) -> HttpResponse:
    actions.put_away(found, request.POST["do"] == "away", by=person_of(request))
    return redirect("audiences")


def _alike(request: HttpRequest, found: Audience, version: AudienceVersion) -> HttpResponse:
    asked = request.POST
    begun = actions.look_alike(
        version, _whole(asked.get("size")), asked.get("title", ""), by=person_of(request)
    )
    return redirect("job", begun.pk)


_DONE = {"save": _save, "back": _back, "rename": _rename, "away": _away, "take": _away, "alike": _alike}


@page(May.AUDIENCE)
@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """The live answer to the builder as it stands: the size, and whichever of form and text has to follow."""
    if request.method == "GET":
        return redirect("audience_new")
    try:
        built = builder_of(request)
    except NightError:
        return render(request, "campaigns/no_night_part.html", {})
    return render(request, "campaigns/answer.html", {"b": built})


@page(May.AUDIENCE)
@require_http_methods(["GET", "POST"])
def look(request: HttpRequest) -> HttpResponse:
    """One panel about the audience of the builder: by a tag, ten rows, who can be reached, overlaps."""
    if request.method == "GET":
        return redirect("audience_new")
    try:
        shown = looked(request.POST, person_of(request))
    except NightError:
        return render(request, "campaigns/no_night_part.html", {})
    return render(request, "campaigns/look.html", shown)


@page(May.AUDIENCE)
@require_GET
def tag_list(request: HttpRequest) -> HttpResponse:
    """Tags whose name or title has a text in it, to be picked for a condition."""
    try:
        shown = {"groups": grouped(request.GET.get("q", "")[:100]), "wanted": request.GET.get("q", "")}
    except NightError:
        return render(request, "campaigns/no_night_part.html", {})
    return render(request, "campaigns/tags.html", shown)


@page(May.CAMPAIGN)
@require_http_methods(["GET", "POST"])
def bring(request: HttpRequest) -> HttpResponse:
    """Brings a list of customers as a file; what stands in it is forgotten when the answer is sent."""
    asked = request.POST
    if request.method == "POST":
        try:
            file = request.FILES.get("file")
            begun = lists.bring_list(
                asked.get("title", ""), asked.get("kind", ""), _whole(asked.get("column")) or 1,
                asked.get("proof", ""), file if not isinstance(file, list) else None, by=person_of(request),
            )  # fmt: skip
            return redirect("job", begun.pk)
        except NotAllowed as error:
            messages.error(request, _("Not done: %(rule)s.") % {"rule": _(str(error))})
    shown = {
        "kinds": lists.KINDS.items(), "asked": asked, "column": _whole(asked.get("column")) or 1,
        "most_rows": lists.MOST_ROWS,
    }  # fmt: skip
    return render(request, "campaigns/bring.html", shown)


@page(May.CAMPAIGN)
@require_GET
def list_rows(request: HttpRequest, number: int) -> HttpResponse:
    """Rows of a list that were not taken, as a file: row numbers and reasons, no values."""
    job = jobs_of(person_of(request)).filter(pk=number, kind=lists.JOB).first()
    if job is None:
        raise Http404
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([_("Row number"), _("Reason")])
    writer.writerows(lists.left_rows(job))
    answer = HttpResponse("\ufeff" + out.getvalue(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="list-{job.pk}-rows.csv"'
    return answer


def _around(request: HttpRequest, built: Builder) -> dict[str, Any]:
    """What the builder's page needs besides the builder."""
    return {
        "b": built, "groups": grouped(), "kinds": KINDS, "panels": PANELS, "means": MEANS.items(),
        "may_save": person_of(request).may(May.CAMPAIGN),
    }  # fmt: skip


def _whole(text: str | None) -> int:
    given = (text or "").strip().replace(",", "")
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 10 else 0
