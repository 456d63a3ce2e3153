"""Operations of the API of this room: what gateways and the app tell (docs/how-to/connect-channels.md)."""

from __future__ import annotations

import time
from functools import partial
from typing import Any, Literal

import numpy as np
from django.db import transaction
from django.http import HttpRequest
from ninja import Field, Router, Schema
from ninja.errors import HttpError
from pydantic import AwareDatetime

from quanke.kernel.errors import NightError
from quanke_desk.campaigns import receiving, triggering
from quanke_desk.campaigns.entering import enter
from quanke_desk.campaigns.graph import INTERFACE
from quanke_desk.campaigns.insertions import MOST, insertions
from quanke_desk.campaigns.models import Journey, JourneyState
from quanke_desk.customers.at_night import customer_of
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.interface import ByMachine
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.work.calls import note_call
from quanke_desk.work.machines import machine_of

KEY = r"^[!-~]+$"
router = Router(tags=["campaigns"])
GATEWAY = ByMachine(None, partial(machine_of, use="receipts"))
SYSTEM = ByMachine(None, partial(machine_of, use="journeys"))
APP = ByMachine(None, partial(machine_of, use="insertions"))


class ReceiptIn(Schema):
    """What came back of one push, by the key it was handed over with."""

    key: str = Field(min_length=1, max_length=48, pattern=KEY)
    kind: Literal["delivered", "bounced", "opened", "clicked", "refused"]
    at: AwareDatetime


class ReceiptsIn(Schema):
    """Up to a thousand receipts; each may be told again."""

    receipts: list[ReceiptIn] = Field(max_length=1000)


class ReceiptsOut(Schema):
    """How many were new, and the keys this desk never gave."""

    new: int
    unknown: list[str]


@router.post("/receipts", auth=[GATEWAY], response=ReceiptsOut)
def receipts(request: HttpRequest, told: ReceiptsIn) -> dict[str, Any]:
    """Tells the desk what became of pushes. A bounce keeps the means from the customer for a while."""
    rows = [(each.key, each.kind, int(each.at.timestamp())) for each in told.receipts]
    new, unknown = receiving.take_receipts(rows)
    return {"new": new, "unknown": unknown}


class ReplyIn(Schema):
    """What a customer wrote back. The push is named by its key; where the gateway does not know it, by who
    sent the reply: the phone, the mail address, or for WeCom and the app the customer's number of its source.
    That is looked up and forgotten."""

    means: Literal["sms", "push", "wecom", "email"]
    text: str = Field(max_length=2000)
    number: str = Field(min_length=1, max_length=64, description="the gateway's number of the reply")
    at: AwareDatetime
    key: str = Field("", max_length=48, pattern=KEY.replace("+", "*"))
    sender: str = Field("", max_length=120)


class ReplyOut(Schema):
    """How many pushes it was about; how many customers get no more offers by this means."""

    pushes: int
    refused: int


@router.post("/replies", auth=[GATEWAY], response=ReplyOut)
def replies(request: HttpRequest, told: ReplyIn) -> dict[str, Any]:
    """Tells the desk of a reply. T, TD, R and their like withdraw the consent by this means at once."""
    sender = told.sender.strip()
    if not told.key and not sender:
        raise HttpError(422, "a reply names the push, or who sent it")
    moment = int(told.at.timestamp())
    try:
        heard = receiving.take_reply(told.means, told.text, told.number, moment, told.key, sender)
    except NotAllowed as rule:
        raise HttpError(422, str(rule)) from None
    except NightError:  # a gateway repeats what was answered so, and the customer's no is not lost
        raise HttpError(503, "no night is published yet") from None
    if told.key and not heard.pushes:
        raise HttpError(422, "this desk gave no such key")
    return {"pushes": heard.pushes, "refused": heard.refused}


class InsertionsIn(Schema):
    """A customer looks at a place of the app. `party` is "source:party_id"."""

    party: str = Field(min_length=3, max_length=120)
    slot: str = Field(min_length=1, max_length=40, pattern=r"^[a-z0-9_-]+$")
    count: int = Field(1, ge=1, le=MOST)


class InsertionOut(Schema):
    """One thing to show. Tell `opened` and `clicked` by its key when it was seen and tapped."""

    key: str
    title: str
    text: str
    link: str


class InsertionsOut(Schema):
    """What to show, the best first; nothing where nothing may be shown."""

    show: list[InsertionOut]


@router.post("/insertions", auth=[APP], response=InsertionsOut)
def what_to_show(request: HttpRequest, told: InsertionsIn) -> dict[str, Any]:
    """What to show this customer here, from the plan of the night and by all rules of contact as of now."""
    customer = _customers([told.party])[told.party]
    if customer is None:
        raise HttpError(422, "party: nobody has this number")
    try:
        found = insertions(customer, told.slot, told.count)
    except NightError:
        return {"show": []}
    return {"show": [{"key": i.key, "title": i.title, "text": i.text, "link": i.link} for i in found]}


