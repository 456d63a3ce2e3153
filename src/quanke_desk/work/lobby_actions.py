"""What happens in a lobby: somebody arrives, is recognised or not, hears suggestions, is handed over."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from quanke.kernel.errors import InputError
from quanke_desk.customers.consenting import hidden
from quanke_desk.foundation import audit, notices, outbox
from quanke_desk.foundation.analytic import Base, base
from quanke_desk.foundation.models import AuditEntry, Branch, Person, Post, Purpose
from quanke_desk.foundation.parameters import value as value_of
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May, roles_with
from quanke_desk.foundation.scope import post_of
from quanke_desk.work import rules, who
from quanke_desk.work.actions import call_back_day, row_of
from quanke_desk.work.held import held
from quanke_desk.work.models import (
    Arrival,
    ArrivalState,
    Contact,
    FollowUp,
    FollowUpKind,
    MachineKey,
    Means,
    Outcome,
    Said,
    Suggestion,
)
from quanke_desk.work.suggesting import Idea, suggest

KINDS = {"ticket": (), "card": ("card", "account"), "id": ("document",), "app": ("party", "customer")}
"""What visitors are recognised by, and the kinds of the search each may match. A face is not among them."""
FACES = frozenset({"face", "photo", "image", "camera", "video", "biometric"})
OPEN = (ArrivalState.WAITING, ArrivalState.HANDED_OVER)
MOST = 5
"""Records of one number that are shown to choose from; more is nobody."""


def arrive(
    outlet: Branch,
    ticket: str,
    kind: str,
    value: str,
    *,
    machine: MachineKey | None,
    by: Person | None = None,
) -> tuple[Arrival, bool]:
    """Somebody takes a ticket, or shows a card, a document or the app's code. The same ticket of a day told
    again is the same visit. `value` is looked up and forgotten. Answers the visit and whether it is new.

    Raises NotAllowed: a face, a kind nobody knows, a machine or person that stands elsewhere."""
    began = time.perf_counter()
    now = timezone.now()
    if kind in FACES:
        raise NotAllowed("visitors are never recognised by their face (PI-6)")
    if kind not in KINDS:
        raise NotAllowed("a visitor is recognised by ticket, card, id or app")
    place = machine.branch if machine is not None else by.branch if by is not None else None
    if place is None or not (place.left <= outlet.left and outlet.right <= place.right):
        raise NotAllowed("this machine stands in another branch")
    day = timezone.localdate(now)
    before = Arrival.objects.filter(outlet=outlet, day=day, ticket=ticket).first()
    if before is not None:
        return before, False
    if machine is None and by is not None and value.strip():
        _count_try(by, f"outlet:{outlet.pk}")
    of = held()
    found = recognised(kind, value, of.base)
    customer = found[0] if len(found) == 1 else None
    ideas = suggest(customer, of).chosen if customer is not None else ()  # read before anything is locked
    try:
        with transaction.atomic():
            made = Arrival.objects.create(
                outlet=outlet,
                day=day,
                ticket=ticket,
                kind=kind,
                machine=machine,
                customer=customer,
                candidates=found if len(found) > 1 else [],
                called_at=now,
            )
            _prepare(made, ideas)
            made.ready_ms = round((time.perf_counter() - began) * 1000)
            made.save(update_fields=["ready_ms"])
            detail: dict[str, object] = {
                "outlet": outlet.branch_id, "arrival": made.pk, "kind": kind, "found": len(found),
            }  # fmt: skip
            if machine is not None:
                detail |= {"machine": machine.name, "key": machine.pk}
            audit.record(by, "lobby.arrival", _subject(made), purpose=Purpose.SERVE, detail=detail)
            return made, True
    except IntegrityError:  # the same ticket at the same moment
        return Arrival.objects.get(outlet=outlet, day=day, ticket=ticket), False


def recognised(kind: str, value: str, of: Base) -> list[int]:
    """Customers a number of a kind belongs to, as a whole number and not a part of one."""
    kinds = KINDS[kind]
    if not kinds or not value.strip():
        return []
    try:
        found = of.bank.search(value.strip(), kinds=kinds, limit=MOST + 1, on=of.day).found
    except InputError:
        return []
    gone = hidden()
    exact = [each.customer for each in found if each.how == "exact" and each.customer not in gone]
    return exact if len(exact) <= MOST else []


def identify(number: int, kind: str, value: str, *, by: Person) -> Arrival:
    """Who is before you says who he is: by card, document or app code, or, of several records, by the last
    four digits of phone or document. Raises NotAllowed where that names nobody, or still several, or where
    more was tried in an hour than is usual."""
    _count_try(by, f"arrival:{number}")
    with transaction.atomic():
        arrival = Arrival.objects.select_for_update().get(pk=number)
        if arrival.customer is not None or arrival.state not in OPEN:
            raise NotAllowed("this visitor is known already")
        of = held()
        if kind == "tail":
            found = _by_tail(arrival.candidates, value.strip(), of.base)
        elif kind in FACES:
            raise NotAllowed("visitors are never recognised by their face (PI-6)")
        else:
            found = recognised(kind, value, of.base) if kind in KINDS else []
        if len(found) > 1:
            arrival.candidates = found
            arrival.save(update_fields=["candidates"])
            _changed(arrival)
            return arrival
        if not found:
            raise NotAllowed("nobody is found by this: ask for another document, or go on as a new visitor")
        arrival.customer, arrival.candidates = found[0], []
        arrival.save(update_fields=["customer", "candidates"])
        _prepare(arrival, suggest(found[0], of).chosen)
        detail = {"arrival": arrival.pk, "kind": kind}
        _changed(arrival)
        audit.record(by, "lobby.identify", _subject(arrival), purpose=Purpose.SERVE, detail=detail)
        return arrival


def _count_try(by: Person, subject: str) -> None:
    """What is typed by hand instead of read by a machine is counted: counting up numbers finds nobody.
    Raises NotAllowed."""
    hour = timezone.now() - dt.timedelta(hours=1)
    tried = AuditEntry.objects.filter(action="lobby.try", person=by, at__gte=hour).count()
    if tried >= value_of("lobby.tries"):
        raise NotAllowed("too many visitors were looked up by hand within the hour")
    audit.record(by, "lobby.try", subject, purpose=Purpose.SERVE)


def _by_tail(candidates: list[int], tail: str, of: Base) -> list[int]:
    if len(tail) != 4:
        return []
    fields = who.golden(candidates, of)
    values = {
        c: [str(fields[c][n].value or "") for n in ("phone", "id_number") if n in fields[c]] for c in fields
    }
    return [c for c in candidates if any(v.upper().endswith(tail.upper()) for v in values[c])]


def _prepare(arrival: Arrival, ideas: Iterable[Idea]) -> None:
    """Suggestions for who is known, and his manager told."""
    if arrival.customer is None:
        return
    Suggestion.objects.bulk_create(
        Suggestion(arrival=arrival, place=n, action=idea.action) for n, idea in enumerate(ideas, 1)
    )
    post = post_of(arrival.customer)
    if post is not None:
        arrival.told = notices.tell(
            notices.on_post(post),
            "Customer %(customer)s of yours is at %(outlet)s, ticket %(ticket)s",
            f"/work/customers/{arrival.customer}/",
            customer=arrival.customer,
            outlet=arrival.outlet.name,
            ticket=arrival.ticket,
        )
        arrival.save(update_fields=["told"])


def said(number: int, place: int, outcome: str, *, by: Person) -> Suggestion:
    """What the visitor said to a suggestion, in one tap: a contact with the ticket as its proof. A second tap
    corrects the first as long as that has not left for the bank's tables. Raises NotAllowed."""
    if outcome not in Said.values:
        raise NotAllowed("say what came of it")
    with transaction.atomic():
        arrival = Arrival.objects.select_for_update().get(pk=number)
        suggestion = Suggestion.objects.select_for_update().get(arrival=arrival, place=place)
        if arrival.state not in OPEN or arrival.customer is None:
            raise NotAllowed("this visit is over")
        if suggestion.contact is not None:
            _take_off(suggestion.contact, by)
            suggestion.contact = None
        suggestion.outcome = outcome
        if outcome != Said.NOT_NOW:
            suggestion.contact = _contact(arrival, outcome, suggestion.action, by)
        suggestion.save(update_fields=["outcome", "contact"])
        detail = {"arrival": arrival.pk, "place": place, "outcome": outcome}
        _changed(arrival)
        audit.record(by, "lobby.said", _subject(arrival), purpose=Purpose.SERVE, detail=detail)
        return suggestion


