"""One more day on a base with a year behind it: the carried night beside the full hand-written SQL."""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.night.__main__ import BUCKET, ON, TAG_STEPS, theirs
from benchmarks.night.equality import columns_of, differing
from benchmarks.night.homes import linked, warm
from benchmarks.process import Finished, quanke
from quanke.engines.store import Night

BEFORE = ("2026-06-28", "2026-06-29")
"""Nights published first: one from all rows, one carried."""


def published(home: Path, day: str, *more: str) -> tuple[Finished, dict[str, Any]]:
    """A night in a process of its own, and its manifest."""
    run = quanke("night", "--on", day, "--home", str(home), "--json", *more)
    return run, json.loads(run.output)


def checksum(night: Path) -> str:
    """SHA-256 over the parts of the base group."""
    digest = hashlib.sha256()
    for part in sorted((night / "profile").glob("base-*.parquet")):
        digest.update(part.read_bytes())
    return digest.hexdigest()


def steps(manifest: dict[str, Any]) -> float:
    """Seconds of the steps that do what the hand-written SQL does, and of the tiles for the next night."""
    return round(sum(manifest["seconds"].get(s, 0) for s in (*TAG_STEPS, "tiles")), 2)


def measured(home: Path) -> dict[str, Any]:
    """Figures, peers and ratios. Ends the benchmark where a column differs."""
    with tempfile.TemporaryDirectory(dir=home.parent, prefix="run-") as folder:
        scratch = Path(folder)
        copy = linked(home, scratch / "home")
        for day in BEFORE:
            _, first = published(copy, day)
            if day == BEFORE[0]:
                full_seconds = steps(first)
        again = linked(copy, scratch / "again")
        (again / "nights").mkdir()
        for day in BEFORE:
            linked(copy / "nights" / day, again / "nights" / day)
        warm(copy)
        run, manifest = published(copy, ON)
        peer = theirs(copy, scratch, BUCKET, copy / "nights" / BEFORE[-1])
        all_rows, other = published(again, ON, "--full")
        night = copy / "nights" / ON
        sums = checksum(night), checksum(again / "nights" / ON)
        base = sorted((night / "profile").glob("base-*.parquet"))
        apart = differing(base, peer["files"], Night(night).absorbed)
        if apart:
            sys.exit("The hand-written SQL does not give what the night gives:\n  " + "\n  ".join(apart))
        equal = len(set(columns_of(base)) & set(columns_of(peer["files"]))) - 1
    tag_steps = steps(manifest)
    return {
        "figures": {
            "tag_step_seconds": tag_steps,
            "seconds": run.seconds,
            "peak_gb": run.peak_gb,
            "steps": manifest["seconds"],
            "identical": sums[0] == sums[1],
            "checksum": sums[0],
            "columns_equal_to_handwritten": equal,
            "tiles": manifest["tiles"],
            "first_night_tag_step_seconds": full_seconds,
            "from_all_rows_tag_step_seconds": steps(other),
            "from_all_rows_seconds": all_rows.seconds,
        },
        "peers": {
            "handwritten_bucketed_seconds": peer["seconds"],
            "handwritten_bucketed_peak_gb": peer["peak_gb"],
        },
        "ratios": {
            "handwritten_over_ours": round(peer["seconds"] / tag_steps, 2),
            "handwritten_over_whole_night": round(peer["seconds"] / run.seconds, 2),
            "all_rows_over_ours": round(steps(other) / tag_steps, 2),
        },
    }
