"""Files that are there whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
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
    pq.write_table(table, beside, row_group_size=ROW_GROUP, **_settings(table.schema))
    beside.replace(path)


def write_parquet_of(path: Path, schema: pa.Schema, tables: Iterable[pa.Table]) -> None:
    """Write tables one after the other into one file, with the bytes `write_parquet` gives for all of them
    together, and no more of them in memory than a row group."""
    beside = path.with_name(path.name + ".part")
    held, written = schema.empty_table(), False
    with pq.ParquetWriter(beside, schema, **_settings(schema)) as writer:
        for table in tables:
            held = pa.concat_tables([held, table.cast(schema)])
            whole = held.num_rows // ROW_GROUP * ROW_GROUP
            if whole:
                writer.write_table(held.slice(0, whole), row_group_size=ROW_GROUP)
                held, written = held.slice(whole), True
        if held.num_rows or not written:
            writer.write_table(held, row_group_size=ROW_GROUP)
    beside.replace(path)


def _settings(schema: pa.Schema) -> dict[str, Any]:
    texts = [field.name for field in schema if pa.types.is_string(field.type)]
    return {"compression": "zstd", "compression_level": 1, "use_dictionary": texts or False}


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
