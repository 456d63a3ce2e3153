"""Whom a task may be about: a manager's offer is an offer, and passes the gate of all pushes."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from quanke.kernel.calendars import SHANGHAI
from quanke_desk.campaigns.known import MEANS, night_facts, recorded
from quanke_desk.campaigns.models import JourneyVersion
from quanke_desk.campaigns.policy import MARKETING, PURPOSES, Candidates, decide
from quanke_desk.campaigns.refusing import note_refusals

CALL = "call"
_NO_CAP = 1 << 30


def may_be_offered(version: JourneyVersion, customers: NDArray[np.int64], now: int) -> NDArray[np.int64]:
    """Of some customers those whom a task of a version that sells may be about; of the others the rule is
    kept. Consent, caps and the hour are asked by the work room, by whichever means and at the moment he is
    spoken to. `now`: seconds since 1970."""
    n, at = len(customers), dt.datetime.fromtimestamp(now, SHANGHAI)
    asked = Candidates(
        ids=np.arange(1, n + 1), customer=customers.astype(np.int64),
        means=np.full(n, MEANS.index(CALL), np.int8),
        purpose=np.full(n, PURPOSES.index(MARKETING), np.int8), priority=np.full(n, 5, np.int16),
        risk=np.zeros(n, np.int8), usable=np.ones(n, np.bool_),
        journey=np.full(n, version.journey_id, np.int64),
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
    note_refusals(told, now)
    return customers[decided.allowed]
