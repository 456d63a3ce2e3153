"""Learning one score: trees on the earlier sheets, their number and the calibration on later ones, and what
is reported from the last, which nothing was chosen by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quanke.kernel.errors import ScoreError
from quanke.plans.scores.calibration import Calibration, calibrate, reliability
from quanke.plans.scores.drift import Steps
from quanke.plans.scores.measures import log_loss, measured
from quanke.plans.scores.trees import Trees

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
MOST_TREES = 150
RATE = 0.06
LEAVES = 6
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
    them. `moved`: features left out because they moved between the sheets, with their PSI. `ours`, `line`:
    measures on the report's rows of the score, and of a logistic regression on the same."""

    trees: Trees
    calibration: Calibration
    kept: tuple[int, ...]
    moved: Mapping[int, float]
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
    negatives: int = 10,
    moved: Mapping[int, float] | None = None,
    seed: int = 0,
) -> Learned:
    """Learn from `train`, choose features, the number of trees and the calibration by `later`, measure on
    `report`.

    1. What moved between `train` and `later` is left out: it stands for the time, and the time does not come
       back. `moved` are such features with their PSI (None: they are looked for).
    2. Trees grown on `train` foretell `later`, from which their number and the shape of the calibration are
    taken. 3. As many trees are grown again on both, so that the latest months count; the level is that of
    `later`.

    Of those who did not act at most `negatives` for each who did are drawn (seed); the log-odds are brought
    back to the share among all. Equal data and seed give equal bits, whatever the number of processors.
    Raises ScoreError where only one outcome is there to learn from.
    """
    from threadpoolctl import threadpool_limits

    for sheet in (train, later, report):
        if sheet.happened.all() or not sheet.happened.any():
            raise ScoreError("of two outcomes only one was seen: nothing can be learned")
    moved = moved_between(train.rows, later.rows) if moved is None else moved
    places = [f for f in range(train.rows.shape[1]) if f not in moved]
    if not places:
        raise ScoreError("every feature moved between the months: nothing can be learned")
    first, after, last = (Sheet(s.rows[:, places], s.happened) for s in (train, later, report))
    drawn, both = _drawn(first, negatives, seed), _drawn(joined([first, after]), negatives, seed)
    with threadpool_limits(1):  # threads wait for each other at every split, for long where others work too
        tried = _grown(drawn, MOST_TREES, seed)
        count = _count(tried, after)
        raw = _part(tried, 0, count, tried.base).raw(after.rows)
        shape = calibrate(raw, after.happened, staircase_from)
        trees = _grown(both, count, seed)
        line = _line(both, after, last)
    calibration = shape.levelled(trees.raw(after.rows), float(after.happened.mean()))
    said = calibration(trees.raw(last.rows))
    return Learned(
        trees.reading({int(f): at for at, f in enumerate(trees.features)}),
        calibration,
        tuple(places[f] for f in trees.features),
        moved,
        measured(said, last.happened),
        line,
        [step.to_json() for step in reliability(said, last.happened)],
        [step.to_json() for step in reliability(shape(raw), after.happened)],
    )


def moved_between(train: Floats, later: Floats, alarm: int = 250) -> dict[int, float]:
    """Features that are distributed otherwise in the later rows: by a PSI of `alarm` thousandths, which is
    told."""
    found = {}
    for feature in range(train.shape[1]):
        steps = Steps.of(train[:, feature])
        index = steps.index(steps.counts(later[:, feature]))
        if index is not None and index * 1000 >= alarm:
            found[feature] = index
    return found


@dataclass(frozen=True)
class _Drawn(Sheet):
    """Rows to learn from, and the logarithm of which share of those who did not act is among them."""

    shift: float


def _drawn(sheet: Sheet, negatives: int, seed: int) -> _Drawn:
    acted, others = np.flatnonzero(sheet.happened), np.flatnonzero(~sheet.happened)
    most = max(20_000, negatives * len(acted))
    if len(others) <= most:
        return _Drawn(sheet.rows, sheet.happened, 0.0)
    few = np.random.default_rng(seed).choice(others, most, replace=False)
    chosen = np.sort(np.concatenate([acted, few]))
    return _Drawn(sheet.rows[chosen], sheet.happened[chosen], float(np.log(most / len(others))))


def _grown(drawn: _Drawn, count: int, seed: int) -> Trees:
    """So many trees, with the log-odds of all rows."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # seconds, where nobody trains

    fitted = HistGradientBoostingClassifier(
        learning_rate=RATE,
        max_iter=count,
        max_leaf_nodes=LEAVES,
        min_samples_leaf=40,
        l2_regularization=5.0,
        early_stopping=False,
        random_state=seed,
    ).fit(drawn.rows, drawn.happened)
    trees = Trees.of(fitted)
    if not np.allclose(trees.raw(drawn.rows), fitted.decision_function(drawn.rows), rtol=0, atol=1e-9):
        raise ScoreError("this scikit-learn keeps its trees in another way: no model was made")
    return replace(trees, base=trees.base + drawn.shift)


def _count(trees: Trees, later: Sheet) -> int:
    """With how many trees the later rows are foretold best. The level may have moved since, and is brought to
    theirs: what counts is the order and the spread."""
    said, best, wanted = np.full(len(later.rows), trees.base), np.inf, STEP
    for count in range(STEP, len(trees) + 1, STEP):
        said = said + _part(trees, count - STEP, count).raw(later.rows)
        loss = log_loss(_levelled(said, later.happened), later.happened)
        if loss < best - 1e-7:
            best, wanted = loss, count
    return wanted


def _part(trees: Trees, low: int, high: int, base: float = 0.0) -> Trees:
    """Trees `low` to `high - 1`, on another base."""
    a, b = int(trees.start[low]), int(trees.start[high])
    cut = {f.name: getattr(trees, f.name)[a:b] for f in fields(trees) if f.name not in ("base", "start")}
    for side in ("left", "right"):
        cut[side] = np.where(cut[side] >= 0, cut[side] - a, -1)
    return Trees(base, trees.start[low : high + 1] - a, **cut)


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


def _line(drawn: Sheet, later: Sheet, report: Sheet) -> dict[str, Any]:
    """A plain logistic regression on the same rows, with its level in the same way: what a model must
    beat."""
    from sklearn.linear_model import LogisticRegression

    spread = _Spread(drawn.rows)
    fitted = LogisticRegression(C=0.1, max_iter=300).fit(spread(drawn.rows), drawn.happened)
    straight = Calibration("line", (1.0,), (0.0,))
    raw = fitted.decision_function
    level = straight.levelled(raw(spread(later.rows)), float(later.happened.mean()))
    return measured(level(raw(spread(report.rows))), report.happened)


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
