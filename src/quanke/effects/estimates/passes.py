"""The two passes over all customers, compiled.

A cell is an arm within a stratum: `2 * stratum + arm`, arm 1 treated. `x` is (n, k), one row per customer.
Each call works on rows `low` to `high - 1` and writes only to what it is given, so that how many run at once
decides nothing: the blocks are fixed by the number of rows and added up in their order.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BLOCKS, SMALLEST = 16, 65_536
"""At most so many blocks, of at least so many rows."""

MOST_SUMS = 1 << 25
"""Sums that all blocks may keep together: a quarter of a gigabyte."""


def compiled(function: Callable[..., Any]) -> Any:
    """Machine code that runs without Python's lock, kept on disk where it can be."""
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:
        return numba.njit(nogil=True)(function)


@compiled
def gather(low, high, y, d, x, arm, stratum, centre, out, missing):  # type: ignore[no-untyped-def]
    """Add to `out`, by cell: customers, sums of (y, d, x) from `centre`, sums of their products.

    Columns: 1, p, p (p + 1) / 2 with p = 1 + (1 if there is a denominator) + k. A customer whose outcome or
    denominator is not known adds to `missing` (by arm) and to nothing else.
    """
    ratio, k = len(d) > 0, x.shape[1]
    p = 1 + ratio + k
    v = np.empty(p)
    for i in range(low, high):
        v[0] = y[i] - centre[0]
        if ratio:
            v[1] = d[i] - centre[1]
        if np.isnan(v[0]) or (ratio and np.isnan(v[1])):
            missing[arm[i]] += 1
            continue
        for j in range(k):
            v[1 + ratio + j] = x[i, j] - centre[1 + ratio + j]
        cell = 2 * stratum[i] + arm[i]
        out[cell, 0] += 1.0
        at = 1 + p
        for a in range(p):
            out[cell, 1 + a] += v[a]
            for b in range(a + 1):
                out[cell, at] += v[a] * v[b]
                at += 1


@compiled
def spread(  # type: ignore[no-untyped-def]
    low, high, y, d, x, arm, stratum, place, weight, mean, ratio_of, size_of, slope, inverse, tilt, cluster,
    squares, tails, sums,
):  # fmt: skip
    """Add up what the variance is made of: squared scores by cell, signed scores by cluster and arm.

    A customer's score is his weight in the difference times his residual e. `squares` gets
    score^2 / (1 - h)^2 with his leverage h (HC3), or without covariates score^2 / (1 - h) (HC2), `tails`
    the largest of these. `place`: the stratum each stratum counts in, -1 for left out. `weight`: signed
    w_s / n_as, and 1 / n_as, by cell; `mean`: (cells, p) means of (y, d, x). By arm: `ratio_of` R, `size_of`
    D of z = (y - R d) / D. `slope` (k,), `inverse` (k, k) of the covariates' sums of squares, `tilt` (k,).
    """
    ratio, k = len(d) > 0, x.shape[1]
    at = 1 + ratio
    off = np.empty(k)
    for i in range(low, high):
        s = place[stratum[i]]
        if s < 0 or np.isnan(y[i]) or (ratio and np.isnan(d[i])):
            continue
        a = arm[i]
        cell = 2 * s + a
        e = y[i] - mean[cell, 0]
        if ratio:
            e = (e - ratio_of[a] * (d[i] - mean[cell, 1])) / size_of[a]
        for j in range(k):
            off[j] = x[i, j] - mean[cell, at + j]
            e -= slope[j] * off[j]
        q = weight[cell, 0]
        h = weight[cell, 1]
        for j in range(k):
            along = 0.0
            for m in range(k):
                along += inverse[j, m] * off[m]
            q += tilt[j] * along
            h += off[j] * along
        score = q * e
        if h < 1.0 - 1e-9:
            square = score * score / (1.0 - h)
            if k:
                square /= 1.0 - h
            squares[cell] += square
            tails[0] = max(tails[0], square)
        tails[1] += e * e
        tails[2] += e * e * e
        if len(cluster):
            sums[cluster[i], a] += score


def in_blocks(rows: int, count: int, work: Callable[[int, int, int], None]) -> None:
    """Call `work(block, low, high)` for every block, as many at once as there are processors."""
    edges = [rows * b // count for b in range(count + 1)]
    if count == 1:
        work(0, 0, rows)
        return
    at_once = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with ThreadPoolExecutor(min(count, at_once)) as pool:
        list(pool.map(work, range(count), edges[:-1], edges[1:]))


def blocks_of(rows: int, sums: int) -> int:
    """Number of blocks for so many rows, each of which keeps so many sums: not the machine decides it."""
    return max(1, min(BLOCKS, rows // SMALLEST, MOST_SUMS // max(1, sums)))
