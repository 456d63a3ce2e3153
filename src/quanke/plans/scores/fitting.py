"""Learning one score: trees on the earlier sheets, their number and the calibration on later ones, and what
is reported from the last, which nothing was chosen by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quanke.kernel.errors import ScoreError
from quanke.plans.scores.calibration import Calibration, calibrate, reliability
from quanke.plans.scores.measures import log_loss, measured
from quanke.plans.scores.trees import Trees

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
MOST_TREES = 150
RATE = 0.06
LEAVES = 12
FEW_ROWS = 60_000
"""Below this one processor learns faster than several."""
STEP = 5
"""Trees between two looks at the later sheets."""


@dataclass(frozen=True)
class Sheet:
    """Rows of one role: features (rows x features, nan for unknown) and whether it came true."""

    rows: Floats
    happened: Bools


@dataclass(frozen=True)
class Learned:
    """What was learned, and how it did. `kept`: places of the features any tree reads; the trees count by
    them. `ours`, `line`: measures on the report's rows of the score, and of a logistic regression on the
    same."""

    trees: Trees
    calibration: Calibration
    kept: tuple[int, ...]
    ours: dict[str, Any]
    line: dict[str, Any]
    table: list[dict[str, Any]]
    calibrated: list[dict[str, Any]]


def learn(
    train: Sheet,
    later: Sheet,
    report: Sheet,
    *,
    staircase_from: int = 1_000,
    negatives: int = 30,
    seed: int = 0,
) -> Learned:
    """Learn from `train`, choose the number of trees and calibrate by `later`, measure on `report`.

    Of those who did not act at most `negatives` for each who did are drawn (seed); the log-odds are brought
    back to the share among all. Equal data and seed give equal bits, whatever the number of processors.
    Raises ScoreError where only one outcome is there to learn from.
    """
    from threadpoolctl import threadpool_limits

    for sheet in (train, later, report):
        if sheet.happened.all() or not sheet.happened.any():
            raise ScoreError("of two outcomes only one was seen: nothing can be learned")
    chosen, kept_share = _drawn(train.happened, negatives, seed)
    rows, happened = train.rows[chosen], train.happened[chosen]
    # threads that wait for each other at every split cost more than they bring where there are few rows
    with threadpool_limits(1 if len(rows) < FEW_ROWS else None):
        trees = _grown(rows, happened, later, float(np.log(kept_share)), seed)
        line = _line(rows, happened, later, report)
    raw = trees.raw(later.rows)
    calibration = calibrate(raw, later.happened, staircase_from)
    said = calibration(trees.raw(report.rows))
    kept = tuple(int(f) for f in trees.features)
    return Learned(
        trees.reading({f: at for at, f in enumerate(kept)}),
        calibration,
        kept,
        measured(said, report.happened),
        line,
        [step.to_json() for step in reliability(said, report.happened)],
        [step.to_json() for step in reliability(calibration(raw), later.happened)],
    )


def _drawn(happened: Bools, negatives: int, seed: int) -> tuple[NDArray[np.int64], float]:
    """Places of the rows to learn from, rising, and which share of those who did not act is among them."""
    acted, others = np.flatnonzero(happened), np.flatnonzero(~happened)
    most = max(20_000, negatives * len(acted))
    if len(others) <= most:
        return np.arange(len(happened)), 1.0
    drawn = np.random.default_rng(seed).choice(others, most, replace=False)
    return np.sort(np.concatenate([acted, drawn])), most / len(others)


def _grown(rows: Floats, happened: Bools, later: Sheet, shift: float, seed: int) -> Trees:
    """The trees, as many of them as foretell the later rows best."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # seconds, where nobody trains

    fitted = HistGradientBoostingClassifier(
        learning_rate=RATE,
        max_iter=MOST_TREES,
        max_leaf_nodes=LEAVES,
        min_samples_leaf=40,
        l2_regularization=5.0,
        early_stopping=False,
        random_state=seed,
    ).fit(rows, happened)
    trees = Trees.of(fitted)
    if not np.allclose(trees.raw(rows), fitted.decision_function(rows), rtol=0, atol=1e-9):
        raise ScoreError("this scikit-learn keeps its trees in another way: no model was made")
    said, best, wanted = np.full(len(later.rows), trees.base + shift), np.inf, STEP
    for count in range(STEP, len(trees) + 1, STEP):
        said = said + _part(trees, count - STEP, count).raw(later.rows)
        # the level may have moved since; what counts is the order and the spread
        loss = log_loss(_levelled(said, later.happened), later.happened)
        if loss < best - 1e-7:
            best, wanted = loss, count
    first = Trees.of(fitted, wanted)
    return replace(first, base=float(first.base + shift))


def _part(trees: Trees, low: int, high: int) -> Trees:
    """Trees `low` to `high - 1` alone, without the base."""
    a, b = int(trees.start[low]), int(trees.start[high])
    moved = {f.name: getattr(trees, f.name)[a:b] for f in fields(trees) if f.name not in ("base", "start")}
    for side in ("left", "right"):
        moved[side] = np.where(moved[side] >= 0, moved[side] - a, -1)
    return Trees(0.0, trees.start[low : high + 1] - a, **moved)


def _levelled(raw: Floats, happened: Bools) -> Floats:
    """Probabilities with the level moved to the share that acted, by Newton's steps."""
    shift = 0.0
    for _ in range(30):
        p = 1 / (1 + np.exp(-np.clip(raw + shift, -40, 40)))
        step = float((p.mean() - happened.mean()) / max((p * (1 - p)).mean(), 1e-12))
        shift -= float(np.clip(step, -2, 2))
        if abs(step) < 1e-9:
            break
    return np.asarray(1 / (1 + np.exp(-np.clip(raw + shift, -40, 40))), np.float64)


def _line(rows: Floats, happened: Bools, later: Sheet, report: Sheet) -> dict[str, Any]:
    """A plain logistic regression on the same rows, calibrated in the same way: what a model must beat."""
    from sklearn.linear_model import LogisticRegression

    spread = _Spread(rows)
    fitted = LogisticRegression(C=0.1, max_iter=300).fit(spread(rows), happened)
    bent = calibrate(fitted.decision_function(spread(later.rows)), later.happened, len(later.happened) + 1)
    return measured(bent(fitted.decision_function(spread(report.rows))), report.happened)


class _Spread:
    """Columns brought to one size: signed logarithm, mean 0 and deviation 1, unknown as the mean."""

    def __init__(self, rows: Floats) -> None:
        with np.errstate(all="ignore"):
            logs = np.sign(rows) * np.log1p(np.abs(rows))
            known = ~np.isnan(logs)
            count = np.maximum(known.sum(axis=0), 1)
            self.mean = np.where(known, logs, 0).sum(axis=0) / count
            self.deviation = np.sqrt((np.where(known, logs - self.mean, 0) ** 2).sum(axis=0) / count)
        self.deviation[self.deviation == 0] = 1.0

    def __call__(self, rows: Floats) -> Floats:
        logs = np.sign(rows) * np.log1p(np.abs(rows))
        return np.asarray(np.where(np.isnan(logs), 0.0, (logs - self.mean) / self.deviation), np.float64)


def joined(sheets: Sequence[Sheet]) -> Sheet:
    """Sheets one under the other."""
    return Sheet(np.concatenate([s.rows for s in sheets]), np.concatenate([s.happened for s in sheets]))
