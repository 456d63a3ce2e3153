"""Every change a manager makes: contacts, follow-ups, reminders; and what systems prove of contacts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from quanke.kernel.errors import NightError
from quanke.plans.worklist import working_day_after
from quanke_desk.books.actions import ask_transfer
from quanke_desk.customers.consenting import hidden
from quanke_desk.foundation import audit, notices, outbox
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Approval, Person, Post, Seat
from quanke_desk.foundation.opening import require_sight
from quanke_desk.foundation.parameters import value
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.scope import OutOfScope, post_of, posts_now
from quanke_desk.work import rules
from quanke_desk.work.held import held
from quanke_desk.work.models import (
    Contact,
    Evidence,
    FollowUp,
    FollowUpKind,
    MachineKey,
    Means,
    MorningOpened,
    Outcome,
    Proof,
)
from quanke_desk.work.notes import keep_note

PROVES = {Proof.RECORDING: Means.CALL, Proof.CHAT: Means.WECOM, Proof.SIGNATURE: Means.VISIT}
PROOFS = outbox.only_told("contact_proofs", "contact_id", "evidence", "seconds")
NEXT = (Outcome.CALL_BACK, Outcome.INTERESTED)
"""Outcomes after which something is left to do."""


@dataclass(frozen=True)
class Said:
    """What a manager says of a contact. `next_on`: the day of the next step; `next_for`: who does it (else
    the post that looks after the customer)."""

    means: str
    connected: bool
    outcome: str
    seconds: int | None = None
    action: str = ""
    note: str = ""
    next_on: dt.date | None = None
    next_for: Person | None = None


def record_contact(customer: int, said: Said, *, by: Person, follow_up: int | None = None) -> Contact:
    """Records a contact, and what is to be done next; closes the follow-up it was. Raises NotAllowed with the
    rule, OutOfScope for a customer one may not see."""
    _require_sight(by, customer)
    his = base().numbers(customer)
    task = None if follow_up is None else FollowUp.objects.get(pk=follow_up, customer__in=his)
    said = _without_lost(said, task)
    _checked(customer, said, task)
    now = timezone.now()
    with transaction.atomic():
        contact = Contact.objects.create(
            customer=customer,
            post=own_post(customer, by),
            person=by,
            at=now,
            day=timezone.localdate(now),
            means=said.means,
            connected=said.connected,
            seconds=said.seconds,
            outcome=said.outcome,
            action=said.action,
            note_hash=digest_of(said.note),
        )
        keep_note(contact, said.note)
        proven(contact)
        outbox.put("contacts", contact.number, row_of(contact), customer=customer)
        if follow_up is not None:
            close(FollowUp.objects.select_for_update().get(pk=follow_up, customer__in=his), contact)
        if said.next_on is not None:
            follow(contact, said.next_on, said.next_for, by)
        detail = {"contact": contact.pk, "means": said.means, "outcome": said.outcome}
        audit.record(by, "work.contact", f"customer:{customer}", detail=detail)
        return contact


def _require_sight(by: Person, customer: int) -> None:
    """Raises OutOfScope for whom one may not see, and for whom nobody works with any more."""
    require_sight(by, customer)
    if customer in hidden():
        raise OutOfScope


def _without_lost(said: Said, task: FollowUp | None) -> Said:
    """What is said, without the task's own action where no plan has it any more: a task must not stay open
    because a night lost what it was to be done by."""
    lost = task is not None and said.action == task.action and said.action not in held().actions
    return replace(said, action="") if lost else said


def _checked(customer: int, said: Said, task: FollowUp | None) -> None:
    if said.means not in Means.values or said.means in (Means.TICKET, Means.PUSH):
        raise NotAllowed("no such means of contact")
    if said.outcome not in Outcome.values:
        raise NotAllowed("say what came of it")
    if said.connected == (said.outcome == Outcome.NO_ANSWER):
        raise NotAllowed("who was reached has an outcome, who was not has none")
    if said.seconds is not None and not 0 <= said.seconds <= 6 * 3600:
        raise NotAllowed("a contact lasts from 0 seconds to 6 hours")
    if said.next_on is not None and said.next_on < timezone.localdate():
        raise NotAllowed("the next step lies today or later")
    if said.outcome == Outcome.CALL_BACK and said.next_on is None:
        raise NotAllowed("say when to call again")
    if said.next_for is not None and not said.next_for.is_active:
        raise NotAllowed("this person has left")
    _may_be_offered(customer, said, task)


def _may_be_offered(customer: int, said: Said, task: FollowUp | None) -> None:
    """Raises NotAllowed for an offer to whom it may not be made, by the action, or by what a campaign asks
    the task for; and for an action the plan does not have."""
    of = held()
    try:
        purpose = of.action(said.action)["purpose"] if said.action else task.purpose if task else ""
    except NightError:
        raise NotAllowed("the plan has no such action") from None
    done = rules.since([customer], of.base.day)
    sells = purpose == "marketing"
    # who said no has said it: that is kept, whatever was wrong with asking him
    if sells and said.outcome != Outcome.DECLINED and rules.kept_from(customer, done, said.means, sells):
        raise NotAllowed("no offer to this customer: he is to be left alone")
    if said.action and said.means == Means.SMS:
        against = rules.cautions(customer, of.row(customer), done, said.means, purpose)
        if any(c.blocks for c in against) or (sells and not rules.may_text(customer)):
            raise NotAllowed("no offer by text message to this customer now")


def take_back(number: int, *, by: Person) -> Contact:
    """Takes back one's own record within minutes, by an entry that corrects it: what was closed by it opens,
    what it made is dropped. Raises NotAllowed: too late, another's, taken back already."""
    now = timezone.now()
    with transaction.atomic():
        contact = Contact.objects.select_for_update().filter(pk=number, person=by, corrects=None).first()
        if contact is None or Contact.objects.filter(corrects=contact).exists():
            raise NotAllowed("only one's own record can be taken back, and only once")
        if now - contact.at > dt.timedelta(minutes=value("contact.undo")):
            raise NotAllowed("too late to take it back: record the contact that corrects it")
        if not outbox.withdraw("contacts", contact.number):
            raise NotAllowed("it has left for the bank's tables already")
        undone = Contact.objects.create(
            customer=contact.customer,
            post=contact.post,
            person=by,
            at=now,
            day=timezone.localdate(now),
            means=contact.means,
            connected=contact.connected,
            outcome=contact.outcome,
            action=contact.action,
            arrival=contact.arrival,
            corrects=contact,
        )
        Evidence.objects.filter(contact=contact).update(contact=None)
        FollowUp.objects.filter(done_by=contact).update(done_by=None, done_at=None)
        FollowUp.objects.filter(after=contact, done_at=None).update(done_at=now, dropped=True)
        audit.record(by, "work.take_back", f"customer:{contact.customer}", detail={"contact": contact.pk})
        return undone


