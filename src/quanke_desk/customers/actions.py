"""Every change of this room: openings, consents and refusals, requests about personal data."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection

from django.db import IntegrityError, transaction
from django.dispatch import Signal
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from quanke.plans.worklist import working_day_after
from quanke_desk.customers import ordering
from quanke_desk.customers.at_night import at_night, reading
from quanke_desk.customers.consenting import BY_MEANS, consents_of, hidden, refused_after
from quanke_desk.customers.models import (
    ConsentAnswer,
    ConsentChannel,
    ConsentEvidence,
    ConsentPurpose,
    DataRequest,
    Means,
    RequestKind,
    RequestState,
    Restriction,
    RestrictionKind,
)
from quanke_desk.customers.sight import OPENABLE, is_there
from quanke_desk.customers.texts import TEXTS
from quanke_desk.foundation import approvals, audit, outbox
from quanke_desk.foundation.models import Approval, ApprovalState, Opening, Person
from quanke_desk.foundation.opening import open_customer, open_field, require_sight
from quanke_desk.foundation.parameters import value
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.reasons import checked_reason
from quanke_desk.foundation.roles import May

DELETION = "customers.deletion"
GIVES_COPY = (RequestKind.ACCESS, RequestKind.KIN, RequestKind.EXPLANATION)
"""Kinds of request that are answered by a copy, with the definitions of the tags made of the customer."""
_PROOF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{2,63}")
SAID_BEFORE = dt.timedelta(days=60)
"""How long ago a customer may have said or asked what is recorded today: a letter takes its time."""

restricted = Signal()
"""Sent when a customer's deletion was decided, in the transaction of it: `customer`, `kind` (deleted, or
stored only until the law lets go of it). Rooms above drop what they wrote about him themselves."""
_CORRECTED = ("name", "id_number", "phone", "email", "address", "birth_date", "employer_name", "occupation")
"""Fields whose correction is ordered from the source system."""


def open_outside(customer: int, purpose: str, reason: str, *, by: Person) -> Opening:
    """Opens a customer outside one's scope for a while. Raises NotAllowed, OutOfScope."""
    checked_reason(reason)
    if customer in hidden() and not by.may(May.DATA_DECIDE):
        raise NotAllowed("no such customer")  # who decides about deletions sees what became of them
    return open_customer(by, customer, purpose, reason)


def reveal(customer: int, field: str, purpose: str, reason: str, *, by: Person) -> Opening:
    """Takes the mask off one field for a while. Raises NotAllowed, OutOfScope."""
    if field not in OPENABLE:
        raise NotAllowed("no such field")
    checked_reason(reason)
    return open_field(by, customer, field, purpose, reason)


def record_consent(
    customer: int, purpose: str, means: str, given: bool, channel: str, proof: str, recipient: str = "", *,
    evidence: str = "", said_on: dt.date | None = None, by: Person,
) -> ConsentAnswer:  # fmt: skip
    """Records one yes or no of a customer, which holds from this moment and goes home with the next delivery.

    What he was shown is kept as version and digest of its text; where, when (`said_on`, null: today) and to
    whom he said it, with the number that proves it. A refusal without a number says that there is none
    (`evidence` "said"): missing paper stops no refusal, and it is not left open whether there was any. A yes
    is as old as the day it was said on, and one that he took back since is none. Raises NotAllowed with the
    rule, OutOfScope.
    """
    if not by.may(May.CONSENT):
        raise NotAllowed("your role may not record consents")
    require_sight(by, customer)
    if customer in hidden():
        raise NotAllowed("no such customer")
    by_means = purpose == ConsentPurpose.MARKETING
    if purpose not in ConsentPurpose.values or means not in (BY_MEANS if by_means else (Means.ANY,)):
        raise NotAllowed("no such purpose by this means")
    if channel not in ConsentChannel.values:
        raise NotAllowed("where the customer said it is required")
    shown_by = _evidence(given, proof, evidence)
    today = timezone.localdate()
    if not today - SAID_BEFORE <= (said_on or today) <= today:
        raise NotAllowed("said today or in the last 60 days")
    if purpose == ConsentPurpose.SHARING and given and not recipient.strip():
        raise NotAllowed("a consent to sharing names the recipient")
    if given and refused_after(customer, purpose, means, said_on or today, recipient):
        raise NotAllowed("the customer refused after that")
    return _recorded(
        customer, purpose, means, given, channel, proof, recipient, by, shown_by, said_on or today
    )


