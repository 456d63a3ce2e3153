"""The full night beside the same tags in SQL written by hand, on the same files in the same run.

    python3 run.py bench night [--incremental] [--size CUSTOMERS] [--quick] [--json] [--home HOME]

A sample bank of that size and one of a tenth of it are made and loaded once, under benchmarks/data. Then
each job runs in a process of its own with the tables in the page cache: `quanke night` on a throw-away copy
of the home, and the SQL of `handwritten/` over everybody at once and by ranges of customers. Every column
that both compute must be equal to the last digit, or the benchmark fails. Up to a million customers each
figure is the median of three runs, above it a single run.

With --incremental it is one more day: two nights are published, the first from all rows, the second carried
from it, and the third is measured, carried like every night after; beside it the full hand-written SQL of
that day, which is given what the night before held. All columns must be equal, and the profile's checksum is
that of the same night computed from all rows.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

if not __package__:  # called as `python benchmarks/night`
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.machine import machine
from benchmarks.night.equality import columns_of, differing
from benchmarks.night.homes import linked, prepared, warm
from benchmarks.process import finished, quanke
from quanke.engines.store import Night

SIZE, QUICK = 1_000_000, 30_000
ON = "2026-06-30"
BUCKET = 262_144
"""Customers in a range of the hand-written SQL: the size that was fastest."""
TAG_STEPS = ("customers", "tags")
"""Steps that do what the hand-written SQL does: merging sources, valuing foreign money, scans, expressions,
writing."""


def ours(home: Path, scratch: Path) -> dict[str, Any]:
    """One night on a copy of the home: the manifest, and what the process took."""
    copy = linked(home, Path(tempfile.mkdtemp(dir=scratch)) / "home")
    run = quanke("night", "--on", ON, "--home", str(copy), "--json")
    return {
        "manifest": json.loads(run.output),
        "night": copy / "nights" / ON,
        "seconds": run.seconds,
        "processor_seconds": run.processor_seconds,
        "peak_gb": run.peak_gb,
    }


def theirs(home: Path, scratch: Path, bucket: int, yesterday: Path | None = None) -> dict[str, Any]:
    """One run of the hand-written SQL: its files, and what the process took."""
    out = Path(tempfile.mkdtemp(dir=scratch)) / "profile"
    script = str(Path(__file__).with_name("handwritten.py"))
    more = ["--yesterday", str(yesterday)] if yesterday else []
    words = [sys.executable, script, str(home), str(out), "--on", ON, "--bucket", str(bucket), *more]
    run = finished(words)
    return {
        "files": sorted(out.glob("*.parquet")),
        "seconds": json.loads(run.output)["seconds"],
        "processor_seconds": run.processor_seconds,
        "peak_gb": run.peak_gb,
    }


def middle(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The run of median time."""
    return sorted(runs, key=lambda run: run["seconds"])[len(runs) // 2]


def figures_of(nights: list[dict[str, Any]]) -> dict[str, Any]:
    """Figures of some nights over the same home."""
    typical = middle(nights)
    manifest = typical["manifest"]
    tag_steps = [sum(n["manifest"]["seconds"].get(s, 0) for s in TAG_STEPS) for n in nights]
    return {
        "seconds": typical["seconds"],
        "peak_gb": max(n["peak_gb"] for n in nights),
        "steps": manifest["seconds"],
        "tag_step_seconds": round(statistics.median(tag_steps), 2),
        "processor_seconds": typical["processor_seconds"],
        "customers": manifest["customers"],
        "tags": len(manifest["tags"]),
        "checks": len(manifest["checks"]),
    }


def compared(night: Path, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Which columns were compared. Ends the benchmark where one differs."""
    base = sorted((night / "profile").glob("base-*.parquet"))
    absorbed = Night(night).absorbed
    bad = {sentence for run in runs for sentence in differing(base, run["files"], absorbed)}
    if bad:
        sys.exit("The hand-written SQL does not give what the night gives:\n  " + "\n  ".join(sorted(bad)))
    ours_has, theirs_has = columns_of(base), columns_of(runs[0]["files"])
    return {
        "columns_equal": len(set(ours_has) & set(theirs_has)) - 1,
        "columns_only_ours": sorted(set(ours_has) - set(theirs_has)),
    }


def measured(home: Path, small: Path, rounds: int) -> tuple[dict[str, Any], dict[str, Any], float]:
    """Figures, peers, and seconds of the tenth. Rounds alternate, so that a slow minute hits both alike."""
    nights, wholes, ranged, tenths = [], [], [], []
    with tempfile.TemporaryDirectory(dir=home.parent, prefix="run-") as folder:
        scratch = Path(folder)
        for _ in range(rounds):
            warm(home)
            nights.append(ours(home, scratch))
            ranged.append(theirs(home, scratch, BUCKET))
            wholes.append(theirs(home, scratch, 0))
            tenths.append(ours(small, scratch))
        figures = {**figures_of(nights), **compared(nights[0]["night"], [wholes[0], ranged[0]])}
    peers = {}
    for name, runs in (("handwritten", wholes), ("handwritten_bucketed", ranged)):
        peers[f"{name}_seconds"] = middle(runs)["seconds"]
        peers[f"{name}_peak_gb"] = max(run["peak_gb"] for run in runs)
        peers[f"{name}_processor_seconds"] = middle(runs)["processor_seconds"]
    return figures, peers, middle(tenths)["seconds"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=SIZE, help="customers (default %(default)s)")
    parser.add_argument("--incremental", action="store_true", help="one more day after a year")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK:,} customers, under 90 seconds")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--home", type=Path, help="a loaded home of --size customers, instead of a new one")
    given = parser.parse_args()
    size = QUICK if given.quick else given.size
    rounds = 1 if given.quick or size > 1_000_000 else 3
    where = machine()
    if given.incremental:
        from benchmarks.night.incremental import measured as one_more_day

        home = given.home.resolve() if given.home else prepared(size)[0]
        show(
            {"name": "night --incremental", "machine": where, "size": size, **one_more_day(home)}, given.json
        )
        return
    home, making = (given.home.resolve(), {}) if given.home else prepared(size)
    small, _ = prepared(size // 10)
    figures, peers, tenth = measured(home, small, rounds)
    fastest = min(peers["handwritten_seconds"], peers["handwritten_bucketed_seconds"])
    result = {
        "name": "night",
        "machine": where,
        "size": size,
        "figures": {**figures, **making, "rounds": rounds, "tenth_seconds": tenth},
        "peers": peers,
        "ratios": {
            "ours_over_handwritten": round(figures["tag_step_seconds"] / fastest, 3),
            "night_over_handwritten": round(figures["seconds"] / fastest, 3),
            "growth_per_tenfold": round(figures["seconds"] / tenth, 2),
        },
    }
    show(result, given.json)


def show(result: dict[str, Any], as_json: bool) -> None:
    """Print it."""
    print(json.dumps(result, ensure_ascii=False, indent=2) if as_json else "\n".join(lines(result)))


def lines(result: dict[str, Any]) -> list[str]:
    """The result for a terminal."""
    shown = [f"{result['name']}, {result['size']:,} customers"]
    for part in ("machine", "figures", "peers", "ratios"):
        for name, value in result[part].items():
            inner = value.items() if isinstance(value, dict) else [("", value)]
            for step, figure in inner:
                shown.append(f"  {part:<8} {f'{name} {step}'.strip():<36} {figure}")
    return shown


if __name__ == "__main__":
    main()