def add_follow_up(
    customer: int, on: dt.date, *, by: Person, who: Person | None = None, kind: str = FollowUpKind.FOLLOW_UP
) -> FollowUp:
    """Puts something to be done with a customer into the calendar. Raises NotAllowed, OutOfScope."""
    _require_sight(by, customer)
    if on < timezone.localdate():
        raise NotAllowed("the next step lies today or later")
    with transaction.atomic():
        made = FollowUp.objects.create(
            kind=kind,
            customer=customer,
            post=None if who else own_post(customer, by),
            person=who or None,
            due_on=on,
            made_by=by,
        )
        if made.post is None and made.person is None:
            FollowUp.objects.filter(pk=made.pk).update(person=by)
        detail = {"follow_up": made.pk, "on": on.isoformat()}
        audit.record(by, "work.follow_up", f"customer:{customer}", detail=detail)
        if who is not None and who.pk != by.pk:
            notices.tell([who], "A follow-up was given to you, due on %(day)s", "/work/", day=on.isoformat())
        return made


MANY = 5_000
"""Customers of one statement."""


def give_follow_ups(
    customers: Sequence[int],
    on: dt.date,
    *,
    who: str,
    by: Person,
    action: str = "",
    journey: str = "",
    step: str = "",
    purpose: str = "",
    campaigns: Mapping[int, str] | None = None,
    escalate_days: int = 0,
) -> int:
    """Gives many customers' managers, the remote team or the lobby they come to next something to do by a
    day, inside the transaction of who asks (a step of a campaign): `who` is "manager", "remote_team" or
    "lobby"; a customer nobody looks after goes to the remote team. `purpose`: to sell, or to serve; `step` is
    the journey's, `campaigns` by customer; an action the night lost is left out. From `escalate_days` working
    days after the day on, the head is told what was not done. Answers how many were given; customers whose
    data may no longer be used get none."""
    gone, given = hidden(), 0
    action = action if action in held().actions else ""
    told = working_day_after(on, escalate_days) if escalate_days else None
    known = {post.post_id: post for post in Post.objects.all()} if who == "manager" else {}
    for begin in range(0, len(customers), MANY):
        part = [c for c in customers[begin : begin + MANY] if c not in gone]
        posts = posts_now(part)
        made = [
            FollowUp(
                kind=FollowUpKind.LOBBY if who == "lobby" else FollowUpKind.JOURNEY,
                customer=customer,
                post=known.get(posts[customer] or ""),
                due_on=on,
                action=action,
                journey=journey,
                step=step,
                purpose=purpose,
                campaign=campaigns.get(customer, "") if campaigns else "",
                escalate_on=told,
                made_by=by,
            )
            for customer in part
            if customer in posts
        ]
        given += len(FollowUp.objects.bulk_create(made, batch_size=1_000))
    return given


