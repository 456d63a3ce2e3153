"""Journeys: everybody moved through six steps with pushes, on SQLite and PostgreSQL; and the gate they pass.

    python3 run.py bench journeys [--size ENROLMENTS] [--home HOME] [--rounds N] [--quick] [--json]

Enrolments of sample customers go through a push, a wait, a condition, a split, a second push and an event
that does not come; days pass by a given clock. Each step writes its log, each push its row; then as many
candidates are judged by the contact policy at once, and for twenty seconds what is queued leaves by the
sandbox. All of it is done twice: as it is described, in tables that are as good as empty; and `full`: a call
of the manager with a deadline is one of the steps, the block list and the pushes of the last ninety days are
as many as after a year. Beside it stand figures other systems publish of themselves: not measured here, and
on machines nobody names.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

if not __package__:  # called as `python benchmarks/journeys`
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.desk.served import postgresql
from benchmarks.journeys.filled import DAYS
from benchmarks.machine import machine
from benchmarks.night.homes import prepared
from benchmarks.process import quanke

SIZE, QUICK, CUSTOMERS = 1_000_000, 20_000, 20_000
MOVERS, ROUNDS = 2, 3
REACH, GATE_REACH = 40_000, 30.0
"""Enrolment-steps a second aimed at on two cores, and seconds for a million candidates at the gate."""
SERVER = os.environ.get("QUANKE_TEST_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432/postgres")
PUBLISHED = {
    "salesforce_marketing_cloud_steps_per_second": 139,  # 500,000 an hour
    "salesforce_marketing_cloud_tuned_steps_per_second": 556,  # 2,000,000 an hour
    "mautic_contacts_per_second": 5,  # 1,000,000 in about 2.5 days, issue 2870
    "parcelvoy_sends_per_second": 2,  # 99,000 in 14 hours, issue 533
}


def moved(home: Path, database: str, count: int, movers: int, scenario: str) -> dict[str, Any]:
    """What `moving` tells, in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="quanke-journeys-") as folder:
        environment = {
            **os.environ,
            "QUANKE_HOME": str(home),
            "QUANKE_DESK_KEYS": f"{folder}/keys",
            "QUANKE_DESK_DEMO": "1",  # pushes leave by the sandbox
            "QUANKE_DESK_DATABASE": database or f"{folder}/desk.sqlite3",
        }
        words = [sys.executable, str(Path(__file__).with_name("moving.py")), str(count), str(movers)]
        words.append(scenario)
        done = subprocess.run(words, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"journeys were not moved:\n{done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(prog="bench journeys", description=__doc__)
    parser.add_argument("--size", type=int, default=0, help="enrolments, and customers of the home")
    parser.add_argument("--home", type=Path, help="a home with a night, instead of making one")
    parser.add_argument("--rounds", type=int, default=0, help="how often; the medians are shown")
    parser.add_argument("--scenario", choices=("plain", "full", "both"), default="both")
    parser.add_argument("--postgresql", default=SERVER)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    size = given.size or (QUICK if given.quick else SIZE)
    about, home = machine(), given.home or _home(size)
    runs: dict[str, list[dict[str, Any]]] = {}
    for scenario, suffix in (("plain", ""), ("full", "_full")):
        if given.scenario not in (scenario, "both"):
            continue
        for _ in range(given.rounds or (1 if given.quick else ROUNDS)):
            found = moved(home, "", size, 1, scenario)  # one writer: a second mover would wait
            runs.setdefault(f"sqlite{suffix}", []).append(found)
            with postgresql(given.postgresql) as address:
                found = moved(home, address, size, MOVERS, scenario)
            runs.setdefault(f"postgresql{suffix}", []).append(found)
    figures = {name: {**each[-1], **_medians(each)} for name, each in runs.items()}
    told = {
        "name": "journeys", "machine": about, "size": size, "figures": figures, "runs": runs,
        "peers": {"published": PUBLISHED}, "ratios": _ratios(figures),
    }  # fmt: skip
    print(json.dumps(told) if given.json else _text(told))


def _medians(runs: list[dict[str, Any]]) -> dict[str, float]:
    names = [
        name
        for name, value in runs[0].items()
        if isinstance(value, int | float) and ("second" in name or name == "peak_gb")
    ]
    return {name: round(statistics.median(run[name] for run in runs), 2) for name in names}


def _ratios(figures: dict[str, dict[str, Any]]) -> dict[str, float]:
    """Ours over the aim, the gate's seconds over theirs, and ours over what others publish."""
    found: dict[str, float] = {}
    for name, told in figures.items():
        found[f"{name}_over_reach"] = round(told["steps_per_second"] / REACH, 2)
        found[f"{name}_gate_over_reach"] = round(told["gate_seconds"] / GATE_REACH, 2)
        for peer, published in PUBLISHED.items():
            found[f"{name}_over_{peer}"] = round(told["steps_per_second"] / published, 1)
    return found


def _home(size: int) -> Path:
    home, _ = prepared(max(size, CUSTOMERS))
    if not (home / "nights").exists() or not any((home / "nights").glob("2*")):
        quanke("night", "--on", "2026-06-30", "--home", str(home))
    return home


def _full(name: str, each: dict[str, Any]) -> list[str]:
    if "tasks" not in each:
        return []
    return [
        f"{name}: {each['tasks']:,} tasks; before it {each['blocks']:,} blocks and {each['sent_before']:,}"
        f" pushes sent in {DAYS} days"
    ]


def _text(told: dict[str, Any]) -> str:
    lines = [f"journeys: {told['size']:,} enrolments, load {told['machine']['load_average_at_start']}"]
    for name, each in told["figures"].items():
        lines += [
            f"{name}, {each['movers']} at once: {each['steps']:,} steps and {each['sends']:,} pushes in"
            f" {each['seconds']} s: {each['steps_per_second']:,} steps/s (aim {REACH:,}); entering"
            f" {each['entering_seconds']} s; peak {each['peak_gb']} GB",
            *_full(name, each),
            f"{name}: gate {each['gate_candidates']:,} in {each['gate_seconds']} s (aim {GATE_REACH});"
            f" {each['pushes_decided_per_second']:,} pushes/s decided and sent",
        ]
    lines.append(f"published by others, not measured here: {told['peers']['published']}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
