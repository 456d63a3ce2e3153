"""Looking where one may not look without saying why: a customer outside one's scope, a masked field."""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.utils import timezone

from quanke_desk.foundation import audit
from quanke_desk.foundation.analytic import Base, base
from quanke_desk.foundation.asked_once import asked_once
from quanke_desk.foundation.models import Opening, Person, Purpose
from quanke_desk.foundation.parameters import value
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May
from quanke_desk.foundation.scope import OutOfScope, covers, scope_of


class TooMany(NotAllowed):
    """More openings in an hour than the bank allows."""


def may_see(person: Person, customer: int, of: Base | None = None) -> bool:
    """Whether a customer is in one's scope and that asks for no purpose, or was opened for one and that still
    holds."""
    scope = scope_of(person)
    return (not scope.asks and covers(scope, customer, of)) or "" in _opened_now(person, customer)


def require_sight(person: Person, customer: int, of: Base | None = None) -> None:
    """Raises OutOfScope unless `may_see`."""
    if not may_see(person, customer, of):
        raise OutOfScope


def open_customer(person: Person, customer: int, purpose: str, reason: str) -> Opening:
    """Opens a customer outside one's scope for a while. Raises NotAllowed (TooMany) or OutOfScope (a number
    nobody has)."""
    if not person.may(May.OPEN_OUTSIDE):
        raise NotAllowed("your role may not open customers of others")
    return _opened(person, customer, "", purpose, reason)


def open_field(person: Person, customer: int, field: str, purpose: str, reason: str) -> Opening:
    """Takes the mask off one field of one customer for a while. Raises NotAllowed (TooMany), OutOfScope."""
    if not person.may(May.REVEAL):
        raise NotAllowed("your role may not take off masks")
    require_sight(person, customer)
    return _opened(person, customer, field, purpose, reason)


def opened_fields(person: Person, customer: int) -> frozenset[str]:
    """Fields of a customer whose mask is off for a person now."""
    return _opened_now(person, customer) - {""}


@asked_once
def _opened_now(person: Person, customer: int) -> frozenset[str]:
    """What is open of a customer for a person now: fields, and "" for the customer himself."""
    live = Opening.objects.filter(person=person, customer=customer, until__gt=timezone.now())
    return frozenset(live.values_list("field", flat=True))


def _opened(person: Person, customer: int, field: str, purpose: str, reason: str) -> Opening:
    if purpose not in Purpose.values:
        raise NotAllowed("a purpose is required")
    if not reason.strip():
        raise NotAllowed("a reason is required")
    held = base()
    if not 0 <= customer < held.night.rows or not held.there[customer]:
        raise OutOfScope
    now = timezone.now()
    most = value("opening.most")
    with transaction.atomic():
        # one row of the person is locked, so that two pages at once do not both see one place left
        Person.objects.select_for_update().get(pk=person.pk)
        lately = Opening.objects.filter(person=person, at__gt=now - dt.timedelta(hours=1))
        if lately.count() < most:
            opened = Opening.objects.create(
                person=person, customer=customer, field=field, purpose=purpose, reason=reason.strip(),
                at=now, until=now + dt.timedelta(minutes=value("opening.minutes")),
            )  # fmt: skip
            action = "customer.reveal" if field else "customer.open_outside"
            detail = {"field": field} if field else {}
            audit.record(
                person, action, f"customer:{customer}", purpose=purpose, reason=reason.strip(), detail=detail
            )
            return opened
    with transaction.atomic():
        audit.record(person, "customer.too_many", f"customer:{customer}", purpose=purpose)
    raise TooMany("more openings in an hour than allowed: ask your head or compliance")
