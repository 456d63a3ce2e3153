"""A process that makes blocks of a sample bank: `python -m quanke.bank.sample.worker`.

It reads a line of JSON with the bank's size and seed, then block numbers, one a line; for each it writes the
block's tables to a file and answers with the file's name. Started as a module rather than forked, so that
it works from any caller and on any system.
"""

from __future__ import annotations

import json
import pickle
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from quanke.bank.sample.crew import ALIGN


def _save(path: Path, tables: list[tuple[str, pa.Table]]) -> None:
    """Tables as a pickle whose buffers lie aligned behind it; the file is read by `_load` alone."""
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(tables, protocol=5, buffer_callback=buffers.append)
    views = [buffer.raw() for buffer in buffers]
    index = json.dumps([len(head), *(view.nbytes for view in views)]).encode()
    with path.open("wb") as file:
        file.write(len(index).to_bytes(8, "little") + index + head)
        for view in views:
            file.write(b"\0" * (-file.tell() % ALIGN))
            file.write(view)


def main() -> None:
    """Read the order, then make blocks until the input ends."""
    from quanke.bank.sample.block import generate_block
    from quanke.bank.sample.world import build_world
    from quanke.bank.sample.writing import pieces

    pa.set_cpu_count(1)
    order: dict[str, Any] = json.loads(sys.stdin.readline())
    world = build_world(
        order["customers"], order["seed"], date.fromisoformat(order["last_day"]), order["days"]
    )
    for line in sys.stdin:
        block = int(line)
        path = Path(order["folder"]) / f"block{block}.tables"
        _save(path, pieces(world.span, generate_block(world, block)))
        sys.stdout.write(f"{path}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
