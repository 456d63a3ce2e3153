"""What campaigns know of who must be left alone, for the rooms below: blocks, the bank's hold-out, controls;
and how often each was written to. Managers' lists, the lobby and records of contacts ask for it through
`foundation.left_alone`: a manager's offer is an offer, too."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from django.db.models import Count, Q
from django.utils import timezone

from quanke.effects.groups import effect_rules
from quanke.kernel.calendars import SHANGHAI
from quanke.kernel.errors import NightError
from quanke.night.left_alone import LEFT_ALONE, keep_left_alone
from quanke_desk.campaigns.known import ANY, BOUNCE, blocks_of, few, withheld
from quanke_desk.campaigns.models import Block, Enrolment, EnrolmentState, Send, SendState
from quanke_desk.campaigns.policy import RULES
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.left_alone import Alone, reached, sources

MONTHLY = ("sms", "wecom", "email")
"""Means whose caps are counted by months."""


def to_be_left_alone(customers: Sequence[int], now: dt.datetime) -> dict[int, tuple[Alone, ...]]:
    """Of some customers those who are blocked, held out by the bank or somebody's control, with the rules of
    the gate that say so."""
    try:
        of = base()
    except NightError:
        return {}
    numbers, today = np.unique(np.asarray(customers, np.int64)), timezone.localtime(now).date()
    numbers = numbers[numbers >= 0]
    found: dict[int, list[Alone]] = defaultdict(list)
    for customer, means, reason in blocks_of(numbers, today):
        any_means = means == ANY
        blocked = Alone(
            "blocked", RULES["blocked"].title, "" if any_means else means, any_means or reason == BOUNCE
        )
        if blocked not in found[customer]:
            found[customer].append(blocked)
    out = effect_rules(of.bank.home.path).hold_out.holds(numbers, today)
    for code, those in (("hold_out", numbers[out]), ("control", withheld(now, of, numbers))):
        for customer in those.tolist():
            found[customer].append(Alone(code, RULES[code].title))
    return {customer: tuple(reasons) for customer, reasons in found.items()}


def offers_sent(customers: Sequence[int], day: dt.date) -> dict[int, dict[str, int]]:
    """How many offers of journeys each was sent this month by each means that is counted by months: in one
    statement, for every list of a morning asks."""
    numbers = np.unique(np.asarray(customers, np.int64))
    since = dt.datetime.combine(day.replace(day=1), dt.time(), SHANGHAI)
    done = Send.objects.filter(
        means__in=MONTHLY, state__in=[SendState.SENT, SendState.SENDING], decided__gte=int(since.timestamp())
    ).exclude(purpose="service")
    counted = few(done, numbers).order_by().values_list("customer", "means").annotate(n=Count("id"))
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for customer, means, count in counted:
        found[customer][means] = count
    return dict(found)


def tell_nights(today: dt.date | None = None) -> bool:
    """Writes for the nights to come whom they may plan no offer for: who is blocked by all means, and
    controls who entered alone, whom no register names before their month is over. Whether it has changed."""
    day, of = today or timezone.localdate(), base()
    home, last = of.bank.home.path, of.night.rows
    days = effect_rules(home).window_days.on(day)
    blocked = Block.objects.filter(Q(until=None) | Q(until__gt=day), means=ANY)
    rows = list(blocked.values_list("customer", "since", "until"))
    first = int(dt.datetime.combine(day - dt.timedelta(days=days), dt.time(), SHANGHAI).timestamp())
    alone = Enrolment.objects.filter(state=EnrolmentState.CONTROL, entered__gt=first)
    for customer, entered in alone.exclude(version__purpose="service").values_list("customer", "entered"):
        since = dt.datetime.fromtimestamp(entered, SHANGHAI).date()
        rows.append((customer, since, since + dt.timedelta(days=days + 1)))
    known = [(of.goes_by(number), *days) for number, *days in rows if 0 <= number < last]
    columns = zip(*known, strict=True) if known else ((), (), ())
    arrays = [pa.array(list(each), kind.type) for each, kind in zip(columns, LEFT_ALONE, strict=True)]
    return keep_left_alone(home, pa.Table.from_arrays(arrays, schema=LEFT_ALONE))


def make_known() -> None:
    """Has the rooms below ask here, once."""
    if to_be_left_alone not in sources:
        sources.append(to_be_left_alone)
    if offers_sent not in reached:
        reached.append(offers_sent)
