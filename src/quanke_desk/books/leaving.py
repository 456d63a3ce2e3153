"""Books of people who leave: the same day to who stands in, reassigned within days, called back, watched."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from quanke.kernel.errors import NightError
from quanke.plans.worklist import working_day_after
from quanke.segments import DEFAULT_SCHEME
from quanke_desk.books import queries
from quanke_desk.books.laying import heads_of
from quanke_desk.books.models import DepartedCustomer, Departure
from quanke_desk.customers.models import RestrictionKind
from quanke_desk.foundation import audit
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Job, JobState, Person, Post, Seat
from quanke_desk.foundation.notices import tell
from quanke_desk.foundation.opening import may_see
from quanke_desk.foundation.parameters import value
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import BOOK_ROLES, May, Role
from quanke_desk.foundation.scope import scope_of

CALLED_FROM = 2
"""Customers of this tier (place in the scheme) or above are called back by somebody else (BK-5)."""
STAND_IN_DAYS = 30


def on_left(
    sender: Any, *, person: Person, posts: list[tuple[Post, bool]], by: Person | None, **_more: Any
) -> None:
    """What happens to the books of who leaves, in the transaction in which he does: his exports end, somebody
    stands in at once, his customers are written down with what they have, heads are told of the deadline."""
    Job.objects.filter(by=person, state__in=(JobState.WAITING, JobState.RUNNING)).update(cancel=True)
    for post in sorted((post for post, stands_in in posts if not stands_in), key=lambda post: post.pk):
        hold(post)
    for post, stands_in in posts:
        if stands_in or _still_held(post, person):
            continue
        leave_book(post, person, by=by)


def _still_held(post: Post, but: Person) -> bool:
    seats = Seat.objects.filter(Seat.on(queries.today()), post=post, stands_in=False)
    return seats.exclude(person=but).exists()


def hold(post: Post) -> Post:
    """The post, held until the transaction ends: while its manager leaves nobody comes to his book, and while
    somebody comes nobody leaves, so that whoever is at a book that is left is written down."""
    return Post.objects.select_related("branch").select_for_update(of=("self",), no_key=True).get(pk=post.pk)


def is_left(post: Post, day: dt.date) -> bool:
    """Whether nobody has looked after a book since its manager left: its customers are reassigned, and none
    comes to them."""
    if not Departure.objects.filter(post=post, watch_until__gte=queries.today()).exists():
        return False
    return not Seat.objects.filter(Seat.on(day), post=post, stands_in=False).exists()


def leave_book(post: Post, person: Person, *, by: Person | None) -> Departure:
    """Writes a book down that is left, and has the nearest flexible team stand in where nobody does."""
    today = queries.today()
    with transaction.atomic():
        hold(post)
        made, new = Departure.objects.get_or_create(
            person=person, post=post, left_on=today,
            defaults={
                "due_on": working_day_after(today, value("books.leaver_workdays")),
                "watch_until": today + dt.timedelta(days=value("books.watch_days")),
            },
        )  # fmt: skip
        if not new:
            return made
        _write_down(made)
        standing = Seat.objects.filter(Seat.on(today), post=post, stands_in=True, person__is_active=True)
        team = [] if standing.exists() else _team(post, person)
        until = today + dt.timedelta(days=STAND_IN_DAYS)
        for member in team:
            Seat.objects.get_or_create(
                person=member, post=post, since=today, stands_in=True,
                defaults={"until": until, "reason": "leaver", "by_desk": True},
            )  # fmt: skip
        detail = {"person": person.pk, "stand_ins": [m.pk for m in team], "due_on": made.due_on.isoformat()}
        audit.record(by, "books.left", f"post:{post.post_id}", detail=detail)
        link = reverse("book_leavers")
        text = _("Book %(post)s has lost its manager: reassign its %(count)s customers by %(day)s")
        count = made.customers.count()
        tell(heads_of([post]), text, link, post=post.post_id, count=count, day=made.due_on.isoformat())
        tell(team, _("You stand in on book %(post)s until %(day)s"), reverse("book", args=[post.pk]),
             post=post.post_id, day=until.isoformat())  # fmt: skip
        return made


def _write_down(made: Departure) -> None:
    try:
        held = base()
    except NightError:
        return
    customers = queries.customers_of(made.post, made.left_on)
    aum = queries.numbers_of("aum", held)[customers]
    tiers = DEFAULT_SCHEME.names
    rows = []
    for customer, has in zip(customers.tolist(), aum.tolist(), strict=True):
        tier = held.value(customer, "tier") or ""
        call = tier in tiers and tiers.index(tier) >= CALLED_FROM
        rows.append(
            DepartedCustomer(
                departure=made, customer=customer, call_back=call,
                aum=None if has == queries.LEAST else str(has),
            )
        )  # fmt: skip
    DepartedCustomer.objects.bulk_create(rows, batch_size=500)


def _team(post: Post, but: Person) -> list[Person]:
    """Who sits on the flexible team nearest above a post."""
    today = queries.today()
    above = Post.objects.filter(
        role=Role.FLEXIBLE, branch__left__lte=post.branch.left, branch__right__gte=post.branch.right
    )
    for team in above.order_by("-branch__left", "post_id"):
        seats = Seat.objects.filter(Seat.on(today), post=team, person__is_active=True).exclude(person=but)
        if people := [s.person for s in seats.select_related("person")]:
            return people
    return []


def record_call_back(number: int, *, by: Person, outcome: str) -> DepartedCustomer:
    """Somebody called a customer of a book that was left. Raises NotAllowed."""
    if by.role not in BOOK_ROLES and not by.may(May.BOOKS_PROPOSE):
        raise NotAllowed("your role may not")
    with transaction.atomic():
        held = (
            DepartedCustomer.objects.select_for_update().select_related("departure").filter(pk=number).first()
        )
        if held is None or not may_see(by, held.customer):
            raise NotAllowed("a customer is outside your scope")
        if held.departure.person_id == by.pk:
            raise NotAllowed("the call-back is made by somebody else")
        if not held.call_back or held.called_at is not None:
            raise NotAllowed("no call-back is due")
        if not outcome.strip():
            raise NotAllowed("an outcome is required")
        held.called_by, held.called_at, held.outcome = by, timezone.now(), outcome.strip()[:200]
        held.save(update_fields=["called_by", "called_at", "outcome"])
        audit.record(by, "books.call_back", f"customer:{held.customer}")
        return held


def forget(sender: Any, customer: int, kind: str, **_more: Any) -> None:
    """A customer's deletion was decided: what he had and said goes, in the transaction of that."""
    if kind == RestrictionKind.DELETED:
        DepartedCustomer.objects.filter(customer=customer).update(aum=None, outcome=None)


