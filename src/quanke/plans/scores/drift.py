"""Whether tonight's customers still look like those a model was learned from: the population stability index.

Of each feature a model reads, and of what it says, the training sheet is cut into steps of about equal
number; tonight's customers are counted into the same steps. PSI = sum of (q - p) ln(q / p) over the steps,
with p the share in training and q tonight's (Siddiqi, Credit Risk Scorecards, 2006). Counts add up over
parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
STEPS = 10
LEAST_SHARE = 1e-4
"""An empty step counts as this share: its logarithm would be without end."""


@dataclass(frozen=True)
class Steps:
    """Steps of one value: `edges` between them, rising (a value x belongs to the step with the number of
    edges below x), and the share of training rows in each; the last share is of unknown values."""

    edges: tuple[float, ...]
    shares: tuple[float, ...]

    @classmethod
    def of(cls, values: Floats) -> Steps:
        """About equal steps of the known values; one value that many have is a step of its own."""
        known = values[~np.isnan(values)]
        cuts = np.quantile(known, np.arange(1, STEPS) / STEPS, method="lower") if len(known) else known
        edges = np.unique(cuts)
        made = cls(tuple(edges.tolist()), ())
        counts = made.counts(values)
        return cls(made.edges, tuple((counts / max(1, counts.sum())).tolist()))

    def counts(self, values: Floats) -> NDArray[np.int64]:
        """How many values fall into each step, unknown ones last."""
        unknown = np.isnan(values)
        place = np.searchsorted(np.array(self.edges), values[~unknown], side="left")
        found = np.bincount(place, minlength=len(self.edges) + 1)
        return np.append(found, int(unknown.sum())).astype(np.int64)

    def index(self, counts: NDArray[np.int64]) -> float | None:
        """PSI of counts against the training shares; None where nothing was counted."""
        if counts.sum() == 0:
            return None
        q = np.maximum(counts / counts.sum(), LEAST_SHARE)
        p = np.maximum(np.array(self.shares), LEAST_SHARE)
        return float(((q - p) * np.log(q / p)).sum())

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"edges": list(self.edges), "shares": list(self.shares)}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Steps:
        """What `to_json` wrote. Raises ValueError where edges do not rise or shares do not fit."""
        made = cls(tuple(map(float, told["edges"])), tuple(map(float, told["shares"])))
        if not np.isfinite([*made.edges, *made.shares]).all():
            raise ValueError("steps of no numbers")
        if (np.diff(made.edges) <= 0).any() or len(made.shares) != len(made.edges) + 2:
            raise ValueError("steps of a value do not rise")
        return made


def judged(index: float | None, warn: int, alarm: int) -> str:
    """ "steady", "warn" or "alarm" of a PSI by thresholds in thousandths; "unknown" of None."""
    if index is None:
        return "unknown"
    return "alarm" if index * 1000 >= alarm else "warn" if index * 1000 >= warn else "steady"
