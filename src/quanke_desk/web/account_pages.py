"""Pages of one's own account: password, second factors, sessions."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.forms import PasswordChangeForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from quanke_desk.foundation import audit, second_factor
from quanke_desk.foundation.attempts import Locked
from quanke_desk.foundation.entering import change_password, own_password_tried
from quanke_desk.foundation.pages import page, person_of
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May
from quanke_desk.foundation.sessions import current, end_session, end_sessions, sessions_of, sure

NEW_SECRET = "new_factor_secret"


def secret_of(request: HttpRequest) -> str:
    """The secret of the app that is being set up: the same while its page is open, and never an old one."""
    held: str = request.session.get(NEW_SECRET) or second_factor.new_secret()
    request.session[NEW_SECRET] = held
    return held


@page(May.OWN)
@require_http_methods(["GET", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """One's own password, second factors and sessions; changing the password ends one's other sessions."""
    person = person_of(request)
    has_password = person.has_usable_password()
    form = PasswordChangeForm(person, request.POST or None) if has_password else None
    if form is not None:
        form.fields["old_password"].widget.attrs.pop("autofocus", None)  # it stands at the end of the page
    if request.method == "POST" and form is not None:
        try:
            own_password_tried(request, person)
            if form.is_valid():
                change_password(request, form.cleaned_data["new_password1"])
                messages.success(request, _("Done, and on record."))
                return redirect("account")
            if "old_password" in form.errors:
                own_password_tried(request, person, wrong=True)
        except Locked:
            messages.error(
                request, _("Too many failed attempts. Try again later, or ask your administrator.")
            )
            return redirect("account")
    shown = {
        "form": form,
        "factors": person.factors.all(),
        "codes_left": second_factor.codes_left(person),
        "needed": second_factor.required(person),
        "sessions": sessions_of(person),
        "current": current(request),
    }
    return render(request, "desk/account.html", shown)


@page(May.OWN)
@require_POST
def end(request: HttpRequest) -> HttpResponse:
    """Ends one of one's own sessions, or all but this one."""
    person, asked = person_of(request), request.POST.get("session", "")
    if asked == "others":
        end_sessions(person, current(request))
        audit.record(person, "session.end_others", f"person:{person.pk}")
    elif asked.isdecimal() and len(asked) < 19:
        end_session(person, int(asked))
    messages.success(request, _("Done, and on record."))
    return redirect("account")


@page(May.OWN)
@require_http_methods(["GET", "POST"])
@sure
def add_factor(request: HttpRequest) -> HttpResponse:
    """Sets up an authenticator app or a security key."""
    person, error, secret = person_of(request), "", secret_of(request)
    if request.method == "POST":
        first, key = not second_factor.has_factor(person), request.POST.get("key", "")
        try:
            if key:
                second_factor.add_key(request, person, key, request.POST.get("name", ""))
            else:
                second_factor.add_app(person, secret, request.POST.get("code", ""))
            request.session.pop(NEW_SECRET, None)
            request.session.cycle_key()
            if first:
                return _codes(request)
            messages.success(request, _("Done, and on record."))
            return redirect("account")
        except NotAllowed as refused:
            error = _(str(refused))
    shown = {
        "error": error,
        "person": person,
        "secret": secret,
        "picture": second_factor.picture_of(person, secret),
        "key": second_factor.begin_key(request, person),
    }
    return render(request, "desk/set_up.html", shown)


@page(May.OWN)
@require_POST
@sure
def change_factor(request: HttpRequest) -> HttpResponse:
    """Takes a second factor away, or makes new recovery codes."""
    person, asked = person_of(request), request.POST.get("factor", "")
    if asked == "codes":
        if second_factor.has_factor(person):
            return _codes(request)
        return redirect("account")
    try:
        if asked.isdecimal() and len(asked) < 19:
            second_factor.remove(person, int(asked))
        messages.success(request, _("Done, and on record."))
    except NotAllowed as refused:
        messages.error(request, _("Not done: %(rule)s.") % {"rule": _(str(refused))})
    return redirect("account")


def _codes(request: HttpRequest) -> HttpResponse:
    codes = second_factor.new_recovery_codes(person_of(request))
    return render(request, "desk/recovery_codes.html", {"codes": codes, "on": reverse("account")})
