"""Counts of random groups on the audience index, beside the same counts by what one would use instead.

    python3 run.py bench audience [--size CUSTOMERS] [--quick] [--json]

A bank's tags are made of nothing (20 flags, two categories, five numbers of 7 to 31 bits, an amount and a
day), indexed as a night does it, and 200 random conditions each of 3, 10 and 20 terms are counted on the
index and by DuckDB, chDB, Polars and NumPy, in turn, condition by condition. Every count must be equal, or
the benchmark fails. Then conditions that are no comparisons with constants, beside full passes; and flags
and a category of a hundred million numbers.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

if not __package__:  # called as `python benchmarks/audience`
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.audience.columns import TYPES, Base, made
from benchmarks.audience.expressions import Groups, drawn, node_of, sql_of
from benchmarks.audience.large import large
from benchmarks.audience.odd import odd
from benchmarks.audience.peers import peers
from benchmarks.machine import machine
from quanke.engines.store.files import write_parquet
from quanke.night.index import build_index, evaluator
from quanke.segments.index import AudienceIndex

SIZE, QUICK = 10_000_000, 300_000
LARGE, QUICK_LARGE = 100_000_000, 1_000_000
EACH, QUICK_EACH = 200, 40
BITMAPS = 25
"""Conditions that chDB's bitmap functions are asked, of each length: they take long."""
PART = 262_144
SEED = 20_260_630
DAY = dt.date(2026, 6, 30)
DATA = Path(__file__).parents[1] / "data"


def indexed(base: Base, scratch: Path) -> tuple[AudienceIndex, dict[str, float]]:
    """The index built of Parquet parts as a night writes them; how long that took, and its size."""
    rows = base.table.num_rows
    parts = []
    for number, first in enumerate(range(0, rows, PART)):
        parts.append(scratch / f"base-{number:05d}.parquet")
        write_parquet(parts[-1], base.table.slice(first, PART))
    absorbed = np.zeros(0, np.int32)
    folder = scratch / "index"
    begin, used = time.perf_counter(), time.process_time()
    build_index(folder, rows, absorbed, {"base": list(TYPES)}, {"base": parts})
    seconds = {"build_s": time.perf_counter() - begin, "build_processor_s": time.process_time() - used}
    begin = time.perf_counter()
    build_index(scratch / "again", rows, absorbed, {"base": list(TYPES)}, {"base": parts}, earlier=folder)
    seconds["build_unchanged_s"] = time.perf_counter() - begin
    size = sum(p.stat().st_size for p in folder.iterdir()) / 1024**3
    return AudienceIndex(folder, evaluator(DAY)), {
        **{name: round(value, 2) for name, value in seconds.items()},
        "index_gb": round(size, 3),
    }


class Watch:
    """Milliseconds of one engine's answers: on the wall, and of the processor."""

    def __init__(self) -> None:
        self.wall: list[float] = []
        self.processor: list[float] = []

    def ask(self, count: Callable[[], int]) -> int:
        """One answer."""
        begin, used = time.perf_counter(), time.process_time()
        found = count()
        self.wall.append((time.perf_counter() - begin) * 1000)
        self.processor.append((time.process_time() - used) * 1000)
        return found

    def told(self) -> dict[str, float]:
        """Medians and 99th percentile."""
        return {
            "p50_ms": round(statistics.median(self.wall), 3),
            "p99_ms": round(float(np.quantile(self.wall, 0.99, method="higher")), 3),
            "processor_p50_ms": round(statistics.median(self.processor), 3),
        }


def compared(
    index: AudienceIndex, others: dict[str, Any], base: Base, terms: int, each: int
) -> tuple[dict[str, float], dict[str, dict[str, float]], float]:
    """Figures of the index and of each peer for conditions of so many terms, and the mean share of customers
    they are true for."""
    r = Random(SEED + terms)
    asks: dict[str, Callable[[Groups], int]] = {name: peer.count for name, peer in others.items()}
    for groups in (drawn(r, base, terms) for _ in range(5)):  # the first questions map and compile
        index.count(node_of(groups))
        for ask in asks.values():
            ask(groups)
    watches = {name: Watch() for name in ("ours", *asks, "chdb_bitmaps")}
    shares = []
    for number in range(each):
        groups = drawn(r, base, terms)
        node = node_of(groups)
        counts = {"ours": watches["ours"].ask(lambda n=node: index.count(n))}
        for name, ask in asks.items():
            counts[name] = watches[name].ask(lambda g=groups, a=ask: a(g))
        if "chdb" in others and number < BITMAPS:
            bitmaps = others["chdb"].count_bitmaps
            counts["chdb_bitmaps"] = watches["chdb_bitmaps"].ask(lambda g=groups, b=bitmaps: b(g))
        if len(set(counts.values())) > 1:
            sys.exit(f"the counts differ: {counts} of {sql_of(groups)}")
        shares.append(counts["ours"] / base.table.num_rows)
    told = {name: watch.told() for name, watch in watches.items() if watch.wall}
    return told.pop("ours"), told, statistics.mean(shares)


