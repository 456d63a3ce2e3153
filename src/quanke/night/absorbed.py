"""Customer numbers that were taken into another customer: they keep their row in the profile, which is empty.

Numbers are dense and never reused, so a profile has a row for each; but nobody stands behind an absorbed one,
and it must not be counted, ranked, clustered or found.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from quanke.engines.duckdb.relations import files_sql


class Absorbed:
    """Absorbed numbers, rising."""

    def __init__(self, numbers: npt.NDArray[np.int32]) -> None:
        self.numbers = numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def emptied(self, table: pa.Table, first: int) -> pa.Table:
        """A part of the profile that begins at customer `first`, with the rows of absorbed customers null."""
        low, high = np.searchsorted(self.numbers, [first, first + table.num_rows])
        if low == high:
            return table
        gone = np.zeros(table.num_rows, dtype=np.bool_)
        gone[self.numbers[low:high] - first] = True
        mask = pa.array(gone)
        for at, name in enumerate(table.column_names):
            if name != "customer":
                column = pc.if_else(mask, pa.scalar(None, table.schema.field(name).type), table[name])
                table = table.set_column(at, name, column)
        return table


def absorbed_of(path: Path) -> Absorbed:
    """Absorbed numbers of a night, from its `absorbed.parquet`; none where a night has no such file."""
    if not path.exists():
        return Absorbed(np.empty(0, dtype=np.int32))
    return Absorbed(pq.read_table(path, columns=["customer"])["customer"].to_numpy())


def without_absorbed(relation: str, path: Path) -> str:
    """An SQL relation with `customer`, less the customers listed in `absorbed.parquet` at `path`."""
    if not path.exists() or not pq.read_metadata(path).num_rows:
        return relation
    return f"(SELECT t.* FROM {relation} AS t ANTI JOIN {files_sql([path])} AS k ON k.customer = t.customer)"
