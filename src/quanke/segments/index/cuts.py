"""Sets of codes as *cuts*: ascending numbers at which membership changes, first to inside.

`(3, 5, 9, 10)` holds 3, 4 and 9. Every condition on one column is such a set, because codes keep the order
of the values. The number of cuts is even.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

Cuts = tuple[int, ...]

NOTHING: Cuts = ()


def everything(size: int) -> Cuts:
    """All codes below `size`."""
    return (0, size) if size else NOTHING


def between(low: int, high: int) -> Cuts:
    """Codes from `low` to `high - 1`."""
    return (low, high) if low < high else NOTHING


def pairs(cuts: Cuts) -> Iterable[tuple[int, int]]:
    """The set's ranges: first code, and the one after the last."""
    return zip(cuts[::2], cuts[1::2], strict=True)


def inverted(cuts: Cuts, size: int) -> Cuts:
    """Codes below `size` that are not in the set."""
    start = cuts[1:] if cuts and cuts[0] == 0 else (0, *cuts)
    return start[:-1] if start and start[-1] == size else (*start, size)


def common(a: Cuts, b: Cuts) -> Cuts:
    """Codes in both sets."""
    return _swept(a, b, 2)


def joined(a: Cuts, b: Cuts) -> Cuts:
    """Codes in either set."""
    return _swept(a, b, 1)


def _swept(a: Cuts, b: Cuts, least: int) -> Cuts:
    found: list[int] = []
    inside = False
    for at in sorted({*a, *b}):
        held = (bisect_right(a, at) & 1) + (bisect_right(b, at) & 1) >= least
        if held != inside:
            found.append(at)
            inside = held
    return tuple(found)


def of_flags(flags: npt.NDArray[np.bool_]) -> Cuts:
    """Codes whose flag is set."""
    edges = np.diff(flags.astype(np.int8), prepend=0, append=0)
    return tuple(np.flatnonzero(edges).tolist())


def to_flags(cuts: Cuts, size: int) -> npt.NDArray[np.bool_]:
    """A flag for each code below `size`."""
    steps = np.zeros(size + 1, np.int8)
    steps[list(cuts[::2])] += 1
    steps[list(cuts[1::2])] -= 1
    return np.cumsum(steps[:size]).astype(np.bool_)


def in_buckets(cuts: Cuts, edges: Sequence[int], size: int) -> tuple[Cuts, Cuts]:
    """Buckets that lie wholly in the set, and those of which only a part does.

    Bucket j holds the codes from `edges[j]` up to the next edge, the last one up to `size`.
    """
    whole: list[int] = []
    partly: set[int] = set()
    for low, high in pairs(cuts):
        first = bisect_left(edges, low)
        last = len(edges) if high == size else bisect_right(edges, high) - 1
        if first == len(edges) or edges[first] != low:
            partly.add(first - 1)
        if high != size and edges[last] != high:
            partly.add(last)
        if first < last:
            if whole and whole[-1] == first:
                whole[-1] = last
            else:
                whole += [first, last]
    doubt: list[int] = []
    for bucket in sorted(partly):
        if doubt and doubt[-1] == bucket:
            doubt[-1] = bucket + 1
        else:
            doubt += [bucket, bucket + 1]
    return tuple(whole), tuple(doubt)
