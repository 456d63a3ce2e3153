"""What is open and overdue, and whose it is: each thing in one place, so that a head finds all of it, once.

A follow-up is the post's it was given to; else the person's; else the lobby's of the customer's branch, or
the outlet's he was at, from where he is to be called back; else the remote team's. A contact that is due is
the post's that looks after the customer now.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from numpy.typing import NDArray

from quanke_desk.customers.consenting import hidden, without_hidden
from quanke_desk.foundation.models import Branch, Person, Post
from quanke_desk.foundation.roles import Role
from quanke_desk.foundation.scope import Extent, posts_since, scope_of
from quanke_desk.work import rules
from quanke_desk.work.held import DUE, EPOCH, KINDS, Held
from quanke_desk.work.models import Contact, FollowUp, FollowUpKind

POST, PERSON, LOBBY, OUTLET, REMOTE = "post", "person", "lobby", "outlet", "remote"


@dataclass(frozen=True)
class Place:
    """Whose something is: a post, a person, the lobby of a branch, an outlet, or (`number` 0) the remote
    team."""

    kind: str
    number: int = 0

    @property
    def key(self) -> str:
        """Its name in an address."""
        return f"{self.kind}-{self.number}"


def place_of(key: str) -> Place | None:
    """The place of a name; null for none."""
    kind, _dash, number = key.partition("-")
    known = kind in (POST, PERSON, LOBBY, OUTLET, REMOTE) and number.isascii() and number.isdecimal()
    return Place(kind, int(number)) if known and len(number) < 10 else None


def follow_ups() -> QuerySet[FollowUp]:
    """Follow-ups that are open and overdue, whoever should have done them."""
    late = FollowUp.objects.filter(done_at=None, dropped=False, due_on__lt=timezone.localdate())
    return without_hidden(late)


def _of(kind: str) -> QuerySet[FollowUp]:
    """Those of a kind of place: of the five, each follow-up is in one."""
    found = follow_ups()
    if kind == POST:
        return found.filter(post__isnull=False)
    found = found.filter(post=None)
    if kind == PERSON:
        return found.filter(person__isnull=False)
    found = found.filter(person=None)
    if kind == LOBBY:
        return found.filter(kind=FollowUpKind.LOBBY)
    return found.exclude(kind=FollowUpKind.LOBBY).filter(arrival__isnull=kind == REMOTE)


def counted(person: Person, of: Held) -> dict[Place, int]:
    """How many are overdue, by place, of what a person supervises."""
    inside = _inside(person)
    counts: dict[Place, int] = {}
    for kind, field, branch in (
        (POST, "post", "post__branch"),
        (PERSON, "person", "person__branch"),
        (OUTLET, "arrival__outlet", "arrival__outlet"),
    ):
        rows = _of(kind).filter(_within(branch, inside)).order_by().values_list(field)
        counts.update({Place(kind, number): n for number, n in rows.annotate(n=Count("id"))})
    counts.update({Place(LOBBY, branch): n for branch, n in _lobbies(of, inside).items()})
    remote = _of(REMOTE).count() if _supervises_remote(inside) else 0
    return {**counts, **({Place(REMOTE): remote} if remote else {})}


def rows_of(person: Person, place: Place, of: Held) -> list[FollowUp] | None:
    """The follow-ups that are overdue in a place, the oldest first; null where a person does not supervise
    it."""
    inside = _inside(person)
    found = _of(place.kind)
    if place.kind == LOBBY:
        if inside is not None and place.number not in inside:
            return None
        branches = _branches_of(of, found)
        return [f for f in found if branches.get(f.customer, 0) == place.number]
    if place.kind == REMOTE:
        return list(found) if _supervises_remote(inside) else None
    if not _supervised(place, inside):
        return None
    field = {POST: "post", PERSON: "person", OUTLET: "arrival__outlet"}[place.kind]
    return list(found.filter(**{field: place.number}))


def _supervised(place: Place, inside: Collection[int] | None) -> bool:
    if place.kind == POST:
        return Post.objects.filter(_within("branch", inside), pk=place.number).exists()
    if place.kind == PERSON:
        return Person.objects.filter(_within("branch", inside), pk=place.number).exists()
    return Branch.objects.filter(_within("pk", inside), pk=place.number).exists()


def _inside(person: Person) -> frozenset[int] | None:
    """Branches a person supervises; null: the bank."""
    scope = scope_of(person)
    if scope.extent is Extent.BANK:
        return None
    if scope.extent is not Extent.BRANCH:
        return frozenset()
    return frozenset(Branch.objects.filter(branch_id__in=scope.branches).values_list("pk", flat=True))


def _within(field: str, inside: Collection[int] | None) -> Q:
    return Q() if inside is None else Q(**{f"{field}__in": inside})


def _supervises_remote(inside: Collection[int] | None) -> bool:
    """The remote team is its own heads'; the bank's where nobody sits in it."""
    seats = Person.objects.filter(role=Role.REMOTE, is_active=True)
    return inside is None or seats.filter(branch__in=inside).exists()


def _lobbies(of: Held, inside: Collection[int] | None) -> Counter[int]:
    branches = _branches_of(of, _of(LOBBY))
    found = Counter(branches.get(c, 0) for c in _of(LOBBY).values_list("customer", flat=True))
    return Counter({b: n for b, n in found.items() if inside is None or b in inside})


def _branches_of(of: Held, found: QuerySet[FollowUp]) -> dict[int, int]:
    """The branch of each customer, as a number; those of none are left out: the bank has them under 0."""
    named = dict(Branch.objects.values_list("branch_id", "pk"))
    customers = found.order_by().values_list("customer", flat=True).distinct()
    now = {c: of.base.goes_by(c) for c in customers if c < of.base.night.rows}
    branches = {c: named.get(of.base.value(own, "branch") or "") for c, own in now.items()}
    return {c: b for c, b in branches.items() if b is not None}


@dataclass(frozen=True)
class DueContacts:
    """Customers whose contact is overdue, on no list of the morning: number, the night's place of each in the
    diary, and the post that looks after him now."""

    customer: NDArray[np.int64]
    at: NDArray[np.int64]
    post: list[str]


def contacts(of: Held) -> DueContacts:
    """Contacts that are overdue today, of everybody somebody looks after: neither planned for the morning nor
    proven since the night."""
    diary = of.diary
    today = (timezone.localdate() - EPOCH).days
    late = (diary.kind == KINDS.index(DUE)) & (diary.day < today)
    gone = np.array(sorted(hidden()), np.int64)
    spoken = Contact.objects.filter(rules.standing(), day__gt=of.base.day, evidence=True)
    done = np.array(sorted(set(spoken.values_list("customer", flat=True))), np.int64)
    at = np.flatnonzero(late).astype(np.int64)
    for others in (of.planned_for(), gone, done):
        at = at[~np.isin(diary.customer[at], others)]
    names = of.base.names("owner_post") if len(at) else []
    now = posts_since(of.base)
    customers = diary.customer[at].astype(np.int64)
    codes = diary.post[at].tolist()
    posts = [
        now.get(c, names[code]) or names[code] for c, code in zip(customers.tolist(), codes, strict=True)
    ]
    return DueContacts(customers, at, posts)


def due_on(of: Held, at: int) -> tuple[dt.date, str]:
    """The day of a place of the diary, and why."""
    whys = list(of.base.codes("contact_due_for")[1]) if "contact_due_for" in of.base.known else []
    why = int(of.diary.why[at])
    return EPOCH + dt.timedelta(days=int(of.diary.day[at])), whys[why] if why >= 0 else ""
