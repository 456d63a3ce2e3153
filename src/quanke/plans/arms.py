"""Control groups of a plan: of those for whom an action is chosen some are kept from it, so that what it
brings about can be told from what would have come anyway.

Who is kept is decided by a salted hash of the customer's number, the action and the year, before anybody is
contacted (`quanke.segments.control`), so nobody who was kept from an action is contacted with it the next
morning. Everything is decided as if nobody were kept: whoever is chosen is chosen on the same terms in both
arms. Service is owed to everybody: what serves it, and a contact the contact standard asks for, is in no arm.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from enum import StrEnum

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quanke.bank.contracts import Purpose
from quanke.plans.actions.action import Action
from quanke.segments.control import HoldOut, in_control


class Arm(StrEnum):
    """What is done with a customer for whom an action was chosen."""

    TREATED = "treated"
    CONTROL = "control"


def control_salt(hold_out: HoldOut, action: str, day: dt.date) -> str:
    """The salt of an action's control group in the year of a day."""
    return f"{hold_out.salt} plan {action} {day.year}"


def arms(
    chosen: pa.Table, actions: Sequence[Action], hold_out: HoldOut, share_ppm: int, day: dt.date
) -> pa.Array:
    """The arm of each row of `chosen` (`customer, action, rhythm`); null where no control group is kept.

    `share_ppm`: how many in a million are kept as controls; 0 keeps none, and then nothing has an arm.
    """
    names = pa.array([action.name for action in actions], pa.string())
    at = pc.index_in(chosen["action"], names).to_numpy()
    customer = chosen["customer"].to_numpy()
    measured = ~chosen["rhythm"].to_numpy(zero_copy_only=False) & (share_ppm > 0)
    measured &= np.array([a.purpose is Purpose.MARKETING for a in actions], np.bool_)[at]
    kept = np.zeros(len(at), np.bool_)
    for place in np.unique(at[measured]):
        rows = measured & (at == place)
        kept[rows] = in_control(customer[rows], control_salt(hold_out, actions[place].name, day), share_ppm)
    words = pa.array([str(Arm.TREATED), str(Arm.CONTROL)], pa.string())
    return words.take(pa.array(kept.astype(np.int8), mask=~measured))
