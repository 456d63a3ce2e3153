"""What comes back: receipts, clicks, replies; and a customer's no, which holds from that moment."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils import timezone

from quanke.kernel.errors import NightError
from quanke_desk.campaigns.hearing import heard
from quanke_desk.campaigns.models import Block, Receipt, ReceiptKind, Send, SendState
from quanke_desk.customers.actions import refuse_by_message
from quanke_desk.foundation import audit
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.parameters import value

NO = frozenset({"T", "TD", "R", "N", "0000", "退订", "拒收"})
"""What customers write who want no more; a gateway's signature or a full stop around it changes nothing."""
BOUNCE = "bounced"
_SHARED = 20
"""Customers at most who have one phone; whoever of them wrote, the phone wants no more."""
_PROOF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{2,63}")


@dataclass(frozen=True)
class Heard:
    """What a reply did: pushes it was about, and customers who get no more by this means."""

    pushes: int = 0
    refused: int = 0


def is_no(text: str) -> bool:
    """Whether a reply says that the customer wants no more."""
    plain = unicodedata.normalize("NFKC", text)
    return re.sub(r"[\s。.!,，!\"'“”]", "", plain).upper() in NO


def take_receipt(send: Send, kind: str, at: int) -> bool:
    """Notes what came back of a push, once. A bounce keeps the means from the customer for a while, a refusal
    until he agrees anew. Answers whether it was new."""
    try:
        with transaction.atomic():
            Receipt.objects.create(send=send, kind=kind, at=at)
            if kind == ReceiptKind.BOUNCED:
                _block(send)
            if kind == ReceiptKind.REFUSED:
                refuse_by_message(send.customer, _asked_as(send.means), f"push-{send.pk}")
            _tell(send, kind, at)
            return True
    except IntegrityError:
        return False


def take_receipts(rows: Sequence[tuple[str, str, int]]) -> tuple[int, list[str]]:
    """Notes receipts as key, kind and moment; answers how many were new, and the keys nobody knows."""
    sends = {s.key: s for s in Send.objects.filter(key__in={key for key, _kind, _at in rows})}
    new = sum(take_receipt(sends[key], kind, at) for key, kind, at in rows if key in sends)
    return new, sorted({key for key, _kind, _at in rows} - set(sends))


def take_reply(means: str, text: str, number: str, at: int, key: str = "", sender: str = "") -> Heard:
    """Hears a reply to a push named by its key, or by who sent it: his address is looked up and forgotten. A
    no withdraws the consent to offers by this means of everybody who has that address."""
    pushes = _pushes(means, key, sender, at)
    people = {push.customer for push in pushes.values()}
    if not key:
        people |= set(_people(means, sender))
    refused = is_no(text)
    kind = ReceiptKind.REFUSED if refused else ReceiptKind.REPLIED
    with transaction.atomic():
        for push in pushes.values():
            _note(push, kind, at)
        if refused:
            for customer in sorted(people):
                refuse_by_message(customer, _asked_as(means), _proof(number, pushes.get(customer)))
    return Heard(len(pushes), len(people) if refused else 0)


def refuse_by_link(send: Send) -> bool:
    """A customer follows the link that says no more. Answers whether he had not said so before."""
    return take_receipt(send, ReceiptKind.REFUSED, int(timezone.now().timestamp()))


def clicked(send: Send) -> bool:
    """A customer follows the link of a push."""
    return take_receipt(send, ReceiptKind.CLICKED, int(timezone.now().timestamp()))


def _note(push: Send, kind: str, at: int) -> None:
    """Notes it, and tells the journey that may wait for it."""
    _held, new = Receipt.objects.get_or_create(send=push, kind=kind, defaults={"at": at})
    if new:
        _tell(push, kind, at)


def _tell(push: Send, kind: str, at: int) -> None:
    if push.enrolment_id is not None:
        heard(kind, enrolments=[push.enrolment_id], now=at)


def _pushes(means: str, key: str, sender: str, at: int) -> dict[int, Send]:
    """The push a reply is about, by customer: the named one, else the last of each by this means."""
    if key:
        named = Send.objects.filter(key=key).first()
        return {} if named is None else {named.customer: named}
    found: dict[int, Send] = {}
    sent = Send.objects.filter(customer__in=_people(means, sender), means=means, state=SendState.SENT)
    for push in sent.filter(decided__lte=at).order_by("decided", "id"):
        found[push.customer] = push
    return found


def _people(means: str, sender: str) -> list[int]:
    if not sender:
        return []
    try:
        of = base()
        kinds = ("phone",) if means in ("sms", "call") else ("party",)
        hits = of.bank.search(sender, kinds=kinds, limit=_SHARED, on=of.day).found
    except (NightError, ValueError):
        return []
    return [hit.customer for hit in hits if hit.how == "exact"]


def _proof(number: str, push: Send | None) -> str:
    if _PROOF.fullmatch(number):
        return number
    return f"push-{push.pk}" if push is not None else "reply"


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
