"""What every page shows around itself: the menu of the role, the day of the figures."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from quanke.kernel.errors import NightError
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.roles import May


class Entry(NamedTuple):
    """One line of the menu: who may see it is who may open it."""

    name: str
    title: Promise
    may: May


MENU = (
    Entry("home", _("Home"), May.OWN),
    Entry("people", _("People"), May.PEOPLE),
    Entry("audit", _("Audit"), May.AUDIT),
)


def shell(request: HttpRequest) -> dict[str, Any]:
    """Names of templates: `menu`, `night_day` (null before the first night), `demo`."""
    person = getattr(request, "user", None)
    menu = (
        [{"title": e.title, "url": reverse(e.name), "name": e.name} for e in MENU if person.may(e.may)]
        if isinstance(person, Person)
        else []
    )
    try:
        day = base().day if menu else None
    except NightError:
        day = None
    return {"menu": menu, "night_day": day, "demo": settings.QUANKE_DEMO}