def _evidence(given: bool, proof: str, evidence: str) -> str:
    """What shows that a customer said it: a number where there is one; of a refusal, the word of who took it,
    if he says that there is none."""
    if proof and not _PROOF.fullmatch(proof):
        raise NotAllowed("a proof is a number of letters and digits")
    if proof:
        return ConsentEvidence.REFERENCE
    if given:
        raise NotAllowed("a consent needs its proof: the number of the form, recording or message")
    if evidence != ConsentEvidence.SAID:
        raise NotAllowed("a refusal has its number, or says that it was said without a document")
    return ConsentEvidence.SAID


def refuse_by_message(customer: int, means: str, proof: str, at: dt.datetime | None = None) -> ConsentAnswer:
    """A customer says himself, by a reply or a link, that he wants no more offers by a means: it holds from
    this moment, and nobody is asked. `proof` is the number of the message, `at` when he said so (null: now);
    told twice it is one refusal, unless he agreed in between. Raises NotAllowed for what is no means or no
    number."""
    if means not in BY_MEANS or not _PROOF.fullmatch(proof):
        raise NotAllowed("a refusal names the means and the number of the message")
    with transaction.atomic():
        said = ConsentAnswer.objects.filter(customer=customer, purpose=ConsentPurpose.MARKETING)
        before = said.filter(means=means, proof=proof, channel=ConsentChannel.MESSAGE, given=False).first()
        if before is not None and not _agreed_by(customer, means, at or timezone.now()):
            return before
        return _recorded(
            customer, ConsentPurpose.MARKETING, means, False, ConsentChannel.MESSAGE, proof, "", None,
            ConsentEvidence.REFERENCE, min(timezone.localdate(at or timezone.now()), timezone.localdate()),
        )  # fmt: skip


def _agreed_by(customer: int, means: str, at: dt.datetime) -> bool:
    """Whether a customer's last word on offers by a means is a yes, given by the day of a moment."""
    day = timezone.localdate(at)
    for each in consents_of(customer):
        if (each.purpose, each.means) == (ConsentPurpose.MARKETING, means):
            return each.given is True and (each.on is None or each.on <= day)
    return False


def _recorded(
    customer: int, purpose: str, means: str, given: bool, channel: str, proof: str, recipient: str,
    by: Person | None, evidence: str, said_on: dt.date,
) -> ConsentAnswer:  # fmt: skip
    # a no holds from the moment it is heard; a yes that comes late is no newer than the day it was given
    text, on = TEXTS[purpose], said_on if given else timezone.localdate()
    with transaction.atomic():
        answer = ConsentAnswer.objects.create(
            customer=customer, purpose=purpose, means=means, given=given, recipient=recipient.strip()[:64],
            text_version=text.version, text_hash=text.digest, channel=channel, proof=proof, on=on, by=by,
            evidence=evidence, said_on=said_on,
        )  # fmt: skip
        row = {
            "purpose": purpose, "means": means, "recipient": answer.recipient or None,
            "granted_on": on.isoformat(), "withdrawn_on": None if given else on.isoformat(),
            "text_hash": text.digest, "channel": channel,
        }  # fmt: skip
        outbox.put("consents", f"DESK-{answer.pk}", row, customer=customer)
        detail = {
            "purpose": purpose, "means": means, "given": given, "text": text.version,
            "channel": channel, "evidence": evidence,
        }  # fmt: skip
        audit.record(by, "customer.consent", f"customer:{customer}", detail=detail)
        return answer


def record_consents(
    customer: int, said: Collection[tuple[str, str, bool]], channel: str, proof: str, recipient: str = "", *,
    evidence: str = "", said_on: dt.date | None = None, by: Person,
) -> int:  # fmt: skip
    """Records what a customer said to several purposes and means at once: all or none. Raises NotAllowed."""
    if not said:
        raise NotAllowed("nothing was answered")
    with transaction.atomic():
        for purpose, means, given in said:
            record_consent(
                customer, purpose, means, given, channel, proof, recipient,
                evidence=evidence, said_on=said_on, by=by,
            )  # fmt: skip
    return len(said)


