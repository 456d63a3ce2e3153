"""What a head sees: what his posts planned, did and left undone, and whether the tool is used at all."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext

from quanke_desk.customers.consenting import hidden
from quanke_desk.customers.words import called
from quanke_desk.foundation.models import AuditEntry, Branch, Person, Post, Seat
from quanke_desk.foundation.roles import BOOK_ROLES
from quanke_desk.foundation.scope import Extent, posts_since, scope_of
from quanke_desk.work import overdue, rules, who
from quanke_desk.work.held import Held, held
from quanke_desk.work.models import Arrival, Contact, MorningOpened, Outcome
from quanke_desk.work.queries import effective, english

FIGURES = ("planned", "done", "effective", "open", "overdue")
"""planned = done + open; effective is a part of done, overdue a part of open."""
LATE = ("contacts", "follow_ups")
"""Beside the list: contacts that are due and follow-ups, both overdue."""


def posts(person: Person) -> QuerySet[Post]:
    """Posts with a book a person supervises: of his branch and below; of the bank for the committee."""
    return _posts_within(person).filter(role__in=BOOK_ROLES)


def _posts_within(person: Person) -> QuerySet[Post]:
    scope = scope_of(person)
    found = Post.objects.select_related("branch")
    if scope.extent is Extent.BANK:
        return found
    if scope.extent is not Extent.BRANCH:
        return found.none()
    return found.filter(branch__branch_id__in=scope.branches)


def team(person: Person) -> list[dict[str, Any]]:
    """One row per post with `post, branch, role, people` and the figures of FIGURES and LATE: the list of the
    last night, under who looks after the customer now, and what is overdue beside it. Then a row per person,
    lobby and outlet that has follow-ups overdue that are no post's, and one of the remote team. `place` names
    a row, `pk` the post of one."""
    of = held()
    supervised = {p.post_id: p for p in _posts_within(person)}
    lines = _lines(of, supervised)
    late = overdue.counted(person, of)
    due = Counter(overdue.contacts(of).post)
    seated = seats_of(list(supervised))
    spoken = _spoken([row["customer"] for rows in lines.values() for row in rows], of)
    table = []
    for post in supervised.values():
        counted = dict.fromkeys(FIGURES, 0)
        for row in lines.get(post.post_id, []):
            for figure in _figures(row, spoken):
                counted[figure] += 1
        counted["contacts"] = due[post.post_id]
        counted["follow_ups"] = late.get(overdue.Place(overdue.POST, post.pk), 0)
        people = seated.get(post.post_id, [])
        if (people and post.role in BOOK_ROLES) or any(counted.values()):
            table.append(
                {
                    "pk": post.pk,
                    "place": overdue.Place(overdue.POST, post.pk).key,
                    "post": post.post_id,
                    "branch": post.branch.name,
                    "role": post.get_role_display(),
                    "people": "、".join(people) if not english() else ", ".join(people),
                    **counted,
                }
            )
    return table + [_row_beside(place, n) for place, n in late.items() if place.kind != overdue.POST]


def _row_beside(place: overdue.Place, count: int) -> dict[str, Any]:
    """The row of follow-ups that are no post's."""
    title, branch = called_place(place)
    none = dict.fromkeys((*FIGURES, *LATE), 0)
    row = {"pk": None, "place": place.key, "post": title, "branch": branch, "role": "", "people": ""}
    return {**row, **none, "follow_ups": count}


def called_place(place: overdue.Place) -> tuple[str, str]:
    """What a place that is no post is called, and its branch."""
    if place.kind == overdue.PERSON:
        person = Person.objects.select_related("branch").get(pk=place.number)
        return person.name, person.branch.name if person.branch else ""
    if place.kind == overdue.REMOTE:
        return gettext("Remote team"), ""
    branch = Branch.objects.filter(pk=place.number).first()
    title = gettext("Lobby") if place.kind == overdue.LOBBY else gettext("Call-backs after visits")
    return title, branch.name if branch else ""


def _lines(of: Held, names: Collection[str]) -> dict[str, list[dict[str, Any]]]:
    """Lines of the night's list by the post that looks after the customer now; of whom nobody looks after
    now, by the post that did."""
    now, gone = posts_since(of.base), hidden()
    found: dict[str, list[dict[str, Any]]] = {}
    for name in names:
        kept = [r for r in of.lines(name) if (now.get(r["customer"]) or name) == name]
        found[name] = [r for r in kept if r["customer"] not in gone]
    for row in of.lines_of([c for c, post in now.items() if post in names and c not in gone]):
        if row["post"] != (post := now[row["customer"]]) and post is not None:
            found[post].append(row)
    return found


def rows_behind(person: Person, post: Post, figure: str) -> list[dict[str, Any]] | None:
    """The customers behind a figure of a post, masked; null for a post one does not supervise, or no such
    figure."""
    if figure not in (*FIGURES, *LATE) or not _posts_within(person).filter(pk=post.pk).exists():
        return None
    of = held()
    if figure == "follow_ups":
        return late_rows(person, overdue.Place(overdue.POST, post.pk))
    if figure == "contacts":
        return _contacts_due(of, post)
    lines = _lines(of, [post.post_id])[post.post_id]
    spoken = _spoken([row["customer"] for row in lines], of)
    chosen = [row for row in lines if figure in _figures(row, spoken)]
    names = who.masked_names([row["customer"] for row in chosen], of.base)
    masked = scope_of(person).masked  # amounts of single customers are for who answers for them
    rows = []
    for row in chosen:
        contact = spoken.get((row["customer"], row["action"]))
        rows.append(
            {
                "customer": row["customer"],
                "name": names[row["customer"]],
                "title": of.words(row["customer"], row["action"], english())["title"],
                "due_on": row["due_on"],
                "value": None if masked else row["value"],
                "outcome": contact.get_outcome_display() if contact else None,
                "at": contact.at if contact else None,
                "evidence": contact.evidence if contact else None,
            }
        )
    return rows


