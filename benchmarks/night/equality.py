"""Whether two profiles hold the same values, column by column."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

Parts = Sequence[Path]


def columns_of(parts: Parts) -> dict[str, pa.DataType]:
    """Names and types."""
    schema = pq.read_schema(parts[0])
    return {field.name: field.type for field in schema}


def differing(ours: Parts, theirs: Parts) -> list[str]:
    """What is not equal, a sentence for each column both have: its type, or how many customers.

    Both are in customer order. One column is held at a time.
    """
    left, right = columns_of(ours), columns_of(theirs)
    found = []
    for name in (n for n in left if n in right):
        if left[name] != right[name]:
            found.append(f"{name}: {left[name]} here, {right[name]} there")
            continue
        mine, their = _column(ours, name), _column(theirs, name)
        if len(mine) != len(their):
            found.append(f"{name}: {len(mine):,} rows here, {len(their):,} there")
        elif not mine.equals(their):
            apart = pc.fill_null(pc.not_equal(mine, their), False)
            known = pc.not_equal(pc.is_valid(mine), pc.is_valid(their))
            count = pc.sum(pc.or_(apart, known)).as_py()
            found.append(f"{name}: {count:,} customers differ")
    return found


def _column(parts: Parts, name: str) -> pa.Array:
    return pa.concat_tables([pq.read_table(part, columns=[name]) for part in parts])[name].combine_chunks()
