"""Rules of proposing trades, as dated parameters. Those marked [assume] are the house's to set."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from quanke.segments.dated import Dated

YUAN = 100


@dataclass(frozen=True, slots=True)
class TradeRules:
    """Dated parameters of trades; money in fen, shares in millionths, days as whole numbers."""

    least_trade: Dated = field(default_factory=lambda: Dated.of(1_000 * YUAN))
    """No trade is smaller [assume]."""
    worth: Dated = field(default_factory=lambda: Dated.of(1_000 * YUAN))
    worth_ppm: Dated = field(default_factory=lambda: Dated.of(5_000))
    """One more trade is proposed only if what lies outside the band falls by more than the greater of `worth`
    and `worth_ppm` of the portfolio [assume]."""
    horizon_days: Dated = field(default_factory=lambda: Dated.of(30))
    """What falls due within so many days is cash of that day [assume]."""
    quiet_days: Dated = field(default_factory=lambda: Dated.of(30))
    """What was bought within so many days is not sold again [assume]."""
    fee_budget_ppm: Dated = field(default_factory=lambda: Dated.of(10_000))
    """Fees of a period, of the portfolio, at most [assume]."""
    insured: Dated = field(
        default_factory=lambda: Dated(((dt.date(1900, 1, 1), 0), (dt.date(2015, 5, 1), 500_000 * YUAN)))
    )
    """Deposit insurance of one depositor at one bank, principal and interest (存款保险条例 5, in force from
    2015-05-01; INT-3). 0: there is none, and nothing is limited by it."""
    most_trades: Dated = field(default_factory=lambda: Dated.of(8))
    """Trades of one proposal, at most [assume]."""

    def on(self, day: dt.date) -> NDArray[np.int64]:
        """The values in force on a day, in the order of the fields."""
        return np.array([getattr(self, each.name).on(day) for each in fields(self)], np.int64)
