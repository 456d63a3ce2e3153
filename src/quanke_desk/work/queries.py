"""What a manager sees: his morning, his calendar, what was said to a customer, and call-backs of the team."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from quanke.segments import DEFAULT_SCHEME
from quanke_desk.customers.consenting import hidden, without_hidden
from quanke_desk.customers.words import called
from quanke_desk.foundation import left_alone
from quanke_desk.foundation.asked_once import asked_once
from quanke_desk.foundation.models import Person, Seat
from quanke_desk.foundation.opening import may_see
from quanke_desk.foundation.parameters import value
from quanke_desk.foundation.roles import Role
from quanke_desk.foundation.scope import among, moved_to, scope_of
from quanke_desk.work import rules, who
from quanke_desk.work.asked_for import PURPOSES, Asked, AskedFor, asked_for, asked_of
from quanke_desk.work.dropping import TASKS, is_kept
from quanke_desk.work.held import BIRTHDAY, DUE, MATURITY, Held, held
from quanke_desk.work.models import Contact, FollowUp, FollowUpKind, Means, Outcome

TIERS = {tier.name: (tier.title_zh, tier.title_en) for tier in DEFAULT_SCHEME.tiers}
MOST = 20
"""Rows of each thing that is due beside the list; the calendar has them all."""


@dataclass
class Line:
    """One customer of the morning: what to do, why, with which words, until when."""

    customer: int
    name: str
    tier: str
    post: str
    action: str
    title: str
    because: str
    script: str
    approval: str
    means: str
    purpose: str
    due_on: dt.date
    value: int
    minutes: int
    rhythm: bool
    cautions: list[rules.Caution] = field(default_factory=list)
    tried: list[Contact] = field(default_factory=list)
    done: Contact | None = None

    @property
    def overdue(self) -> bool:
        """Whether the deadline has passed."""
        return self.due_on < timezone.localdate()

    @property
    def blocked(self) -> bool:
        """Whether it may not be done now."""
        return any(c.blocks for c in self.cautions)

    @property
    def key(self) -> str:
        """Name of its row on the page."""
        return f"{self.customer}-{self.action}"

    @property
    def means_name(self) -> str:
        """How the customer is reached, in words."""
        return str(Means(self.means).label)


@dataclass
class Morning:
    """What a manager has to do: open lines in order, follow-ups of today and before, what is due otherwise,
    and what was done today."""

    day: dt.date
    posts: list[str]
    lines: list[Line]
    follow_ups: list[dict[str, Any]]
    due: list[dict[str, Any]]
    occasions: list[dict[str, Any]]
    done: list[dict[str, Any]]
    due_count: int = 0

    @property
    def to_do(self) -> list[Line]:
        """Lines that wait to be done."""
        return [line for line in self.lines if line.done is None]


def english() -> bool:
    """Whether who asks reads English."""
    return (get_language() or "").startswith("en")


def tier_word(name: str | None) -> str:
    """A tier in words."""
    words = TIERS.get(name or "")
    return words[int(english())] if words else name or ""


@dataclass(frozen=True)
class TaskDone:
    """Tasks of a campaign that were done on a day by one means: how many, and for how many seconds the
    systems proved that somebody spoke."""

    day: dt.date
    means: str
    count: int
    seconds: int


def tasks_of_campaign(name: str) -> tuple[int, list[TaskDone]]:
    """How many tasks a campaign gave, to managers, the remote team and the lobby, and those that were done,
    by day and means of the contact. How long a contact took counts as a system proved it, not as typed."""
    given = FollowUp.objects.filter(campaign=name)
    done = given.filter(done_by__isnull=False).values("done_by__day", "done_by__means")
    rows = done.annotate(n=Count("id"), spoken=Sum("done_by__proof__seconds")).order_by("done_by__day")
    found = [TaskDone(r["done_by__day"], r["done_by__means"], r["n"], r["spoken"] or 0) for r in rows]
    return given.count(), found


@dataclass(frozen=True)
class TasksOfStep:
    """What a step of a journey gave to do: how many were given, how many are open and of those overdue, done,
    and dropped because the journey ended, the customer left it, or is to be left alone. `who` in words."""

    step: str
    who: str
    given: int
    open: int
    overdue: int
    done: int
    dropped: int
    accepted: int


def tasks_of_journey(name: str) -> list[TasksOfStep]:
    """Tasks of a journey by step and by who has them to do."""
    rows = FollowUp.objects.filter(journey=name, kind__in=TASKS).order_by()
    undone = Q(done_at=None)
    counted = rows.annotate(nobodys=Q(post=None, person=None)).values("step", "kind", "nobodys").annotate(
        given=Count("id"),
        open=Count("id", filter=undone),
        overdue=Count("id", filter=undone & Q(due_on__lt=timezone.localdate())),
        done=Count("id", filter=~undone & Q(dropped=False)),
        dropped=Count("id", filter=Q(dropped=True)),
        accepted=Count("id", filter=Q(done_by__outcome__in=[Outcome.ACCEPTED, Outcome.INTERESTED])),
    )  # fmt: skip
    return [
        TasksOfStep(
            row["step"], _whose(row["kind"], row["nobodys"]), row["given"], row["open"], row["overdue"],
            row["done"], row["dropped"], row["accepted"],
        )
        for row in counted.order_by("step", "kind", "nobodys")
    ]  # fmt: skip


def _whose(kind: str, nobodys: bool) -> str:
    if kind == FollowUpKind.LOBBY:
        return gettext("Lobby")
    return gettext("Remote team") if nobodys else gettext("Manager")


@asked_once
def posts_of(person: Person) -> list[str]:
    """Posts a person sits or stands in on today."""
    mine = Seat.objects.filter(Seat.on(timezone.localdate()), person=person)
    return list(
        mine.order_by("stands_in", "post__post_id").values_list("post__post_id", flat=True).distinct()
    )


def morning(person: Person) -> Morning:
    """The morning of a person: the last night's list of his posts (those he stands in on included), without
    customers who are another's by now and with those given to him since. Raises NightError before a night."""
    of, posts = held(), posts_of(person)
    soon = of.morning + dt.timedelta(days=7)
    near = [d for d in of.due(posts) if d["day"] <= soon]
    rows = plan_rows(of, posts)
    # whose they are and who is left alone is asked of all of them together, and known below
    everybody = sorted({each["customer"] for each in (*rows, *near)})
    among(scope_of(person), everybody, of.base)
    left_alone.asked(everybody, timezone.now())
    lines = plan_lines(of, rows, person)
    done = Contact.objects.filter(rules.standing(), person=person, day=timezone.localdate())
    busy = {line.customer for line in lines}
    near = still_theirs(of, near, person)
    due = [d for d in near if d["kind"] == DUE and d["customer"] not in busy]
    occasions = [d for d in near if d["kind"] != DUE]
    spoken = rules.contacts_since([d["customer"] for d in due], of.base.day)
    due = [d for d in due if not any(c.evidence for c in spoken.get(d["customer"], []))]
    return Morning(
        of.morning,
        posts,
        lines,
        waiting(person, timezone.localdate()),
        named(of, due[:MOST]),
        named(of, occasions[:MOST]),
        shown_contacts(of, done, person),
        len(due),
    )


