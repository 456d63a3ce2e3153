"""What comes back: receipts, clicks, replies; and a customer's no, which holds from that moment."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils import timezone

from quanke.kernel.errors import InputError, NightError
from quanke_desk.campaigns.addresses import addresses, who_mails_from
from quanke_desk.campaigns.hearing import heard
from quanke_desk.campaigns.known import BOUNCE
from quanke_desk.campaigns.models import Block, Receipt, ReceiptKind, Send, SendState
from quanke_desk.campaigns.pushes_home import tell_home
from quanke_desk.campaigns.saying_no import is_no
from quanke_desk.customers.actions import refuse_by_message
from quanke_desk.customers.consenting import consents_of
from quanke_desk.customers.models import ConsentPurpose
from quanke_desk.foundation import audit
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.parameters import value
from quanke_desk.foundation.people import NotAllowed

_SHARED = 20
"""Customers at most who have one phone; whoever of them wrote, the phone wants no more."""
SHARED_BY = frozenset({"sms", "call", "email"})
"""Means whose address several customers may have."""
BY_APP = ("app", "push")
"""Means of what a customer sees in the app."""
SEEN = (ReceiptKind.OPENED, ReceiptKind.CLICKED)
"""Receipts that say that a customer saw what the app was told to show."""
_PROOF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{2,63}")


@dataclass(frozen=True)
class Heard:
    """What a reply did: pushes it was about, and customers who get no more by this means."""

    pushes: int = 0
    refused: int = 0


def take_receipt(send: Send, kind: str, at: int) -> bool:
    """Notes what came back of a push, once. A bounce keeps the means from the customer for a while, a refusal
    until he agrees anew; who agreed and says no again by the same push is heard again. Answers whether the
    receipt was new."""
    if kind == ReceiptKind.REFUSED:
        refuse_by_message(send.customer, _asked_as(send.means), f"push-{send.pk}", _moment(at))
    try:
        with transaction.atomic():
            Receipt.objects.create(send=send, kind=kind, at=at)
            if kind == ReceiptKind.BOUNCED:
                _block(send)
            _seen(send, kind)
            _tell(send, kind, at)
            return True
    except IntegrityError:
        return False


def take_receipts(
    rows: Sequence[tuple[str, str, int]], means: Collection[str] | None = None
) -> tuple[int, list[str]]:
    """Notes receipts as key, kind and moment, of pushes by some means (null: by any) alone; answers how many
    were new, and the keys nobody knows."""
    found = Send.objects.filter(key__in={key for key, _kind, _at in rows})
    sends = {s.key: s for s in (found if means is None else found.filter(means__in=means))}
    new = sum(take_receipt(sends[key], kind, at) for key, kind, at in rows if key in sends)
    return new, sorted({key for key, _kind, _at in rows} - set(sends))


def take_reply(means: str, text: str, number: str, at: int, key: str = "", sender: str = "") -> Heard:
    """Hears a reply to a push named by its key, or by who sent it: his address is looked up and forgotten. A
    no withdraws the consent to offers by this means of everybody who has that address. Raises NotAllowed
    where nobody has it, NightError where it cannot be looked up now."""
    people = set() if key else set(_people(means, sender))
    pushes = _named(key) if key else _last(people, means, at)
    refused = is_no(text)
    if key and refused:
        people = _who_share(pushes, means)
    kind = ReceiptKind.REFUSED if refused else ReceiptKind.REPLIED
    with transaction.atomic():
        for push in pushes.values():
            _note(push, kind, at)
        if refused:
            for customer in sorted(people):
                proof = _proof(number, pushes.get(customer))
                refuse_by_message(customer, _asked_as(means), proof, _moment(at))
    return Heard(len(pushes), len(people) if refused else 0)


def refuse_by_link(send: Send) -> bool:
    """A customer follows the link that says no more. Answers whether he had not said so before."""
    return take_receipt(send, ReceiptKind.REFUSED, int(timezone.now().timestamp()))


def refuse_by_contact(customer: int, means: str, proof: str, at: int) -> None:
    """A customer leaves the means itself, and says so by that."""
    refuse_by_message(customer, means, proof, _moment(at))


def has_refused(send: Send) -> bool:
    """Whether the customer's last word on offers by the means of a push is no."""
    means = _asked_as(send.means)
    return any(
        s.given is False
        for s in consents_of(send.customer)
        if (s.purpose, s.means) == (ConsentPurpose.MARKETING, means)
    )


