"""What the live engine was given, step by step, written down before anything of it can be seen outside.

A step is one reading of a source after it was judged, or a turn of the clock. The steps and a checkpoint
together are the whole state: a process that begins again takes up the last checkpoint, does the steps after
it once more, with the very same batches, and stands where the killed one stood.

    journal/<step>.log      steps after the checkpoint <step>, as records

A record is a head (mark, length, CRC-32) and a body: a line of JSON and the step's rows as Arrow streams. A
record cut off by a crash is the last one, and was never acknowledged to anybody: it is dropped.
"""

from __future__ import annotations

import io
import json
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

_HEAD = struct.Struct("<4sQI")
_MARK = b"QKL1"
_CODEC = pa.ipc.IpcWriteOptions(compression="lz4")


@dataclass(slots=True)
class Step:
    """One step. `rows` are new events by table, `refused` quarantine rows by table.

    `clock`: what the clock did before the rows came, as ("open", ""), ("due", moment) or ("turn", day).
    `marks`: business dates reached by a row, as (place, day), in the order of coming; only where the day
    follows the events. `positions`: where each source stands after the step, by its name.
    """

    number: int
    clock: list[tuple[str, str]] = field(default_factory=list)
    marks: list[tuple[int, str]] = field(default_factory=list)
    positions: dict[str, Any] = field(default_factory=dict)
    rows: dict[str, pa.Table] = field(default_factory=dict)
    refused: dict[str, pa.Table] = field(default_factory=dict)
    again: int = 0

    def packed(self) -> bytes:
        """The body of its record."""
        streams: list[bytes] = []
        listed: list[tuple[str, str, int]] = []
        for kind, tables in (("rows", self.rows), ("refused", self.refused)):
            for name, table in tables.items():
                buffer = io.BytesIO()
                with pa.ipc.new_stream(buffer, table.schema, options=_CODEC) as writer:
                    writer.write_table(table)
                streams.append(buffer.getvalue())
                listed.append((kind, name, len(streams[-1])))
        head = {
            "step": self.number,
            "clock": self.clock,
            "marks": self.marks,
            "positions": self.positions,
            "again": self.again,
            "streams": listed,
        }
        return json.dumps(head).encode() + b"\n" + b"".join(streams)

    @classmethod
    def unpacked(cls, body: bytes) -> Step:
        """A step from the body of its record."""
        line, _, rest = body.partition(b"\n")
        head = json.loads(line)
        step = cls(
            head["step"],
            [(what, when) for what, when in head["clock"]],
            [(place, day) for place, day in head["marks"]],
            head["positions"],
            again=head["again"],
        )
        at = 0
        for kind, name, size in head["streams"]:
            table = pa.ipc.open_stream(rest[at : at + size]).read_all()
            (step.rows if kind == "rows" else step.refused)[name] = table
            at += size
        return step


class Journal:
    """The file of steps after one checkpoint, open for writing."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        whole = sum(len(body) + _HEAD.size for body in _bodies(path)) if path.exists() else 0
        self._file = open(path, "ab")  # noqa: SIM115  (kept open)
        if self._file.tell() > whole:
            os.ftruncate(self._file.fileno(), whole)
            self._file.seek(whole)
        sync_folder(path.parent)

    @property
    def size(self) -> int:
        """Bytes written."""
        return self._file.tell()

    def write(self, step: Step) -> None:
        """Write a step; it is on the disk when this returns."""
        body = step.packed()
        self._file.write(_HEAD.pack(_MARK, len(body), zlib.crc32(body)))
        self._file.write(body)
        self._file.flush()
        os.fdatasync(self._file.fileno())

    def close(self) -> None:
        """No more is written."""
        self._file.close()


def read_steps(path: Path) -> Iterator[Step]:
    """The whole steps of a journal file, in order."""
    for body in _bodies(path):
        yield Step.unpacked(body)


def _bodies(path: Path) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while True:
            head = file.read(_HEAD.size)
            if len(head) < _HEAD.size:
                return
            mark, length, crc = _HEAD.unpack(head)
            body = file.read(length) if mark == _MARK else b""
            if len(body) < length or zlib.crc32(body) != crc or mark != _MARK:
                return
            yield body


def sync_folder(folder: Path) -> None:
    """Let names in a folder be on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
