"""Building the index in a process of its own: `python -m benchmarks.search.job FOLDER CUSTOMERS`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

from quanke.customers.finding import Makings, write_finding
from quanke.customers.finding.building import GROUPS

KEY = bytes(range(32))
TABLES = ("parties", "organisations", "accounts", "cards")


def main(folder: Path, customers: int) -> None:
    """Build, build again of what has not changed, and print how long both took."""
    files = {table: [folder / f"{table}.parquet"] for table in TABLES}
    customer = np.load(folder / "customer.npy")
    makings = Makings(files, customer, customers, KEY, dict.fromkeys(GROUPS, "made"))
    begin, used = time.perf_counter(), time.process_time()
    write_finding(folder / "finding", makings)
    built, processor = time.perf_counter() - begin, time.process_time() - used
    begin = time.perf_counter()
    write_finding(folder / "again", makings, folder / "finding")
    again = time.perf_counter() - begin
    print(json.dumps({"build_s": round(built, 2), "build_processor_s": round(processor, 2),
                      "build_unchanged_s": round(again, 3)}))  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
