"""Sessions of people: how many, how long, how long at rest; one's own list, and ending them."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth import logout
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from quanke_desk.foundation import audit
from quanke_desk.foundation.addresses import address_of
from quanke_desk.foundation.models import Entered, Person
from quanke_desk.foundation.parameters import value

ENTERED, SURE, WAY = "entered", "sure_at", "entering_way"
QUIET = frozenset({"bell", "jobs_live", "lobby_cards", "counter_cards"})
"""Names of addresses a page asks by itself, which keep nobody's session from resting."""

_TOUCH = dt.timedelta(seconds=30)


def begun(request: HttpRequest, user: Any, **_more: Any) -> None:
    """Where Django has logged somebody in: gives the session its limits, ends the oldest beyond the most."""
    if not isinstance(user, Person):
        return
    now = timezone.now()
    with transaction.atomic():
        others = list(sessions_of(user).order_by("began_at", "id").values_list("pk", flat=True))
        _end(others[: max(0, len(others) - value("session.most") + 1)])
        row = Entered.objects.create(
            person=user,
            way=request.session.pop(WAY, ""),
            address=address_of(request),
            browser=str(request.META.get("HTTP_USER_AGENT", ""))[:200],
            began_at=now,
            seen_at=now,
            until=now + dt.timedelta(hours=value("session.hours")),
            idle=value("session.idle"),
        )
    request.session[ENTERED] = row.pk
    make_sure(request)


def sessions_of(person: Person) -> QuerySet[Entered]:
    """Sessions of a person that hold, the newest in front."""
    return Entered.objects.filter(person=person, ended_at=None, until__gt=timezone.now())


def end_sessions(person: Person, but: int | None = None) -> int:
    """Ends all sessions of a person but one: of a leaver, the same moment. Answers how many there were."""
    return _end([e.pk for e in sessions_of(person) if e.pk != but])


def end_session(person: Person, number: int) -> bool:
    """Ends one of a person's own sessions; whether it was there."""
    with transaction.atomic():
        there = bool(_end([e.pk for e in sessions_of(person).filter(pk=number)]))
        if there:
            audit.record(person, "session.end", f"session:{number}")
    return there


def end_current(request: HttpRequest) -> None:
    """Ends the session of who asks, if there is one."""
    if isinstance(request.user, Person) and (number := current(request)):
        _end([number])


def current(request: HttpRequest) -> int | None:
    """Number of the session of who asks."""
    return request.session.get(ENTERED)


def make_sure(request: HttpRequest) -> None:
    """Who asks has just proven who he is."""
    request.session[SURE] = time.time()


def is_sure(request: HttpRequest) -> bool:
    """Whether who asks proved who he is not longer ago than `session.sure`."""
    held: float = request.session.get(SURE, 0)
    return 0 <= time.time() - held < 60 * value("session.sure")


def sure(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """For a sensitive page, below `@page`: a change (POST) is done only by who proved lately who he is;
    others prove it first and come back to the page."""

    @wraps(view)
    def asked(request: HttpRequest, *args: Any, **more: Any) -> HttpResponse:
        if request.method == "POST" and not is_sure(request):
            return redirect(f"{reverse('confirm')}?{urlencode({'next': request.get_full_path()})}")
        return view(request, *args, **more)

    return asked


class SessionLimits:
    """Ends a session that was ended elsewhere, has lasted too long or rested too long. Each request of who
    is logged in reads one row; it is written twice a minute at most."""

    def __init__(self, ask: Callable[[HttpRequest], HttpResponse]) -> None:
        self.ask = ask

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """What Django asks of a middleware."""
        return self.ask(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> None:
        """Before the page is asked for."""
        if not isinstance(request.user, Person):
            return
        row = Entered.objects.filter(pk=current(request) or 0, person=request.user).first()
        now = timezone.now()
        if (
            row is None
            or row.ended_at is not None
            or now >= row.until
            or now - row.seen_at >= dt.timedelta(minutes=row.idle)
        ):
            if row is not None and row.ended_at is None:
                _end([row.pk])
            logout(request)
        elif now - row.seen_at >= _TOUCH and not _quiet(request):
            Entered.objects.filter(pk=row.pk).update(seen_at=now)


def _quiet(request: HttpRequest) -> bool:
    return request.resolver_match is not None and request.resolver_match.url_name in QUIET


def _end(numbers: list[int]) -> int:
    return Entered.objects.filter(pk__in=numbers, ended_at=None).update(ended_at=timezone.now())
