"""Files that are there whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

ROW_GROUP = 32_768
"""Rows a point read has to decode at most."""


def write_json(path: Path, value: Any) -> None:
    """Write JSON beside and rename it into place (keys sorted, so equal content is equal bytes)."""
    text = json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    beside = path.with_name(path.name + ".part")
    with beside.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    beside.replace(path)


def write_parquet(path: Path, table: pa.Table) -> None:
    """Write a table beside and rename it into place; equal tables give equal bytes.

    Only text gets a dictionary: on amounts and days it costs time, and the files grow by a third.
    """
    beside = path.with_name(path.name + ".part")
    texts = [field.name for field in table.schema if pa.types.is_string(field.type)]
    pq.write_table(
        table,
        beside,
        compression="zstd",
        compression_level=1,
        row_group_size=ROW_GROUP,
        use_dictionary=texts or False,
    )
    beside.replace(path)


def fsync_tree(folder: Path) -> None:
    """Make everything below a folder durable before it is renamed into place."""
    for path in sorted(folder.rglob("*")):
        _fsync(path)
    _fsync(folder)


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
