"""Views of lists that people keep: filters, order, columns and density under a name."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from django.db import transaction

from quanke_desk.foundation.filters import query_of
from quanke_desk.foundation.models import Person, SavedView
from quanke_desk.foundation.parameters import value
from quanke_desk.foundation.people import NotAllowed

LIST = re.compile(r"[\w.-]{1,48}\Z")


def remember(person: Person, name: str, columns: list[str], dense: bool) -> None:
    """Keeps the columns and the density a person chose for a list."""
    _named(name)
    kept = ",".join(c for c in columns if re.fullmatch(r"[\w.-]{1,48}", c))
    query = query_of({"cols": kept, "dense": "1" if dense else ""})
    _short(query)
    SavedView.objects.update_or_create(person=person, list_name=name, title="", defaults={"query": query})


def save(person: Person, name: str, title: str, query: str, *, shared: bool, default: bool) -> SavedView:
    """Keeps a view under a title; one of the same title is replaced. Raises NotAllowed."""
    _named(name)
    title = title.strip()
    if not title or len(title) > 40:
        raise NotAllowed("a view needs a title of at most 40 signs")
    kept = query_of(read_query(query))
    _short(kept)
    with transaction.atomic():
        others = SavedView.objects.filter(person=person).exclude(list_name=name, title=title)
        if others.count() >= value("views.most"):
            raise NotAllowed("too many views: remove one first")
        if default:
            others.filter(list_name=name, default=True).update(default=False)
        view, _made = SavedView.objects.update_or_create(
            person=person, list_name=name, title=title,
            defaults={"query": kept, "shared": shared, "default": default},
        )  # fmt: skip
        return view


def read_query(query: str) -> dict[str, str]:
    """An address's query by names, without the page."""
    return {k: v for k, v in parse_qsl(query.lstrip("?")[:2000]) if k != "page"}


def remove(person: Person, number: str) -> bool:
    """Removes one's own view; answers whether there was one."""
    if not number.isdecimal() or len(number) > 18:
        return False
    return SavedView.objects.filter(person=person, pk=number).delete()[0] > 0


def _named(name: str) -> None:
    if not LIST.match(name):
        raise NotAllowed("no such list")


def _short(query: str) -> None:
    if len(query) > 1000:
        raise NotAllowed("too much to keep in a view")
