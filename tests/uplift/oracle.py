"""Qini and uplift coefficients as scikit-uplift defines them, written out customer by customer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

Row = tuple[float, int, float]
"""Score, whether treated, outcome."""


def qini_height(y: float, z: float, n: int, m: int) -> float:
    return y - (z * n / m if m else 0.0)


def uplift_height(y: float, z: float, n: int, m: int) -> float:
    return ((y / n if n else 0.0) - (z / m if m else 0.0)) * (n + m)


def area(rows: Sequence[Row], height: Callable[[float, float, int, int], float]) -> float:
    """Area between the curve and the straight line to its end."""
    points, y, z, n, m = [(0, 0.0)], 0.0, 0.0, 0, 0
    ordered = sorted(rows, key=lambda row: -row[0])
    for at, (score, treated, outcome) in enumerate(ordered):
        n, m = n + treated, m + 1 - treated
        y, z = y + outcome * treated, z + outcome * (1 - treated)
        if at + 1 == len(ordered) or ordered[at + 1][0] != score:
            points.append((at + 1, height(y, z, n, m)))
    whole = sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(points))
    return whole - points[-1][0] * points[-1][1] / 2


def qini(rows: Sequence[Row]) -> float:
    """qini_auc_score(negative_effect=True)."""
    best = [(outcome * (1 if treated else -1), treated, outcome) for _, treated, outcome in rows]
    return area(rows, qini_height) / area(best, qini_height)


def best_uplift(rows: Sequence[Row]) -> list[Row]:
    """The order that no score can better."""
    came = sum(1 for _, treated, outcome in rows if outcome and not treated)
    idle = sum(1 for _, treated, outcome in rows if not outcome and treated)
    return [
        (2 * (outcome == treated) + (outcome if came > idle else treated), treated, outcome)
        for _, treated, outcome in rows
    ]


def auuc(rows: Sequence[Row]) -> float:
    """uplift_auc_score."""
    return area(rows, uplift_height) / area(best_uplift(rows), uplift_height)