def clicked(send: Send) -> bool:
    """A customer follows the link of a push."""
    return take_receipt(send, ReceiptKind.CLICKED, int(timezone.now().timestamp()))


def _seen(push: Send, kind: str) -> None:
    """What the app was told to show is an offer made once it was seen."""
    if push.means == "app" and kind in SEEN:
        seen = Receipt.objects.filter(send=push, kind__in=SEEN).exclude(kind=kind)
        if not seen.exists():
            tell_home([push])


def _note(push: Send, kind: str, at: int) -> None:
    """Notes it, and tells the journey that may wait for it."""
    _held, new = Receipt.objects.get_or_create(send=push, kind=kind, defaults={"at": at})
    if new:
        _tell(push, kind, at)


def _tell(push: Send, kind: str, at: int) -> None:
    if push.enrolment_id is not None:
        heard(kind, enrolments=[push.enrolment_id], now=at)


def _named(key: str) -> dict[int, Send]:
    """The push of a key, by its customer."""
    named = Send.objects.filter(key=key).first()
    return {} if named is None else {named.customer: named}


def _last(people: set[int], means: str, at: int) -> dict[int, Send]:
    """The last push each got by a means."""
    found: dict[int, Send] = {}
    sent = Send.objects.filter(customer__in=people, means=means, state=SendState.SENT)
    for push in sent.filter(decided__lte=at).order_by("decided", "id"):
        found[push.customer] = push
    return found


def _who_share(pushes: Mapping[int, Send], means: str) -> set[int]:
    """Who was written to, and everybody else at that address; without a night he alone is known."""
    people = set(pushes)
    try:
        at = addresses(sorted(people), means) if means in SHARED_BY else {}
        for address in at.values():
            people |= set(_people(means, address))
    except (InputError, NightError, NotAllowed):
        pass  # the address went since: his own no is heard nevertheless
    return people


def _people(means: str, sender: str) -> list[int]:
    """Everybody who has an address of a means."""
    if means == "email":
        found = who_mails_from(sender)
    else:
        of = base()
        kinds = ("phone",) if means in SHARED_BY else ("party",)
        try:
            hits = of.bank.search(sender, kinds=kinds, limit=_SHARED, on=of.day).found
        except InputError:
            raise NotAllowed("sender: this cannot be looked up") from None
        found = [hit.customer for hit in hits if hit.how == "exact"]
    if not found:
        raise NotAllowed("sender: nobody has this address")
    return found


def _proof(number: str, push: Send | None) -> str:
    if _PROOF.fullmatch(number):
        return number
    return f"push-{push.pk}" if push is not None else "reply"


def _moment(at: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(at, dt.UTC)


def _asked_as(means: str) -> str:
    return "push" if means == "app" else means


def _block(send: Send) -> None:
    today, means = timezone.localdate(), _asked_as(send.means)
    until = today + dt.timedelta(days=value("contact.bounced"))
    held = Block.objects.filter(customer=send.customer, means=means, reason=BOUNCE, until__gte=until)
    if not held.exists():
        Block.objects.create(customer=send.customer, means=means, since=today, until=until, reason=BOUNCE)
        detail = {"means": means, "until": until.isoformat(), "push": send.pk}
        audit.record(None, "campaigns.block", f"customer:{send.customer}", reason=BOUNCE, detail=detail)