def call_backs_due(person: Person) -> list[DepartedCustomer]:
    """Call-backs that are due among customers a person may see, the earliest deadline first; not those of a
    book he left himself. For the lists of the work room."""
    due = DepartedCustomer.objects.filter(call_back=True, called_at=None).exclude(departure__person=person)
    found = due.select_related("departure__post", "departure__person").order_by("departure__due_on", "id")
    seen = queries.seen_among(person, [d.customer for d in found])
    return [d for d, yes in zip(found, seen, strict=True) if yes]


def watched(person: Person) -> list[dict[str, Any]]:
    """Customers of books left lately whose assets fell since by the bank's measure (KPI-2: 30 % and 50,000
    yuan): `row`, `had`, `aum`, `fall`. In the scope of who asks: of nobody else is the vault asked."""
    held = base()
    now = DepartedCustomer.objects.filter(departure__watch_until__gte=queries.today(), aum__isnull=False)
    found = list(now.select_related("departure__post", "departure__person"))
    if not found:
        return []
    aum = queries.numbers_of("aum", held)
    seen = queries.seen_among(person, [d.customer for d in found])
    told = []
    for row in (row for row, yes in zip(found, seen, strict=True) if yes):
        has = int(aum[row.customer]) if row.customer < len(aum) else queries.LEAST
        had, has = int(row.aum.open()), max(has, 0)
        fall = had - has
        if fall >= 50_000_00 and fall * 100 >= had * 30:
            told.append({"row": row, "had": had, "aum": has, "fall": fall})
    return sorted(told, key=lambda t: -t["fall"])


def departures(person: Person) -> list[dict[str, Any]]:
    """Books that were left and still have customers nobody new looks after, in one's scope: `departure`,
    `left` (how many customers are still at the post), `late`, `stand_ins`, `call_backs` (due)."""
    posts = queries.posts_seen(scope_of(person))
    found = Departure.objects.filter(post__in=posts).select_related("post__branch", "person")
    told, today = [], queries.today()
    seats = queries.seated([d.post for d in found], today)
    for each in found:
        here = queries.customers_of(each.post, today)
        noted = each.customers.values_list("customer", flat=True)
        still = np.intersect1d(here, np.array(list(noted), np.int64))
        held_again = bool(seats[each.post_id].holders)
        left = 0 if held_again else len(still)
        told.append(
            {
                "departure": each,
                "left": left,
                "late": left > 0 and today > each.due_on,
                "stand_ins": seats[each.post_id].stand_ins,
                "call_backs": each.customers.filter(call_back=True, called_at=None).count(),
            }
        )
    return told
