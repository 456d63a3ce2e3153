"""Effects: 10 million customers x 20 metrics in one call; whether intervals hold what they promise; uplift.

    python3 run.py bench effects [--size CUSTOMERS] [--bank CUSTOMERS] [--campaigns N] [--quick] [--json]

Speed: `estimate_many` over 20 metrics, each with its own value from before as covariate, post-stratified over
200 strata. DuckDB beside it forms the sums that such an estimate starts from, and no more; statsmodels' least
squares with HC3 does one metric without strata, at a tenth of the size, and has to find the same.
Promise: campaigns are drawn again and again over the customers of a sample bank, with effects as its truth
has them (coverage), and without (false alarms when looked at every day).
Uplift: Qini on a held-out half beside scikit-uplift and causalml, where the data is.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

if not __package__:  # called as `python benchmarks/effects`
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.machine import machine
from benchmarks.process import finished

DATA = Path(__file__).parents[1] / "data"
SIZE, BANK, CAMPAIGNS = 10_000_000, 60_000, 1_500
QUICK_SIZE, QUICK_BANK, QUICK_CAMPAIGNS = 500_000, 20_000, 150


def asked(size: int, whom: str) -> dict[str, Any]:
    """What a process found, and its peak."""
    run = finished([sys.executable, "-m", "benchmarks.effects.job", str(size), whom])
    return {**json.loads(run.output), "peak_gb": run.peak_gb}


def speed(size: int) -> dict[str, Any]:
    """Seconds and peaks, ours and theirs."""
    found, sums, one = asked(size, "ours"), asked(size, "duckdb"), asked(size // 10, "single")
    if one["relative_difference"] > 1e-6:
        sys.exit("statsmodels finds another effect or standard error than ours")
    return {
        "figures": {
            "customers": size,
            "metrics": len(found["effects"]),
            "seconds": found["seconds"],
            "processor_seconds": found["processor_seconds"],
            "peak_gb": found["peak_gb"],
            "one_metric_seconds": one["ours"],
        },
        "peers": {
            "duckdb_sums_seconds": sums["seconds"],
            "duckdb_sums_peak_gb": sums["peak_gb"],
            "statsmodels_one_metric_seconds": one["statsmodels"],
            "statsmodels_relative_difference": one["relative_difference"],
        },
        "ratios": {
            "duckdb_sums_over_ours": round(sums["seconds"] / found["seconds"], 2),
            "statsmodels_over_ours": round(one["statsmodels"] / one["ours"], 1),
        },
    }


def promise(bank: int, count: int) -> dict[str, Any]:
    """Coverage and false alarms over the customers of a sample bank."""
    from benchmarks.effects.customers import customers, told
    from benchmarks.effects.simulated import coverage, peeking

    DATA.mkdir(exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=DATA, prefix="effects-"))
    try:
        found = customers(bank, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    covered = coverage(found, count)
    return {
        "sample_bank": told(found),
        "campaigns": count,
        "coverage": covered["coverage"],
        "coverage_by_kind": covered["by_kind"],
        "variance_reduction": covered["variance_reduction"],
        "false_alarm": peeking(found, count // 3),
    }


def uplift(quick: bool) -> dict[str, Any]:
    """What benchmarks/effects/uplift.py measures, or why not."""
    if find_spec("benchmarks.effects.uplift") is None:
        return {"skipped": "benchmarks/effects/uplift.py is absent"}
    try:
        found: dict[str, Any] = import_module("benchmarks.effects.uplift").measure(quick)
    except (FileNotFoundError, ImportError) as reason:
        return {"skipped": f"{type(reason).__name__}: {reason}"}
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, help=f"customers of the speed run ({SIZE:,})")
    parser.add_argument("--bank", type=int, help=f"customers of the sample bank ({BANK:,})")
    parser.add_argument("--campaigns", type=int, help=f"simulated campaigns of each way ({CAMPAIGNS:,})")
    parser.add_argument("--quick", action="store_true", help="small sizes, few campaigns")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    size = given.size or (QUICK_SIZE if given.quick else SIZE)
    before = machine()
    result: dict[str, Any] = {"name": "effects", "machine": before, "size": size, **speed(size)}
    result["figures"] |= promise(
        given.bank or (QUICK_BANK if given.quick else BANK),
        given.campaigns or (QUICK_CAMPAIGNS if given.quick else CAMPAIGNS),
    )
    models = uplift(given.quick)
    result["figures"] |= models.get("figures", {})
    result["peers"] |= models.get("peers", {})
    result["uplift"] = {key: value for key, value in models.items() if key not in ("figures", "peers")}
    print(json.dumps(result, ensure_ascii=False, indent=2) if given.json else "\n".join(lines(result)))


def lines(result: dict[str, Any]) -> list[str]:
    """The result for a terminal."""
    shown = [f"effects, {result['size']:,} customers, load {result['machine']['load_average_at_start']}"]
    for part in ("figures", "peers", "ratios", "uplift"):
        for name, value in result[part].items():
            inner = value.items() if isinstance(value, dict) else [("", value)]
            shown += [f"  {part:<8} {f'{name}.{key}'.rstrip('.'):<48} {told}" for key, told in inner]
    return shown


if __name__ == "__main__":
    main()
