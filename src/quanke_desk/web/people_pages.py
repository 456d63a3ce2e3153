"""Pages of who keeps people: who there is, roles, seats, stand-ins, leaving; passwords, locks, sessions."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from quanke_desk.foundation import attempts, guarded, people
from quanke_desk.foundation.filters import Filter, asked_of
from quanke_desk.foundation.jobs import begin
from quanke_desk.foundation.lists import Column, QuerysetSource, listing
from quanke_desk.foundation.models import Approval, Branch, Person, Post, Seat
from quanke_desk.foundation.pages import page, person_of
from quanke_desk.foundation.passwords import make_link
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import GUARDED, May, Role
from quanke_desk.foundation.sessions import sessions_of, sure

PEOPLE = (
    Column("name", _lazy("Name"), "link"),
    Column("username", _lazy("User name")),
    Column("staff_id", _lazy("Staff number"), sorts=False),
    Column("role", _lazy("Role")),
    Column("branch", _lazy("Branch")),
    Column("state", _lazy("State"), sorts=False),
    Column("left_on", _lazy("Left on"), "day", shown=False),
)


@page(May.PEOPLE)
@require_GET
def everybody(request: HttpRequest) -> HttpResponse:
    """People by name, staff number, role and branch; the filters stand in the address."""
    filters = (
        Filter("q", _lazy("Name, user name or staff number")),
        Filter("role", _lazy("Role"), "choice", Role.choices),
        Filter("state", _lazy("State"), "choice", (("True", _lazy("active")), ("False", _lazy("left")))),
    )
    asked = asked_of(request, "people", filters)
    found = asked.narrow(
        Person.objects.select_related("branch"),
        {
            "q": ("name__icontains", "username__icontains", "staff_id__iexact"),
            "role": "role",
            "state": "is_active",
        },
    )
    paths = {
        "name": "name",
        "username": "username",
        "role": "role",
        "branch": "branch__left",
        "left_on": "left_on",
    }
    source = QuerysetSource(found, paths, _person_row)
    return render(request, "desk/people.html", {"listed": listing(request, "people", PEOPLE, source, asked)})


def _person_row(held: Person) -> dict[str, Any]:
    return {
        "name": (held.name, reverse("person", args=[held.pk])),
        "username": held.username,
        "staff_id": held.staff_id,
        "role": held.get_role_display(),
        "branch": str(held.branch or ""),
        "state": _("active") if held.is_active else _("left"),
        "left_on": held.left_on,
    }


@page(May.PEOPLE)
@require_http_methods(["GET", "POST"])
@sure
def person(request: HttpRequest, number: int) -> HttpResponse:
    """One person: seats; another role, a stand-in, a link to a password, or leaving, with a reason."""
    shown = get_object_or_404(Person.objects.select_related("branch"), pk=number)
    if request.method == "POST":
        try:
            if asked := _ask_second(request, shown):
                messages.success(request, _("A second person has to agree; you are told when it is decided."))
                return redirect(reverse("approval", args=[asked.pk]))
            token = _do(request, shown)
            if token:
                return _link_page(request, shown, token)
            messages.success(request, _("Done, and on record."))
            return redirect(reverse("person", args=[number]))
        except NotAllowed as error:
            messages.error(request, _("Not done: %(rule)s.") % {"rule": _(str(error))})
            shown.refresh_from_db()
    found = {
        "shown": shown,
        "seats": shown.seats.select_related("post__branch").order_by("-since"),
        "today": dt.date.today(),
        "roles": Role,
        "factors": shown.factors.count(),
        "sessions": sessions_of(shown).count(),
        "guarded": shown.role in GUARDED,
        "link_agreed": shown.role in GUARDED and guarded.may_make_link(shown, person_of(request)),
    }
    return render(request, "desk/person.html", found)


@page(May.PEOPLE)
@require_http_methods(["GET", "POST"])
@sure
def new_person(request: HttpRequest) -> HttpResponse:
    """Makes a person, and shows the link by which he sets his password, once; where his role needs a second
    person there is none before that one agreed to both."""
    error = ""
    asked = {name: request.POST.get(name, "") for name in ("username", "name", "role", "staff_id", "branch")}
    if request.method == "POST":
        try:
            branch = Branch.objects.filter(branch_id=asked["branch"].strip()).first()
            if asked["branch"].strip() and branch is None:
                raise NotAllowed("no such branch")
            by = person_of(request)
            # whoever is to see customers or to decide begins as staff, until a second person agrees
            waits = asked["role"] in GUARDED
            with transaction.atomic():
                made = people.make_person(
                    asked["username"], asked["name"], Role.STAFF if waits else asked["role"],
                    by=by, branch=branch, staff_id=asked["staff_id"],
                )  # fmt: skip
                if waits:
                    reason = _("new person")
                    wanted = guarded.ask_for(guarded.ROLE, made, by=by, reason=reason, role=asked["role"])
                    messages.success(
                        request, _("A second person has to agree; you are told when it is decided.")
                    )
                    return redirect(reverse("approval", args=[wanted.pk]))
            return _link_page(request, made, make_link(made, by=by))
        except NotAllowed as refused:
            error = _("Not done: %(rule)s.") % {"rule": _(str(refused))}
    return render(request, "desk/new_person.html", {"error": error, "asked": asked, "roles": Role})


@page(May.PEOPLE)
@require_POST
@sure
def bring(request: HttpRequest) -> HttpResponse:
    """Begins bringing the bank's people, posts and branches, as a long job."""
    begun = begin("people.bring", by=person_of(request))
    return redirect(reverse("job", args=[begun.pk]))


