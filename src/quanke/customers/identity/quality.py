"""How well found groups meet the true ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def quality(labels_true: npt.ArrayLike, labels_found: npt.ArrayLike) -> dict[str, float]:
    """Precision, recall and F1 of found groups, by pairs and by whole groups.

    Labels are one per record, any values. By pairs: pairs of records in one group. By groups: groups found
    with exactly the right members, over groups found (precision) and over true groups (recall); groups of
    one count as well. Each is 1.0 where there is nothing to find.
    """
    true, found = (np.unique(np.asarray(x), return_inverse=True)[1] for x in (labels_true, labels_found))
    if len(true) != len(found):
        raise ValueError("one true and one found label are wanted per record")
    width = int(found.max()) + 1 if len(found) else 1
    cells, counts = np.unique(true.astype(np.int64) * width + found, return_counts=True)
    true_sizes, found_sizes = np.bincount(true), np.bincount(found)
    both = _pairs(counts)
    whole = int(np.sum((true_sizes[cells // width] == counts) & (found_sizes[cells % width] == counts)))
    result = _scores(both, _pairs(found_sizes), _pairs(true_sizes), "")
    result |= _scores(whole, len(found_sizes), len(true_sizes), "cluster_")
    return result


def _pairs(sizes: npt.NDArray[Any]) -> int:
    return int(np.sum(sizes.astype(np.int64) * (sizes.astype(np.int64) - 1) // 2))


def _scores(hit: int, found: int, true: int, prefix: str) -> dict[str, float]:
    precision, recall = hit / found if found else 1.0, hit / true if true else 1.0
    total = precision + recall
    return {
        f"{prefix}precision": precision,
        f"{prefix}recall": recall,
        f"{prefix}f1": 2 * precision * recall / total if total else 0.0,
    }
