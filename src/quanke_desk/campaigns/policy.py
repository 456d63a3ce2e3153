"""The one gate through which every push passes at the moment it is sent (MKT-1 to -3, SUI-1, PI-4).

    decisions = decide(candidates, timezone.now())
    decisions.allowed        # which rows may go out now
    decisions.rule_of(row)   # what refused or holds the others

It decides sets: a million rows at once as ten. Whoever listed a customer knew him as he was then; here counts
what holds now.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from numpy.typing import NDArray

from quanke_desk.campaigns.known import (
    ANY,
    ASKED_AS,
    CAPS,
    MEANS,
    Bools,
    Ints,
    NightFacts,
    Recorded,
    counts_of_night,
    night_facts,
    recorded,
)

MARKETING, SERVICE = "marketing", "service"
PURPOSES = (MARKETING, SERVICE)
URGENT = 9
"""A service push of this priority or more does not wait for the morning: a lost card, a fraud."""
UNKNOWN_RISK = -1
"""The class of a product the bank does not know: nobody suits it."""
_EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True)
class Rule:
    """A rule of the gate. `holds`: what it hits waits until a moment; without, it is refused for good.
    `by_means`: another means may pass it."""

    code: str
    title: Promise
    holds: bool = False
    by_means: bool = False


RULES: dict[str, Rule] = {
    rule.code: rule
    for rule in (
        Rule("unknown", _("no such customer, or absorbed by another")),
        Rule("restricted", _("the customer's data may no longer be used")),
        Rule("ended", _("deceased, or the relationship has ended")),
        Rule("blocked", _("on the list of who is sent nothing"), by_means=True),
        Rule("hold_out", _("held out by the bank: no marketing this year")),
        Rule("control", _("control of this journey or of a campaign that runs: gets nothing")),
        Rule("minor", _("under 18, or of unknown age: no offers")),
        Rule("consent", _("has not agreed to offers by this means"), by_means=True),
        Rule("profiling", _("refused offers made from a profile")),
        Rule("template", _("the text is not approved, has run out or was withdrawn"), by_means=True),
        Rule("suitability", _("the product does not suit the customer")),
        Rule("cool_down", _("said no lately: no offers for a while")),
        Rule("often", _("reached often enough by this means"), by_means=True),
        Rule("quiet", _("quiet hours, or a day off"), holds=True),
        Rule("joint", _("neither consent nor contract with the partner covers it any more")),
        Rule("goal", _("the customer reached a goal of the journey before it was sent")),
        Rule("late", _("its day was over before it could be sent")),
        Rule("no_channel", _("no gateway is set for this means"), by_means=True),
        Rule("no_address", _("the bank knows no address for this means"), by_means=True),
        Rule("no_value", _("the bank does not know a value the text names")),
        Rule("gateway", _("the gateway could not"), by_means=True),
        Rule("staff", _("given to staff, who did not send it in time"), by_means=True),
        Rule("unsure", _("handed over, and nobody knows whether it was sent")),
    )
}
"""Every rule by its code, in the order in which they are asked; the first that hits is recorded. Those after
`quiet` are asked by who sends."""
CODES = tuple(RULES)
_CODE = {code: number for number, code in enumerate(CODES, 1)}


@dataclass(frozen=True)
class Candidates:
    """Pushes somebody wants to make, as arrays of one length. `ids` tell rows apart and break ties;
    `means` and `purpose` are places in `MEANS` and `PURPOSES`; `risk` is the class of the text's product
    (0: none, 1..5, `UNKNOWN_RISK`); `usable`: the text is approved and in force; `journey` 0: none."""

    ids: Ints
    customer: Ints
    means: NDArray[np.int8]
    purpose: NDArray[np.int8]
    priority: NDArray[np.int16]
    risk: NDArray[np.int8]
    usable: Bools
    journey: Ints

    def __post_init__(self) -> None:
        """Raises ValueError for arrays of different lengths, and codes nobody knows."""
        if len({len(getattr(self, each.name)) for each in fields(self)}) > 1:
            raise ValueError("candidates: all arrays have one length")
        for name, known in (("means", MEANS), ("purpose", PURPOSES)):
            given = getattr(self, name)
            if len(given) and not (given.min() >= 0 and given.max() < len(known)):
                raise ValueError(f"{name}: 0 to {len(known) - 1}")

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]]) -> Candidates:
        """From rows with `id`, `customer`, `means`, `purpose` (words) and, if they differ from a push of no
        journey about no product, `priority`, `risk`, `usable`, `journey`. Raises ValueError for a word that
        is none."""

        def array(name: str, kind: Any, usual: Any = 0) -> NDArray[Any]:
            return np.array([row.get(name, usual) for row in rows], kind)

        return cls(
            ids=array("id", np.int64),
            customer=array("customer", np.int64),
            means=np.array([MEANS.index(row["means"]) for row in rows], np.int8),
            purpose=np.array([PURPOSES.index(row["purpose"]) for row in rows], np.int8),
            priority=array("priority", np.int16, 5),
            risk=array("risk", np.int8),
            usable=array("usable", np.bool_, True),
            journey=np.array([row.get("journey") or 0 for row in rows], np.int64),
        )


@dataclass(frozen=True)
class Decisions:
    """What was decided of each row: `code` 0 allowed, else the place of a rule in `CODES` from 1; `until`
    the moment (seconds since 1970) to which a row is held, else 0."""

    code: NDArray[np.int8]
    until: Ints

    @property
    def allowed(self) -> Bools:
        """Rows that may go out now."""
        return np.equal(self.code, 0)

    @property
    def held(self) -> Bools:
        """Rows that wait for `until`."""
        return np.greater(self.until, 0)

    @property
    def refused(self) -> Bools:
        """Rows that may not go out."""
        return np.not_equal(self.code, 0) & np.equal(self.until, 0)

    def rule_of(self, row: int) -> str:
        """The rule that hit a row; empty where it may go out."""
        return CODES[self.code[row] - 1] if self.code[row] else ""

    def rows_by_rule(self) -> dict[str, Ints]:
        """Places of the rows each rule hit."""
        return {CODES[n - 1]: np.flatnonzero(self.code == n) for n in np.unique(self.code) if n}


def decide(
    candidates: Candidates, now: dt.datetime | None = None, night: NightFacts | None = None,
    known: Recorded | None = None,
) -> Decisions:  # fmt: skip
    """Decides a set as of a moment. The order of its rows changes nothing: of several for one customer those
    of a higher priority come first, then those with a lower id. Raises NightError where there is no night."""
    at = timezone.localtime(now)
    facts = night or night_facts()
    held = known or recorded(candidates.customer, candidates.journey, at)
    return _Gate(candidates, facts, held, at.date()).decide()


class _Gate:
    """One set before the gate."""

    def __init__(self, asked: Candidates, night: NightFacts, held: Recorded, today: dt.date) -> None:
        self.asked, self.night, self.held, self.today = asked, night, held, today
        self.code = np.zeros(len(asked), np.int8)
        inside = (asked.customer >= 0) & (asked.customer < night.size)
        self.who = np.where(inside, asked.customer, 0)
        self.known = inside & (night.there[self.who] if night.size else False)
        self.sells = asked.purpose != PURPOSES.index(SERVICE)
        as_means = np.array([MEANS.index(ASKED_AS.get(m, m)) for m in MEANS], np.int8)
        self.means = as_means[asked.means] if len(asked) else asked.means

    def decide(self) -> Decisions:
        asked, night, held = self.asked, self.night, self.held
        if not len(asked) or not night.size:
            return Decisions(np.where(self.known, 0, _CODE["unknown"]).astype(np.int8), self._until())
        who, sells = self.who, self.sells
        self._hit("unknown", ~self.known)
        self._hit("restricted", np.isin(asked.customer, held.hidden))
        self._hit("ended", night.ended[who])
        self._hit("blocked", self._blocked())
        self._hit("hold_out", sells & held.hold_out.holds(who, self.today))
        self._hit("control", self._controls())
        self._hit("minor", sells & ~night.of_age[who])
        self._hit("consent", sells & ~self._agrees())
        self._hit("profiling", sells & self._profiling_refused())
        self._hit("template", ~asked.usable)
        self._hit("suitability", sells & ~self._suits())
        self._hit("cool_down", sells & self._cools())
        self._hit("often", self._too_often())
        if held.peace:
            urgent = ~sells & (asked.priority >= URGENT)
            self._hit("quiet", ~urgent & (asked.means != MEANS.index("app")))
        return Decisions(self.code, self._until())

    def _hit(self, code: str, rows: Bools) -> None:
        self.code[rows & (self.code == 0)] = _CODE[code]

    def _until(self) -> Ints:
        return np.where(self.code == _CODE["quiet"], self.held.peace, 0).astype(np.int64)

    def _blocked(self) -> Bools:
        """By any means, or by this one because nothing arrives: whatever it is for; else by this one: offers
        alone."""
        customers, means = self.held.blocked
        dead, dead_means = self.held.bounced
        hit = np.isin(self.asked.customer, customers[means == ANY])
        for number, name in enumerate(MEANS):
            if name not in ASKED_AS:
                rows = (self.means == number) & self.sells
                hit |= rows & np.isin(self.asked.customer, customers[means == name])
                rows = self.asked.means == number
                hit |= rows & np.isin(self.asked.customer, dead[dead_means == name])
        return hit

    def _controls(self) -> Bools:
        customers, journeys = self.held.controls
        hit = np.zeros(len(self.asked), np.bool_)
        for journey in np.unique(journeys):
            his = np.isin(self.asked.customer, customers[journeys == journey])
            hit |= (self.sells if journey == 0 else self.asked.journey == journey) & his
        return hit

    def _agrees(self) -> Bools:
        agreed: Bools = (self.night.agrees[self.who] >> self.means.astype(np.uint8)) & 1 == 1
        for means, said in self.held.consents.items():
            rows = np.flatnonzero(self.means == (MEANS.index(means) if means in MEANS else -1))
            agreed = _said(agreed, said, self.asked.customer, rows)
        return agreed

    def _profiling_refused(self) -> Bools:
        refused = {customer: not given for customer, given in self.held.profiling.items()}
        everybody = np.arange(len(self.asked))
        return _said(self.night.profiling_refused[self.who], refused, self.asked.customer, everybody)

    def _suits(self) -> Bools:
        """No product with a class; or an assessment that holds, a class not below it, and not an old
        customer spoken to from afar about a risky one (SUI-1 to -3)."""
        night, risk, who = self.night, self.asked.risk, self.who
        cared_for = ~(night.elder[who] & (risk >= self.held.elder_risk))
        suits: Bools = (risk == 0) | (
            (risk > 0) & night.assessed[who] & (night.risk[who] >= risk) & cared_for
        )
        return suits

    def _cools(self) -> Bools:
        last = self.night.declined[self.who].astype(np.int64)
        customers, days = self.held.declined
        if len(customers):
            order = np.lexsort((days, customers))
            people, places = np.unique(customers[order][::-1], return_index=True)
            at = np.minimum(np.searchsorted(people, self.asked.customer), len(people) - 1)
            hit = people[at] == self.asked.customer
            last[hit] = np.maximum(last[hit], days[order][::-1][places][at[hit]])
        return np.less((self.today - _EPOCH).days - last, self.held.cool_down)

    def _too_often(self) -> Bools:
        """What was reached already, and who comes before in this very set."""
        asked, hit = self.asked, np.zeros(len(self.asked), np.bool_)
        for number, means in enumerate(MEANS):
            if means not in CAPS:
                continue
            rows = np.flatnonzero((asked.means == number) & self.sells & (self.code == 0))
            if not len(rows):
                continue
            rank = -asked.priority[rows].astype(np.int64)
            order = rows[np.lexsort((asked.ids[rows], rank, self.who[rows]))]
            people = self.who[order]
            first = np.append(True, people[1:] != people[:-1])
            begins = np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))
            before = np.arange(len(order)) - begins
            hit[order] = before + self._used(means, people) >= self.held.caps[means]
        return hit

    def _used(self, means: str, people: Ints) -> Ints:
        used = np.zeros(len(people), np.int64)
        counted = counts_of_night(self.night, means, self.today)
        if counted is not None:
            used += counted[people]
        spoken = self.held.contacts.get(means)
        if spoken is not None and len(spoken):
            used += _count(*np.unique(spoken, return_counts=True), people)
        customers, counts = self.held.sent.get(means, (np.zeros(0, np.int64),) * 2)
        if len(customers):
            order = np.argsort(customers)
            used += _count(customers[order], counts[order], people)
        return used


def _count(customers: Ints, counts: Ints, people: Ints) -> Ints:
    """The count of each, 0 of who is not among the customers (rising)."""
    at = np.minimum(np.searchsorted(customers, people), len(customers) - 1)
    return np.where(customers[at] == people, counts[at], 0)


def _said(held: Bools, said: Mapping[int, bool], customers: Ints, rows: Any) -> Bools:
    """What the night says, with what was said since laid over for some rows."""
    if not said or not len(rows):
        return held
    people = np.array(sorted(said), np.int64)
    word = np.array([said[int(c)] for c in people], np.bool_)
    at = np.minimum(np.searchsorted(people, customers[rows]), len(people) - 1)
    hit = people[at] == customers[rows]
    laid = held.copy()
    laid[np.asarray(rows)[hit]] = word[at[hit]]
    return laid
