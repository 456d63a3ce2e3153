"""How many of an audience can be reached by a means: what each wall takes away, one after the other.

The night's columns are asked as sets (`audiences.index_of`), what the desk recorded since as lists of
customers. It is told when a list is formed; whether one customer may be written to is asked again when it is
sent.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from django.db.models import Count
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from numpy.typing import NDArray

from quanke.effects.groups import effect_rules
from quanke.kernel.calendars import SHANGHAI
from quanke.language.audience import parse_audience
from quanke_desk.campaigns.addresses import with_address
from quanke_desk.campaigns.audiences import bound, index_of, of_numbers
from quanke_desk.campaigns.known import CAPS, blocks_on, first_day, withheld
from quanke_desk.campaigns.models import Send, SendState
from quanke_desk.customers.consenting import refused_here
from quanke_desk.foundation.analytic import Base, base
from quanke_desk.foundation.parameters import value
from quanke_desk.work import rules

if TYPE_CHECKING:
    from quanke.segments.index import Members

MEANS: dict[str, Promise] = {
    "sms": _("Text message"), "push": _("Push message"), "wecom": _("WeCom"), "email": _("E-mail"),
    "call": _("Call"),
}  # fmt: skip
WALLS: dict[str, Promise] = {
    "all": _("in the audience"),
    "marketable": _("may be marketed to: alive, of age, still a customer"),
    "profiling": _("did not refuse offers made from a profile"),
    "consent": _("agreed to this means"),
    "refused": _("did not refuse at the desk since, and data not restricted"),
    "fatigue": _("not asked too often, and no refusal lately"),
    "blocked": _("on no list of those never written to"),
    "controls": _("no control of a campaign that runs"),
    "hold_out": _("not in the bank's hold-out"),
    "address": _("the bank knows an address for this means"),
}
"""Walls in the order in which they are asked; who is left behind the last one can be reached."""
_COUNTED = {"sms": "messages_mtd", "call": "calls_7d", "push": "pushes_1d"}
"""What a night counts of contacts by a means, in the window of its cap."""


@dataclass(frozen=True)
class Stage:
    """Who is left behind a wall: `left` customers, `taken` by it; null where it would tell of a few."""

    wall: str
    title: Promise
    left: int | None
    taken: int | None


@dataclass(frozen=True)
class Funnel:
    """An audience by one means, wall by wall."""

    means: str
    title: Promise
    stages: tuple[Stage, ...]
    reachable: int | None
    whole: int | None


def reach(found: Members, means: Iterable[str], of: Base | None = None) -> list[Funnel]:
    """How many of an audience can be reached by each means. Small numbers are not told."""
    held = of or base()
    chosen = [m for m in means if m in MEANS]
    return [_funnel(m, walls(found, m, held)) for m in chosen]


def reachable(found: Members, means: str, of: Base | None = None) -> Members:
    """Who of an audience can be reached by a means."""
    return list(walls(found, means, of or base()).values())[-1]


def walls(found: Members, means: str, held: Base) -> dict[str, Members]:
    """Who is left of an audience behind each wall."""
    today = timezone.localdate()
    asked: dict[str, Callable[[Members], Members]] = {
        "marketable": lambda left: marketable(left, held),
        "profiling": lambda left: profiled(left, held),
        "consent": lambda left: left & _where(f"agrees_{means}", held),
        "refused": lambda left: left - of_numbers(list(refused_here(means)), held),
        "fatigue": lambda left: left - _tired(means, today, held),
        "blocked": lambda left: left - of_numbers(blocked(means, today), held),
        "controls": lambda left: left - of_numbers(withheld(timezone.now(), held), held),
        "hold_out": lambda left: _without_hold_out(left, today, held),
        "address": lambda left: left & of_numbers(with_address(means, held), held),
    }
    left, told = found, {"all": found}
    for wall, ask in asked.items():
        left = told[wall] = ask(left)
    return told


def _where(text: str, held: Base) -> Members:
    """Customers a condition of the room's own is true for; everybody unknown is not."""
    expression = parse_audience(text, held.bank.catalogue, currency=held.bank.home.currency)
    return index_of(held).members(expression.node)


def marketable(left: Members, held: Base) -> Members:
    """Of some customers those who may be marketed to at all."""
    gone = _where("deceased", held) | _where("relationship_closed", held)
    return (left - gone) & _where("not is_minor", held)  # unknown age is not of age


