"""Whom a task may be about: a manager's offer is an offer, and passes the gate of all pushes; and a service,
too, is kept from who is blocked by all means, deceased, or no customer any more."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from quanke.bank.contracts import CATEGORIES
from quanke.kernel.calendars import SHANGHAI
from quanke.plans.actions.reading import RISKY
from quanke_desk.campaigns.graph import Node
from quanke_desk.campaigns.known import MEANS, night_facts, recorded
from quanke_desk.campaigns.models import JourneyVersion
from quanke_desk.campaigns.policy import PURPOSES, SERVICE, UNKNOWN_RISK, Candidates, decide
from quanke_desk.campaigns.refusing import note_refusals
from quanke_desk.work.held import held

CALL = "call"
_NO_CAP = 1 << 30
_BY_CALL = "_call"
"""What the plan learns of an offer made by a call is called after the offer, with this behind it."""


def may_be_given(
    version: JourneyVersion, node: Node, customers: NDArray[np.int64], now: int
) -> NDArray[np.int64]:
    """Of some customers those whom a task of a version may be about; of the others the rule is kept. Consent,
    caps and the hour are asked by the work room, by whichever means and at the moment he is spoken to. `now`:
    seconds since 1970."""
    n, at = len(customers), dt.datetime.fromtimestamp(now, SHANGHAI)
    sells = version.purpose != SERVICE
    asked = Candidates(
        ids=np.arange(1, n + 1), customer=customers.astype(np.int64),
        means=np.full(n, MEANS.index(CALL), np.int8),
        purpose=np.full(n, PURPOSES.index(version.purpose), np.int8), priority=np.full(n, 5, np.int16),
        risk=np.full(n, risk_of(node.action, version.offer) if sells else 0, np.int8),
        usable=np.ones(n, np.bool_), journey=np.full(n, version.journey_id, np.int64),
    )  # fmt: skip
    facts, known = night_facts(), recorded(asked.customer, asked.journey, at)
    facts = replace(facts, agrees=np.full(facts.size, 0xFF, np.uint8))
    known = replace(known, consents={}, caps={**known.caps, CALL: _NO_CAP}, peace=0)
    decided = decide(asked, at, facts, known)
    told = {
        (f"task-{version.pk}-{customer}", CALL, int(customer)): rule
        for rule, rows in decided.rows_by_rule().items()
        for customer in customers[rows]
    }
    note_refusals(told, now, journey=version.journey_id)
    return customers[decided.allowed]


def risk_of(action: str, offer: str) -> int:
    """The risk class of what a task is to offer: that of its action of the night's plan; where it names none,
    the highest of the plan's actions for the journey's offer. `UNKNOWN_RISK`, which suits nobody, for an
    offer that must have a class (SUI-1) where the plan says none. 0 for what has no risk."""
    sheets = held().actions
    if action in sheets:
        return int(sheets[action]["risk_class"] or 0)
    if not offer:
        return 0
    what = _without_means(offer)
    classes = [int(s["risk_class"]) for s in sheets.values() if s["offer"] == what and s["risk_class"]]
    return max(classes, default=UNKNOWN_RISK if what in RISKY else 0)


def product_of(offer: str) -> str:
    """The category of products an offer is of, by whichever means it is made: what is bought in its campaign
    is counted by it. "" for an offer of none."""
    what = _without_means(offer)
    return what if what in CATEGORIES else ""


def _without_means(offer: str) -> str:
    return offer.removesuffix(_BY_CALL)
