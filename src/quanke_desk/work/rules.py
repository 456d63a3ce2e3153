"""What must hold before a customer is spoken to: consent as it is now, how often, at what hour (MKT-1, -3).

The night decided with what it knew; what the desk recorded since then counts here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.db.models import Count, Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from numpy.typing import NDArray

from quanke.kernel.calendars import china_calendar
from quanke.kernel.errors import CalendarError
from quanke_desk.customers.consenting import hidden, may_contact
from quanke_desk.foundation import left_alone
from quanke_desk.foundation.left_alone import Alone
from quanke_desk.foundation.models import Outgoing
from quanke_desk.foundation.parameters import value
from quanke_desk.work.models import Contact, Means, Outcome, Said, Suggestion

BY_CONSENT = {Means.VISIT: "call", Means.TICKET: "any"}
"""A visit is arranged by a call; whoever is here agreed to something by some means, or hears no offer."""
UNCOUNTED = (Means.WECOM, Means.EMAIL)
"""Means no night counts contacts by: the desk's own records are what is known of the month."""
_MONTHLY = {Means.SMS: "contact.texts", Means.WECOM: "contact.wecoms", Means.EMAIL: "contact.emails"}
_FEW = 5_000
"""Customers who are named in a statement one by one."""
ALL = ("call", "sms", "wecom", "push", "email")
_EPOCH = dt.date(1970, 1, 1)
_LONGEST_REST = 32
"""Days after which one gives up looking for an hour: no row of holidays is as long."""


@dataclass(frozen=True)
class Caution:
    """Why one should not, or (`blocks`) may not, speak to a customer now."""

    code: str
    text: Promise
    blocks: bool = False


@dataclass
class Since:
    """What the desk recorded of some customers since the night."""

    contacts: dict[int, list[Contact]] = field(default_factory=dict)
    consents: dict[int, dict[str, bool]] = field(default_factory=dict)
    refused: dict[int, dict[str, dt.date]] = field(default_factory=dict)
    profiling: dict[int, bool] = field(default_factory=dict)
    """Customers who said at the desk whether offers may be made from their profile."""
    hidden: frozenset[int] = frozenset()
    """Customers whose data may no longer be used."""
    alone: dict[int, tuple[Alone, ...]] = field(default_factory=dict)
    """Customers to be left alone, as the rooms above say: blocked, held out, somebody's control."""
    sent: dict[int, dict[str, int]] = field(default_factory=dict)
    """Offers the desk itself sent each this month, by means."""
    earlier: dict[int, dict[str, int]] = field(default_factory=dict)
    """Contacts of this month up to the night by the means no night counts."""
    limits: dict[str, int] = field(default_factory=dict)

    def limit(self, name: str) -> int:
        """A parameter, asked once for all of them."""
        if name not in self.limits:
            self.limits[name] = value(name)
        return self.limits[name]


@dataclass(frozen=True)
class RecordedContacts:
    """Contacts as arrays: `day` counts from 1970; `declined`: the customer said no."""

    customer: NDArray[np.int64]
    day: NDArray[np.int64]
    means: NDArray[np.str_]
    declined: NDArray[np.bool_]


def standing() -> Q:
    """Of the contacts that hold: neither taken back nor taking one back."""
    return Q(corrects=None, corrected_by=None)


def contacts_since(customers: Sequence[int], night: dt.date) -> dict[int, list[Contact]]:
    """Contacts of customers recorded after a night, the oldest first."""
    found: dict[int, list[Contact]] = {}
    for contact in Contact.objects.filter(standing(), customer__in=customers, day__gt=night).order_by("id"):
        found.setdefault(contact.customer, []).append(contact)
    return found


