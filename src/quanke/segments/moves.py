"""Who moved from one night to the next: a table of how many went from where to where, and the
customers who did.

Values stand in customer order: place i is the customer with number i. Numbers are dense and never
reused, so a later night may know more customers, at the end; should it know fewer, those are gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Values: TypeAlias = pa.Array | pa.ChunkedArray | pa.Table

MIGRATION = pa.schema(
    [
        ("tag", pa.string()),
        ("from", pa.string()),
        ("to", pa.string()),
        ("move", pa.string()),
        ("customers", pa.int64()),
    ]
)
CHANGED = pa.schema(
    [("customer", pa.int32()), ("from", pa.string()), ("to", pa.string()), ("move", pa.string())]
)
WIDEST = 2_000
"""Values up to which pairs are counted in a square instead of sorted."""
KINDS = ("stayed", "moved", "up", "down", "new", "gone")
"""`new`: the earlier night did not know the customer; `gone`: the later one does not. `up` and
`down` stand for `moved` where the values have an order and both are in it."""


@dataclass(frozen=True)
class Moves:
    """`migration`: one row per tag, from, to and move, with the number of customers, those who stayed
    included; null is "no value". `changed`: one row per customer who did not stay, by number."""

    migration: pa.Table
    changed: pa.Table


def moves(
    before: Values | None,
    after: Values,
    name: str,
    order: Sequence[str] = (),
    absent: tuple[NDArray[np.int32], NDArray[np.int32]] | None = None,
) -> Moves:
    """Moves of the tag `name` between two nights.

    `before` and `after` hold one value per customer, by number (a table holds them in its column
    `name`); without a `before` nothing has moved and both tables are empty. `order`, lowest value
    first, tells up from down. `absent` are the numbers nobody went by in the earlier and in the later night
    (taken into another customer): who is absent later is gone, who was absent earlier is new.
    """
    if before is None:
        return Moves(MIGRATION.empty_table(), CHANGED.empty_table())
    names, old, new = _codes(_column(before, name), _column(after, name))
    known_before, known_after = len(old), len(new)
    count = max(known_before, known_after)
    nobody = len(names)  # code of "not known in that night", after the values and null
    old = np.concatenate([old, np.full(count - known_before, nobody, dtype=np.int32)])
    new = np.concatenate([new, np.full(count - known_after, nobody, dtype=np.int32)])
    for codes, numbers in zip((old, new), absent or (), strict=False):
        codes[numbers] = nobody
    there = np.flatnonzero((old < nobody) | (new < nobody)).astype(np.int32)
    old, new = old[there], new[there]
    return Moves(_migration(names, old, new, name, order), _changed(there, names, old, new, order))


def added_up(migrations: Sequence[pa.Table]) -> pa.Table:
    """One migration table of a tag out of those of several ranges of customers, as `moves` of everybody gives
    it."""
    counts: dict[tuple[str | None, str | None, str], int] = {}
    for row in pa.concat_tables([MIGRATION.empty_table(), *migrations]).to_pylist():
        cell = (row["from"], row["to"], row["move"])
        counts[cell] = counts.get(cell, 0) + row["customers"]
        tag = row["tag"]
    rows = [
        {"tag": tag, "from": source, "to": target, "move": move, "customers": counts[source, target, move]}
        for source, target, move in sorted(counts, key=_place)
    ]
    return pa.Table.from_pylist(rows, MIGRATION)


def _place(cell: tuple[str | None, str | None, str]) -> tuple[tuple[int, str], tuple[int, str]]:
    """Where a pair stands: by text, then no value, then not known in that night."""
    source, target, move = cell
    unknown = {"new": (2, 1), "gone": (1, 2)}.get(move, (1, 1))
    ends = [(unknown[i], "") if value is None else (0, value) for i, value in enumerate((source, target))]
    return ends[0], ends[1]


def _column(values: Values, name: str) -> pa.ChunkedArray:
    column = values[name] if isinstance(values, pa.Table) else values
    return column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])


def _codes(
    before: pa.ChunkedArray, after: pa.ChunkedArray
) -> tuple[list[str | None], NDArray[np.int32], NDArray[np.int32]]:
    """All values in text order, null last, and the place of each customer's value among them."""
    texts = [pc.cast(column, pa.string()) for column in (before, after)]
    found = pc.unique(pa.chunked_array([*texts[0].chunks, *texts[1].chunks], pa.string()))
    values = sorted(v for v in found.to_pylist() if v is not None)
    look_up = pa.array(values, pa.string())
    codes = []
    for column in texts:
        place = pc.fill_null(pc.index_in(column, value_set=look_up), len(values))
        codes.append(place.to_numpy().astype(np.int32))
    return [*values, None], codes[0], codes[1]


def _migration(
    names: list[str | None],
    old: NDArray[np.int32],
    new: NDArray[np.int32],
    name: str,
    order: Sequence[str],
) -> pa.Table:
    width = len(names) + 1
    cells, _, counts = _cells(old, new, width)
    rows = [
        {**_move(names, int(cell) // width, int(cell) % width, order), "tag": name, "customers": int(count)}
        for cell, count in zip(cells, counts, strict=True)
    ]
    return pa.Table.from_pylist(rows, MIGRATION)


def _cells(
    old: NDArray[np.int32], new: NDArray[np.int32], width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The pairs (from, to) that occur, as `from * width + to` ascending; for each customer the place of
    his pair; and how many have each."""
    pairs = old.astype(np.int64) * width + new
    if width > WIDEST:
        cells, places, counts = np.unique(pairs, return_inverse=True, return_counts=True)
        return cells, places, counts
    every = np.bincount(pairs, minlength=width * width)
    cells = np.flatnonzero(every)
    place = np.zeros(width * width, dtype=np.int64)
    place[cells] = np.arange(len(cells))
    return cells, place[pairs], every[cells]


def _changed(
    numbers: NDArray[np.int32],
    names: list[str | None],
    old: NDArray[np.int32],
    new: NDArray[np.int32],
    order: Sequence[str],
) -> pa.Table:
    width = len(names) + 1
    who = np.flatnonzero(old != new)
    cells, cell_of, _ = _cells(old[who], new[who], width)
    said = [_move(names, int(cell) // width, int(cell) % width, order) for cell in cells]
    columns = {
        key: pa.array([s[key] for s in said], pa.string()).take(pa.array(cell_of))
        for key in ("from", "to", "move")
    }
    return pa.table({"customer": pa.array(numbers[who]), **columns}, schema=CHANGED)


def _move(names: list[str | None], old: int, new: int, order: Sequence[str]) -> dict[str, str | None]:
    source = names[old] if old < len(names) else None
    target = names[new] if new < len(names) else None
    if old == len(names):
        kind = "new"
    elif new == len(names):
        kind = "gone"
    elif old == new:
        kind = "stayed"
    elif source in order and target in order:
        kind = "up" if order.index(target) > order.index(source) else "down"
    else:
        kind = "moved"
    return {"from": source, "to": target, "move": kind}
