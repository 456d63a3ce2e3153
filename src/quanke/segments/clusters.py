"""Clusters: customers alike in many tags at once, with labels that stay from night to night.

Learnt on a sample of at most 200,000 customers, applied to everybody in pieces, so memory does not
grow with the bank. How many clusters there are is decided by stability: the partition that comes out
again when customers are drawn anew (mean adjusted Rand index between bootstraps).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from quanke.segments.cluster_names import ClusterName, differences, names_of
from quanke.segments.cluster_scaling import Array, Scaling

FORMAT = 1
CHUNK = 16_384
"""Customers labelled at a time; their columns fit the cache."""
BOOTSTRAP = 8_000
JUDGES = 5_000
FEW = 200
"""With fewer customers nothing can be said about stability: the smallest k is taken."""
AS_GOOD = 0.05
"""Stability a finer partition may lose against the best and still be chosen."""
SMALLEST = 0.02
"""Part of the customers below which a cluster is not worth a treatment of its own: a k that makes such
a one is passed over."""
FAITHFUL = 0.20
"""Stability last night's number of clusters may lose against the best and still be kept."""


class ClusterModel(ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """Clusters of customers.

    Parameters: `n_clusters` fixes their number (None: from `k_min` to `k_max` by stability);
    `sample_size` is the most rows that are learnt from; `bootstraps` the draws that judge stability;
    `features` and `titles` name the columns ((zh, en) by feature) for the names of clusters;
    `random_state` decides everything that is drawn: equal input and equal state give equal results on
    any number of threads.

    After `fit`: `n_clusters_`, `cluster_centers_` (clusters x columns, in the common measure of
    `scaling_`), `cluster_labels_` (the label of each centre), `names_` (label -> ClusterName),
    `shares_` (label -> part of the sample), `stability_` (k -> mean adjusted Rand index),
    `next_label_` (no label is given twice to different clusters), `labels_` (one per row).
    """

    def __init__(
        self,
        n_clusters: int | None = None,
        *,
        k_min: int = 4,
        k_max: int = 10,
        sample_size: int = 200_000,
        bootstraps: int = 10,
        features: tuple[str, ...] | None = None,
        titles: Mapping[str, tuple[str, str]] | None = None,
        random_state: Any = 0,
    ) -> None:
        self.n_clusters = n_clusters
        self.k_min = k_min
        self.k_max = k_max
        self.sample_size = sample_size
        self.bootstraps = bootstraps
        self.features = features
        self.titles = titles
        self.random_state = random_state

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def fit(self, X: ArrayLike, y: object = None, previous: ClusterModel | None = None) -> Self:
        """Learn from rows x columns, NaN for unknown; with `previous`, keep its labels and names where
        clusters are still the same ones."""
        rows = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        random = check_random_state(self.random_state)
        sample = rows
        if len(rows) > self.sample_size:
            sample = rows[np.sort(random.choice(len(rows), self.sample_size, replace=False))]
        self._learn(sample, previous, random)
        self.labels_ = self.predict(rows)
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.int32]:
        """The label of each row."""
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float64, reset=False, ensure_all_finite="allow-nan")
        return self._labels(len(rows), lambda j, piece: rows[piece, j])

    def predict_columns(self, columns: Mapping[str, Array]) -> NDArray[np.int32]:
        """The label of each customer, from columns by name (float64, NaN for unknown)."""
        check_is_fitted(self)
        arrays = [np.asarray(columns[name], dtype=np.float64) for name in self.features_]
        count = len(arrays[0]) if arrays else 0
        return self._labels(count, lambda j, piece: arrays[j][piece])

    def _learn(self, sample: Array, previous: ClusterModel | None, random: np.random.RandomState) -> None:
        """Everything but labels, from a sample."""
        self.n_features_in_ = sample.shape[1]
        self.features_ = tuple(self.features or (f"x{j}" for j in range(sample.shape[1])))
        if len(self.features_) != sample.shape[1]:
            raise ValueError(
                f"{len(self.features_)} features are named, the data has {sample.shape[1]} columns"
            )
        self.scaling_ = Scaling.of(sample)
        rows = self.scaling_.rows(sample)
        same = previous is not None and previous.features_ == self.features_
        # One thread: sums over several would be added in an order that nobody fixes.
        with threadpool_limits(limits=1):
            count = self._how_many(rows, previous, random)
            self.n_clusters_ = count
            start: Array | None = None
            if same and previous is not None and previous.n_clusters_ == count:
                start = self.scaling_.rows(previous.scaling_.natural(previous.cluster_centers_))
            found = _k_means(rows, count, random, start, n_init=5)
        sizes = np.bincount(found.labels_, minlength=count)
        order = np.lexsort((*found.cluster_centers_.T, -sizes))
        self.cluster_centers_: Array = np.ascontiguousarray(found.cluster_centers_[order])
        self.cluster_labels_, self.next_label_ = self._labels_kept(previous)
        by_place = np.argsort(order)[found.labels_]
        self.shares_ = {
            int(label): float(sizes[order[c]] / len(rows)) for c, label in enumerate(self.cluster_labels_)
        }
        self.names_ = self._named(rows, by_place, sample, previous)

    def _how_many(self, rows: Array, previous: ClusterModel | None, random: np.random.RandomState) -> int:
        """The number of clusters, and `stability_` on the way."""
        self.stability_: dict[int, float] = {}
        most = _distinct(rows, max(self.k_max, self.n_clusters or 0))
        if self.n_clusters is not None:
            return min(self.n_clusters, most)
        counts = range(self.k_min, min(self.k_max, most) + 1)
        if not counts or len(rows) < FEW:
            return min(self.k_min, most)
        judged = {k: _stability(rows, k, self.bootstraps, random) for k in counts}
        self.stability_ = {k: stable for k, (stable, _) in judged.items()}
        worthy = {k: stable for k, (stable, least) in judged.items() if least >= SMALLEST or k == counts[0]}
        best = max(worthy.values())
        if previous is not None and self.stability_.get(previous.n_clusters_, 0.0) >= best - FAITHFUL:
            return previous.n_clusters_
        return max(k for k, stable in worthy.items() if stable >= best - AS_GOOD)

    def _labels_kept(self, previous: ClusterModel | None) -> tuple[NDArray[np.int32], int]:
        """A label for each centre: that of last night's cluster it is matched with, else a new one.

        Centres are matched one to one with the least total distance, over the columns both nights
        have. A centre that has moved further than to another cluster's old place is a new cluster.
        """
        count = len(self.cluster_centers_)
        labels = np.full(count, -1, dtype=np.int32)
        following = 0
        if previous is not None:
            following = previous.next_label_
            matched = self._matched(previous)
            for c, old in matched:
                labels[c] = previous.cluster_labels_[old]
        for c in range(count):
            if labels[c] < 0:
                labels[c] = following
                following += 1
        return labels, following

    def _matched(self, previous: ClusterModel) -> list[tuple[int, int]]:
        shared = [name for name in self.features_ if name in previous.features_]
        if not shared or not len(previous.cluster_centers_):
            return []
        own = [self.features_.index(name) for name in shared]
        theirs = [previous.features_.index(name) for name in shared]
        old = previous.cluster_centers_[:, theirs]
        natural = self.scaling_.natural(self.cluster_centers_)[:, own]
        new = previous.scaling_.only(theirs).rows(natural)
        apart = _distances(new, old)
        neighbours = _distances(old, old)
        np.fill_diagonal(neighbours, np.inf)
        allowed = neighbours.min(axis=1)
        pairs = zip(*linear_sum_assignment(apart), strict=True)
        return [(int(c), int(o)) for c, o in pairs if apart[c, o] <= allowed[o]]

    def _named(
        self, rows: Array, places: NDArray[np.int64], sample: Array, previous: ClusterModel | None
    ) -> dict[int, ClusterName]:
        apart = differences(rows, places, len(self.cluster_centers_))
        yes_no = frozenset(
            name
            for j, name in enumerate(self.features_)
            if set(np.unique(sample[:, j][np.isfinite(sample[:, j])][:CHUNK])) <= {0.0, 1.0}
        )
        known = {} if previous is None else previous.names_
        before = [known.get(int(label)) for label in self.cluster_labels_]
        names = names_of(apart, self.features_, self.titles or {}, yes_no, before)
        return {int(label): name for label, name in zip(self.cluster_labels_, names, strict=True)}

    def _labels(self, count: int, column: Callable[[int, slice], Array]) -> NDArray[np.int32]:
        """Label of the nearest centre, piece by piece. Element-wise arithmetic only: a row's label
        depends neither on the rows around it nor on how a BLAS splits its work."""
        labels = np.zeros(count, dtype=np.int32)
        centers = self.cluster_centers_
        for low in range(0, count, CHUNK):
            piece = slice(low, min(low + CHUNK, count))
            scaled = [self.scaling_.column(j, column(j, piece)) for j in range(len(self.features_))]
            size = piece.stop - piece.start
            nearest, least = np.zeros(size, dtype=np.int32), np.full(size, np.inf)
            step, apart = np.empty(size), np.empty(size)
            for c in range(len(centers)):
                apart.fill(0.0)
                for j, values in enumerate(scaled):
                    np.subtract(values, centers[c, j], out=step)
                    np.multiply(step, step, out=step)
                    np.add(apart, step, out=apart)
                closer = apart < least
                nearest[closer] = c
                np.minimum(least, apart, out=least)
            labels[piece] = self.cluster_labels_[nearest] if len(centers) else 0
        return labels

    def to_json(self) -> str:
        """Everything a later night needs to label and to keep labels."""
        check_is_fitted(self)
        return json.dumps(
            {
                "format": FORMAT,
                "features": list(self.features_),
                "titles": {name: list(pair) for name, pair in (self.titles or {}).items()},
                "scaling": self.scaling_.as_dict(),
                "centers": self.cluster_centers_.tolist(),
                "clusters": [
                    {
                        "label": int(label),
                        "name_zh": self.names_[int(label)].zh,
                        "name_en": self.names_[int(label)].en,
                        "tells": [list(tell) for tell in self.names_[int(label)].tells],
                        "share": self.shares_[int(label)],
                    }
                    for label in self.cluster_labels_
                ],
                "stability": {str(k): stable for k, stable in self.stability_.items()},
                "next_label": self.next_label_,
                "random_state": self.random_state if isinstance(self.random_state, int) else None,
            },
            ensure_ascii=False,
        )

    @classmethod
    def from_json(cls, text: str) -> ClusterModel:
        """The model `to_json` wrote. Raises ValueError for another format."""
        held = json.loads(text)
        if not isinstance(held, dict) or held.get("format") != FORMAT:
            raise ValueError(f"this is not a cluster model of format {FORMAT}")
        model = cls(
            features=tuple(held["features"]),
            titles={name: (zh, en) for name, (zh, en) in held["titles"].items()},
            random_state=held["random_state"],
        )
        clusters = held["clusters"]
        model.features_ = tuple(held["features"])
        model.n_features_in_ = len(model.features_)
        model.scaling_ = Scaling.from_dict(held["scaling"])
        model.n_clusters_ = len(clusters)
        model.cluster_centers_ = np.array(held["centers"], dtype=np.float64).reshape(
            len(clusters), len(model.features_)
        )
        model.cluster_labels_ = np.array([c["label"] for c in clusters], dtype=np.int32)
        model.names_ = {
            c["label"]: ClusterName(c["name_zh"], c["name_en"], tuple((f, s) for f, s in c["tells"]))
            for c in clusters
        }
        model.shares_ = {c["label"]: c["share"] for c in clusters}
        model.stability_ = {int(k): stable for k, stable in held["stability"].items()}
        model.next_label_ = held["next_label"]
        return model


