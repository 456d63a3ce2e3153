"""Proposals: the trades of everybody, and how near each comes to his model by them."""

from __future__ import annotations

import datetime as dt
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from quanke.kernel.errors import InputError
from quanke.wealth.trades import kernel
from quanke.wealth.trades.codes import Remains
from quanke.wealth.trades.inputs import Holders, Positions, Shelf, Targets
from quanke.wealth.trades.rules import TradeRules

BATCH = 20_000
"""Customers worked on at a time by a thread: bounds memory; decides nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Proposals:
    """Trades by customer (those of customer i are rows `start[i]` to `start[i + 1] - 1`), and one row per
    customer.

    Trades: `product`, `side` (1 buy, -1 sell), `amount` fen, `fee` fen (a purchase costs amount + fee, a sale
    brings amount - fee), `day` (0 now, else days until the money of a maturity is there), `reason`
    (`TradeReason`). Sales stand before purchases.
    Customers: `investable` fen (what he has, less cash to keep, with fees of the period added back: the
    whole of which weights are shares), `outside_before`, `outside_after` fen that lie outside the band, over
    all classes, `worst_before`, `worst_after` (ppm: largest distance of a class from its share), `remains`
    (`Remains`), `fees` fen, `unsuitable` fen held that may no longer be bought by him, `proved` whether
    every set of trades that could be better was looked at (the amounts of a set are found by steps on their
    lots, which is seldom short of the best).
    """

    start: NDArray[np.int64]
    product: NDArray[np.int16]
    side: NDArray[np.int8]
    amount: NDArray[np.int64]
    fee: NDArray[np.int64]
    day: NDArray[np.int32]
    reason: NDArray[np.int8]
    investable: NDArray[np.int64]
    outside_before: NDArray[np.int64]
    outside_after: NDArray[np.int64]
    worst_before: NDArray[np.int32]
    worst_after: NDArray[np.int32]
    remains: NDArray[np.int8]
    fees: NDArray[np.int64]
    unsuitable: NDArray[np.int64]
    proved: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.start) - 1

    @property
    def customer(self) -> NDArray[np.int64]:
        """The customer of each trade."""
        return np.repeat(np.arange(len(self)), np.diff(self.start))

    @property
    def within(self) -> NDArray[np.bool_]:
        """Whether each customer stands within the band after his trades."""
        found: NDArray[np.bool_] = (self.outside_after == 0) & (self.remains <= Remains.REACHED)
        return found


def propose(
    shelf: Shelf,
    holders: Holders,
    positions: Positions,
    targets: Targets,
    day: dt.date,
    rules: TradeRules | None = None,
) -> Proposals:
    """The fewest trades that bring each customer near his model portfolio. Raises InputError.

    Lexicographic: as little outside the band as can be reached under the hard rules, but no trade more for
    less than it is worth (`TradeRules.worth`); with so many trades least outside; what became unsuitable
    sold first; least fees; nearest to the model; best ranks and lowest numbers. Hard rules: suitability,
    on sale, lots, minimum holdings, lock-ups, caps, deposit insurance, cash kept, fees out of cash.
    A class is either bought or sold, never both.
    """
    _agree(shelf, holders, positions, targets)
    values = (rules or TradeRules()).on(day)
    parts = kernel.parts(shelf, holders, positions, targets, values)
    customers = len(holders)
    ranges = [(low, min(low + BATCH, customers)) for low in range(0, customers, BATCH)]

    def work(span: tuple[int, int]) -> tuple[NDArray[np.int64], ...]:
        return kernel.proposed(parts, *span)

    if len(ranges) < 2:
        found = [work(span) for span in ranges]
    else:
        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
            found = list(pool.map(work, ranges))
    return _joined(found, customers)


def _agree(shelf: Shelf, holders: Holders, positions: Positions, targets: Targets) -> None:
    if len(positions.start) != len(holders) + 1:
        raise InputError("there is one start per customer, and the end", field="start")
    if holders.allowed.shape[1] != len(shelf):
        raise InputError("there is one column per product of the shelf", field="allowed")
    if len(positions.product) and int(positions.product.max()) >= len(shelf):
        raise InputError("a product is not on the shelf", field="product")
    if len(shelf) and int(shelf.asset_class.max()) >= targets.classes:
        raise InputError("an asset class has no share in the model portfolios", field="asset_class")
    if holders.lately is not None and holders.lately.shape[1] != targets.classes:
        raise InputError("there is one column per asset class", field="lately")


def _joined(found: list[tuple[NDArray[np.int64], ...]], customers: int) -> Proposals:
    """Batches one after another."""
    counts = np.concatenate([batch[0] for batch in found]) if found else np.zeros(0, np.int64)
    start = np.zeros(customers + 1, np.int64)
    np.cumsum(counts, out=start[1:])
    names = [each.name for each in fields(Proposals)][1:]
    columns = {
        name: np.concatenate([batch[1 + at] for batch in found]) if found else kernel.EMPTY[name]
        for at, name in enumerate(names)
    }
    return Proposals(start, **columns)
