"""What a list may be narrowed by: declared by the page, asked in the address, read here.

FILTERS = (Filter("q", _("Name")), Filter("role", _("Role"), "choice", ROLES), Filter("at", _("Day"), "days"))
asked = asked_of(request, "people", FILTERS)          # ?q=li&at.from=2026-06-01
found = asked.narrow(Person.objects.all(), {"q": ("name__icontains", "username__icontains"), "role": "role"})
listed = listing(request, "people", COLUMNS, QuerysetSource(found, ...), asked)
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode

from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise

from quanke_desk.foundation import local_form
from quanke_desk.foundation.models import Person, SavedView

KINDS = ("text", "choice", "number", "money", "days")
LONGEST = 100
FROM, TO = ".from", ".to"
Held = TypeVar("Held", bound=Model)


@dataclass(frozen=True)
class Filter:
    """One filter. text: `?name=`; choice: one of `choices`; number, money (yuan asked, fen answered) and
    days: `?name.from=` and `?name.to=`, both included."""

    name: str
    title: Promise | str
    kind: str = "text"
    choices: Sequence[tuple[str, Any]] = ()

    @property
    def span(self) -> bool:
        """Whether it is asked as from and to."""
        return self.kind in ("number", "money", "days")

    @property
    def names(self) -> tuple[str, ...]:
        """Its names in the address."""
        return (self.name + FROM, self.name + TO) if self.span else (self.name,)


@dataclass(frozen=True)
class Chip:
    """One filter in force, in words, with its names in the address."""

    text: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Asked:
    """What an address asks of a list: `query` as it stands (or as the person's own view of the list says,
    where the address is bare), `values` of the declared filters as read; what cannot be read is left out."""

    filters: tuple[Filter, ...] = ()
    query: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    views: tuple[SavedView, ...] = ()

    def text(self, name: str) -> str:
        """What a text or choice filter asks; empty: nothing."""
        return str(self.values.get(name, ""))

    def span(self, name: str) -> tuple[Any, Any]:
        """From and to of a range, either null where it is open."""
        return self.values.get(name + FROM), self.values.get(name + TO)

    def narrow(self, found: QuerySet[Held], paths: Mapping[str, str | tuple[str, ...]]) -> QuerySet[Held]:
        """Rows of a queryset that match; `paths` gives each filter's field (or several: any may match), for a
        text with its lookup (`name__icontains`)."""
        for name, given in paths.items():
            fields = (given,) if isinstance(given, str) else given
            low, high = self.span(name)
            if self.text(name):
                found = found.filter(_any(fields, self.text(name)))
            if low is not None:
                found = found.filter(_any([f"{f}__gte" for f in fields], low))
            if high is not None:
                found = found.filter(_any([f"{f}__lte" for f in fields], high))
        return found

    def admits(self, row: Mapping[str, Any]) -> bool:
        """Whether a row at hand matches every filter, by the column of its name: a text is part of it."""
        for wanted in self.filters:
            held = row.get(wanted.name)
            if wanted.span:
                low, high = self.span(wanted.name)
                day = held.date() if isinstance(held, dt.datetime) and wanted.kind == "days" else held
                if (low is not None or high is not None) and day is None:
                    return False
                if (low is not None and day < low) or (high is not None and day > high):
                    return False
            elif self.text(wanted.name):
                said = str(held[0] if isinstance(held, tuple) else "" if held is None else held)
                asked = self.text(wanted.name)
                if not (said == asked if wanted.kind == "choice" else asked.casefold() in said.casefold()):
                    return False
        return True

    @property
    def chips(self) -> list[Chip]:
        """Filters in force, in words."""
        return [c for f in self.filters for c in _chips(f, self)]


def asked_of(request: HttpRequest, name: str, filters: Iterable[Filter] = ()) -> Asked:
    """What the address of a request asks of the list `name`."""
    declared = tuple(filters)
    views = _views(request, name)
    query = {k: str(v) for k, v in request.GET.items() if k != "page"}
    if not request.GET:
        query = next(
            (dict(parse_qsl(v.query)) for v in views if v.default and v.person == request.user), query
        )
    own = next((v for v in views if not v.title), None)
    remembered = dict(parse_qsl(own.query)) if own else {}
    query = {**{k: v for k, v in remembered.items() if k in ("cols", "dense")}, **query}
    values = {n: v for f in declared for n in f.names if (v := _read(f, query.get(n, ""))) is not None}
    return Asked(declared, query, values, tuple(v for v in views if v.title))


def _views(request: HttpRequest, name: str) -> list[SavedView]:
    person = request.user
    if not isinstance(person, Person):
        return []
    theirs = Q(person=person) | Q(shared=True, person__branch=person.branch_id, person__is_active=True)
    return list(SavedView.objects.filter(theirs, list_name=name).select_related("person"))


def _read(wanted: Filter, said: str) -> Any:
    said = said.strip()
    if not said or len(said) > LONGEST or "\x00" in said:
        return None
    if wanted.kind == "text":
        return said
    if wanted.kind == "choice":
        return said if said in {str(value) for value, _title in wanted.choices} else None
    if wanted.kind == "days":
        try:
            return dt.date.fromisoformat(said)
        except ValueError:
            return None
    return _number(said.replace(",", "").replace("，", ""), wanted.kind)


def _number(said: str, kind: str) -> int | None:
    try:
        number = Decimal(said)
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number) >= 10**15:
        return None
    return int((number * 100).to_integral_value()) if kind == "money" else int(number.to_integral_value())


def _chips(wanted: Filter, asked: Asked) -> list[Chip]:
    if not wanted.span:
        said = asked.text(wanted.name)
        if not said:
            return []
        shown = {str(value): str(title) for value, title in wanted.choices}.get(said, said)
        return [Chip(f"{wanted.title}: {shown}", wanted.names)]
    low, high = (_shown(wanted, value) for value in asked.span(wanted.name))
    if low and high:
        return [Chip(f"{wanted.title}: {low} – {high}", wanted.names)]
    if low:
        return [Chip(f"{wanted.title} ≥ {low}", wanted.names)]
    if high:
        return [Chip(f"{wanted.title} ≤ {high}", wanted.names)]
    return []


def _shown(wanted: Filter, value: Any) -> str:
    if value is None:
        return ""
    if wanted.kind == "days":
        return local_form.day(value)
    return local_form.yuan(value).removesuffix(".00") if wanted.kind == "money" else f"{value:,}"


def _any(fields: Iterable[str], value: Any) -> Q:
    found = Q()
    for name in fields:
        found |= Q(**{name: value})
    return found


def query_of(values: Mapping[str, Any]) -> str:
    """An address's query, without what is empty."""
    return urlencode({k: v for k, v in values.items() if v not in ("", None)})
