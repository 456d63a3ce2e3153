"""Our side, in a process of its own: `python benchmarks/live/ours.py WHAT CUSTOMERS [SHARE]`, JSON out.

`batches`: events in batches of 10,000, with the state updated and decisions made. `singles`: one event at a
time. `hits`: decisions and the values seen, for the twin to be held against.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.live.bank import AMOUNTS, CITIES, COUNTS, DAY, PROFILE, Arrays, events, profile, rules
from quanke.engines.live.engine import LiveEngine

BATCH = 10_000
WARM, MEASURED = 10, 60
SINGLES = 20_000
TABLE = "transactions"


def engine(customers: int, seed: int = 11) -> LiveEngine:
    """An engine of the 200 triggers over so many customers."""
    made = rules()
    keep = [*AMOUNTS, *COUNTS]
    return LiveEngine(
        made.catalogue, made.triggers, profile(customers), Arrays(customers, seed), DAY, keep=keep
    )


def batches(customers: int) -> dict[str, Any]:
    """Events a second: by the wall, and by the processor's own time (what a core of its own would give)."""
    live = engine(customers)
    made = [events(BATCH, customers, seed) for seed in range(WARM + MEASURED)]
    for rows in made[:WARM]:
        live.take(TABLE, rows)
    wall, busy, decided = [], [], 0
    for rows in made[WARM:]:
        begin, own = time.perf_counter(), time.process_time()
        decided += live.take(TABLE, rows).num_rows
        wall.append(time.perf_counter() - begin)
        busy.append(time.process_time() - own)
    return {
        "events": BATCH * MEASURED,
        "batch_ms": round(float(np.median(wall)) * 1e3, 2),
        "events_per_s": round(BATCH / float(np.median(wall))),
        "events_per_s_of_processor_time": round(BATCH / float(np.median(busy))),
        "decisions_per_event": round(decided / (BATCH * MEASURED), 4),
        "customers_touched": live._state.touched,
    }


def singles(customers: int) -> dict[str, Any]:
    """Milliseconds from a row at hand to its decisions, one row at a time."""
    live = engine(customers)
    rows = events(SINGLES, customers, 5)
    took, own = [], []
    for place in range(SINGLES):
        row = rows.slice(place, 1)
        begin, busy = time.perf_counter(), time.process_time()
        live.take(TABLE, row)
        took.append(time.perf_counter() - begin)
        own.append(time.process_time() - busy)
    late, busy_ = (np.array(t[SINGLES // 10 :]) * 1e3 for t in (took, own))
    return {
        "single_p50_ms": round(float(np.percentile(late, 50)), 3),
        "single_p99_ms": round(float(np.percentile(late, 99)), 3),
        "single_p99_ms_of_processor_time": round(float(np.percentile(busy_, 99)), 3),
    }


def hits(customers: int, count: int = 2_000) -> dict[str, Any]:
    """What each event saw, and which triggers fired on it."""
    live = engine(customers)
    rows = events(count, customers, 5)
    night = profile(customers)
    seen, fired = [], []
    for place in range(count):
        row = rows.slice(place, 1)
        made = live.take(TABLE, row)
        customer = row["customer"][0].as_py()
        tags = live.tags([customer], [*AMOUNTS, *COUNTS]).to_pylist()[0]
        context = {name: row[name][0].as_py() for name in ("amount", "kind", "channel", "direction")}
        context |= {f"earlier_{n}": night[n][customer].as_py() for n in PROFILE}
        context |= {n: v for n, v in tags.items() if n != "customer"}
        context["city"] = CITIES[live._openings.codes[customer]]
        seen.append(context)
        fired.append(sorted(int(t.removeprefix("trigger_")) for t in made["trigger"].to_pylist()))
    return {"seen": seen, "fired": fired}


def main() -> None:
    """Print one job's result."""
    what, customers = sys.argv[1], int(sys.argv[2])
    print(json.dumps({"batches": batches, "singles": singles, "hits": hits}[what](customers)))


if __name__ == "__main__":
    main()