@page(May.PEOPLE)
@require_http_methods(["GET", "POST"])
@sure
def locks(request: HttpRequest) -> HttpResponse:
    """Names and addresses with failed log-ins now, and unlocking them with a reason."""
    if request.method == "POST":
        by, reason = person_of(request), request.POST.get("reason", "")
        number, address = request.POST.get("person", ""), request.POST.get("address", "")
        try:
            if number.isdecimal() and len(number) < 19:
                people.unlock(get_object_or_404(Person, pk=int(number)), by=by, reason=reason)
            else:
                people.unlock_address(address, by=by, reason=reason)
            messages.success(request, _("Done, and on record."))
        except NotAllowed as refused:
            messages.error(request, _("Not done: %(rule)s.") % {"rule": _(str(refused))})
        return redirect("locks")
    return render(request, "desk/locks.html", {"locks": attempts.locks()})


def _ask_second(request: HttpRequest, shown: Person) -> Approval | None:
    """What was asked of a second person, where what the form asks takes one; else null."""
    by, asked, reason = person_of(request), request.POST, request.POST.get("reason", "")
    what, role = asked.get("do", guarded.ROLE), asked.get("role", "")
    if what not in guarded.TITLES or not guarded.needs_two(shown, what, role):
        return None
    if what == guarded.LINK and guarded.may_make_link(shown, by):
        return None
    return guarded.ask_for(what, shown, by=by, reason=reason, role=role)


def _do(request: HttpRequest, shown: Person) -> str:
    """Does what the form asks; the token of a link where one was made."""
    by, asked, reason = person_of(request), request.POST, request.POST.get("reason", "")
    what = asked.get("do", "role")
    if what == "link":
        make = guarded.agreed_link if shown.role in GUARDED else people.link_for
        return make(shown, by=by, reason=reason)
    if what == "leave":
        people.leave(shown, by=by, reason=reason)
    elif what == "stand_in":
        post = Post.objects.filter(post_id=asked.get("post", "").strip()).first()
        if post is None:
            raise NotAllowed("no such post")
        since, until = _day(asked.get("since", "")), _day(asked.get("until", ""))
        people.stand_in(shown, post, since, until, by=by, reason=reason)
    elif what == "end_seat":
        number = asked.get("seat", "")
        found = shown.seats.filter(pk=int(number) if number.isdecimal() and len(number) < 19 else 0)
        people.end_seat(get_object_or_404(Seat, pk__in=found), by=by, reason=reason)
    elif what == "factors":
        people.take_factors(shown, by=by, reason=reason)
    elif what == "put_out":
        people.put_out(shown, by=by, reason=reason)
    else:
        people.give_role(shown, asked.get("role", ""), by=by, reason=reason)
    return ""


def _day(given: str) -> dt.date:
    try:
        return dt.date.fromisoformat(given)
    except ValueError:
        raise NotAllowed("a day as year-month-day") from None


def _link_page(request: HttpRequest, shown: Person, token: str) -> HttpResponse:
    address = request.build_absolute_uri(reverse("password_link", args=[token]))
    return render(request, "desk/password_link.html", {"shown": shown, "address": address})
