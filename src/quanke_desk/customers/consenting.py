"""What a customer agreed to, by the bank's tables and what the desk recorded since: no holds at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from quanke.kernel.errors import QuankeError
from quanke_desk.customers.at_night import reading
from quanke_desk.customers.models import ConsentAnswer, ConsentPurpose, Means, Restriction
from quanke_desk.foundation.analytic import Base, base
from quanke_desk.foundation.asked_once import asked_once
from quanke_desk.foundation.models import Outgoing

R = TypeVar("R", bound=Model)
BY_MEANS = (Means.CALL, Means.SMS, Means.PUSH, Means.WECOM, Means.EMAIL)
"""Means a purpose is asked for one by one."""
SERVICE = "service"
_FEW = 500
_WALLS = ["deceased", "relationship_closed", "is_minor"]


@dataclass(frozen=True)
class Standing:
    """How one purpose by one means stands: `given` null where nothing was ever said. `here`: by what the
    desk recorded, and no night knows yet or says otherwise."""

    purpose: str
    means: str
    given: bool | None
    on: dt.date | None
    here: bool
    answer: ConsentAnswer | None = None
    """The record of the desk that says so, with how it was said; null where the night does."""


def consents_of(customer: int, of: Base | None = None) -> list[Standing]:
    """The matrix of purposes and means of a customer. Asks nobody's leave: pages and actions do."""
    rows = reading(of).rows("consents", customer).to_pylist()
    said = list(ConsentAnswer.objects.filter(customer=customer).select_related("by").order_by("id"))
    asked = [(ConsentPurpose.MARKETING, m) for m in BY_MEANS]
    asked += [
        (p, Means.ANY) for p in (ConsentPurpose.PROFILING, ConsentPurpose.ADVICE, ConsentPurpose.SHARING)
    ]
    return [_standing(purpose, means, rows, said) for purpose, means in asked]


def may_contact(customer: int, means: str, purpose: str = ConsentPurpose.MARKETING) -> bool:
    """Whether a customer may be contacted by a means for a purpose now. Unknown customers may not.

    Marketing, advice and sharing need a consent in force; `service` needs none. A refusal recorded at the
    desk holds from that moment, before any night knows it; asked again when sending, not when listing.
    """
    held = base()
    if not 0 <= customer < held.night.rows or not held.there[customer]:
        return False
    if Restriction.objects.filter(customer__in=held.numbers(customer)).exists():
        return False
    row = held.row(customer, _WALLS)
    if row.get("deceased") or row.get("relationship_closed"):
        return False
    if purpose == SERVICE:
        return True
    if row.get("is_minor") is not False and purpose == ConsentPurpose.MARKETING:
        return False  # unknown age is not of age
    asked = means if purpose == ConsentPurpose.MARKETING else Means.ANY
    rows = reading(held).rows("consents", customer).to_pylist()
    said = list(ConsentAnswer.objects.filter(customer=customer, purpose=purpose).order_by("id"))
    return _standing(purpose, asked, rows, said).given is True


def refused_after(customer: int, purpose: str, means: str, day: dt.date, recipient: str = "") -> bool:
    """Whether a customer refused on a day or later what he is said to have agreed to on it: a paper that is
    recorded late is not his last word. Of this day counts what he wrote himself; what staff took down of him
    before is older than what they take down now."""
    ways, to = {means, Means.ANY}, {recipient.strip()[:64], "", None}
    shared, late = purpose == ConsentPurpose.SHARING, day < timezone.localdate()
    for row in reading().rows("consents", customer).to_pylist() if late else ():
        alike = row["purpose"] == purpose and row["means"] in ways and (not shared or row["recipient"] in to)
        if alike and row["withdrawn_on"] is not None and row["withdrawn_on"] >= day:
            return True
    here = ConsentAnswer.objects.filter(customer=customer, purpose=purpose, means__in=ways, given=False)
    if shared:
        here = here.filter(recipient__in=[name for name in to if name is not None])
    return (here if late else here.filter(by=None)).filter(on__gte=day).exists()


def refused_here(means: str, purpose: str = ConsentPurpose.MARKETING) -> frozenset[int]:
    """Customers whose last word at the desk for a purpose, by a means or by any, is no; whose data is
    restricted, too. What a list built from a night leaves out."""
    last: dict[int, bool] = {}
    answers = ConsentAnswer.objects.filter(purpose=purpose, means__in=[means, Means.ANY]).order_by("id")
    for customer, given in answers.values_list("customer", "given").iterator(2000):
        last[customer] = given
    return frozenset(c for c, given in last.items() if not given) | hidden()