def profiled(left: Members, held: Base) -> Members:
    """Of some customers those who did not refuse offers made from a profile."""
    refused = of_numbers(list(refused_here("any", "profiling")), held)
    return left - _where("profiling_refused", held) - refused


def _tired(means: str, today: dt.date, held: Base) -> Members:
    """Who said no within the cool-down, or was reached as often as the bank allows: by the night as
    long as its window reaches today, and by what the desk did since."""
    since = today - dt.timedelta(days=value("contact.cool_down") - 1)
    tired = _where(f"last_declined_on >= {since.isoformat()}", held)
    tired |= of_numbers(rules.said_no_since(max(since, held.day + dt.timedelta(days=1))), held)
    limit, begins = value(CAPS[means]), first_day(means, today)
    column = _COUNTED.get(means, "") if begins <= held.day else ""
    if column:
        tired |= _where(f"{column} >= {limit}", held)
    if limit <= 0:
        return tired | index_of(held).everybody
    # of a means no night counts, the desk's own records of the whole window are what is known
    counted = dt.date.min if means in rules.UNCOUNTED else held.day
    more = _done_since(means, begins, counted)
    return tired | of_numbers(_over(more, column, limit, held), held)


def _done_since(means: str, begins: dt.date, night: dt.date) -> dict[int, int]:
    """How often each was reached in the window of a means: by people since the night, which counted what they
    did before; by offers of journeys in all of it, for no night counts those as contacts."""
    done = rules.reached_since(means, max(begins, night + dt.timedelta(days=1)))
    start = int(dt.datetime.combine(begins, dt.time(), SHANGHAI).timestamp())
    sent = Send.objects.filter(
        means=means, state__in=[SendState.SENT, SendState.GIVEN, SendState.SENDING], decided__gte=start
    ).exclude(purpose="service")
    for customer, count in sent.values_list("customer").annotate(count=Count("id")).iterator(2000):
        done[customer] = done.get(customer, 0) + count
    return done


def _over(more: dict[int, int], column: str, limit: int, held: Base) -> NDArray[np.int64]:
    """Who reaches a limit by what the desk did on top of what the night counted."""
    numbers = np.fromiter((c for c in more if 0 <= c < held.night.rows), np.int64)
    counts = np.fromiter((more[int(c)] for c in numbers), np.int64, len(numbers))
    if column and len(numbers):
        indexed = index_of(held).columns[column]
        codes = indexed.part(0, held.night.rows)[numbers]
        known = indexed.values(codes)
        counts = counts + np.where(known.valid, known.values, 0).astype(np.int64)
    return numbers[counts >= limit]


def blocked(means: str, day: dt.date) -> list[int]:
    """Customers who are sent nothing by a means on a day."""
    rows = blocks_on(day).filter(means__in=[means, "any"])
    return list(rows.values_list("customer", flat=True).distinct())


def _without_hold_out(left: Members, day: dt.date, held: Base) -> Members:
    numbers = left.numbers()
    out = effect_rules(held.bank.home.path).hold_out.holds(numbers, day)
    return left - of_numbers(numbers[out], held)


def _funnel(means: str, left: dict[str, Members]) -> Funnel:
    sizes = [len(members) for members in left.values()]
    told = told_sizes(sizes, bound())
    stages: list[Stage] = []
    before: int | None = None
    for wall, size in zip(left, told, strict=True):
        taken = None if size is None or before is None else before - size
        stages.append(Stage(wall, WALLS[wall], size, 0 if wall == "all" else taken))
        before = size
    return Funnel(means, MEANS[means], tuple(stages), told[-1], told[0])


def told_sizes(sizes: list[int], smallest: int) -> list[int | None]:
    """Sizes that never grow, without those that would tell of fewer than `smallest`: by themselves, or as the
    difference of two that are told. The whole comes first, then who is left at the end; a stage between is
    left out where it lies too near to one that is told."""

    def apart(one: int, other: int) -> bool:
        return abs(one - other) == 0 or abs(one - other) >= smallest

    told: list[int | None] = [None] * len(sizes)
    if sizes[0] < smallest:
        return told
    kept = [sizes[0]]
    told[0] = sizes[0]
    for at in (len(sizes) - 1, *range(1, len(sizes) - 1)):
        if (sizes[at] >= smallest or sizes[at] == 0) and all(apart(sizes[at], k) for k in kept):
            told[at] = sizes[at]
            kept.append(sizes[at])
    return told
