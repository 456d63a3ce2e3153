"""Operations of the API of this room: who looks after a customer, transfers."""

from __future__ import annotations

import datetime as dt

from django.http import HttpRequest
from ninja import Router, Schema
from ninja.errors import HttpError
from pydantic import Field

from quanke_desk.books import actions, queries
from quanke_desk.books.changing_pages import transfers_seen
from quanke_desk.books.models import Origin
from quanke_desk.foundation.asked_outside import TOO_MANY, note_asked
from quanke_desk.foundation.interface import may
from quanke_desk.foundation.models import Approval, Post
from quanke_desk.foundation.pages import person_of
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May
from quanke_desk.foundation.scope import OutOfScope

router = Router(tags=["books"])


class RelationOut(Schema):
    """An interval in which a post looked after a customer; `until` is not included, null: it lasts."""

    post: str
    since: dt.date
    until: dt.date | None
    reason: str | None
    proposal: str | None


class RelationsOut(Schema):
    """Who looks after a customer on a day (null: nobody), and all intervals, the latest first."""

    customer: int
    on: dt.date
    post: str | None
    history: list[RelationOut]


class TransferOut(Schema):
    """A transfer: how many customers, to which post from which day, and where it stands."""

    number: int
    customers: int
    to: str
    since: dt.date
    state: str
    asked_on: dt.datetime


class TransferIn(Schema):
    """Customers that shall go to a post from a day on, and why."""

    customers: list[int] = Field(min_length=1, max_length=actions.MOST)
    to: str = Field(max_length=32)
    since: dt.date
    reason: str = Field(min_length=1, max_length=200)
    origin: str = Origin.ASKED


@router.get("/relations/{customer}", auth=may(May.BOOKS), response=RelationsOut)
def relations(request: HttpRequest, customer: int, on: dt.date | None = None) -> dict[str, object]:
    """Who looks after a customer as of a day (default: today)."""
    day = on or queries.today()
    try:
        told = queries.history(person_of(request), customer)
    except OutOfScope:
        if not note_asked(person_of(request), customer):
            raise HttpError(429, TOO_MANY) from None
        raise HttpError(404, "no such customer in your scope") from None
    return {"customer": customer, "on": day, "post": queries.owner_on(customer, day), "history": told}


@router.get("/transfers", auth=may(May.BOOKS), response=list[TransferOut])
def transfers(request: HttpRequest, customer: int | None = None, limit: int = 100) -> list[dict[str, object]]:
    """Transfers of one's scope, the latest first; of one customer where given."""
    found = transfers_seen(person_of(request))
    if customer is not None:
        # a number beyond what a column holds is nobody's
        found = found.filter(transfers__customer=customer) if 0 <= customer < 2**31 else found.none()
    return [_told(a) for a in found.distinct()[: max(1, min(limit, 1000))]]


@router.post("/transfers", auth=may(May.BOOKS), response=TransferOut)
def ask_transfer(request: HttpRequest, asked: TransferIn) -> dict[str, object]:
    """Asks for a transfer; a head who is neither manager decides it at the desk."""
    to = Post.objects.select_related("branch").filter(post_id=asked.to).first()
    if to is None or asked.origin == Origin.CHOICE:
        raise HttpError(422, "no such post, or a choice without its proof")
    try:
        made = actions.ask_transfer(
            asked.customers, to, asked.since, by=person_of(request), reason=asked.reason, origin=asked.origin
        )
    except NotAllowed as rule:
        raise HttpError(422, str(rule)) from None
    return _told(made)


def _told(asked: Approval) -> dict[str, object]:
    return {
        "number": asked.pk, **{n: asked.arguments[n] for n in ("customers", "to", "since")},
        "state": asked.state, "asked_on": asked.asked_at,
    }  # fmt: skip