def since(customers: Sequence[int], night: dt.date) -> Since:
    """What the desk recorded of customers: contacts after the night, consents after it, refusals of things
    suggested for as long as they count."""
    found = Since(contacts=contacts_since(customers, night))
    found.hidden = hidden() & frozenset(customers)
    found.alone = left_alone.asked(customers, timezone.now())
    found.sent = left_alone.offers_sent(customers, timezone.localdate())
    first = timezone.localdate().replace(day=1)
    for means in UNCOUNTED if first <= night else ():
        for customer in by_hand(means, first, night, customers).tolist():
            his = found.earlier.setdefault(customer, {})
            his[means] = his.get(means, 0) + 1
    # a word of the night's own day, or one that was brought home later than that, the night does not know
    midnight = timezone.make_aware(dt.datetime.combine(night, dt.time()))
    unknown = Q(at__gte=midnight) | Q(delivered_at=None) | Q(delivered_at__gte=midnight)
    recorded = Outgoing.objects.filter(unknown, table="consents", customer__in=customers).order_by("id")
    for row in recorded.values("customer", "row"):
        customer = int(row["customer"] or 0)
        agreed = row["row"].get("withdrawn_on") is None
        if row["row"].get("purpose") == "profiling":
            found.profiling[customer] = agreed
        if row["row"].get("purpose") == "marketing":
            means = row["row"].get("means")
            for each in ALL if means == "any" else (means,):
                found.consents.setdefault(customer, {})[each] = agreed
    lately = timezone.localdate() - dt.timedelta(days=value("lobby.refused"))
    said = Suggestion.objects.filter(
        outcome=Said.DECLINED, arrival__customer__in=customers, arrival__day__gte=lately
    ).values_list("arrival__customer", "action", "arrival__day")
    spoken = Contact.objects.filter(
        standing(), customer__in=customers, outcome=Outcome.DECLINED, day__gte=lately
    ).exclude(action="")
    for who, action, day in [*said, *spoken.values_list("customer", "action", "day")]:
        before = found.refused.setdefault(int(who or 0), {})
        before[action] = max(day, before.get(action, day))
    return found


def kept_from(customer: int, done: Since, means: str, sells: bool) -> list[Alone]:
    """Why a customer is left alone who would be reached by a means, for an offer or for a service. A visit is
    kept away as the call that arranges it; where he came by himself only what holds for all means counts."""
    asked = BY_CONSENT.get(Means(means), means)
    return [each for each in done.alone.get(customer, ()) if each.keeps(asked, sells)]


def agrees(row: Mapping[str, Any], consents: Mapping[str, bool], means: str) -> bool:
    """Whether a customer agrees to marketing by a means now; unknown is no."""
    asked = BY_CONSENT.get(Means(means), means)
    if asked == "any":
        return any(agrees(row, consents, each) for each in ALL)
    return consents.get(asked, bool(row.get(f"agrees_{asked}")))


def may_text(customer: int) -> bool:
    """Whether an offer may go out by text message: asked of the records themselves, when it is sent."""
    return may_contact(customer, Means.SMS)


def cautions(
    customer: int,
    row: Mapping[str, Any],
    done: Since,
    means: str,
    purpose: str,
    now: dt.datetime | None = None,
) -> list[Caution]:
    """What speaks against a contact by a means for a purpose, the hardest first. A text to sell something is
    never sent against one of them; a call waits for the judgement of who calls, but for consent."""
    at = timezone.localtime(now)
    sells = purpose == "marketing"
    text = sells and means == Means.SMS
    found = [Caution(each.code, each.text, True) for each in kept_from(customer, done, means, sells)]
    if sells and not agrees(row, done.consents.get(customer, {}), means):
        found.append(Caution("consent", _("has not agreed to offers by this means"), True))
    if sells and (row.get("is_minor") is not False):
        found.append(Caution("minor", _("under 18, or of unknown age: no offers"), True))
    if sells and not done.profiling.get(customer, not row.get("profiling_refused")):
        found.append(Caution("profiling", _("refused offers made from a profile"), True))
    contacts = done.contacts.get(customer, [])
    if sells and _cools(row, contacts, at.date(), done.limit("contact.cool_down")):
        found.append(Caution("cool_down", _("said no lately: no offers for a while"), True))
    if (often := _too_often(customer, row, done, means, at.date(), text)) is not None:
        found.append(often)
    if means in (Means.CALL, Means.SMS, Means.WECOM) and quiet(at, done):
        found.append(Caution("quiet", _("quiet hours, or a day off"), text))
    return found


def _too_often(
    customer: int, row: Mapping[str, Any], done: Since, means: str, today: dt.date, text: bool
) -> Caution | None:
    """Whether a customer was reached often enough by a means: by people, as the night and the desk know, and
    by what the desk sent by itself."""
    reached = [c for c in done.contacts.get(customer, []) if c.means == means]
    if means in (Means.CALL, Means.VISIT):
        week = [c for c in reached if (today - c.day).days < 7]
        often = _of_night(row, "calls_7d", done, today) + len(week) >= done.limit("contact.calls")
        return Caution("calls", _("called often enough this week")) if often else None
    if means not in _MONTHLY:
        return None
    month = [c for c in reached if (c.day.year, c.day.month) == (today.year, today.month)]
    count = len(month) + done.sent.get(customer, {}).get(means, 0)
    count += _of_night(row, "messages_mtd", done, today) if means == Means.SMS else 0
    count += done.earlier.get(customer, {}).get(means, 0)
    if count < done.limit(_MONTHLY[Means(means)]):
        return None
    if means == Means.SMS:
        return Caution("texts", _("texted often enough this month"), text)
    return Caution("often", _("written to often enough this month by this means"))