def record_request(
    customer: int, kind: str, about: str, proof: str, field: str = "", received_on: dt.date | None = None, *,
    by: Person, right: str = "",
) -> DataRequest:  # fmt: skip
    """Records a request about personal data and its deadline in workdays. `right`: what a field to correct is
    to be, for the sources; it is kept in the vault. Raises NotAllowed, OutOfScope."""
    if not by.may(May.DATA_REQUEST):
        raise NotAllowed("your role may not record requests")
    require_sight(by, customer)
    today = timezone.localdate()
    received = received_on or today
    if kind not in RequestKind.values:
        raise NotAllowed("no such kind of request")
    if not about.strip() or not _PROOF.fullmatch(proof):
        raise NotAllowed("what is asked and the number of the form are required")
    checked_reason(about)
    if not today - SAID_BEFORE <= received <= today:
        raise NotAllowed("received today or in the last 60 days")
    if (kind == RequestKind.CORRECTION) != (field in _CORRECTED):
        raise NotAllowed("a correction names the field, other requests name none")
    if right and (kind != RequestKind.CORRECTION or len(right) > 200):
        raise NotAllowed("only a correction has a right value, of at most 200 characters")
    due = working_day_after(received, value("request.workdays", received))
    try:
        with transaction.atomic():
            made = DataRequest.objects.create(
                customer=customer, kind=kind, proof=proof, about=about.strip()[:200], field=field,
                received_on=received, due_on=due, recorded_by=by, value=right.strip() or None,
            )  # fmt: skip
            detail = {"kind": kind, "request": made.pk, "due": due.isoformat()}
            audit.record(by, "customer.request", f"customer:{customer}", detail=detail)
            return made
    except IntegrityError:
        raise NotAllowed("the same is asked already and not decided yet") from None


def decide_request(number: int, grant: bool, answer: str, *, by: Person) -> DataRequest:
    """Decides a request; the answer is what the person who asked is told. To grant a deletion asks a second
    person for it. Raises NotAllowed, DataRequest.DoesNotExist."""
    if not by.may(May.DATA_DECIDE):
        raise NotAllowed("your role may not decide this")
    if not answer.strip():
        raise NotAllowed("a reason is required")
    checked_reason(answer)
    with transaction.atomic():
        asked = DataRequest.objects.select_for_update().get(pk=number)
        if asked.state != RequestState.OPEN:
            raise NotAllowed("it is decided already")
        if grant and asked.kind in GIVES_COPY and asked.recorded_by_id == by.pk:
            raise NotAllowed("who asked does not decide")  # nobody takes a whole customer out alone
        asked.answer = answer.strip()[:300]
        if grant and asked.kind == RequestKind.DELETION:
            retention(asked.customer)  # says at once where it cannot be
            subject = f"customer:{asked.customer}"
            waiting = approvals.ask(
                DELETION, subject, {"request": asked.pk}, by=by, reason=asked.answer[:200]
            )
            asked.state, asked.approval = RequestState.ASKED, waiting.pk
        else:
            asked.state = RequestState.GRANTED if grant else RequestState.REFUSED
            asked.decided_by, asked.decided_at = by, timezone.now()
            if not grant:
                asked.value = None
        asked.save()
        if asked.state == RequestState.GRANTED and asked.kind == RequestKind.CORRECTION:
            ordering.order(asked)
        detail = {"request": asked.pk, "kind": asked.kind, "state": asked.state}
        audit.record(by, "customer.request_decide", f"customer:{asked.customer}", detail=detail)
        return asked


def decide_deletion(number: int, approve: bool, answer: str, *, by: Person) -> DataRequest:
    """The second person's word on a deletion: done in the same transaction, or refused, which opens the
    request again. Raises NotAllowed, DataRequest.DoesNotExist."""
    with transaction.atomic():
        asked = DataRequest.objects.select_for_update().get(pk=number)
        if asked.state != RequestState.ASKED or asked.approval is None:
            raise NotAllowed("it is decided already")
        decided = approvals.decide(asked.approval, approve, by=by, answer=answer)
        asked.refresh_from_db()
        if decided.state != ApprovalState.DONE:
            asked.state, asked.approval = RequestState.OPEN, None
            asked.save(update_fields=["state", "approval"])
        return asked


def reopen_refused() -> int:
    """Requests whose deletion the second person refused on the page of approvals, or the first took back, are
    open again. Answers how many."""
    waiting = Approval.objects.filter(kind=DELETION, state=ApprovalState.ASKED).values("pk")
    stale = DataRequest.objects.filter(state=RequestState.ASKED).exclude(approval__in=waiting)
    return stale.update(state=RequestState.OPEN, approval=None) if stale.exists() else 0


