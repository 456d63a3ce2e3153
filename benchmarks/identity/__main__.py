"""Records to customers, beside Splink at its own best on the same records in the same run.

    python3 run.py bench identity [--size RECORDS] [--quick] [--json]

Records of a sample bank of that size are made once, under benchmarks/data, and resolved in a process of
its own: all of them, then as a night in which the last hundredth is new; and both once more as the step
of a night in a home, from the loaded tables to the written register. Splink gets the same records.
Where ../shared/data/febrl is there, sets 1 to 3 go through plain `resolve`, and through Splink as well.
The benchmark fails where two different valid numbers became one customer, or where the night's customers
are not those of the whole run.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

if not __package__:  # called as `python benchmarks/identity`
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.identity.records import FEBRL, FEBRL_SETS, sample_records
from benchmarks.machine import machine
from benchmarks.process import finished

SIZE, QUICK = 1_000_000, 20_000


def job(side: str, kind: str, what: str) -> dict[str, Any]:
    """One job of one side (`ours` or `peer`) in a process of its own; its peak is added."""
    run = finished([sys.executable, str(Path(__file__).with_name(f"{side}.py")), kind, what])
    result: dict[str, Any] = json.loads(run.output.strip().splitlines()[-1])
    return {**result, "peak_gb": run.peak_gb, "processor_seconds": run.processor_seconds}


def measured(size: int, sets: Sequence[int]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Figures and peers; of the FEBRL sets only `sets`."""
    folder = str(sample_records(size))
    figures = job("ours", "full", folder)
    night = job("ours", "night", folder)
    peer = job("peer", "bank", folder)
    checked(figures, night)
    figures["incremental_seconds"] = night["seconds"]
    figures["incremental_steps"] = night["steps"]
    figures["home"] = job("ours", "home", folder)
    figures["incremental_over_full"] = round(night["seconds"] / figures["seconds"], 3)
    peers: dict[str, Any] = {f"splink_{name}": value for name, value in peer.items()}
    for number in sets if FEBRL.is_dir() else ():
        figures[f"febrl{number}"] = job("ours", "febrl", str(number))
        peers[f"splink_febrl{number}"] = job("peer", "febrl", str(number))
    return figures, peers


def checked(figures: dict[str, Any], night: dict[str, Any]) -> None:
    """End the benchmark where a law is broken."""
    if figures["false_merges_of_valid_ids"]:
        sys.exit(f"{figures['false_merges_of_valid_ids']} customers hold two different valid numbers")
    if not night["as_the_whole_run"]:
        sys.exit("the night's customers are not those of the whole run")


def ratios(figures: dict[str, Any], peers: dict[str, Any]) -> dict[str, float]:
    """Ours over theirs."""
    found = {
        "seconds_over_splink": round(figures["seconds"] / peers["splink_seconds"], 3),
        "f1_over_splink": round(figures["f1"] / peers["splink_f1"], 5),
        "f1_after_queue_over_splink": round(figures["f1_after_queue"] / peers["splink_f1"], 5),
        "incremental_over_full": figures["incremental_over_full"],
    }
    for name, value in figures.items():
        if name.startswith("febrl"):
            found[f"{name}_f1_over_splink"] = round(value["f1"] / peers[f"splink_{name}"]["f1"], 5)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=SIZE, help="records (default %(default)s)")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK:,} records, FEBRL 1 only")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    size = QUICK if given.quick else given.size
    where = machine()
    figures, peers = measured(size, FEBRL_SETS[:1] if given.quick else FEBRL_SETS)
    result = {
        "name": "identity",
        "machine": where,
        "size": size,
        "figures": figures,
        "peers": peers,
        "ratios": ratios(figures, peers),
    }
    if given.json:
        print(json.dumps(result, ensure_ascii=False, indent=2))
    else:
        print("\n".join(lines(result)))


def lines(result: dict[str, Any]) -> list[str]:
    """The result for a terminal."""
    shown = [f"identity, {result['size']:,} records"]
    for part in ("machine", "figures", "peers", "ratios"):
        for name, value in result[part].items():
            inner = value.items() if isinstance(value, dict) else [("", value)]
            for step, figure in inner:
                shown.append(f"  {part:<8} {f'{name} {step}'.strip():<44} {figure}")
    return shown


if __name__ == "__main__":
    main()
