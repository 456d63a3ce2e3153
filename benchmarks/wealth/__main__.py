"""Trades for everybody: `quanke.wealth.trades.propose` beside an integer program per customer (HiGHS).

    python3 run.py bench wealth [--size CUSTOMERS] [--quick] [--json]

A million customers, 60 products in 8 asset classes; seconds are those of the call (compiled before, its time
told apart), the peak that of the process with its inputs. The peer is asked one customer after another, on a
sample; the ratio is per customer, of one core each. Its programs are three: least outside the band, fewest
trades for it within what a trade must be worth, least outside with so many. Those it does not end are left
out and counted. The backtest of model portfolios on twenty stocks stands beside them.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

if not __package__:  # called as `python benchmarks/wealth`
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from benchmarks.machine import machine
from benchmarks.process import finished
from benchmarks.wealth.instance import case_of
from benchmarks.wealth.job import PRODUCTS
from benchmarks.wealth.peer import answer, question_of
from quanke.wealth.trades import Remains, propose

SIZE, QUICK = 1_000_000, 100_000
SAMPLE, QUICK_SAMPLE = 300, 60


def peers(sample: int) -> dict[str, Any]:
    """The integer programs of a sample, and how they compare."""
    case = case_of(sample, PRODUCTS, seed=23)
    made = propose(case.shelf, case.holders, case.positions, case.targets, case.day)
    asked = np.flatnonzero(
        ~np.isin(made.remains, (Remains.INSIDE, Remains.NO_CLASS, Remains.NOTHING_TO_INVEST))
    )
    fewer = nearer = unsolved = 0
    seconds = []
    for i in asked:
        q = question_of(case, int(i))
        begin = time.perf_counter()
        best = answer(q)
        seconds.append(time.perf_counter() - begin)
        trades = int(made.start[i + 1] - made.start[i])
        unsolved += not best.solved
        if best.solved:
            fewer += trades > best.trades
            nearer += trades == best.trades and made.outside_after[i] > best.outside + q.worth / 16 + 200
    solved = len(asked) - unsolved
    return {
        "milp_customers": len(asked),
        "milp_unsolved": int(unsolved),
        "milp_ms_a_customer": round(float(np.mean(seconds)) * 1e3, 2),
        "milp_median_ms": round(float(np.median(seconds)) * 1e3, 2),
        "milp_found_fewer": round(fewer / max(solved, 1), 4),
        "milp_found_nearer": round(nearer / max(solved, 1), 4),
    }


def backtest(quick: bool) -> dict[str, Any]:
    """The backtest of model portfolios; what is missing where its data is not there."""
    from benchmarks.wealth.backtest import PRICES, measure

    if not PRICES.exists():
        return {"skipped": "the prices of the design data are not there"}
    if find_spec("pypfopt") is None:
        return {"skipped": "PyPortfolioOpt is not installed: python3 run.py bench brings it"}
    return measure(quick)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, help="customers (default: a million)")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK:,} customers, a small sample")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    before = machine()
    size = given.size or (QUICK if given.quick else SIZE)
    run = finished([sys.executable, "-m", "benchmarks.wealth.job", str(size)])
    figures = {**json.loads(run.output), "peak_gb": run.peak_gb}
    theirs = peers(QUICK_SAMPLE if given.quick else SAMPLE)
    ours = figures["processor_seconds"] / size * 1e3
    ratios = {"milp_over_ours_a_customer": round(theirs["milp_ms_a_customer"] / ours, 1)}
    result = {
        "name": "wealth",
        "machine": before,
        "size": size,
        "figures": figures,
        "peers": theirs,
        "ratios": ratios,
        "backtest": backtest(given.quick),
    }
    print(json.dumps(result, ensure_ascii=False, indent=2) if given.json else "\n".join(lines(result)))


def lines(result: dict[str, Any]) -> list[str]:
    """The result for a terminal."""
    shown = [f"wealth, {result['size']:,} customers, {PRODUCTS} products"]
    for part in ("figures", "peers", "ratios", "backtest"):
        shown += [f"  {part:<8} {name:<26} {value}" for name, value in result[part].items()]
    return shown


if __name__ == "__main__":
    main()