def plan_rows(of: Held, posts: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of the plan for some posts, and of who was given to them since."""
    rows = [row for post in posts for row in of.lines(post)]
    return rows + [row for row in of.lines_of(sorted(moved_to(posts, of.base))) if row["post"] not in posts]


def plan_lines(of: Held, rows: Sequence[dict[str, Any]], person: Person) -> list[Line]:
    """Those of some rows of the plan whose customers are still his, as lines; without whom one must leave
    alone, for the night knew neither blocks nor who became a control since."""
    mine = among(scope_of(person), [row["customer"] for row in rows], of.base) - hidden()
    rows = [row for row in rows if row["customer"] in mine]
    customers = [row["customer"] for row in rows]
    known = rules.since(customers, of.base.day)
    rows = [row for row in rows if not _kept(of.action(row["action"]), row["customer"], known)]
    names = who.names([row["customer"] for row in rows], of.base)
    return [line_of(of, row, known, names[row["customer"]]) for row in rows]


def _kept(sheet: Mapping[str, Any], customer: int, known: rules.Since) -> bool:
    return bool(rules.kept_from(customer, known, sheet["means"], sheet["purpose"] == "marketing"))


def line(person: Person, customer: int, action: str) -> Line | None:
    """One line again, after something was recorded; null where it is none of this person's."""
    of = held()
    rows = [row for row in of.lines_of([customer]) if row["action"] == action]
    if not rows or customer in hidden() or not may_see(person, customer, of.base):
        return None
    return line_of(
        of, rows[0], rules.since([customer], of.base.day), who.names([customer], of.base)[customer]
    )


def line_of(of: Held, row: dict[str, Any], known: rules.Since, name: str) -> Line:
    """A line of the list, with what was done since the night and what speaks against doing it now."""
    customer, action = row["customer"], row["action"]
    words, profile = of.words(customer, action, english()), of.row(customer)
    tried = [c for c in known.contacts.get(customer, []) if c.action == action]
    done = next((c for c in reversed(tried) if c.outcome != Outcome.NO_ANSWER), None)
    return Line(
        customer=customer,
        name=name,
        tier=tier_word(profile.get("tier")),
        post=row["post"],
        action=action,
        title=words["title"],
        because=words["because"],
        script=words["script"],
        approval=words["approval"],
        means=words["means"],
        purpose=words["purpose"],
        due_on=row["due_on"],
        value=row["value"],
        minutes=row["minutes"],
        rhythm=row["rhythm"],
        tried=tried,
        done=done,
        cautions=rules.cautions(customer, profile, known, words["means"], words["purpose"]),
    )


def _mine(person: Person) -> QuerySet[FollowUp]:
    posts = posts_of(person)
    return FollowUp.objects.filter(Q(post__post_id__in=posts) | Q(person=person), done_at=None)


def waiting(person: Person, until: dt.date, since: dt.date | None = None) -> list[dict[str, Any]]:
    """Follow-ups of a person that are due, the oldest first; of customers he may not see, by mask."""
    found = _mine(person).filter(due_on__lte=until)
    if since is not None:
        found = found.filter(due_on__gte=since)
    return shown_follow_ups(found.select_related("arrival__outlet", "after", "of_left")[:200], person)


def shown_follow_ups(found: Iterable[FollowUp], person: Person) -> list[dict[str, Any]]:
    """Follow-ups with the names of their customers: in the clear for whom one looks after or opened; and with
    what they are about, of tasks of campaigns what the campaign says. Without tasks about who is to be left
    alone since, or whose data may no longer be used. A task of a number that another took in is about him."""
    of, gone = held(), hidden()
    rows = [f for f in found if f.customer not in gone]
    for each in rows:
        each.customer = of.base.goes_by(each.customer)
    known = rules.Since(alone=left_alone.asked([f.customer for f in rows], timezone.now()))
    rows = [f for f in rows if not is_kept(f, known)]
    customers = [f.customer for f in rows]
    clear = among(scope_of(person), customers, of.base)
    clear |= frozenset(c for c in set(customers) - clear if may_see(person, c, of.base))
    names, masked = (
        who.names(sorted(clear), of.base),
        who.masked_names(sorted(set(customers) - clear), of.base),
    )
    today, told = timezone.localdate(), asked_for(rows)
    return [
        {
            "follow_up": f,
            "customer": f.customer,
            "open": f.customer in clear,
            "name": names.get(f.customer) or masked.get(f.customer, "-"),
            "overdue": f.due_on < today,
            "tier": tier_word(of.row(f.customer).get("tier")),
            **about(of, f, told),
        }
        for f in rows
    ]


def written_time(at: dt.time | None) -> str:
    """A time of the day as both languages write it; empty for none."""
    return "" if at is None else at.isoformat("minutes")


def about(of: Held, task: FollowUp, told: Mapping[Asked, AskedFor]) -> dict[str, str]:
    """What a follow-up is about: `title`, `because` and `script` by its action, which has the customer's own
    figures, else by what the campaign says; the `journey` that asks, the `purpose` in
    words, and the name of who had it until he left (`of_left`), and the time of an
    appointment (`at`)."""
    asked = told.get(asked_of(task), AskedFor(""))
    words = of.words(task.customer, task.action, english()) if task.action in of.actions else {}
    return {
        "title": words.get("title") or asked.title,
        "because": words.get("because") or asked.because,
        "script": asked.say or words.get("script", ""),
        "journey": asked.title if words else "",
        "purpose": gettext(PURPOSES[task.purpose]) if task.purpose in PURPOSES else "",
        "at": written_time(task.at_time),
        "of_left": task.of_left.name if task.of_left else "",
    }


def still_theirs(of: Held, due: list[dict[str, Any]], person: Person) -> list[dict[str, Any]]:
    """What is due of whom a person looks after now: who went to another since the night is that one's. Who is
    sent nothing at all is not due either."""
    customers = [d["customer"] for d in due]
    mine = among(scope_of(person), customers, of.base) - hidden()
    alone = left_alone.asked(customers, timezone.now())
    mine -= {customer for customer, why in alone.items() if any(each.wholly for each in why)}
    return [d for d in due if d["customer"] in mine]


def named(of: Held, due: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is due, with names and words."""
    names = who.names([d["customer"] for d in due], of.base)
    rows = []
    for d in due:
        row = of.row(d["customer"])
        why: Any = called("contact_due_for", d["why"])
        if d["kind"] == BIRTHDAY:
            why = _("birthday within 7 days")
        if d["kind"] == MATURITY:
            why = _("a product matures")
        rows.append(
            {
                **d,
                "name": names[d["customer"]],
                "tier": tier_word(row.get("tier")),
                "why": why,
                "amount": row.get("maturing_amount_30d") if d["kind"] == MATURITY else None,
                "overdue": d["kind"] == DUE and d["day"] < of.morning,
            }
        )
    return rows


def shown_contacts(
    of: Held, found: Iterable[Contact], person: Person, with_notes: bool = False
) -> list[dict[str, Any]]:
    """Contacts as rows, with what may still be taken back, and whether there is a note to read."""
    rows = list(found)
    customers = [c.customer for c in rows]
    clear = among(scope_of(person), customers, of.base)
    names, masked = (
        who.names(sorted(clear), of.base),
        who.masked_names(sorted(set(customers) - clear), of.base),
    )
    until = timezone.now() - dt.timedelta(minutes=value("contact.undo"))
    return [
        {
            "contact": c,
            "name": names.get(c.customer) or masked.get(c.customer, "-"),
            "effective": effective(c),
            "title": of.words(c.customer, c.action, english())["title"] if c.action in of.actions else "",
            "noted": with_notes and hasattr(c, "note"),
            "undo": c.person_id == person.pk and c.at > until and c.means != Means.TICKET,
        }
        for c in rows
    ]


def effective(contact: Contact) -> bool:
    """Whether a contact counts: the system proves it, and a call was connected and long enough (BK-4)."""
    if contact.means == Means.TICKET:
        return contact.evidence
    long_enough = contact.means != Means.CALL or (contact.seconds or 0) >= value("contact.seconds")
    return (
        contact.evidence
        and contact.connected
        and long_enough
        and contact.means in (Means.CALL, Means.WECOM, Means.VISIT)
    )


def history(customer: int, person: Person) -> list[dict[str, Any]]:
    """What the desk recorded of a customer, the newest first. The caller asked whether he may see him."""
    found = Contact.objects.filter(rules.standing(), customer=customer).select_related(
        "person", "post", "note"
    )
    return shown_contacts(held(), found[:100], person, with_notes=True)


def open_follow_ups(customer: int, person: Person) -> list[dict[str, Any]]:
    """What is still to be done with a customer."""
    found = FollowUp.objects.filter(customer__in=held().base.numbers(customer), done_at=None)
    return shown_follow_ups(found.select_related("person", "post", "of_left")[:50], person)


def call_backs(person: Person, until: dt.date | None = None) -> QuerySet[FollowUp]:
    """Visitors to be called back: the remote team's are the bank's, with whatever else is to be done that is
    no post's and no person's; a head's those of his outlets."""
    open_ = without_hidden(FollowUp.objects.filter(done_at=None))
    found = open_.filter(kind=FollowUpKind.CALL_BACK)
    if person.role == Role.REMOTE:
        nobodys = Q(post=None, person=None) & ~Q(kind=FollowUpKind.LOBBY)
        found = open_.filter(Q(kind=FollowUpKind.CALL_BACK) | nobodys)
    else:
        branch = person.branch
        if branch is None:
            return found.none()
        found = found.filter(arrival__outlet__left__gte=branch.left, arrival__outlet__right__lte=branch.right)
    if until is not None:
        found = found.filter(due_on__lte=until)
    return found.select_related("arrival__outlet", "person", "of_left").order_by("due_on", "id")