def task_done(number: int, task: int, outcome: str, *, by: Person) -> FollowUp:
    """What came of something the lobby was asked to do at the visitor's next visit, in one tap; not now
    leaves it open. Raises NotAllowed."""
    if outcome not in Said.values:
        raise NotAllowed("say what came of it")
    with transaction.atomic():
        arrival = Arrival.objects.select_for_update().get(pk=number)
        if arrival.state not in OPEN or arrival.customer is None:
            raise NotAllowed("this visit is over")
        his = base().numbers(arrival.customer)
        held_task = (
            FollowUp.objects.select_for_update()
            .filter(pk=task, kind=FollowUpKind.LOBBY, customer__in=his, dropped=False)
            .first()
        )
        if held_task is None or held_task.done_at is not None:
            raise NotAllowed("this is done already")
        if outcome != Said.NOT_NOW:
            contact = _contact(arrival, outcome, held_task.action, by)
            held_task.done_at, held_task.done_by = contact.at, contact
            held_task.save(update_fields=["done_at", "done_by"])
        detail = {"arrival": arrival.pk, "task": task, "outcome": outcome}
        _changed(arrival)
        audit.record(by, "lobby.task", _subject(arrival), purpose=Purpose.SERVE, detail=detail)
        return held_task


def _contact(arrival: Arrival, outcome: str, action: str, by: Person) -> Contact:
    """One contact of the visit for each outcome: three times yes is one visit."""
    same = Contact.objects.filter(rules.standing(), arrival=arrival, outcome=outcome).first()
    if same is not None:
        return same
    now = timezone.now()
    assert arrival.customer is not None
    made = Contact.objects.create(
        customer=arrival.customer,
        person=by,
        at=now,
        day=arrival.day,
        means=Means.TICKET,
        connected=True,
        outcome=outcome,
        action=action,
        arrival=arrival,
        evidence=True,
    )
    outbox.put("contacts", made.number, row_of(made), customer=arrival.customer)
    return made


