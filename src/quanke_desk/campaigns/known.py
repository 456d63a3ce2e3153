"""What the gate of all pushes asks of: the night, as arrays by customer number, and what was recorded since.

A night is read once and held packed (some 20 bytes a customer); what the desk recorded is asked anew for
every set, in one statement a table.
"""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from django.db import connection
from django.db.models import Count, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone
from numpy.typing import NDArray

from quanke.effects.groups import CampaignRegister, effect_rules
from quanke.kernel.errors import NightError
from quanke.segments import HoldOut
from quanke.wealth.suitability.parameters import STANDARD_PARAMETERS
from quanke_desk.campaigns.models import Block, Enrolment, EnrolmentState, Send, SendState
from quanke_desk.customers.consenting import hidden, said_since
from quanke_desk.customers.models import ConsentPurpose
from quanke_desk.foundation.analytic import Base, base
from quanke_desk.foundation.parameters import value
from quanke_desk.work import rules
from quanke_desk.work.rules import Since, contacts_after, peace_ends

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MEANS = ("call", "sms", "push", "wecom", "email", "app")
"""Means of a push by their codes; `app` is what a customer sees of himself, who looks into the app."""
ASKED_AS = {"app": "push"}
"""By which means' consent and blocks a means goes that has none of its own."""
ANY = "any"
BOUNCE = "bounced"
"""The reason of a block by a means nothing arrives by: it keeps service away, too."""
CAPS = {
    "call": "contact.calls", "sms": "contact.texts", "push": "contact.pushes", "wecom": "contact.wecoms",
    "email": "contact.emails",
}  # fmt: skip
"""How often a customer may be reached by a means: calls in seven days, pushes in a day, others in a month."""
NEVER = -1_000_000
_EPOCH = dt.date(1970, 1, 1)
_AGREES = ("call", "sms", "push", "wecom", "email")
_WHOLE = 20_000
"""Customers from which on a table is read whole: their numbers would take as long to hand over."""


@dataclass(frozen=True)
class NightFacts:
    """What a night says of each customer (n), by number. `agrees` has a bit for each of `MEANS`; `declined`
    is the day he last said no (days since 1970); `counts` are contacts by means (5, n) in the window each
    has."""

    day: dt.date
    there: Bools
    ended: Bools
    of_age: Bools
    agrees: NDArray[np.uint8]
    profiling_refused: Bools
    risk: NDArray[np.int8]
    assessed: Bools
    elder: Bools
    declined: NDArray[np.int32]
    counts: Mapping[str, NDArray[np.int16]]

    @property
    def size(self) -> int:
        """How many numbers the night has."""
        return len(self.there)


Pairs = Mapping[str, Mapping[int, bool]]


def _none() -> Ints:
    return np.zeros(0, np.int64)


@dataclass(frozen=True)
class Recorded:
    """What the desk knows beyond a night of the customers of a set. Pairs are kept as two arrays of one
    length. `bounced`: nothing arrives by the means. `controls` bears the journey whose control a customer is,
    0: the control of whatever runs, whom no offer may reach. `consents` and `profiling`: the word that
    decides. `sent` counts pushes by means in the window of its cap. `peace`: until when (seconds since 1970)
    customers are left in peace at this moment, 0: they are not."""

    hold_out: HoldOut
    hidden: Ints = field(default_factory=_none)
    blocked: tuple[Ints, NDArray[np.str_]] = field(default_factory=lambda: (_none(), np.zeros(0, "U8")))
    bounced: tuple[Ints, NDArray[np.str_]] = field(default_factory=lambda: (_none(), np.zeros(0, "U8")))
    controls: tuple[Ints, Ints] = field(default_factory=lambda: (_none(), _none()))
    consents: Pairs = field(default_factory=dict)
    profiling: Mapping[int, bool] = field(default_factory=dict)
    declined: tuple[Ints, Ints] = field(default_factory=lambda: (_none(), _none()))
    contacts: Mapping[str, Ints] = field(default_factory=dict)
    sent: Mapping[str, tuple[Ints, Ints]] = field(default_factory=dict)
    caps: Mapping[str, int] = field(default_factory=dict)
    cool_down: int = 14
    elder_risk: int = 4
    peace: int = 0


def night_facts(of: Base | None = None) -> NightFacts:
    """The facts of the last published night. Raises NightError where none is published."""
    held = of or base()
    with _lock:
        found = _held.get(id(held))
        if found is None or found[0] is not held:
            _held.clear()
            found = _held[id(held)] = (held, _read(held))
        return found[1]


_held: dict[int, tuple[Base, NightFacts]] = {}
_lock = threading.Lock()


