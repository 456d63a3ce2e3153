"""Walks through trees, compiled: many rows for their sums, one row for its Shapley values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from quanke.plans.scores.trees import DEEPEST

BLOCK = 1_024
"""Rows that go through all trees together: what is known of where they are stays in the cache."""


def compiled(function: Callable[..., Any]) -> Any:
    """Machine code that runs without Python's lock, kept on disk where it can be."""
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:
        return numba.njit(nogil=True)(function)


@compiled
def walk(columns, start, feature, threshold, left, right, unknown_left, value, out):  # type: ignore
    """Add the leaf of every tree to `out`, tree after tree for each row: the sum does not depend on blocks.

    `columns` are features x rows. Node after node it is worked out which rows of a block come by: one
    comparison over a column each, which a processor does for many rows at once, where following one row
    after the other would guess wrong at every second node.
    """
    count, most = columns.shape[1], 0
    for tree in range(len(start) - 1):
        most = max(most, start[tree + 1] - start[tree])
    by = np.empty((most, BLOCK), np.bool_)
    leaf = np.empty(BLOCK)
    for first in range(0, count, BLOCK):
        size = min(BLOCK, count - first)
        for tree in range(len(start) - 1):
            root = start[tree]
            leaf[:size] = 0.0
            by[0, :size] = True
            for node in range(root, start[tree + 1]):
                own = by[node - root]
                if left[node] < 0:
                    for i in range(size):
                        leaf[i] += value[node] * own[i]
                    continue
                goes_left, goes_right = by[left[node] - root], by[right[node] - root]
                column, limit = columns[feature[node]], threshold[node]
                if unknown_left[node]:
                    for i in range(size):
                        above = column[first + i] > limit
                        goes_right[i] = own[i] & above
                        goes_left[i] = own[i] & (not above)
                else:
                    for i in range(size):
                        below = column[first + i] <= limit
                        goes_left[i] = own[i] & below
                        goes_right[i] = own[i] & (not below)
            for i in range(size):
                out[first + i] += leaf[i]


@compiled
def shapley(row, start, feature, threshold, left, right, missing_left, value, cover, found):  # type: ignore[no-untyped-def]
    """Add the Shapley values of a row to `found`; returns what is expected before anything is known.

    Each leaf is a game of its own: it pays its value times, over the features on its path, 1 or 0 (does the
    row go that way?) where the feature is known and the share of training rows that did where it is not. A
    product of such factors has Shapley values that are sums over the coefficients of a polynomial.
    """
    expected = 0.0
    path = np.empty(DEEPEST, np.int64)
    known = np.empty(DEEPEST)
    share = np.empty(DEEPEST)
    poly = np.empty(DEEPEST + 1)
    weight = np.empty(DEEPEST + 1)
    parent = np.full(len(feature), -1, np.int64)
    for node in range(len(feature)):
        if left[node] >= 0:
            parent[left[node]] = node
            parent[right[node]] = node
    for leaf in range(len(feature)):
        if left[leaf] >= 0:
            continue
        size = 0
        node = leaf
        while parent[node] >= 0:
            above = parent[node]
            x = row[feature[above]]
            goes_left = missing_left[above] == 1 if np.isnan(x) else x <= threshold[above]
            fits = 1.0 if goes_left == (left[above] == node) else 0.0
            part = cover[node] / cover[above]
            at = 0
            while at < size and path[at] != feature[above]:
                at += 1
            if at == size:
                path[at], known[at], share[at] = feature[above], 1.0, 1.0
                size += 1
            known[at] *= fits
            share[at] *= part
            node = above
        product = value[leaf]
        for j in range(size):
            product *= share[j]
        expected += product
        # weight[k] = k! (size - 1 - k)! / size!
        if size > 0:
            weight[0] = 1.0 / size
            for k in range(1, size):
                weight[k] = weight[k - 1] * k / (size - k)
        for i in range(size):
            poly[0] = 1.0
            degree = 0
            for j in range(size):
                if j != i:
                    poly[degree + 1] = 0.0
                    for k in range(degree + 1, 0, -1):
                        poly[k] = poly[k] * share[j] + poly[k - 1] * known[j]
                    poly[0] *= share[j]
                    degree += 1
            total = 0.0
            for k in range(degree + 1):
                total += weight[k] * poly[k]
            found[path[i]] += value[leaf] * (known[i] - share[i]) * total
    return expected
