"""What was granted of a request reaches the source systems: an order for each that has records of the
customer, an event of it in the same transaction, and what the source answers (PI-5, articles 46 and 47).

No value travels with the event: a source takes the right value of a field, and its own records' numbers, by
its key (`work.source_api`), or from the form.
"""

from __future__ import annotations

import re

import numpy as np
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from quanke.customers.register import register_of
from quanke.customers.register.asking import party_names
from quanke.plans.worklist import working_day_after
from quanke_desk.customers.models import DataRequest, RequestKind, Restriction, SourceOrder
from quanke_desk.foundation import audit, outbox
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.notices import tell
from quanke_desk.foundation.parameters import value
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import ALLOWED, May

ORDERS = outbox.only_told(
    "source_orders", "order", "request", "source", "decision", "field", "until", "due_on", "form"
)
CORRECT = "correct"
_PROOF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,63}")
COULD_NOT = _("Source %(source)s could not do what data request %(request)s orders")


def records_of(customer: int) -> dict[str, list[str]]:
    """Numbers of a customer's records by source system, as the register has them today. For no eye."""
    home = base().bank.home
    register = register_of(home)
    if not 0 <= customer < register.count:
        return {}
    held = np.flatnonzero(register.customer == register.goes_by[customer]).astype(np.int32)
    found: dict[str, list[str]] = {}
    for source, party in sorted(party_names(home, held).values()):
        found.setdefault(source, []).append(party)
    return found


def order(request: DataRequest) -> list[SourceOrder]:
    """Tells each source what was decided of a request, in the transaction of the decision."""
    today = timezone.localdate()
    due = working_day_after(today, value("request.source_workdays", today))
    made = []
    for source in records_of(request.customer):
        one = SourceOrder.objects.create(request=request, source=source[:32], due_on=due)
        outbox.tell(ORDERS, str(one.pk), what(one), customer=request.customer)
        made.append(one)
    return made


def what(one: SourceOrder) -> dict[str, str | int | None]:
    """What an order says: numbers, names and days, no value."""
    request = one.request
    kept = Restriction.objects.filter(request=request).first()
    return {
        "order": one.pk, "request": request.pk, "source": one.source,
        "decision": CORRECT if request.kind == RequestKind.CORRECTION else kept.kind if kept else "deleted",
        "field": request.field or None, "form": request.proof,
        "until": kept.until.isoformat() if kept and kept.until else None, "due_on": one.due_on.isoformat(),
    }  # fmt: skip


def waiting_for(source: str) -> list[SourceOrder]:
    """Orders a source has not answered, the first due in front; it has taken them with this."""
    found = SourceOrder.objects.filter(source=source, answered_at=None).select_related("request")
    found.filter(fetched_at=None).update(fetched_at=timezone.now())
    return list(found.order_by("due_on", "id"))


def fetch(number: int, source: str) -> tuple[SourceOrder, list[str], str | None]:
    """An order, the numbers of the source's own records, and the right value of the field where the desk was
    given it; on record. Raises SourceOrder.DoesNotExist, NotAllowed once it is answered."""
    with transaction.atomic():
        one = SourceOrder.objects.select_for_update().get(pk=number, source=source)
        if one.answered_at is not None:
            raise NotAllowed("it is answered already")
        if one.fetched_at is None:
            one.fetched_at = timezone.now()
            one.save(update_fields=["fetched_at"])
        request = one.request
        detail = {"order": one.pk, "source": source, "field": request.field}
        audit.record(None, "customer.order_fetched", f"customer:{request.customer}", detail=detail)
        right = None if request.value is None else request.value.open()
        return one, records_of(request.customer).get(source, []), right


def answer(number: int, done: bool, proof: str, *, by: Person | None, source: str = "") -> SourceOrder:
    """A source has done what it was told to, or could not, under a number of its own; told again it is the
    same answer. `by` null: the source itself, by its key. After the last answer the value is gone. Raises
    NotAllowed, SourceOrder.DoesNotExist."""
    if by is not None and not by.may(May.DATA_DECIDE):
        raise NotAllowed("your role may not decide this")
    if not _PROOF.fullmatch(proof) or re.search(r"\d{11,}", proof):
        raise NotAllowed("a proof is a number of letters and digits")
    with transaction.atomic():
        found = SourceOrder.objects.select_for_update().filter(pk=number)
        one = (found if by is not None else found.filter(source=source)).get()
        if one.answered_at is not None:
            if (one.done, one.proof) == (done, proof):
                return one
            raise NotAllowed("it is answered already")
        one.done, one.proof, one.answered_at, one.answered_by = done, proof, timezone.now(), by
        one.save(update_fields=["done", "proof", "answered_at", "answered_by"])
        request = one.request
        detail = {"order": one.pk, "source": one.source, "done": done, "proof": proof}
        audit.record(by, "customer.order_answered", f"customer:{request.customer}", detail=detail)
        if not done:
            link = reverse("data_request", args=[request.pk])
            tell(who_decides(), COULD_NOT, link, source=one.source, request=request.pk)
        if not request.orders.filter(answered_at=None).exists() and request.value is not None:
            request.value = None
            request.save(update_fields=["value", "value_phone", "value_text"])
        return one


def who_decides() -> list[Person]:
    """Who decides requests about personal data."""
    roles = [role for role, may in ALLOWED.items() if May.DATA_DECIDE in may]
    return list(Person.objects.filter(role__in=roles, is_active=True).order_by("pk"))
