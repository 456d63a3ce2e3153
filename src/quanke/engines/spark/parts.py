"""Parts of a night written where they are computed: by the executors, into the store, as on one machine.

What comes here is one row per customer. Rows of a part go to one task, which puts them in order and writes
the part with pyarrow through `quanke.engines.store.files`, so that equal values give equal bytes whatever
engine computed them. The driver hears how many rows each part has and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from quanke.engines.store.files import write_parquet

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

WROTE = pa.schema([("part", pa.int32()), ("rows", pa.int64())])
_WROTE_SPARK = "part INT, rows BIGINT"


@dataclass(frozen=True)
class Parts:
    """A group of the profile as executors write it. `path` gives a part's file; `finish` is the last touch to
    a part's table, given the customer it begins at."""

    path: Callable[[int], Path]
    schema: pa.Schema
    bucket: int
    finish: Callable[[pa.Table, int], pa.Table]

    def write(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Write the parts whose rows come in, in customer order; yields `WROTE`."""
        held: list[pa.RecordBatch] = []
        part = -1
        for batch in batches:
            while batch.num_rows:
                first = batch.column("customer")[0].as_py() // self.bucket
                if first != part and held:
                    yield self._written(part, held)
                    held = []
                part = first
                before = _below(batch, (part + 1) * self.bucket)
                held.append(batch.slice(0, before))
                batch = batch.slice(before)
        if held:
            yield self._written(part, held)

    def _written(self, part: int, batches: list[pa.RecordBatch]) -> pa.RecordBatch:
        table = pa.Table.from_batches(batches).select(self.schema.names).cast(self.schema)
        write_from_task(self.path(part), self.finish(table, part * self.bucket))
        return pa.RecordBatch.from_arrays(
            [pa.array([part], pa.int32()), pa.array([table.num_rows], pa.int64())], schema=WROTE
        )


def _below(batch: pa.RecordBatch, bound: int) -> int:
    """How many rows at the beginning are of customers below `bound`."""
    numbers = batch.column("customer").to_numpy()
    return int(numbers.searchsorted(bound))


def write_from_task(path: Path, table: pa.Table) -> None:
    """Write a file of the night from a task: one that Spark tries again while a lost one still writes must
    not meet it, so each writes under a name of its own."""
    from pyspark import TaskContext

    context = TaskContext.get()
    own = path.with_name(f"{path.name}.{context.taskAttemptId() if context else 0}.part")
    write_parquet(own, table)
    own.replace(path)


def write_parts(rows: DataFrame, parts: Parts, first: int, last: int) -> dict[int, int]:
    """Write parts `first` to `last` out of rows with a column `customer`; rows by part.

    Whoever asked has to see that every part has come with all its rows.
    """
    from pyspark.sql.functions import expr

    placed = rows.repartitionById(
        last - first + 1, expr(f"CAST(customer div {parts.bucket} - {first} AS INT)")
    )
    written = placed.sortWithinPartitions("customer").mapInArrow(parts.write, _WROTE_SPARK).toArrow()
    return dict(zip(written["part"].to_pylist(), written["rows"].to_pylist(), strict=True))


def over_numbers(
    session: SparkSession,
    numbers: Sequence[int],
    work: Callable[[int], pa.RecordBatch],
    schema: pa.Schema,
    spark_schema: str,
) -> pa.Table:
    """Run `work` for each number, each in a task of its own; what they answer, as one table."""
    from pyspark.sql.functions import expr

    numbers = list(numbers)
    if not numbers:
        return schema.empty_table()
    low = min(numbers)

    def each(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column("number").to_pylist():
                yield work(number)

    asked = session.createDataFrame(pa.table({"number": pa.array(numbers, pa.int32())}))
    placed = asked.repartitionById(max(numbers) - low + 1, expr(f"CAST(number - {low} AS INT)"))
    return placed.mapInArrow(each, spark_schema).toArrow()
