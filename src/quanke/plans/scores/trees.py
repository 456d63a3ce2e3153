"""Boosted trees as plain arrays: what is kept of a model, how it is applied, what moved one row.

The trees are grown by scikit-learn (`HistGradientBoostingClassifier`) and taken out of it, for three reasons:
a file of numbers can be read by anybody and runs nothing when it is opened; applying it needs no
scikit-learn; and the contribution of each feature to one row can be worked out exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
DEEPEST = 64
"""The compiled walks have room for paths of so many nodes."""
MOST_NODES = 10_000
"""Nodes of one tree: a walk holds a row of memory for each."""
LARGEST = 1e6
"""Log-odds above this are no finding of any data."""
_INTEGERS = ("start", "feature", "left", "right", "missing_left")
_FLOATS = ("threshold", "value", "cover", "gain")


@dataclass(frozen=True)
class Trees:
    """Trees one after the other in arrays of nodes; `start` says where each begins (one more than there are
    trees). Node i of tree t goes left where x[feature] <= threshold, and where x is unknown (nan) if
    `missing_left`; `left` and `right` are places in the arrays; a leaf has left -1 and adds `value`. `cover`
    is how many training rows came by, `gain` what the split won. `base` is what a row without any tree has.
    All values are log-odds.
    """

    base: float
    start: NDArray[np.int64]
    feature: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    missing_left: NDArray[np.int64]
    threshold: Floats
    value: Floats
    cover: Floats
    gain: Floats

    def __len__(self) -> int:
        return len(self.start) - 1

    @classmethod
    def of(cls, fitted: Any, first: int | None = None) -> Trees:
        """The trees of a fitted HistGradientBoostingClassifier of two classes without categorical features,
        or its `first` so many. scikit-learn does not promise the arrays they are read from: `fitting`
        compares what comes out with what scikit-learn itself says of every training row."""
        columns: dict[str, list[NDArray[Any]]] = {
            name: [] for name in (*_INTEGERS, *_FLOATS) if name != "start"
        }
        start = [0]
        for (predictor,) in fitted._predictors[:first]:
            nodes = predictor.nodes
            at, leaf = start[-1], nodes["is_leaf"].astype(bool)
            columns["feature"].append(np.where(leaf, -1, nodes["feature_idx"]))
            columns["left"].append(np.where(leaf, -1, nodes["left"].astype(np.int64) + at))
            columns["right"].append(np.where(leaf, -1, nodes["right"].astype(np.int64) + at))
            columns["missing_left"].append(np.where(leaf, 0, nodes["missing_go_to_left"]))
            # what splits the known from the unknown has an infinite threshold, which JSON does not know
            limit = np.minimum(nodes["num_threshold"], np.finfo(np.float64).max)
            columns["threshold"].append(np.where(leaf, 0.0, limit))
            columns["value"].append(np.where(leaf, nodes["value"], 0.0))
            columns["cover"].append(nodes["count"].astype(np.float64))
            columns["gain"].append(np.where(leaf, 0.0, nodes["gain"]))
            start.append(at + len(nodes))
        return cls._made(float(fitted._baseline_prediction.ravel()[0]), start, columns)

    @classmethod
    def _made(cls, base: float, start: Any, columns: dict[str, Any]) -> Trees:
        def joined(name: str, kind: Any) -> NDArray[Any]:
            pieces = columns[name]
            return np.concatenate(pieces).astype(kind) if pieces else np.empty(0, kind)

        whole = {n: joined(n, np.int64) for n in _INTEGERS if n != "start"}
        return cls(base, np.asarray(start, np.int64), **whole, **{n: joined(n, np.float64) for n in _FLOATS})

    def to_json(self) -> dict[str, Any]:
        """Lists of numbers; read back they are the same to the last bit."""
        names = (*_INTEGERS, *_FLOATS)
        return {"base": self.base, **{name: getattr(self, name).tolist() for name in names}}

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Trees:
        """Trees as `to_json` wrote them. Raises ValueError where they are no trees: what walks through them
        is machine code, which must not be led out of its arrays."""
        arrays = {n: [np.asarray(told[n])] for n in (*_INTEGERS, *_FLOATS) if n != "start"}
        trees = cls._made(float(told["base"]), told["start"], arrays)
        trees._check()
        return trees

    def _check(self) -> None:
        start, count = self.start, len(self.feature)
        if any(getattr(self, n).ndim != 1 for n in (*_INTEGERS, *_FLOATS)) or not len(start):
            raise ValueError("arrays of a model do not fit each other")
        lengths = {len(getattr(self, n)) for n in (*_INTEGERS[1:], *_FLOATS)}
        if lengths != {count} or start[0] != 0 or start[-1] != count or (np.diff(start) < 1).any():
            raise ValueError("arrays of a model do not fit each other")
        inner = self.left >= 0
        own = np.repeat(start[1:], np.diff(start))
        place = np.arange(count)
        for side in (self.left, self.right):
            # a child stands behind its parent and in the same tree, so every walk ends
            if ((side[inner] <= place[inner]) | (side[inner] >= own[inner])).any() or (
                side[~inner] != -1
            ).any():
                raise ValueError("a node of a model leads nowhere")
        numbers = (self.threshold, self.value, self.cover, self.gain, np.array([self.base]))
        if (self.feature[inner] < 0).any() or not all(np.isfinite(n).all() for n in numbers):
            raise ValueError("a node of a model reads nothing")
        if (np.abs(self.value) > LARGEST).any() or abs(self.base) > LARGEST or (self.cover <= 0).any():
            raise ValueError("a number of a model is out of bounds")
        self._check_shape(inner)

    def _check_shape(self, inner: NDArray[np.bool_]) -> None:
        """Every node but a root has one parent, and no path is longer than the walks have room for."""
        start, count = self.start, len(self.feature)
        parents = np.bincount(np.concatenate([self.left[inner], self.right[inner]]), minlength=count)
        root = np.zeros(count, np.bool_)
        root[start[:-1]] = True
        if (parents != np.where(root, 0, 1)).any() or int(np.diff(start).max()) > MOST_NODES:
            raise ValueError("the nodes of a model are no trees")
        level, depth = start[:-1], 0
        while len(level):
            depth += 1
            if depth >= DEEPEST:
                raise ValueError("a tree of a model is too deep")
            level = level[inner[level]]
            level = np.concatenate([self.left[level], self.right[level]])

    @cached_property
    def features(self) -> NDArray[np.int64]:
        """Places of features that any split reads, rising."""
        return np.unique(self.feature[self.left >= 0])

    def reading(self, places: dict[int, int]) -> Trees:
        """The same trees over other columns: feature f becomes `places[f]`."""
        moved = np.array([places.get(int(f), -1) for f in self.feature], np.int64)
        return Trees(self.base, self.start, moved, *(getattr(self, n) for n in (*_INTEGERS[2:], *_FLOATS)))

    @property
    def _walked(self) -> tuple[NDArray[Any], ...]:
        """The arrays as the compiled walks take them."""
        names = ("start", "feature", "threshold", "left", "right", "missing_left", "value")
        return tuple(getattr(self, name) for name in names)

    def raw(self, rows: Floats) -> Floats:
        """Log-odds of rows (float64, rows x features, nan for unknown)."""
        from quanke.plans.scores.walks import walk  # numba: half a second, where nobody is scored

        out = np.full(len(rows), self.base)
        walk(np.ascontiguousarray(rows.T, dtype=np.float64), *self._walked, out)
        return out

    def contributions(self, row: Floats) -> tuple[Floats, float]:
        """What each feature adds to the log-odds of one row, and what is there before: together exactly
        `raw`.

        They are the Shapley values of the game in which a feature that is not known lets a row go both ways
        in the proportion of the training rows (as TreeSHAP's "path dependent" ones; Lundberg et al., Nature
        Machine Intelligence 2020).
        """
        from quanke.plans.scores.walks import shapley

        most = int(self.feature.max(initial=0)) + 1
        found = np.zeros(max(most, len(row)))
        given = np.ascontiguousarray(row, dtype=np.float64)
        expected = shapley(given, *self._walked, self.cover, found)
        return found[: len(row)], self.base + float(expected)

    def importance(self, count: int) -> Floats:
        """Share of all gain that splits on each of `count` features won."""
        inner = self.left >= 0
        gain = np.bincount(self.feature[inner], self.gain[inner], minlength=count).astype(np.float64)
        return np.asarray(gain / gain.sum(), np.float64) if gain.sum() > 0 else gain