def _take_off(contact: Contact, by: Person) -> None:
    if Suggestion.objects.filter(contact=contact).count() > 1:
        return  # another suggestion had the same outcome
    if not outbox.withdraw("contacts", contact.number):
        raise NotAllowed("it has left for the bank's tables already")
    Contact.objects.create(
        customer=contact.customer,
        person=by,
        at=timezone.now(),
        day=contact.day,
        means=contact.means,
        connected=True,
        outcome=contact.outcome,
        action=contact.action,
        arrival=contact.arrival,
        corrects=contact,
    )


def hand_over(number: int, to: Post | None, *, by: Person) -> Arrival:
    """Hands a visitor to a counter (`to` null) or to a manager of the outlet or his own: who works at the
    counters, or sits on the post, is told and has him on his list. Raises NotAllowed."""
    with transaction.atomic():
        arrival = _open(number)
        arrival.state, arrival.to, arrival.by = ArrivalState.HANDED_OVER, "post" if to else "counter", by
        arrival.save(update_fields=["state", "to", "by"])
        if to is None:
            text = "%(by)s sends a visitor to the counter at %(outlet)s, ticket %(ticket)s"
            notices.tell(
                at_counter(arrival.outlet), text, "/counter/", by=by.name, outlet=arrival.outlet.name,
                ticket=arrival.ticket,
            )  # fmt: skip
        else:
            told = notices.on_post(to)
            if not told:
                raise NotAllowed("nobody sits on this post today")
            text = "%(by)s hands a visitor over to you at %(outlet)s, ticket %(ticket)s"
            notices.tell(told, text, "/work/", by=by.name, outlet=arrival.outlet.name, ticket=arrival.ticket)
            if arrival.customer is not None:
                FollowUp.objects.create(
                    kind=FollowUpKind.HAND_OVER,
                    customer=arrival.customer,
                    post=to,
                    due_on=arrival.day,
                    means=Means.VISIT,
                    arrival=arrival,
                    made_by=by,
                )
        call_back(arrival, by)
        detail = {"arrival": arrival.pk, "to": to.post_id if to else "counter"}
        _changed(arrival)
        audit.record(by, "lobby.hand_over", _subject(arrival), purpose=Purpose.SERVE, detail=detail)
        return arrival


