"""The bank's hold-out as one great campaign: what all campaigns of the year together have changed."""

from __future__ import annotations

import datetime as dt

import numpy as np

from quanke.customers.tags.person import is_person, may_be_marketed
from quanke.effects.groups import CONTROL, TREATED
from quanke.kernel.errors import EffectError
from quanke.night.effect_facts import Labels, OfCampaign, Participants, pushed_at_all
from quanke.segments import HoldOut

NAME = "hold-out"
"""What it is called where a campaign is asked for; no registered campaign can bear it."""
METRICS = ("aum_mean", "aum_end", "bought", "login", "kept")


def begins(hold_out: HoldOut, as_of: dt.date) -> dt.date:
    """The first day of the hold-out that is in force: it is drawn anew each year, and when a share is set."""
    set_on = [day for day, _ in hold_out.share_ppm.values if day <= as_of]
    return max([dt.date(as_of.year, 1, 1), *set_on])


def held_out_participants(sheets: OfCampaign, hold_out: HoldOut, as_of: dt.date) -> Participants:
    """Everybody who could be marketed to on the day before it began: the hold-out is the control.

    Raises EffectError where nobody is held out.
    """
    first = begins(hold_out, as_of)
    share = hold_out.share_ppm.on(first)
    if not 0 < share < 1_000_000:
        raise EffectError("the bank holds nobody out: effects.yaml says hold_out is 0")
    sheets.customers = np.arange(sheets.run.inputs.customers, dtype=np.int64)
    told = sheets.rows(first - dt.timedelta(days=1), [is_person, may_be_marketed])
    customers = sheets.customers[(told[is_person.name] == 1) & (told[may_be_marketed.name] == 1)]
    control = hold_out.holds(customers, first)
    pushed, reached = pushed_at_all(sheets, customers, first, as_of)
    return Participants(
        customers=customers,
        arm=Labels((~control).astype(np.int64), (CONTROL, TREATED)),
        reached=reached,
        pushed=pushed,
        converted=np.zeros(len(customers), np.bool_),
        told=np.zeros(len(customers), np.bool_),
        first=first,
        expected=1 - share / 1_000_000,
    )
