"""How a page is declared: `@page(May.X)` says who may open it. A test walks every address by it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import Promise

from quanke_desk.foundation.models import Person
from quanke_desk.foundation.roles import May

View = Callable[..., HttpResponseBase]


class Entry(NamedTuple):
    """One line of the menu: who may see it is who may open it. A room lists its own in `MENU` of its urls."""

    name: str
    title: Promise
    may: May


def page(may: May) -> Callable[[View], View]:
    """A page for whose role allows `may`: others are refused (403), who is not logged in logs in first."""

    def declare(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **more: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if not isinstance(request.user, Person) or not request.user.may(may):
                raise PermissionDenied
            return view(request, *args, **more)

        guarded.may = may  # type: ignore[attr-defined]
        return guarded

    return declare


def public(view: View) -> View:
    """A page for everybody, logged in or not."""
    view.may = None  # type: ignore[attr-defined]
    return view


def person_of(request: HttpRequest) -> Person:
    """Who asks. Raises PermissionDenied for nobody."""
    if not isinstance(request.user, Person):
        raise PermissionDenied
    return request.user
