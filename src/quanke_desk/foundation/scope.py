"""Row scope: which customers a person may see without a further purpose. The one place that knows.

A scope is asked in two ways that must agree: of one customer (`covers`) and of everybody (`rows`). Both
stand on the owning post and branch a customer has in the last night, with what the desk changed since
laid over. Every read of a customer in `queries` of every room passes through here.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.db.models import Count, F, Max, Q, QuerySet
from django.utils import timezone
from numpy.typing import NDArray

from quanke_desk.foundation.analytic import Base, base
from quanke_desk.foundation.asked_once import asked_once, remembered
from quanke_desk.foundation.models import Branch, Person, Post, Relation, Seat
from quanke_desk.foundation.roles import BOOK_ROLES, Role

POST, BRANCH = "owner_post", "branch"
SCOPES = 12
"""Scopes whose customers are kept: a byte a customer each."""
FEW = 200
"""So many changes are read anew at every question: quicker than to ask whether anything happened."""


class Extent(StrEnum):
    """How far a scope reaches."""

    NONE = "none"
    BOOK = "book"  # customers of the posts one sits on
    BRANCH = "branch"  # customers whose post or home branch lies in the subtree
    BANK = "bank"  # everybody


class OutOfScope(PermissionDenied):
    """A customer outside the scope of who asks. Says no customer."""


@dataclass(frozen=True)
class Scope:
    """Posts and branches whose customers may be seen, and whether as masked rows only. `asks`: lists and
    searches only; each single customer is opened with a purpose, as by anybody outside his book."""

    extent: Extent
    posts: frozenset[str] = frozenset()
    branches: frozenset[str] = frozenset()
    masked: bool = False
    asks: bool = False

    def admits(self, post: str | None, branch: str | None) -> bool:
        """Whether a customer of this post and home branch is in the scope."""
        if self.extent is Extent.BANK:
            return True
        return post in self.posts or (
            self.extent is Extent.BRANCH and post is None and branch in self.branches
        )


@asked_once
def scope_of(person: Person, on: dt.date | None = None) -> Scope:
    """The scope of a person on a day (default: today)."""
    day = on or timezone.localdate()
    if not person.is_active:
        return Scope(Extent.NONE)
    if person.role in BOOK_ROLES:
        held = Seat.objects.filter(Seat.on(day), person=person)
        return Scope(Extent.BOOK, frozenset(held.values_list("post__post_id", flat=True)))
    if person.role in (Role.TEAM_HEAD, Role.BRANCH_HEAD) and person.branch:
        inside = Branch.objects.filter(left__gte=person.branch.left, right__lte=person.branch.right)
        posts = Post.objects.filter(branch__in=inside).values_list("post_id", flat=True)
        return Scope(Extent.BRANCH, frozenset(posts), frozenset(inside.values_list("branch_id", flat=True)))
    if person.role in (Role.ANALYST, Role.COMMITTEE):
        return Scope(Extent.BANK, masked=True)
    if person.role in (Role.COMPLIANCE, Role.RISK):
        # Who may search the whole bank would otherwise browse it: each customer, and then each field, is
        # opened for a purpose that the audit shows (personal information protection law, article 51).
        return Scope(Extent.BANK, masked=True, asks=True)
    return Scope(Extent.NONE)


def post_of(customer: int, of: Base | None = None) -> str | None:
    """The post that looks after a customer now: what the desk changed since the night, else the night's."""
    held = of or base()
    changed, post = _moved_since(customer, held.day)
    if changed:
        return post
    return held.value(customer, POST) if POST in held.known else None


def covers(scope: Scope, customer: int, of: Base | None = None) -> bool:
    """Whether one customer is in the scope. False for a number unknown to the night, or absorbed."""
    held = of or base()
    if not 0 <= customer < held.night.rows or not held.there[customer]:
        return False
    return scope.admits(post_of(customer, held), held.value(customer, BRANCH))


def require(person: Person, customer: int) -> None:
    """Raises OutOfScope unless a customer is in the scope of a person."""
    if not covers(scope_of(person), customer):
        raise OutOfScope


def rows(scope: Scope, of: Base | None = None) -> NDArray[np.bool_]:
    """Whether each customer (by number) is in the scope."""
    held = of or base()
    count = held.night.rows
    if scope.extent is Extent.BANK:
        return held.there.copy()
    if scope.extent is Extent.NONE:
        return np.zeros(count, dtype=bool)
    seen = _rows_of_night(scope, held).copy()
    customers, at, names = _laid(held)
    now = np.array([*(n in scope.posts for n in names), False])[at]
    if scope.extent is Extent.BRANCH:
        branch, inside = _inside(scope, held)
        now |= (at == -1) & inside[branch[customers]]
    seen[customers] = now & held.there[customers]
    return seen


_scopes: OrderedDict[Scope, tuple[Base, NDArray[np.bool_]]] = OrderedDict()
_scopes_lock = threading.Lock()


def _rows_of_night(scope: Scope, held: Base) -> NDArray[np.bool_]:
    """Whether each customer is in a scope by the night alone, which never changes: of the scopes asked last
    it is kept, for ten million customers are looked through each time. Not to be written into."""
    with _scopes_lock:
        kept = _scopes.get(scope)
        if kept is not None and kept[0] is held:
            _scopes.move_to_end(scope)
            return kept[1]
    post, posts = held.codes(POST)
    ours = np.zeros(len(posts) + 1, dtype=bool)  # the last place answers for null, which is -1
    ours[[posts[p] for p in scope.posts if p in posts]] = True
    seen = ours[post]
    if scope.extent is Extent.BRANCH:
        branch, inside = _inside(scope, held)
        seen |= (post == -1) & inside[branch]
    seen &= held.there
    with _scopes_lock:
        for other in [each for each, (of, _seen) in _scopes.items() if of is not held]:
            del _scopes[other]
        _scopes[scope] = (held, seen)
        while len(_scopes) > SCOPES:
            _scopes.popitem(last=False)
    return seen


