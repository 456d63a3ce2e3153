"""An integer program of each customer, solved by HiGHS, finds nothing nearer with as few trades."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from benchmarks.wealth.instance import case_of
from benchmarks.wealth.peer import answer, question_of

from quanke.wealth.trades import Remains, propose

NOT_ASKED = (Remains.INSIDE, Remains.NO_CLASS, Remains.NOTHING_TO_INVEST)


def compared(customers: int, products: int, seed: int) -> Counter[str]:
    """How customers compare with the programs that were solved to their end."""
    case = case_of(customers, products, seed)
    made = propose(case.shelf, case.holders, case.positions, case.targets, case.day)
    found: Counter[str] = Counter()
    for i in np.flatnonzero(~np.isin(made.remains, NOT_ASKED)):
        q = question_of(case, int(i))
        best = answer(q)
        if not best.solved:
            continue
        trades, outside = int(made.start[i + 1] - made.start[i]), int(made.outside_after[i])
        found["asked"] += 1
        grain = q.worth // 16 + 1
        # fees are shares there and whole fen here
        found["more trades"] += trades > best.trades
        found["further"] += trades == best.trades and outside > best.outside + grain + 200
        found["beaten"] += trades < best.trades and outside <= best.least + q.worth
        found["worth more"] += outside > best.least + q.worth + grain + 200
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("products", "seed"), [(12, 1), (16, 2), (30, 3)])
def test_no_fewer_trades_and_nothing_nearer(products: int, seed: int) -> None:
    found = compared(90, products, seed)
    assert found["asked"] > 60
    # a program that finds fewer than it could is no judge
    assert found["beaten"] == 0
    assert found["more trades"] <= 1 and found["worth more"] <= 1
    assert found["further"] <= 3
