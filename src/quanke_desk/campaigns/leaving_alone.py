"""What campaigns know of who must be left alone, for the rooms below: blocks, the bank's hold-out, controls;
and how often each was written to. Managers' lists, the lobby and records of contacts ask for it through
`foundation.left_alone`: a manager's offer is an offer, too."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from django.utils import timezone

from quanke.effects.groups import effect_rules
from quanke.kernel.errors import NightError
from quanke_desk.campaigns.known import ANY, BOUNCE, CAPS, blocks_of, first_day, offers_of, withheld
from quanke_desk.campaigns.policy import RULES
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.left_alone import Alone, reached, sources


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
    """How many offers of journeys each was sent by each means, in the window of the means' cap."""
    numbers = np.unique(np.asarray(customers, np.int64))
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for means, (people, counts) in offers_of(numbers, {m: first_day(m, day) for m in CAPS}).items():
        for customer, count in zip(people.tolist(), counts.tolist(), strict=True):
            found[customer][means] = count
    return dict(found)


def make_known() -> None:
    """Has the rooms below ask here, once."""
    if to_be_left_alone not in sources:
        sources.append(to_be_left_alone)
    if offers_sent not in reached:
        reached.append(offers_sent)
