"""Asking for customers outside one's scope, counted: who tries number after number is stopped and told of.

One number asked, by an address, a search or the interface, counts once an hour; whether there is such a
customer makes no difference, neither to what is counted nor to what is answered. Beyond `opening.asked` an
hour nothing outside the scope is answered any more; compliance is told once an hour, and the audit has it.
Where every customer is masked until he is opened for a purpose, a search by what is personal counts as well.
"""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop as _noop

from quanke_desk.foundation import audit
from quanke_desk.foundation.models import AskedOutside, Person
from quanke_desk.foundation.notices import tell
from quanke_desk.foundation.parameters import value
from quanke_desk.foundation.roles import Role

HOUR = dt.timedelta(hours=1)
MANY = _noop("%(name)s asked for more than %(count)s customers outside his scope in an hour")
TOO_MANY = _noop("more customers outside your scope asked for in an hour than allowed: ask compliance")
BY_NUMBER, BY_SEARCH = "number", "search"


def asked_too_often(person: Person) -> bool:
    """Whether a person asked for more in the last hour than the bank allows."""
    return _lately(person).count() > value("opening.asked")


def note_asked(person: Person, customer: int | None = None, how: str = BY_NUMBER) -> bool:
    """Notes that a person asked for a customer outside his scope (null: by what he searched for, which is
    kept nowhere). False: it is more than allowed, and nothing is answered."""
    now, most = timezone.now(), value("opening.asked")
    with transaction.atomic():
        # one row of the person is locked, so that many requests at once do not all see one place left
        Person.objects.select_for_update().get(pk=person.pk)
        AskedOutside.objects.filter(person=person, at__lt=now - HOUR).delete()
        number = customer if customer is None or abs(customer) < 2**62 else -1
        before = _lately(person).count()
        if before > most or (customer is not None and _lately(person).filter(customer=number).exists()):
            return before <= most
        AskedOutside.objects.create(person=person, customer=number, at=now)
        subject = "search" if customer is None else f"customer:{customer}"[:80]
        if before < most:
            audit.record(person, "customer.asked_outside", subject, detail={"by": how})
            return True
        audit.record(person, "customer.asked_too_often", subject, detail={"by": how, "most": most})
        told = Person.objects.filter(role=Role.COMPLIANCE, is_active=True)
        link = "/audit/?action=customer.asked_"
        tell(told.exclude(pk=person.pk), MANY, link, name=person.name, count=most)
        return False


def _lately(person: Person) -> QuerySet[AskedOutside]:
    return AskedOutside.objects.filter(person=person, at__gte=timezone.now() - HOUR)
