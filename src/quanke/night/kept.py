"""Who is kept from all marketing on a day: the bank's hold-out, controls of campaigns that run, and who is
left alone."""

from __future__ import annotations

import datetime as dt

import numpy as np
from numpy.typing import NDArray

from quanke.bank.home import Home
from quanke.effects.groups import CampaignRegister, effect_rules
from quanke.night.left_alone import left_alone_on


def kept_from_marketing(home: Home, customers: NDArray[np.integer], day: dt.date) -> NDArray[np.bool_]:
    """For each customer number whether he is: (n,)."""
    held: NDArray[np.bool_] = effect_rules(home.path).hold_out.holds(customers, day)
    held |= np.isin(customers, left_alone_on(home.path, day))
    return held | np.isin(customers, CampaignRegister(home.path).withheld(day))
