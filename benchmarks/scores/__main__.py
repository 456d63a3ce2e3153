"""Scores on real calls of a bank, beside what a bank would try first; on a sample bank; and how long
applying takes.

    python3 run.py bench scores [--size CUSTOMERS] [--quick] [--json]

UCI bank marketing, cut by time and without `duration`: lift of the top decile and calibration error on the
last fifth, beside a plain logistic regression and a default gradient-boosting model, which learn from all
before it.
--size: customers of the sample bank (default 50,000; --quick leaves it out).
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

if not __package__:  # called as `python benchmarks/scores`
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.machine import machine
from benchmarks.scores.applied import seconds
from benchmarks.scores.bank_marketing import SOURCE, read
from benchmarks.scores.peers import gradient_boosting, logistic_regression
from quanke.plans.scores.fitting import learn

DATA = Path(__file__).parents[1] / "data"
SIZE, ROWS, FEW_ROWS = 50_000, 2_097_152, 262_144
SHOWN = ("auc", "lift_top_decile", "calibration_error", "log_loss")


def on_calls() -> tuple[dict[str, Any], dict[str, Any]]:
    """Ours and the peers' measures on the last fifth of the calls."""
    train, later, report = read()
    ours = learn(train, later, report, seed=0)
    figures = {"calls": len(report.rows), **{k: round(ours.ours[k], 4) for k in SHOWN}}
    figures |= {"trees": len(ours.trees), "features_left_out": len(ours.moved)}
    peers: dict[str, Any] = {}
    for name, peer in (("logistic", logistic_regression), ("boosting", gradient_boosting)):
        found = peer(train, later, report)
        peers |= {f"{name}_{k}": round(found[k], 4) for k in SHOWN}
    return figures, peers


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=SIZE, help=f"customers of the sample bank ({SIZE:,})")
    parser.add_argument("--quick", action="store_true", help="no sample bank, fewer rows")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    figures, peers = on_calls() if SOURCE.is_dir() else ({"skipped": f"{SOURCE} is absent"}, {})
    ratios = {
        f"{name}_calibration_error_over_ours": round(
            peers[f"{name}_calibration_error"] / figures["calibration_error"], 2
        )
        for name in ("logistic", "boosting")
        if peers
    }
    ratios |= {
        f"ours_lift_over_{name}": round(figures["lift_top_decile"] / peers[f"{name}_lift_top_decile"], 2)
        for name in ("logistic", "boosting")
        if peers
    }
    figures["apply"] = seconds(FEW_ROWS if given.quick else ROWS)
    if not given.quick:
        from benchmarks.scores.sample_bank import measured_bank

        DATA.mkdir(exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=DATA, prefix="scores-"))
        try:
            figures["sample_bank"] = measured_bank(given.size, scratch)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    result = {"name": "scores", "machine": machine(), "figures": figures, "peers": peers, "ratios": ratios}
    print(json.dumps(result, ensure_ascii=False, indent=2) if given.json else "\n".join(lines(result)))


def lines(result: dict[str, Any]) -> list[str]:
    """The result for a terminal."""
    shown = ["scores"]
    for part in ("figures", "peers", "ratios"):
        shown += [f"  {part:<8} {name:<38} {value}" for name, value in result[part].items()]
    return shown


if __name__ == "__main__":
    main()
