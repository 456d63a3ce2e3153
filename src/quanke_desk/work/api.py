"""Operations of the API of this room: what machines tell (docs/how-to/connect-a-ticket-machine.md)."""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import Any, Literal

from django.http import HttpRequest
from django.utils import timezone
from ninja import Field, Router, Schema
from ninja.errors import HttpError
from pydantic import AwareDatetime

from quanke.kernel.errors import NightError
from quanke_desk.customers.at_night import customer_of
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.interface import ByMachine, may
from quanke_desk.foundation.models import Branch, Person
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May
from quanke_desk.work import actions, lobby_actions
from quanke_desk.work.machines import machine_of
from quanke_desk.work.models import MachineKey, MachineUse

router = Router(tags=["work"])
ANNOUNCES = ByMachine(May.ANNOUNCE, partial(machine_of, use=MachineUse.ARRIVALS))
PROVES = ByMachine(None, partial(machine_of, use=MachineUse.EVIDENCE))


class ArrivalIn(Schema):
    """Somebody takes a ticket. `value`: what card reader, document reader or app gave; empty for a ticket
    alone. It is looked up and forgotten."""

    outlet: str = Field(max_length=32)
    ticket: str = Field(min_length=1, max_length=16, pattern=r"^[0-9A-Za-z-]+$")
    kind: str = Field(max_length=16, description="ticket, card, id or app; never a face")
    value: str = Field("", max_length=80)


class ArrivalOut(Schema):
    """The visit. Nothing of who it is goes back to the machine."""

    arrival: int
    ticket: str
    known: bool
    new: bool


@router.post("/arrivals", auth=[ANNOUNCES, may(May.ANNOUNCE)], response=ArrivalOut)
def arrivals(request: HttpRequest, told: ArrivalIn) -> dict[str, Any]:
    """Tells the desk that somebody is at an outlet; the same ticket told again is the same visit."""
    who: Any = request.auth  # type: ignore[attr-defined]
    outlet = Branch.objects.filter(branch_id=told.outlet, closed_on=None).first()
    if outlet is None:
        raise HttpError(422, "no outlet has this number")
    machine, person = (who, None) if isinstance(who, MachineKey) else (None, who)
    try:
        made, new = lobby_actions.arrive(
            outlet, told.ticket, told.kind, told.value, machine=machine, by=person
        )
    except NotAllowed as error:
        raise HttpError(422, str(error)) from None
    except NightError:
        raise HttpError(503, "no night is published yet") from None
    return {"arrival": made.pk, "ticket": made.ticket, "known": made.customer is not None, "new": new}


class EvidenceIn(Schema):
    """What a system can prove of a contact: who of the staff, with whom, when. The customer is named by
    number of a source (`core:C0000000001`) or by the phone that was called; it is looked up and forgotten."""

    kind: Literal["recording", "chat", "signature"]
    reference: str = Field(min_length=1, max_length=80, description="its number in the system, given once")
    staff_id: str = Field(max_length=32)
    party: str = Field("", max_length=120)
    phone: str = Field("", max_length=32)
    at: AwareDatetime
    seconds: int | None = Field(None, ge=0, le=6 * 3600)


class EvidenceOut(Schema):
    """Whether a contact that was recorded is proven by it; if none is yet, the next one that fits will be."""

    matched: bool


@router.post("/evidence", auth=[PROVES], response=EvidenceOut)
def evidence(request: HttpRequest, told: EvidenceIn) -> dict[str, Any]:
    """Tells the desk of a recording, a two-way chat or a signed visit (domain.md BK-4)."""
    machine: Any = request.auth  # type: ignore[attr-defined]
    person = Person.objects.filter(staff_id=told.staff_id).select_related("branch").first()
    if person is None:
        raise HttpError(422, "no member of staff has this number")
    place = machine.branch
    if place is not None and (
        person.branch is None or not (place.left <= person.branch.left and person.branch.right <= place.right)
    ):
        raise HttpError(422, "this machine stands in another branch")
    if told.at > timezone.now() + dt.timedelta(minutes=5):
        raise HttpError(422, "this lies in the future")
    customer = _customer(told)
    if customer is None:
        raise HttpError(422, "this names no customer, or more than one")
    _, matched = actions.prove(machine, told.kind, told.reference, person, customer, told.at, told.seconds)
    return {"matched": matched}


def _customer(told: EvidenceIn) -> int | None:
    try:
        of = base()
        if told.party:
            return customer_of(told.party, of)
        found = of.bank.search(told.phone, kinds=("phone",), limit=2, on=of.day).found if told.phone else ()
    except (NightError, ValueError):
        return None
    exact = [each.customer for each in found if each.how == "exact"]
    return exact[0] if len(exact) == 1 else None
