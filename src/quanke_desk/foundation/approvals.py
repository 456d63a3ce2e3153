"""Four eyes: one person asks for a change, another decides, and only then it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as _noop

from quanke_desk.foundation import audit
from quanke_desk.foundation.models import Approval, ApprovalState, Person
from quanke_desk.foundation.notices import tell
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.reasons import checked_reason, required_reason
from quanke_desk.foundation.roles import May, Role, roles_with

CarryOut = Callable[[Approval, Person], None]
"""Does what was asked, inside the transaction of the decision; raises NotAllowed where it cannot be done."""


@dataclass(frozen=True)
class ApprovalKind:
    """A kind of change that needs four eyes: who may ask, who may decide, whom else it may not be."""

    name: str
    title: Promise
    asks: May
    decides: May
    carry_out: CarryOut
    bars: Callable[[Approval, Person], str] | None = None
    """Why a person may not decide this one (empty: he may), beside having asked for it: both managers of a
    transfer, who lies outside his branch."""
    described: Callable[[Approval], list[tuple[str, str]]] | None = None
    """What is asked for, as lines of title and text in the language of who reads, for the page of approvals;
    only who asked, who decided and who may decide sees them."""
    deciders: Callable[[Approval], Iterable[Person]] | None = None
    """Whom to tell that something waits; without it, everybody who may decide: of heads, those above the
    branch of who asked."""
    page: Callable[[Approval], str] | None = None
    """Address of the room's own page on which what is asked is shown whole."""


_ANSWERS: dict[str, str] = {
    ApprovalState.DONE: _noop("What you asked for (no. %(number)s) was approved and done"),
    ApprovalState.REFUSED: _noop("What you asked for (no. %(number)s) was refused"),
    ApprovalState.FAILED: _noop("What you asked for (no. %(number)s) was approved, but could not be done"),
}

MOST = 500  # of one list of the page; the oldest wait longest and come first

KINDS: dict[str, ApprovalKind] = {}


def declare(kind: ApprovalKind) -> ApprovalKind:
    """Makes a kind known; a room does it when it is ready."""
    KINDS[kind.name] = kind
    return kind


def ask(
    kind: str,
    subject: str,
    arguments: dict[str, Any],
    *,
    by: Person,
    reason: str,
    beside: Callable[[Approval], object] | None = None,
) -> Approval:
    """Asks for a change and tells who may decide; `beside` writes down what the arguments do not hold. Raises
    NotAllowed: who may not ask, no reason, or the same is asked already."""
    declared = KINDS[kind]
    if not by.may(declared.asks):
        raise NotAllowed("your role may not ask for this")
    reason = required_reason(reason)
    try:
        with transaction.atomic():
            asked = Approval.objects.create(
                kind=kind, subject=subject, arguments=arguments, reason=reason.strip(), asked_by=by
            )
            detail = {"kind": kind, "approval": asked.pk}
            audit.record(by, "approval.ask", subject, reason=reason.strip(), detail=detail)
            if beside:
                beside(asked)  # before anybody is told: who may decide can hang on it
            _tell_deciders(asked)
            return asked
    except IntegrityError:
        raise NotAllowed("the same is asked already and not decided yet") from None


def why_not(asked: Approval, by: Person) -> str:
    """Why a person may not decide something (a marked text), empty where he may."""
    declared = KINDS[asked.kind]
    if asked.state != ApprovalState.ASKED:
        return "it is decided already"
    if not by.may(declared.decides):
        return "your role may not decide this"
    if by.pk == asked.asked_by_id:
        return "who asked does not decide"
    return declared.bars(asked, by) if declared.bars else ""


