"""The writer's end of worker processes that make blocks of a sample bank."""

from __future__ import annotations

import json
import mmap
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from quanke.bank.sample.world import World

ALIGN = 64
"""Buffers in a hand-over file begin at multiples of this many bytes."""


class Worker:
    """The writer's end of a worker process."""

    def __init__(self, world: World, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "quanke.bank.sample.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        self._say(
            json.dumps(
                {
                    "customers": world.customers,
                    "seed": world.seed,
                    "last_day": world.span.last_day.isoformat(),
                    "days": world.span.days,
                    "folder": str(folder),
                }
            )
        )

    def ask(self, block: int) -> None:
        """Begin a block."""
        self._say(str(block))

    @contextmanager
    def answer(self) -> Iterator[list[tuple[str, pa.Table]]]:
        """The tables of the block asked for first, mapped into memory while the context lasts."""
        assert self._process.stdout is not None
        name = self._process.stdout.readline().decode().strip()
        if not name:
            raise RuntimeError(f"a sample worker ended with status {self._process.wait()}")
        path = Path(name)
        yield _load(path)
        path.unlink()

    def stop(self) -> None:
        """End the process."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.terminate()
        self._process.wait()
        for path in self._folder.iterdir():
            path.unlink()
        self._folder.rmdir()

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()


def _load(path: Path) -> list[tuple[str, pa.Table]]:
    with path.open("rb") as file:
        memory = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    width = int.from_bytes(memory[:8], "little")
    head, *sizes = json.loads(bytes(memory[8 : 8 + width]))
    start = 8 + width
    place = start + head
    buffers = []
    for size in sizes:
        place += -place % ALIGN
        buffers.append(memory[place : place + size])
        place += size
    found: list[tuple[str, pa.Table]] = pickle.loads(memory[start : start + head], buffers=buffers)
    return found