def _inside(scope: Scope, held: Base) -> tuple[NDArray[np.signedinteger], NDArray[np.bool_]]:
    """The code of each customer's branch, and of each code (-1: none) whether it lies in the scope."""
    branch, branches = held.codes(BRANCH)
    inside = np.zeros(len(branches) + 1, dtype=bool)
    inside[[branches[b] for b in scope.branches if b in branches]] = True
    return branch, inside


def among(scope: Scope, customers: Sequence[int], of: Base | None = None) -> frozenset[int]:
    """Which of some customers are in the scope: as `covers` of each, asked at once."""
    held = of or base()
    posts = posts_now(customers, held)
    return frozenset(c for c, post in posts.items() if scope.admits(post, held.value(c, BRANCH)))


def posts_now(customers: Sequence[int], of: Base | None = None) -> dict[int, str | None]:
    """The post that looks after each of some customers now: as `post_of` of each, asked at once. Numbers
    nobody has are left out."""
    held = of or base()
    there = [c for c in customers if 0 <= c < held.night.rows and held.there[c]]
    known = remembered("posts_now", id(held))
    if known is None:
        return _posts_now(there, held)
    if new := [c for c in dict.fromkeys(there) if c not in known]:
        known.update(_posts_now(new, held))
    return {c: known[c] for c in there}


def _posts_now(there: Sequence[int], held: Base) -> dict[int, str | None]:
    posts: dict[int, str | None] = dict.fromkeys(there)
    if POST in held.known and there:
        codes, names = held.codes(POST)[0], held.names(POST)
        posts = {
            c: names[code] if code >= 0 else None
            for c, code in zip(there, codes[there].tolist(), strict=True)
        }
    changes = _changed(held).filter(customer__in=there).select_related("post").order_by("since", "id")
    posts.update({change.customer: _now(change) for change in changes})
    return posts


def moved_to(posts: Collection[str], of: Base | None = None) -> frozenset[int]:
    """Customers the desk gave to some posts since the night, who stand under another in it."""
    held, last = of or base(), {}
    of_posts = _changed(held).filter(post__post_id__in=posts).values_list("customer", flat=True)
    for change in _changed(held).filter(customer__in=of_posts).select_related("post").order_by("since", "id"):
        last[change.customer] = _now(change)
    return frozenset(c for c, post in last.items() if post in posts)


def posts_since(of: Base | None = None) -> dict[int, str | None]:
    """Customers whose post the desk changed since the night, with the post each has now (null: nobody's)."""
    customers, at, names = _laid(of or base())
    return {c: names[n] if n >= 0 else None for c, n in zip(customers.tolist(), at.tolist(), strict=True)}


@asked_once
def _moved_since(customer: int, night: dt.date) -> tuple[bool, str | None]:
    """Whether the desk changed a customer's post since a night, and the post he has by that."""
    last = _changed_since(night).filter(customer=customer).select_related("post").order_by("-since", "-id")
    change = last.first()
    return (False, None) if change is None else (True, _now(change))


def _changed(held: Base) -> QuerySet[Relation]:
    return _changed_since(held.day)


def _changed_since(night: dt.date) -> QuerySet[Relation]:
    """Primary relations of the desk that have begun and that the night cannot know yet. One that never held a
    day says nothing: it was laid for a later day, and replaced before that came."""
    unknown = Q(since__gt=night) | Q(delivered_on=None) | Q(delivered_on__gte=night)
    begun = Relation.objects.filter(unknown, duty="primary", since__lte=timezone.localdate())
    return begun.exclude(until__lte=F("since"))


Laid = tuple[NDArray[np.int64], NDArray[np.int64], tuple[str, ...]]
_kept: dict[str, tuple[tuple[object, ...], Laid]] = {}


def _laid(held: Base) -> Laid:
    """What the desk changed since the night, last change of each customer: his number, the place of his post
    among `names` (-1: nobody). A whole bank's books may have been changed at once, so it is kept until a row
    comes, ends or is delivered."""
    found, today = _changed(held), timezone.localdate()
    told = found.aggregate(Count("id"), Max("id"), Count("until"), Max("until"), Count("delivered_on"))
    stamp = (connection.settings_dict["NAME"], held.night.path, today, *told.values())
    kept = _kept.get("laid")
    if kept is not None and kept[0] == stamp and told["id__count"] > FEW:
        return kept[1]
    last: dict[int, str | None] = {}
    for customer, post, until in found.order_by("since", "id").values_list(
        "customer", "post__post_id", "until"
    ):
        if customer < held.night.rows:
            last[customer] = None if until is not None and until <= today else post
    places = {n: at for at, n in enumerate(sorted({n for n in last.values() if n is not None}))}
    at = np.array([-1 if n is None else places[n] for n in last.values()], np.int64)
    laid = (np.array(list(last), np.int64), at, tuple(places))
    _kept["laid"] = (stamp, laid)
    return laid


def _now(change: Relation) -> str | None:
    ended = change.until is not None and change.until <= timezone.localdate()
    return change.post.post_id if change.post and not ended else None
