"""Pages of a head: what the posts did and left undone, and who uses the tool."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from quanke.kernel.errors import NightError
from quanke_desk.foundation.lists import Column, RowsSource, listing
from quanke_desk.foundation.models import Post
from quanke_desk.foundation.pages import page, person_of
from quanke_desk.foundation.roles import May
from quanke_desk.work import actions, team_queries
from quanke_desk.work.overdue import POST, place_of

FIGURES = {
    "planned": gettext_lazy("Planned"),
    "done": gettext_lazy("Done"),
    "effective": gettext_lazy("Effective"),
    "open": gettext_lazy("Not done"),
    "overdue": gettext_lazy("Overdue"),
}
LATE = {
    "contacts": gettext_lazy("Contacts overdue"),
    "follow_ups": gettext_lazy("Follow-ups overdue"),
}
USE = {
    "people": gettext_lazy("People"),
    "logged_in": gettext_lazy("Logged in"),
    "opened": gettext_lazy("Opened the morning"),
    "recorded": gettext_lazy("Recorded a contact"),
}
COLUMNS = (
    Column("post_link", gettext_lazy("Post"), "link", sorts=False),
    Column("branch", gettext_lazy("Branch")),
    Column("role", gettext_lazy("Role")),
    Column("people", gettext_lazy("Who sits there"), sorts=False),
    *(Column(name, title, "number") for name, title in {**FIGURES, **LATE}.items()),
)
BEHIND = (
    Column("name", gettext_lazy("Name")),
    Column("customer", gettext_lazy("Customer number")),
    Column("title", gettext_lazy("What to do")),
    Column("due_on", gettext_lazy("Until"), "day"),
    Column("value", gettext_lazy("Worth"), "money"),
    Column("outcome", gettext_lazy("Outcome")),
    Column("at", gettext_lazy("When"), "moment"),
    Column("evidence", gettext_lazy("Proven"), "yes"),
)


@page(May.SUPERVISE)
@require_GET
def team(request: HttpRequest) -> HttpResponse:
    """What each post planned, did and left undone; use of the tool by week."""
    person = person_of(request)
    try:
        rows = team_queries.team(person)
    except NightError:
        rows = []
    for row in rows:
        address = reverse("team_post", args=[row["pk"]]) if row["pk"] else ""
        row["post_link"] = (row["post"], address or reverse("team_late", args=[row["place"]]))
    total = {name: sum(row[name] for row in rows) for name in (*FIGURES, *LATE)}
    weeks = [
        {**asdict(w), "shares": [(n, getattr(w, n), title) for n, title in USE.items()]}
        for w in team_queries.adoption(person)
    ]
    shown = {
        "listed": listing(request, "team", COLUMNS, RowsSource(rows)),
        "weeks": weeks,
        "uses": USE.values(),
        "total": [(title, total[name]) for name, title in {**FIGURES, **LATE}.items()],
    }
    return render(request, "work/team.html", shown)


@page(May.SUPERVISE)
@require_http_methods(["GET", "POST"])
def team_post(request: HttpRequest, number: int) -> HttpResponse:
    """The customers behind a figure of one post, masked; reminds who sits there."""
    person = person_of(request)
    post = Post.objects.select_related("branch").filter(pk=number).first()
    figure = request.GET.get("what", "open")
    try:
        rows = None if post is None else team_queries.rows_behind(person, post, figure)
    except NightError:
        rows = None
    if post is None or rows is None:
        raise Http404
    if request.method == "POST":
        late = sum(
            len(team_queries.rows_behind(person, post, name) or [])
            for name in ("overdue", *team_queries.LATE)
        )
        told = actions.remind(post, late, by=person)
        if told:
            messages.success(request, _("Reminded: %(count)s") % {"count": told})
        else:
            messages.error(request, _("Nobody sits on this post today."))
        return redirect("team_post", number)
    tabs = [
        (name, title, len(team_queries.rows_behind(person, post, name) or []))
        for name, title in {**FIGURES, **LATE}.items()
    ]
    shown = {
        "post": post,
        "figure": figure,
        "tabs": tabs,
        "listed": listing(request, "team_post", BEHIND, RowsSource(rows)),
    }
    return render(request, "work/team_post.html", shown)


@page(May.SUPERVISE)
@require_GET
def team_late(request: HttpRequest, place: str) -> HttpResponse:
    """Follow-ups that are overdue and no post's: of a person, a lobby, an outlet, the remote team."""
    at = place_of(place)
    try:
        rows = None if at is None else team_queries.late_rows(person_of(request), at)
    except NightError:
        rows = None
    if at is None or rows is None or at.kind == POST:
        raise Http404
    title, branch = team_queries.called_place(at)
    listed = listing(request, "team_late", BEHIND[:4], RowsSource(rows))
    return render(request, "work/team_late.html", {"title": title, "branch": branch, "listed": listed})


@page(May.SUPERVISE)
@require_GET
def team_use(request: HttpRequest) -> HttpResponse:
    """The people behind a figure of use of a week."""
    try:
        first = dt.date.fromisoformat(request.GET.get("week", ""))
    except ValueError:
        return redirect("team")
    what = request.GET.get("what", "people")
    found = team_queries.used(person_of(request), first, what)
    if found is None:
        raise Http404
    columns = (
        Column("name", gettext_lazy("Name")),
        Column("role", gettext_lazy("Role")),
        Column("branch", gettext_lazy("Branch")),
    )
    rows = [
        {"name": p.name, "role": p.get_role_display(), "branch": str(p.branch or "-")}
        for p in found.select_related("branch")
    ]
    listed = listing(request, "team_use", columns, RowsSource(rows))
    return render(request, "work/team_use.html", {"listed": listed, "first": first, "title": USE[what]})