def find_clusters(
    columns: Mapping[str, Array],
    titles: Mapping[str, tuple[str, str]],
    previous: ClusterModel | None,
    random_state: int,
) -> tuple[ClusterModel, NDArray[np.int16]]:
    """Clusters of everybody, for a night: the model, and a label per customer.

    `columns` are tags in customer order, float64 with NaN for unknown, all of one length; `titles`
    give (zh, en) of each. With `previous`, labels and names stay where clusters are the same.
    Raises ValueError where lengths differ or there is nobody.
    """
    counts = {len(column) for column in columns.values()}
    if len(counts) != 1:
        raise ValueError("clusters need columns of one length")

    def rows(chosen: NDArray[np.int64] | slice) -> Array:
        return np.column_stack([np.asarray(column[chosen], dtype=np.float64) for column in columns.values()])

    model = learn_clusters(counts.pop(), rows, tuple(columns), titles, previous, random_state)
    return model, model.predict_columns(columns).astype(np.int16)


def learn_clusters(
    count: int,
    rows: Callable[[NDArray[np.int64] | slice], Array],
    features: tuple[str, ...],
    titles: Mapping[str, tuple[str, str]],
    previous: ClusterModel | None,
    random_state: int,
) -> ClusterModel:
    """The model of `find_clusters`, which needs no more of `count` customers than the sample it draws:
    `rows` gives the features (rows x features, float64) of those places, rising, or of everybody.
    Raises ValueError where there is nobody."""
    if not count:
        raise ValueError("clusters need at least one customer")
    model = ClusterModel(features=features, titles=dict(titles), random_state=random_state)
    random = np.random.RandomState(random_state)
    chosen: NDArray[np.int64] | slice = slice(None)
    if count > model.sample_size:
        # Drawn twice as often as needed and thinned: a permutation of everybody would cost 80 MB.
        drawn = np.unique(random.randint(0, count, size=2 * model.sample_size, dtype=np.int64))
        keep = random.permutation(len(drawn))[: model.sample_size]
        chosen = np.sort(drawn[keep])
    sample = rows(chosen)
    sample[~np.isfinite(sample)] = np.nan
    model._learn(sample, previous, random)
    return model


