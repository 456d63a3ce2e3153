"""Coming in, step by step: name and password or single sign-on, then what else is asked of this person.

Until the last step is done nobody is logged in: who he will be waits in the session for ten minutes, under
a key that is changed at each step."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate, login, update_session_auth_hash
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest

from quanke_desk.foundation import attempts, audit
from quanke_desk.foundation.addresses import address_of
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.passwords import expired, set_password
from quanke_desk.foundation.second_factor import check_code, check_key, has_factor, required
from quanke_desk.foundation.sessions import WAY, current, end_current, make_sure

PENDING, PATIENCE = "entering", 600


class Way(StrEnum):
    """How somebody begins to come in."""

    PASSWORD = "password"
    SIGN_ON = "sign_on"


class Step(StrEnum):
    """What is asked next; the names of its pages."""

    IN = "home"
    SECOND = "second"
    SET_UP = "set_up"
    PASSWORD = "new_password"


@dataclass
class Pending:
    """Who is about to come in, and how far he is."""

    person: int
    way: str
    to: str
    at: float
    second: str = ""
    password: bool = False


def enter(request: HttpRequest, username: str, password: str, to: str = "") -> Step | None:
    """Checks name and password; what is asked next, or null where one of them is wrong. Raises Locked.

    The answer is the same for names that are not there, and takes as long."""
    name, address = attempts.digest_of(username), address_of(request)
    attempts.check(name, address)
    person = authenticate(request, username=username.strip(), password=password)
    if not isinstance(person, Person):
        attempts.failed(name, address)
        return None
    return begin(request, person, Way.PASSWORD, to)


def begin(request: HttpRequest, person: Person, way: Way, to: str = "") -> Step:
    """A person has shown who he is in one way: under a new session key, goes on to what is asked next."""
    end_current(request)
    request.session.flush()
    return _go_on(request, Pending(person.pk, way, to, time.time()), person)


def pending(request: HttpRequest, step: Step) -> tuple[Pending, Person] | None:
    """Who is at a step now; null for nobody, or after ten minutes."""
    held = request.session.get(PENDING)
    if not held:
        return None
    waits = Pending(**held)
    person = Person.objects.filter(pk=waits.person, is_active=True).first()
    if person is None or not 0 <= time.time() - waits.at < PATIENCE or _next(waits, person) is not step:
        return None
    return waits, person


def second(request: HttpRequest, code: str = "", key: str = "") -> Step | None:
    """Checks a second factor of who is at that step; what is asked next, or null where it is wrong. Raises
    Locked: failures count as those of a password do."""
    held = pending(request, Step.SECOND)
    if held is None:
        raise PermissionDenied
    waits, person = held
    kind = _checked(request, person, code, key)
    if not kind:
        return None
    waits.second = kind
    return _go_on(request, waits, person)


def set_up_done(request: HttpRequest, kind: str) -> Step:
    """Who had to set up a second factor has done it."""
    held = request.session.get(PENDING)
    if not held:
        raise PermissionDenied
    waits = Pending(**held)
    waits.second = kind
    return _go_on(request, waits, Person.objects.get(pk=waits.person))


def new_password(request: HttpRequest, password: str) -> Step:
    """Sets the password of who is at that step, whose old one no longer holds."""
    held = pending(request, Step.PASSWORD)
    if held is None:
        raise PermissionDenied
    waits, person = held
    set_password(person, password)
    waits.password = True
    return _go_on(request, waits, person)


def confirm(request: HttpRequest, person: Person, password: str = "", code: str = "", key: str = "") -> bool:
    """Whether who is logged in proves again who he is; if so, sensitive changes are open for a while. Who
    has a second factor proves it by that. Raises Locked."""
    if has_factor(person):
        proven = bool(_checked(request, person, code, key))
    else:
        name, address = attempts.digest_of(person.username), address_of(request)
        attempts.check(name, address)
        proven = person.has_usable_password() and person.check_password(password)
        if not proven:
            attempts.failed(name, address, "confirm.failed")
    if proven:
        request.session.cycle_key()
        make_sure(request)
        audit.record(person, "login.confirmed", f"person:{person.pk}")
    return proven


def own_password_tried(request: HttpRequest, person: Person, wrong: bool = False) -> None:
    """Counts a wrong old password when a new one is set, as one at the log-in counts. Raises Locked."""
    name, address = attempts.digest_of(person.username), address_of(request)
    if wrong:
        attempts.failed(name, address, "confirm.failed")
    else:
        attempts.check(name, address)


def change_password(request: HttpRequest, password: str) -> None:
    """Sets the password of who is logged in; his other sessions end, this one goes on under a new key."""
    person = request.user
    if not isinstance(person, Person):
        raise PermissionDenied
    with transaction.atomic():
        set_password(person, password, but=current(request))
        update_session_auth_hash(request, person)


def _next(waits: Pending, person: Person) -> Step:
    by_password = waits.way == Way.PASSWORD
    if not waits.second and (by_password or settings.QUANKE_SIGN_ON_SECOND):
        if has_factor(person):
            return Step.SECOND
        if required(person):
            return Step.SET_UP
    if by_password and not waits.password and expired(person):
        return Step.PASSWORD
    return Step.IN


def _go_on(request: HttpRequest, waits: Pending, person: Person) -> Step:
    step = _next(waits, person)
    if step is not Step.IN:
        request.session.cycle_key()
        request.session[PENDING] = asdict(waits)
        return step
    with transaction.atomic():
        attempts.forget(attempts.digest_of(person.username))
        request.session.pop(PENDING, None)
        request.session[WAY] = f"{waits.way}+{waits.second}" if waits.second else waits.way
        login(request, person, backend="django.contrib.auth.backends.ModelBackend")
        detail: dict[str, Any] = {"way": str(waits.way), "second": waits.second}
        audit.record(person, "login", f"person:{person.pk}", detail=detail)
    return step


def _checked(request: HttpRequest, person: Person, code: str, key: str) -> str:
    """Kind of the second factor that was shown, empty where it is wrong."""
    name, address = attempts.digest_of(person.username), address_of(request)
    attempts.check(name, address)
    kind = ("key" if check_key(request, person, key) else "") if key else check_code(person, code)
    if not kind:
        attempts.failed(name, address, "second.failed")
    return kind