def follow(contact: Contact, on: dt.date, who: Person | None, by: Person) -> FollowUp:
    """The next step after a contact, inside its transaction."""
    made = FollowUp.objects.create(
        kind=FollowUpKind.FOLLOW_UP,
        customer=contact.customer,
        post=None if who else contact.post,
        person=who or (None if contact.post else by),
        due_on=on,
        action=contact.action,
        means=contact.means,
        after=contact,
        made_by=by,
    )
    if who is not None and who.pk != by.pk:
        notices.tell([who], "A follow-up was given to you, due on %(day)s", "/work/", day=on.isoformat())
    return made


def close(follow_up: FollowUp, contact: Contact) -> None:
    """A follow-up is done by a contact; who was not reached is still to be reached."""
    if follow_up.done_at is not None:
        raise NotAllowed("this is done already")
    if contact.outcome != Outcome.NO_ANSWER:
        follow_up.done_at, follow_up.done_by = contact.at, contact
        follow_up.save(update_fields=["done_at", "done_by"])


def opened_morning(person: Person) -> None:
    """Notes that a person opened his morning today (whether the tool is used)."""
    today = timezone.localdate()
    if not MorningOpened.objects.filter(person=person, day=today).exists():
        try:
            with transaction.atomic():
                MorningOpened.objects.create(person=person, day=today)
        except IntegrityError:
            pass  # another tab was first


def ask_for(customer: int, to: Post, *, by: Person, reason: str) -> Approval:
    """Asks that a customer becomes one of another post's: the one place of this room where a relation moves.
    The rules and the approval are the books'. Raises NotAllowed."""
    return ask_transfer([customer], to, timezone.localdate(), by=by, reason=reason)


def remind(post: Post, count: int, *, by: Person) -> int:
    """Reminds who sits on a post of what is overdue. Answers how many were told."""
    with transaction.atomic():
        told = notices.tell(
            notices.on_post(post),
            "%(by)s reminds you: %(count)s things are overdue",
            "/work/",
            by=by.name,
            count=count,
        )
        audit.record(by, "work.remind", f"post:{post.post_id}", detail={"count": count})
        return told


