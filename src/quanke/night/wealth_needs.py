"""What of a customer's money is to stay cash: what the night knows of age, income and spending.

Usual spending is what left his accounts in 90 days, a month of it, without what went to accounts of his own
elsewhere; instalments of loans are in it. In the months of a house purchase it is what he paid third parties
in 30 days instead: a house is no usual month. Amounts of known coming spending are not on file.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
from numpy.typing import NDArray

from quanke.night.wealth_holders import Everybody
from quanke.night.wealth_rules import WealthRules

MONTHS = 3


def kept_cash(
    everybody: Everybody, rows: NDArray[np.int64], day: dt.date, rules: WealthRules
) -> NDArray[np.int64]:
    """Fen to be kept as cash by each of some customers."""
    from quanke.wealth.trades.needs import cash_needs

    def fen(name: str) -> NDArray[np.int64]:
        found: NDArray[np.int64] = np.maximum(everybody.whole(name)[rows], 0)
        return found

    gone = np.maximum(fen("outflow_90d") - fen("own_name_out_90d"), 0) // MONTHS
    house = everybody.flag("house_purchase_90d")[rows]
    wages = np.where(everybody.flag("has_salary")[rows], fen("salary_amount"), 0)
    pension = np.where(everybody.flag("has_pension")[rows], fen("pension_last_month"), 0)
    nothing = np.zeros(len(rows), np.int64)
    return cash_needs(
        age=np.clip(everybody.whole("age", -1)[rows], -1, 200),
        spending=np.where(house, fen("third_party_paid_30d"), gone),
        income=wages + pension,
        instalments=nothing,
        coming=nothing,
        day=day,
        rules=rules.needs,
    )