class SeenIn(Schema):
    """What a customer did with things that were shown."""

    seen: list[ReceiptIn] = Field(max_length=1000)


@router.post("/insertions/seen", auth=[APP], response=ReceiptsOut)
def seen(request: HttpRequest, told: SeenIn) -> dict[str, Any]:
    """Tells the desk what was seen (opened), tapped (clicked), or sent away for good (refused)."""
    rows = [(each.key, each.kind, int(each.at.timestamp())) for each in told.seen]
    new, unknown = receiving.take_receipts(rows, receiving.BY_APP)
    return {"new": new, "unknown": unknown}


class FiredIn(Schema):
    """A trigger that fired. `party` is "source:party_id"; `id` tells it from every other that this machine
    told of the trigger and customer. `at`: when it happened, without it now. Too old, nobody enters."""

    trigger: str = Field(min_length=1, max_length=48, pattern=r"^[a-z0-9_]+$")
    party: str = Field(min_length=3, max_length=120)
    id: str = Field(min_length=1, max_length=120)
    at: AwareDatetime | None = None


class TriggersIn(Schema):
    """Up to a thousand triggers; each may be told again."""

    triggers: list[FiredIn] = Field(max_length=1000)


class TriggersOut(Schema):
    """How many were new to a journey that goes by them; ids of those whose party nobody has."""

    new: int
    unknown: list[str]


@router.post("/journeys/triggers", auth=[SYSTEM], response=TriggersOut)
def triggers(request: HttpRequest, told: TriggersIn) -> dict[str, Any]:
    """Tells the desk of triggers a system of the bank decided itself. Who enters or waits by them goes on at
    once."""
    machine, now = request.auth.pk, int(time.time())  # type: ignore[attr-defined]
    found = _customers([each.party for each in told.triggers])
    fired = [
        triggering.Fired(
            each.trigger, customer, f"{machine}:{each.trigger}:{customer}:{each.id}",
            None if each.at is None else int(each.at.timestamp()),
        )
        for each in told.triggers
        if (customer := found[each.party]) is not None
    ]  # fmt: skip
    with transaction.atomic():
        new = triggering.note(fired, now)
        _note_triggers(request, told, found)
    triggering.tell(now)
    return {"new": new, "unknown": [each.id for each in told.triggers if found[each.party] is None]}


class EntriesIn(Schema):
    """Up to a thousand customers who enter a journey, each as "source:party_id"."""

    journey: str = Field(min_length=3, max_length=48, pattern=r"^[a-z0-9_]+$")
    parties: list[str] = Field(max_length=1000)


class EntriesOut(Schema):
    """How many entered anew, the control among them; places (from 0) of parties nobody has."""

    entered: int
    unknown: list[int]


@router.post("/journeys/entries", auth=[SYSTEM], response=EntriesOut)
def entries(request: HttpRequest, told: EntriesIn) -> dict[str, Any]:
    """Lets customers enter a running journey that is entered by the interface. Who is in it, is outside its
    audience or reached its goal does not enter; told again, nothing happens."""
    held = Journey.objects.filter(name=told.journey, state=JourneyState.RUNNING).select_related(
        "current__audience", "current__journey"
    )
    version = next((journey.current for journey in held), None)
    if version is None or version.graph.get("entry") != INTERFACE:
        raise HttpError(409, "journey: none of this name runs and is entered by the interface")
    found = _customers(told.parties)
    customers = [number for party in told.parties if (number := found[party]) is not None]
    unknown = [n for n, p in enumerate(told.parties) if found[p] is None]
    with transaction.atomic():
        entered = enter(version, np.array(customers, np.int64))
        note_call(
            request.auth, "journeys.entries", f"journey:{version.journey_id}", customers,  # type: ignore[attr-defined]
            purpose=version.purpose, unknown=len(unknown), done=entered,
        )  # fmt: skip
    return {"entered": entered, "unknown": unknown}


def _note_triggers(request: HttpRequest, told: TriggersIn, found: dict[str, int | None]) -> None:
    """What a machine told of each trigger, on record: of whom, and for what purposes journeys go by it."""
    purposes = triggering.purposes_of({f"trigger:{each.trigger}" for each in told.triggers})
    for name in sorted({each.trigger for each in told.triggers}):
        named = [found[each.party] for each in told.triggers if each.trigger == name]
        note_call(
            request.auth, "journeys.triggers", f"trigger:{name}", [n for n in named if n is not None],  # type: ignore[attr-defined]
            purpose=purposes.get(f"trigger:{name}", ""), unknown=named.count(None),
        )  # fmt: skip


def _customers(parties: list[str]) -> dict[str, int | None]:
    """Numbers of customers by what a source calls them; null where nobody is called so."""
    try:
        of = base()
    except NightError:
        raise HttpError(503, "no night is published yet") from None
    found: dict[str, int | None] = {}
    for party in parties:
        try:
            found[party] = customer_of(party, of)
        except (NightError, ValueError):
            found[party] = None
    return found