def prove(
    machine: MachineKey,
    kind: str,
    reference: str,
    person: Person,
    customer: int,
    at: dt.datetime,
    seconds: int | None,
) -> tuple[Evidence, bool]:
    """What a system proves: kept once by its reference, and set beside the contact it belongs to, now or when
    that is recorded. Answers the evidence and whether it belongs to a contact."""
    with transaction.atomic():
        evidence, made = Evidence.objects.get_or_create(
            machine=machine,
            reference=reference,
            defaults={"kind": kind, "person": person, "customer": customer, "at": at, "seconds": seconds},
        )
        if made:
            window = dt.timedelta(minutes=value("contact.proof"))
            contact = (
                Contact.objects.select_for_update(of=("self",))
                .filter(rules.standing(), person=person, customer=customer, means=PROVES[Proof(kind)])
                .filter(at__gte=at - window, at__lte=at + window, proof=None)
                .order_by("-id")
                .first()
            )
            if contact is not None:
                _prove(contact, evidence)
                # one call is one row of the bank's tables, also where its proof comes after the row has left
                outbox.amend("contacts", contact.number, row_of(contact))
                told = {"contact_id": contact.number, "evidence": True, "seconds": contact.seconds}
                outbox.tell(PROOFS, contact.number, told, customer=customer)
            by_machine = {"machine": machine.name, "key": machine.pk}
            detail = {"kind": kind, "matched": contact is not None, **by_machine}
            audit.record(None, "work.evidence", f"customer:{customer}", detail=detail)
        return evidence, evidence.contact_id is not None


def proven(contact: Contact) -> None:
    """Takes the proof that came before the record."""
    kinds = [kind for kind, means in PROVES.items() if means == contact.means]
    window = dt.timedelta(minutes=value("contact.proof"))
    waiting = Evidence.objects.filter(
        contact=None,
        kind__in=kinds,
        person=contact.person,
        customer=contact.customer,
        at__gte=contact.at - window,
        at__lte=contact.at + window,
    ).order_by("-at")
    if (evidence := waiting.first()) is not None:
        _prove(contact, evidence)


def _prove(contact: Contact, evidence: Evidence) -> None:
    evidence.contact = contact
    evidence.save(update_fields=["contact"])
    contact.evidence = True
    if evidence.seconds is not None:
        contact.seconds = evidence.seconds  # what the system measured, not what was typed
    contact.save(update_fields=["evidence", "seconds"])


def row_of(contact: Contact) -> dict[str, object]:
    """A contact as a row of the library's table."""
    return {
        "post_id": contact.post.post_id if contact.post else None,
        "staff_id": contact.person.staff_id,
        "date": contact.day.isoformat(),
        "at": timezone.localtime(contact.at).replace(tzinfo=None).isoformat(timespec="seconds"),
        "means": contact.means,
        "connected": contact.connected,
        "seconds": contact.seconds,
        "evidence": contact.evidence,
        "outcome": contact.outcome,
        "note_hash": contact.note_hash or None,
    }


def digest_of(note: str) -> str:
    """Keyed digest of a note: that it was not changed can be shown, what it says cannot be guessed."""
    text = note.strip()
    return salted_hmac("quanke.work.note", text, algorithm="sha256").hexdigest() if text else ""


def call_back_day(day: dt.date) -> dt.date:
    """Until when a visitor is called back (BK-3)."""
    return working_day_after(day, value("lobby.call_back"))


def own_post(customer: int, by: Person) -> Post | None:
    """The post a contact counts for: the customer's, where who made it sits on it; else his own."""
    mine = Seat.objects.filter(Seat.on(timezone.localdate()), person=by).select_related("post")
    posts = {seat.post.post_id: seat.post for seat in mine}
    return posts.get(post_of(customer) or "") or next(iter(posts.values()), None)