def _k_means(
    rows: Array, count: int, random: np.random.RandomState, start: Array | None, n_init: int
) -> KMeans:
    seed = int(random.randint(2**31 - 1))
    model = KMeans(
        count,
        init="k-means++" if start is None else start,
        n_init=n_init if start is None else 1,
        max_iter=100,
        random_state=seed,
    )
    return model.fit(rows)


def _stability(
    rows: Array, count: int, bootstraps: int, random: np.random.RandomState
) -> tuple[float, float]:
    """Mean adjusted Rand index between partitions learnt on different draws, judged on the same rows;
    and the part of those rows in the smallest cluster, on average."""
    judges = rows[random.choice(len(rows), min(JUDGES, len(rows)), replace=False)]
    found, least = [], []
    for _ in range(bootstraps):
        drawn = rows[random.randint(0, len(rows), min(BOOTSTRAP, len(rows)))]
        if _distinct(drawn, count) < count:
            return 0.0, 0.0
        labels = _k_means(drawn, count, random, None, n_init=3).predict(judges)
        found.append(labels)
        least.append(np.bincount(labels, minlength=count).min() / len(judges))
    agreed = [adjusted_rand_score(a, b) for a, b in combinations(found, 2)]
    return float(np.mean(agreed)), float(np.mean(least))


def _distinct(rows: Array, enough: int) -> int:
    """How many different rows there are, counted up to `enough`."""
    some = len(np.unique(rows[:2_000], axis=0))
    return enough if some >= enough else min(enough, len(np.unique(rows, axis=0)))


def _distances(left: Array, right: Array) -> Array:
    return np.asarray(np.sqrt(((left[:, None, :] - right[None, :, :]) ** 2).sum(axis=2)))
