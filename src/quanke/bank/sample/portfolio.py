"""How each person's assets are spread over demand money, deposits and positions at the start."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quanke.bank.sample.draws import Choice, Draws, Ints
from quanke.bank.sample.people import YUAN, LifeEvent, People

HELD = ("term", "wealth", "fund", "insurance", "bond", "metal")

# chance in thousandths of holding each of HELD, by wealth band
_CHANCES = np.array(
    [
        [0, 0, 0, 0, 0, 0],
        [0, 0, 2, 0, 0, 0],
        [40, 20, 15, 2, 0, 2],
        [150, 60, 40, 12, 4, 6],
        [480, 230, 90, 60, 20, 15],
        [560, 440, 190, 130, 50, 30],
        [520, 640, 360, 220, 60, 60],
    ],
    dtype=np.int64,
)
_WEIGHTS = (70, 60, 30, 35, 30, 15)


@dataclass(frozen=True, slots=True)
class Portfolio:
    """`demand`: fen on the main account at the start (purchases of the year included); `slots`: for each of
    `HELD`, (person, fen, day bought or -1 where held from before)."""

    demand: Ints
    slots: dict[str, tuple[Ints, Ints, Ints]]


def spread(draws: Draws, people: People, days: int) -> Portfolio:
    """Split wealth by random weights; a quarter of the positions are bought in the course of the year."""
    size = people.size
    fits = (people.event != LifeEvent.CLOSED) & people.in_core
    held = draws.below(1_000, size * len(HELD)).reshape(len(HELD), size) < _CHANCES[people.band].T
    held &= fits
    weights = np.array(_WEIGHTS, dtype=np.int64)[:, None] * draws.between(50, 200, size * len(HELD)).reshape(
        -1, size
    )
    weights = np.where(held, weights, 0)
    own = 100 * draws.between(20, 90, size)
    total = own + weights.sum(axis=0)
    slots: dict[str, tuple[Ints, Ints, Ints]] = {}
    demand = people.wealth.copy()
    for number, name in enumerate(HELD):
        who = np.flatnonzero(held[number])
        amount = people.wealth[who] // total[who] * weights[number, who] // (1_000 * YUAN) * (1_000 * YUAN)
        who, amount = who[amount > 0], amount[amount > 0]
        bought = _bought(draws, people, who, days)
        good = bought < days - 3
        who, amount, bought = who[good], amount[good], bought[good]
        demand[who[bought < 0]] -= amount[bought < 0]
        if name == "term":
            who, amount, bought = _parts(draws, who, amount, bought)
        slots[name] = (who, amount, bought)
    return Portfolio(demand, slots)


def _bought(draws: Draws, people: People, who: Ints, days: int) -> Ints:
    """Day of purchase, -1 for positions held from before; always inside the relationship."""
    new = people.opened[who] >= -2
    later = draws.chance(0.25, len(who)) | new
    low = np.maximum(people.opened[who] + 2, 3)
    high = np.maximum(low + 1, np.where(new, low + 40, days - 4))
    day = draws.between(low, high, len(who))
    gone = later & (day >= people.until[who] - 2)
    # who is about to leave does not buy
    gone |= later & (people.event[who] == LifeEvent.CHURN) & (day >= people.event_day[who] - 10)
    return np.where(gone, days, np.where(later, day, -1))


def _parts(draws: Draws, who: Ints, amount: Ints, bought: Ints) -> tuple[Ints, Ints, Ints]:
    """Term money lies in one to three deposits."""
    pieces = 1 + draws.pick(Choice([60, 28, 12]), len(who)).astype(np.int64)
    pieces = np.where(amount < 3_000 * YUAN, 1, pieces)
    owner = np.repeat(np.arange(len(who)), pieces)
    share = amount[owner] // pieces[owner] // (100 * YUAN) * (100 * YUAN)
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    share[first] += amount - np.bincount(owner, weights=share, minlength=len(who)).astype(np.int64)
    return who[owner], share, bought[owner]
