"""The parts of a night's profile once more in small batches, so that one customer's row costs one of them.

    reading/profile/<day>/<part>.arrow   the rows of a part in their order, `BATCH` rows a batch, compressed
    reading/profile/<day>/<part>.json    size and time of the part they were made from, and the place of the
                                         first row of each batch; written last

A part's row group decodes at hundreds of milliseconds, a batch at one or two. What stands here is never
needed, and never believed where it is not of the very same part. Only the nights people read have them: that
being made, and the last one that is published.
"""

from __future__ import annotations

import json
import os
import shutil
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from quanke.engines.store.files import write_json

FOLDER = Path("reading") / "profile"
BATCH = 1024


def write_profile_batches(home: Path, day: str, parts: Iterable[Path], keep: Iterable[str] = ()) -> int:
    """Makes what is missing for the parts of a night, drops what is of nights not to be kept. Answers how
    many parts were made."""
    folder, made = home / FOLDER / day, 0
    for part in parts:
        target = folder / f"{part.stem}.arrow"
        if _sheet(target, part) is None:
            _write(part, target)
            made += 1
    for old in (home / FOLDER).glob("*"):
        if old.name not in {day, *keep}:
            shutil.rmtree(old)
    return made


def read_batch_row(
    home: Path, day: str, part: Path, offset: int, columns: Sequence[str] | None = None
) -> dict[str, Any] | None:
    """One row of a part by its place, of some columns or all; null where there are no batches of that very
    part."""
    target = home / FOLDER / day / f"{part.stem}.arrow"
    sheet = _sheet(target, part)
    if sheet is None:
        return None
    places = _places(target, sheet["mtime"])
    batch = bisect_right(sheet["first"], offset) - 1
    with pa.memory_map(str(target)) as source:
        fields = sorted(places[n] for n in columns or places)
        options = pa.ipc.IpcReadOptions(included_fields=fields, use_threads=False)
        rows = pa.ipc.open_file(source, options=options).get_batch(batch)
        found: dict[str, Any] = rows.slice(offset - sheet["first"][batch], 1).to_pylist()[0]
        return found


def _sheet(target: Path, part: Path) -> dict[str, Any] | None:
    """What batches were made of; null where that is not the part as it is."""
    try:
        told = target.with_suffix(".json")
        sheet = _told(told, told.stat().st_mtime_ns)
        held = part.stat()
    except (OSError, ValueError):
        return None
    return sheet if (sheet["size"], sheet["mtime"]) == (held.st_size, held.st_mtime_ns) else None


@lru_cache(maxsize=1024)
def _told(path: Path, changed: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@lru_cache(maxsize=1024)
def _places(target: Path, mtime: int) -> dict[str, int]:
    with pa.memory_map(str(target)) as source:
        return {name: at for at, name in enumerate(pa.ipc.open_file(source).schema.names)}


def _write(part: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.with_suffix(".json").unlink(missing_ok=True)
    held, first, at = part.stat(), [], 0
    beside = target.with_name(target.name + ".part")
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pq.ParquetFile(part) as rows, pa.OSFile(str(beside), "wb") as sink:
        with pa.ipc.new_file(sink, rows.schema_arrow, options=options) as writer:
            for group in range(rows.num_row_groups):
                for batch in rows.read_row_group(group).combine_chunks().to_batches(BATCH):
                    if batch.num_rows:
                        first.append(at)
                        at += batch.num_rows
                        writer.write_batch(batch)
        sink.flush()
    with beside.open("rb") as written:
        os.fsync(written.fileno())
    beside.replace(target)
    write_json(target.with_suffix(".json"), {"size": held.st_size, "mtime": held.st_mtime_ns, "first": first})
