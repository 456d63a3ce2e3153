"""Money that only changed hands inside the bank (左手倒右手), taken off what a campaign brought.

A customer who is pushed to bring money may bring his wife's, or a neighbour's of the same branch: his balance
grows and the bank's does not. What he received from the family or from customers of his branch less what he
sent them is taken off his outcome, of treated and controls alike, so that what families always move cancels
out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
NOBODY = -1


@dataclass(frozen=True, slots=True, eq=False)
class Transfers:
    """Movements between two customers of the bank, one row each, as the first one's account books it.

    `customer`, `other`: numbers. `day`: days since 1970. `amount`: fen, above zero where the customer
    received. `own_name`: whether both are said to be the same person.
    """

    customer: Ints
    other: Ints
    day: Ints
    amount: Ints
    own_name: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Moved:
    """Per customer in fen, received less sent: `family` the same household or name, `branch` other persons of
    the same branch."""

    family: NDArray[np.float64]
    branch: NDArray[np.float64]

    @property
    def both(self) -> NDArray[np.float64]:
        """What is taken off."""
        return self.family + self.branch


def moved_inside(
    transfers: Transfers,
    customers: Ints,
    household: Ints,
    branch: Ints,
    person: NDArray[np.bool_],
    first: int,
    last: int,
    daily: bool,
) -> Moved:
    """What each of `customers` (n, rising numbers) received inside from day `first` to day `last`.

    `household`, `branch` (codes, -1 for none), `person`: one entry per customer number. `daily`: as it shows
    in a daily mean of the window, where money that came on the last day counts for one day of it; else in
    full.
    """
    rows = (transfers.day >= first) & (transfers.day <= last) & (transfers.customer != transfers.other)
    place = np.searchsorted(customers, transfers.customer)
    place = np.minimum(place, max(len(customers) - 1, 0))
    rows &= (customers[place] == transfers.customer) if len(customers) else False
    who, other = transfers.customer[rows], transfers.other[rows]
    amount = transfers.amount[rows].astype(np.float64)
    if daily:
        amount *= (last - transfers.day[rows] + 1) / (last - first + 1)
    related = (household[who] == household[other]) & (household[who] != NOBODY)
    family = related | transfers.own_name[rows]
    near = ~family & (branch[who] == branch[other]) & (branch[who] != NOBODY) & person[other]
    count = len(customers)
    return Moved(
        np.bincount(place[rows][family], amount[family], count).astype(np.float64),
        np.bincount(place[rows][near], amount[near], count).astype(np.float64),
    )
