"""The live engine: 200 triggers over 10 million profiles, beside zen-engine on the same conditions.

    python3 run.py bench live [--size CUSTOMERS] [--quick] [--in-process] [--json]

Profiles, openings and events are synthetic (`bank.py`): what is measured is the work per event. On one core
one process lives all customers; on two, two processes live half of them each, at the same time. Processor
time is told beside the wall's, because a wall clock on a busy machine measures the neighbours as well. The
benchmark fails where zen-engine and the live engine do not fire the same triggers on the same events.

What goes through a broker is measured by `broker.py`; it needs an installed nats-server.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

if not __package__:  # called as `python benchmarks/live`
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.machine import machine
from benchmarks.process import finished

SIZE, QUICK = 10_000_000, 200_000
ZEN_CUSTOMERS = 50_000
HERE = Path(__file__).parent


def job(what: str, customers: int) -> dict[str, Any]:
    """One job of ours in a process of its own, with its peak."""
    run = finished([sys.executable, str(HERE / "ours.py"), what, str(customers)])
    return {**json.loads(run.output.strip().splitlines()[-1]), "peak_gb": run.peak_gb}


def two_cores(customers: int) -> dict[str, Any]:
    """Two processes at once, half of the customers each."""
    words = [sys.executable, str(HERE / "ours.py"), "batches", str(customers // 2)]
    running = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    made = [json.loads(process.communicate()[0].strip().splitlines()[-1]) for process in running]
    names = ("events_per_s", "events_per_s_of_processor_time")
    return {name: sum(one[name] for one in made) for name in names}


def zen() -> dict[str, Any]:
    """zen-engine's figures; empty where it is not installed."""
    if importlib.util.find_spec("zen") is None:
        return {}
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        given = job("hits", ZEN_CUSTOMERS)
        json.dump(given, file)
        file.flush()
        run = finished([sys.executable, str(HERE / "zen_twin.py"), file.name])
        made: dict[str, Any] = json.loads(run.output.strip().splitlines()[-1])
        return made


def measured(size: int) -> dict[str, Any]:
    """Everything, as the result is told."""
    one, both, single = job("batches", size), two_cores(size), job("singles", size)
    figures = {
        "events_per_s_core": one["events_per_s_of_processor_time"],
        "events_per_s_wall": one["events_per_s"],
        "events_per_s_two_cores": both["events_per_s_of_processor_time"],
        "events_per_s_two_cores_wall": both["events_per_s"],
        "batch_ms": one["batch_ms"],
        "decisions_per_event": one["decisions_per_event"],
        "customers_touched": one["customers_touched"],
        "peak_gb": one["peak_gb"],
        **{name: value for name, value in single.items() if name != "peak_gb"},
    }
    peer = zen()
    peers = {f"zen_{name}": value for name, value in peer.items()}
    ratios = {}
    if peer:
        own = peer["events_per_s_of_processor_time"]
        ratios["of_zen"] = round(figures["events_per_s_core"] / own, 1)
    return {"figures": figures, "ratios": ratios, "peers": peers}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench live", description=__doc__)
    parser.add_argument("--size", type=int, default=SIZE)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--in-process", action="store_true", help="leave the broker out")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    size = QUICK if given.quick else given.size
    result: dict[str, Any] = {"name": "live", "machine": machine(), "size": size}
    result |= measured(size)
    if not given.in_process:
        more = importlib.import_module("benchmarks.live.broker").broker_figures(given.quick)
        for part in ("figures", "ratios"):
            result[part].update(more.get(part, {}))
    if given.json:
        print(json.dumps(result, ensure_ascii=False, indent=2))
        return
    for part in ("figures", "ratios", "peers"):
        for name, value in result[part].items():
            print(f"{part[:-1]:7} {name:36} {value:>14,}" if value is not None else f"{name} none")


if __name__ == "__main__":
    main()
