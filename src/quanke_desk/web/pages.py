"""Pages of the shell: log in and out, home, people, audit, health."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.forms import PasswordChangeForm
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.i18n import set_language

from quanke.kernel.errors import NightError
from quanke_desk.foundation import audit
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.demo import PASSWORD
from quanke_desk.foundation.entering import Locked, change_password, enter
from quanke_desk.foundation.models import AuditEntry, Person
from quanke_desk.foundation.pages import page, person_of, public
from quanke_desk.foundation.people import NotAllowed, give_role, leave
from quanke_desk.foundation.roles import May, Role
from quanke_desk.foundation.scope import scope_of
from quanke_desk.web.figures import home_figures

ROWS = 50


@public
@require_http_methods(["GET", "POST"])
def log_in(request: HttpRequest) -> HttpResponse:
    """Name and password; in a demo with the people to log in as."""
    error = ""
    if request.method == "POST":
        try:
            person = enter(request, request.POST.get("username", ""), request.POST.get("password", ""))
        except Locked:
            person, error = None, _("Too many failed attempts. Try again later, or ask your administrator.")
        if person is not None:
            to = request.POST.get("next", "")
            safe = url_has_allowed_host_and_scheme(to, {request.get_host()}, request.is_secure())
            return redirect(to if safe else "home")
        error = error or _("Name or password is wrong.")
    demo = list(Person.objects.filter(username__startswith="demo-")) if settings.QUANKE_DEMO else []
    shown = {"error": error, "next": request.GET.get("next", ""), "people": demo, "password": PASSWORD}
    return render(request, "desk/login.html", shown, status=401 if error else 200)


@public
@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    """Ends the session."""
    if isinstance(request.user, Person):
        audit.record(request.user, "logout", f"person:{request.user.pk}")
    logout(request)
    return redirect("login")


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
    """Who one is, where one belongs and how many customers one may see."""
    person = person_of(request)
    scope = scope_of(person)
    try:
        shown = home_figures(scope)
    except NightError:
        shown = {"count": None}
    return render(request, "desk/home.html", {"scope": scope, **shown})


@page(May.OWN)
@require_http_methods(["GET", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """One's own password; changing it ends one's other sessions."""
    form = PasswordChangeForm(person_of(request), request.POST or None)
    if request.method == "POST" and form.is_valid():
        change_password(request, form.cleaned_data["new_password1"])
        messages.success(request, _("Done, and on record."))
        return redirect("account")
    return render(request, "desk/account.html", {"form": form})


@page(May.PEOPLE)
@require_GET
def people(request: HttpRequest) -> HttpResponse:
    """People by name, staff number and role; the filter stands in the address."""
    asked, role = request.GET.get("q", "").strip(), request.GET.get("role", "")
    found = Person.objects.select_related("branch")
    if asked:
        found = found.filter(
            Q(name__icontains=asked) | Q(username__icontains=asked) | Q(staff_id__iexact=asked)
        )
    if role in Role.values:
        found = found.filter(role=role)
    listed = Paginator(found, ROWS).get_page(request.GET.get("page"))
    return render(request, "desk/people.html", {"listed": listed, "q": asked, "role": role, "roles": Role})


@page(May.PEOPLE)
@require_http_methods(["GET", "POST"])
def person(request: HttpRequest, number: int) -> HttpResponse:
    """One person: seats; another role, or leaving, with a reason."""
    shown = get_object_or_404(Person.objects.select_related("branch"), pk=number)
    if request.method == "POST":
        reason = request.POST.get("reason", "")
        try:
            if request.POST.get("do") == "leave":
                leave(shown, by=person_of(request), reason=reason)
            else:
                give_role(shown, request.POST.get("role", ""), by=person_of(request), reason=reason)
            messages.success(request, _("Done, and on record."))
            return redirect(reverse("person", args=[number]))
        except NotAllowed as error:
            messages.error(request, _("Not done: %(rule)s.") % {"rule": _(str(error))})
            shown.refresh_from_db()
    seats = shown.seats.select_related("post__branch").order_by("-since")
    return render(request, "desk/person.html", {"shown": shown, "seats": seats, "roles": Role})


@page(May.AUDIT)
@require_GET
def audit_log(request: HttpRequest) -> HttpResponse:
    """The audit, newest first, by person, action and subject; reading it is on record, too."""
    found = AuditEntry.objects.select_related("person")
    asked = {n: request.GET.get(n, "").strip() for n in ("action", "subject", "person")}
    if asked["action"]:
        found = found.filter(action__startswith=asked["action"])
    if asked["subject"]:
        found = found.filter(subject=asked["subject"])
    if asked["person"]:
        found = found.filter(person__username=asked["person"])
    listed = Paginator(found, ROWS).get_page(request.GET.get("page"))
    detail = {"by": [name for name in asked if asked[name]]}
    audit.record(person_of(request), "audit.read", "audit", detail=detail)
    return render(request, "desk/audit.html", {"listed": listed, "asked": asked})