def take_copy(number: int, *, by: Person) -> DataRequest:
    """Marks the copy of a granted access request as taken: it is given out once. Raises NotAllowed."""
    if not by.may(May.DATA_DECIDE):
        raise NotAllowed("your role may not decide this")
    with transaction.atomic():
        asked = DataRequest.objects.select_for_update().get(pk=number)
        if asked.kind not in GIVES_COPY:
            raise NotAllowed("this request gives no copy")
        if asked.state != RequestState.GRANTED:
            raise NotAllowed("it is not granted")
        if asked.taken_at is not None:
            raise NotAllowed("the copy was taken already: record a new request for another one")
        asked.taken_by, asked.taken_at = by, timezone.now()
        asked.save(update_fields=["taken_by", "taken_at"])
        detail = {"request": asked.pk}
        audit.record(by, "customer.copy", f"customer:{asked.customer}", purpose="data_request", detail=detail)
        return asked


def retention(customer: int) -> tuple[str, dt.date | None]:
    """What a deletion comes to: deleted, or stored only until a day, because the law wants identity and
    movements kept for years after the relationship ended (anti-money-laundering law, article 34; personal
    information protection law, article 47 paragraph 2). Raises NotAllowed while an account is open."""
    if not is_there(customer):
        raise NotAllowed("no such customer")
    row = at_night().row(customer, ("accounts_open", "last_transaction_on"))
    if row.get("accounts_open"):
        raise NotAllowed(
            "accounts are open: data needed for the contract are not deleted before they are closed"
        )
    days = [row.get("last_transaction_on")]
    days += reading().rows("accounts", customer, ["closed_on"])["closed_on"].to_pylist()
    last = max((d for d in days if d is not None), default=None)
    if last is None:
        return RestrictionKind.DELETED, None
    until = _years_after(last, value("retention.years"))
    return (
        (RestrictionKind.STORAGE_ONLY, until)
        if until > timezone.localdate()
        else (RestrictionKind.DELETED, None)
    )


def _years_after(day: dt.date, years: int) -> dt.date:
    """The same day so many years later; 1 March where that year has no 29 February: kept no day too short."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return dt.date(day.year + years, 3, 1)


def _delete(asked: Approval, by: Person) -> None:
    """Carries a deletion out: the customer is in no search, list or plan of the desk from here on, has agreed
    to nothing any more (the library's tables are told, and so the next night), and each source is told."""
    request = DataRequest.objects.select_for_update().get(pk=asked.arguments["request"])
    kind, until = retention(request.customer)
    Restriction.objects.update_or_create(
        customer=request.customer,
        defaults={"kind": kind, "since": timezone.localdate(), "until": until, "request": request},
    )
    request.state, request.decided_by, request.decided_at = RequestState.GRANTED, by, timezone.now()
    request.save(update_fields=["state", "decided_by", "decided_at"])
    detail = {"request": request.pk, "kind": kind, "until": until.isoformat() if until else None}
    audit.record(by, "customer.restrict", f"customer:{request.customer}", detail=detail)
    for said in consents_of(request.customer):
        if said.given is not False:
            _recorded(
                request.customer,
                said.purpose,
                said.means,
                False,
                ConsentChannel.LETTER,
                request.proof,
                "",
                by,
                ConsentEvidence.REFERENCE,
                request.received_on,
            )
    ordering.order(request)
    restricted.send(DataRequest, customer=request.customer, kind=kind)


def _described(asked: Approval) -> list[tuple[str, str]]:
    """What the page of approvals says of a deletion."""
    request = DataRequest.objects.get(pk=asked.arguments["request"])
    return [
        (gettext("Customer"), str(request.customer)),
        (gettext("Data request"), str(request.pk)),
        (gettext("Number of the form"), request.proof),
    ]


DELETION_KIND = approvals.declare(
    approvals.ApprovalKind(
        DELETION,
        gettext_lazy("Deletion of personal data"),
        May.DATA_DECIDE,
        May.DATA_DECIDE,
        _delete,
        described=_described,
    )
)


def corrected_fields() -> tuple[str, ...]:
    """Fields whose correction can be asked for."""
    return _CORRECTED
