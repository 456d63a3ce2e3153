"""Operations of the API of this room: what is typed travels in the body, and the same scope holds."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from django.http import HttpRequest
from ninja import Router, Schema
from ninja.errors import HttpError
from pydantic import Field

from quanke.kernel.errors import NightError
from quanke_desk.customers import actions, portrait, queries
from quanke_desk.customers.models import ConsentAnswer
from quanke_desk.customers.sight import Sight, sight_of
from quanke_desk.foundation.asked_outside import TOO_MANY, note_asked
from quanke_desk.foundation.interface import may
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.pages import person_of
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May
from quanke_desk.foundation.scope import OutOfScope

router = Router(tags=["customers"])
_LARGEST = 2**31 - 1


class Asked(Schema):
    """What is searched for."""

    text: str = Field(min_length=1, max_length=200)
    limit: int = Field(20, ge=1, le=50)


class Line(Schema):
    """A customer as lists show him; the name as the asker may see it."""

    customer: int
    name: str
    tier: str | None
    stage: str | None
    key_group: str | None
    edge: str | None
    owner: str | None
    how: str


class Found(Schema):
    """Customers of the asker's scope: how many in all and the first of them. `outside`: how many exact hits
    lie outside it, for who may open them with a purpose."""

    count: int
    found: list[Line]
    outside: int


class Consent(Schema):
    """How a purpose by a means stands; null: never asked. `here`: by the desk, newer than the night; then
    with where and when it was said, who took it (empty: the customer himself, by a message), and its proof:
    a number, or `evidence` "said" where there is none."""

    purpose: str
    means: str
    given: bool | None
    here: bool
    channel: str = ""
    evidence: str = ""
    proof: str = ""
    said_on: dt.date | None = None
    by: str = ""


class Told(Schema):
    """One yes or no of a customer, where and when (null: today) it was said. A yes needs its proof; a no has
    a proof, or `evidence` "said": said to who records it, without a document."""

    purpose: str = Field(max_length=16)
    means: str = Field(max_length=16)
    given: bool
    channel: str = Field(max_length=16)
    proof: str = Field("", max_length=64)
    evidence: Literal["", "reference", "said"] = ""
    said_on: dt.date | None = None
    recipient: str = Field("", max_length=64)


class Customer(Schema):
    """One customer: fields of the golden record and figures, masked as for the asker."""

    customer: int
    name: str
    masked: bool
    fields: dict[str, str]
    figures: dict[str, Any]
    suggested: list[str]


@router.post("/search", auth=may(May.FIND), response=Found)
def search(request: HttpRequest, asked: Asked) -> dict[str, Any]:
    """Who is meant by a name, number, phone, document or card; an analyst finds by customer number only."""
    person = _person(request)
    answer = queries.searched(person, asked.text, asked.limit)
    if answer.problem:
        raise HttpError(422, "this cannot be searched for")
    if answer.too_many and not answer.found:
        raise HttpError(429, TOO_MANY)
    return {"count": answer.count, "found": answer.found, "outside": len(answer.outside)}


@router.get("/{number}", auth=may(May.OPEN), response=Customer)
def customer(request: HttpRequest, number: int) -> dict[str, Any]:
    """One customer of the asker's scope, or opened by him for a purpose."""
    sight = _sight(request, number)
    head = portrait.head(sight)
    return {
        "customer": number,
        "name": str(head["name"]),
        "masked": not sight.clear,
        "fields": {f["name"]: str(f["value"]) for f in head["fields"]},
        "figures": {line["name"]: line["value"] for group in head["groups"] for line in group["lines"]},
        "suggested": [c["action"] for c in head["chosen"]],
    }


@router.get("/{number}/consents", auth=may(May.CONSENT), response=list[Consent])
def consents(request: HttpRequest, number: int) -> list[dict[str, Any]]:
    """What a customer agreed to and refused."""
    _sight(request, number)
    return [
        {"purpose": s.purpose, "means": s.means, "given": s.given, "here": s.here, **_how(s.answer)}
        for s in queries.consents_of(number)
    ]


@router.post("/{number}/consents", auth=may(May.CONSENT), response={201: Consent})
def record_consent(request: HttpRequest, number: int, told: Told) -> tuple[int, dict[str, Any]]:
    """Records one yes or no; it holds from this moment."""
    _sight(request, number)
    try:
        made = actions.record_consent(
            number, told.purpose, told.means, told.given, told.channel, told.proof, told.recipient,
            evidence=told.evidence, said_on=told.said_on, by=_person(request),
        )  # fmt: skip
    except NotAllowed as error:
        raise HttpError(422, str(error)) from None
    standing = {"purpose": made.purpose, "means": made.means, "given": made.given, "here": True}
    return 201, standing | _how(made)


def _how(answer: ConsentAnswer | None) -> dict[str, Any]:
    if answer is None:
        return {}
    return {
        "channel": answer.channel, "evidence": answer.evidence, "proof": answer.proof,
        "said_on": answer.said_on, "by": answer.by.username if answer.by else "",
    }  # fmt: skip


def _person(request: HttpRequest) -> Person:
    return person_of(request)


def _sight(request: HttpRequest, number: int) -> Sight:
    try:
        if not 0 <= number <= _LARGEST:
            raise OutOfScope
        return sight_of(_person(request), number)
    except OutOfScope:
        if not note_asked(_person(request), number):
            raise HttpError(429, TOO_MANY) from None
        raise HttpError(404, "no such customer in your scope") from None
    except NightError:
        raise HttpError(404, "no such customer in your scope") from None
