"""Parquet files: checked for being whole, then scanned where they lie."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from quanke.bank.readers.staged import Staged, refuse_doubles, source_columns
from quanke.kernel.errors import InputError

ROW_NUMBER = "file_row_number"


def stage_parquet(path: Path, file: str) -> Staged:
    """The unit in `path`; `file` is how messages call it.

    Only the footer is read here. A damaged page shows itself when the load scans the file, and refuses the
    unit then.
    """
    try:
        opened = pq.ParquetFile(path)
    except (pa.ArrowInvalid, pa.ArrowException, OSError):
        raise InputError("is not a whole Parquet file: it is cut off or damaged", file=file) from None
    with opened:
        names = opened.schema_arrow.names
        rows = opened.metadata.num_rows
    refuse_doubles(names, file)
    if ROW_NUMBER in names:
        raise InputError("this name is reserved: rename the column", file=file, field=ROW_NUMBER)
    return Staged(file, path, source_columns(path, file), rows, f"{ROW_NUMBER} + 1")