def _read(of: Base) -> NightFacts:
    count = of.night.rows

    def column(name: str) -> pa.ChunkedArray:
        # one column at a time: a bank's night is not held twice
        return of.night.read([name])[name] if name in of.known else pa.chunked_array([pa.nulls(count)])

    def yes(name: str, unknown: bool) -> Bools:
        held = column(name).cast(pa.bool_()).fill_null(unknown)
        return np.asarray(held.to_numpy(), np.bool_)

    def whole(name: str, kind: Any, unknown: int) -> NDArray[Any]:
        held = column(name).cast(pa.int64()).fill_null(unknown).to_numpy()
        within: NDArray[Any] = np.clip(held, np.iinfo(kind).min, np.iinfo(kind).max).astype(kind)
        return within

    agrees = np.zeros(count, np.uint8)
    for means in _AGREES:
        agrees |= yes(f"agrees_{means}", False).astype(np.uint8) << MEANS.index(means)
    no = column("last_declined_on")
    return NightFacts(
        day=of.day,
        there=of.there,
        ended=yes("deceased", False) | yes("relationship_closed", False),
        of_age=~yes("is_minor", True),
        agrees=agrees,
        profiling_refused=yes("profiling_refused", False),
        risk=whole("risk_level", np.int8, 0),
        assessed=yes("risk_assessment_valid", False),
        elder=yes("is_elder", True),
        declined=np.asarray(no.cast(pa.date32()).cast(pa.int32()).fill_null(NEVER).to_numpy(), np.int32),
        counts={
            means: whole(name, np.int16, 0)
            for means, name in (("call", "calls_7d"), ("sms", "messages_mtd"), ("push", "pushes_1d"))
        },
    )


def recorded(customers: Ints, journeys: Ints, now: dt.datetime, of: Base | None = None) -> Recorded:
    """What the desk recorded of some customers, as it holds now."""
    held = of or base()
    at = timezone.localtime(now)
    today = at.date()
    numbers = np.unique(customers)
    if not len(numbers):
        return Recorded(hold_out=effect_rules(held.bank.home.path).hold_out)
    blocked, bounced = _blocks(numbers, today)
    contacts = contacts_after(held.day, today)
    kept = np.isin(contacts.customer, numbers)
    since = {means: first_day(means, today) for means in MEANS if means in CAPS}
    rest = peace_ends(at, Since())
    profiling = said_since(held, ConsentPurpose.PROFILING)
    return Recorded(
        hold_out=effect_rules(held.bank.home.path).hold_out,
        hidden=np.array(sorted(hidden()), np.int64),
        blocked=blocked,
        bounced=bounced,
        controls=_controls(numbers, journeys, at, held),
        consents=said_since(held, ConsentPurpose.MARKETING),
        profiling=profiling.get(ANY, {}),
        declined=(
            contacts.customer[kept & contacts.declined],
            contacts.day[kept & contacts.declined],
        ),
        contacts={
            # a visit is arranged by a call, and no means of ours
            means: contacts.customer[
                kept & (contacts.means == means) & (contacts.day >= (since[means] - _EPOCH).days)
            ]
            for means in ("call", "sms", "push")
        }
        | {
            # no night counts these: what the desk recorded in the whole window
            str(means): _of(rules.by_hand(means, since[str(means)], today, numbers.tolist()), numbers)
            for means in rules.UNCOUNTED
        },
        sent=_sent(numbers, since),
        caps={means: value(name) for means, name in CAPS.items()},
        cool_down=value("contact.cool_down"),
        elder_risk=STANDARD_PARAMETERS.elder_risk.on(today),
        peace=0 if rest == at else int(rest.timestamp()),
    )


def _of(found: Ints, numbers: Ints) -> Ints:
    kept: Ints = found[np.isin(found, numbers)]
    return kept


def counts_of_night(facts: NightFacts, means: str, today: dt.date) -> NDArray[np.int16] | None:
    """The night's counts of a means, as long as their window still reaches today."""
    if means not in facts.counts or facts.day < first_day(means, today):
        return None
    return facts.counts[means]


def among(found: QuerySet[Any, Any], column: str, numbers: Ints) -> QuerySet[Any, Any]:
    """Rows of some customers (or some numbers of rows), handed over as one value, however many they are."""
    if connection.vendor == "postgresql":
        return found.filter(**{f"{column}__in": RawSQL("SELECT unnest(%s::bigint[])", [numbers.tolist()])})
    return found.filter(
        **{f"{column}__in": RawSQL("SELECT value FROM json_each(%s)", [json.dumps(numbers.tolist())])}
    )


def few(found: QuerySet[Any, Any], numbers: Ints) -> QuerySet[Any, Any]:
    """Rows of some customers; of so many that a table is read whole, all of them."""
    return among(found, "customer", numbers) if len(numbers) <= _WHOLE else found


def first_day(means: str, today: dt.date) -> dt.date:
    """The first day of the window in which a means is counted."""
    if means == "call":
        return today - dt.timedelta(days=6)
    return today if means == "push" else today.replace(day=1)


def blocks_on(today: dt.date) -> QuerySet[Block]:
    """Blocks in force on a day; the day a block lasts until is free again."""
    return Block.objects.filter(Q(until=None) | Q(until__gt=today), since__lte=today)


