"""Columns of very different kinds brought to one measure, so that no amount drowns everything else.

Amounts are heavy-tailed: a column whose upper end is far above its middle is read on a logarithmic
scale that is linear near zero and odd (asinh), so that zero and debts have a place. Then the median
is moved to 0, the spread to 1, and what lies further than `FURTHEST` is pulled in. An unknown value
counts as the middle of its column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FURTHEST = 4.0
HEAVY = 10.0
"""Upper end (99th percentile) over middle of the sizes that differ from zero, from which a column is
read logarithmically."""
FEW_VALUES = 10
_IQR_OF_NORMAL = 1.349
_LARGEST = 1e140
"""So that squares and their sums stay finite."""


@dataclass(frozen=True)
class Scaling:
    """Per column: whether it is read logarithmically, in which unit, its middle and its spread."""

    logarithmic: tuple[bool, ...]
    unit: tuple[float, ...]
    middle: tuple[float, ...]
    spread: tuple[float, ...]

    @classmethod
    def of(cls, rows: Array) -> Scaling:
        """The scaling of a sample, rows x columns, NaN for unknown."""
        columns = [_scaling_of(rows[:, j]) for j in range(rows.shape[1])]
        logarithmic, unit, middle, spread = zip(*columns, strict=True)
        return cls(logarithmic, unit, middle, spread)

    def column(self, j: int, values: Array) -> Array:
        """Column `j` in the common measure; a new array."""
        with np.errstate(invalid="ignore", over="ignore"):
            scaled = np.arcsinh(values / self.unit[j]) if self.logarithmic[j] else values.astype(np.float64)
            scaled -= self.middle[j]
            scaled /= self.spread[j]
        np.nan_to_num(scaled, copy=False, nan=0.0, posinf=FURTHEST, neginf=-FURTHEST)
        return np.clip(scaled, -FURTHEST, FURTHEST, out=scaled)

    def rows(self, rows: Array) -> Array:
        """A whole sample in the common measure, rows x columns."""
        return np.column_stack([self.column(j, rows[:, j]) for j in range(rows.shape[1])])

    def natural(self, points: Array) -> Array:
        """Points of the common measure in the columns' own units."""
        own = points * np.asarray(self.spread) + np.asarray(self.middle)
        for j, logarithmic in enumerate(self.logarithmic):
            if logarithmic:
                own[:, j] = np.sinh(own[:, j]) * self.unit[j]
        return np.asarray(own)

    def only(self, places: Sequence[int]) -> Scaling:
        """The scaling of some of the columns."""
        return Scaling(
            tuple(self.logarithmic[j] for j in places),
            tuple(self.unit[j] for j in places),
            tuple(self.middle[j] for j in places),
            tuple(self.spread[j] for j in places),
        )

    def as_dict(self) -> dict[str, list[float] | list[bool]]:
        """For JSON; floats come back bit for bit."""
        return {
            "logarithmic": list(self.logarithmic),
            "unit": list(self.unit),
            "middle": list(self.middle),
            "spread": list(self.spread),
        }

    @classmethod
    def from_dict(cls, held: Mapping[str, Sequence[float]]) -> Scaling:
        """What `as_dict` gave."""
        return cls(
            tuple(bool(v) for v in held["logarithmic"]),
            tuple(float(v) for v in held["unit"]),
            tuple(float(v) for v in held["middle"]),
            tuple(float(v) for v in held["spread"]),
        )


def _scaling_of(column: Array) -> tuple[bool, float, float, float]:
    known = np.clip(column[np.isfinite(column)], -_LARGEST, _LARGEST)
    values = np.unique(known[:100_000])
    if len(values) <= 2:
        # Yes or no: the two lie one spread apart, so that a rare flag alone makes no cluster.
        return (
            False,
            1.0,
            float(np.median(known)) if len(known) else 0.0,
            (float(np.ptp(values)) if len(values) else 0.0) or 1.0,
        )
    sizes = np.abs(known[known != 0])
    unit = 1.0
    logarithmic = False
    if np.unique(sizes[:10_000]).size > FEW_VALUES:
        tenth, middle_size, upper = (float(q) for q in np.quantile(sizes, [0.1, 0.5, 0.99]))
        logarithmic = upper > HEAVY * middle_size and tenth > 0
        unit = tenth if logarithmic else 1.0
    values = np.arcsinh(known / unit) if logarithmic else known
    low, middle, high = (float(q) for q in np.quantile(values, [0.25, 0.5, 0.75]))
    # A column that is mostly zero has no interquartile range: its standard deviation stands in.
    spread = max((high - low) / _IQR_OF_NORMAL, float(np.std(values)))
    return logarithmic, unit, middle, spread if np.isfinite(spread) and spread > 0 else 1.0
