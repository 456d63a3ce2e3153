"""Notes of contacts: what staff wrote, kept in the vault, read by who may see the customer."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from quanke_desk.customers.consenting import hidden
from quanke_desk.customers.models import RestrictionKind
from quanke_desk.foundation import audit
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.opening import require_sight
from quanke_desk.foundation.scope import OutOfScope
from quanke_desk.work.models import Contact, ContactNote

LONGEST = 1000


def keep_note(contact: Contact, text: str) -> None:
    """Keeps the note of a contact, inside the transaction that records it; an empty one is none."""
    if text := text.strip()[:LONGEST]:
        ContactNote.objects.create(contact=contact, text=text)


def read_note(number: int, *, by: Person) -> str:
    """What was noted of a contact. Who read it is on record; what it says is not. Raises OutOfScope, also
    where there is none."""
    found = ContactNote.objects.select_related("contact").filter(contact=number).first()
    if found is None or found.contact.customer in hidden():
        raise OutOfScope
    customer = found.contact.customer
    require_sight(by, customer)
    with transaction.atomic():
        if found.contact.person_id != by.pk:
            audit.record(by, "work.note", f"customer:{customer}", detail={"contact": number})
        text: str = found.text.open()
        return text


def forget_notes(sender: Any, customer: int, kind: str, **_: Any) -> None:
    """A customer's deletion was decided: what was noted of him goes, in the transaction of that. What the law
    has stored for a while is stored, and read by nobody."""
    if kind == RestrictionKind.DELETED:
        ContactNote.objects.filter(contact__customer__in=base().numbers(customer)).delete()
