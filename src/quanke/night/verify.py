"""The proof that a night is what all rows give: a sample of its customers computed again.

A carried night adds what came and takes off what left; this computes golden customers, aggregates and
definitions of some ranges of customers from every row, by the statement a first night uses, and compares
every column bit for bit.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from quanke.engines.duckdb import DIALECT
from quanke.engines.statements import plan, statement
from quanke.kernel.errors import NightError
from quanke.night.inputs import write_golden
from quanke.night.steps import Run, before_sql, by_customer, golden_fields, over_parts, split

SAMPLE = 65_536
"""Customers computed again where nothing else is said."""
RANGE = 4_096
"""Customers of one range of the sample."""


@dataclass(frozen=True)
class Verified:
    """How many customers and columns were computed again and found equal."""

    customers: int
    columns: int

    def told(self) -> dict[str, int]:
        """For the manifest."""
        return {"customers": self.customers, "columns": self.columns}


def verify(run: Run, part: Callable[[int], Path], sample: int = SAMPLE) -> Verified:
    """Compute about `sample` customers of the base group again and compare; `part` gives the file of a part.

    The ranges lie evenly over all customers, moved by the seed and the day. Raises NightError naming the
    columns that differ and for how many customers, never a value.
    """
    base, _ = split(run.catalogue)
    planned = plan(base)
    ranges = _ranges(run.inputs.customers, sample, run.seed + run.day.toordinal())
    small = replace(run.inputs, bucket=RANGE)
    fields = golden_fields(run.catalogue)
    foreign = run.working.file("foreign.parquet")
    apart: dict[str, int] = {}
    with tempfile.TemporaryDirectory(dir=run.working.path) as folder:

        def again(connection: duckdb.DuckDBPyConnection, number: int) -> None:
            low, high = small.reach(number)
            golden = Path(folder) / f"{number}.parquet"
            write_golden(small, number, fields, connection, golden)
            before = before_sql(run.earlier, run.catalogue, planned.before, low, high)
            sources = small.sources(number, golden, foreign if foreign.exists() else None, before=before)
            sql = statement(planned, sources, DIALECT, run.day, ordered=False)
            made = by_customer(connection.sql(sql).to_arrow_table(), low, high)
            wanted = run.absorbed.emptied(made, low)
            held = _slice(run, part, low, high)
            for name in wanted.column_names:
                count = _apart(held[name], wanted[name])
                if count:
                    apart[name] = apart.get(name, 0) + count

        over_parts(run, "a sample computed again", ranges, again)
    customers = sum(high - low for low, high in map(small.reach, ranges))
    if apart:
        named = ", ".join(f"{name} ({count})" for name, count in sorted(apart.items()))
        raise NightError(
            f"the night of {run.day} is not what all rows give: of {customers:,} customers "
            f"computed again these columns differ (for so many): {named}; compute it with --full"
        )
    return Verified(customers, len(base))


def _ranges(customers: int, sample: int, seed: int) -> list[int]:
    """Numbers of ranges of RANGE customers, evenly spread."""
    there = max(1, -(-customers // RANGE))
    wanted = min(there, max(1, -(-sample // RANGE)))
    first = np.random.default_rng(seed).integers(there)
    return sorted({int((first + i * there // wanted) % there) for i in range(wanted)})


def _slice(run: Run, part: Callable[[int], Path], low: int, high: int) -> pa.Table:
    """Rows of a range, which may reach over two parts."""
    pieces = []
    bucket = run.inputs.bucket
    for number in range(low // bucket, (high - 1) // bucket + 1):
        begin = number * bucket
        table = pq.read_table(part(number))
        pieces.append(table.slice(max(low - begin, 0), min(high - begin, bucket) - max(low - begin, 0)))
    return pa.concat_tables(pieces)


def _apart(held: pa.ChunkedArray, wanted: pa.ChunkedArray) -> int:
    if held.type != wanted.type:
        return len(wanted)
    if held.equals(wanted):
        return 0
    pairs = zip(held.to_pylist(), wanted.to_pylist(), strict=True)
    return sum(1 for one, other in pairs if one != other or (one is None) != (other is None))
