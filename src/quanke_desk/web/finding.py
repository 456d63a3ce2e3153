"""What of the shell is found from everywhere: pages of the menu, people, approvals, views that are kept."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice

from django.db.models import Q
from django.urls import NoReverseMatch, resolve, reverse
from django.utils.translation import gettext_lazy as _

from quanke_desk.foundation import approvals as asked_for
from quanke_desk.foundation.approvals import KINDS
from quanke_desk.foundation.finders import MOST, Hit, finds, matches
from quanke_desk.foundation.models import Person, SavedView
from quanke_desk.foundation.roles import May
from quanke_desk.web.shell import menu_of

LOOKED_AT = 200
"""Of approvals the latest, of each way to see one."""


@finds("pages", _("Menu"), May.OWN, place=10)
def pages(person: Person, asked: str) -> Iterator[Hit]:
    """Pages of the menu of one's role."""
    for entry in menu_of(person):
        if matches(asked, str(entry["title"])):
            yield Hit(str(entry["title"]), entry["url"], icon=entry["icon"])


@finds("people", _("People"), May.PEOPLE, place=35, icon="people")
def people(person: Person, asked: str) -> Iterator[Hit]:
    """Who works here, for who looks after people."""
    named = Q(name__icontains=asked) | Q(username__icontains=asked) | Q(staff_id__iexact=asked)
    for each in Person.objects.filter(named).order_by("-is_active", "name", "pk")[:MOST]:
        yield Hit(
            each.name, reverse("person", args=[each.pk]), f"{each.username} · {each.get_role_display()}"
        )


@finds("approvals", _("Approvals"), May.OWN, place=80, icon="approvals")
def approvals(person: Person, asked: str) -> Iterator[Hit]:
    """What one may decide, asked for, or decided, by number, kind, who asked, or what it is about."""
    ways = (asked_for.to_decide(person), asked_for.asked_by(person), asked_for.decided_by(person))
    every = {each.pk: each for each in chain.from_iterable(islice(way, LOOKED_AT) for way in ways)}
    for each in every.values():
        title = str(KINDS[each.kind].title)
        if asked.lstrip("#") == str(each.pk) or matches(asked, title, each.asked_by.name, each.subject):
            told = f"#{each.pk} · {each.get_state_display()}"
            yield Hit(title, reverse("approval", args=[each.pk]), told)


@finds("views", _("Kept views of lists"), May.OWN, place=95)
def views(person: Person, asked: str) -> Iterator[Hit]:
    """Views of lists one keeps, or somebody of one's branch shares, of lists one may open."""
    theirs = Q(person=person) | Q(shared=True, person__branch=person.branch_id, person__is_active=True)
    for view in SavedView.objects.filter(theirs).exclude(title="").select_related("person"):
        address = _list_of(view.list_name, person) if matches(asked, view.title) else ""
        if address:
            whose = "" if view.person_id == person.pk else view.person.name
            yield Hit(view.title, f"{address}?{view.query or 'page=1'}", whose)


def _list_of(name: str, person: Person) -> str:
    """The page of a list that has one of its own; empty where this person may not open it."""
    try:
        address = reverse(PAGES.get(name, name))
    except NoReverseMatch:
        return ""
    may = getattr(resolve(address).func, "may", None)
    return address if may is not None and person.may(may) else ""


PAGES = {
    "transfers": "book_transfers", "gaps": "book_gaps", "choices": "book_choices", "credit": "book_credit",
    "proposals": "book_proposals", "call-backs": "book_leavers", "refused": "outbox",
    **{f"approvals-{which}": "approvals" for which in ("open", "mine", "decided")},
}  # fmt: skip
"""Lists that are called otherwise than their page."""