def decide(number: int, approve: bool, *, by: Person, answer: str = "") -> Approval:
    """Decides: where approved, it is done in the same transaction; where doing it fails, it stands as failed
    and nothing was done. Raises NotAllowed with the rule that forbids deciding."""
    with transaction.atomic():
        asked = Approval.objects.select_for_update().get(pk=number)
        if rule := why_not(asked, by):
            raise NotAllowed(rule)
        answer = checked_reason(answer) if approve else required_reason(answer)
        asked.decided_by, asked.decided_at, asked.answer = by, timezone.now(), answer
        asked.state = ApprovalState.DONE if approve else ApprovalState.REFUSED
        if approve:
            try:
                with transaction.atomic():
                    KINDS[asked.kind].carry_out(asked, by)
            except NotAllowed as error:
                asked.state, asked.answer = ApprovalState.FAILED, _(str(error))[:200]
        asked.save(update_fields=["decided_by", "decided_at", "answer", "state"])
        detail = {"kind": asked.kind, "approval": asked.pk, "state": asked.state}
        audit.record(by, "approval.decide", asked.subject, reason=asked.answer, detail=detail)
        tell(
            [asked.asked_by],
            _ANSWERS[asked.state],
            link=reverse("approval", args=[asked.pk]),
            number=asked.pk,
        )
        return asked


def withdraw(number: int, *, by: Person) -> Approval:
    """Takes back what one asked oneself. Raises NotAllowed."""
    with transaction.atomic():
        asked = Approval.objects.select_for_update().get(pk=number)
        if asked.asked_by_id != by.pk or asked.state != ApprovalState.ASKED:
            raise NotAllowed("only who asked may take it back, and only before it is decided")
        asked.state, asked.decided_at = ApprovalState.WITHDRAWN, timezone.now()
        asked.save(update_fields=["state", "decided_at"])
        audit.record(by, "approval.withdraw", asked.subject, detail={"approval": asked.pk})
        return asked


def lapse(found: QuerySet[Approval], *, by: Person, reason: str) -> int:
    """Closes what waits and has lost its ground (a customer took back what it rested on), whoever asked for
    it, in the transaction of who took the ground away. Answers how many."""
    waiting = list(found.filter(state=ApprovalState.ASKED).select_for_update(of=("self",)))
    for asked in waiting:
        asked.state, asked.decided_at, asked.answer = ApprovalState.WITHDRAWN, timezone.now(), reason
        asked.save(update_fields=["state", "decided_at", "answer"])
        detail = {"approval": asked.pk}
        audit.record(by, "approval.lapse", asked.subject, reason=reason, detail=detail)
        if asked.asked_by_id != by.pk:
            text = _noop("Your request no. %(number)s was closed: what it rested on was taken back")
            tell([asked.asked_by], text, link=reverse("approval", args=[asked.pk]), number=asked.pk)
    return len(waiting)


def concerned(person: Person) -> bool:
    """Whether a person's role may ask for something, or decide it, in any room."""
    return any(person.may(kind.asks) or person.may(kind.decides) for kind in KINDS.values())


def to_decide(person: Person) -> list[Approval]:
    """What waits and this person may decide, what was asked first in front."""
    kinds = [kind.name for kind in KINDS.values() if person.may(kind.decides)]
    waiting = Approval.objects.filter(state=ApprovalState.ASKED, kind__in=kinds).exclude(asked_by=person)
    found = waiting.select_related("asked_by").order_by("id")[:MOST]
    return [asked for asked in found if not why_not(asked, person)]


def asked_by(person: Person) -> QuerySet[Approval]:
    """What a person asked for, the newest in front."""
    return Approval.objects.filter(asked_by=person, kind__in=KINDS).select_related("decided_by")


def decided_by(person: Person) -> QuerySet[Approval]:
    """What a person decided, the newest in front."""
    return Approval.objects.filter(decided_by=person, kind__in=KINDS).select_related("asked_by")


def may_see(asked: Approval, person: Person) -> bool:
    """Who asked, who decided, and who may decide as long as it waits."""
    return person.pk in (asked.asked_by_id, asked.decided_by_id) or not why_not(asked, person)


def _tell_deciders(asked: Approval) -> None:
    declared = KINDS[asked.kind]
    if declared.deciders:
        people = list(declared.deciders(asked))
    else:
        found = Person.objects.filter(role__in=roles_with(declared.decides), is_active=True)
        if branch := asked.asked_by.branch:
            above = Q(branch__left__lte=branch.left, branch__right__gte=branch.right)
            found = found.filter(above | ~Q(role__in=(Role.TEAM_HEAD, Role.BRANCH_HEAD)))
        people = [person for person in found if not why_not(asked, person)]
    text = _noop("A change waits for your decision (no. %(number)s)")
    tell(people, text, link=reverse("approval", args=[asked.pk]), number=asked.pk)
