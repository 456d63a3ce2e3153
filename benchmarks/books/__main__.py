"""Everybody to a post: `quanke.books.assign` beside OR-Tools' min-cost flow on the same edges.

    python3 run.py bench books [--size CUSTOMERS] [--quick] [--json]

Customers have the ten posts nearest to them; everybody weighs 1, and then by tier (1, 2, 5, 12). Without
--size: one and ten million customers and 5,000 posts. The flow is asked up to a million customers and only
where everybody weighs the same; it must not find less than our cost, within its rounding. Each is a process
of its own; seconds are those of the call, peaks those of the process with its edges.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

if not __package__:  # called as `python benchmarks/books`
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.books.instance import made
from benchmarks.machine import machine
from benchmarks.process import finished

SIZES, QUICK = (1_000_000, 10_000_000), 50_000
POSTS = 5_000
FLOW_UP_TO = 1_000_000
DATA = Path(__file__).parents[1] / "data"


def asked(folder: Path, whom: str) -> dict[str, Any]:
    """What a process found, and its peak."""
    run = finished([sys.executable, "-m", "benchmarks.books.job", str(folder), whom])
    return {**json.loads(run.output), "peak_gb": run.peak_gb}


def measured(size: int, scratch: Path) -> dict[str, Any]:
    """Figures, peers and ratios at one size."""
    posts = min(POSTS, max(20, size // 200))
    figures: dict[str, Any] = {"customers": size, "posts": posts}
    peers: dict[str, Any] = {}
    ratios: dict[str, Any] = {}
    for loads in (False, True):
        folder = scratch / f"{size}-{loads}"
        made(folder, size, posts, loads)
        found = asked(folder, "ours")
        prefix = "weighted_" if loads else ""
        figures |= {
            f"{prefix}gap": found["gap"],
            f"{prefix}seconds": round(found["seconds"], 2),
            f"{prefix}peak_gb": found["peak_gb"],
        }
        if not loads and size <= FLOW_UP_TO:
            theirs = asked(folder, "flow")
            if theirs["cost"] < found["bound"] * (1 - 1e-9):
                sys.exit("the flow lies below our bound")
            peers["mincostflow_seconds"] = round(theirs["seconds"], 2)
            peers["mincostflow_peak_gb"] = theirs["peak_gb"]
            peers["mincostflow_cost_over_ours"] = theirs["cost"] / found["cost"]
            ratios["mincostflow_over_ours"] = round(theirs["seconds"] / found["seconds"], 2)
        shutil.rmtree(folder)
    return {"figures": figures, "peers": peers, "ratios": ratios}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, help="customers (default 1,000,000 and 10,000,000)")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK:,} customers")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    sizes = (QUICK,) if given.quick else (given.size,) if given.size else SIZES
    DATA.mkdir(exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=DATA, prefix="books-"))
    try:
        runs = {str(size): measured(size, scratch) for size in sizes}
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    last = runs[str(sizes[-1])]
    ratios = {k: v for run in runs.values() for k, v in run["ratios"].items()}
    result = {"name": "books", "machine": machine(), **last, "ratios": ratios, "by_size": runs}
    print(json.dumps(result, ensure_ascii=False, indent=2) if given.json else "\n".join(lines(result)))


def lines(result: dict[str, Any]) -> list[str]:
    """The result for a terminal."""
    shown = []
    for size, run in result["by_size"].items():
        shown.append(f"books, {int(size):,} customers")
        for part in ("figures", "peers", "ratios"):
            shown += [f"  {part:<8} {name:<36} {value}" for name, value in run[part].items()]
    return shown


if __name__ == "__main__":
    main()
