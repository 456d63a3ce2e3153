"""Places of everybody by a value: the kernel behind `rank` and `portion` in a night.

A window function over 10 million rows would carry every column through a sort; here only the ranked
value and its group are held, as two arrays in customer order.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def places(
    values: pa.ChunkedArray, groups: list[pa.ChunkedArray], *, descending: bool, parts: int
) -> pa.Array:
    """Place of each row (1 first, ties by position), or its portion of `parts`; null for unknown.

    `values` and each of `groups`: one value per customer, in customer order. Returns int64.
    """
    values = values.combine_chunks()
    known = pc.is_valid(values).to_numpy(zero_copy_only=False)
    order = "descending" if descending else "ascending"
    overall = pc.rank(values, sort_keys=order, tiebreaker="first").to_numpy()
    if groups:
        place, size = _within(overall, known, _codes(groups))
    else:
        place, size = overall.astype(np.int64), np.array(known.sum())
    if parts:
        place = 1 + (place - 1) * parts // np.maximum(size, 1)
    return pa.array(place.astype(np.int64), mask=~known)


def _codes(groups: list[pa.ChunkedArray]) -> np.ndarray:
    """One number per combination of group values; unknown is a group of its own."""
    code: np.ndarray | None = None
    for group in groups:
        column = pc.dictionary_encode(group.combine_chunks(), null_encoding="encode")
        own = column.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        code = own if code is None else code * len(column.dictionary) + own
    assert code is not None
    return np.unique(code, return_inverse=True)[1]


def _within(overall: np.ndarray, known: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    by_group = np.lexsort((overall, ~known, codes))
    sorted_codes = codes[by_group]
    starts = np.flatnonzero(np.r_[True, sorted_codes[1:] != sorted_codes[:-1]])
    lengths = np.diff(np.r_[starts, len(codes)])
    place = np.empty(len(codes), np.int64)
    place[by_group] = np.arange(len(codes)) - np.repeat(starts, lengths) + 1
    return place, np.bincount(codes, weights=known).astype(np.int64)[codes]