def late_rows(person: Person, place: overdue.Place) -> list[dict[str, Any]] | None:
    """Follow-ups that are overdue in a place, with masked names; null for one a person does not supervise."""
    of = held()
    found = overdue.rows_of(person, place, of)
    if found is None:
        return None
    for each in found:
        each.customer = of.base.goes_by(each.customer)
    names = who.masked_names([f.customer for f in found], of.base)
    return [
        {
            "customer": f.customer,
            "name": names[f.customer],
            "title": " · ".join(
                [
                    str(f.get_kind_display()),
                    *([of.words(f.customer, f.action, english())["title"]] if f.action in of.actions else []),
                ]
            ),
            "due_on": f.due_on,
        }
        for f in found
    ]


def _contacts_due(of: Held, post: Post) -> list[dict[str, Any]]:
    due = overdue.contacts(of)
    mine = [n for n, name in enumerate(due.post) if name == post.post_id]
    names = who.masked_names([int(due.customer[n]) for n in mine], of.base)
    rows = []
    for n in mine:
        day, why = overdue.due_on(of, int(due.at[n]))
        customer = int(due.customer[n])
        rows.append(
            {
                "customer": customer,
                "name": names[customer],
                "title": called("contact_due_for", why) or gettext("Contact due"),
                "due_on": day,
            }
        )
    return sorted(rows, key=lambda row: (row["due_on"], row["customer"]))


def _figures(row: dict[str, Any], spoken: dict[tuple[int, str], Contact]) -> list[str]:
    """The figures a line counts in."""
    contact = spoken.get((row["customer"], row["action"]))
    if contact is not None:
        return ["planned", "done", *(["effective"] if effective(contact) else [])]
    return ["planned", "open", *(["overdue"] if row["due_on"] < timezone.localdate() else [])]


def _spoken(customers: list[int], of: Held) -> dict[tuple[int, str], Contact]:
    """The last contact since the night that did something about an action, by customer and action."""
    if not customers:
        return {}
    found = Contact.objects.filter(rules.standing(), day__gt=of.base.day).exclude(outcome=Outcome.NO_ANSWER)
    if len(customers) <= 500:
        found = found.filter(customer__in=customers)
    return {(c.customer, c.action): c for c in found.exclude(action="").order_by("id")}


def seats_of(names: list[str]) -> dict[str, list[str]]:
    """Who sits on posts today, by post."""
    found: dict[str, list[str]] = {}
    seats = Seat.objects.filter(
        Seat.on(timezone.localdate()), post__post_id__in=names, person__is_active=True
    )
    for post, name in seats.order_by("stands_in", "id").values_list("post__post_id", "person__name"):
        found.setdefault(post, []).append(name)
    return found


@dataclass(frozen=True)
class Week:
    """Use of the tool in one week: how many people could, and how many did."""

    first: dt.date
    people: int
    logged_in: int
    opened: int
    recorded: int
    card_ms: int | None
    cards: int


def people(person: Person) -> QuerySet[Person]:
    """People with a book whom a person supervises."""
    found = Person.objects.filter(role__in=BOOK_ROLES, is_active=True)
    scope = scope_of(person)
    if scope.extent is Extent.BANK:
        return found
    return found.filter(branch__branch_id__in=scope.branches) if scope.branches else found.none()


def adoption(person: Person, weeks: int = 4) -> list[Week]:
    """Use of the tool by week, the latest first: everybody able to, everybody doing (S14)."""
    today = timezone.localdate()
    monday = today - dt.timedelta(days=today.weekday())
    team_of = people(person)
    return [_week(person, team_of, monday - dt.timedelta(weeks=n)) for n in range(weeks)]


def used(person: Person, first: dt.date, what: str) -> QuerySet[Person] | None:
    """The people behind a figure of a week; null for no such figure."""
    return _used(people(person), first).get(what)


def _used(team_of: QuerySet[Person], first: dt.date) -> dict[str, QuerySet[Person]]:
    begin = timezone.make_aware(dt.datetime.combine(first, dt.time()))
    end = begin + dt.timedelta(weeks=1)
    last = first + dt.timedelta(days=6)
    logged = AuditEntry.objects.filter(action="login", at__gte=begin, at__lt=end).values("person")
    opened = MorningOpened.objects.filter(day__gte=first, day__lte=last).values("person")
    recorded = Contact.objects.filter(rules.standing(), day__gte=first, day__lte=last).values("person")
    return {
        "people": team_of,
        "logged_in": team_of.filter(pk__in=logged),
        "opened": team_of.filter(pk__in=opened),
        "recorded": team_of.filter(pk__in=recorded),
    }


def _week(person: Person, team_of: QuerySet[Person], first: dt.date) -> Week:
    counts = {name: found.count() for name, found in _used(team_of, first).items()}
    outlets = _outlets(person)
    shown = Arrival.objects.filter(
        outlets, day__gte=first, day__lte=first + dt.timedelta(days=6), card_ms__isnull=False
    ).values_list("card_ms", flat=True)
    times = sorted(ms for ms in shown[:10_000] if ms is not None)
    p95 = times[max(0, -(-len(times) * 95 // 100) - 1)] if times else None
    return Week(first, **counts, card_ms=p95, cards=len(times))


def _outlets(person: Person) -> Q:
    scope = scope_of(person)
    if scope.extent is Extent.BANK:
        return Q()
    return Q(outlet__in=Branch.objects.filter(branch_id__in=scope.branches))
