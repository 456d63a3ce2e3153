"""The order in which the engine is given the rows of a step: for each customer the order of coming.

The engine takes rows of one table at a time. Rows of different tables are therefore cut into rounds: within a
round the tables follow each other, and no customer's row of a later table comes before one of an earlier
table in his order of coming. Nearly always one round holds everything but a few customers' rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

PLACE = "#place"


def rounds(rows: Mapping[str, pa.Table]) -> Iterator[tuple[str, pa.Table]]:
    """Rows by table, with `customer` and `#place`, as (table, rows) to be taken one after the other."""
    if len(rows) <= 1:
        yield from rows.items()
        return
    names = list(rows)
    customer = np.concatenate([rows[name]["customer"].to_numpy() for name in names])
    place = np.concatenate([rows[name][PLACE].to_numpy() for name in names])
    table = np.repeat(np.arange(len(names)), [rows[name].num_rows for name in names])
    number = _numbers(customer, place, table)
    bounds = np.cumsum([0, *(rows[name].num_rows for name in names)])
    for now in range(int(number.max(initial=0)) + 1):
        for at, name in enumerate(names):
            mine = np.flatnonzero(number[bounds[at] : bounds[at + 1]] == now)
            if len(mine):
                yield (
                    name,
                    rows[name] if len(mine) == rows[name].num_rows else rows[name].take(pa.array(mine)),
                )


def _numbers(
    customer: npt.NDArray[np.int32], place: npt.NDArray[np.int64], table: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """The round of each row: one more each time a customer goes back to an earlier table."""
    order = np.lexsort((place, customer))
    same = np.diff(customer[order], prepend=-1) == 0
    back = np.diff(table[order], prepend=0) < 0
    steps = np.cumsum(same & back)
    starts = np.maximum.accumulate(np.where(same, 0, np.arange(len(order))))
    number = np.empty(len(order), np.int64)
    number[order] = steps - steps[starts]
    return number


def between(rows: Mapping[str, pa.Table], low: int, high: int) -> dict[str, pa.Table]:
    """The rows whose place lies from `low` up to, not including, `high`. Rows are in order of place."""
    found = {}
    for name, table in rows.items():
        first, last = np.searchsorted(table[PLACE].to_numpy(), [low, high])
        if last > first:
            found[name] = table.slice(first, last - first)
    return found
