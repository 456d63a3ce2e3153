"""What a lobby sees: the visitors of its own outlet today, and nobody else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import get_language, gettext

from quanke.segments import DEFAULT_SCHEME
from quanke_desk.foundation.local_form import day
from quanke_desk.foundation.models import Branch, Person, Post, Seat
from quanke_desk.foundation.notices import on_post
from quanke_desk.foundation.parameters import value
from quanke_desk.foundation.roles import BOOK_ROLES
from quanke_desk.foundation.scope import post_of
from quanke_desk.work import rules, who
from quanke_desk.work.asked_for import Asked, AskedFor, asked_for, asked_of
from quanke_desk.work.held import Held, held
from quanke_desk.work.lobby_actions import OPEN
from quanke_desk.work.models import Arrival, ArrivalState, FollowUp, FollowUpKind
from quanke_desk.work.suggesting import may_be_said, words

MOST_TASKS = 3
COUNTER = "counter"
"""Stands in `Arrival.to` for the counters of the outlet."""
TIERS = {tier.name: (tier.title_zh, tier.title_en) for tier in DEFAULT_SCHEME.tiers}


@dataclass(frozen=True)
class Card:
    """One visitor on the tablet. `manager`: who sits on the post that looks after him."""

    arrival: Arrival
    name: str
    tier: str
    post: str
    manager: str
    candidates: list[str]
    suggestions: list[dict[str, Any]]
    open: list[tuple[str, Any]]
    tasks: list[dict[str, Any]]

    @property
    def is_open(self) -> bool:
        """Whether the visit is not over."""
        return self.arrival.state in OPEN


def english() -> bool:
    """Whether who asks reads English."""
    return (get_language() or "").startswith("en")


def outlets(person: Person) -> QuerySet[Branch]:
    """Outlets of a person: his own branch and what lies below it."""
    if person.branch is None:
        return Branch.objects.none()
    inside = Branch.objects.filter(left__gte=person.branch.left, right__lte=person.branch.right)
    return inside.filter(closed_on=None)


def _of_today(person: Person, counter: bool) -> QuerySet[Arrival]:
    """Visits of today at one's own outlets; at a counter those that were handed to it."""
    found = Arrival.objects.filter(outlet__in=outlets(person), day=timezone.localdate())
    return found.filter(to=COUNTER) if counter else found


def arrivals(person: Person, after: int = 0, outlet: str = "", counter: bool = False) -> list[Arrival]:
    """Visits of today that are not over, the newest first; of one's own outlets only. `counter`: those that
    were handed to the counters."""
    found = _of_today(person, counter)
    found = found.filter(state=ArrivalState.HANDED_OVER) if counter else found.filter(state__in=OPEN)
    if outlet:
        found = found.filter(outlet__branch_id=outlet)
    return list(found.filter(pk__gt=after).select_related("outlet").prefetch_related("suggestions")[:100])


def arrival(person: Person, number: int, counter: bool = False) -> Arrival | None:
    """One visit of today at one's own outlets; null for any other."""
    mine = _of_today(person, counter).filter(pk=number)
    return mine.select_related("outlet").prefetch_related("suggestions").first()


def changed(person: Person, seen: Mapping[int, int], counter: bool = False) -> list[Arrival]:
    """Visits a tablet shows as they were: `seen` has the number of changes it knows of each."""
    if not seen:
        return []
    # who was taken from the counter again is shown there once more, as handed elsewhere
    found = _of_today(person, False).filter(pk__in=list(seen))
    held_now = found.values_list("pk", "changes")
    stale = [pk for pk, changes in held_now if changes != seen[pk]]
    if not stale:
        return []
    again = found.filter(pk__in=stale) if not counter else found.filter(pk__in=stale).exclude(to="")
    return list(again.select_related("outlet").prefetch_related("suggestions"))


def cards(visits: Sequence[Arrival]) -> list[Card]:
    """The cards of visits, with names as the bank wants them shown."""
    if not visits:
        return []
    of = held()
    known = [a.customer for a in visits if a.customer is not None]
    shown_as = called(known, of)
    several = [c for a in visits for c in a.candidates]
    masked = who.masked_names(several, of.base) if several else {}
    return [_card(a, shown_as, masked, of) for a in visits]


def _card(visit: Arrival, shown_as: dict[int, str], masked: dict[int, str], of: Held) -> Card:
    if visit.customer is None:
        return Card(visit, "", "", "", "", [masked[c] for c in visit.candidates], [], [], [])
    customer = visit.customer
    row, speaks = of.row(customer), english()
    tier = TIERS.get(row.get("tier") or "")
    post = post_of(customer, of.base)
    suggestions = [
        {
            "place": s.place,
            "outcome": s.outcome,
            "said": s.get_outcome_display(),
            **words(customer, s.action, of, speaks),
        }
        for s in visit.suggestions.all()
    ]
    return Card(
        visit,
        shown_as[customer],
        tier[int(speaks)] if tier else row.get("tier") or "",
        post or "",
        ", ".join(person.name for person in on_post(post)),
        [],
        suggestions,
        _open(customer, row, of),
        _tasks(customer, of),
    )


