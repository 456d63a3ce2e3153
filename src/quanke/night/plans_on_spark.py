"""A plan for a base that stands in Spark: portions in tasks, prices moved by the driver.

Rows are dealt out to portions by the number of the customer and kept in the executors' memory. Each pass over
everybody is one job whose tasks answer with sums by row of the limits, whatever Spark's partitions; customers
come to the driver only as the samples that `quanke.plans.portions` asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quanke.plans.dual import Pass
from quanke.plans.limits import Amounts
from quanke.plans.portions import (
    Frame,
    PortionPlan,
    Sums,
    partial_choice,
    partial_pass,
    partial_plan,
    partial_sample,
    planned_over,
    portion_of,
)

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

PORTIONS = 64
"""Portions of a base, unless the caller says otherwise."""
_PASS = pa.schema(
    [
        ("portion", pa.int32()),
        ("value", pa.float64()),
        ("usage", pa.list_(pa.float64())),
        ("pairs", pa.list_(pa.int64())),
        ("curve", pa.list_(pa.float64())),
    ]
)
_PASS_SPARK = "portion INT, value DOUBLE, usage ARRAY<DOUBLE>, pairs ARRAY<BIGINT>, curve ARRAY<DOUBLE>"
_SUMS = pa.schema(
    [
        ("portion", pa.int32()),
        ("value", pa.float64()),
        ("net", pa.float64()),
        ("usage", pa.list_(pa.float64())),
        ("impossible", pa.bool_()),
    ]
)
_SUMS_SPARK = "portion INT, value DOUBLE, net DOUBLE, usage ARRAY<DOUBLE>, impossible BOOLEAN"
_CHOSEN = pa.schema([("customer", pa.int64()), ("actions", pa.list_(pa.int16()))])
_CHOSEN_SPARK = "customer BIGINT, actions ARRAY<SMALLINT>"


def plan_on_spark(rows: DataFrame, frame: Frame, portions: int = PORTIONS) -> tuple[PortionPlan, DataFrame]:
    """The plan of everybody in `rows`, and their actions (`customer`, `actions`: the most valuable first).

    `rows`: `customer`, `values` (array by action, null: not eligible) and the columns the frame names. The
    result depends on `portions`, in the last digits, and on nothing else of how Spark runs. Raises
    AllocationError as `quanke.plans.allocate` does.
    """
    base = SparkPortions(rows, frame, portions)
    try:
        found = planned_over(base, frame)
    finally:
        base.close()
    return found, base.plan(found)


class SparkPortions:
    """Portions of a base in Spark."""

    def __init__(self, rows: DataFrame, frame: Frame, portions: int) -> None:
        from pyspark.sql.functions import expr

        number = f"CAST(pmod(customer, {portions}) AS INT)"
        self._rows = rows.withColumn("portion", expr(number)).repartition(expr("portion")).persist()
        self._frame = frame

    def close(self) -> None:
        """Let go of the executors' memory."""
        self._rows.unpersist()

    @cached_property
    def customers(self) -> int:
        """How many there are."""
        return int(self._rows.count())

    def passes(self, price: Amounts, delta: float) -> list[Pass]:
        """`partial_pass` of each portion."""
        found = self._asked(_Passes(self._frame, price, delta), _PASS_SPARK)
        columns = [_arrays(found[name]) for name in ("usage", "pairs", "curve")]
        values = found["value"].to_pylist()
        return [Pass(value, *arrays) for value, *arrays in zip(values, *columns, strict=True)]

    def choices(self, price: Amounts) -> list[Sums]:
        """`partial_choice` of each portion."""
        found = self._asked(_Choices(self._frame, price), _SUMS_SPARK)
        values, nets, impossible = (found[name].to_pylist() for name in ("value", "net", "impossible"))
        usages = _arrays(found["usage"])
        return [Sums(v, n, u, bad) for v, n, u, bad in zip(values, nets, usages, impossible, strict=True)]

    def sample(self, stride: int) -> pa.Table:
        """`partial_sample` of each portion, one after the other."""
        return self._asked(_Sample(self._frame, stride), self._rows.schema)

    def plan(self, found: PortionPlan) -> DataFrame:
        """`partial_plan` of each portion."""
        return self._rows.mapInArrow(_each(_Plan(self._frame, found)), _CHOSEN_SPARK)

    def _asked(self, work: _Work, schema: Any) -> pa.Table:
        """What each portion answers, in the order of portions."""
        found = self._rows.mapInArrow(_each(work), schema).toArrow()
        return found.take(pc.sort_indices(found, [("portion", "ascending")]))


def _arrays(column: pa.ChunkedArray) -> list[Any]:
    return [value.values.to_numpy(zero_copy_only=False) for value in column]


_Work = Callable[[pa.Table, int], pa.Table]


def _each(work: _Work) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """The work on each portion of a task."""

    def answered(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        held = list(batches)
        if not held:
            return
        table = pa.Table.from_batches(held)
        for portion in sorted(pc.unique(table["portion"]).to_pylist()):
            own = table.filter(pc.equal(table["portion"], portion))
            # rows come in any order, and equals must not
            own = own.take(pc.sort_indices(own, [("customer", "ascending")]))
            yield from work(own, portion).combine_chunks().to_batches()

    return answered


@dataclass(frozen=True)
class _Passes:
    frame: Frame
    price: Amounts
    delta: float

    def __call__(self, table: pa.Table, portion: int) -> pa.Table:
        found = partial_pass(portion_of(table, self.frame), self.price, self.delta)
        row = [[portion], [found.value], [found.usage], [found.pairs], [found.curve]]
        return pa.table(row, schema=_PASS)


@dataclass(frozen=True)
class _Choices:
    frame: Frame
    price: Amounts

    def __call__(self, table: pa.Table, portion: int) -> pa.Table:
        found = partial_choice(portion_of(table, self.frame), self.price)
        row = [[portion], [found.value], [found.net], [found.usage], [found.impossible]]
        return pa.table(row, schema=_SUMS)


@dataclass(frozen=True)
class _Sample:
    frame: Frame
    stride: int

    def __call__(self, table: pa.Table, portion: int) -> pa.Table:
        return partial_sample(table, portion_of(table, self.frame), self.stride)


@dataclass(frozen=True)
class _Plan:
    frame: Frame
    found: PortionPlan

    def __call__(self, table: pa.Table, portion: int) -> pa.Table:
        found = self.found
        chosen = partial_plan(table, portion_of(table, self.frame), found.price, found.moved, found.chosen)
        offsets = np.arange(0, chosen.size + 1, chosen.shape[1], dtype=np.int32)
        actions = pa.ListArray.from_arrays(pa.array(offsets), pa.array(chosen.ravel()))
        return pa.table([table["customer"].cast(pa.int64()), actions], schema=_CHOSEN)