def quiet(at: dt.datetime, known: Since | None = None) -> bool:
    """Whether customers are left in peace at a local time: at night, and on days off if the bank says so."""
    minute = at.hour * 60 + at.minute
    limit = (known or Since()).limit
    begins, ends = limit("contact.quiet_from"), limit("contact.quiet_until")
    night = begins <= minute or minute < ends if begins > ends else begins <= minute < ends
    return night or (limit("contact.days_off") == 1 and not _works(at.date()))


def peace_ends(at: dt.datetime, known: Since | None = None) -> dt.datetime:
    """The first moment from a local time on at which customers are not left in peace; the time itself where
    they are not now. Raises ValueError where the bank's quiet hours leave no hour of any day."""
    held = known or Since()
    begins, ends = held.limit("contact.quiet_from"), held.limit("contact.quiet_until")
    if not quiet(at, held):
        return at
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    for days in range(_LONGEST_REST):
        # peace ends where the night does; of a day on which nothing is quiet, at midnight
        for minute in sorted({0, ends % 1440, begins % 1440}):
            moment = midnight + dt.timedelta(days=days, minutes=minute)
            if moment > at and not quiet(moment, held):
                return moment
    raise ValueError("quiet hours leave no hour in which to send")


def contacts_after(night: dt.date, today: dt.date) -> RecordedContacts:
    """Contacts the desk recorded of everybody in the days after a night: what a great set of customers is
    looked up in, instead of asked about one by one."""
    rows = Contact.objects.filter(standing(), day__gt=night, day__lte=today)
    found = list(rows.values_list("customer", "day", "means", "outcome"))
    return RecordedContacts(
        customer=np.array([c for c, _d, _m, _o in found], np.int64),
        day=np.array([(d - _EPOCH).days for _c, d, _m, _o in found], np.int64),
        means=np.array([m for _c, _d, m, _o in found], dtype="U8"),
        declined=np.array([o == Outcome.DECLINED for _c, _d, _m, o in found], np.bool_),
    )


def by_hand(
    means: str, first: dt.date, last: dt.date, customers: Sequence[int] | None = None
) -> NDArray[np.int64]:
    """The customer of each contact people recorded by a means from one day to another (both counted), of some
    customers or of all: a great set is not handed over, but looked up in what comes back."""
    found = Contact.objects.filter(standing(), means=means, day__gte=first, day__lte=last)
    if customers is not None and len(customers) <= _FEW:
        found = found.filter(customer__in=list(customers))
    return np.fromiter(found.order_by().values_list("customer", flat=True), np.int64)


def _works(day: dt.date) -> bool:
    try:
        return china_calendar().is_working_day(day)
    except CalendarError:  # the holidays of that year are not published yet
        return day.isoweekday() <= 5


def _cools(row: Mapping[str, Any], contacts: Iterable[Contact], today: dt.date, rest: int) -> bool:
    no = row.get("last_declined_on")
    days = [c.day for c in contacts if c.outcome == Outcome.DECLINED] + ([no] if no else [])
    return any((today - day).days < rest for day in days)


def _of_night(row: Mapping[str, Any], column: str, done: Since, today: dt.date) -> int:
    """A count of the night, as long as its window still reaches today."""
    night = row.get("as_of_day") or today
    if column == "calls_7d" and (today - night).days >= 7:
        return 0
    if column == "messages_mtd" and (today.year, today.month) != (night.year, night.month):
        return 0
    return int(row.get(column) or 0)


def said_no_since(day: dt.date) -> list[int]:
    """Customers who declined something from a day on, by what the desk recorded."""
    found = Contact.objects.filter(standing(), outcome=Outcome.DECLINED, day__gte=day)
    return list(found.values_list("customer", flat=True).distinct())


def reached_since(means: str, day: dt.date) -> dict[int, int]:
    """How often each customer was contacted by a means from a day on, by what the desk recorded."""
    found = Contact.objects.filter(standing(), means=means, day__gte=day)
    counted = found.order_by().values_list("customer").annotate(count=Count("id"))
    return {int(customer): count for customer, count in counted.iterator(2000)}