def _tasks(customer: int, of: Held) -> list[dict[str, Any]]:
    """What the lobby was asked to do at the customer's next visit, as far as he may hear it now."""
    his = FollowUp.objects.filter(customer__in=of.base.numbers(customer))
    due = his.filter(kind=FollowUpKind.LOBBY, done_at=None, dropped=False)
    found = list(due.order_by("due_on", "id")[:20])
    for task in found:
        task.customer = customer  # by the number he goes by now
    known = rules.since([customer], of.base.day) if found else None
    fit = [task for task in found if known and may_be_said(customer, task.action, of, known)]
    told = asked_for(fit[:MOST_TASKS])
    return [{"task": task, **_said_of(task, of, told)} for task in fit[:MOST_TASKS]]


def _said_of(task: FollowUp, of: Held, told: Mapping[Asked, AskedFor]) -> dict[str, Any]:
    """The words of an action; of one the night's plan does not have, what the campaign says. What the step
    has to be said goes before: it was agreed to for this."""
    asked = told.get(asked_of(task), AskedFor(""))
    if task.action in of.actions:
        found = words(task.customer, task.action, of, english())
        return {**found, "script": asked.say or found["script"]}
    title = asked.title or gettext("Asked for by a campaign")
    return {"title": title, "because": asked.because, "script": asked.say}


def _open(customer: int, row: dict[str, Any], of: Held) -> list[tuple[str, Any]]:
    """What is open about a customer: (what, how many or when)."""
    found: list[tuple[str, Any]] = []
    his = FollowUp.objects.filter(customer__in=of.base.numbers(customer), done_at=None)
    if due := his.exclude(kind=FollowUpKind.LOBBY).count():
        found.append((gettext("Follow-ups"), due))
    if row.get("maturing_30d"):
        found.append((gettext("Maturing within 30 days"), row["maturing_30d"]))
    if row.get("contact_due_on"):
        found.append((gettext("Contact due by"), day(row["contact_due_on"])))
    return found


def called(customers: Sequence[int], of: Held) -> dict[int, str]:
    """How the lobby calls customers: `lobby.name` says whether masked, by surname and title, or in full."""
    how = value("lobby.name")
    if how == 0:
        return who.masked_names(customers, of.base)
    fields = who.golden(customers, of.base)
    names = {c: str(f["name"].value) if "name" in f and f["name"].value else "-" for c, f in fields.items()}
    if how == 2:
        return names
    return {c: _surname(names[c], fields[c].get("sex")) for c in customers}


def _surname(name: str, sex: Any) -> str:
    if name == "-" or len(name) > 4 or not "\u4e00" <= name[0] <= "\u9fff":
        return name[:1] + "**" if name != "-" else name
    family = name[:2] if len(name) == 4 or name[:2] in DOUBLE else name[:1]
    title = {"male": gettext("Mr %(family)s"), "female": gettext("Ms %(family)s")}
    said = title.get(str(sex.value) if sex is not None else "", "%(family)s**")
    return said % {"family": family}


DOUBLE = frozenset(
    ("欧阳", "司马", "上官", "诸葛", "东方", "皇甫", "尉迟", "公孙", "令狐", "司徒", "夏侯", "慕容")
)


def takers(visit: Arrival) -> list[Post]:
    """Posts a visitor can be handed to: his own manager's first, then those of the outlet, where somebody
    sits today."""
    seated = Seat.objects.filter(Seat.on(timezone.localdate()), person__is_active=True)
    branch = visit.outlet
    here = Post.objects.filter(
        branch__left__gte=branch.left, branch__right__lte=branch.right, role__in=BOOK_ROLES, seats__in=seated
    ).distinct()
    own = post_of(visit.customer) if visit.customer is not None else None
    mine = list(Post.objects.filter(post_id=own, seats__in=seated).distinct()) if own else []
    return [*mine, *(p for p in here.select_related("branch")[:30] if p not in mine)]


def named_takers(visit: Arrival) -> list[tuple[Post, str]]:
    """Posts a visitor can be handed to, each with who sits there: a lobby knows colleagues, not numbers."""
    posts = takers(visit)
    seats = Seat.objects.filter(Seat.on(timezone.localdate()), post__in=posts, person__is_active=True)
    names: dict[int, list[str]] = {}
    for seat in seats.order_by("stands_in", "id").select_related("person"):
        names.setdefault(seat.post_id, []).append(seat.person.name)
    return [(post, ", ".join(dict.fromkeys(names.get(post.pk, [])))) for post in posts]
