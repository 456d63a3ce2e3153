"""From log-odds to probabilities that mean what they say, and how far they do.

A score of 0.08 is worth something to a plan only if of a hundred such customers about eight act. What trees
say is bent to what later days showed: by a line in log-odds (Platt) where few acted, by a rising staircase
(isotonic) where many did.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SMALLEST = 1e-6
"""No probability is smaller, or larger than one less this: never and always are not learned from a sample."""


@dataclass(frozen=True)
class Calibration:
    """`kind` "line": p = 1 / (1 + exp(-(slope * raw + shift))), of points (slope, shift). `kind` "staircase":
    p by straight lines between the points (raw, p), rising."""

    kind: str
    x: tuple[float, ...]
    y: tuple[float, ...]

    def __call__(self, raw: Floats) -> Floats:
        """Probabilities of log-odds, never falling in them."""
        if self.kind == "line":
            made = 1.0 / (1.0 + np.exp(-np.clip(self.x[0] * raw + self.y[0], -40, 40)))
        else:
            made = np.interp(raw, self.x, self.y)
        return np.clip(made, SMALLEST, 1 - SMALLEST)

    def levelled(self, raw: Floats, share: float) -> Calibration:
        """The same shape over log-odds moved by a constant, so that of these rows `share` is said to act."""
        low, high = -30.0, 30.0
        for _ in range(80):
            middle = (low + high) / 2
            low, high = (middle, high) if self(raw + middle).mean() < share else (low, middle)
        by = (low + high) / 2
        if self.kind == "line":
            return Calibration("line", self.x, (self.y[0] + self.x[0] * by,))
        return Calibration("staircase", tuple((np.array(self.x) - by).tolist()), self.y)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"kind": self.kind, "x": list(self.x), "y": list(self.y)}

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Calibration:
        """What `to_json` wrote. Raises ValueError for what does not rise."""
        made = cls(str(told["kind"]), tuple(map(float, told["x"])), tuple(map(float, told["y"])))
        if not np.isfinite([*made.x, *made.y]).all():
            raise ValueError("a calibration of no numbers")
        if made.kind not in ("line", "staircase") or len(made.x) != len(made.y) or not made.x:
            raise ValueError("a calibration of no known kind")
        if made.kind == "line" and (len(made.x) != 1 or made.x[0] <= 0):
            raise ValueError("a calibration must rise")
        if made.kind == "staircase" and ((np.diff(made.x) < 0).any() or (np.diff(made.y) < 0).any()):
            raise ValueError("a calibration must rise")
        return made


def calibrate(raw: Floats, happened: NDArray[np.bool_], staircase_from: int) -> Calibration:
    """Fit on held-out later rows: a staircase where at least `staircase_from` acted, else a line.

    Where the line would fall (the rows know nothing, or the opposite), the slope is left at 1 and only the
    level is brought to what happened.
    """
    if int(happened.sum()) >= staircase_from:
        from sklearn.isotonic import IsotonicRegression

        fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(raw, happened)
        return Calibration(
            "staircase", tuple(fitted.X_thresholds_.tolist()), tuple(fitted.y_thresholds_.tolist())
        )
    slope, shift = _line(raw, happened)
    return Calibration("line", (slope,), (shift,))


def _line(raw: Floats, happened: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and shift by Newton's steps on the likelihood, with Platt's targets, which leave room at both
    ends: with few who acted the plain ones would run away."""
    positive = float(happened.sum())
    negative = len(happened) - positive
    target = np.where(happened, (positive + 1) / (positive + 2), 1 / (negative + 2))

    def fitted(free: bool) -> tuple[float, float]:
        slope, shift = 1.0, 0.0
        for _ in range(100):
            p = 1 / (1 + np.exp(-np.clip(slope * raw + shift, -40, 40)))
            error, spread = p - target, np.maximum(p * (1 - p), 1e-12)
            if free:
                step = np.linalg.solve(
                    np.array([[spread @ raw**2 + 1e-9, spread @ raw], [spread @ raw, spread.sum() + 1e-9]]),
                    np.array([error @ raw, error.sum()]),
                )
            else:
                step = np.array([0.0, error.sum() / spread.sum()])
            slope, shift = slope - float(np.clip(step[0], -1, 1)), shift - float(np.clip(step[1], -2, 2))
            if np.abs(step).max() < 1e-10:
                break
        return slope, shift

    slope, shift = fitted(free=True)
    return (slope, shift) if slope > 0.05 else fitted(free=False)


@dataclass(frozen=True)
class Step:
    """Rows of one step of a reliability table: how many, how many acted, the mean of what was said."""

    count: int
    happened: int
    said: float

    @property
    def seen(self) -> float:
        """Share that acted."""
        return self.happened / self.count

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"count": self.count, "happened": self.happened, "said": self.said, "seen": self.seen}


def reliability(said: Floats, happened: NDArray[np.bool_], steps: int = 10) -> list[Step]:
    """Rows in order of what was said, cut into `steps` of equal number (rows of one probability stay
    together, so there may be fewer): the counts add up to all rows."""
    order = np.argsort(said, kind="stable")
    values, acted = said[order], happened[order]
    wanted = [round(len(values) * k / steps) for k in range(1, steps)]
    cuts = sorted(
        {int(np.searchsorted(values, values[w], side="left")) for w in wanted if w < len(values)} - {0}
    )
    edges = [0, *cuts, len(values)]
    return [
        Step(b - a, int(acted[a:b].sum()), float(values[a:b].mean())) for a, b in pairwise(edges) if b > a
    ]


def calibration_error(table: list[Step]) -> float:
    """Expected calibration error: how far said and seen lie apart, by step, weighted with its rows."""
    rows = sum(step.count for step in table)
    return sum(step.count * abs(step.said - step.seen) for step in table) / rows if rows else 0.0