def at_counter(outlet: Branch) -> list[Person]:
    """Who works at the counters of an outlet: tellers of it, or of what lies below it."""
    branch = {"branch__left__gte": outlet.left, "branch__right__lte": outlet.right}
    return list(Person.objects.filter(role__in=roles_with(May.COUNTER), is_active=True, **branch))


def end(number: int, served: bool, *, by: Person) -> Arrival:
    """The visit is over: served, or gone before anybody came. Who is known is called back. Raises
    NotAllowed."""
    with transaction.atomic():
        arrival = _open(number)
        arrival.state = ArrivalState.SERVED if served else ArrivalState.LEFT
        arrival.by, arrival.ended_at = by, timezone.now()
        arrival.save(update_fields=["state", "by", "ended_at"])
        spoken = Contact.objects.filter(rules.standing(), arrival=arrival)
        if served and arrival.customer is not None and not spoken.exists():
            _contact(arrival, Outcome.SERVED, "", by)
        call_back(arrival, by)
        detail = {"arrival": arrival.pk, "served": served}
        _changed(arrival)
        audit.record(by, "lobby.end", _subject(arrival), purpose=Purpose.SERVE, detail=detail)
        return arrival


def call_back(arrival: Arrival, by: Person | None) -> None:
    """The remote team calls whoever was here, within working days (BK-3)."""
    if arrival.customer is None:
        return
    if not FollowUp.objects.filter(arrival=arrival, kind=FollowUpKind.CALL_BACK).exists():
        FollowUp.objects.create(
            kind=FollowUpKind.CALL_BACK,
            customer=arrival.customer,
            due_on=call_back_day(arrival.day),
            arrival=arrival,
            made_by=by,
        )


def _changed(arrival: Arrival) -> None:
    """Counts a change, inside its transaction: the tablets of the outlet show the card anew."""
    Arrival.objects.filter(pk=arrival.pk).update(changes=F("changes") + 1)


def _open(number: int) -> Arrival:
    arrival = Arrival.objects.select_for_update(of=("self",)).select_related("outlet").get(pk=number)
    if arrival.state not in OPEN:
        raise NotAllowed("this visit is over")
    return arrival


def shown(arrivals: list[Arrival], person: Person, rendered: float) -> None:
    """Notes the first time the card of each was on a tablet, and how long the desk took for it: `rendered`
    milliseconds for the page, beside what the call itself took."""
    new = [a for a in arrivals if a.shown_at is None]
    if not new:
        return
    now = timezone.now()
    with transaction.atomic():
        for arrival in new:
            took = (arrival.ready_ms or 0) + round(rendered)
            seen = Arrival.objects.filter(pk=arrival.pk, shown_at=None).update(shown_at=now, card_ms=took)
            if seen and arrival.customer is not None:
                detail = {"arrival": arrival.pk}
                audit.record(person, "lobby.card", _subject(arrival), purpose=Purpose.SERVE, detail=detail)


def _subject(arrival: Arrival) -> str:
    return f"arrival:{arrival.pk}" if arrival.customer is None else f"customer:{arrival.customer}"
