"""One measurement in a process of its own: `python -m benchmarks.wealth.job CUSTOMERS`."""

from __future__ import annotations

import json
import sys
import time

import numpy as np

from benchmarks.wealth.instance import Case, case_of
from quanke.wealth.trades import Proposals, Remains, propose

PRODUCTS = 60


def timed(case: Case) -> tuple[Proposals, float]:
    """Proposals, and seconds of the call."""
    begin = time.perf_counter()
    made = propose(case.shelf, case.holders, case.positions, case.targets, case.day)
    return made, time.perf_counter() - begin


def main() -> None:
    """Measure and print one JSON object."""
    small = case_of(100, PRODUCTS)
    _, compiling = timed(small)
    case = case_of(int(sys.argv[1]), PRODUCTS)
    processor = time.process_time()
    made, seconds = timed(case)
    processor = time.process_time() - processor
    asked = ~np.isin(made.remains, (Remains.NO_CLASS, Remains.NOTHING_TO_INVEST))
    whole = made.investable[asked].sum()
    print(
        json.dumps(
            {
                "seconds": round(seconds, 2),
                "processor_seconds": round(processor, 2),
                "first_call_seconds": round(compiling, 2),
                "within_before": round(float((made.outside_before[asked] == 0).mean()), 4),
                "within_after": round(float(made.within[asked].mean()), 4),
                "outside_before": round(float(made.outside_before[asked].sum() / whole), 4),
                "outside_after": round(float(made.outside_after[asked].sum() / whole), 4),
                "trades_a_customer": round(len(made.product) / int(asked.sum()), 3),
                "fees_ppm": round(float(made.fees.sum() / whole * 1e6), 1),
                "proved": round(float(made.proved[asked].mean()), 4),
                "remains": {each.name.lower(): int((made.remains == each).sum()) for each in Remains},
            }
        )
    )


if __name__ == "__main__":
    main()