def blocks_of(numbers: Ints, today: dt.date) -> list[tuple[int, str, str]]:
    """Blocks in force on a day of some customers: customer, means, reason. Who took another's number in since
    is blocked as that one was."""
    others = _taken_in(numbers)
    asked = np.concatenate((numbers, np.fromiter(others, np.int64)))
    rows = few(blocks_on(today), asked).values_list("customer", "means", "reason")
    return [(others.get(customer, customer), means, reason) for customer, means, reason in rows]


def _taken_in(numbers: Ints) -> dict[int, int]:
    """Numbers that some customers took in by the last night, with who took each; of so many that a table is
    read whole, all of them."""
    try:
        of = base()
    except NightError:
        return {}
    if len(numbers) <= _WHOLE:
        return {taken: customer for customer in numbers.tolist() for taken in of.numbers(customer)[1:]}
    return {taken: into for taken, into in of.night.absorbed.items() if into is not None}


_Pairs = tuple[Ints, NDArray[np.str_]]


def _blocks(numbers: Ints, today: dt.date) -> tuple[_Pairs, _Pairs]:
    """Blocks in force, and those of them that came of a bounce."""
    rows = blocks_of(numbers, today)
    people, means = np.array([r[0] for r in rows], np.int64), np.array([r[1] for r in rows], dtype="U8")
    bounced = np.array([r[2] == BOUNCE for r in rows], np.bool_)
    return (people, means), (people[bounced], means[bounced])


def _controls(numbers: Ints, journeys: Ints, now: dt.datetime, of: Base) -> tuple[Ints, Ints]:
    """Customers who are the control of a journey, in whatever version of it: with the journey of each. And,
    with the journey 0, those whom no offer may reach, whoever makes it."""
    rows = controls_of(numbers, [int(j) for j in np.unique(journeys) if j])
    alone = withheld(now, of, numbers)
    people = np.concatenate((np.array([c for c, _j in rows], np.int64), alone))
    return people, np.concatenate((np.array([j for _c, j in rows], np.int64), np.zeros(len(alone), np.int64)))


def controls_of(numbers: Ints, journeys: Sequence[int]) -> list[tuple[int, int]]:
    """Customers (of some) who are the control of journeys, with the journey of each: in whatever version of
    it, and for good, for what he was compared with must not reach him later."""
    if not journeys:
        return []
    held = Enrolment.objects.filter(state=EnrolmentState.CONTROL, version__journey__in=journeys)
    return list(few(held, numbers).values_list("customer", "version__journey"))


def withheld(now: dt.datetime, of: Base, numbers: Ints | None = None) -> Ints:
    """Customers (of some) whom no offer may reach now: controls of registered campaigns that run, and of
    journeys. Who enters a journey alone is registered when the month is over, so he is left alone from the
    moment he entered, for as long as an effect is looked for."""
    home, day = of.bank.home.path, timezone.localtime(now).date()
    registered = registered_controls(home, day)
    days = effect_rules(home).window_days.on(day)
    since = int(now.timestamp()) - days * 86_400
    entered = Enrolment.objects.filter(state=EnrolmentState.CONTROL, entered__gt=since)
    entered = entered.exclude(version__purpose="service")
    if numbers is not None:
        # some against a tenth of everybody: looked up, for a list of a morning must not sort them all
        registered, entered = _inside(np.unique(numbers), registered), few(entered, numbers)
    return np.union1d(registered, np.fromiter(entered.values_list("customer", flat=True), np.int64))


def _inside(numbers: Ints, of: Ints) -> Ints:
    """Those of some numbers that are among others; both rise."""
    at = np.searchsorted(of, numbers)
    found: Ints = numbers[of[np.minimum(at, len(of) - 1)] == numbers] if len(of) else _none()
    return found


def registered_controls(home: Path, day: dt.date) -> Ints:
    """Controls of the registered campaigns that run on a day, rising. Kept until a campaign comes: it arrives
    by a rename, which its folder's time tells of."""
    folder = CampaignRegister(home).folder
    return _registered(home, day, folder.stat().st_mtime_ns if folder.is_dir() else 0)


@lru_cache(maxsize=4)
def _registered(home: Path, day: dt.date, _changed: int) -> Ints:
    return CampaignRegister(home).withheld(day).astype(np.int64)


def _sent(numbers: Ints, since: Mapping[str, dt.date]) -> dict[str, tuple[Ints, Ints]]:
    """How many pushes for other purposes than service each got, or is being handed, in the window of a
    means: of the whole window, for they come home as pushes and no night counts them as contacts."""
    found = {}
    for means, first in since.items():
        begins = int(timezone.make_aware(dt.datetime.combine(first, dt.time())).timestamp())
        done = Send.objects.filter(
            means=means, state__in=[SendState.SENT, SendState.GIVEN, SendState.SENDING], decided__gte=begins
        ).exclude(purpose="service")
        counted = few(done, numbers).values("customer").annotate(n=Count("id"))
        rows = list(counted.values_list("customer", "n"))
        found[means] = np.array([c for c, _n in rows], np.int64), np.array([n for _c, n in rows], np.int64)
    return found
