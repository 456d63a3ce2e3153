"""Pages of coming in and going out: password, single sign-on, second factor, links, confirming."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.forms import SetPasswordForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from quanke_desk.foundation import audit, entering, passwords, second_factor, single_sign_on
from quanke_desk.foundation.attempts import Locked
from quanke_desk.foundation.demo import PASSWORD
from quanke_desk.foundation.entering import Pending, Step, Way
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.pages import page, person_of, public
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May
from quanke_desk.foundation.sessions import end_current, make_sure
from quanke_desk.web.account_pages import NEW_SECRET, secret_of


@public
@require_http_methods(["GET", "POST"])
def log_in(request: HttpRequest) -> HttpResponse:
    """Name and password, or single sign-on; in a demo with the people to log in as."""
    error = ""
    if request.method == "POST":
        name, password = request.POST.get("username", ""), request.POST.get("password", "")
        try:
            step = entering.enter(request, name, password, safe(request, request.POST.get("next", "")))
            if step is not None:
                return _on(request, step, request.POST.get("next", ""))
            error = _("Name or password is wrong.")
        except Locked:
            error = _locked()
    demo = list(Person.objects.filter(username__startswith="demo-")) if settings.QUANKE_DEMO else []
    shown = {
        "error": error,
        "next": request.GET.get("next", ""),
        "people": demo,
        "password": PASSWORD,
        "sign_on": single_sign_on.provider() is not None,
    }
    return render(request, "desk/login.html", shown, status=401 if error else 200)


@public
@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    """Ends the session."""
    if isinstance(request.user, Person):
        audit.record(request.user, "logout", f"person:{request.user.pk}")
        end_current(request)
    logout(request)
    return redirect("login")


@public
@require_http_methods(["GET", "POST"])
def second(request: HttpRequest) -> HttpResponse:
    """After the password: a code, or a security key."""
    held = entering.pending(request, Step.SECOND)
    if held is None:
        return redirect("login")
    waits, person = held
    error = ""
    if request.method == "POST":
        try:
            step = entering.second(request, request.POST.get("code", ""), request.POST.get("key", ""))
            if step is not None:
                return _on(request, step, waits.to)
            error = _("That was not right. Try again.")
        except Locked:
            error = _locked()
    shown = {"error": error, "person": person, "key": second_factor.ask_key(request, person)}
    return render(request, "desk/second.html", shown, status=401 if error else 200)


@public
@require_http_methods(["GET", "POST"])
def set_up(request: HttpRequest) -> HttpResponse:
    """After the password, of whose role needs a second factor and who has none: to set one up."""
    held = entering.pending(request, Step.SET_UP)
    if held is None:
        return redirect("login")
    waits, person = held
    error, secret = "", secret_of(request)
    if request.method == "POST":
        key = request.POST.get("key", "")
        try:
            if key:
                second_factor.add_key(request, person, key, request.POST.get("name", ""))
            else:
                second_factor.add_app(person, secret, request.POST.get("code", ""))
            request.session.pop(NEW_SECRET, None)
            return _set_up_done(request, person, "key" if key else "totp", waits)
        except NotAllowed as refused:
            error = _(str(refused))
    shown = {
        "error": error,
        "person": person,
        "secret": secret,
        "picture": second_factor.picture_of(person, secret),
        "key": second_factor.begin_key(request, person),
    }
    return render(request, "desk/set_up.html", shown, status=401 if error else 200)


@public
@require_http_methods(["GET", "POST"])
def new_password(request: HttpRequest) -> HttpResponse:
    """After everything else, of whose password has become too old: a new one."""
    held = entering.pending(request, Step.PASSWORD)
    if held is None:
        return redirect("login")
    waits, person = held
    form = SetPasswordForm(person, request.POST or None)
    if request.method == "POST" and form.is_valid():
        if person.check_password(form.cleaned_data["new_password1"]):
            form.add_error("new_password1", _("This is the old one."))
        else:
            return _on(request, entering.new_password(request, form.cleaned_data["new_password1"]), waits.to)
    return render(request, "desk/new_password.html", {"form": form, "expired": True})


@public
@require_http_methods(["GET", "POST"])
def link(request: HttpRequest, token: str) -> HttpResponse:
    """A link made by the administrator: sets a password, once; then one logs in with it."""
    person = passwords.person_of_link(token)
    if person is None:
        return render(request, "desk/no_link.html", status=404)
    form = SetPasswordForm(person, request.POST or None)
    if request.method == "POST" and form.is_valid():
        if passwords.use_link(token, form.cleaned_data["new_password1"]):
            messages.success(request, _("The password is set. Log in with it."))
            return redirect("login")
        return render(request, "desk/no_link.html", status=404)
    return render(request, "desk/new_password.html", {"form": form, "person": person})


@public
@require_GET
def sign_on(request: HttpRequest) -> HttpResponse:
    """To the bank's provider of single sign-on; of who is logged in, to prove again who he is."""
    again = isinstance(request.user, Person)
    try:
        to = single_sign_on.leave(request, safe(request, request.GET.get("next", "")), again)
    except NotAllowed as refused:
        messages.error(request, _(str(refused)))
        return redirect("login")
    return redirect(to)


@public
@require_GET
def sign_on_back(request: HttpRequest) -> HttpResponse:
    """Back from the provider."""
    try:
        back = single_sign_on.come_back(request)
    except NotAllowed as refused:
        messages.error(request, _(str(refused)))
        return redirect("login")
    if back.again:
        if back.person != request.user:
            messages.error(request, _("single sign-on did not succeed"))
            return redirect("home")
        make_sure(request)
        audit.record(back.person, "login.confirmed", f"person:{back.person.pk}", detail={"way": "sign_on"})
        return redirect(back.to or "home")
    return _on(request, entering.begin(request, back.person, Way.SIGN_ON, back.to), back.to)


@page(May.OWN)
@require_http_methods(["GET", "POST"])
def confirm(request: HttpRequest) -> HttpResponse:
    """Before a sensitive change: proves again who one is, by the second factor if there is one."""
    person, error = person_of(request), ""
    to = safe(request, request.POST.get("next", "") or request.GET.get("next", ""))
    if request.method == "POST":
        words = {name: request.POST.get(name, "") for name in ("password", "code", "key")}
        try:
            if entering.confirm(request, person, **words):
                messages.success(request, _("Confirmed. Please do it once more."))
                return redirect(to or "account")
            error = _("That was not right. Try again.")
        except Locked:
            error = _locked()
    shown = {
        "error": error,
        "next": to,
        "factor": second_factor.has_factor(person),
        "key": second_factor.ask_key(request, person),
        "sign_on": single_sign_on.provider() is not None,
    }
    return render(request, "desk/confirm.html", shown)


def safe(request: HttpRequest, to: str) -> str:
    """An address of this desk, or empty."""
    return to if url_has_allowed_host_and_scheme(to, {request.get_host()}, request.is_secure()) else ""


def _on(request: HttpRequest, step: Step, to: str) -> HttpResponse:
    return redirect((safe(request, to) if step is Step.IN else "") or reverse(step.value))


def _set_up_done(request: HttpRequest, person: Person, kind: str, waits: Pending) -> HttpResponse:
    """Shows the recovery codes, once, with the way on."""
    codes = second_factor.new_recovery_codes(person)
    step = entering.set_up_done(request, kind)
    to = (safe(request, waits.to) if step is Step.IN else "") or reverse(step.value)
    return render(request, "desk/recovery_codes.html", {"codes": codes, "on": to})


def _locked() -> str:
    return _("Too many failed attempts. Try again later, or ask your administrator.")
