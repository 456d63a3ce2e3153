"""Operations of the API for source systems: corrections and deletions they are to carry out, and their answer
(docs/how-to/follow-the-desk.md)."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.http import HttpRequest
from ninja import Field, Router, Schema
from ninja.errors import HttpError

from quanke_desk.customers import ordering
from quanke_desk.customers.models import SourceOrder
from quanke_desk.foundation.interface import ByMachine
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.work.machines import machine_of
from quanke_desk.work.models import MachineKey, MachineUse

router = Router(tags=["sources"])
SOURCE = ByMachine(None, partial(machine_of, use=MachineUse.SOURCES))


class OrderOut(Schema):
    """What a source is to do by when: `correct` one field, `deleted`, or `storage_only` until a day."""

    order: int
    request: int
    decision: str
    field: str | None
    form: str
    until: str | None
    due_on: str


class WholeOrder(OrderOut):
    """An order with the numbers of the source's own records, and the right value of the field; null where it
    stands on the form alone."""

    records: list[str]
    value: str | None


class AnswerIn(Schema):
    """What became of an order, under a number the source gave it."""

    done: bool
    proof: str = Field(min_length=1, max_length=64, description="its number in the source, for the file")


@router.get("/orders", auth=[SOURCE], response=list[OrderOut])
def orders(request: HttpRequest) -> list[dict[str, Any]]:
    """Orders this source has not answered yet, the first due in front."""
    return [ordering.what(one) for one in ordering.waiting_for(_source(request))]


@router.get("/orders/{number}", auth=[SOURCE], response=WholeOrder)
def order(request: HttpRequest, number: int) -> dict[str, Any]:
    """One order whole, until it is answered; that it was taken is on record."""
    try:
        one, records, right = ordering.fetch(number, _source(request))
    except SourceOrder.DoesNotExist:
        raise HttpError(404, "no such order of this source") from None
    except NotAllowed as error:
        raise HttpError(409, str(error)) from None
    return {**ordering.what(one), "records": records, "value": right}


@router.post("/orders/{number}/answer", auth=[SOURCE], response=AnswerIn)
def answer(request: HttpRequest, number: int, told: AnswerIn) -> dict[str, Any]:
    """Says that it is done, or could not be; told again it is the same answer."""
    try:
        one = ordering.answer(number, told.done, told.proof, by=None, source=_source(request))
    except SourceOrder.DoesNotExist:
        raise HttpError(404, "no such order of this source") from None
    except NotAllowed as error:
        raise HttpError(422, str(error)) from None
    return {"done": bool(one.done), "proof": one.proof}


def _source(request: HttpRequest) -> str:
    machine: MachineKey = request.auth  # type: ignore[attr-defined]
    return machine.source
