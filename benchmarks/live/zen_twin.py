"""The same conditions in zen-engine, each event on its own: `python benchmarks/live/zen_twin.py HITS.json`.

zen-engine is given everything an event needs, gathered and counted up already: it evaluates, no more. All
conditions stand in one compiled expression, which was its quickest form here: a decision of 200 expressions
took eleven times as long, 200 compiled expressions thirty times.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.live.bank import rules


def measured(path: Path) -> dict[str, Any]:
    """Events a second, after its hits were held against ours."""
    import zen

    given = json.loads(path.read_text(encoding="utf-8"))
    expression = zen.compile_expression("[" + ", ".join(rules().twins) + "]")
    for seen, fired in zip(given["seen"], given["fired"], strict=True):
        found = [number for number, hit in enumerate(expression.evaluate(seen)) if hit is True]
        if found != fired:
            sys.exit("zen-engine and the live engine do not fire the same triggers")
    wall, busy = [], []
    for _ in range(5):
        begin, own = time.perf_counter(), time.process_time()
        for seen in given["seen"]:
            expression.evaluate(seen)
        wall.append(time.perf_counter() - begin)
        busy.append(time.process_time() - own)
    count = len(given["seen"])
    return {
        "events_per_s": round(count / median(wall)),
        "events_per_s_of_processor_time": round(count / median(busy)),
        "same_hits": sum(map(len, given["fired"])),
    }


if __name__ == "__main__":
    print(json.dumps(measured(Path(sys.argv[1]))))
