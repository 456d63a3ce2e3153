"""Decisions as files of the home.

    live/decisions/<share>/<step>.jsonl      one decision a line, growing (JsonLinesSink)
    live/decisions/<share>/<step>.parquet    the decisions between two checkpoints (ParquetSink)

A line file is begun at each checkpoint. After a crash the steps since the checkpoint write the same bytes to
the same place: what is there already is compared and left, what was cut off is finished.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from quanke.engines.live.sinks import IDENTITY, decision_id


def lines(step: int, decisions: pa.Table) -> list[bytes]:
    """Each decision as a line of JSON: `id`, the columns of DECISIONS with `values` as an object, `step`."""
    told = []
    for row in decisions.to_pylist():
        # `values` is JSON already: it is put in as it stands.
        head = {"id": decision_id(row), **{n: row[n] for n in _TOLD}}
        head |= {n: str(row[n]) for n in ("at", "decided_for")}
        text = json.dumps(head, ensure_ascii=False)
        told.append(f'{text[:-1]}, "values": {row["values"]}, "step": {step}}}\n'.encode())
    return told


_TOLD = ("trigger", "customer", "event_id", "at", "decided_for", "reason_zh", "reason_en")


class JsonLinesSink:
    """One decision a line, readable at once."""

    name = "files"

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._path = folder / f"{0:012d}.jsonl"
        self._offset = 0
        self._step = 0

    def open(self, state: dict[str, Any] | None) -> None:
        """Begin a file after the checkpoint, or go on with the one begun then."""
        self._step = state["step"] if state else 0
        self._begin()

    def _begin(self) -> None:
        self._path = self._folder / f"{self._step:012d}.jsonl"
        self._offset = 0

    def write(self, step: int, decisions: pa.Table) -> None:
        """Append the lines of a step, or see that they are there."""
        self._step = step
        if not decisions.num_rows:
            return
        told = b"".join(lines(step, decisions))
        with open(self._path, "r+b" if self._path.exists() else "w+b") as file:
            file.seek(self._offset)
            there = file.read(len(told))
            if there != told:
                file.seek(self._offset)
                # Steps that other definitions would decide otherwise now: what follows is written anew.
                file.truncate()
                file.write(told)
        self._offset += len(told)

    def state(self) -> dict[str, Any]:
        """The step after which the next file begins."""
        if self._path.exists():
            with open(self._path, "rb") as file:
                os.fsync(file.fileno())
        self._begin()
        return {"step": self._step}

    def close(self) -> None:
        """Let what was written be on the disk."""
        if self._path.exists():
            with open(self._path, "rb") as file:
                os.fsync(file.fileno())


class ParquetSink:
    """A file of decisions for the time between two checkpoints, there when the second is."""

    name = "parquet"

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._pending: list[pa.Table] = []
        self._step = 0

    def open(self, state: dict[str, Any] | None) -> None:
        """Throw away files written after the checkpoint: their steps come again."""
        self._step = state["step"] if state else 0
        for path in self._folder.glob("*.parquet"):
            if path.name.startswith(".") or int(path.stem) > self._step:
                path.unlink()

    def write(self, step: int, decisions: pa.Table) -> None:
        """Keep the decisions of a step for the file."""
        self._step = step
        if decisions.num_rows:
            self._pending.append(
                decisions.append_column("step", pa.repeat(pa.scalar(step, pa.int64()), len(decisions)))
            )

    def state(self) -> dict[str, Any]:
        """Write the file of all steps since the last checkpoint."""
        if self._pending:
            beside = self._folder / f".{self._step:012d}.parquet"
            pq.write_table(pa.concat_tables(self._pending), beside, compression="zstd")
            with open(beside, "rb") as file:
                os.fsync(file.fileno())
            os.replace(beside, self._folder / f"{self._step:012d}.parquet")
            self._pending = []
        return {"step": self._step}

    def close(self) -> None:
        """Let go of decisions after the last checkpoint: they come again when the engine begins again."""
        self._pending = []


def told_before(folder: Path, first: int, night: dt.date) -> frozenset[str]:
    """Identities of decisions for days after a night, in files of steps before `first`."""
    if not first or not folder.exists():
        return frozenset()
    found: set[str] = set()
    for path in folder.iterdir():
        if path.name.startswith(".") or int(path.stem) >= first:
            continue
        if path.suffix == ".jsonl":
            rows = [json.loads(line) for line in path.read_bytes().splitlines()]
            found.update(row["id"] for row in rows if row["decided_for"] > night.isoformat())
        else:
            table = pq.read_table(path, filters=pc.field("decided_for") > night)
            found.update(decision_id(row) for row in table.select(IDENTITY).to_pylist())
    return frozenset(found)