def said_since(of: Base, purpose: str = ConsentPurpose.MARKETING) -> dict[str, dict[int, bool]]:
    """What customers said at the desk for a purpose and the night does not know yet: by means (of what is not
    asked by means: any), the customers whose word at the desk decides, and what it is. Asked of everybody at
    once, for a great set of customers; it says what `consents_of` says of each."""
    unknown = Q(delivered_at=None) | Q(delivered_at__gte=_midnight(of.day))
    waiting = Outgoing.objects.filter(unknown, table="consents", key__startswith="DESK-")
    late = [int(k[5:]) for k in waiting.values_list("key", flat=True) if k[5:].isdecimal()]
    # from the night's day on a word at the desk is the last one; before it, only what has not arrived counts
    newer = ConsentAnswer.objects.filter(purpose=purpose, on__gte=of.day)
    older = ConsentAnswer.objects.filter(purpose=purpose, on__lt=of.day)
    asked = BY_MEANS if purpose == ConsentPurpose.MARKETING else (Means.ANY,)
    found: dict[str, dict[int, bool]] = {str(means): {} for means in asked}
    for start in range(0, len(late), _FEW):
        here = older.filter(pk__in=late[start : start + _FEW]).values_list("customer", flat=True)
        for customer in set(here):
            for each in consents_of(customer, of) if 0 <= customer < of.night.rows else ():
                if each.purpose == purpose and each.here and each.given is not None:
                    found[each.means][customer] = each.given
    for customer, means, given in newer.order_by("id").values_list("customer", "means", "given"):
        for each_means in asked if means == Means.ANY else (means,):
            found[str(each_means)][customer] = given
    return found


def _midnight(day: dt.date) -> dt.datetime:
    return timezone.make_aware(dt.datetime.combine(day, dt.time()))


def profiling_refused(customer: int, of: Base | None = None) -> bool:
    """Whether a customer refused profiling: no score is shown of him, and none is used (PI-4)."""
    held = of or base()
    rows = reading(held).rows("consents", customer).to_pylist()
    said = list(
        ConsentAnswer.objects.filter(customer=customer, purpose=ConsentPurpose.PROFILING).order_by("id")
    )
    return _standing(ConsentPurpose.PROFILING, Means.ANY, rows, said).given is False


@asked_once
def hidden() -> frozenset[int]:
    """Customers whose data may no longer be used: they are in no search, list or plan of the desk. Under all
    their numbers: who was found to be one of them since goes by another, with his data."""
    restricted = _restricted()
    try:
        held = base()
    except QuankeError:  # before a night nobody is anybody else
        return restricted
    known = {held.goes_by(customer) for customer in restricted}
    return restricted.union(*(held.numbers(customer) for customer in known))


@asked_once
def _restricted() -> frozenset[int]:
    return frozenset(Restriction.objects.values_list("customer", flat=True))


def without_hidden(found: QuerySet[R, R], column: str = "customer") -> QuerySet[R, R]:
    """Rows without those of customers whose data may no longer be used. Not by a list of all of them: what is
    restricted is asked of its own table, and only who goes by another number is named."""
    others = hidden() - _restricted()
    found = found.exclude(**{f"{column}__in": Restriction.objects.values("customer")})
    return found.exclude(**{f"{column}__in": sorted(others)}) if others else found


def restricted_by_merging() -> list[Restriction]:
    """Restrictions of numbers that a customer took in whose own number nobody restricted: he counts as
    restricted, and nobody has decided it. Raises NightError."""
    held, found = base(), list(Restriction.objects.select_related("request").order_by("id"))
    own = {each.customer for each in found}
    return [each for each in found if held.goes_by(each.customer) not in own]


def _standing(
    purpose: str, means: str, rows: Sequence[Mapping[str, Any]], said: Collection[ConsentAnswer]
) -> Standing:
    """By days, as the tags of the night; what the desk heard on the day of the last row or later decides."""
    ways = {means, Means.ANY}
    mine = [r for r in rows if r["purpose"] == purpose and r["means"] in ways]
    given_on = max((r["granted_on"] for r in mine if r["withdrawn_on"] is None), default=None)
    refused_on = max((r["withdrawn_on"] for r in mine if r["withdrawn_on"] is not None), default=None)
    last = max((d for d in (given_on, refused_on) if d is not None), default=None)
    here = next((a for a in reversed(list(said)) if a.purpose == purpose and a.means in ways), None)
    if here is not None and (last is None or here.on >= last):
        return Standing(purpose, means, here.given, here.on, True, here)
    if last is None:
        return Standing(purpose, means, None, None, False)
    return Standing(
        purpose, means, given_on is not None and (refused_on is None or given_on > refused_on), last, False
    )
