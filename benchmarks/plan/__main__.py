"""A plan for everybody: `quanke.plans.allocate` beside OR-Tools PDLP and HiGHS on the same values and limits.

    python3 run.py bench plan [--size CUSTOMERS] [--quick] [--json]

Customers x 20 actions, at most two each, 995 rows of limits that bind: minutes of 900 managers, a minimum
in each of 90 branches, texts, calls, three product quotas. Without --size: ten thousand to ten million.
PDLP (the linear relaxation, to a relative 1e-4) is asked up to a hundred thousand, HiGHS' integer program
for a minute at ten thousand. Each is a process of its own; seconds are those of the call, peaks those of the
process with its values. Every plan of ours is checked against every limit beside the kernel.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

if not __package__:  # called as `python benchmarks/plan`
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.machine import machine
from benchmarks.process import finished

SIZES, QUICK = (10_000, 100_000, 1_000_000, 10_000_000), (10_000,)
PDLP_UP_TO, PDLP_SECONDS = 100_000, 600
HIGHS_UP_TO, HIGHS_SECONDS = 10_000, 60


def asked(size: int, whom: str, seconds: float = 0) -> dict[str, Any]:
    """What a process found, and its peak."""
    run = finished([sys.executable, "-m", "benchmarks.plan.job", str(size), whom, str(seconds)])
    return {**json.loads(run.output), "peak_gb": run.peak_gb, "process_seconds": run.processor_seconds}


def measured(size: int, quick: bool) -> dict[str, Any]:
    """Figures, peers and ratios at one size."""
    found = asked(size, "ours")
    figures = {"customers": size, **{k: v for k, v in found.items() if k != "process_seconds"}}
    peers: dict[str, Any] = {}
    ratios: dict[str, Any] = {}
    if size <= PDLP_UP_TO:
        theirs = asked(size, "pdlp", PDLP_SECONDS)
        peers |= {f"pdlp_{k}": theirs[k] for k in ("seconds", "value", "ended", "peak_gb")}
        ratios["pdlp_over_ours"] = round(theirs["seconds"] / found["seconds"], 2)
    if size <= HIGHS_UP_TO:
        theirs = asked(size, "highs", 20 if quick else HIGHS_SECONDS)
        if theirs["value"] is not None and theirs["value"] > found["bound"] * (1 + 1e-6):
            sys.exit("HiGHS' plan lies above our bound")
        peers |= {f"highs_{k}": theirs[k] for k in ("seconds", "value", "bound", "peak_gb")}
        if theirs["value"] is not None:
            ratios["value_over_highs"] = found["value"] / theirs["value"]
    return {"figures": figures, "peers": peers, "ratios": ratios}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, help="customers (default: 10 thousand to 10 million)")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK[0]:,} customers, HiGHS for 20 seconds")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    sizes = QUICK if given.quick else (given.size,) if given.size else SIZES
    by_size = {str(size): measured(size, given.quick) for size in sizes}
    # keys that are promised: each figure at each size
    figures = {
        key: {size: run["figures"][key] for size, run in by_size.items()}
        for key in ("gap", "seconds", "peak_gb")
    }
    ratios = {
        key: {size: run["ratios"][key] for size, run in by_size.items() if key in run["ratios"]}
        for key in ("pdlp_over_ours", "value_over_highs")
    }
    peers = {size: run["peers"] for size, run in by_size.items()}
    result = {
        "name": "plan",
        "machine": machine(),
        "size": list(sizes),
        "figures": figures,
        "peers": peers,
        "ratios": ratios,
        "by_size": by_size,
    }
    print(json.dumps(result, ensure_ascii=False, indent=2) if given.json else "\n".join(lines(by_size)))


def lines(by_size: dict[str, Any]) -> list[str]:
    """The result for a terminal."""
    shown = []
    for size, run in by_size.items():
        shown.append(f"plan, {int(size):,} customers")
        for part in ("figures", "peers", "ratios"):
            shown += [f"  {part:<8} {name:<24} {value}" for name, value in run[part].items()]
    return shown


if __name__ == "__main__":
    main()
