"""What every list offers: columns remembered, views kept under a name, the list as a file."""

from __future__ import annotations

import tempfile
from pathlib import Path

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from quanke_desk.foundation import audit
from quanke_desk.foundation import views as kept
from quanke_desk.foundation.exports import export, is_long, name_of
from quanke_desk.foundation.filters import query_of
from quanke_desk.foundation.jobs import begin
from quanke_desk.foundation.models import Export
from quanke_desk.foundation.pages import page, person_of
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May
from quanke_desk.web.jobs import exports_folder

TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@page(May.OWN)
@require_POST
def views(request: HttpRequest) -> HttpResponse:
    """Remembers columns and density of a list, keeps a view of it under a title, or removes one."""
    person, asked = person_of(request), request.POST
    name, query = asked.get("list", ""), asked.get("query", "")
    try:
        if asked.get("do") == "columns":
            chosen, dense = asked.getlist("cols"), asked.get("dense") == "1"
            kept.remember(person, name, chosen, dense)
            others = {k: v for k, v in kept.read_query(query).items() if k not in ("cols", "dense")}
            query = query_of({**others, "cols": ",".join(chosen), "dense": "1" if dense else ""})
        elif asked.get("do") == "remove":
            kept.remove(person, asked.get("number", ""))
        else:
            shared, default = asked.get("shared") == "1", asked.get("default") == "1"
            view = kept.save(person, name, asked.get("title", ""), query, shared=shared, default=default)
            query = view.query
            messages.success(request, _("The view is kept."))
    except NotAllowed as error:
        messages.error(request, _("Not done: %(rule)s.") % {"rule": _(str(error))})
    return redirect(_back(request) + "?" + (query or "page=1"))


@page(May.EXPORT)
@require_POST
def exports(request: HttpRequest) -> HttpResponseBase:
    """The list as a file; where a rule forbids it, back to the list with the rule."""
    person, asked = person_of(request), request.POST
    query = asked.get("query", "")
    folder = tempfile.TemporaryDirectory()
    try:
        address = f"{_back(request)}?{query}"
        words = {n: asked.get(n, "") for n in ("kind", "reason")}
        if is_long(person, asked.get("list", ""), address, **words):
            begun = begin(
                "list.export", {"name": asked.get("list", ""), "address": address, **words}, by=person
            )
            folder.cleanup()
            return redirect("job", begun.pk)
        made = export(
            person,
            asked.get("list", ""),
            address,
            asked.get("kind", ""),
            asked.get("reason", ""),
            Path(folder.name),
        )
    except NotAllowed as error:
        folder.cleanup()
        messages.error(request, _("Not done: %(rule)s.") % {"rule": _(str(error))})
        return redirect(_back(request) + "?" + (query or "page=1"))
    except BaseException:
        folder.cleanup()
        raise
    answer = FileResponse(
        made.path.open("rb"), as_attachment=True, filename=made.name, content_type=TYPES[made.export.kind]
    )
    answer._resource_closers.append(folder.cleanup)  # type: ignore[attr-defined]  # after the file is closed
    return answer


@page(May.EXPORT)
@require_GET
def export_file(request: HttpRequest, number: int) -> HttpResponseBase:
    """The file a job made of a list, for whose export it is; taking it is on record."""
    made = get_object_or_404(Export, pk=number, person=person_of(request))
    path = exports_folder() / f"{made.pk}.{made.kind}"
    if not path.is_file():
        raise Http404
    audit.record(made.person, "list.export_taken", f"export:{made.pk}")
    return FileResponse(
        path.open("rb"), as_attachment=True, filename=name_of(made), content_type=TYPES[made.kind]
    )


def _back(request: HttpRequest) -> str:
    """Path of the page the list stands on; the first page for one that is not of this desk."""
    path = request.POST.get("path", "").partition("?")[0]
    return path if path.startswith("/") and url_has_allowed_host_and_scheme(path, None) else "/"
