"""Row scope: which customers a person may see without a further purpose. The one place that knows.

A scope is asked in two ways that must agree: of one customer (`covers`) and of everybody (`rows`). Both
stand on the owning post and branch a customer has in the last night, with what the desk changed since
laid over. Every read of a customer in `queries` of every room passes through here.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.utils import timezone
from numpy.typing import NDArray

from quanke_desk.foundation.analytic import Base, base
from quanke_desk.foundation.models import Branch, Person, Post, Relation, Seat
from quanke_desk.foundation.roles import BOOK_ROLES, Role

POST, BRANCH = "owner_post", "branch"


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
    """Posts and branches whose customers may be seen, and whether as masked rows only."""

    extent: Extent
    posts: frozenset[str] = frozenset()
    branches: frozenset[str] = frozenset()
    masked: bool = False

    def admits(self, post: str | None, branch: str | None) -> bool:
        """Whether a customer of this post and home branch is in the scope."""
        if self.extent is Extent.BANK:
            return True
        return post in self.posts or (
            self.extent is Extent.BRANCH and post is None and branch in self.branches
        )


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
        return Scope(Extent.BANK, masked=True)  # fields open one by one, with a purpose
    return Scope(Extent.NONE)


def post_of(customer: int, of: Base | None = None) -> str | None:
    """The post that looks after a customer now: what the desk changed since the night, else the night's."""
    held = of or base()
    change = _changed(held).filter(customer=customer).order_by("-since", "-id").first()
    if change is not None:
        return _now(change)
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
    post, posts = held.codes(POST)
    ours = np.zeros(len(posts) + 1, dtype=bool)  # the last place answers for null, which is -1
    ours[[posts[p] for p in scope.posts if p in posts]] = True
    seen = ours[post]
    if scope.extent is Extent.BRANCH:
        branch, branches = held.codes(BRANCH)
        inside = np.zeros(len(branches) + 1, dtype=bool)
        inside[[branches[b] for b in scope.branches if b in branches]] = True
        seen |= (post == -1) & inside[branch]
    for change in _changed(held).select_related("post").order_by("since", "id"):
        if change.customer < count:
            seen[change.customer] = scope.admits(_now(change), held.value(change.customer, BRANCH))
    return seen & held.there


def _changed(held: Base) -> QuerySet[Relation]:
    """Primary relations of the desk that have begun and that the night cannot know yet."""
    unknown = Q(since__gt=held.day) | Q(delivered_on=None) | Q(delivered_on__gte=held.day)
    return Relation.objects.filter(unknown, duty="primary", since__lte=timezone.localdate())


def _now(change: Relation) -> str | None:
    ended = change.until is not None and change.until <= timezone.localdate()
    return change.post.post_id if change.post and not ended else None
