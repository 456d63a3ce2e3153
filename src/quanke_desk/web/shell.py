"""What every page shows around itself: the menu of the role, day of the figures, unread notices, theme."""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from quanke.kernel.errors import NightError
from quanke_desk.books.urls import MENU as BOOKS
from quanke_desk.campaigns.urls import MENU as CAMPAIGNS
from quanke_desk.customers.urls import MENU as CUSTOMERS
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.approvals import concerned
from quanke_desk.foundation.models import Notice, Person
from quanke_desk.foundation.pages import Entry
from quanke_desk.foundation.roles import May
from quanke_desk.work.urls import MENU as WORK

MENU = (
    Entry("home", _("Home"), May.OWN),
    *WORK,
    *CUSTOMERS,
    *BOOKS,
    *CAMPAIGNS,
    Entry("approvals", _("Approvals"), May.OWN),
    Entry("jobs", _("Long jobs"), May.JOBS),
    Entry("outbox", _("Delivery"), May.SETTINGS),
    Entry("people", _("People"), May.PEOPLE),
    Entry("settings", _("Settings"), May.SETTINGS),
    Entry("audit", _("Audit"), May.AUDIT),
)
ICONS = ("home", "people", "customers", "books", "lobby", "audit", "settings", "jobs", "approvals", "notices")
ROOMS = (("work", WORK), ("customers", CUSTOMERS), ("books", BOOKS), ("campaigns", CAMPAIGNS))
THEMES = {
    "auto": _("Colours: as the system"),
    "light": _("Colours: light"),
    "dark": _("Colours: dark"),
}
"""In the order in which the switch goes round."""


def menu_of(person: Person) -> list[dict[str, Any]]:
    """Lines of the menu that a person's role opens: `title`, `url`, `name`, `icon`."""
    of_room = {e.name: icon for icon, entries in ROOMS for e in entries}
    return [
        {
            "title": e.title,
            "url": reverse(e.name),
            "name": e.name,
            "icon": e.name if e.name in ICONS else of_room.get(e.name, "page"),
        }
        for e in MENU
        if _sees(person, e)
    ]


def unread_of(person: Person) -> int:
    """How many notices a person has not read."""
    return Notice.objects.filter(person=person, read_at=None).count()


def theme_of(request: HttpRequest) -> str:
    """Colours this browser asked for; auto where it asked for none."""
    asked = request.COOKIES.get("theme", "")
    return asked if asked in THEMES else "auto"


def shell(request: HttpRequest) -> dict[str, Any]:
    """Names of templates: `menu`, `crumb` (line of the menu this page stands below, or null), `night_day`
    (null before the first night), `unread`, `theme`, `next_theme`, `theme_says`, `demo`. The first four are
    found when a template asks for them."""
    theme = theme_of(request)
    names = list(THEMES)
    shown: dict[str, Any] = {
        "theme": theme,
        "next_theme": names[(names.index(theme) + 1) % len(names)],
        "theme_says": THEMES[theme],
        "demo": settings.QUANKE_DEMO,
    }
    person = getattr(request, "user", None)
    if not isinstance(person, Person):
        return shown

    @cache
    def placed() -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
        menu = menu_of(person)
        return menu, _mark(menu, request)

    # asked for by the frame of a page alone: a part that htmx puts into one has no use of it
    return {
        **shown,
        "menu": lambda: placed()[0],
        "crumb": lambda: placed()[1],
        "night_day": cache(_night_day),
        "unread": cache(lambda: unread_of(person)),
    }


def _night_day() -> dt.date | None:
    try:
        return base().day
    except NightError:
        return None


def _mark(menu: list[dict[str, Any]], request: HttpRequest) -> dict[str, Any] | None:
    """Marks the line of this page, or the one it stands below, which is answered."""
    above = [e for e in menu if e["url"] != "/" and request.path.startswith(e["url"])]
    exact = [e for e in menu if e["url"] == request.path]
    if exact:
        exact[0]["here"] = "page"
        return None
    if above:
        held = max(above, key=lambda e: len(e["url"]))
        held["here"] = "below"
        return held
    return None


def _sees(person: Person, entry: Entry) -> bool:
    return person.may(entry.may) and (entry.name != "approvals" or concerned(person))