def measured(size: int, large_size: int, each: int, scratch: Path) -> dict[str, Any]:
    """Everything, as the JSON has it."""
    base = made(size, SEED)
    figures: dict[str, Any] = {}
    indexed(made(20_000, SEED), _folder(scratch / "warm"))  # compiles the kernels
    index, built = indexed(base, scratch)
    others = peers(base, scratch)
    theirs: dict[str, Any] = {name: {} for name in others}
    for terms in (3, 10, 20):
        ours, told, share = compared(index, others, base, terms, each)
        figures[f"terms_{terms}"] = {**ours, "mean_share": round(share, 4)}
        for name, watch in told.items():
            theirs.setdefault(name, {})[f"terms_{terms}"] = watch
    ten = figures["terms_10"]
    figures = {"p50_ms": ten["p50_ms"], "p99_ms": ten["p99_ms"], **built, **figures, "conditions": each}
    figures["odd"] = odd(index, others["duckdb"], sorted(scratch.glob("base-*.parquet")))
    index.close()
    others.clear()
    del base
    figures["large"] = large(large_size, each, _folder(scratch / "large"))
    return {"figures": figures, "peers": theirs, "ratios": _ratios(figures, theirs)}


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _ratios(figures: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """Medians of the peers over ours at 10 terms; chDB's is the faster of its two ways."""

    def over(name: str, terms: str, key: str = "p50_ms") -> float | None:
        held = [theirs[n][terms][key] for n in (name, f"{name}_bitmaps") if terms in theirs.get(n, {})]
        return round(min(held) / figures[terms][key], 2) if held else None

    names = ("duckdb", "chdb", "polars", "numpy")
    found: dict[str, Any] = {f"{n}_over_ours": over(n, "terms_10") for n in names}
    for terms in ("terms_3", "terms_10", "terms_20"):
        found[terms] = {f"{n}_over_ours": over(n, terms) for n in names}
        found[terms] |= {f"{n}_over_ours_processor": over(n, terms, "processor_p50_ms") for n in names}
    for way in ("full_pass", "in_memory"):
        found[f"least_odd_{way}_over_ours"] = min(o[f"{way}_over_ours"] for o in figures["odd"].values())
    return found


def _versions() -> dict[str, str]:
    found = {}
    for name in ("numba", "chdb", "polars"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed: not measured"
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=SIZE, help="customers (default %(default)s)")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK:,} customers, under 90 seconds")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    where = {**machine(), **_versions()}
    size, large_size, each = (
        (QUICK, QUICK_LARGE, QUICK_EACH) if given.quick else (given.size, min(LARGE, 10 * given.size), EACH)
    )
    DATA.mkdir(exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=DATA, prefix="audience-"))
    try:
        found = measured(size, large_size, each, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    where["load_average_at_end"] = round(os.getloadavg()[0], 2)
    result = {"name": "audience", "machine": where, "size": size, **found}
    print(json.dumps(result, ensure_ascii=False, indent=2) if given.json else "\n".join(lines(result)))


def lines(result: dict[str, Any]) -> Sequence[str]:
    """The result for a terminal."""
    shown = [f"audience, {result['size']:,} customers"]

    def add(part: str, name: str, value: Any) -> None:
        if isinstance(value, dict):
            for inner, below in value.items():
                add(part, f"{name}.{inner}", below)
        else:
            shown.append(f"  {part:<8} {name:<52} {value}")

    for part in ("machine", "figures", "peers", "ratios"):
        for name, value in result[part].items():
            add(part, name, value)
    return shown


if __name__ == "__main__":
    main()
