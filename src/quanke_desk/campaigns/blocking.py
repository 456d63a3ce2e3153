"""Who is sent nothing, as compliance decides: customers of a list put under a block, and a block ended."""

from __future__ import annotations

import datetime as dt
import re

from django.db import transaction
from django.utils import timezone

from quanke.kernel.errors import QuankeError
from quanke_desk.campaigns.known import ANY, blocks_on
from quanke_desk.campaigns.models import Block
from quanke_desk.customers.at_night import customer_of
from quanke_desk.customers.consenting import BY_MEANS
from quanke_desk.foundation import audit
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.reasons import required_reason
from quanke_desk.foundation.roles import May

MOST = 1_000
MEANS = (ANY, *(str(means) for means in BY_MEANS))


def customers_of(text: str) -> tuple[list[int], list[int]]:
    """Customers of a list, each once: their numbers, or those of a source as core:1234. And the places (from
    1) of what is nobody's. Raises NotAllowed for none, or too many; NightError where there is no night."""
    given, of = re.split(r"[\s,，;；、]+", text.strip(" \r\n\t,，;；、")), base()
    if given == [""]:
        raise NotAllowed("the list has no rows")
    if len(given) > MOST:
        raise NotAllowed("at most 1,000 customers at once")
    found: set[int] = set()
    unknown = []
    for place, number in enumerate(given, 1):
        try:
            found.add(customer_of(number[:120], of))
        except (QuankeError, ValueError):
            unknown.append(place)
    return sorted(found), unknown


def block(customers: list[int], means: str, reason: str, until: dt.date | None, *, by: Person) -> int:
    """Keeps a means (`any`: all) from customers until a day, which is free again (null: for good). Who is
    under such a block that lasts as long stays so. Answers how many are new. Raises NotAllowed."""
    if not by.may(May.DATA_DECIDE):
        raise NotAllowed("your role may not decide this")
    today = timezone.localdate()
    if means not in MEANS:
        raise NotAllowed("no such means")
    if until is not None and until <= today:
        raise NotAllowed("a block ends on a day to come")
    said = _said(reason)
    with transaction.atomic():
        held = blocks_on(today).filter(customer__in=customers, means=means)
        lasting = {c for c, end in held.values_list("customer", "until") if _lasts(end, until)}
        new = [c for c in customers if c not in lasting]
        Block.objects.bulk_create(
            Block(customer=c, means=means, since=today, until=until, reason=said, by=by) for c in new
        )
        detail = {"means": means, "until": until.isoformat() if until else None}
        for customer in new:
            audit.record(by, "campaigns.block", f"customer:{customer}", reason=said, detail=detail)
    return len(new)


def end_block(number: int, reason: str, *, by: Person) -> None:
    """Ends a block at once. Raises NotAllowed."""
    if not by.may(May.DATA_DECIDE):
        raise NotAllowed("your role may not decide this")
    said, today = _said(reason), timezone.localdate()
    with transaction.atomic():
        held = blocks_on(today).select_for_update().filter(pk=number).first()
        if held is None:
            raise NotAllowed("this block has ended already")
        held.until = today
        held.save(update_fields=["until"])
        detail = {"means": held.means, "block": held.pk}
        audit.record(by, "campaigns.unblock", f"customer:{held.customer}", reason=said, detail=detail)


def _said(reason: str) -> str:
    return required_reason(reason.strip()[:200])


def _lasts(end: dt.date | None, until: dt.date | None) -> bool:
    return end is None or (until is not None and end >= until)
