"""A customer who goes to another manager is told so: a service message, an approved text, through the gate.

The bank names the template in parameter `books.notice_template` (`code` for one means, `code.means` for
others). Where it has none in force, no gateway, or the gate refuses each means, the customer stays on the
list of who is told by hand (`books.telling`).
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Sequence

from django.utils import timezone

from quanke_desk.books.laying import Moved
from quanke_desk.books.telling import Change, Told
from quanke_desk.campaigns.channels import channel_of
from quanke_desk.campaigns.models import Send, SendState, Template
from quanke_desk.campaigns.policy import SERVICE
from quanke_desk.campaigns.template_queries import begins_with
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.parameters import text

KEY = "manager-"
MEANS = ("sms", "push", "wecom", "email")
"""In this order; the next is tried where one is refused."""
PART = 500
_OPEN = (SendState.QUEUED, SendState.HELD)
_UNDER_WAY = (*_OPEN, SendState.SENDING, SendState.GIVEN)


def tell_customers(moves: Sequence[Moved], by: Person | None) -> None:
    """Queues the messages of customers who move, in the transaction that moves them. What was queued of an
    earlier change goes out no more: he is told of who looks after him in the end."""
    code = text("books.notice_template").strip()
    if not code:
        return
    now = int(timezone.now().timestamp())
    _overtake(code, [move.customer for move in moves], now)
    means = _means(code)
    if not means:
        return
    rows = [
        Send(
            key=_key(move), customer=move.customer, template=code, means=means[0], others=",".join(means[1:]),
            purpose=SERVICE, wake=max(now, _begin(move.since)), made=now,
        )
        for move in moves
        if move.to_post and move.to_post != move.from_post
    ]  # fmt: skip
    Send.objects.bulk_create(rows, batch_size=PART)


def told(changes: Sequence[Change]) -> dict[Change, Told]:
    """Of some changes those whose customer was sent a message, or will be: the last of each."""
    wanted, found = set(changes), {}
    customers = sorted({customer for customer, _day in changes})
    for at in range(0, len(customers), PART):
        sends = Send.objects.filter(customer__in=customers[at : at + PART], key__startswith=KEY)
        for send in sends.filter(state__in=(*_UNDER_WAY, SendState.SENT)).order_by("id"):
            change = (send.customer, dt.date.fromisoformat(send.key.removeprefix(KEY)[:8]))
            if change in wanted:
                found[change] = Told(send.means, send.state == SendState.SENT)
    return found


def _overtake(code: str, customers: Sequence[int], now: int) -> None:
    for at in range(0, len(customers), PART):
        left = Send.objects.filter(customer__in=customers[at : at + PART], key__startswith=KEY)
        left.filter(state__in=_OPEN).update(state=SendState.REFUSED, rule="stopped", decided=now)


def _means(code: str) -> list[str]:
    """Means for which a text is in force and a gateway set."""
    codes = [code, *(f"{code}.{means}" for means in MEANS)]
    spoken = Template.objects.filter(code__in=codes, purpose=SERVICE)
    ready = {t.means for t in spoken if t.versions.filter(begins_with()).exists()}
    return [means for means in MEANS if means in ready and channel_of(means) is not None]


def _key(move: Moved) -> str:
    """A number of its own, with the day of the change."""
    return f"{KEY}{move.since:%Y%m%d}-{secrets.token_hex(12)}"


def _begin(day: dt.date) -> int:
    return int(timezone.make_aware(dt.datetime.combine(day, dt.time())).timestamp())
